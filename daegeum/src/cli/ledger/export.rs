//! The books, for other programs: hledger, Beancount, spreadsheets.
//!
//! Entries are read and written in pages, in the order of the books, up to the last one there is at the start.
//! hledger and Beancount get the same names of accounts; see [`shared::ledger_name`].

mod beancount;
mod hledger;
mod shared;

use std::io::{BufWriter, ErrorKind, Write};

use anyhow::Context as _;
use clap::ValueEnum;
use domain::calendar::Day;
use service::ledger_export;
use shared::Accounts;
use store::Reader;

/// A format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// hledger's journal.
    Hledger,
    /// Beancount, version 2 or 3.
    Beancount,
    /// One line per posting, RFC 4180.
    Csv,
}

/// The days in Korea whose entries are written; `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    pub(super) from: Option<Day>,
    pub(super) to: Option<Day>,
}

/// How many entries are in memory at once.
const PAGE: u64 = 500;

/// Writes the books, or those days of them. A reader that has read enough ends it, without complaint.
pub(super) async fn run(reader: &Reader, format: ExportFormat, days: Days) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout());
    let written = write(reader, format, days, &mut out).await;
    match written.and_then(|()| Ok(out.flush()?)) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        ended => ended.context("the export did not come to an end"),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn write(
    reader: &Reader,
    format: ExportFormat,
    Days { from, to }: Days,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let last = reader.books_state().await?.sequence;
    // After the last entry was fixed: of an account that comes in between, nothing will be written.
    let mut accounts = Accounts::new();
    for balance in reader.trial_balance().await? {
        accounts.entry(balance.account).or_default().insert(balance.debits.currency());
    }
    match format {
        ExportFormat::Hledger => hledger::begin(out, &accounts)?,
        ExportFormat::Beancount => beancount::begin(out, &accounts)?,
        ExportFormat::Csv => ledger_export::begin(out)?,
    }
    let mut after = 0;
    while after < last {
        let page = reader.entries_after(after, Ord::min(PAGE, last - after)).await?;
        let Some(newest) = page.last() else { break };
        after = newest.sequence;
        for booked in &page {
            let day = Day::of(booked.entry.fields().occurred_at);
            if from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to) {
                continue;
            }
            match format {
                ExportFormat::Hledger => hledger::entry(out, booked, day)?,
                ExportFormat::Beancount => beancount::entry(out, booked, day)?,
                ExportFormat::Csv => ledger_export::entry(out, booked, day)?,
            }
        }
    }
    Ok(())
}
