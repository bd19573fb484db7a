//! Webhooks to send: who gets what, when, and again when. No I/O: [`crate::sender`] carries them.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use axum::body::Bytes;
use chrono::TimeDelta;
use serde::Serialize;

use crate::time::{Instant, with_offset};

/// Minutes from a failed send to the next one; after the last the delivery has failed.
const RETRY_MINUTES: [i64; 7] = [1, 4, 16, 64, 256, 1_024, 4_096];
/// Most deliveries that may wait at once; beyond it a new one is lost, and counted.
const MAX_WAITING: usize = 10_000;
/// Most attempts remembered.
const MAX_ATTEMPTS: usize = 5_000;

/// Which of the two payment webhooks this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum EventName {
    #[serde(rename = "PAYMENT_STATUS_CHANGED")]
    PaymentStatusChanged,
    /// Has no `eventType` in its body; the name is only for the log.
    #[serde(rename = "DEPOSIT_CALLBACK")]
    DepositCallback,
}

/// Something that happened, as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: EventName,
    pub(crate) order_id: String,
    pub(crate) body: Bytes,
}

/// How an event goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Plainly,
    Twice,
    Never,
    /// That many milliseconds later.
    Later(u64),
    /// After the next event of the same order, or after that many milliseconds if none comes.
    AfterTheNext(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Nothing,
    TheNext,
    Delivery(u64),
}

#[derive(Clone, Debug)]
struct Delivery {
    transmission_id: String,
    url: String,
    event: Event,
    retried: usize,
    due: Instant,
    behind: Behind,
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
}

/// What became of a send.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptRecord {
    time: String,
    event: EventName,
    order_id: String,
    url: Option<String>,
    transmission_id: Option<String>,
    retried_count: usize,
    /// `delivered`, `failed`, `gave_up`, `dropped` or `lost`.
    outcome: &'static str,
    /// The status answered; null when no answer came.
    status: Option<u16>,
}

/// The waiting deliveries and what became of the sent ones.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    urls: Vec<String>,
    waiting: BTreeMap<u64, Delivery>,
    agenda: BTreeSet<(Instant, u64)>,
    busy: HashSet<(String, String)>,
    attempts: VecDeque<AttemptRecord>,
    next_id: u64,
    has_news: bool,
}

impl Outbox {
    pub(crate) fn set_urls(&mut self, urls: Vec<String>) {
        self.urls = urls;
    }

    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The log of attempts, oldest first.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = impl Serialize + '_> {
        self.attempts.iter()
    }

    /// Whether something was added since this was last asked.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Takes an event for every address.
    pub(crate) fn post(&mut self, event: &Event, manner: Manner, transmission_id: &str, now: Instant) {
        for url in self.urls.clone() {
            let (copies, due, behind) = match manner {
                Manner::Plainly => (1, now, Behind::Nothing),
                Manner::Twice => (2, now, Behind::Nothing),
                Manner::Never => (0, now, Behind::Nothing),
                Manner::Later(delay_ms) => (1, later(now, delay_ms), Behind::Nothing),
                Manner::AfterTheNext(delay_ms) => (1, later(now, delay_ms), Behind::TheNext),
            };
            if copies == 0 {
                self.remember(event, Some(url.clone()), None, 0, "dropped", None, now);
            }
            for _ in 0..copies {
                self.add(event, &url, transmission_id, due, behind, now);
            }
        }
    }

    fn add(&mut self, event: &Event, url: &str, transmission_id: &str, due: Instant, behind: Behind, now: Instant) {
        if self.waiting.len() >= MAX_WAITING {
            self.remember(event, Some(url.to_owned()), Some(transmission_id), 0, "lost", None, now);
            return;
        }
        self.next_id += 1;
        let id = self.next_id;
        for held in self.waiting.values_mut() {
            let is_followed =
                held.behind == Behind::TheNext && held.url == url && held.event.order_id == event.order_id;
            if is_followed {
                held.behind = Behind::Delivery(id);
            }
        }
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
            let Some(delivery) = self.waiting.get_mut(&id) else { continue };
            let lane = (delivery.url.clone(), delivery.event.order_id.clone());
            if !self.busy.insert(lane) {
                continue;
            }
            self.agenda.remove(&(delivery.due, id));
            delivery.is_being_sent = true;
            attempts.push(Attempt {
                id,
                url: delivery.url.clone(),
                transmission_id: delivery.transmission_id.clone(),
                transmission_time: with_offset(now),
                retried: delivery.retried,
                body: delivery.event.body.clone(),
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
            (Some(200), _) => "delivered",
            (_, Some(_)) => "failed",
            (_, None) => "gave_up",
        };
        let (event, url) = (delivery.event.clone(), delivery.url.clone());
        self.remember(&event, Some(url), Some(&delivery.transmission_id), delivery.retried, outcome, status, now);
        if let ("failed", Some(minutes)) = (outcome, pause) {
            delivery.retried += 1;
            delivery.due = now + TimeDelta::minutes(minutes);
            delivery.is_being_sent = false;
            self.agenda.insert((delivery.due, id));
            self.waiting.insert(id, delivery);
        }
    }

    fn release_those_behind(&mut self, id: u64, now: Instant) {
        for (held_id, held) in &mut self.waiting {
            if held.behind == Behind::Delivery(id) && !held.is_being_sent {
                self.agenda.remove(&(held.due, *held_id));
                held.behind = Behind::Nothing;
                held.due = now;
                self.agenda.insert((now, *held_id));
            }
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
        outcome: &'static str,
        status: Option<u16>,
        now: Instant,
    ) {
        if self.attempts.len() == MAX_ATTEMPTS {
            self.attempts.pop_front();
        }
        self.attempts.push_back(AttemptRecord {
            time: with_offset(now),
            event: event.name,
            order_id: event.order_id.clone(),
            url,
            transmission_id: transmission_id.map(str::to_owned),
            retried_count,
            outcome,
            status,
        });
    }
}

fn later(now: Instant, delay_ms: u64) -> Instant {
    let delay = i64::try_from(delay_ms).ok().and_then(TimeDelta::try_milliseconds).unwrap_or(TimeDelta::zero());
    now.checked_add_signed(delay).unwrap_or(now)
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
