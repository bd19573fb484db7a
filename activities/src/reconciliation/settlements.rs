//! The PSP's settlement rows: read twice, kept, booked once each, and compared with what was captured.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use domain::{
    calendar::Day,
    id::CheckoutId,
    reconciliation::{BreakType, Evidence, Expectation, Fact, Finding, Layer, match_all},
    settlement::{Counter, Flow, RowKind, SettlementRow, vat_in},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use store::{CapturedCheckout, ReceivedRow, RowBooking, StoreError, StoredRow};
use toss::{DateType, Settlement};

use super::{
    source::{READINGS, StepError, incomplete, known_currency, patiently},
    step::{Figures, StepRun},
};
use crate::psp::to_timestamp;

/// How many rows are kept by one transaction, or read for one comparison.
const PAGE: usize = 500;
/// How many rows are handed to the bookkeeper at once.
const SIDE_BY_SIDE: usize = 64;
/// How many payments without a row are named.
const MOST_MISSING: u64 = 1_000;
/// After how many business days a row that is missing is overdue, besides the day on which it is published.
const CUT_OFF_DAYS: u16 = 2;

/// What one reading of a list came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reading {
    rows: u64,
    sum: i128,
    net: i128,
}

/// Reads the rows of a day of sale twice, and keeps them if both readings are the same.
pub(super) async fn pull(run: &StepRun<'_>, sold_on: Day) -> Result<Figures, StepError> {
    let mut before = patiently_counted(run, sold_on).await?;
    for _ in 1..READINGS {
        let (again, figures) = kept(run, sold_on).await?;
        if again == before {
            return Ok(figures);
        }
        before = again;
    }
    Err(incomplete(format!("the PSP's settlement rows of {sold_on} were other ones at each reading")))
}

/// The first reading: counts alone.
async fn patiently_counted(run: &StepRun<'_>, sold_on: Day) -> Result<Reading, StepError> {
    let date = date(sold_on)?;
    let counted = patiently(|| async {
        let mut reading = Reading::default();
        let mut rows = std::pin::pin!(run.of.toss.settlements(date, date, DateType::Sold));
        while let Some(row) = rows.try_next().await? {
            reading.add(&row);
            if reading.rows.is_multiple_of(PAGE as u64) {
                run.alive().await;
            }
        }
        Ok(reading)
    });
    Ok(counted.await?)
}

/// The second reading: what it lists is kept, page by page. A row is a fact of the PSP's also where the list breaks
/// off; it is booked only when the list was whole.
async fn kept(run: &StepRun<'_>, sold_on: Day) -> Result<(Reading, Figures), StepError> {
    let date = date(sold_on)?;
    let (mut reading, mut figures) = (Reading::default(), Figures::default());
    let mut keys: HashSet<String> = HashSet::new();
    let rows = run.of.toss.settlements(date, date, DateType::Sold);
    let mut pages = std::pin::pin!(rows.try_chunks(PAGE));
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| StepError::from(error.1))?;
        let (mut fresh, mut findings) = (Vec::with_capacity(page.len()), Vec::new());
        for row in &page {
            reading.add(row);
            if !keys.insert(row.transaction_key.clone()) {
                findings.push(twice(row, sold_on)?);
                continue;
            }
            match received(row) {
                Ok(received) => fresh.push(received),
                Err(RowProblem::Unreadable(reason)) => return Err(incomplete(reason)),
                Err(RowProblem::DoesNotAddUp(reason)) => findings.push(odd(row, sold_on, &reason)?),
            }
        }
        let kept = run.of.writer.keep_settlement_rows(&fresh).await?;
        for key in kept.changed {
            let row = page.iter().find(|row| row.transaction_key == key);
            findings.extend(row.map(|row| odd(row, sold_on, "the row is booked with other amounts")).transpose()?);
        }
        figures.add("rows_new", kept.fresh.cast_signed());
        run.note(&findings).await?;
        run.alive().await;
        run.report(format!("settlement rows of {sold_on}"), reading.rows);
    }
    figures.add("rows", reading.rows.cast_signed());
    Ok((reading, figures))
}

impl Reading {
    fn add(&mut self, row: &Settlement) {
        self.rows += 1;
        self.sum += i128::from(row.amount);
        self.net += i128::from(row.pay_out_amount);
    }
}

