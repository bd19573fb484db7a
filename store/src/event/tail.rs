//! Waiting for the end of the log to move.

use std::time::{Duration, Instant};

use super::signals::Signals;
use crate::{Journal, Reader, StoreError};

/// How often the end of the log is read while somebody waits for it and no sequencer of this process tells it.
const POLL_PAUSE: Duration = Duration::from_millis(250);

/// The end of the log, for those who wait until it moves. A wait holds no connection: of all that wait in a process one
/// reads the end, now and then.
#[derive(Debug, Clone)]
pub struct Tail {
    signals: Signals,
    reader: Reader,
}

impl Tail {
    /// The end of the log as a reader sees it; the journal's process may have the sequencer.
    pub fn new(journal: &Journal, reader: Reader) -> Self {
        Self { signals: journal.signals().clone(), reader }
    }

    /// The end of the log as a reader sees it that has no sequencer beside it.
    pub fn of(reader: Reader) -> Self {
        Self { signals: reader.signals().clone(), reader }
    }

    /// Returns once the log has a position beyond this one.
    pub async fn moves_beyond(&self, position: u64) -> Result<(), StoreError> {
        let mut end = self.signals.end();
        loop {
            if *end.borrow_and_update() > position {
                return Ok(());
            }
            let told = tokio::time::timeout(POLL_PAUSE, end.changed()).await;
            if told.is_err() {
                self.poll().await?;
            }
        }
    }

    async fn poll(&self) -> Result<(), StoreError> {
        let Ok(mut polled) = self.signals.polled.try_lock() else { return Ok(()) };
        if polled.is_some_and(|at| at.elapsed() < POLL_PAUSE) {
            return Ok(());
        }
        let state = self.reader.event_log().await?;
        *polled = Some(Instant::now());
        self.signals.ends_at(state.last_position);
        Ok(())
    }
}
