//! Refunds in the books: promised, and then executed or reversed.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use domain::{
    Money, Timestamp,
    checkout::{Change, State},
    failure::Failure,
    id::{CheckoutId, PaymentOrderId, RefundId, SellerAccount},
    ledger::{Entry, Reason, Refund, RefundPart},
    refund::{
        GivenBack, Left, OrderAfter, Part, RefundExecution, RefundFailure, RefundPromise, RefundStatus, Unrefundable,
        after_execution, share_out,
    },
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use crate::{
    StoreError,
    books::{
        open::Books,
        order::{PaidOrder, check_orders, not_before, paid_order, refuse_reversed},
        refusal::{Booked, Refusal},
    },
    cash_receipt::{self, CashLike},
    checkout::status::{NextStatus, WriteResult, write_status},
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_refund_status, from_column_revision,
        from_column_status, to_column_amount, to_column_time,
    },
    entities::{payment_events, payment_orders, refund_orders, refunds},
    event::append_refund,
};

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
        // What is left of the commission is given up in proportion to what is left of the order, or is kept.
        commission: paid.on_refund.given_up(paid.commission, amount, left(paid)),
        commission_vat: paid.on_refund.given_up(paid.commission_vat, amount, left(paid)),
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
    // A completed refund is booked even if its day is closed.
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
        WriteResult::Now => {}
        WriteResult::Before => return Err(corrupt("a change before its time", change.revision)),
    }
    cash_receipt::follow(books.transaction, checkout_id, CashLike::of_row(&event), books.now()).await?;
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
pub(crate) fn moved(refund: &RefundId, status: RefundStatus, failure: Option<&Failure>) -> refunds::ActiveModel {
    refunds::ActiveModel {
        refund_id: Set(refund.to_string()),
        status: Set(status.to_string()),
        failure_code: Set(failure.map(|failure| String::from(failure.code.clone()))),
        failure_message: Set(failure.map(|failure| failure.message.clone())),
        updated_at: Set(Utc::now()),
        ..Default::default()
    }
}

pub(crate) async fn found(refund: &RefundId, connection: &impl ConnectionTrait) -> Result<refunds::Model, StoreError> {
    let row = refunds::Entity::find_by_id(refund.as_str()).one(connection).await?;
    Ok(row.ok_or_else(|| Refusal::NoSuchRefund { refund: refund.clone() })?)
}

/// What goes back of which order, in the order of the checkout.
pub(crate) async fn parts_of(row: &refunds::Model, connection: &impl ConnectionTrait) -> Result<Vec<Part>, StoreError> {
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

pub(crate) async fn orders_of(
    checkout: &str,
    connection: &impl ConnectionTrait,
) -> Result<Vec<payment_orders::Model>, StoreError> {
    let orders = payment_orders::Entity::find()
        .filter(payment_orders::Column::CheckoutId.eq(checkout))
        .order_by_asc(payment_orders::Column::Line);
    Ok(orders.all(connection).await?)
}

/// What the PSP gave back of a checkout, by refund and order, in minor units.
pub(crate) async fn executed_by_order(
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
