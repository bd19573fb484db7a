//! What the processes' own tasks tell each other: a fact was committed, the log has a new end, something is due.

use std::{sync::Arc, time::Instant};

use tokio::sync::{Mutex, Notify, watch};

use crate::ledger::due::DueTimes;

/// Shared by all that use one pool of connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    /// A transaction with a fact was committed.
    pub(crate) appended: Arc<Notify>,
    /// The last position that this process knows of.
    end: Arc<watch::Sender<u64>>,
    /// When the end was last read for those who wait.
    pub(super) polled: Arc<Mutex<Option<Instant>>>,
    /// When something is due that was committed.
    pub(crate) due: DueTimes,
}

impl Signals {
    /// The log ends here, or later.
    pub(crate) fn ends_at(&self, position: u64) {
        self.end.send_if_modified(|end| {
            let is_later = position > *end;
            *end = position.max(*end);
            is_later
        });
    }
    /// The end of the log as this process knows it, and each change of it.
    pub(super) fn end(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }
}
