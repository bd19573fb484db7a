//! The settings of dead letters.

use domain::{Currency, Money, dead_letter::DEFAULT_ALONE_UP_TO};
use serde::Deserialize;

use super::reconciliation::won;

/// `[dead_letters]` in the file.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLettersFile {
    resolve_alone_up_to: Option<String>,
}

/// Reads the table: the most money that one principal gives up by resolving a dead letter.
pub(super) fn alone_up_to(file: DeadLettersFile) -> anyhow::Result<Money> {
    let limit = won("dead_letters.resolve_alone_up_to", file.resolve_alone_up_to)?.unwrap_or(DEFAULT_ALONE_UP_TO);
    Ok(Money::try_from_minor(limit, Currency::Krw)?)
}
