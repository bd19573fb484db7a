//! What the processes' own tasks tell each other: a fact was committed, the log has a new end, something is due.

use std::{sync::Arc, time::Instant};

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
    /// Whether something is due soon that was committed.
    pub(crate) due: DueTimes,
}

/// Within how many milliseconds what was written is due soon: longer than a schedule's pause.
const DUE_SOON_MS: u64 = 90 * 1_000;

/// A time of money at which something is due that was committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DueTime {
    pub(crate) at: Timestamp,
    /// When it was written.
    pub(crate) now: Timestamp,
}

/// Whether this process has written something that is due soon.
#[derive(Debug, Clone, Default)]
pub(crate) struct DueTimes(Arc<Notify>);

impl DueTimes {
    /// Something that is committed is due at a time. What is due later is found by who looks for it.
    pub(crate) fn announce(&self, due: DueTime) {
        if due.at.ms_since(due.now) <= DUE_SOON_MS {
            self.0.notify_one();
        }
    }

    /// Waits until something is announced that is due soon.
    pub(crate) async fn soon(&self) {
        self.0.notified().await;
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
