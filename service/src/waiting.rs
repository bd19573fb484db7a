//! How long a use case waits for what a workflow writes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The first pause before a row is read again. A worker writes a row within a few milliseconds.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause before a row is read again: short for a caller who waits, and ten reads a second are little for
/// the database. Each pause is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// When to ask whether there is a worker at all. A worker that runs records within milliseconds; one that is being
/// replaced is back by then.
pub(crate) const WORKER_LOOK: Duration = Duration::from_secs(3);
/// How often a workflow is asked that refuses what the record allows. The workflow is a moment ahead of the record, or
/// behind; the pauses between so many requests are two seconds together.
pub(crate) const MAX_REQUESTS: u32 = 25;

/// The pauses of one use case.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// When the next pause would end.
    pub(crate) fn next_end(&self) -> Instant {
        Instant::now() + self.0
    }

    /// Waits for the next pause.
    pub(crate) async fn pause(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_between_all_requests_are_about_two_seconds() {
        let (mut pause, mut sum) = (FIRST_PAUSE, Duration::ZERO);
        for _ in 0..MAX_REQUESTS {
            sum += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        assert!((Duration::from_millis(1_800)..Duration::from_millis(2_200)).contains(&sum), "{sum:?}");
    }
}