/// Books the rows of a day of sale that are not booked yet, and compares all of them with the books.
pub(super) async fn settle(run: &StepRun<'_>, sold_on: Day) -> Result<Figures, StepError> {
    let mut figures = Figures::default();
    let closed_before = run.of.reader.books_state().await?.closed_before;
    let (mut after, mut rows_of_day) = (None, 0_u64);
    loop {
        let page = run.of.reader.settlement_rows(sold_on, after.as_deref(), PAGE as u64).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.row.transaction_key.clone());
        rows_of_day += page.len() as u64;
        let ids: HashSet<String> = page.iter().map(|stored| stored.row.order.clone()).collect();
        let checkouts = run.of.reader.captured_checkouts(&ids.into_iter().collect::<Vec<_>>()).await?;
        let (mut findings, mut bookings) = (Vec::new(), Vec::new());
        for stored in page {
            let judged = judge(run, &stored, checkouts.get(&stored.row.order))?;
            for (figure, amount) in [
                ("gross", stored.row.amount.signed()),
                ("fee", stored.row.fee()),
                ("vat", stored.row.vat.signed()),
                ("net", stored.row.pay_out.signed()),
            ] {
                figures.add(figure, amount);
            }
            if stored.counter.is_none() {
                let is_late = closed_before.is_some_and(|closed| stored.row.sold_on.start() < closed);
                findings.extend(is_late.then(|| finding(BreakType::LateRow, &stored, None)));
                let finding = judged.findings.iter().find(|finding| finding.suspense.is_some()).cloned();
                let run_id = run.request.run.run_id.clone();
                bookings.push(RowBooking { row: stored.row, counter: judged.counter, finding, run_id });
            }
            // The booking opens the break that holds what is in suspense.
            findings.extend(judged.findings.into_iter().map(|found| Finding { suspense: None, ..found }));
        }
        let booked = i64::try_from(bookings.len()).unwrap_or(i64::MAX);
        let refused = book(run, bookings).await?;
        figures.add("booked_now", booked - i64::try_from(refused.len()).unwrap_or(i64::MAX));
        findings.extend(refused);
        run.note(&findings).await?;
        run.alive().await;
        run.report(format!("settlement rows of {sold_on} booked"), rows_of_day);
    }
    missing(run, sold_on, rows_of_day, &mut figures).await?;
    Ok(figures)
}

