//! Comma-separated values, as spreadsheets read them.

use alloc::{format, string::String};

/// A cell, in quotes where it needs them. What a spreadsheet would take for a formula gets an apostrophe before it.
pub fn cell(value: &str) -> String {
    let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !value.contains(['"', ',', '\n', '\r']) {
        return String::from(value);
    }
    format!("\"{guard}{}\"", value.replace('"', "\"\""))
}
