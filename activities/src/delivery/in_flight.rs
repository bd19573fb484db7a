//! Lanes that are being sent, side by side.
//!
//! A lane may outlast the round that began it: the round writes that its events wait, and a later round writes what
//! became of them. So a receiver that does not answer for one object holds up that object only.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use store::{
    StoreError,
    webhook_endpoint::{EndpointRecord, Retry, SingleRequest, WebhookSecret},
};
use temporalio_sdk::{ApplicationFailure, activities::ActivityError};
use tokio::{task::JoinSet, time::timeout};

use super::{
    Deliveries,
    lanes::Lane,
    sending::{Sent, Target},
};
use crate::failure::store_failure;

/// How many objects of one endpoint are served at once.
const LANES_AT_ONCE: usize = 16;
/// After which time a round begins no other attempt.
const ROUND_TIME: Duration = Duration::from_secs(20);
/// How long a round waits for its lanes while none of them ends.
const QUIET_TIME: Duration = Duration::from_secs(1);

/// The lanes of an endpoint that are under way. Dropped, it ends them; what they did is not written.
#[derive(Default)]
pub(super) struct InFlight {
    running: JoinSet<Result<(String, Sent), StoreError>>,
    /// The object of each lane, with its events that no row says wait.
    objects: BTreeMap<String, Vec<Retry>>,
    /// What became of lanes that have ended, and their objects: no row says so yet.
    sent: Sent,
    ended: BTreeSet<String>,
    /// Whether one of them began in an earlier round, so that events may wait behind it.
    is_late: bool,
    /// Whether the receiver asked for a pause, or for no more events.
    halts: Arc<AtomicBool>,
}

/// What became of lanes that have ended.
pub(super) struct Taken {
    pub(super) sent: Sent,
    /// Whether one of them began in an earlier round, so that events may wait behind it.
    pub(super) is_late: bool,
}

impl InFlight {
    /// The objects whose lanes have not ended, or whose end is not written.
    pub(super) fn objects(&self) -> BTreeSet<String> {
        self.objects.keys().chain(&self.ended).cloned().collect()
    }

    /// Whether the receiver asked for a pause or for no more events, and no row says so yet.
    pub(super) fn is_halted(&self) -> bool {
        self.halts.load(Ordering::Relaxed)
    }

    /// Where events of an endpoint go from now on.
    pub(super) fn target(&self, endpoint: &EndpointRecord, secrets: &[WebhookSecret]) -> Target {
        Target {
            endpoint_id: endpoint.endpoint_id.clone(),
            url: endpoint.url.clone(),
            secrets: secrets.into(),
            until: Instant::now() + ROUND_TIME,
            halts: self.halts.clone(),
        }
    }

    /// Sends lanes until all have ended, or until no lane ends for [`QUIET_TIME`]. What has not ended by then waits.
    pub(super) async fn send(
        &mut self,
        deliveries: &Arc<Deliveries>,
        target: &Target,
        lanes: Vec<Lane>,
    ) -> Result<(), ActivityError> {
        let (mut lanes, mut begun) = (VecDeque::from(lanes), BTreeSet::new());
        loop {
            while self.running.len() < LANES_AT_ONCE
                && !self.is_halted()
                && let Some(lane) = lanes.pop_front()
            {
                begun.insert(lane.object.clone());
                self.begin(deliveries, target, lane);
            }
            let is_done = begun.is_empty() && (lanes.is_empty() || self.is_halted());
            let left = QUIET_TIME.min(target.until.saturating_duration_since(Instant::now()));
            if is_done || self.sent.is_gone || left.is_zero() {
                break;
            }
            match timeout(left, self.landed()).await {
                Ok(landed) => self.is_late |= !begun.remove(&landed?),
                Err(_) => break,
            }
        }
        let now = deliveries.clock.now();
        self.sent.waiting.extend(lanes.iter().flat_map(|lane| lane.parked(now)));
        self.sent.waiting.extend(self.objects.values_mut().flat_map(std::mem::take));
        Ok(())
    }

    fn begin(&mut self, deliveries: &Arc<Deliveries>, target: &Target, lane: Lane) {
        self.objects.insert(lane.object.clone(), lane.parked(deliveries.clock.now()));
        let (deliveries, target) = (deliveries.clone(), target.clone());
        self.running.spawn(async move {
            let object = lane.object.clone();
            Ok((object, deliveries.send_lane(&target, lane).await?))
        });
    }

    /// Events that wait from now on.
    pub(super) fn wait_for(&mut self, parked: Vec<Retry>) {
        self.sent.waiting.extend(parked);
    }

    /// Makes the single deliveries that were asked for.
    pub(super) async fn send_requests(
        &mut self,
        deliveries: &Deliveries,
        target: &Target,
        requests: Vec<SingleRequest>,
    ) -> Result<(), StoreError> {
        deliveries.send_requests(target, requests, &mut self.sent).await
    }

    /// Waits until a lane ends, and answers its object; for ever where no lane is under way.
    async fn landed(&mut self) -> Result<String, ActivityError> {
        let Some(landed) = self.running.join_next().await else { return std::future::pending().await };
        let (object, sent) = landed.map_err(|error| broken(&error))?.map_err(store_failure)?;
        self.objects.remove(&object);
        self.ended.insert(object.clone());
        self.sent.join(sent);
        Ok(object)
    }

    /// Waits until a lane of an earlier round ends.
    pub(super) async fn landed_late(&mut self) -> Result<(), ActivityError> {
        self.landed().await?;
        self.is_late = true;
        Ok(())
    }

    /// Waits for the attempts that are under way. No other attempt begins.
    pub(super) async fn finish(&mut self) -> Result<(), ActivityError> {
        self.halts.store(true, Ordering::Relaxed);
        while !self.running.is_empty() {
            self.landed().await?;
        }
        Ok(())
    }

    /// Takes what became of lanes that have ended, to be written.
    pub(super) fn take(&mut self) -> Taken {
        self.ended.clear();
        if self.sent.paused_until.is_some() {
            self.halts.store(false, Ordering::Relaxed);
        }
        Taken { sent: std::mem::take(&mut self.sent), is_late: std::mem::take(&mut self.is_late) }
    }
}

fn broken(error: &tokio::task::JoinError) -> ActivityError {
    let told = format!("the sending of events broke off: {error}");
    ActivityError::application(ApplicationFailure::builder(told).type_name("webhook.broken".to_owned()).build())
}
