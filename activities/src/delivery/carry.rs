//! Carrying one endpoint: round by round, what is due is sent, and what became of it is written.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    event::EventType,
    id::WebhookEndpointId,
    webhook_endpoint::{DisabledReason, EndpointStatus, is_failing_for_too_long},
};
use store::{
    EventQuery, EventRecord, EventsRead, StoreError,
    webhook_endpoint::{Carrying, Committed, EndpointRecord, MAX_WAITING, Round, Waiting},
};
use temporalio_macros::activities;
use temporalio_sdk::{
    ApplicationFailure,
    activities::{ActivityContext, ActivityError},
};
use tokio::{sync::watch, time::sleep};
use workflows::delivery::{CARRY_TIME, Carried, Carry, CarryEndpoint, HEARTBEAT_TIME};

use super::{
    Deliveries,
    in_flight::{InFlight, Taken},
    lanes::plan,
    sending::Sent,
    watcher::WatcherNews,
};
use crate::{failure::store_failure, heartbeat};

/// The most events that are read from the log for one round.
const BATCH: u64 = 200;
/// How long two rounds are apart at least, so that events of one moment are written together.
const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// How often a round begins without a change.
const IDLE_PAUSE: Duration = Duration::from_secs(30);
/// How far the cursor runs ahead of what is written of it, in positions, where all events are of other types.
const UNWRITTEN: u64 = 1_000;
/// How long the cursor runs ahead of what is written of it.
const UNWRITTEN_TIME: Duration = Duration::from_secs(10);
/// How long a receiver has failed before its first success counts as its return, in milliseconds.
const RETURN_MS: u64 = 60_000;

/// Where the cursor stands, ahead of what is written of it.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    position: u64,
    since: Instant,
}

/// How a round ended.
enum Ended {
    /// The next round may begin after a change, or at this time.
    Rest { until: Option<Timestamp> },
    /// There is more.
    More,
    /// The endpoint is not to be carried on.
    Over(Carried),
}

/// What was read of the log.
struct News {
    events: Vec<EventRecord>,
    position: u64,
    has_more: bool,
}

impl News {
    /// Nothing was read; the cursor stands here.
    const fn nothing_at(position: u64) -> Self {
        Self { events: Vec::new(), position, has_more: false }
    }
}

#[activities]
impl Deliveries {
    /// Delivers events to an endpoint until the time is up, or the endpoint is disabled or gone.
    #[activity(definition = Carry)]
    pub async fn carry(self: Arc<Self>, ctx: ActivityContext, input: CarryEndpoint) -> Result<Carried, ActivityError> {
        let id = input.endpoint_id;
        let _carried = Carriage::begin(&self, &id);
        tokio::select! {
            carried = self.clone().rounds(&id) => carried,
            never = beat(&ctx) => match never {},
            () = ctx.cancelled() => Ok(Carried::TimeUp),
        }
    }
}

/// Sends heartbeats of the carrier to Temporal.
async fn beat(ctx: &ActivityContext) -> Infallible {
    loop {
        heartbeat::send(ctx).await;
        sleep(HEARTBEAT_TIME / 4).await;
    }
}

/// Registers an endpoint as carried in this process, until it is dropped.
struct Carriage<'a> {
    deliveries: &'a Deliveries,
    id: &'a WebhookEndpointId,
}

impl<'a> Carriage<'a> {
    fn begin(deliveries: &'a Deliveries, id: &'a WebhookEndpointId) -> Self {
        deliveries.counts.begin(id);
        Self { deliveries, id }
    }
}

impl Drop for Carriage<'_> {
    fn drop(&mut self) {
        self.deliveries.counts.end(self.id);
    }
}

/// A carrier of an endpoint, from one round to the next.
struct Carrier<'a> {
    deliveries: Arc<Deliveries>,
    endpoint_id: &'a WebhookEndpointId,
    /// The number by which the database knows it.
    number: u32,
    /// How often the cursor had been moved by a principal when it was read last.
    generation: u32,
    ahead: Option<Ahead>,
    in_flight: InFlight,
}

impl Deliveries {
    async fn rounds(self: Arc<Self>, id: &WebhookEndpointId) -> Result<Carried, ActivityError> {
        let Some(number) = self.writer.take_webhook_endpoint(id).await.map_err(store_failure)? else {
            return Ok(Carried::Stopped);
        };
        let until = Instant::now() + CARRY_TIME;
        let mut told = self.watcher.listen();
        let mut carrier = Carrier {
            deliveries: self.clone(),
            endpoint_id: id,
            number,
            generation: 0,
            ahead: None,
            in_flight: InFlight::default(),
        };
        while Instant::now() < until && !self.watcher.is_stopped() {
            told.borrow_and_update();
            let began = Instant::now();
            let rest_until = match carrier.round().await? {
                Ended::Over(carried) => return Ok(carried),
                Ended::More => continue,
                Ended::Rest { until } => until,
            };
            let due = rest_until.map(|due| Duration::from_millis(due.ms_since(self.clock.now())));
            carrier.rest(&mut told, due, until).await?;
            sleep(ROUND_PAUSE.saturating_sub(began.elapsed())).await;
        }
        carrier.finish().await
    }
}

