//! Why a person acts.

use serde_json::Value;

use crate::http::{card_numbers, text};

/// A reason that may be written down, for as long as a record lasts.
pub(super) fn reason_in(typed: &str, limit: usize) -> Option<String> {
    // A line end of a text field is a space.
    let typed = typed.lines().collect::<Vec<_>>().join(" ");
    let reason = text::shown(&typed, limit).ok()?;
    (!card_numbers::stands_in(&Value::from(reason.as_str()))).then_some(reason)
}
