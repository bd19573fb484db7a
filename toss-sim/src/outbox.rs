//! Webhooks to send: who gets what, when, and again when. No I/O: [`crate::sender`] carries them.

use std::collections::{BTreeSet, HashSet};

use axum::body::Bytes;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};
use crate::time::{Instant, with_offset};

/// Minutes from a failed send to the next one; after the last the delivery has failed.
const RETRY_MINUTES: [i64; 7] = [1, 4, 16, 64, 256, 1_024, 4_096];
/// Most deliveries that may wait at once; beyond it a new one is lost, and counted.
const MAX_WAITING: usize = 10_000;
/// Most attempts remembered.
const MAX_ATTEMPTS: usize = 5_000;

/// Which webhook this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EventName {
    #[serde(rename = "PAYMENT_STATUS_CHANGED")]
    PaymentStatusChanged,
    /// Has no `eventType` in its body; the name is only for the log.
    #[serde(rename = "DEPOSIT_CALLBACK")]
    DepositCallback,
    #[serde(rename = "BILLING_DELETED")]
    BillingDeleted,
    #[serde(rename = "payout.changed")]
    PayoutChanged,
    #[serde(rename = "seller.changed")]
    SellerChanged,
}

impl EventName {
    pub(crate) const ALL: [Self; 5] = [
        Self::PaymentStatusChanged,
        Self::DepositCallback,
        Self::BillingDeleted,
        Self::PayoutChanged,
        Self::SellerChanged,
    ];

    /// The name by which a webhook is registered.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PaymentStatusChanged => "PAYMENT_STATUS_CHANGED",
            Self::DepositCallback => "DEPOSIT_CALLBACK",
            Self::BillingDeleted => "BILLING_DELETED",
            Self::PayoutChanged => "payout.changed",
            Self::SellerChanged => "seller.changed",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) url: String,
    /// Every event when absent.
    pub(crate) events: Option<Vec<EventName>>,
}

impl Subscription {
    /// An address that is told of everything.
    pub(crate) fn to_all(url: String) -> Self {
        Self { url, events: None }
    }

    fn wants(&self, event: EventName) -> bool {
        self.events.as_ref().is_none_or(|events| events.contains(&event))
    }
}

/// An event, in the form of its webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) name: EventName,
    /// What it is about: an orderId, or the id of a seller, a payout or a billing key.
    pub(crate) order_id: String,
    #[serde(with = "crate::shelf::text")]
    pub(crate) body: Bytes,
    /// The merchant whose security key signs it; payment webhooks are unsigned.
    pub(crate) signed_by: Option<usize>,
}

/// How an event goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Plainly,
    Twice,
    Never,
    /// After this many milliseconds.
    Later(u64),
    /// After the next event of the same order, or after that many milliseconds if none comes.
    AfterTheNext(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Behind {
    Nothing,
    TheNext,
    Delivery(u64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Delivery {
    transmission_id: String,
    url: String,
    event: Event,
    retried: usize,
    due: Instant,
    behind: Behind,
    #[serde(skip)]
    is_being_sent: bool,
}

/// One send, to be carried out now.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) id: u64,
    pub(crate) url: String,
    pub(crate) transmission_id: String,
    pub(crate) transmission_time: String,
    pub(crate) retried: usize,
    pub(crate) body: Bytes,
    pub(crate) signed_by: Option<usize>,
}

/// What became of a send.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttemptRecord {
    time: String,
    event: EventName,
    order_id: String,
    url: Option<String>,
    transmission_id: Option<String>,
    retried_count: usize,
    outcome: DeliveryResult,
    /// The status answered; null when no answer came.
    status: Option<u16>,
    /// What was sent, to the byte.
    #[serde(default)]
    body: String,
    #[serde(default)]
    signed_by: Option<usize>,
}

impl AttemptRecord {
    fn event(&self) -> Event {
        let body = Bytes::from(self.body.clone());
        Event { name: self.event, order_id: self.order_id.clone(), body, signed_by: self.signed_by }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeliveryResult {
    Delivered,
    /// It is sent again.
    Failed,
    GaveUp,
    /// By mischief.
    Dropped,
    /// There was no room.
    Lost,
}

/// The waiting deliveries and what became of the sent ones.
#[derive(Debug)]
pub(crate) struct Outbox {
    subscriptions: Vec<Subscription>,
    waiting: Shelf<u64, Delivery>,
    agenda: BTreeSet<(Instant, u64)>,
    busy: HashSet<(String, String)>,
    attempts: Shelf<u64, AttemptRecord>,
    next_id: u64,
    has_news: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            subscriptions: Vec::new(),
            waiting: Shelf::new("delivery"),
            agenda: BTreeSet::new(),
            busy: HashSet::new(),
            attempts: Shelf::new("attempt"),
            next_id: 0,
            has_news: false,
        }
    }
}

impl Saved for Outbox {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.waiting.take_changes(into)?;
        self.attempts.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.waiting.forget_changes();
        self.attempts.forget_changes();
    }

    /// What was being sent is sent again: its receiver may have seen it, as with any webhook.
    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.waiting.restore(file)?;
        self.attempts.restore(file)?;
        self.agenda = self.waiting.iter().map(|(id, delivery)| (delivery.due, *id)).collect();
        self.next_id = self.waiting.last_id().copied().unwrap_or_default();
        Ok(())
    }
}

