//! A journal for hledger.
//!
//! Source: <https://hledger.org/hledger.html#journal>.

use std::{
    collections::BTreeSet,
    io::{Result, Write},
};

use domain::{Currency, calendar::Day, ledger::AccountClass};
use store::BookedEntry;

use crate::cli::ledger::export::shared::{Accounts, changes, ledger_name, reference};

/// The currencies and the accounts.
pub(super) fn begin(out: &mut impl Write, accounts: &Accounts) -> Result<()> {
    writeln!(out, "; The books of daegeum. Dates are days in Korea; a code is the number of an entry.")?;
    let currencies: BTreeSet<Currency> = accounts.values().flatten().copied().collect();
    for currency in currencies {
        let decimals = "0".repeat(currency.exponent() as usize);
        writeln!(out, "commodity 1000.{decimals} {currency}")?;
    }
    for account in accounts.keys() {
        let class = match account.class() {
            AccountClass::Asset => 'A',
            AccountClass::Liability => 'L',
            AccountClass::Income => 'R',
            AccountClass::Expense => 'X',
            AccountClass::Equity => 'E',
        };
        writeln!(out, "account {}  ; type: {class}", ledger_name(account))?;
    }
    Ok(())
}

/// One transaction.
pub(super) fn entry(out: &mut impl Write, booked: &BookedEntry, day: Day) -> Result<()> {
    let reason = booked.entry.fields().reason.as_str();
    // A semicolon would begin a comment.
    let reference = reference(&booked.entry).replace('%', "%25").replace(';', "%3B");
    writeln!(out, "\n{day} * ({}) {reason} {reference}", booked.sequence)?;
    for change in changes(booked) {
        write!(out, "    {}  {}", ledger_name(change.account), change.amount)?;
        match change.order {
            Some(order) => writeln!(out, "  ; order: {order}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
