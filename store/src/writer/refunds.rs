//! Refunds: recorded, promised, and then carried out or taken back; each with what it does to the books.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use domain::{
    Money, Timestamp,
    charge::Failure,
    checkout::{Change, Event, State, Status},
    commission::given_up,
    id::{ApiKeyId, CheckoutId, PaymentOrderId, RefundId, SellerAccount, WorkflowId},
    ledger::{Entry, Reason, Refund, RefundPart},
    refund::{Executed, Left, Part, RefundStatus, Unrefundable, Wanted, share_out},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

use super::{
    Writer,
    booking::{Booked, Booking, PaidOrder, Refusal, check_orders, not_before, paid_order, refuse_reversed},
    books::Books,
    checkouts::{NextStatus, Written, write_status},
};
use crate::{
    StoreError,
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_refund_status, from_column_revision,
        from_column_status, to_column_amount, to_column_time,
    },
    entities::{payment_events, payment_orders, refund_orders, refunds},
};

/// A refund that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefund {
    /// Its id, which is its workflow's too.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What is wanted back.
    pub wanted: Wanted,
    /// The API key that asks.
    pub api_key_id: ApiKeyId,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
    /// Why, for the buyer.
    pub reason: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// A refund that is promised in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromisedRefund {
    /// What goes back of which order.
    pub parts: Vec<Part>,
    /// All of it.
    pub amount: Money,
    /// What the PSP holds of the payment by our books, this refund included.
    pub held: Money,
}