impl Outbox {
    pub(crate) fn subscribe(&mut self, subscriptions: Vec<Subscription>) {
        self.subscriptions = subscriptions;
    }

    pub(crate) fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Forgets an address; says whether it was one.
    pub(crate) fn unsubscribe(&mut self, url: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|subscription| subscription.url != url);
        self.subscriptions.len() < before
    }

    /// Sends a webhook again at once, under its transmission id and with its body, to every address that it went to.
    /// Answers how many sends that makes.
    pub(crate) fn resend(&mut self, transmission_id: &str, now: Instant) -> usize {
        let waiting = self.those(|delivery| delivery.transmission_id == transmission_id);
        for id in &waiting {
            let Some(delivery) = self.waiting.get_mut(id).filter(|delivery| !delivery.is_being_sent) else { continue };
            self.agenda.remove(&(delivery.due, *id));
            delivery.due = now;
            delivery.behind = Behind::Nothing;
            self.agenda.insert((now, *id));
            self.has_news = true;
        }
        if !waiting.is_empty() {
            return waiting.len();
        }
        let mut again: Vec<(String, Event)> = Vec::new();
        for (_, attempt) in self.attempts.iter() {
            let Some(url) =
                attempt.url.as_ref().filter(|_| attempt.transmission_id.as_deref() == Some(transmission_id))
            else {
                continue;
            };
            if again.iter().all(|(known, _)| known != url) {
                again.push((url.clone(), attempt.event()));
            }
        }
        for (url, event) in &again {
            self.add(event, url, transmission_id, now, Behind::Nothing, now);
        }
        again.len()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The log of attempts, oldest first.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = impl Serialize + '_> {
        self.attempts.iter().map(|(_, attempt)| attempt)
    }

    /// Whether something was added since this was last asked.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Takes an event for every address.
    pub(crate) fn post(&mut self, event: &Event, manner: Manner, transmission_id: &str, now: Instant) {
        let wanting = self.subscriptions.iter().filter(|subscription| subscription.wants(event.name));
        let urls: Vec<String> = wanting.map(|subscription| subscription.url.clone()).collect();
        for url in urls {
            let (copies, due, behind) = match manner {
                Manner::Plainly => (1, now, Behind::Nothing),
                Manner::Twice => (2, now, Behind::Nothing),
                Manner::Never => (0, now, Behind::Nothing),
                Manner::Later(delay_ms) => (1, later(now, delay_ms), Behind::Nothing),
                Manner::AfterTheNext(delay_ms) => (1, later(now, delay_ms), Behind::TheNext),
            };
            if copies == 0 {
                self.remember(event, Some(url.clone()), None, 0, DeliveryResult::Dropped, None, now);
            }
            for _ in 0..copies {
                self.add(event, &url, transmission_id, due, behind, now);
            }
        }
    }

    fn add(&mut self, event: &Event, url: &str, transmission_id: &str, due: Instant, behind: Behind, now: Instant) {
        if self.waiting.len() >= MAX_WAITING {
            self.remember(event, Some(url.to_owned()), Some(transmission_id), 0, DeliveryResult::Lost, None, now);
            return;
        }
        self.next_id += 1;
        let id = self.next_id;
        self.let_follow(id, event, url);
        let delivery = Delivery {
            transmission_id: transmission_id.to_owned(),
            url: url.to_owned(),
            event: event.clone(),
            retried: 0,
            due,
            behind,
            is_being_sent: false,
        };
        self.waiting.insert(id, delivery);
        self.agenda.insert((due, id));
        self.has_news = true;
    }

    /// An event that waits for the next event of its order waits for this event.
    fn let_follow(&mut self, id: u64, event: &Event, url: &str) {
        let is_followed = |held: &Delivery| {
            held.behind == Behind::TheNext && held.url == url && held.event.order_id == event.order_id
        };
        for held_id in self.those(is_followed) {
            if let Some(held) = self.waiting.get_mut(&held_id) {
                held.behind = Behind::Delivery(id);
            }
        }
    }

    fn those(&self, are_wanted: impl Fn(&Delivery) -> bool) -> Vec<u64> {
        self.waiting.iter().filter(|(_, delivery)| are_wanted(delivery)).map(|(id, _)| *id).collect()
    }

    /// The sends that are due, at most `most`; they are being sent until [`Outbox::finish`].
    ///
    /// Two events of one order never travel at the same time, so only mischief reorders them.
    pub(crate) fn due(&mut self, now: Instant, most: usize) -> Vec<Attempt> {
        let ready: Vec<u64> = self.agenda.range(..=(now, u64::MAX)).map(|(_, id)| *id).collect();
        let mut attempts = Vec::new();
        for id in ready {
            if attempts.len() == most {
                break;
            }
            let Some(delivery) = self.waiting.get(&id) else { continue };
            let lane = (delivery.url.clone(), delivery.event.order_id.clone());
            if !self.busy.insert(lane) {
                continue;
            }
            let Some(delivery) = self.waiting.get_mut(&id) else { continue };
            self.agenda.remove(&(delivery.due, id));
            delivery.is_being_sent = true;
            attempts.push(Attempt {
                id,
                url: delivery.url.clone(),
                transmission_id: delivery.transmission_id.clone(),
                transmission_time: with_offset(now),
                retried: delivery.retried,
                body: delivery.event.body.clone(),
                signed_by: delivery.event.signed_by,
            });
        }
        attempts
    }

    /// Notes what became of a send: 200 ends the delivery, anything else puts it on the retry schedule.
    pub(crate) fn finish(&mut self, id: u64, status: Option<u16>, now: Instant) {
        let Some(mut delivery) = self.waiting.remove(&id) else { return };
        self.busy.remove(&(delivery.url.clone(), delivery.event.order_id.clone()));
        self.release_those_behind(id, now);
        self.has_news = true;
        let pause = RETRY_MINUTES.get(delivery.retried).copied();
        let outcome = match (status, pause) {
            (Some(200), _) => DeliveryResult::Delivered,
            (_, Some(_)) => DeliveryResult::Failed,
            (_, None) => DeliveryResult::GaveUp,
        };
        let (event, url) = (delivery.event.clone(), delivery.url.clone());
        self.remember(&event, Some(url), Some(&delivery.transmission_id), delivery.retried, outcome, status, now);
        if let (DeliveryResult::Failed, Some(minutes)) = (outcome, pause) {
            delivery.retried += 1;
            delivery.due = now + TimeDelta::minutes(minutes);
            delivery.is_being_sent = false;
            self.agenda.insert((delivery.due, id));
            self.waiting.insert(id, delivery);
        }
    }

    fn release_those_behind(&mut self, id: u64, now: Instant) {
        for held_id in self.those(|held| held.behind == Behind::Delivery(id) && !held.is_being_sent) {
            let Some(held) = self.waiting.get_mut(&held_id) else { continue };
            self.agenda.remove(&(held.due, held_id));
            held.behind = Behind::Nothing;
            held.due = now;
            self.agenda.insert((now, held_id));
        }
    }

    /// When the next delivery becomes due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.agenda.first().map(|(due, _)| *due)
    }

    #[expect(clippy::too_many_arguments, reason = "one row of the log, written in one place")]
    fn remember(
        &mut self,
        event: &Event,
        url: Option<String>,
        transmission_id: Option<&str>,
        retried_count: usize,
        outcome: DeliveryResult,
        status: Option<u16>,
        now: Instant,
    ) {
        if self.attempts.len() == MAX_ATTEMPTS {
            self.attempts.pop_first();
        }
        let number = self.attempts.last_id().map_or(1, |last| last + 1);
        let attempt = AttemptRecord {
            time: with_offset(now),
            event: event.name,
            order_id: event.order_id.clone(),
            url,
            transmission_id: transmission_id.map(str::to_owned),
            retried_count,
            outcome,
            status,
            body: String::from_utf8_lossy(&event.body).into_owned(),
            signed_by: event.signed_by,
        };
        self.attempts.insert(number, attempt);
    }
}

fn later(now: Instant, delay_ms: u64) -> Instant {
    let delay = i64::try_from(delay_ms).ok().and_then(TimeDelta::try_milliseconds).unwrap_or(TimeDelta::zero());
    now.checked_add_signed(delay).unwrap_or(now)
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
