//! What a process tells of itself: log lines, metrics, traces.

pub(crate) mod delivery_metrics;
pub(crate) mod logging;
pub(crate) mod metrics;
mod temporal_metrics;
pub(crate) mod traces;
