//! The PSP's transactions against the books.
//!
//! First all that moved in an hour is listed on both sides; where a checkout's sums differ, the PSP is asked about its
//! payments themselves and the books about its whole life, because the two do not write down a movement at the same
//! instant. The list of the PSP only says where to look: that an order differs is never said by it alone. A movement
//! that the PSP tells of a payment and leaves out of its list says that the list is not whole.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Range,
};

use chrono::{DateTime, FixedOffset};
use domain::{
    Currency, Timestamp,
    calendar::Day,
    id::CheckoutId,
    reconciliation::{BreakType, Compared, Evidence, Finding, Layer, Standing, Turnover},
    refund::RefundStatus,
    settlement::Flow,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use store::{CheckoutRecord, EntryFilter, RefundRecord};
use toss::{Payment, PaymentStatus, Transaction};

use super::{
    attributes::{self, Listed},
    balances::blank,
    classes::{self, Examined},
    source::{READINGS, StepError, if_known, incomplete, known_currency, money, paged, patiently, to_toss_time},
    step::{Figures, StepRun, hours},
    whole::{self, Told},
};
use crate::psp::to_timestamp;

/// After how many rows of the list the step says that it lives.
const ALIVE_EVERY: u64 = 1_000;
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
    /// When the PSP's list says that the payment was approved, how it was paid, and whether it is in escrow.
    approved: Option<Approved>,
    /// Whether its amounts do not add up.
    is_odd: bool,
    /// How many approvals and cancellations the PSP lists.
    rows: usize,
}

/// What the PSP's list says of an approval besides its amount.
#[derive(Debug, Clone, Default)]
struct Approved {
    at: Option<Timestamp>,
    method: Option<String>,
    is_in_escrow: bool,
}

/// Compares what moved from one instant until another.
pub(super) async fn compare(run: &StepRun<'_>, from: Timestamp, to: Timestamp) -> Result<Figures, StepError> {
    let mut figures = Figures::default();
    let mut examined = 0;
    let hours = hours(from, to).map(|hour| async move {
        run.alive().await;
        Ok::<_, StepError>((listed_by_all(run, hour.start, hour.end).await?, hour))
    });
    // One hour is listed while the one before is compared.
    let mut hours = std::pin::pin!(stream::iter(hours).buffered(1).peekable());
    while let Some(listed) = hours.as_mut().next().await {
        let (movements, hour) = listed?;
        let compared = async {
            let moved = moved_in(run, movements, &hour, &mut figures).await?;
            let mut findings = attributes::compare(run, approvals(&moved)).await?;
            for (order, seen) in moved.into_iter().filter(|(_, seen)| !seen.is_the_same()) {
                examined += 1;
                if examined > MOST_EXAMINED {
                    let reason = format!(
                        "more than {MOST_EXAMINED} orders seem to differ: is this the database, and are these the \
                         keys, of one shop?"
                    );
                    return Err(incomplete(reason));
                }
                run.alive().await;
                findings.extend(examine_settled(run, &order, &seen, hour.clone(), &mut figures).await?);
            }
            Ok(run.note(&findings).await?)
        };
        let (compared, _next) = futures::join!(compared, hours.as_mut().peek());
        compared?;
        let until = domain::calendar::KoreanTime(hour.end);
        run.report(format!("transactions until {until}"), figures.of("transactions"));
    }
    Ok(figures)
}

/// What moved in a stretch of time, order by order, added to the figures.
async fn moved_in(
    run: &StepRun<'_>,
    listed: Vec<Movement>,
    time: &Range<Timestamp>,
    figures: &mut Figures,
) -> Result<HashMap<String, Seen>, StepError> {
    let mut orders: HashMap<String, Seen> = HashMap::new();
    let filter = EntryFilter { from: Some(time.start), to: Some(time.end), ..EntryFilter::default() };
    for movement in listed {
        let turnover = turnover_of_movement(&movement)?;
        figures.add("transactions", 1);
        add_turnover(figures, "at_psp", turnover);
        let seen = orders.entry(movement.order).or_default();
        seen.rows += 1;
        seen.is_odd |= !add_if_alike(&mut seen.at_psp, turnover);
        seen.payments.insert(movement.payment_key);
        seen.moved_at = seen.moved_at.max(movement.at);
        seen.approved = movement.approved.or(seen.approved.take());
    }
    for (checkout_id, turnover) in run.of.reader.psp_turnover(&filter).await? {
        add_turnover(figures, "in_books", turnover);
        let seen = orders.entry(checkout_id.to_string()).or_default();
        seen.is_odd |= !add_if_alike(&mut seen.in_books, turnover);
    }
    Ok(orders)
}

