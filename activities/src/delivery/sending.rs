//! Sending the events of a lane, one after the other, and single deliveries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use domain::{
    Timestamp,
    id::WebhookEndpointId,
    webhook_endpoint::{AttemptOutcome, DeliveryStatus, Jitter, Next, pause_of},
};
use store::{
    EventQuery, EventRecord, EventsRead, StoreError,
    webhook_endpoint::{Attempt, Retry, SingleRequest, WebhookSecret},
};

use super::{
    Deliveries,
    client::Answered,
    lanes::{Item, Lane},
    message::Outgoing,
};

/// What became of the events of a round.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) attempts: Vec<Attempt>,
    /// Positions that wait no more.
    pub(super) finished: Vec<u64>,
    pub(super) waiting: Vec<Retry>,
    /// Single deliveries that were made.
    pub(super) requests: Vec<String>,
    pub(super) has_delivered: bool,
    pub(super) has_failed: bool,
    /// Whether the receiver wants no more events.
    pub(super) is_gone: bool,
    pub(super) paused_until: Option<Timestamp>,
}

/// Where events go, and how long.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) endpoint_id: WebhookEndpointId,
    pub(super) url: String,
    pub(super) secrets: Arc<[WebhookSecret]>,
    /// After this time no other attempt begins.
    pub(super) until: Instant,
    /// Whether the receiver asked for a pause, or for no more events.
    pub(super) halts: Arc<AtomicBool>,
}

impl Target {
    fn is_over(&self) -> bool {
        self.halts.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

impl Sent {
    /// Whether there is anything to write.
    pub(super) fn has_news(&self) -> bool {
        !(self.attempts.is_empty() && self.finished.is_empty() && self.waiting.is_empty() && self.requests.is_empty())
    }

    /// When the first of what waits is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|retry| retry.due_at).chain(self.paused_until).min()
    }

    pub(super) fn join(&mut self, mut other: Self) {
        self.attempts.append(&mut other.attempts);
        self.finished.append(&mut other.finished);
        self.waiting.append(&mut other.waiting);
        self.requests.append(&mut other.requests);
        self.has_delivered |= other.has_delivered;
        self.has_failed |= other.has_failed;
        self.is_gone |= other.is_gone;
        self.paused_until = self.paused_until.max(other.paused_until);
    }
}

impl Deliveries {
    /// The events of one object, until one fails.
    pub(super) async fn send_lane(&self, target: &Target, lane: Lane) -> Result<Sent, StoreError> {
        let mut sent = Sent::default();
        let mut items = lane.items.into_iter();
        for item in items.by_ref() {
            if target.is_over() {
                sent.waiting.extend(item.parked(self.clock.now()));
                break;
            }
            if !self.send_item(target, item, &mut sent).await? {
                break;
            }
        }
        sent.waiting.extend(items.filter_map(|item| item.parked(self.clock.now())));
        Ok(sent)
    }

    /// Sends an event. Answers whether the next one of its object may follow.
    async fn send_item(&self, target: &Target, item: Item, sent: &mut Sent) -> Result<bool, StoreError> {
        let (position, attempt) = (item.position(), item.attempts().saturating_add(1));
        let event = match &item {
            Item::New(event) => Some(event.clone()),
            Item::Waited(waiting) => self.event_at(waiting.position).await?,
        };
        let Some(outgoing) = event.as_ref().and_then(|event| Outgoing::of_event(event).ok()) else {
            sent.finished.push(position);
            sent.attempts.extend(expired(&item, attempt, self.clock.now()));
            return Ok(true);
        };
        let began = self.clock.now();
        let answered = self.client.send(&target.url, &outgoing.sign(&target.secrets, began)).await;
        let ended = self.clock.now();
        let is_delivered = answered.outcome.is_delivered();
        let next = if is_delivered { None } else { Some(self.next(&answered, attempt, ended)) };
        let status = match next {
            None => DeliveryStatus::Delivered,
            Some(Next::Again { .. }) => DeliveryStatus::Failed,
            Some(Next::GiveUp) => DeliveryStatus::Undelivered,
        };
        note(target, &answered, ended, sent);
        sent.attempts.push(attempt_of(&outgoing, &answered, Made { attempt, began, status }));
        match next {
            Some(Next::Again { at }) => {
                sent.waiting.push(retry_of(&item, &outgoing, attempt, at, ended));
                Ok(false)
            }
            None | Some(Next::GiveUp) => {
                sent.finished.push(position);
                Ok(true)
            }
        }
    }

