//! The calls received, newest last: what a test compares its own belief with.

use serde::{Deserialize, Serialize};

use crate::file::{Change, File, FileError};
use crate::mischief::Kind;
use crate::shelf::{Saved, Shelf};

/// Most calls remembered; beyond it the oldest is forgotten.
const MAX_CALLS: usize = 20_000;

/// One call to Toss's API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallRecord {
    pub(crate) id: u64,
    /// On the simulator's clock, RFC 3339.
    pub(crate) time: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) order_id: Option<String>,
    pub(crate) payment_key: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// The status answered; null while the call is held, and for ever if no answer left.
    pub(crate) status: Option<u16>,
    /// Whether this very call moved money or issued an account; false for a replay.
    #[serde(rename = "took_effect")]
    pub(crate) took_effect: bool,
    /// Answered from the idempotency key, without executing.
    pub(crate) replayed: bool,
    pub(crate) mischief: Option<Kind>,
}

/// A bounded log.
#[derive(Debug)]
pub(crate) struct CallLog {
    calls: Shelf<u64, CallRecord>,
}

impl Default for CallLog {
    fn default() -> Self {
        Self { calls: Shelf::new("call") }
    }
}

impl Saved for CallLog {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.calls.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.calls.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.calls.restore(file)
    }
}

impl CallLog {
    /// Writes a call down and returns its number.
    pub(crate) fn open(&mut self, mut call: CallRecord) -> u64 {
        if self.calls.len() == MAX_CALLS {
            self.calls.pop_first();
        }
        let id = self.calls.last_id().map_or(1, |last| last + 1);
        call.id = id;
        self.calls.insert(id, call);
        id
    }

    /// The call of that number, if it is still remembered.
    pub(crate) fn call_mut(&mut self, id: u64) -> Option<&mut CallRecord> {
        self.calls.get_mut(&id)
    }

    /// All of them, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &CallRecord> {
        self.calls.iter().map(|(_, call)| call)
    }
}
