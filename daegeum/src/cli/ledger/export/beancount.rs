//! A ledger for Beancount, versions 2 and 3.
//!
//! Source: <https://beancount.github.io/docs/beancount_language_syntax.html>.

use std::io::{Result, Write};

use domain::calendar::Day;
use store::BookedEntry;

use crate::cli::ledger::export::shared::{Accounts, changes, ledger_name, reference};

/// When accounts are opened: before anything can have happened.
const OPENED: &str = "1970-01-01";

/// The accounts.
pub(super) fn begin(out: &mut impl Write, accounts: &Accounts) -> Result<()> {
    writeln!(out, "; The books of daegeum. Dates are days in Korea.")?;
    writeln!(out, "option \"title\" \"daegeum\"")?;
    for (account, currencies) in accounts {
        let currencies: Vec<&str> = currencies.iter().map(|currency| currency.code()).collect();
        writeln!(out, "{OPENED} open {} {}", ledger_name(account), currencies.join(","))?;
    }
    Ok(())
}

/// One transaction.
pub(super) fn entry(out: &mut impl Write, booked: &BookedEntry, day: Day) -> Result<()> {
    let reason = booked.entry.fields().reason.as_str();
    let reference = reference(&booked.entry).replace('\\', "\\\\").replace('"', "\\\"");
    writeln!(out, "\n{day} * \"{reason}\" \"{reference}\"")?;
    writeln!(out, "  sequence: {}", booked.sequence)?;
    for change in changes(booked) {
        writeln!(out, "  {}  {}", ledger_name(change.account), change.amount)?;
        if let Some(order) = change.order {
            writeln!(out, "    order: \"{order}\"")?;
        }
    }
    Ok(())
}
