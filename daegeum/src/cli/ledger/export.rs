//! The books, for other programs: hledger, Beancount, spreadsheets.
//!
//! Entries are read and written in pages, in the order of the books, up to the last one there is at the start.
//! hledger and Beancount get the same names of accounts; see [`ledger_name`].

mod beancount;
mod csv;
mod hledger;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufWriter, ErrorKind, Write},
};

use anyhow::Context as _;
use clap::ValueEnum;
use domain::{
    Currency,
    calendar::Day,
    ledger::{Account, AccountClass, Entry},
};
use store::{BookedEntry, Reader};

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

/// The accounts that were ever moved, each with its currencies.
type Accounts = BTreeMap<Account, BTreeSet<Currency>>;

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
        ExportFormat::Csv => csv::begin(out)?,
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
                ExportFormat::Csv => csv::entry(out, booked, day)?,
            }
        }
    }
    Ok(())
}

/// One side of a posting: whose balance changes, and by how much; a credit is below zero.
struct Change<'a> {
    account: &'a Account,
    amount: String,
    order: Option<&'a str>,
}

/// Both sides of each posting.
fn changes(booked: &BookedEntry) -> impl Iterator<Item = Change<'_>> {
    booked.entry.fields().postings.iter().flat_map(|posting| {
        let posting = posting.fields();
        let order = posting.order.as_ref().map(|order| order.as_str());
        let amount = posting.amount.to_string();
        let credit = Change { account: &posting.credit, amount: format!("-{amount}"), order };
        [Change { account: &posting.debit, amount, order }, credit]
    })
}

/// An entry's key without its reason.
fn reference(entry: &Entry) -> &str {
    let fields = entry.fields();
    let rest = fields.key.strip_prefix(fields.reason.as_str()).and_then(|rest| rest.strip_prefix(':'));
    rest.unwrap_or(&fields.key)
}

/// An account in the grammar of Beancount, which is the narrower one: parts begin with a capital letter or a digit
/// and hold letters, digits and `-`. `seller:seller-a:pending` is `Liabilities:Seller-seller-a:Pending`.
fn ledger_name(account: &Account) -> String {
    let class = match account.class() {
        AccountClass::Asset => "Assets",
        AccountClass::Liability => "Liabilities",
        AccountClass::Income => "Income",
        AccountClass::Expense => "Expenses",
    };
    let rest = match account {
        Account::PspReceivable => "Psp:Receivable".to_owned(),
        Account::Bank => "Bank".to_owned(),
        Account::SellerDebt(seller) => format!("Seller-{}:Debt", part(seller.as_str())),
        Account::SellerPending(seller) => format!("Seller-{}:Pending", part(seller.as_str())),
        Account::SellerAvailable(seller) => format!("Seller-{}:Available", part(seller.as_str())),
        Account::SellerHeld(seller) => format!("Seller-{}:Held", part(seller.as_str())),
        Account::PayoutInTransit(seller) => format!("Seller-{}:InTransit", part(seller.as_str())),
        Account::RefundsPayable => "Refunds:Payable".to_owned(),
        Account::Suspense => "Suspense".to_owned(),
        Account::PlatformCommission => "Platform:Commission".to_owned(),
        Account::PspFees => "Psp:Fees".to_owned(),
    };
    format!("{class}:{rest}")
}

/// A seller's name without the characters that are not allowed: `_` is `Zu`, `.` is `Zd`, and `Z` itself `Zz`, so
/// that two names never become one.
fn part(seller: &str) -> String {
    let mut text = String::with_capacity(seller.len());
    for character in seller.chars() {
        match character {
            '_' => text.push_str("Zu"),
            '.' => text.push_str("Zd"),
            'Z' => text.push_str("Zz"),
            plain => text.push(plain),
        }
    }
    text
}
