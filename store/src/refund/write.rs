//! Refunds: recorded, promised, and then carried out or taken back; each with what it does to the books.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use domain::{
    Money, Timestamp,
    charge::Failure,
    checkout::{Change, State},
    commission::given_up,
    id::{CheckoutId, PaymentOrderId, RefundId, SellerAccount, WorkflowId},
    ledger::{Entry, Reason, Refund, RefundPart},
    refund::{
        GivenBack, Left, NewRefund, OrderAfter, Part, PromisedRefund, RefundChange, RefundExecution, RefundFailure,
        RefundPromise, RefundRecorded, RefundStatus, Unrefundable, after_execution, share_out,
    },
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

use crate::{
    StoreError, Writer,
    books::{
        booking::{Booked, Booking, PaidOrder, Refusal, check_orders, not_before, paid_order, refuse_reversed},
        open::Books,
    },
    checkout::write::{NextStatus, Written, write_status},
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_refund_status, from_column_revision,
        from_column_status, from_column_time, to_column_amount, to_column_time,
    },
    entities::{payment_events, payment_orders, refund_orders, refunds},
    event::append_refund,
};

impl Writer {
    /// Records that a refund was asked for. The refund's id is the key: asked again, it changes nothing, and answers
    /// whether it is the same request.
    pub async fn record_refund(&self, new: &NewRefund) -> Result<RefundRecorded, StoreError> {
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
        let is_new = refunds::Entity::insert(row)
            .on_conflict(OnConflict::column(refunds::Column::RefundId).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        if is_new == 1 {
            append_refund(&transaction, &new.refund_id, RefundStatus::Requested, new.requested_at).await?;
        }
        let recorded = found(&new.refund_id, &transaction).await?;
        transaction.commit().await?;
        let is_ours = recorded.fingerprint == new.fingerprint;
        Ok(if is_ours { RefundRecorded::Ours } else { RefundRecorded::Others })
    }

    /// Books that the buyer is promised the money of a recorded refund back: the entry, the sellers' wallets, the
    /// payment orders and what goes back of each, all or nothing. The refund's id is the key.
    pub async fn promise_refund(&self, promise: &RefundPromise) -> Result<PromisedRefund, StoreError> {
        self.bookkeeper.book(Booking::RefundPromise(promise.clone())).await?;
        let refund = &promise.refund_id;
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
    pub async fn execute_refund(&self, execution: &RefundExecution) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::RefundExecution(execution.clone())).await
    }

    /// Books that the buyer does not get the money back, and takes back what was promised. The refund's id is the key.
    pub async fn fail_refund(&self, failed: &RefundFailure) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::RefundFailure(failed.clone())).await
    }

    /// Moves a refund to a status that moves no money. One that has ended stays as it is.
    pub async fn advance_refund(&self, change: &RefundChange) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let (status, failure) = (change.status, change.failure.as_ref());
        let before = RefundStatus::ALL.into_iter().filter(|before| before.may_become(status));
        let now = Utc::now();
        let moved = refunds::Entity::update_many()
            .col_expr(refunds::Column::Status, Expr::value(status.as_str()))
            .col_expr(refunds::Column::FailureCode, Expr::value(failure.map(|failure| failure.code.clone())))
            .col_expr(refunds::Column::FailureMessage, Expr::value(failure.map(|failure| failure.message.clone())))
            .col_expr(refunds::Column::UpdatedAt, Expr::value(now))
            .filter(refunds::Column::RefundId.eq(change.refund_id.as_str()))
            .filter(refunds::Column::Status.is_in(before.map(RefundStatus::as_str)))
            .exec(&transaction)
            .await?;
        if moved.rows_affected == 1 {
            append_refund(&transaction, &change.refund_id, status, from_column_time(now)).await?;
        }
        transaction.commit().await
    }
}