impl Writer {
    /// Records that a refund was asked for. The refund's id is the key: asked again, it changes nothing, and answers
    /// whether it is the same request.
    pub async fn record_refund(&self, new: &NewRefund) -> Result<bool, StoreError> {
        if new.wanted.amount.is_some_and(Money::is_zero) {
            return Err(Refusal::Unrefundable(Unrefundable::Amount).into());
        }
        let transaction = self.begin().await?;
        let checkout = payment_events::Entity::find_by_id(new.checkout_id.as_str()).one(&transaction).await?;
        let checkout = checkout.ok_or_else(|| corrupt("no checkout of a refund", &new.checkout_id))?;
        let row = refunds::ActiveModel {
            refund_id: Set(new.refund_id.to_string()),
            workflow_id: Set(WorkflowId::of_refund(&new.refund_id).to_string()),
            checkout_id: Set(new.checkout_id.to_string()),
            payment_order_id: Set(new.wanted.order.as_ref().map(ToString::to_string)),
            api_key_id: Set(new.api_key_id.to_string()),
            fingerprint: Set(new.fingerprint.clone()),
            amount: Set(new.wanted.amount.map(to_column_amount).transpose()?),
            currency: Set(checkout.currency),
            reason: Set(new.reason.clone()),
            status: Set(RefundStatus::Requested.to_string()),
            failure_code: NotSet,
            failure_message: NotSet,
            transaction_key: NotSet,
            requested_at: Set(to_column_time(new.requested_at)),
            executed_at: NotSet,
            updated_at: Set(Utc::now()),
        };
        refunds::Entity::insert(row)
            .on_conflict(OnConflict::column(refunds::Column::RefundId).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        let recorded = found(&new.refund_id, &transaction).await?;
        transaction.commit().await?;
        Ok(recorded.fingerprint == new.fingerprint)
    }

    /// Books that the buyer is promised the money of a recorded refund back: the entry, the sellers' wallets, the
    /// payment orders and what goes back of each, all or nothing. The refund's id is the key.
    pub async fn promise_refund(
        &self,
        refund: &RefundId,
        wanted: &Wanted,
        at: Timestamp,
    ) -> Result<PromisedRefund, StoreError> {
        let booking = Booking::RefundPromise { refund: refund.clone(), wanted: wanted.clone(), at };
        self.bookkeeper.book(booking).await?;
        let row = found(refund, self.connection()).await?;
        let parts = parts_of(&row, self.connection()).await?;
        let currency = from_column_currency(&row.currency)?;
        let amount = row.amount.ok_or_else(|| corrupt("a promised refund without amount", refund))?;
        let mut held = orders_of(&row.checkout_id, self.connection()).await?.iter().map(|order| order.amount).sum();
        for (other, gone) in executed_by_order(&row.checkout_id, self.connection()).await? {
            held -= if other.0 == row.refund_id { 0 } else { gone };
        }
        let (amount, held) = (from_column_amount(amount, currency)?, from_column_amount(held, currency)?);
        Ok(PromisedRefund { parts, amount, held })
    }

    /// Books that the PSP gave back what was promised, and moves the orders and the checkout to their next status,
    /// with its line of history; all or nothing. The refund's id is the key.
    pub async fn execute_refund(
        &self,
        refund: &RefundId,
        executed: &Executed,
        at: Timestamp,
    ) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::RefundExecution { refund: refund.clone(), executed: executed.clone(), at }).await
    }

    /// Books that the buyer does not get the money back, and takes back what was promised. The refund's id is the key.
    pub async fn fail_refund(&self, refund: &RefundId, failure: &Failure, at: Timestamp) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::RefundFailure { refund: refund.clone(), failure: failure.clone(), at }).await
    }

    /// Moves a refund to a status that moves no money. One that has ended stays as it is.
    pub async fn advance_refund(
        &self,
        refund: &RefundId,
        status: RefundStatus,
        failure: Option<&Failure>,
    ) -> Result<(), StoreError> {
        let before = RefundStatus::ALL.into_iter().filter(|before| before.may_become(status));
        refunds::Entity::update_many()
            .col_expr(refunds::Column::Status, Expr::value(status.as_str()))
            .col_expr(refunds::Column::FailureCode, Expr::value(failure.map(|failure| failure.code.clone())))
            .col_expr(refunds::Column::FailureMessage, Expr::value(failure.map(|failure| failure.message.clone())))
            .col_expr(refunds::Column::UpdatedAt, Expr::value(Utc::now()))
            .filter(refunds::Column::RefundId.eq(refund.as_str()))
            .filter(refunds::Column::Status.is_in(before.map(RefundStatus::as_str)))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

pub(super) async fn promise(
    books: &mut Books<'_>,
    refund: &RefundId,
    wanted: &Wanted,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let row = found(refund, books.transaction).await?;
    match from_column_refund_status(&row.status)? {
        RefundStatus::Requested => {}
        RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck | RefundStatus::Succeeded => {
            return Ok(Booked::Before);
        }
        status @ RefundStatus::Failed => return Err(Refusal::RefundEnded { refund: refund.clone(), status }.into()),
    }
    let checkout_id = id(CheckoutId::parse(row.checkout_id.as_str()))?;
    let paid = paid_orders(books, &checkout_id).await?;
    let parts = share_out(wanted, &left_of(&paid)).map_err(Refusal::from)?;
    let mut available: BTreeMap<SellerAccount, Money> = BTreeMap::new();
    let mut booked_parts = Vec::with_capacity(parts.len());
    for part in &parts {
        let Some(paid) = paid.iter().find(|paid| paid.order.id == part.order) else { continue };
        let seller = &paid.order.seller;
        let wallet = books.wallet(seller, part.amount.currency()).await?;
        available.insert(seller.clone(), wallet.available);
        booked_parts.push(refund_part(paid, part.amount));
    }
    let promised = Refund { id: refund.clone(), checkout_id, parts: booked_parts };
    let entry = Entry::of_refund_promised(&promised, available, at).map_err(Refusal::from)?;
    let entry = not_before(&entry, books.open_from())?;
    if books.check(&entry).await?.is_some() {
        return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
    }
    // After this point it must succeed.
    let mut amount = 0;
    let mut lines = Vec::with_capacity(parts.len());
    for (line, part) in (0..).zip(&parts) {
        let minor = to_column_amount(part.amount)?;
        amount += minor;
        lines.push(refund_orders::ActiveModel {
            refund_id: Set(refund.to_string()),
            payment_order_id: Set(part.order.to_string()),
            line: Set(line),
            amount: Set(minor),
        });
    }
    refund_orders::Entity::insert_many(lines).exec_without_returning(books.transaction).await?;
    let row = refunds::ActiveModel { amount: Set(Some(amount)), ..moved(refund, RefundStatus::Executing, None) };
    row.update(books.transaction).await?;
    books.add(entry).await
}

fn refund_part(paid: &PaidOrder, amount: Money) -> RefundPart {
    RefundPart {
        order: paid.order.clone(),
        amount,
        // What is left of the commission is given up in proportion to what is left of the order.
        commission: given_up(paid.commission, amount, left(paid)),
        unreleased: paid.unreleased,
    }
}

fn left(paid: &PaidOrder) -> Money {
    paid.order.amount.minus(paid.refunded).unwrap_or(Money::zero(paid.order.amount.currency()))
}

fn left_of(paid: &[PaidOrder]) -> Vec<Left> {
    paid.iter().map(|paid| Left { order: paid.order.id.clone(), amount: left(paid) }).collect()
}

async fn paid_orders(books: &mut Books<'_>, checkout: &CheckoutId) -> Result<Vec<PaidOrder>, StoreError> {
    let rows = orders_of(checkout.as_str(), books.transaction).await?;
    let mut paid = Vec::with_capacity(rows.len());
    for row in rows {
        let order = paid_order(books, &id(PaymentOrderId::parse(row.payment_order_id))?).await?;
        debug_assert_eq!(order.checkout_id, *checkout);
        paid.push(order);
    }
    if paid.is_empty() {
        return Err(Refusal::Unrefundable(Unrefundable::NoSuchOrder).into());
    }
    Ok(paid)
}

pub(super) async fn execute(
    books: &mut Books<'_>,
    refund: &RefundId,
    executed: &Executed,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let row = found(refund, books.transaction).await?;
    let status = from_column_refund_status(&row.status)?;
    if status == RefundStatus::Succeeded {
        return Ok(Booked::Before);
    }
    if !status.is_promised() {
        return Err(Refusal::RefundEnded { refund: refund.clone(), status }.into());
    }
    refuse_reversed(books, &Reason::RefundExecuted.key(refund)).await?;
    let checkout_id = id(CheckoutId::parse(row.checkout_id.as_str()))?;
    let parts = parts_of(&row, books.transaction).await?;
    let entry = Entry::of_refund_executed(refund, &checkout_id, &parts, executed.executed_at).map_err(Refusal::from)?;
    // What was given back is given back, whatever day is closed.
    let entry = not_before(&entry, books.open_from())?;
    if books.check(&entry).await?.is_some() {
        return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
    }
    write_next_status(books, &checkout_id, &parts, at).await?;
    let row = refunds::ActiveModel {
        transaction_key: Set(executed.transaction_key.clone()),
        executed_at: Set(Some(to_column_time(executed.executed_at))),
        ..moved(refund, RefundStatus::Succeeded, None)
    };
    row.update(books.transaction).await?;
    books.add(entry).await
}

/// Moves each order of a refund, and the checkout, to what this refund and those before it make of them.
async fn write_next_status(
    books: &Books<'_>,
    checkout_id: &CheckoutId,
    parts: &[Part],
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut gone: HashMap<String, i64> = HashMap::new();
    for ((_, order), amount) in executed_by_order(checkout_id.as_str(), books.transaction).await? {
        *gone.entry(order).or_default() += amount;
    }
    for part in parts {
        *gone.entry(part.order.to_string()).or_default() += to_column_amount(part.amount)?;
    }
    let event = payment_events::Entity::find_by_id(checkout_id.as_str()).one(books.transaction).await?;
    let event = event.ok_or_else(|| corrupt("no checkout of a refund", checkout_id))?;
    let orders = orders_of(checkout_id.as_str(), books.transaction).await?;
    let is_gone = |order: &payment_orders::Model| gone.get(&order.payment_order_id) >= Some(&order.amount);
    let happened = if orders.iter().all(is_gone) { Event::Refunded } else { Event::PartRefunded };
    let revision = from_column_revision(event.revision)? + 1;
    let out_of_step = |_| StoreError::OutOfStep { checkout_id: checkout_id.to_string(), revision };
    let status = from_column_status(&event.status)?.after(happened).map_err(out_of_step)?;
    let change = Change::new(checkout_id.clone(), State { revision, status }, at);
    match write_status(books.transaction, NextStatus::of(&change)).await? {
        Written::Now => {}
        Written::Before => return Err(corrupt("a change before its time", revision)),
    }
    for order in orders.iter().filter(|order| parts.iter().any(|part| part.order.as_str() == order.payment_order_id)) {
        let status = if is_gone(order) { Status::Refunded } else { Status::PartiallyRefunded };
        payment_orders::Entity::update_many()
            .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(status.as_str()))
            .filter(payment_orders::Column::PaymentOrderId.eq(order.payment_order_id.as_str()))
            .exec(books.transaction)
            .await?;
    }
    Ok(())
}

