//! The PSP's list of settlement rows: read until two readings in a row are the same, and kept.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use domain::{calendar::Day, reconciliation::Finding};
use futures::{StreamExt as _, TryStreamExt as _};
use store::ReceivedRow;
use toss::{DateType, Settlement};

use super::{
    settlements::{PAGE, RowProblem, date, odd, received, twice},
    source::{READINGS, StepError, incomplete, paged, patiently},
    step::{Figures, StepRun},
};

/// What one reading of a list came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reading {
    rows: u64,
    sum: i128,
    net: i128,
    /// Over the keys and amounts of all rows, in any order.
    mark: u128,
}

/// Keeps the rows of a day of sale, of each contract.
pub(super) async fn pull(run: &StepRun<'_>, sold_on: Day) -> Result<Figures, StepError> {
    let (mut figures, mut named) = (Figures::default(), 0);
    for toss in run.of.toss.contracts() {
        let of_contract = pull_from(run, &toss, sold_on).await?;
        figures.merge(of_contract.figures);
        named += of_contract.named;
    }
    holds_what_it_held(run, sold_on, named).await?;
    Ok(figures)
}

/// Reads the rows of a contract until two readings in a row are the same, and keeps them.
async fn pull_from(run: &StepRun<'_>, toss: &toss::Client, sold_on: Day) -> Result<Kept, StepError> {
    let mut before = patiently_counted(run, toss, sold_on).await?;
    for reading in 1..READINGS {
        let again = kept(run, &paged(toss, reading, before.rows), sold_on, before.rows).await?;
        if again.reading == before {
            return Ok(again);
        }
        before = again.reading;
    }
    Err(incomplete(format!("the PSP's settlement rows of {sold_on} were other ones at each reading")))
}

/// A row is a fact: what was listed once is listed again. A list without it is not whole.
async fn holds_what_it_held(run: &StepRun<'_>, sold_on: Day, named: u64) -> Result<(), StepError> {
    let stored = run.of.reader.settlement_row_count(sold_on).await?;
    let lacking = stored.saturating_sub(named);
    if lacking > 0 {
        return Err(incomplete(format!(
            "the PSP's settlement rows of {sold_on} lack {lacking} that were listed before"
        )));
    }
    Ok(())
}

/// The first reading: what the next one is compared by.
async fn patiently_counted(run: &StepRun<'_>, toss: &toss::Client, sold_on: Day) -> Result<Reading, StepError> {
    let date = date(sold_on)?;
    let counted = patiently(|| async {
        let mut reading = Reading::default();
        let mut marks = std::pin::pin!(toss.settlement_marks(date, date, DateType::Sold));
        while let Some(mark) = marks.try_next().await? {
            reading.add(&mark.transaction_key, mark.amount, mark.pay_out_amount.unwrap_or_default());
            if reading.rows.is_multiple_of(PAGE as u64) {
                run.alive().await;
            }
        }
        Ok(reading)
    });
    Ok(counted.await?)
}

/// A reading whose rows were kept.
struct Kept {
    reading: Reading,
    figures: Figures,
    /// How many different rows of the day it named.
    named: u64,
}

/// What a later reading lists is kept, page by page. A row is a fact of the PSP's also where the list breaks off; it is
/// booked only when the list was whole.
async fn kept(run: &StepRun<'_>, toss: &toss::Client, sold_on: Day, expected: u64) -> Result<Kept, StepError> {
    let date = date(sold_on)?;
    let (mut reading, mut figures) = (Reading::default(), Figures::default());
    // Of the size at once: one that grows is twice in memory for a moment.
    let mut keys: HashSet<u128> = HashSet::with_capacity(usize::try_from(expected).unwrap_or_default());
    let mut pages = std::pin::pin!(toss.settlements(date, date, DateType::Sold).try_chunks(PAGE));
    let mut listed = Listed::default();
    loop {
        // One page is read while the one before is written.
        let (page, fresh) = futures::join!(pages.next(), keep(run, std::mem::take(&mut listed), sold_on));
        figures.add("rows_new", fresh?.cast_signed());
        let Some(page) = page else { break };
        let page = page.map_err(|error| StepError::from(error.1))?;
        page.iter().for_each(|row| reading.add(&row.transaction_key, row.amount, row.pay_out_amount));
        listed = Listed::of(page, &mut keys, sold_on)?;
        run.alive().await;
        run.report(format!("settlement rows of {sold_on}"), reading.rows);
    }
    figures.add("rows", reading.rows.cast_signed());
    Ok(Kept { reading, figures, named: keys.len() as u64 })
}

/// A page of the list, with what is odd about it.
#[derive(Default)]
struct Listed {
    rows: Vec<Settlement>,
    received: Vec<ReceivedRow>,
    findings: Vec<Finding>,
}

impl Listed {
    fn of(page: Vec<Settlement>, keys: &mut HashSet<u128>, sold_on: Day) -> Result<Self, StepError> {
        let mut listed = Self { received: Vec::with_capacity(page.len()), ..Self::default() };
        for row in &page {
            if !keys.insert(shortened(&row.transaction_key)) {
                listed.findings.push(twice(row, sold_on)?);
                continue;
            }
            match received(row) {
                Ok(received) => listed.received.push(received),
                Err(RowProblem::Unreadable(reason)) => return Err(incomplete(reason)),
                Err(RowProblem::DoesNotAddUp(reason)) => listed.findings.push(odd(row, sold_on, &reason)?),
            }
        }
        Ok(Self { rows: page, ..listed })
    }
}

/// Keeps a page. Answers how many of its rows are new.
async fn keep(run: &StepRun<'_>, listed: Listed, sold_on: Day) -> Result<u64, StepError> {
    let Listed { rows, received, mut findings } = listed;
    let kept = run.of.writer.keep_settlement_rows(&received).await?;
    for key in kept.changed {
        let row = rows.iter().find(|row| row.transaction_key == key);
        findings.extend(row.map(|row| odd(row, sold_on, "the row is booked with other amounts")).transpose()?);
    }
    run.note(&findings).await?;
    Ok(kept.fresh)
}

/// A key in 16 bytes: the keys of a day of a million rows take tens of megabytes of memory, and not hundreds.
fn shortened(key: &impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, key).hash(&mut hasher);
        hasher.finish()
    };
    u128::from(half(0)) << 64 | u128::from(half(1))
}

impl Reading {
    fn add(&mut self, transaction_key: &str, amount: i64, pay_out_amount: i64) {
        self.rows += 1;
        self.mark = self.mark.wrapping_add(shortened(&(transaction_key, amount)));
        self.sum += i128::from(amount);
        self.net += i128::from(pay_out_amount);
    }
}
