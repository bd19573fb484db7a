//! The result of a check.

use std::time::Duration;

/// How long one part may take to answer.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(15);

/// From this HTTP status on, the server has a fault of its own.
pub(super) const SERVER_ERROR: u16 = 500;

pub(super) enum CheckResult {
    /// It is as it should be.
    Well(String),
    /// It is not, and this mends it.
    Ill { what: String, mend: String },
    /// It could not be looked at, for want of another part.
    Unseen(&'static str),
    /// It is not looked at, because the settings do not say where it is.
    Unasked(String),
}

impl CheckResult {
    pub(super) fn ill(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Ill { what: what.into(), mend: mend.into() }
    }
}
