//! The PSP's settlement rows: booked once each, and compared with what was captured.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use domain::{
    Currency, Timestamp,
    calendar::Day,
    id::CheckoutId,
    reconciliation::{
        BreakClass, BreakType, Evidence, Expectation, Fact, Finding, Layer, match_all, repair::RepairRule,
    },
    settlement::{Counter, Exchange, Flow, RowKind, SettlementRow, TakenFee, vat_in},
};
use futures::{Stream, StreamExt as _, stream};
use serde_json::json;
use store::{
    CanceledPayment, CapturedCheckout, ReceivedRow, Refusal, Repaired, Residue, ReversedSettlement, RowBooking,
    RowPage, RowPlace, SettlementBookings, StoreError, StoredRow, UnsettledCapture,
};
use toss::Settlement;

use super::{
    balances::blank,
    source::{StepError, incomplete, known_currency},
    step::{Figures, StepRun, hours},
};
use crate::psp::to_timestamp;

/// How many rows are kept or booked by one transaction, or read for one comparison: as many as a page of the PSP's list
/// has.
pub(super) const PAGE: usize = 1_000;
/// The name of the figure that counts rows that the rule left out.
const LEFT_OUT: &str = "left_unbooked";
/// How many payments without a row are named.
const MOST_MISSING: u64 = 1_000;
/// After how many business days a row that is missing is overdue, besides the day on which it is published.
const CUT_OFF_DAYS: u16 = 2;

/// Books the rows of a day of sale that are not booked yet, and compares all of them with the books.
pub(super) async fn settle(run: &StepRun<'_>, sold_on: Day) -> Result<Figures, StepError> {
    let closed_before = run.of.reader.books_state().await?.closed_before;
    let (mut figures, mut rows_of_day) = (Figures::default(), 0_u64);
    // One page is read and looked up in the books while the one before is booked.
    let mut pages = std::pin::pin!(pages(run, sold_on).peekable());
    while let Some(page) = pages.as_mut().next().await {
        let page = page?;
        rows_of_day += page.rows.len() as u64;
        let (of_page, _next) = futures::join!(settle_page(run, page, closed_before), pages.as_mut().peek());
        figures.merge(of_page?);
        run.alive().await;
        run.report(format!("settlement rows of {sold_on} booked"), rows_of_day);
    }
    rounding(run, sold_on, &mut figures).await?;
    unbooked(run, sold_on, &figures).await?;
    missing(run, sold_on, rows_of_day, &mut figures).await?;
    Ok(figures)
}

/// Rows, with what the books know of their checkouts.
struct Page {
    rows: Vec<StoredRow>,
    checkouts: HashMap<String, CapturedCheckout>,
}

/// The rows of a day of sale, page by page.
fn pages(run: &StepRun<'_>, sold_on: Day) -> impl Stream<Item = Result<Page, StepError>> {
    let reader = &run.of.reader;
    stream::try_unfold(None::<RowPlace>, move |after| async move {
        let RowPage { rows, last } = reader.settlement_rows(sold_on, after.as_ref(), PAGE as u64).await?;
        let Some(last) = last else { return Ok(None) };
        let ids: HashSet<String> = rows.iter().map(|stored| stored.row.order.clone()).collect();
        let checkouts = reader.captured_checkouts(&ids.into_iter().collect::<Vec<_>>()).await?;
        Ok(Some((Page { rows, checkouts }, Some(last))))
    })
}

