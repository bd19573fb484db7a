//! What the PSP says it took and gave back, held against the books.
//!
//! Not an activity of a workflow: `daegeum reconcile` asks for it. First all that moved in a window of time is listed
//! on both sides, an hour at a time; where a checkout's sums differ, the PSP is asked about its payments themselves and
//! the books about its whole life, because the two do not write down a movement at the same instant. The list of the
//! PSP only says where to look: that an order differs is never said by it alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry},
    time::Duration,
};

use chrono::{DateTime, FixedOffset, Utc};
use domain::{
    Currency, Money, Timestamp,
    id::CheckoutId,
    money::MoneyError,
    reconciliation::{Compared, Standing, Turnover},
    refund::RefundStatus,
};
use futures::TryStreamExt as _;
use store::{EntryFilter, OnReadProgress, ReadProgress, Reader, RefundRecord, StoreError};
use toss::{Class, Client, Meaning, Payment, PaymentStatus, Transaction};

use crate::psp::{to_currency, to_timestamp};

/// What is listed at once: memory grows with what moved in this time.
const SLICE_MS: u64 = 60 * 60 * 1_000;
/// How many differences are listed. More than that is no break but a wrong account or a database of another day.
pub const MOST_DIFFERENCES: usize = 1_000;
/// How often a question to the PSP is put.
const ATTEMPTS: u32 = 5;
/// How long is waited before the second of them; each time it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// From this HTTP status on, the PSP has a fault of its own. To ask changes nothing, so it is asked again.
const SERVER_ERROR: u16 = 500;

/// Why a comparison did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReconciliationError {
    /// The PSP did not say.
    #[error("the PSP did not say what it holds")]
    Psp(#[source] Box<toss::Error>),
    /// The database did not say.
    #[error("the books could not be read")]
    Store(#[from] StoreError),
    /// What the PSP says of an order cannot be.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Why an order cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Sums that cannot be.
    #[error("{order}: the amounts cannot be added")]
    Money {
        /// The order.
        order: String,
        /// Why.
        #[source]
        source: MoneyError,
    },
    /// Money in what the books know as no currency.
    #[error("{order}: the PSP names amounts in {currency}, in which nothing is booked")]
    Currency {
        /// The order.
        order: String,
        /// What the PSP calls it.
        currency: toss::Currency,
    },
    /// The PSP lists a payment that it does not know.
    #[error("{order}: the PSP lists a payment of it, and does not know that payment")]
    ListedAndUnknown {
        /// The order.
        order: String,
    },
}

impl From<toss::Error> for ReconciliationError {
    fn from(error: toss::Error) -> Self {
        Self::Psp(Box::new(error))
    }
}

/// Compares the books with the PSP's.
#[derive(Debug, Clone)]
pub struct Reconciliation {
    /// The PSP.
    pub client: Client,
    /// The books.
    pub reader: Reader,
}

/// Which time is compared, and what may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From when on.
    pub from: Timestamp,
    /// Until when, this instant not included.
    pub to: Timestamp,
    /// What the PSP moved after it may not be booked yet.
    pub settled_by: Timestamp,
}

/// What moved in a period, by currency, as one side says.
pub type Moved = BTreeMap<Currency, Turnover>;

/// A checkout, or an order of the PSP's that is no checkout of ours, where the two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its id at both.
    pub order: String,
    /// What each says of it.
    pub compared: Compared,
    /// What it means; never [`Standing::Agrees`].
    pub standing: Standing,
}

/// What came of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What moved, as the PSP says.
    pub at_psp: Moved,
    /// What moved, by the books.
    pub in_books: Moved,
    /// How many approvals and cancellations the PSP listed.
    pub transactions: u64,
    /// Where they differ, in the order of their ids.
    pub differences: Vec<Difference>,
    /// What could not be compared, and why.
    pub unreadable: Vec<Unreadable>,
    /// How many more seem to differ and were not looked at: after [`MOST_DIFFERENCES`], or after giving up.
    pub unexamined: u64,
    /// Until when both sides were listed; nothing where not even the beginning was.
    pub listed_until: Option<Timestamp>,
}