pub(super) async fn fail(
    books: &mut Books<'_>,
    refund: &RefundId,
    failure: &Failure,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let row = found(refund, books.transaction).await?;
    let status = from_column_refund_status(&row.status)?;
    match status {
        RefundStatus::Failed => return Ok(Booked::Before),
        RefundStatus::Succeeded => return Err(Refusal::RefundEnded { refund: refund.clone(), status }.into()),
        RefundStatus::Requested | RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => {}
    }
    if status.is_promised() {
        let key = Reason::RefundPromised.key(refund);
        let promise = books.find(&key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.clone() })?;
        let reversal = Entry::of_reversal(&promise, at).map_err(Refusal::from)?;
        let reversal = not_before(&reversal, books.open_from())?;
        check_orders(books, &reversal).await?;
        books.book(reversal).await?;
    }
    moved(refund, RefundStatus::Failed, Some(failure)).update(books.transaction).await?;
    Ok(Booked::Now)
}

/// A refund's row at its next status.
fn moved(refund: &RefundId, status: RefundStatus, failure: Option<&Failure>) -> refunds::ActiveModel {
    refunds::ActiveModel {
        refund_id: Set(refund.to_string()),
        status: Set(status.to_string()),
        failure_code: Set(failure.map(|failure| failure.code.clone())),
        failure_message: Set(failure.map(|failure| failure.message.clone())),
        updated_at: Set(Utc::now()),
        ..Default::default()
    }
}

