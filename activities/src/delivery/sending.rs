//! Sending the events of a round: the lanes side by side, the events of a lane one after the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    webhook_endpoint::{AttemptOutcome, DeliveryStatus, Jitter, Next, pause_of},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::{
    EventQuery, EventRecord, EventsRead, StoreError,
    webhook_endpoint::{Attempt, EndpointRecord, Retry, SingleRequest, WebhookSecret},
};

use super::{
    Deliveries,
    client::Answered,
    lanes::{Item, Plan},
    message::Outgoing,
};

/// How many objects of one endpoint are served at once.
const LANES_AT_ONCE: usize = 16;
/// After which time a round begins no other attempt.
const ROUND_TIME: Duration = Duration::from_secs(20);

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

/// Where a round goes, and when it ends.
struct Target<'a> {
    endpoint: &'a EndpointRecord,
    secrets: &'a [WebhookSecret],
    until: Instant,
    /// Whether the receiver asked for a pause, or for no more events.
    halts: Arc<AtomicBool>,
}

impl<'a> Target<'a> {
    fn new(endpoint: &'a EndpointRecord, secrets: &'a [WebhookSecret]) -> Self {
        Self { endpoint, secrets, until: Instant::now() + ROUND_TIME, halts: Arc::default() }
    }

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

    fn join(&mut self, mut other: Self) {
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
    /// Sends what the plan says.
    pub(super) async fn send_all(
        &self,
        endpoint: &EndpointRecord,
        secrets: &[WebhookSecret],
        plan: Plan,
    ) -> Result<Sent, StoreError> {
        let target = Target::new(endpoint, secrets);
        let lanes: Vec<Sent> = stream::iter(plan.lanes)
            .map(|lane| self.send_lane(&target, lane))
            .buffer_unordered(LANES_AT_ONCE)
            .try_collect()
            .await?;
        let mut sent = Sent { waiting: plan.parked, ..Sent::default() };
        for lane in lanes {
            sent.join(lane);
        }
        Ok(sent)
    }

    /// The events of one object, until one fails.
    async fn send_lane(&self, target: &Target<'_>, items: Vec<Item>) -> Result<Sent, StoreError> {
        let mut sent = Sent::default();
        let mut items = items.into_iter();
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
    async fn send_item(&self, target: &Target<'_>, item: Item, sent: &mut Sent) -> Result<bool, StoreError> {
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
        let answered = self.client.send(&target.endpoint.url, &outgoing.sign(target.secrets, began)).await;
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
        endpoint: &EndpointRecord,
        secrets: &[WebhookSecret],
        requests: Vec<SingleRequest>,
        sent: &mut Sent,
    ) -> Result<(), StoreError> {
        let target = Target::new(endpoint, secrets);
        for request in requests {
            if target.is_over() {
                break;
            }
            let outgoing = match request.position {
                Some(position) => {
                    let event = self.event_at(position).await?;
                    event.and_then(|event| Outgoing::of_event(&event).ok())
                }
                None => Outgoing::of_test(&request.event_id, endpoint.endpoint_id.as_str(), self.clock.now()).ok(),
            };
            sent.requests.push(request.request_id);
            // An event that is gone from the log cannot be sent; the request for it ends.
            let Some(outgoing) = outgoing else { continue };
            let began = self.clock.now();
            let answered = self.client.send(&endpoint.url, &outgoing.sign(secrets, began)).await;
            let is_delivered = answered.outcome.is_delivered();
            let status = if is_delivered { DeliveryStatus::Delivered } else { DeliveryStatus::Undelivered };
            note(&target, &answered, self.clock.now(), sent);
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
fn note(target: &Target<'_>, answered: &Answered, now: Timestamp, sent: &mut Sent) {
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
