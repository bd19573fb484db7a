//! The schedule of webhooks, without sending one.

use axum::body::Bytes;
use chrono::{DateTime, TimeDelta};

use super::{Attempt, DeliveryResult, Event, EventName, Manner, Outbox, RETRY_MINUTES, Subscription};
use crate::time::Instant;

const START: Instant = DateTime::UNIX_EPOCH;

fn outbox() -> Outbox {
    let mut outbox = Outbox::default();
    outbox.subscribe(vec![Subscription::to_all("http://shop/hook".to_owned())]);
    outbox
}

fn event(order_id: &str, body: &'static str) -> Event {
    Event {
        name: EventName::DepositCallback,
        order_id: order_id.to_owned(),
        body: Bytes::from_static(body.as_bytes()),
        signed_by: None,
    }
}

fn bodies(attempts: &[Attempt]) -> Vec<String> {
    attempts.iter().map(|attempt| String::from_utf8_lossy(&attempt.body).into_owned()).collect()
}

/// Sends whatever is due at that instant, one after another, each answered 200.
fn deliver(outbox: &mut Outbox, now: Instant) -> Vec<String> {
    let mut sent = Vec::new();
    loop {
        let attempts = outbox.due(now, 1);
        if attempts.is_empty() {
            return sent;
        }
        sent.extend(bodies(&attempts));
        for attempt in attempts {
            outbox.finish(attempt.id, Some(200), now);
        }
    }
}

#[test]
fn a_failing_receiver_is_tried_eight_times_on_schedule() {
    let mut outbox = outbox();
    outbox.post(&event("order-1", "a"), Manner::Plainly, "whtrans_1", START);
    let mut now = START;
    for (retried, minutes) in RETRY_MINUTES.into_iter().map(Some).chain([None]).enumerate() {
        let attempts = outbox.due(now, 9);
        assert_eq!(attempts.iter().map(|attempt| attempt.retried).collect::<Vec<_>>(), [retried]);
        outbox.finish(attempts[0].id, Some(500), now);
        let Some(minutes) = minutes else { break };
        assert!(outbox.due(now + TimeDelta::minutes(minutes) - TimeDelta::seconds(1), 9).is_empty());
        now += TimeDelta::minutes(minutes);
    }
    assert_eq!((outbox.waiting(), outbox.next_due()), (0, None));
    assert_eq!(outbox.attempts.iter().last().map(|(_, attempt)| attempt.outcome), Some(DeliveryResult::GaveUp));
    assert_eq!(now - START, TimeDelta::minutes(5_461));
}

#[test]
fn only_200_is_success() {
    for status in [None, Some(201), Some(204), Some(302), Some(500)] {
        let mut outbox = outbox();
        outbox.post(&event("order-1", "a"), Manner::Plainly, "whtrans_1", START);
        let id = outbox.due(START, 1)[0].id;
        outbox.finish(id, status, START);
        assert_eq!(outbox.waiting(), 1, "{status:?}");
    }
}

#[test]
fn manners() {
    let later = START + TimeDelta::milliseconds(5_000);
    let cases: [(Manner, &[&str], &[&str]); 5] = [
        (Manner::Plainly, &["a", "b"], &[]),
        (Manner::Twice, &["a", "a", "b"], &[]),
        (Manner::Never, &["b"], &[]),
        (Manner::Later(5_000), &["b"], &["a"]),
        (Manner::AfterTheNext(5_000), &["b", "a"], &[]),
    ];
    for (manner, at_once, then) in cases {
        let mut outbox = outbox();
        outbox.post(&event("order-1", "a"), manner, "whtrans_1", START);
        outbox.post(&event("order-1", "b"), Manner::Plainly, "whtrans_2", START);
        assert_eq!(deliver(&mut outbox, START), at_once, "{manner:?}");
        assert_eq!(deliver(&mut outbox, later), then, "{manner:?}");
    }
}

#[test]
fn a_webhook_held_for_the_next_one_leaves_alone_when_none_comes() {
    let mut outbox = outbox();
    outbox.post(&event("order-1", "a"), Manner::AfterTheNext(5_000), "whtrans_1", START);
    outbox.post(&event("order-2", "b"), Manner::Plainly, "whtrans_2", START);
    assert_eq!(deliver(&mut outbox, START), ["b"]);
    assert_eq!(deliver(&mut outbox, START + TimeDelta::seconds(5)), ["a"]);
}

#[test]
fn two_webhooks_of_one_order_never_travel_together() {
    let mut outbox = outbox();
    outbox.post(&event("order-1", "a"), Manner::Plainly, "whtrans_1", START);
    outbox.post(&event("order-1", "b"), Manner::Plainly, "whtrans_2", START);
    outbox.post(&event("order-2", "c"), Manner::Plainly, "whtrans_3", START);
    let first = outbox.due(START, 9);
    assert_eq!(bodies(&first), ["a", "c"]);
    outbox.finish(first[0].id, Some(200), START);
    assert_eq!(bodies(&outbox.due(START, 9)), ["b"]);
}

#[test]
fn every_event_has_its_name_once() {
    for event in EventName::ALL {
        assert_eq!(serde_json::to_value(event).unwrap(), event.name());
        assert_eq!(EventName::named(event.name()), Some(event));
    }
}

#[test]
fn a_webhook_is_sent_again_by_hand_at_once() {
    let mut outbox = outbox();
    outbox.post(&event("order-1", "a"), Manner::Plainly, "whtrans_1", START);
    assert_eq!(deliver(&mut outbox, START), ["a"]);
    assert_eq!(outbox.resend("whtrans_1", START), 1);
    assert_eq!(deliver(&mut outbox, START), ["a"]);
    assert_eq!(outbox.resend("nobody", START), 0);
    // One that waits for its next try does not become two.
    outbox.post(&event("order-2", "b"), Manner::Plainly, "whtrans_2", START);
    let failed = outbox.due(START, 1);
    outbox.finish(failed[0].id, Some(500), START);
    assert_eq!((outbox.resend("whtrans_2", START), outbox.waiting()), (1, 1));
    assert_eq!(deliver(&mut outbox, START), ["b"]);
}
