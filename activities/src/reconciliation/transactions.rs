//! The PSP's transactions against the books.
//!
//! First all that moved in an hour is listed on both sides; where a checkout's sums differ, the PSP is asked about its
//! payments themselves and the books about its whole life, because the two do not write down a movement at the same
//! instant. The list of the PSP only says where to look: that an order differs is never said by it alone.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, FixedOffset, Utc};
use domain::{
    Currency, Timestamp,
    id::CheckoutId,
    reconciliation::{Compared, Finding, Standing, Turnover},
    refund::RefundStatus,
};
use futures::TryStreamExt as _;
use store::{CheckoutRecord, EntryFilter, RefundRecord};
use toss::{Payment, PaymentStatus, Transaction};

use super::{
    classes::{self, Examined},
    source::{READINGS, StepError, if_known, incomplete, known_currency, money, patiently},
    step::{Figures, StepRun},
};
use crate::psp::to_timestamp;

/// What is listed at once: memory grows with what moved in this time.
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// How many orders of one step are looked at closely. More than that is no break but a wrong account or a database of
/// another day.
const MOST_EXAMINED: usize = 1_000;

/// What an order's movements in a slice of time came to on both sides.
#[derive(Debug, Clone, Default)]
struct Seen {
    at_psp: Option<Turnover>,
    in_books: Option<Turnover>,
    payments: BTreeSet<String>,
    moved_at: Option<Timestamp>,
    /// Whether its amounts do not add up.
    is_odd: bool,
}

/// Compares what moved from one instant until another.
pub(super) async fn compare(run: &StepRun<'_>, from: Timestamp, to: Timestamp) -> Result<Figures, StepError> {
    let mut figures = Figures::default();
    let mut examined = 0;
    let mut begins = from;
    while begins < to {
        let ends = begins.plus_ms(HOUR_MS).min(to);
        run.alive().await;
        let moved = moved_between(run, begins, ends, &mut figures).await?;
        let mut findings = Vec::new();
        for (order, seen) in moved.into_iter().filter(|(_, seen)| !seen.is_the_same()) {
            examined += 1;
            if examined > MOST_EXAMINED {
                let reason = format!(
                    "more than {MOST_EXAMINED} orders seem to differ: is this the database, and are these the keys, of \
                     one shop?"
                );
                return Err(incomplete(reason));
            }
            run.alive().await;
            findings.extend(examine_settled(run, &order, &seen, &mut figures).await?);
        }
        run.note(&findings).await?;
        run.report(format!("transactions until {}", domain::calendar::KoreanTime(ends)), figures.of("transactions"));
        begins = ends;
    }
    Ok(figures)
}

/// What moved from one instant until another, order by order, added to the figures.
async fn moved_between(
    run: &StepRun<'_>,
    from: Timestamp,
    to: Timestamp,
    figures: &mut Figures,
) -> Result<HashMap<String, Seen>, StepError> {
    let mut orders: HashMap<String, Seen> = HashMap::new();
    let filter = EntryFilter { from: Some(from), to: Some(to), ..EntryFilter::default() };
    // The row of an account that was opened and not paid into moves nothing, and is no payment to ask about.
    for transaction in listed_twice(run, from, to).await?.into_iter().filter(|transaction| transaction.amount != 0) {
        let turnover = turnover_of_transaction(&transaction)?;
        figures.add("transactions", 1);
        add_turnover(figures, "at_psp", turnover);
        let seen = orders.entry(transaction.order_id).or_default();
        seen.is_odd |= !add_if_alike(&mut seen.at_psp, turnover);
        seen.payments.insert(transaction.payment_key);
        seen.moved_at = seen.moved_at.max(transaction.transaction_at.map(to_timestamp));
    }
    for (checkout_id, turnover) in run.of.reader.psp_turnover(&filter).await? {
        add_turnover(figures, "in_books", turnover);
        let seen = orders.entry(checkout_id.to_string()).or_default();
        seen.is_odd |= !add_if_alike(&mut seen.in_books, turnover);
    }
    Ok(orders)
}

