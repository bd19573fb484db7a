//! The calls received, newest last: what a test compares its own belief with.

use std::collections::VecDeque;

use serde::Serialize;

/// Most calls remembered; beyond it the oldest is forgotten.
const MAX_CALLS: usize = 20_000;

/// One call to Toss's API.
#[derive(Clone, Debug, Serialize)]
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
    pub(crate) mischief: Option<&'static str>,
}

/// A bounded log.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: VecDeque<CallRecord>,
    next_id: u64,
}

impl CallLog {
    /// Writes a call down and returns its number.
    pub(crate) fn open(&mut self, mut call: CallRecord) -> u64 {
        if self.calls.len() == MAX_CALLS {
            self.calls.pop_front();
        }
        self.next_id += 1;
        call.id = self.next_id;
        self.calls.push_back(call);
        self.next_id
    }

    /// The call of that number, if it is still remembered.
    pub(crate) fn call_mut(&mut self, id: u64) -> Option<&mut CallRecord> {
        let first = self.calls.front()?.id;
        let index = usize::try_from(id.checked_sub(first)?).ok()?;
        self.calls.get_mut(index)
    }

    /// All of them, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &CallRecord> {
        self.calls.iter()
    }
}
