//! What is counted of deliveries, for Prometheus.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    id::WebhookEndpointId,
    webhook_endpoint::{AttemptOutcome, DisabledReason, EndpointStatus},
};

/// Counts of this process since it began, and the state of each endpoint. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct DeliveryCounts(Arc<Mutex<Counted>>);

/// How far behind an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointGauge {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Whether events are sent.
    pub status: EndpointStatus,
    /// How many positions lie between its cursor and the end of the log.
    pub lag: u64,
    /// How many events wait.
    pub waiting: u64,
    /// The age of the oldest event that it does not have, in seconds.
    pub oldest_s: u64,
}

#[derive(Debug, Default)]
struct Counted {
    outcomes: BTreeMap<AttemptOutcome, u64>,
    undelivered: u64,
    expired: u64,
    disabled: BTreeMap<&'static str, u64>,
    gauges: Vec<EndpointGauge>,
    carried: BTreeSet<WebhookEndpointId>,
}

impl DeliveryCounts {
    pub(super) fn attempted(&self, outcome: AttemptOutcome) {
        *self.lock().outcomes.entry(outcome).or_default() += 1;
    }

    pub(super) fn gave_up(&self) {
        self.lock().undelivered += 1;
    }

    pub(super) fn missed(&self, events: u64) {
        self.lock().expired += events;
    }

    pub(super) fn disabled(&self, reason: DisabledReason) {
        *self.lock().disabled.entry(reason.as_str()).or_default() += 1;
    }

    pub(super) fn begin(&self, endpoint: &WebhookEndpointId) {
        self.lock().carried.insert(endpoint.clone());
    }

    pub(super) fn end(&self, endpoint: &WebhookEndpointId) {
        self.lock().carried.remove(endpoint);
    }

    pub(super) fn set_gauges(&self, gauges: Vec<EndpointGauge>) {
        self.lock().gauges = gauges;
    }

    /// Attempts by what they came to; each outcome has a number.
    pub fn attempts(&self) -> [(AttemptOutcome, u64); AttemptOutcome::ALL.len()] {
        let counted = self.lock();
        AttemptOutcome::ALL.map(|outcome| (outcome, counted.outcomes.get(&outcome).copied().unwrap_or(0)))
    }

    /// How many events were given up.
    pub fn undelivered(&self) -> u64 {
        self.lock().undelivered
    }

    /// How many positions of the log were gone before an endpoint had read them.
    pub fn expired(&self) -> u64 {
        self.lock().expired
    }

    /// How many endpoints were disabled by failures, by reason.
    pub fn disablings(&self) -> [(DisabledReason, u64); 2] {
        let counted = self.lock();
        [DisabledReason::Gone, DisabledReason::Failing]
            .map(|reason| (reason, counted.disabled.get(reason.as_str()).copied().unwrap_or(0)))
    }

    /// The state of each endpoint, as it was read last.
    pub fn gauges(&self) -> Vec<EndpointGauge> {
        self.lock().gauges.clone()
    }

    /// Whether this process carries an endpoint.
    pub fn is_carried(&self, endpoint: &WebhookEndpointId) -> bool {
        self.lock().carried.contains(endpoint)
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