/// Every approval and cancellation from one instant until another, as two readings in a row say the same.
async fn listed_twice(run: &StepRun<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<Transaction>, StepError> {
    let mut before = listed(run, from, to).await?;
    for _ in 1..READINGS {
        let again = listed(run, from, to).await?;
        let is_same = again.len() == before.len()
            && again
                .iter()
                .zip(&before)
                .all(|(one, other)| (&one.transaction_key, one.amount) == (&other.transaction_key, other.amount));
        if is_same {
            return Ok(again);
        }
        before = again;
    }
    Err(incomplete("the PSP's list of transactions was another one at each reading"))
}

/// The PSP's times are whole seconds.
async fn listed(run: &StepRun<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<Transaction>, StepError> {
    let (start, end) = (to_toss_time(from), to_toss_time(to.plus_ms(999)));
    let mut listed: Vec<_> = patiently(|| run.of.toss.transactions(start, end).try_collect()).await?;
    listed.retain(|transaction: &Transaction| {
        transaction.transaction_at.is_none_or(|at| (from..to).contains(&to_timestamp(at)))
    });
    Ok(listed)
}

/// Examines an order, and a break once more: money may have moved between the two questions.
async fn examine_settled(
    run: &StepRun<'_>,
    order: &str,
    seen: &Seen,
    figures: &mut Figures,
) -> Result<Option<Finding>, StepError> {
    let mut examined = examine(run, order, seen).await?;
    if examined.compared.standing(run.request.run.settled_by).is_break() {
        examined = examine(run, order, seen).await?;
    }
    match examined.compared.standing(run.request.run.settled_by) {
        Standing::Agrees if examined.held_payments() < 2 => Ok(None),
        Standing::UnderWay => {
            figures.add("under_way", 1);
            Ok(None)
        }
        Standing::BeforeAPerson => {
            figures.add("before_a_person", 1);
            Ok(None)
        }
        Standing::Agrees | Standing::Break(_) => Ok(Some(classes::finding(order, &examined, run.day()?))),
    }
}

/// Asks both sides about the whole life of one order.
async fn examine(run: &StepRun<'_>, order: &str, seen: &Seen) -> Result<Examined, StepError> {
    let (toss, reader) = (&run.of.toss, &run.of.reader);
    let checkout_id = CheckoutId::parse(order).ok();
    let record: Option<CheckoutRecord> = match &checkout_id {
        Some(checkout_id) => reader.checkout(checkout_id).await?,
        None => None,
    };
    let mut payments: Vec<Payment> = Vec::new();
    let mut to_ask = seen.payments.clone();
    to_ask.extend(record.iter().filter_map(|record| Some(record.psp.as_ref()?.payment_key.as_str().to_owned())));
    if let Some(payment) = if_known(patiently(|| toss.payment_by_order(order))).await? {
        to_ask.remove(&payment.payment_key);
        payments.push(payment);
    }
    for payment_key in to_ask {
        let payment = if_known(patiently(|| toss.payment(&payment_key))).await?;
        if payment.is_none() && seen.payments.contains(&payment_key) {
            return Err(incomplete("the PSP lists a payment, and does not know that payment"));
        }
        payments.extend(payment.filter(|payment| payment.order_id == order));
    }
    let mut at_psp: Option<Turnover> = None;
    for payment in &payments {
        at_psp = Some(sum(at_psp, turnover_of_payment(payment)?)?);
    }
    // Read last: what was booked meanwhile is seen.
    let (mut in_books, mut refunds) = (None, Vec::new());
    if let Some(checkout_id) = checkout_id {
        let filter = EntryFilter { checkout_id: Some(checkout_id.clone()), ..EntryFilter::default() };
        for (_, turnover) in reader.psp_turnover(&filter).await? {
            in_books = Some(sum(in_books, turnover)?);
        }
        refunds = reader.refunds_of(&checkout_id).await?;
    }
    let stuck = |refund: &RefundRecord| (refund.status == RefundStatus::Stuck).then_some(refund.amount?);
    let currency = at_psp.or(in_books).map_or(Currency::Krw, |turnover| turnover.taken.currency());
    let compared = Compared {
        in_books: in_books.unwrap_or(Turnover::zero(currency)),
        at_psp: at_psp.unwrap_or(Turnover::zero(currency)),
        moved_at: seen.moved_at,
        status: record.as_ref().map(|record| record.status),
        stuck_refunds: refunds.iter().filter_map(stuck).collect(),
    };
    Ok(Examined { compared, record, payments, refunds })
}

impl Seen {
    /// Of several payments of one order the rows may hide each other.
    fn is_the_same(&self) -> bool {
        if self.is_odd || self.payments.len() > 1 {
            return false;
        }
        match (self.at_psp, self.in_books) {
            (Some(at_psp), Some(in_books)) => at_psp.leaves_the_same(in_books),
            (Some(alone), None) | (None, Some(alone)) => alone.leaves_nothing(),
            (None, None) => true,
        }
    }
}

/// Whether the PSP's list of cancellations is below zero is not documented, so the status says the direction. An
/// account that is canceled before anybody paid into it is listed too, with its amount: its order is looked at more
/// closely.
fn turnover_of_transaction(transaction: &Transaction) -> Result<Turnover, StepError> {
    let amount = money(transaction.amount.unsigned_abs(), transaction.currency)?;
    Ok(match &transaction.status {
        PaymentStatus::Canceled | PaymentStatus::PartialCanceled | PaymentStatus::WaitingForDeposit => {
            Turnover::of_given_back(amount)
        }
        PaymentStatus::Done
        | PaymentStatus::Ready
        | PaymentStatus::InProgress
        | PaymentStatus::Aborted
        | PaymentStatus::Expired
        | PaymentStatus::Other(_) => Turnover::of_taken(amount),
    })
}

/// Of a payment whose status this version does not know, what could be canceled is taken for held.
fn turnover_of_payment(payment: &Payment) -> Result<Turnover, StepError> {
    let total = money(payment.total_amount, payment.currency)?;
    let held = money(payment.balance_amount, payment.currency)?;
    match &payment.status {
        PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled | PaymentStatus::Other(_) => {
            let given_back = total.minus(held.least(total)).map_err(|error| incomplete(error.to_string()))?;
            Ok(Turnover { taken: total, given_back })
        }
        PaymentStatus::Ready
        | PaymentStatus::InProgress
        | PaymentStatus::WaitingForDeposit
        | PaymentStatus::Aborted
        | PaymentStatus::Expired => Ok(Turnover::zero(known_currency(payment.currency)?)),
    }
}

fn sum(before: Option<Turnover>, turnover: Turnover) -> Result<Turnover, StepError> {
    before
        .map_or(Ok(turnover), |before| before.plus(turnover))
        .map_err(|error| incomplete(format!("the amounts of an order cannot be added: {error}")))
}

/// Answers whether it could be added.
fn add_if_alike(to: &mut Option<Turnover>, turnover: Turnover) -> bool {
    to.map_or(Ok(turnover), |before| before.plus(turnover)).map(|sum| *to = Some(sum)).is_ok()
}

/// Sums by side and currency: `at_psp_taken_KRW`.
fn add_turnover(figures: &mut Figures, side: &str, turnover: Turnover) {
    let currency = turnover.taken.currency();
    for (part, amount) in [("taken", turnover.taken), ("given_back", turnover.given_back)] {
        figures.add(format!("{side}_{part}_{currency}"), amount.minor().cast_signed());
    }
}

fn to_toss_time(at: Timestamp) -> DateTime<FixedOffset> {
    DateTime::<Utc>::from_timestamp_millis(at.epoch_ms()).unwrap_or_default().fixed_offset()
}
