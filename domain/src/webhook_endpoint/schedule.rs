//! When a failed delivery is tried again, and when an endpoint counts as dead.

use alloc::vec::Vec;

use crate::Timestamp;

/// The pauses before each attempt, in seconds: ten attempts in a little more than three days.
///
/// Source: Standard Webhooks 1.0.0, "Retry schedule".
pub const STANDARD_SCHEDULE_S: [u32; 10] =
    [0, 5, 5 * 60, 30 * 60, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S];
/// The longest time by which a receiver may put an attempt off, in seconds.
pub const MAX_RETRY_AFTER_S: u32 = 24 * HOUR_S;
/// The longest time by which a receiver may put off everything, in milliseconds: one hour.
pub const MAX_PAUSE_MS: u64 = 60 * 60 * 1_000;
/// After how long of nothing but failures an endpoint is disabled, in milliseconds: five days.
pub const FAILING_LIMIT_MS: u64 = 5 * 24 * 60 * 60 * 1_000;

const HOUR_S: u32 = 60 * 60;
/// The most attempts of a schedule.
const MAX_ATTEMPTS: usize = 30;
/// By how much a pause is longer at most, in thousandths. No pause is shorter than the schedule says, so that an event
/// is retried for three days whatever the jitter is.
const JITTER_PER_MILLE: u32 = 100;

/// The pauses before the attempts to deliver one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pauses_s: Vec<u32>,
}

/// A list of pauses that is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a schedule has 1 to {MAX_ATTEMPTS} pauses, of at most {MAX_RETRY_AFTER_S} seconds each")]
pub struct ScheduleError;

/// A random number, so that attempts which failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(pub u32);

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Again {
        /// Not before this time.
        at: Timestamp,
    },
    /// No other attempt.
    GiveUp,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { pauses_s: STANDARD_SCHEDULE_S.to_vec() }
    }
}

impl Schedule {
    /// A schedule of one's own; the first pause is the one before the first attempt and is not waited for.
    pub fn try_new(pauses_s: Vec<u32>) -> Result<Self, ScheduleError> {
        let is_long = |pause: &u32| *pause > MAX_RETRY_AFTER_S;
        if pauses_s.is_empty() || pauses_s.len() > MAX_ATTEMPTS || pauses_s.iter().any(is_long) {
            return Err(ScheduleError);
        }
        Ok(Self { pauses_s })
    }

    /// What follows the attempt number `attempt`, from 1, that failed at `now`. The receiver may ask for a longer
    /// pause than the schedule has.
    pub fn after(&self, attempt: u32, now: Timestamp, jitter: Jitter, retry_after_s: Option<u32>) -> Next {
        let next = usize::try_from(attempt).unwrap_or(usize::MAX);
        let Some(pause_s) = self.pauses_s.get(next) else { return Next::GiveUp };
        let asked_ms = u64::from(retry_after_s.unwrap_or(0).min(MAX_RETRY_AFTER_S)) * 1_000;
        let pause_ms = jitter.of(u64::from(*pause_s) * 1_000).max(asked_ms);
        Next::Again { at: now.plus_ms(pause_ms) }
    }
}

impl Jitter {
    /// The pause, up to a tenth longer.
    fn of(self, pause_ms: u64) -> u64 {
        let per_mille = 1_000 + self.0 % (JITTER_PER_MILLE + 1);
        pause_ms.saturating_mul(u64::from(per_mille)) / 1_000
    }
}

/// Until when nothing is sent to a receiver that is overloaded and says for how long.
pub fn pause_of(status: u16, retry_after_s: Option<u32>, now: Timestamp) -> Option<Timestamp> {
    let is_overloaded = matches!(status, 429 | 502 | 503 | 504);
    let asked_ms = u64::from(retry_after_s.filter(|_| is_overloaded)?) * 1_000;
    Some(now.plus_ms(asked_ms.min(MAX_PAUSE_MS)))
}

/// Whether an endpoint that has failed since a time is to be disabled.
pub fn is_failing_for_too_long(failing_since: Timestamp, now: Timestamp) -> bool {
    now.ms_since(failing_since) >= FAILING_LIMIT_MS
}