/// How a comparison ended.
#[derive(Debug)]
pub struct Comparison {
    /// What was found.
    pub report: Report,
    /// Why it did not come to its end; nothing where it did. What was found until then stands in the report.
    pub gave_up: Option<ReconciliationError>,
}

/// What an order's movements in a slice of time came to on both sides.
#[derive(Debug, Clone, Default)]
struct Seen {
    at_psp: Option<Turnover>,
    in_books: Option<Turnover>,
    trace: Trace,
    /// Whether its amounts do not add up.
    is_odd: bool,
}

/// Where to look more closely: the payments under which the PSP listed an order, and when it did last.
#[derive(Debug, Clone, Default)]
struct Trace {
    payments: BTreeSet<String>,
    moved_at: Option<Timestamp>,
}

impl Reconciliation {
    /// Compares all that moved in a period. What differs on a second and closer look is in the report, also where the
    /// comparison did not come to its end.
    pub async fn compare(&self, period: Period, on_progress: OnReadProgress<'_>) -> Comparison {
        let mut report = Report::default();
        let gave_up = self.compare_into(&mut report, period, on_progress).await.err();
        Comparison { report, gave_up }
    }

    async fn compare_into(
        &self,
        report: &mut Report,
        period: Period,
        on_progress: OnReadProgress<'_>,
    ) -> Result<(), ReconciliationError> {
        let mut gave_up = None;
        let mut suspects: BTreeMap<String, Trace> = BTreeMap::new();
        let (mut from, mut done) = (period.from, 0);
        while from < period.to {
            let to = from.plus_ms(SLICE_MS).min(period.to);
            let moved = match self.moved_between(from, to, report).await {
                Ok(moved) => moved,
                // What differs in the hours before is looked at all the same.
                Err(error) => {
                    gave_up = Some(error);
                    break;
                }
            };
            for (order, seen) in moved {
                if !seen.is_the_same() {
                    suspects.entry(order).or_default().extend(seen.trace);
                }
            }
            report.listed_until = Some(to);
            (from, done) = (to, done + 1);
            on_progress(ReadProgress { of: "hours", done, total: period.to.ms_since(period.from).div_ceil(SLICE_MS) });
        }
        let total = suspects.len() as u64;
        for (done, (order, trace)) in (1..).zip(suspects) {
            if report.differences.len() + report.unreadable.len() >= MOST_DIFFERENCES {
                report.unexamined = total + 1 - done;
                break;
            }
            match self.examine_settled(&order, &trace, period.settled_by).await {
                Ok((_, Standing::Agrees)) => {}
                Ok((compared, standing)) => report.differences.push(Difference { order, compared, standing }),
                Err(ReconciliationError::Unreadable(unreadable)) => report.unreadable.push(unreadable),
                Err(error) => {
                    report.unexamined = total + 1 - done;
                    return Err(gave_up.unwrap_or(error));
                }
            }
            on_progress(ReadProgress { of: "orders that seem to differ", done, total });
        }
        gave_up.map_or(Ok(()), Err)
    }

    /// Examines an order, and a break once more: money may have moved between the two questions.
    async fn examine_settled(
        &self,
        order: &str,
        trace: &Trace,
        settled_by: Timestamp,
    ) -> Result<(Compared, Standing), ReconciliationError> {
        let mut compared = self.examine(order, trace).await?;
        if compared.standing(settled_by).is_break() {
            compared = self.examine(order, trace).await?;
        }
        let standing = compared.standing(settled_by);
        Ok((compared, standing))
    }

