//! What is counted of the Kafka sink, for Prometheus.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use api::Exposition;
use domain::Timestamp;
use store::{EventLogState, EventPage};

use crate::values::now;

/// Counts of one process.
#[derive(Debug, Clone, Default)]
pub(crate) struct KafkaCounts(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Whether this process has a sink at all.
    is_on: AtomicBool,
    holds: AtomicBool,
    sent: AtomicU64,
    failures: AtomicU64,
    missed: AtomicU64,
    lag: AtomicU64,
    /// When the oldest event that is not sent was written; only the holder knows.
    oldest: Mutex<Option<Timestamp>>,
}

impl KafkaCounts {
    /// This process has a sink.
    pub(crate) fn begin(&self) {
        self.0.is_on.store(true, Ordering::Relaxed);
    }

    /// Whether this process has the cursor.
    pub(super) fn holds(&self, holds: bool) {
        self.0.holds.store(holds, Ordering::Relaxed);
        if !holds {
            self.set_oldest(None);
        }
    }

    /// A page was read behind the cursor.
    pub(super) fn found(&self, page: &EventPage, position: u64) {
        self.stands(&page.log, position);
        self.set_oldest(page.events.first().map(|event| event.recorded_at));
    }

    /// The cursor stands at a position of the log.
    pub(super) fn stands(&self, log: &EventLogState, position: u64) {
        self.0.lag.store(log.last_position.saturating_sub(position), Ordering::Relaxed);
    }

    /// The brokers acknowledged events.
    pub(super) fn sent(&self, events: usize) {
        self.0.sent.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// The sink could not go on.
    pub(super) fn failed(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Retention removed positions before they were sent.
    pub(super) fn missed(&self, positions: u64) {
        self.0.missed.fetch_add(positions, Ordering::Relaxed);
    }

    fn set_oldest(&self, oldest: Option<Timestamp>) {
        *self.0.oldest.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
    }

    /// Writes the counts, if this process has a sink.
    pub(crate) fn expose(&self, text: &mut Exposition) {
        let counts = &self.0;
        if !counts.is_on.load(Ordering::Relaxed) {
            return;
        }
        let oldest = *counts.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        let values = [
            (
                "daegeum_kafka_events_sent_total",
                "counter",
                "Events that the Kafka brokers acknowledged.",
                counts.sent.load(Ordering::Relaxed),
            ),
            (
                "daegeum_kafka_failures_total",
                "counter",
                "Times that the Kafka sink could not go on and began anew.",
                counts.failures.load(Ordering::Relaxed),
            ),
            (
                "daegeum_kafka_expired_events_total",
                "counter",
                "Positions of the log that were gone before the Kafka sink had read them.",
                counts.missed.load(Ordering::Relaxed),
            ),
            (
                "daegeum_kafka_holds_cursor",
                "gauge",
                "1 in the process that sends events to Kafka.",
                u64::from(counts.holds.load(Ordering::Relaxed)),
            ),
            (
                "daegeum_kafka_lag_positions",
                "gauge",
                "Positions between the cursor of the Kafka sink and the end of the log.",
                counts.lag.load(Ordering::Relaxed),
            ),
            (
                "daegeum_kafka_oldest_unsent_seconds",
                "gauge",
                "Age of the oldest event that Kafka does not have, in the process that sends.",
                oldest.map_or(0, |oldest| now().ms_since(oldest) / 1_000),
            ),
        ];
        for (name, kind, help, value) in values {
            text.begin(name, kind, help);
            text.value(name, &[], value);
        }
    }
}
