//! Refunds: recorded, promised, and then carried out or taken back; each with what it does to the books.

use std::collections::HashMap;

use chrono::Utc;
use domain::{
    Money,
    id::WorkflowId,
    plan::tax_free_of,
    refund::{
        NewRefund, Part, PromisedRefund, RefundChange, RefundExecution, RefundFailure, RefundPromise, RefundRecorded,
        RefundStatus, Unrefundable,
    },
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use crate::{
    StoreError, Writer,
    books::{
        booking::Booking,
        refusal::{Booked, Refusal},
    },
    checkout::read::order_record,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::{payment_events, payment_orders, refunds},
    event::append_refund,
    refund::book::{executed_by_order, found, orders_of, parts_of},
};

/// What a refund gives back without tax; nothing where no order of the checkout has such a part. Refunds follow one
/// another, so what was given back before is what the PSP knows of.
fn tax_free_of_parts(
    parts: &[Part],
    orders: Vec<payment_orders::Model>,
    gone: &HashMap<String, i64>,
) -> Result<Option<Money>, StoreError> {
    let orders = orders.into_iter().map(order_record).collect::<Result<Vec<_>, _>>()?;
    if tax_free_of(orders.iter().map(|record| &record.order)).is_none() {
        return Ok(None);
    }
    let mut sum = None;
    for part in parts {
        let Some(record) = orders.iter().find(|record| record.order.id == part.order) else { continue };
        let before = gone.get(part.order.as_str()).copied().unwrap_or(0);
        let before = from_column_amount(before, part.amount.currency())?;
        let after = before.plus(part.amount).map_err(|_| StoreError::Amount)?;
        let untaxed = record.order.untaxed_of_refund(after, part.amount);
        let added = sum.map_or(Ok(untaxed), |sum: Money| sum.plus(untaxed));
        sum = Some(added.map_err(|_| StoreError::Amount)?);
    }
    Ok(sum)
}

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
            api_key_id: Set(new.requested_by.bare()),
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
        let orders = orders_of(&row.checkout_id, self.connection()).await?;
        let mut held = orders.iter().map(|order| order.amount).sum();
        let mut gone: HashMap<String, i64> = HashMap::new();
        for ((other, order), amount) in executed_by_order(&row.checkout_id, self.connection()).await? {
            if other != row.refund_id {
                held -= amount;
                *gone.entry(order).or_default() += amount;
            }
        }
        let (amount, held) = (from_column_amount(amount, currency)?, from_column_amount(held, currency)?);
        let tax_free = tax_free_of_parts(&parts, orders, &gone)?;
        Ok(PromisedRefund { parts, amount, held, tax_free })
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
            .col_expr(
                refunds::Column::FailureCode,
                Expr::value(failure.map(|failure| String::from(failure.code.clone()))),
            )
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