    /// What moved from one instant until another, order by order, added to the sums of the report.
    async fn moved_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        report: &mut Report,
    ) -> Result<HashMap<String, Seen>, ReconciliationError> {
        let mut orders: HashMap<String, Seen> = HashMap::new();
        let filter = EntryFilter { from: Some(from), to: Some(to), ..EntryFilter::default() };
        // Both sides are read before either is added to the sums: a slice stands in the report whole or not at all.
        let (listed, booked) = (self.listed(from, to).await?, self.reader.psp_turnover(&filter).await?);
        // The row of an account that was opened and not paid into moves nothing, and is no payment to ask about.
        for transaction in listed.into_iter().filter(|transaction| transaction.amount != 0) {
            let turnover = match turnover_of_transaction(&transaction) {
                Ok(turnover) => turnover,
                Err(ReconciliationError::Unreadable(unreadable)) => {
                    report.unreadable.push(unreadable);
                    continue;
                }
                Err(error) => return Err(error),
            };
            add(report.at_psp.entry(turnover.taken.currency()), turnover, &transaction.order_id)?;
            report.transactions += 1;
            let seen = orders.entry(transaction.order_id).or_default();
            seen.is_odd |= !add_if_alike(&mut seen.at_psp, turnover);
            seen.trace.payments.insert(transaction.payment_key);
            seen.trace.moved_at = seen.trace.moved_at.max(transaction.transaction_at.map(to_timestamp));
        }
        for (checkout_id, turnover) in booked {
            let order = checkout_id.to_string();
            add(report.in_books.entry(turnover.taken.currency()), turnover, &order)?;
            let seen = orders.entry(order).or_default();
            seen.is_odd |= !add_if_alike(&mut seen.in_books, turnover);
        }
        Ok(orders)
    }

    /// Every approval and cancellation from one instant until another. The PSP's times are whole seconds.
    async fn listed(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Transaction>, toss::Error> {
        let (start, end) = (to_toss_time(from), to_toss_time(to.plus_ms(999)));
        let mut listed: Vec<_> = patiently(|| self.client.transactions(start, end).try_collect()).await?;
        listed.retain(|transaction| transaction.transaction_at.is_none_or(|at| to_timestamp(at) < to));
        Ok(listed)
    }

    /// Asks both sides about the whole life of one order.
    async fn examine(&self, order: &str, trace: &Trace) -> Result<Compared, ReconciliationError> {
        let checkout_id = CheckoutId::parse(order).ok();
        let record = match &checkout_id {
            Some(checkout_id) => self.reader.checkout(checkout_id).await?,
            None => None,
        };
        let mut at_psp: Option<Turnover> = None;
        let mut payments = trace.payments.clone();
        payments.extend(record.iter().filter_map(|record| Some(record.psp.as_ref()?.payment_key.as_str().to_owned())));
        if let Some(payment) = if_known(patiently(|| self.client.payment_by_order(order))).await? {
            payments.remove(&payment.payment_key);
            at_psp = Some(sum(at_psp, turnover_of_payment(&payment, order)?, order)?);
        }
        for payment_key in payments {
            let payment = if_known(patiently(|| self.client.payment(&payment_key))).await?;
            if payment.is_none() && trace.payments.contains(&payment_key) {
                return Err(Unreadable::ListedAndUnknown { order: order.to_owned() }.into());
            }
            if let Some(payment) = payment.filter(|payment| payment.order_id == order) {
                at_psp = Some(sum(at_psp, turnover_of_payment(&payment, order)?, order)?);
            }
        }
        // Read last: what was booked meanwhile is seen.
        let (mut in_books, mut stuck_refunds) = (None, Vec::new());
        if let Some(checkout_id) = checkout_id {
            let filter = EntryFilter { checkout_id: Some(checkout_id.clone()), ..EntryFilter::default() };
            for (_, turnover) in self.reader.psp_turnover(&filter).await? {
                in_books = Some(sum(in_books, turnover, order)?);
            }
            let stuck = |refund: RefundRecord| (refund.status == RefundStatus::Stuck).then_some(refund.amount?);
            stuck_refunds = self.reader.refunds_of(&checkout_id).await?.into_iter().filter_map(stuck).collect();
        }
        let currency = at_psp.or(in_books).map_or(Currency::Krw, |turnover| turnover.taken.currency());
        Ok(Compared {
            in_books: in_books.unwrap_or(Turnover::zero(currency)),
            at_psp: at_psp.unwrap_or(Turnover::zero(currency)),
            moved_at: trace.moved_at,
            status: record.map(|record| record.status),
            stuck_refunds,
        })
    }
}

impl Seen {
    /// Of several payments of one order the rows may hide each other.
    fn is_the_same(&self) -> bool {
        if self.is_odd || self.trace.payments.len() > 1 {
            return false;
        }
        match (self.at_psp, self.in_books) {
            (Some(at_psp), Some(in_books)) => at_psp.leaves_the_same(in_books),
            (Some(alone), None) | (None, Some(alone)) => alone.leaves_nothing(),
            (None, None) => true,
        }
    }
}