/// Books and compares a page. Answers what its rows came to.
async fn settle_page(
    run: &StepRun<'_>,
    Page { rows, checkouts }: Page,
    closed_before: Option<Timestamp>,
) -> Result<Figures, StepError> {
    let mut figures = Figures::default();
    let (mut findings, mut bookings) = (taken_back(run, &rows).await?, Vec::new());
    for stored in rows {
        let judged = judge(run, &stored, checkouts.get(&stored.row.order))?;
        count(&stored.row, &mut figures);
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
    findings.extend(book(run, bookings, &mut figures).await?);
    run.note(&findings).await?;
    Ok(figures)
}

/// What a row comes to, in each of its currencies by itself.
fn count(row: &SettlementRow, figures: &mut Figures) {
    let mut add = |currency: Currency, amounts: [(&str, i64); 4]| {
        for (figure, amount) in amounts {
            figures.add(format!("{figure}_{currency}"), amount);
        }
    };
    let [gross, fee, vat] = [("gross", row.amount.signed()), ("fee", row.fee()), ("vat", row.vat.signed())];
    match &row.exchange {
        None => add(row.currency(), [gross, fee, vat, ("net", row.pay_out.signed())]),
        Some(exchange) => {
            add(row.currency(), [gross, fee, vat, ("exchanged", row.pay_out.reversed().signed())]);
            let (given, fee, vat) = (exchange.amount.signed(), exchange.fee(), exchange.vat.signed());
            let paid = exchange.pay_out.signed();
            add(exchange.currency(), [("exchanged", given), ("fee", fee), ("vat", vat), ("net", paid)]);
        }
    }
}

/// Rows whose entry somebody took back, entry by entry. The machine does not book them again.
async fn taken_back(run: &StepRun<'_>, page: &[StoredRow]) -> Result<Vec<Finding>, StoreError> {
    let keys: HashSet<&str> = page.iter().filter_map(|stored| stored.entry_key.as_deref()).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let unbooked = |taken_back: ReversedSettlement| {
        let ReversedSettlement { entry_key, sold_on, rows, amount } = taken_back;
        // What the break is about is named as the PSP's row is, where it is one row.
        let subject = entry_key.split_once(':').map_or(&*entry_key, |(_, subject)| subject);
        Finding {
            class: BreakClass::Finance,
            theirs: Some(amount),
            evidence: Evidence {
                ours: json!({ "taken_back": entry_key }).to_string(),
                theirs: json!({ "rows": rows, "amount": amount.to_decimal_string() }).to_string(),
            },
            ..blank(Layer::Settlements, BreakType::SettlementUnbooked, subject, sold_on, amount.amount().currency())
        }
    };
    let keys: Vec<&str> = keys.into_iter().collect();
    Ok(run.of.reader.reversed_settlements(&keys).await?.into_iter().map(unbooked).collect())
}

/// Books rows, as far as the rule and its limit of a day allow. A row that the books refuse is a break, and does not
/// hold up the others.
async fn book(run: &StepRun<'_>, bookings: Vec<RowBooking>, figures: &mut Figures) -> Result<Vec<Finding>, StoreError> {
    let limits = &run.of.rules.repairs;
    // Shown as zero where nothing is left to book.
    figures.add("booked_now", 0);
    if !limits.is_on(RepairRule::BookSettlement) {
        leave_out(&bookings, figures);
        return Ok(Vec::new());
    }
    let count = i64::try_from(bookings.len()).unwrap_or(i64::MAX);
    let all = SettlementBookings { rows: bookings.clone(), limits: limits.clone() };
    match run.of.writer.book_settlement_rows(all).await {
        Ok(_) => {
            figures.add("booked_now", count);
            Ok(Vec::new())
        }
        // The books refuse one of them, and so all. Each by itself says which.
        Err(StoreError::Refused(_)) => book_each(run, bookings, figures).await,
        Err(error) => Err(error),
    }
}

async fn book_each(
    run: &StepRun<'_>,
    bookings: Vec<RowBooking>,
    figures: &mut Figures,
) -> Result<Vec<Finding>, StoreError> {
    let limits = &run.of.rules.repairs;
    let mut refused = Vec::new();
    for booking in bookings {
        let alone = SettlementBookings { rows: vec![booking.clone()], limits: limits.clone() };
        match run.of.writer.book_settlement_rows(alone).await {
            Ok(_) => figures.add("booked_now", 1),
            Err(StoreError::Refused(Refusal::RuleLimit { .. })) => leave_out(&[booking], figures),
            Err(StoreError::Refused(refusal)) => {
                let received = json!({ "reason": refusal.to_string() }).to_string();
                let stored = StoredRow { row: booking.row, counter: None, entry_key: None, received };
                refused.push(finding(BreakType::AmountsDiffer, &stored, None));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// Books what rounding left over of payments that were given back in full. What the rule leaves alone is a break.
async fn rounding(run: &StepRun<'_>, sold_on: Day, figures: &mut Figures) -> Result<(), StepError> {
    let mut findings = Vec::new();
    for payment in run.of.reader.canceled_payments(sold_on, MOST_MISSING).await? {
        let CanceledPayment { order, currency, rows } = payment;
        let Some(Ok(amount)) = rows.residue().map(|residue| Flow::of_signed(residue, currency)) else { continue };
        let finding = Finding {
            ours: Flow::of_signed(0, currency).ok(),
            theirs: Some(amount),
            checkout_id: CheckoutId::parse(order.clone()).ok(),
            evidence: Evidence {
                ours: json!({ "order": &order }).to_string(),
                theirs: json!({ "rows": rows.rows, "supply": rows.supply, "vat": rows.vat }).to_string(),
            },
            ..blank(Layer::Settlements, BreakType::RoundingResidue, &order, sold_on, currency)
        };
        let (run_id, today) = (run.request.run.run_id.clone(), run.as_of()?);
        let residue = Residue { finding: finding.clone(), amount, run_id, today };
        match run.of.writer.book_rounding(&residue, &run.of.rules.repairs).await? {
            Repaired::Now => figures.add("rounding_booked_now", 1),
            Repaired::Before => {}
            Repaired::LeftOut | Repaired::OverLimit => {
                findings.push(Finding { class: BreakClass::Finance, ..finding });
            }
        }
        run.alive().await;
    }
    Ok(run.note(&findings).await?)
}

/// Counts rows that the rule does not book.
fn leave_out(bookings: &[RowBooking], figures: &mut Figures) {
    for RowBooking { row, .. } in bookings {
        figures.add(LEFT_OUT, 1);
        figures.add(format!("{LEFT_OUT}_{}", row.currency()), row.pay_out.signed());
    }
}

/// Rows of a day that the rule did not book are one break for each currency.
async fn unbooked(run: &StepRun<'_>, sold_on: Day, figures: &Figures) -> Result<(), StepError> {
    let mut findings = Vec::new();
    for currency in Currency::ALL {
        let Some(net) = figures.0.get(&format!("{LEFT_OUT}_{currency}")).copied() else { continue };
        let rule = RepairRule::BookSettlement;
        let is_on = run.of.rules.repairs.is_on(rule);
        let ours = json!({ "rule": rule.as_str(), "is_on": is_on, "rows": figures.of(LEFT_OUT) });
        let subject = format!("{sold_on} {currency}");
        findings.push(Finding {
            class: BreakClass::Finance,
            theirs: Flow::of_signed(net, currency).ok(),
            evidence: Evidence { ours: ours.to_string(), theirs: json!({ "net": net }).to_string() },
            ..blank(Layer::Settlements, BreakType::SettlementUnbooked, &subject, sold_on, currency)
        });
    }
    Ok(run.note(&findings).await?)
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
    let contract = run.of.rules.fee_contracts.of(row.currency());
    if contract.is_some_and(|contract| !contract.explains(row)) {
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
    // What a break of a fee is about is the fee, in the currency in which it was taken.
    let (currency, theirs) = match break_type {
        BreakType::FeeDiffers | BreakType::FeeNotReturned => {
            let TakenFee { of, minor } = row.taken_fee();
            let currency = of.amount().currency();
            (currency, Flow::of_signed(minor, currency).ok())
        }
        _ => (row.currency(), Some(row.amount)),
    };
    Finding {
        layer: Layer::Settlements,
        break_type,
        class: break_type.class(),
        key: row.transaction_key.clone(),
        day: row.sold_on,
        currency,
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
    let captures = without_row(run, day).await?;
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

/// Captured payments of a day without a row, hour by hour: one statement over a large day takes too long.
async fn without_row(run: &StepRun<'_>, day: Day) -> Result<Vec<UnsettledCapture>, StepError> {
    let mut captures = Vec::new();
    for hour in hours(day.start(), day.next().start()) {
        let room = MOST_MISSING.saturating_sub(captures.len() as u64);
        if room == 0 {
            break;
        }
        captures.extend(run.of.reader.captures_without_row(hour.start, hour.end, room).await?);
        run.alive().await;
    }
    Ok(captures)
}

/// Why a row is not kept.
pub(super) enum RowProblem {
    /// It lacks what a row must have.
    Unreadable(String),
    /// Its amounts contradict each other.
    DoesNotAddUp(String),
}

pub(super) fn received(row: &Settlement) -> Result<ReceivedRow, RowProblem> {
    let missing = |what: &str| RowProblem::Unreadable(format!("a settlement row has no {what}"));
    let currency = known_currency(row.currency).map_err(|error| RowProblem::Unreadable(error.to_string()))?;
    let flow = |minor: i64| {
        Flow::of_signed(minor, currency).map_err(|error| RowProblem::Unreadable(format!("a settlement row: {error}")))
    };
    let exchange = row.exchange.as_ref().map(exchanged).transpose()?;
    let fees = (!row.fees.is_empty()).then(|| row.fees.iter().map(|fee| fee.fee).sum::<i64>());
    let fee = row.fee.or(fees).unwrap_or(row.amount - row.pay_out_amount);
    let [supply, vat] = parts_of(fee, row.supply_amount, row.vat)
        .ok_or_else(|| RowProblem::DoesNotAddUp("supply and tax are not the fee".to_owned()))?;
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
        exchange,
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

/// Supply and tax of a fee, computed where the PSP does not write them. Nothing where they are not the fee.
fn parts_of(fee: i64, supply: Option<i64>, vat: Option<i64>) -> Option<[i64; 2]> {
    let vat = vat.unwrap_or_else(|| vat_in(fee.unsigned_abs()).cast_signed() * fee.signum());
    let supply = supply.unwrap_or(fee - vat);
    (supply + vat == fee).then_some([supply, vat])
}

/// What the PSP gave for a row in another currency.
fn exchanged(exchange: &toss::Exchange) -> Result<Exchange, RowProblem> {
    let unreadable = |what: String| RowProblem::Unreadable(format!("the exchange of a settlement row: {what}"));
    let currency = known_currency(exchange.currency).map_err(|error| unreadable(error.to_string()))?;
    let flow = |minor: i64| Flow::of_signed(minor, currency).map_err(|error| unreadable(error.to_string()));
    let fields = &exchange.fields;
    let fee = fields.fee.unwrap_or(fields.amount - fields.pay_out_amount);
    let [supply, vat] = parts_of(fee, fields.supply_amount, fields.vat)
        .ok_or_else(|| RowProblem::DoesNotAddUp("supply and tax of the exchange are not its fee".to_owned()))?;
    let (amount, pay_out) = (flow(fields.amount)?, flow(fields.pay_out_amount)?);
    Ok(Exchange { amount, pay_out, supply: flow(supply)?, vat: flow(vat)? })
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
        "exchange": row.exchange.as_ref().map(|exchange| json!({
            "currency": exchange.currency.as_str(),
            "amount": exchange.fields.amount,
            "fee": exchange.fields.fee,
            "supply_amount": exchange.fields.supply_amount,
            "vat": exchange.fields.vat,
            "pay_out_amount": exchange.fields.pay_out_amount,
        })),
    })
}

/// One transaction key in two rows: which of them is meant, nobody knows. One is booked.
pub(super) fn twice(row: &Settlement, sold_on: Day) -> Result<Finding, StepError> {
    of_row(row, sold_on, BreakType::Ambiguous, "the PSP lists the row twice")
}

pub(super) fn odd(row: &Settlement, sold_on: Day, reason: &str) -> Result<Finding, StepError> {
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

pub(super) fn date(day: Day) -> Result<NaiveDate, StepError> {
    day.to_string().parse().map_err(|_| incomplete(format!("{day} is no day of the PSP's calendar")))
}