impl Carrier<'_> {
    async fn round(&mut self) -> Result<Ended, ActivityError> {
        let deliveries = self.deliveries.clone();
        let Carrying { endpoint, secrets } = match self.look().await? {
            Standing::Carried(carrying) => *carrying,
            Standing::Over(carried) => return Ok(Ended::Over(carried)),
        };
        let now = deliveries.clock.now();
        let position = self.ahead.map_or(endpoint.position, |ahead| ahead.position.max(endpoint.position));
        let paused_until = endpoint.paused_until.filter(|until| now < *until);
        if paused_until.is_some() || self.in_flight.is_halted() {
            return self.write(&endpoint, News::nothing_at(position), paused_until).await;
        }
        let Some(keys) = &deliveries.keyring else { return Err(sealed("this worker has no encryption keys")) };
        let secrets = secrets.open(keys, now).map_err(|error| sealed(&error.to_string()))?;
        let waiting = deliveries.writer.webhook_waiting(self.endpoint_id).await.map_err(store_failure)?;
        let requests = deliveries.writer.webhook_requests(self.endpoint_id).await.map_err(store_failure)?;
        let mut news = deliveries.news(&endpoint, position, &waiting).await.map_err(store_failure)?;
        let plan = plan(waiting, std::mem::take(&mut news.events), &self.in_flight.objects(), now);
        self.in_flight.wait_for(plan.parked);
        let target = self.in_flight.target(&endpoint, &secrets);
        self.in_flight.send(&deliveries, &target, plan.lanes).await?;
        self.in_flight.send_requests(&deliveries, &target, requests).await.map_err(store_failure)?;
        self.write(&endpoint, news, plan.next_due).await
    }

    /// The endpoint as it stands, if it is still carried here.
    async fn look(&mut self) -> Result<Standing, ActivityError> {
        let carrying =
            self.deliveries.writer.carried_webhook_endpoint(self.endpoint_id).await.map_err(store_failure)?;
        let Some(carrying) = carrying else { return Ok(Standing::Over(Carried::Stopped)) };
        let endpoint = &carrying.endpoint;
        if endpoint.status == EndpointStatus::Disabled {
            return Ok(Standing::Over(Carried::Stopped));
        }
        if endpoint.carrier != self.number {
            // Another carrier took over, because this one was silent for too long.
            return Ok(Standing::Over(Carried::TimeUp));
        }
        if endpoint.generation != self.generation {
            // A principal moved the cursor: what is under way comes again from the log, or waits.
            self.generation = endpoint.generation;
            self.ahead = None;
            self.in_flight = InFlight::default();
        }
        Ok(Standing::Carried(Box::new(carrying)))
    }

    /// Writes how far the round has come, if that is worth a transaction.
    async fn write(
        &mut self,
        endpoint: &EndpointRecord,
        news: News,
        next_due: Option<Timestamp>,
    ) -> Result<Ended, ActivityError> {
        let now = self.deliveries.clock.now();
        let Taken { sent, is_late } = self.in_flight.take();
        let is_ended = endpoint.replay.is_some_and(|replay| news.position >= replay.until);
        let unwritten = news.position.saturating_sub(endpoint.position);
        let is_due = self.ahead.is_some_and(|ahead| ahead.since.elapsed() >= UNWRITTEN_TIME);
        if sent.has_news() || is_ended || unwritten >= UNWRITTEN || is_due {
            // What waits behind the end of an earlier round's lane is due at once.
            let next = if is_late { Some(now) } else { sent.next_due() };
            let reached = Reached { carrier: self.number, position: news.position, now };
            let round = judge(endpoint, reached, sent);
            self.ahead = None;
            return self.deliveries.commit(round, news.has_more, [next, next_due]).await;
        }
        let since = self.ahead.map_or_else(Instant::now, |ahead| ahead.since);
        self.ahead = (unwritten > 0).then_some(Ahead { position: news.position, since });
        Ok(if news.has_more { Ended::More } else { Ended::Rest { until: next_due } })
    }

    /// Waits for a change, or until an event is due or a lane ends.
    async fn rest(
        &mut self,
        told: &mut watch::Receiver<WatcherNews>,
        due: Option<Duration>,
        until: Instant,
    ) -> Result<(), ActivityError> {
        let pause = due.unwrap_or(IDLE_PAUSE).min(IDLE_PAUSE).min(until.saturating_duration_since(Instant::now()));
        tokio::select! {
            // The watcher lives as long as its carriers.
            _ = told.changed() => Ok(()),
            landed = self.in_flight.landed_late() => landed,
            () = sleep(pause) => Ok(()),
        }
    }

    /// Writes what came of the attempts that are under way, and begins no other.
    async fn finish(&mut self) -> Result<Carried, ActivityError> {
        self.in_flight.finish().await?;
        let carrying = match self.look().await? {
            Standing::Carried(carrying) => carrying,
            Standing::Over(carried) => return Ok(carried),
        };
        let position = carrying.endpoint.position;
        match self.write(&carrying.endpoint, News::nothing_at(position), None).await? {
            Ended::Over(carried) => Ok(carried),
            Ended::Rest { .. } | Ended::More => Ok(Carried::TimeUp),
        }
    }
}

