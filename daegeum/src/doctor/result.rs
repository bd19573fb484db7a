//! What a check goes by.

use std::time::Duration;

pub(super) use service::system::{CheckResult, Part};

/// How long one part may take to answer.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(15);

/// From this HTTP status on, the server has a fault of its own.
pub(super) const SERVER_ERROR: u16 = 500;
/// How many things that a check finds are named.
pub(super) const MOST_NAMED: usize = 10;