    /// Makes the single deliveries that were asked for, one attempt each.
    pub(super) async fn send_requests(
        &self,
        target: &Target,
        requests: Vec<SingleRequest>,
        sent: &mut Sent,
    ) -> Result<(), StoreError> {
        for request in requests {
            if target.is_over() {
                break;
            }
            let outgoing = match request.position {
                Some(position) => {
                    let event = self.event_at(position).await?;
                    event.and_then(|event| Outgoing::of_event(&event).ok())
                }
                None => Outgoing::of_test(&request.event_id, target.endpoint_id.as_str(), self.clock.now()).ok(),
            };
            sent.requests.push(request.request_id);
            // An event that is gone from the log cannot be sent; the request for it ends.
            let Some(outgoing) = outgoing else { continue };
            let began = self.clock.now();
            let answered = self.client.send(&target.url, &outgoing.sign(&target.secrets, began)).await;
            let is_delivered = answered.outcome.is_delivered();
            let status = if is_delivered { DeliveryStatus::Delivered } else { DeliveryStatus::Undelivered };
            note(target, &answered, self.clock.now(), sent);
            sent.attempts.push(attempt_of(&outgoing, &answered, Made { attempt: 1, began, status }));
        }
        Ok(())
    }

    fn next(&self, answered: &Answered, attempt: u32, now: Timestamp) -> Next {
        let jitter = Jitter(rand::random());
        self.rules.schedule.after(attempt, now, jitter, answered.retry_after_s)
    }

    async fn event_at(&self, position: u64) -> Result<Option<EventRecord>, StoreError> {
        let query = EventQuery { after: Some(position.saturating_sub(1)), limit: 1, types: Vec::new() };
        match self.reader.events_after(&query).await? {
            EventsRead::Page(page) => Ok(page.events.into_iter().find(|event| event.position == position)),
            EventsRead::Expired(_) | EventsRead::Unknown(_) => Ok(None),
        }
    }
}

/// What is known of an attempt besides its answer.
struct Made {
    attempt: u32,
    began: Timestamp,
    status: DeliveryStatus,
}

/// What an answer says of the receiver as a whole.
fn note(target: &Target, answered: &Answered, now: Timestamp, sent: &mut Sent) {
    if answered.outcome.is_delivered() {
        sent.has_delivered = true;
        return;
    }
    sent.has_failed = true;
    sent.is_gone |= answered.outcome == AttemptOutcome::Gone;
    let paused_until = answered.http_status.and_then(|status| pause_of(status, answered.retry_after_s, now));
    sent.paused_until = sent.paused_until.max(paused_until);
    if sent.is_gone || paused_until.is_some() {
        target.halts.store(true, Ordering::Relaxed);
    }
}

/// An event that waits for its next attempt. One that was woken before its time and failed keeps its time, and the
/// attempt does not count.
fn retry_of(item: &Item, outgoing: &Outgoing, attempt: u32, at: Timestamp, now: Timestamp) -> Retry {
    let (attempts, due_at) = match item {
        Item::Waited(waiting) if waiting.woken && waiting.due_at > now => (waiting.attempts, waiting.due_at),
        Item::Waited(_) | Item::New(_) => (attempt, at),
    };
    Retry {
        position: item.position(),
        event_id: outgoing.event_id.clone(),
        event_type: outgoing.event_type.clone(),
        object: outgoing.object.clone(),
        attempts,
        due_at,
        woken: false,
    }
}

fn attempt_of(outgoing: &Outgoing, answered: &Answered, made: Made) -> Attempt {
    Attempt {
        position: outgoing.position,
        event_id: outgoing.event_id.clone(),
        event_type: outgoing.event_type.clone(),
        object: outgoing.object.clone(),
        number: made.attempt,
        attempted_at: made.began,
        latency_ms: u32::try_from(answered.latency.as_millis()).unwrap_or(u32::MAX),
        http_status: answered.http_status,
        outcome: answered.outcome,
        status: made.status,
        answer: answered.answer.clone(),
    }
}

/// The end of an event that is in the log no more.
fn expired(item: &Item, attempt: u32, now: Timestamp) -> Option<Attempt> {
    let Item::Waited(waiting) = item else { return None };
    Some(Attempt {
        position: Some(waiting.position),
        event_id: waiting.event_id.clone(),
        event_type: waiting.event_type.clone(),
        object: waiting.object.clone(),
        number: attempt,
        attempted_at: now,
        latency_ms: 0,
        http_status: None,
        outcome: AttemptOutcome::EventExpired,
        status: DeliveryStatus::Undelivered,
        answer: None,
    })
}