impl Trace {
    fn extend(&mut self, other: Self) {
        self.payments.extend(other.payments);
        self.moved_at = self.moved_at.max(other.moved_at);
    }
}

/// Whether the PSP's list of cancellations is below zero is not documented, so the status says the direction. An
/// account that is canceled before anybody paid into it is listed too, with its amount: its order is looked at more
/// closely.
fn turnover_of_transaction(transaction: &Transaction) -> Result<Turnover, ReconciliationError> {
    let amount = money(transaction.amount.unsigned_abs(), transaction.currency, &transaction.order_id)?;
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
fn turnover_of_payment(payment: &Payment, order: &str) -> Result<Turnover, ReconciliationError> {
    let total = money(payment.total_amount, payment.currency, order)?;
    let held = money(payment.balance_amount, payment.currency, order)?;
    match &payment.status {
        PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled | PaymentStatus::Other(_) => {
            let given_back = total.minus(held.least(total)).map_err(|source| cannot_add(order, source))?;
            Ok(Turnover { taken: total, given_back })
        }
        PaymentStatus::Ready
        | PaymentStatus::InProgress
        | PaymentStatus::WaitingForDeposit
        | PaymentStatus::Aborted
        | PaymentStatus::Expired => Ok(Turnover::zero(total.currency())),
    }
}

fn money(minor: u64, currency: toss::Currency, order: &str) -> Result<Money, ReconciliationError> {
    let known = to_currency(currency).ok_or_else(|| Unreadable::Currency { order: order.to_owned(), currency })?;
    Money::try_from_minor(minor, known).map_err(|source| cannot_add(order, source))
}

fn plus(before: Option<Turnover>, turnover: Turnover) -> Result<Turnover, MoneyError> {
    before.map_or(Ok(turnover), |before| before.plus(turnover))
}

fn sum(before: Option<Turnover>, turnover: Turnover, order: &str) -> Result<Turnover, ReconciliationError> {
    plus(before, turnover).map_err(|source| cannot_add(order, source))
}

/// Answers whether it could be added.
fn add_if_alike(to: &mut Option<Turnover>, turnover: Turnover) -> bool {
    plus(*to, turnover).map(|sum| *to = Some(sum)).is_ok()
}

fn add(into: Entry<'_, Currency, Turnover>, turnover: Turnover, order: &str) -> Result<(), ReconciliationError> {
    let moved = into.or_insert_with(|| Turnover::zero(turnover.taken.currency()));
    *moved = sum(Some(*moved), turnover, order)?;
    Ok(())
}

fn cannot_add(order: &str, source: MoneyError) -> ReconciliationError {
    Unreadable::Money { order: order.to_owned(), source }.into()
}

fn to_toss_time(at: Timestamp) -> DateTime<FixedOffset> {
    DateTime::<Utc>::from_timestamp_millis(at.epoch_ms()).unwrap_or_default().fixed_offset()
}

/// A payment that the PSP does not know is an answer. One by an id that no question may hold can only be asked by its
/// key.
async fn if_known(
    answer: impl Future<Output = Result<Payment, toss::Error>>,
) -> Result<Option<Payment>, ReconciliationError> {
    match answer.await {
        Ok(payment) => Ok(Some(payment)),
        Err(error) if error.meaning() == Some(Meaning::UnknownPayment) => Ok(None),
        Err(toss::Error::Limit(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Asks again where the PSP may answer another time.
async fn patiently<T, A>(ask: impl Fn() -> A) -> Result<T, toss::Error>
where
    A: Future<Output = Result<T, toss::Error>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match ask().await {
            Err(error) if is_worth_another_try(&error) => tokio::time::sleep(pause).await,
            answer => return answer,
        }
        pause *= 2;
    }
    ask().await
}

fn is_worth_another_try(error: &toss::Error) -> bool {
    if let toss::Error::Refused { status, .. } = error
        && *status >= SERVER_ERROR
    {
        return true;
    }
    match error.class() {
        Class::QueryFirst | Class::RetryLater => true,
        Class::BuyerActs | Class::Permanent => false,
    }
}