/// Books rows. One that the books refuse is a break, and does not hold up the others.
async fn book(run: &StepRun<'_>, bookings: Vec<RowBooking>) -> Result<Vec<Finding>, StoreError> {
    // The bookkeeper books all that wait in one transaction.
    let writer = &run.of.writer;
    let mut booked = stream::iter(bookings)
        .map(|booking| async move {
            let row = booking.row.clone();
            (row, writer.book_settlement_row(booking).await)
        })
        .buffer_unordered(SIDE_BY_SIDE);
    let mut refused = Vec::new();
    while let Some((row, result)) = booked.next().await {
        match result {
            Ok(_) => {}
            Err(StoreError::Refused(refusal)) => {
                let received = json!({ "reason": refusal.to_string() }).to_string();
                let stored = StoredRow { row, counter: None, received };
                refused.push(finding(BreakType::AmountsDiffer, &stored, None));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// What a row is, in the light of the books.
struct Judged {
    counter: Counter,
    findings: Vec<Finding>,
}

fn judge(run: &StepRun<'_>, stored: &StoredRow, checkout: Option<&CapturedCheckout>) -> Result<Judged, StepError> {
    let row = &stored.row;
    let Some(checkout) = checkout else {
        let is_payment = row.approved_at.is_some();
        let break_type = if is_payment { BreakType::UnknownPayment } else { BreakType::LumpWithoutPayment };
        return Ok(in_suspense(break_type, stored));
    };
    let is_other = checkout.payment_key.as_ref().is_some_and(|payment_key| *payment_key != row.payment_key);
    if is_other {
        return Ok(in_suspense(BreakType::DuplicatePayment, stored));
    }
    let mut findings = Vec::new();
    match row.kind {
        RowKind::Approval => {
            let captured = checkout.captured.map(Flow::In);
            if captured.is_some_and(|captured| captured != row.amount) {
                findings.push(finding(BreakType::AmountsDiffer, stored, captured));
            }
        }
        RowKind::Cancel => findings.extend(judge_cancel(stored, checkout)),
    }
    if run.of.rules.fee_contract.is_some_and(|contract| !contract.explains(row)) {
        let break_type = match row.kind {
            RowKind::Approval => BreakType::FeeDiffers,
            RowKind::Cancel => BreakType::FeeNotReturned,
        };
        findings.push(finding(break_type, stored, None));
    }
    Ok(Judged { counter: Counter::Receivable, findings })
}

/// A cancellation of ours is known by its key, or by its amount where only one refund has it. A cancellation that no
/// refund asked for is a break of the transactions of its day.
fn judge_cancel(stored: &StoredRow, checkout: &CapturedCheckout) -> Option<Finding> {
    let row = &stored.row;
    let expected: Vec<Expectation> = checkout
        .refunds
        .iter()
        .map(|refund| Expectation {
            key: refund.transaction_key.clone(),
            group: row.payment_key.clone(),
            amount: -refund.amount.minor().cast_signed(),
        })
        .collect();
    let fact = Fact { key: row.transaction_key.clone(), group: row.payment_key.clone(), amount: row.amount.signed() };
    let matching = match_all(&expected, std::slice::from_ref(&fact));
    let is_unsure = !matching.ambiguous.is_empty() && checkout.refunds.iter().any(|one| one.transaction_key.is_none());
    is_unsure.then(|| finding(BreakType::Ambiguous, stored, None))
}

fn in_suspense(break_type: BreakType, stored: &StoredRow) -> Judged {
    let found = finding(break_type, stored, None);
    let found = Finding { suspense: Some(stored.row.amount), ..found };
    Judged { counter: Counter::Suspense, findings: vec![found] }
}

fn finding(break_type: BreakType, stored: &StoredRow, ours: Option<Flow>) -> Finding {
    let row = &stored.row;
    // What a break of a fee is about is the fee.
    let theirs = match break_type {
        BreakType::FeeDiffers | BreakType::FeeNotReturned => Flow::of_signed(row.fee(), row.currency()).ok(),
        _ => Some(row.amount),
    };
    Finding {
        layer: Layer::Settlements,
        break_type,
        class: break_type.class(),
        key: row.transaction_key.clone(),
        day: row.sold_on,
        currency: row.currency(),
        ours,
        theirs,
        suspense: None,
        checkout_id: CheckoutId::parse(row.order.clone()).ok(),
        workflow_id: None,
        evidence: Evidence { ours: "{}".to_owned(), theirs: stored.received.clone() },
    }
}

/// Captured payments of the day for which no row has come: not yet due, late, or overdue.
async fn missing(run: &StepRun<'_>, day: Day, rows_of_day: u64, figures: &mut Figures) -> Result<(), StepError> {
    let as_of = run.as_of()?;
    let holidays = &run.of.rules.holidays;
    let published_on = holidays.business_days_after(day, 1);
    let captures = run.of.reader.captures_without_row(day, MOST_MISSING).await?;
    // The list of a day that has none of its rows is not published yet.
    if rows_of_day == 0 && as_of <= published_on {
        figures.add("not_due", i64::try_from(captures.len()).unwrap_or(i64::MAX));
        return Ok(());
    }
    let is_overdue = as_of > holidays.business_days_after(published_on, CUT_OFF_DAYS);
    let break_type = if is_overdue { BreakType::SettlementOverdue } else { BreakType::CutOff };
    let mut by_order: BTreeMap<String, Finding> = BTreeMap::new();
    for capture in captures {
        let ours = json!({
            "captured": capture.amount.to_decimal_string(),
            "captured_at": capture.captured_at.epoch_ms(),
            "expected_by": published_on.to_string(),
        });
        let found = Finding {
            layer: Layer::Settlements,
            break_type,
            class: break_type.class(),
            key: capture.checkout_id.to_string(),
            day,
            currency: capture.amount.currency(),
            ours: Some(Flow::In(capture.amount)),
            theirs: None,
            suspense: None,
            checkout_id: Some(capture.checkout_id.clone()),
            workflow_id: None,
            evidence: Evidence { ours: ours.to_string(), theirs: "{}".to_owned() },
        };
        by_order.insert(capture.checkout_id.to_string(), found);
    }
    run.note(&by_order.into_values().collect::<Vec<_>>()).await?;
    Ok(())
}

/// Why a row is not kept.
enum RowProblem {
    /// It lacks what a row must have.
    Unreadable(String),
    /// Its amounts contradict each other.
    DoesNotAddUp(String),
}

fn received(row: &Settlement) -> Result<ReceivedRow, RowProblem> {
    let missing = |what: &str| RowProblem::Unreadable(format!("a settlement row has no {what}"));
    let currency = known_currency(row.currency).map_err(|error| RowProblem::Unreadable(error.to_string()))?;
    let flow = |minor: i64| {
        Flow::of_signed(minor, currency).map_err(|error| RowProblem::Unreadable(format!("a settlement row: {error}")))
    };
    let fees = (!row.fees.is_empty()).then(|| row.fees.iter().map(|fee| fee.fee).sum::<i64>());
    let fee = row.fee.or(fees).unwrap_or(row.amount - row.pay_out_amount);
    let vat = row.vat.unwrap_or_else(|| vat_in(fee.unsigned_abs()).cast_signed() * fee.signum());
    let supply = row.supply_amount.unwrap_or(fee - vat);
    if supply + vat != fee {
        return Err(RowProblem::DoesNotAddUp("supply and tax are not the fee".to_owned()));
    }
    let is_cancel = row.cancel.is_some() || row.amount < 0;
    let settled = SettlementRow {
        transaction_key: row.transaction_key.clone(),
        payment_key: row.payment_key.clone(),
        order: row.order_id.clone(),
        kind: if is_cancel { RowKind::Cancel } else { RowKind::Approval },
        amount: flow(row.amount)?,
        pay_out: flow(row.pay_out_amount)?,
        supply: flow(supply)?,
        vat: flow(vat)?,
        sold_on: day(row.sold_date.ok_or_else(|| missing("day of sale"))?).ok_or_else(|| missing("day of sale"))?,
        paid_out_on: day(row.paid_out_date.ok_or_else(|| missing("day of payout"))?)
            .ok_or_else(|| missing("day of payout"))?,
        approved_at: row.approved_at.map(to_timestamp),
        method: row.method.as_ref().map(|method| method.as_str().to_owned()),
        merchant_id: row.m_id.clone(),
    };
    settled.check().map_err(|error| RowProblem::DoesNotAddUp(error.to_string()))?;
    Ok(ReceivedRow { row: settled, received: shown(row).to_string() })
}

/// What is kept of a row as evidence: its names, amounts and days.
fn shown(row: &Settlement) -> serde_json::Value {
    json!({
        "transaction_key": row.transaction_key,
        "order": row.order_id,
        "currency": row.currency.as_str(),
        "amount": row.amount,
        "fee": row.fee,
        "supply_amount": row.supply_amount,
        "vat": row.vat,
        "pay_out_amount": row.pay_out_amount,
        "sold_date": row.sold_date.map(|date| date.to_string()),
        "paid_out_date": row.paid_out_date.map(|date| date.to_string()),
        "approved_at": row.approved_at.map(|at| at.to_rfc3339()),
        "method": row.method.as_ref().map(|method| method.as_str()),
        "merchant_id": row.m_id,
        "is_cancel": row.cancel.is_some(),
    })
}

/// One transaction key in two rows: which of them is meant, nobody knows. One is booked.
fn twice(row: &Settlement, sold_on: Day) -> Result<Finding, StepError> {
    of_row(row, sold_on, BreakType::Ambiguous, "the PSP lists the row twice")
}

fn odd(row: &Settlement, sold_on: Day, reason: &str) -> Result<Finding, StepError> {
    of_row(row, sold_on, BreakType::AmountsDiffer, reason)
}

fn of_row(row: &Settlement, sold_on: Day, break_type: BreakType, reason: &str) -> Result<Finding, StepError> {
    let currency = known_currency(row.currency)?;
    Ok(Finding {
        layer: Layer::Settlements,
        break_type,
        class: break_type.class(),
        key: row.transaction_key.clone(),
        day: sold_on,
        currency,
        ours: None,
        theirs: Flow::of_signed(row.amount, currency).ok(),
        suspense: None,
        checkout_id: CheckoutId::parse(row.order_id.clone()).ok(),
        workflow_id: None,
        evidence: Evidence { ours: json!({ "reason": reason }).to_string(), theirs: shown(row).to_string() },
    })
}

fn day(date: NaiveDate) -> Option<Day> {
    date.to_string().parse().ok()
}

fn date(day: Day) -> Result<NaiveDate, StepError> {
    day.to_string().parse().map_err(|_| incomplete(format!("{day} is no day of the PSP's calendar")))
}
