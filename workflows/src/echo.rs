//! The question that stands for the news that Temporal left out.
//!
//! Of the webhooks of one window Temporal takes one. The workflow asks when that one comes, and once more when the
//! window is over: the PSP may have said something new between the two.

use std::time::Duration;

use domain::{
    Timestamp,
    charge::{LONGEST_WINDOW_MS, WINDOW_SLACK_MS},
};
use serde::{Deserialize, Serialize};

/// When to ask for the news that was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo(Option<Timestamp>);

impl Echo {
    /// News came; the window of the news ends then.
    pub(crate) fn add(&mut self, window_ends_at: Option<Timestamp>) {
        self.0 = self.0.max(window_ends_at.map(|ends_at| ends_at.plus_ms(WINDOW_SLACK_MS)));
    }

    /// The PSP is asked: what was due by `now` is answered with that.
    pub(crate) fn asked_at(&mut self, now: Timestamp) {
        self.0 = self.0.filter(|at| *at > now);
    }

    /// How long it is until the news is asked for, if any may have been left out, in milliseconds.
    pub(crate) fn ms_from(self, now: Timestamp) -> Option<u64> {
        Some(self.0?.ms_since(now).min(LONGEST_WINDOW_MS + WINDOW_SLACK_MS))
    }

    /// The pause before the next question: no longer than the window.
    pub(crate) fn shortens(self, pause: Duration, now: Timestamp) -> Duration {
        self.ms_from(now).map_or(pause, |ms| pause.min(Duration::from_millis(ms)))
    }
}
