//! The schedules of the Temporal namespace, as a person sees them.

use std::{pin::Pin, time::Duration};

use domain::Timestamp;

/// How long Temporal may take to name the schedules for a page.
pub const ANSWER_TIME: Duration = Duration::from_secs(2);

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its id.
    pub id: String,
    /// Whether a person paused it.
    pub is_paused: bool,
    /// When it last acted.
    pub last: Option<Timestamp>,
    /// When it acts next.
    pub next: Option<Timestamp>,
}

/// Names the schedules; nothing where Temporal does not say.
pub type ScheduleProbe = dyn Fn() -> Pin<Box<dyn Future<Output = Option<Vec<Schedule>>> + Send>> + Send + Sync;
