//! What housekeeping hands through the ports.

use serde::{Deserialize, Serialize};
use temporalio_workflow::common::ActivityDefinition;

ports! {
    /// The name of every port of housekeeping.
    list OF_HOUSEKEEPING:
    /// Releases earnings and ends holds whose time has come. Safe to repeat: each of them has a key of its own.
    DoWhatIsDue = "housekeeping.do_what_is_due": DueQuestion => DueDone;
    /// Removes what is too old to keep. Safe to repeat.
    RemoveWhatIsOld = "housekeeping.remove_what_is_old": () => OldRemoved;
}

/// How far ahead it is asked what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueQuestion {
    /// In milliseconds.
    pub within_ms: u64,
}

/// What was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueDone {
    /// How many releases and expiries were booked.
    #[serde(default)]
    pub done: u64,
    /// Whether more is due at once.
    #[serde(default)]
    pub is_unfinished: bool,
    /// After how many milliseconds something else is due; nothing where that is further ahead than was asked.
    #[serde(default)]
    pub due_in_ms: Option<u64>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldRemoved {
    /// Details of buyers of whom no checkout came.
    #[serde(default)]
    pub buyers: u64,
    /// Attempts to deliver events.
    #[serde(default)]
    pub deliveries: u64,
    /// Whether there is more to remove.
    #[serde(default)]
    pub is_unfinished: bool,
}