async fn found(refund: &RefundId, connection: &impl ConnectionTrait) -> Result<refunds::Model, StoreError> {
    let row = refunds::Entity::find_by_id(refund.as_str()).one(connection).await?;
    Ok(row.ok_or_else(|| Refusal::NoSuchRefund { refund: refund.clone() })?)
}

/// What goes back of which order, in the order of the checkout.
async fn parts_of(row: &refunds::Model, connection: &impl ConnectionTrait) -> Result<Vec<Part>, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let lines = refund_orders::Entity::find()
        .filter(refund_orders::Column::RefundId.eq(row.refund_id.as_str()))
        .order_by_asc(refund_orders::Column::Line)
        .all(connection)
        .await?;
    let part = |line: refund_orders::Model| {
        let order = id(PaymentOrderId::parse(line.payment_order_id))?;
        Ok(Part { order, amount: from_column_amount(line.amount, currency)? })
    };
    lines.into_iter().map(part).collect()
}

async fn orders_of(
    checkout: &str,
    connection: &impl ConnectionTrait,
) -> Result<Vec<payment_orders::Model>, StoreError> {
    let orders = payment_orders::Entity::find()
        .filter(payment_orders::Column::CheckoutId.eq(checkout))
        .order_by_asc(payment_orders::Column::Line);
    Ok(orders.all(connection).await?)
}

/// What the PSP gave back of a checkout, by refund and order, in minor units.
async fn executed_by_order(
    checkout: &str,
    connection: &impl ConnectionTrait,
) -> Result<HashMap<(String, String), i64>, StoreError> {
    let succeeded = refunds::Entity::find()
        .filter(refunds::Column::CheckoutId.eq(checkout))
        .filter(refunds::Column::Status.eq(RefundStatus::Succeeded.as_str()))
        .all(connection)
        .await?;
    let ids = succeeded.into_iter().map(|row| row.refund_id);
    let lines =
        refund_orders::Entity::find().filter(refund_orders::Column::RefundId.is_in(ids)).all(connection).await?;
    Ok(lines.into_iter().map(|line| ((line.refund_id, line.payment_order_id), line.amount)).collect())
}

fn id<T>(parsed: Result<T, domain::id::IdError>) -> Result<T, StoreError> {
    parsed.map_err(|error| corrupt("an id", error))
}