/// Whether an endpoint is still carried by the one who looks.
enum Standing {
    Carried(Box<Carrying>),
    Over(Carried),
}

impl Deliveries {
    async fn commit(&self, round: Round, has_more: bool, due: [Option<Timestamp>; 2]) -> Result<Ended, ActivityError> {
        let committed = self.writer.commit_webhook_round(&round).await.map_err(store_failure)?;
        match committed {
            // The next round reads who has the endpoint, and where its cursor stands.
            Committed::Superseded => return Ok(Ended::More),
            Committed::Written => {}
        }
        self.count(&round);
        if let Some(reason) = round.disable {
            tracing::warn!(
                webhook_endpoint.id = %round.endpoint.endpoint_id,
                reason = reason.as_str(),
                "the webhook endpoint {} is disabled",
                round.endpoint.endpoint_id
            );
            return Ok(Ended::Over(Carried::Stopped));
        }
        if has_more || round.wakes || round.endpoint.replay.is_some() {
            return Ok(Ended::More);
        }
        Ok(Ended::Rest { until: due.into_iter().flatten().min() })
    }

    fn count(&self, round: &Round) {
        for attempt in &round.attempts {
            self.counts.attempted(attempt.outcome);
            if attempt.status == domain::webhook_endpoint::DeliveryStatus::Undelivered && attempt.position.is_some() {
                self.counts.gave_up();
            }
        }
        if let Some(reason) = round.disable {
            self.counts.disabled(reason);
        }
    }

    /// What is new in the log, as far as there is room for it to wait.
    async fn news(&self, endpoint: &EndpointRecord, position: u64, waiting: &[Waiting]) -> Result<News, StoreError> {
        let room = MAX_WAITING.saturating_sub(waiting.len() as u64).min(BATCH);
        if room == 0 {
            return Ok(News { events: Vec::new(), position, has_more: false });
        }
        let types = endpoint.types.iter().flatten().filter_map(|name| EventType::parse(name)).collect();
        let query = EventQuery { after: Some(position), limit: room, types };
        let until = endpoint.replay.map_or(u64::MAX, |replay| replay.until);
        match self.reader.events_after(&query).await? {
            EventsRead::Page(page) => {
                let mut events = page.events;
                events.retain(|event| event.position <= until);
                Ok(News { events, position: page.next_after.min(until), has_more: page.has_more })
            }
            EventsRead::Expired(log) => {
                let missed = log.floor.saturating_sub(position + 1);
                self.counts.missed(missed);
                tracing::error!(
                    webhook_endpoint.id = %endpoint.endpoint_id,
                    missed,
                    floor = log.floor,
                    "the webhook endpoint {} missed events that were removed from the log; raise the retention of \
                     events",
                    endpoint.endpoint_id
                );
                Ok(News { events: Vec::new(), position: log.floor.saturating_sub(1).min(until), has_more: true })
            }
            EventsRead::Unknown(log) => {
                tracing::error!(
                    webhook_endpoint.id = %endpoint.endpoint_id,
                    position,
                    last_position = log.last_position,
                    "the cursor of the webhook endpoint {} lies beyond the log; replay the endpoint from a position of \
                     this log",
                    endpoint.endpoint_id
                );
                Ok(News { events: Vec::new(), position, has_more: false })
            }
        }
    }
}

/// How far a round has come, by whom and when.
struct Reached {
    carrier: u32,
    position: u64,
    now: Timestamp,
}

/// What a round says of the receiver.
fn judge(endpoint: &EndpointRecord, reached: Reached, sent: Sent) -> Round {
    let Reached { carrier, position, now } = reached;
    let failing_since = match (sent.has_delivered, sent.has_failed) {
        (true, _) => None,
        (false, true) => endpoint.failing_since.or(Some(now)),
        (false, false) => endpoint.failing_since,
    };
    let disable = if sent.is_gone {
        Some(DisabledReason::Gone)
    } else {
        let is_dead = failing_since.is_some_and(|since| is_failing_for_too_long(since, now));
        is_dead.then_some(DisabledReason::Failing)
    };
    let has_failed_long = endpoint.failing_since.is_some_and(|since| now.ms_since(since) >= RETURN_MS);
    Round {
        endpoint: endpoint.clone(),
        carrier,
        position,
        wakes: sent.has_delivered && has_failed_long,
        failing_since,
        paused_until: sent.paused_until.max(endpoint.paused_until.filter(|until| now < *until)),
        disable,
        attempts: sent.attempts,
        finished: sent.finished,
        waiting: sent.waiting,
        requests: sent.requests,
        now,
    }
}

fn sealed(reason: &str) -> ActivityError {
    let told = format!("the secret of a webhook endpoint cannot be opened: {reason}");
    ActivityError::application(ApplicationFailure::builder(told).type_name("webhook.sealed".to_owned()).build())
}