/// A row of the PSP's list, without what is not compared.
#[derive(Debug, Clone)]
struct Movement {
    order: String,
    payment_key: String,
    status: PaymentStatus,
    currency: toss::Currency,
    amount: i64,
    at: Option<Timestamp>,
    approved: Option<Approved>,
}

/// One reading of the list.
#[derive(Debug, Default)]
struct Listing {
    movements: Vec<Movement>,
    mark: Mark,
}

/// What two readings of the list are compared by: key and amount of each row, in their order.
#[derive(Debug, Default)]
struct Mark {
    of_rows: DefaultHasher,
    /// How many rows there are, also of those that move nothing.
    rows: u64,
}

/// Every approval and cancellation from one instant until another, of each contract.
async fn listed_by_all(run: &StepRun<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<Movement>, StepError> {
    let mut movements = Vec::new();
    for toss in run.of.toss.contracts() {
        movements.append(&mut listed_twice(run, &toss, from, to).await?);
    }
    Ok(movements)
}

/// The list of a contract, as two readings in a row say the same. Of the first one, its mark alone is read.
async fn listed_twice(
    run: &StepRun<'_>,
    toss: &toss::Client,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Movement>, StepError> {
    let mut before = marked(run, toss, from, to).await?;
    for reading in 1..READINGS {
        let Listing { movements, mark } = listed(run, &paged(toss, reading, before.rows), from, to).await?;
        if mark.is(&before) {
            return Ok(movements);
        }
        before = mark;
    }
    Err(incomplete("the PSP's list of transactions was another one at each reading"))
}

/// The PSP's times are whole seconds.
fn asked(from: Timestamp, to: Timestamp) -> [DateTime<FixedOffset>; 2] {
    [to_toss_time(from), to_toss_time(to.plus_ms(999))]
}

async fn marked(run: &StepRun<'_>, toss: &toss::Client, from: Timestamp, to: Timestamp) -> Result<Mark, StepError> {
    let [start, end] = asked(from, to);
    let marked = patiently(|| async {
        let mut mark = Mark::default();
        let mut rows = std::pin::pin!(toss.transaction_marks(start, end));
        while let Some(row) = rows.try_next().await? {
            if row.transaction_at.map(to_timestamp).is_none_or(|at| (from..to).contains(&at)) {
                mark.add(&row.transaction_key, row.amount);
            }
            if mark.rows.is_multiple_of(ALIVE_EVERY) {
                run.alive().await;
            }
        }
        Ok(mark)
    });
    Ok(marked.await?)
}

async fn listed(run: &StepRun<'_>, toss: &toss::Client, from: Timestamp, to: Timestamp) -> Result<Listing, StepError> {
    let [start, end] = asked(from, to);
    let listed = patiently(|| async {
        let mut listing = Listing::default();
        let mut rows = std::pin::pin!(toss.transactions(start, end));
        while let Some(row) = rows.try_next().await? {
            let at = row.transaction_at.map(to_timestamp);
            if at.is_none_or(|at| (from..to).contains(&at)) {
                listing.add(row, at);
            }
            if listing.mark.rows.is_multiple_of(ALIVE_EVERY) {
                run.alive().await;
            }
        }
        Ok(listing)
    });
    Ok(listed.await?)
}

impl Mark {
    fn add(&mut self, transaction_key: &str, amount: i64) {
        (transaction_key, amount).hash(&mut self.of_rows);
        self.rows += 1;
    }

    fn is(&self, other: &Self) -> bool {
        self.rows == other.rows && self.of_rows.finish() == other.of_rows.finish()
    }
}

impl Listing {
    fn add(&mut self, row: Transaction, at: Option<Timestamp>) {
        self.mark.add(&row.transaction_key, row.amount);
        // The row of an account that was opened and not paid into moves nothing, and is no payment to ask about.
        if row.amount != 0 {
            let approved = (row.status == PaymentStatus::Done).then(|| Approved {
                at,
                method: row.method.as_ref().map(|method| method.as_str().to_owned()),
                is_in_escrow: row.use_escrow == Some(true),
            });
            self.movements.push(Movement {
                order: row.order_id,
                payment_key: row.payment_key,
                status: row.status,
                currency: row.currency,
                amount: row.amount,
                at,
                approved,
            });
        }
    }
}

/// Examines an order, and a break once more: money may have moved between the two questions.
async fn examine_settled(
    run: &StepRun<'_>,
    order: &str,
    seen: &Seen,
    slice: Range<Timestamp>,
    figures: &mut Figures,
) -> Result<Option<Finding>, StepError> {
    let mut examined = examine(run, order, seen).await?;
    whole::check(run, Told { order, payments: &examined.payments }, slice, seen.rows).await?;
    if examined.compared.standing(run.request.run.settled_by).is_break() {
        examined = examine(run, order, seen).await?;
    }
    match examined.compared.standing(run.request.run.settled_by) {
        Standing::Agrees if examined.held_payments() < 2 => date_differs(run, order, seen).await,
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

/// What the list says of the approvals of orders that are the same on both sides.
fn approvals(moved: &HashMap<String, Seen>) -> Vec<Listed<'_>> {
    let same = moved.iter().filter(|(_, seen)| seen.is_the_same());
    let listed = same.filter_map(|(order, seen)| Some((order, seen.approved.as_ref()?)));
    let listed = listed.map(|(order, Approved { method, is_in_escrow, .. })| Listed {
        order,
        method: method.as_deref(),
        is_in_escrow: *is_in_escrow,
    });
    listed.collect()
}

/// The amounts agree, and each side writes the payment down on another day.
async fn date_differs(run: &StepRun<'_>, order: &str, seen: &Seen) -> Result<Option<Finding>, StepError> {
    let Some(listed_at) = seen.approved.as_ref().and_then(|approved| approved.at) else { return Ok(None) };
    let Ok(checkout_id) = CheckoutId::parse(order) else { return Ok(None) };
    let Some(captured) = run.of.reader.standing_capture(&checkout_id).await? else { return Ok(None) };
    let (listed_on, booked_on) = (Day::of(listed_at), Day::of(captured.occurred_at));
    if listed_on == booked_on {
        return Ok(None);
    }
    let evidence = Evidence {
        ours: json!({ "booked_on": booked_on.to_string() }).to_string(),
        theirs: json!({ "listed_on": listed_on.to_string() }).to_string(),
    };
    let currency = captured.amount.currency();
    let amount = Some(Flow::In(captured.amount));
    Ok(Some(Finding {
        ours: amount,
        theirs: amount,
        checkout_id: Some(checkout_id),
        evidence,
        ..blank(Layer::Transactions, BreakType::DateDiffers, order, run.day()?, currency)
    }))
}

/// Asks both sides about the whole life of one order.
async fn examine(run: &StepRun<'_>, order: &str, seen: &Seen) -> Result<Examined, StepError> {
    let reader = &run.of.reader;
    let checkout_id = CheckoutId::parse(order).ok();
    let record: Option<CheckoutRecord> = match &checkout_id {
        Some(checkout_id) => reader.checkout(checkout_id).await?,
        None => None,
    };
    let mut payments: Vec<Payment> = Vec::new();
    let mut to_ask = seen.payments.clone();
    to_ask.extend(record.iter().filter_map(|record| Some(record.psp.as_ref()?.payment_key.as_str().to_owned())));
    for toss in run.of.toss.contracts() {
        if let Some(payment) = if_known(patiently(|| toss.payment_by_order(order))).await? {
            to_ask.remove(&payment.payment_key);
            payments.push(payment);
        }
    }
    for payment_key in to_ask {
        let payment = payment_of(run, &payment_key).await?;
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

/// A payment by its name, of whichever contract it is.
async fn payment_of(run: &StepRun<'_>, payment_key: &str) -> Result<Option<Payment>, StepError> {
    for toss in run.of.toss.contracts() {
        let payment = if_known(patiently(|| toss.payment(payment_key))).await?;
        if payment.is_some() {
            return Ok(payment);
        }
    }
    Ok(None)
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
fn turnover_of_movement(movement: &Movement) -> Result<Turnover, StepError> {
    let amount = money(movement.amount.unsigned_abs(), movement.currency)?;
    Ok(match &movement.status {
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

/// A payment that moved nothing adds nothing in any currency: a window that was opened in another one is no difference.
fn sum(before: Option<Turnover>, turnover: Turnover) -> Result<Turnover, StepError> {
    let moves_nothing = |turnover: &Turnover| turnover.taken.is_zero() && turnover.given_back.is_zero();
    if moves_nothing(&turnover) {
        return Ok(before.unwrap_or(turnover));
    }
    before
        .filter(|before| !moves_nothing(before))
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
