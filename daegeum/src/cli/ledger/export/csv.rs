//! A table, one line per posting (RFC 4180).
//!
//! A cell that a spreadsheet would take for a formula begins with an apostrophe, as OWASP advises ("CSV
//! Injection"): keys and ids may begin with `-`, `=`, `+` or `@`.

use std::io::{Result, Write};

use domain::calendar::Day;
use store::BookedEntry;

use crate::values::rfc3339;

const COLUMNS: [&str; 14] = [
    "sequence",
    "entry_id",
    "reason",
    "checkout_id",
    "reverses",
    "date",
    "occurred_at",
    "booked_at",
    "line",
    "debit_account",
    "credit_account",
    "amount",
    "currency",
    "payment_order_id",
];

/// The names of the columns.
pub(super) fn begin(out: &mut impl Write) -> Result<()> {
    line(out, COLUMNS)
}

/// The postings of one entry.
pub(super) fn entry(out: &mut impl Write, booked: &BookedEntry, day: Day) -> Result<()> {
    let fields = booked.entry.fields();
    for (number, posting) in fields.postings.iter().enumerate() {
        let posting = posting.fields();
        let text = |id: Option<&str>| id.unwrap_or_default().to_owned();
        let cells: [String; COLUMNS.len()] = [
            booked.sequence.to_string(),
            fields.key.clone(),
            fields.reason.as_str().to_owned(),
            text(fields.checkout_id.as_ref().map(|id| id.as_str())),
            text(fields.reverses.as_deref()),
            day.to_string(),
            rfc3339(fields.occurred_at),
            rfc3339(booked.booked_at),
            number.to_string(),
            posting.debit.to_string(),
            posting.credit.to_string(),
            posting.amount.to_decimal_string(),
            posting.amount.currency().code().to_owned(),
            text(posting.order.as_ref().map(|id| id.as_str())),
        ];
        line(out, cells.each_ref().map(String::as_str))?;
    }
    Ok(())
}

fn line<const CELLS: usize>(out: &mut impl Write, cells: [&str; CELLS]) -> Result<()> {
    for (index, text) in cells.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        cell(out, text)?;
    }
    out.write_all(b"\r\n")
}

fn cell(out: &mut impl Write, text: &str) -> Result<()> {
    let apostrophe = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) {
        write!(out, "\"{apostrophe}{}\"", text.replace('"', "\"\""))
    } else {
        write!(out, "{apostrophe}{text}")
    }
}