pub(crate) async fn promise(books: &mut Books<'_>, asked: &RefundPromise) -> Result<Booked, StoreError> {
    let refund = &asked.refund_id;
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
    let parts = share_out(&asked.wanted, &left_of(&paid)).map_err(Refusal::from)?;
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
    let entry = Entry::of_refund_promised(&promised, available, asked.promised_at).map_err(Refusal::from)?;
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

pub(crate) async fn execute(books: &mut Books<'_>, execution: &RefundExecution) -> Result<Booked, StoreError> {
    let RefundExecution { refund_id: refund, executed, .. } = execution;
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
    write_next_status(books, &checkout_id, &parts, execution.learned_at).await?;
    let row = refunds::ActiveModel {
        transaction_key: Set(executed.transaction_key.clone()),
        executed_at: Set(Some(to_column_time(executed.executed_at))),
        ..moved(refund, RefundStatus::Succeeded, None)
    };
    row.update(books.transaction).await?;
    append_refund(books.transaction, refund, RefundStatus::Succeeded, executed.executed_at).await?;
    books.add(entry).await
}

/// Moves each order of a refund, and the checkout, to what this refund and those before it make of them.
async fn write_next_status(
    books: &Books<'_>,
    checkout_id: &CheckoutId,
    parts: &[Part],
    at: Timestamp,
) -> Result<(), StoreError> {
    let event = payment_events::Entity::find_by_id(checkout_id.as_str()).one(books.transaction).await?;
    let event = event.ok_or_else(|| corrupt("no checkout of a refund", checkout_id))?;
    let revision = from_column_revision(event.revision)?;
    let before = State { revision, status: from_column_status(&event.status)? };
    let orders = given_back(checkout_id, books.transaction).await?;
    let out_of_step = |_| StoreError::OutOfStep { checkout_id: checkout_id.to_string(), revision: revision + 1 };
    let after = after_execution(before, &orders, parts).map_err(out_of_step)?;
    let change = Change::new(checkout_id.clone(), after.state, at);
    match write_status(books.transaction, NextStatus::of(&change)).await? {
        Written::Now => {}
        Written::Before => return Err(corrupt("a change before its time", change.revision)),
    }
    for OrderAfter { order, status } in after.orders {
        payment_orders::Entity::update_many()
            .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(status.as_str()))
            .filter(payment_orders::Column::PaymentOrderId.eq(order.as_str()))
            .exec(books.transaction)
            .await?;
    }
    Ok(())
}

/// What the executed refunds of a checkout gave back of each of its orders.
async fn given_back(checkout_id: &CheckoutId, connection: &impl ConnectionTrait) -> Result<Vec<GivenBack>, StoreError> {
    let executed = executed_by_order(checkout_id.as_str(), connection).await?;
    let of_order = |row: payment_orders::Model| {
        let currency = from_column_currency(&row.currency)?;
        let amounts = executed.iter().filter(|((_, order), _)| *order == row.payment_order_id);
        let given_back = from_column_amount(amounts.map(|(_, amount)| amount).sum(), currency)?;
        let paid = from_column_amount(row.amount, currency)?;
        Ok(GivenBack { order: id(PaymentOrderId::parse(row.payment_order_id))?, paid, given_back })
    };
    orders_of(checkout_id.as_str(), connection).await?.into_iter().map(of_order).collect()
}

pub(crate) async fn fail(books: &mut Books<'_>, failed: &RefundFailure) -> Result<Booked, StoreError> {
    let RefundFailure { refund_id: refund, failure, .. } = failed;
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
        let reversal = Entry::of_reversal(&promise, failed.failed_at).map_err(Refusal::from)?;
        let reversal = not_before(&reversal, books.open_from())?;
        check_orders(books, &reversal).await?;
        books.book(reversal).await?;
    }
    moved(refund, RefundStatus::Failed, Some(failure)).update(books.transaction).await?;
    append_refund(books.transaction, refund, RefundStatus::Failed, failed.failed_at).await?;
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
