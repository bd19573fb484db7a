//! Watches for new events and changed endpoints: one query for all carriers of a process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::Timestamp;
use store::{
    Reader,
    webhook_endpoint::{WebhookChanges, WebhookHealth},
};
use tokio::{sync::watch, time::sleep};

use super::{
    clock::DeliveryClock,
    counts::{DeliveryCounts, EndpointGauge},
};

/// How often the watcher reads while carriers run. The pause is a part of the time from a fact to its delivery.
const PAUSE: Duration = Duration::from_millis(150);
/// How often the watcher reads while no carrier runs: a first endpoint may appear.
const IDLE_PAUSE: Duration = Duration::from_secs(1);
/// How often the state of each endpoint is read for the metrics.
const HEALTH_PAUSE: Duration = Duration::from_secs(10);

/// Tells carriers that something has changed.
#[derive(Debug, Clone)]
pub struct Watcher {
    reader: Reader,
    counts: DeliveryCounts,
    clock: DeliveryClock,
    told: Arc<watch::Sender<WatcherNews>>,
}

/// What the watcher knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatcherNews {
    /// What the database said last.
    pub changes: WebhookChanges,
    /// Whether the process ends.
    pub stops: bool,
}

impl Watcher {
    pub(super) fn new(reader: Reader, counts: DeliveryCounts, clock: DeliveryClock) -> Self {
        Self { reader, counts, clock, told: Arc::new(watch::Sender::new(WatcherNews::default())) }
    }

    /// Receives every change from now on.
    pub fn listen(&self) -> watch::Receiver<WatcherNews> {
        self.told.subscribe()
    }

    /// Carriers finish their rounds and begin no further round.
    pub fn stop(&self) {
        self.told.send_modify(|told| told.stops = true);
    }

    /// Whether the process ends.
    pub fn is_stopped(&self) -> bool {
        self.told.borrow().stops
    }

    /// Reads until it is stopped. While the database does not answer, carriers are not woken.
    pub async fn run(&self) {
        let mut looked: Option<Instant> = None;
        while !self.is_stopped() {
            match self.reader.webhook_changes().await {
                Ok(changes) => {
                    self.told.send_if_modified(|told| {
                        let is_new = told.changes != changes;
                        told.changes = changes;
                        is_new
                    });
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not look for new events");
                }
            }
            if looked.is_none_or(|at| at.elapsed() >= HEALTH_PAUSE) {
                self.look().await;
                looked = Some(Instant::now());
            }
            // One of those who listen keeps workflows running, and needs no haste.
            let pause = if self.told.receiver_count() > 1 { PAUSE } else { IDLE_PAUSE };
            sleep(pause).await;
        }
    }

    /// Reads the state of each endpoint for the metrics.
    async fn look(&self) {
        let now = self.clock.now();
        match self.reader.webhook_health().await {
            Ok(health) => self.counts.set_gauges(health.into_iter().map(|health| gauge(health, now)).collect()),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not read the state of webhook endpoints"
                );
            }
        }
    }
}

fn gauge(health: WebhookHealth, now: Timestamp) -> EndpointGauge {
    EndpointGauge {
        endpoint_id: health.endpoint_id,
        status: health.status,
        lag: health.lag,
        waiting: health.waiting,
        oldest_s: health.oldest_at.map_or(0, |oldest| now.ms_since(oldest) / 1_000),
    }
}
