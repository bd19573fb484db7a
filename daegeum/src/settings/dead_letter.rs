//! The settings of dead letters.

use domain::{Limits, dead_letter::DEFAULT_ALONE_UP_TO};
use serde::Deserialize;

use super::reconciliation::{AmountsFile, limits};

/// `[dead_letters]` in the file.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLettersFile {
    resolve_alone_up_to: Option<AmountsFile>,
}

/// Reads the table: the most money that one principal gives up by resolving a dead letter.
pub(super) fn alone_up_to(file: DeadLettersFile) -> anyhow::Result<Limits> {
    limits("dead_letters.resolve_alone_up_to", file.resolve_alone_up_to, DEFAULT_ALONE_UP_TO)
}
