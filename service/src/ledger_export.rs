//! The books as a table, one line per posting (RFC 4180): for the command line and for the console.
//!
//! A cell that a spreadsheet would take for a formula begins with an apostrophe, as OWASP advises ("CSV
//! Injection"): keys and ids may begin with `-`, `=`, `+` or `@`.

use std::io::{Result, Write};

use chrono::{DateTime, SecondsFormat};
use domain::{Timestamp, calendar::Day};
use store::BookedEntry;

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
pub fn begin(out: &mut impl Write) -> Result<()> {
    line(out, COLUMNS)
}

/// The postings of one entry. `day` is the day in Korea on which it happened.
pub fn entry(out: &mut impl Write, booked: &BookedEntry, day: Day) -> Result<()> {
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

/// The whole table of some entries.
pub fn table<'a>(entries: impl Iterator<Item = &'a BookedEntry>) -> Vec<u8> {
    let mut out = Vec::new();
    let written = begin(&mut out).and_then(|()| {
        entries.into_iter().try_for_each(|booked| entry(&mut out, booked, Day::of(booked.entry.fields().occurred_at)))
    });
    // A write to memory cannot fail.
    debug_assert!(written.is_ok());
    out
}

/// An instant in UTC, to the millisecond.
fn rfc3339(time: Timestamp) -> String {
    DateTime::from_timestamp_millis(time.epoch_ms())
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
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
