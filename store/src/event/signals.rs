//! What the processes' own tasks tell each other: a fact was committed, the log has a new end, something is due.

use std::{
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Instant,
};

use domain::Timestamp;
use tokio::sync::{Mutex, Notify, watch};

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

/// The earliest time at which something is due that this process has written since the last look.
#[derive(Debug, Clone, Default)]
pub(crate) struct DueTimes {
    earliest: Arc<SyncMutex<Option<Timestamp>>>,
    earlier: Arc<Notify>,
}

impl DueTimes {
    /// Something that is committed is due at a time.
    pub(crate) fn announce(&self, at: Timestamp) {
        let mut earliest = self.earliest.lock().unwrap_or_else(PoisonError::into_inner);
        if earliest.is_none_or(|earliest| at < earliest) {
            *earliest = Some(at);
            self.earlier.notify_one();
        }
    }

    /// The time, where something was announced.
    pub(crate) fn earliest(&self) -> Option<Timestamp> {
        *self.earliest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was announced is looked at from now on.
    pub(crate) fn forget(&self) {
        *self.earliest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until something is announced that is due earlier.
    pub(crate) async fn comes_earlier(&self) {
        self.earlier.notified().await;
    }
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
