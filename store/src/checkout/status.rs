//! The status of a checkout and its lines of history, within a transaction.

use chrono::{DateTime, Utc};
use domain::{
    Timestamp,
    charge::ReceiptNumbers,
    checkout::{Change, Payment},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    StoreError,
    convert::{to_column_revision, to_column_time},
    entities::{payment_events, payment_status_history},
    transaction::Transaction,
};

/// A change of a checkout with all that is written in the same statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NextStatus<'a> {
    change: &'a Change,
    /// The change before, where both are written together.
    began: Option<&'a Change>,
    psp: Option<Approval<'a>>,
}

impl<'a> NextStatus<'a> {
    pub(crate) const fn of(change: &'a Change) -> Self {
        Self { change, began: None, psp: None }
    }

    pub(crate) fn of_payment(payment: &'a Payment) -> Self {
        let mut next = Self::of(&payment.change);
        next.began = payment.began.as_ref();
        next.psp = Some(Approval {
            method: payment.method.as_deref(),
            receipt_url: payment.receipt_url.as_deref(),
            receipt_numbers: &payment.receipt_numbers,
            approved_at: payment.entry.fields().occurred_at,
        });
        next
    }
}

/// What the PSP said of a captured payment.
#[derive(Debug, Clone, Copy)]
struct Approval<'a> {
    method: Option<&'a str>,
    receipt_url: Option<&'a str>,
    receipt_numbers: &'a ReceiptNumbers,
    approved_at: Timestamp,
}

/// Whether a change was written now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteResult {
    Now,
    Before,
}

/// Writes the account that the buyer pays into, where a change names it.
pub(crate) async fn set_account(transaction: &Transaction, change: &Change) -> Result<(), StoreError> {
    let Some(account) = &change.virtual_account else { return Ok(()) };
    // The name on an account that stands there already was kept, or erased.
    payment_events::Entity::update_many()
        .col_expr(payment_events::Column::AccountHolder, Expr::value(account.sealed_holder.clone()))
        .filter(payment_events::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .filter(
            Condition::any()
                .add(payment_events::Column::AccountNumber.is_null())
                .add(payment_events::Column::AccountNumber.ne(account.account_number.as_str())),
        )
        .exec(transaction)
        .await?;
    payment_events::Entity::update_many()
        .col_expr(payment_events::Column::AccountBank, Expr::value(account.bank.clone()))
        .col_expr(payment_events::Column::AccountNumber, Expr::value(account.account_number.clone()))
        .col_expr(payment_events::Column::AccountDueAt, Expr::value(account.due_date.map(to_column_time)))
        .filter(payment_events::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Writes the next status of a checkout and its line of history, and those of the change before that came with it; not
/// of its orders.
pub(crate) async fn write_status(transaction: &Transaction, next: NextStatus<'_>) -> Result<WriteResult, StoreError> {
    let now = Utc::now();
    let change = next.change;
    let failure = change.failure.as_ref();
    let first = next.began.map_or(change.revision, |began| began.revision);
    let before = to_column_revision(first)? - 1;
    let mut update = payment_events::Entity::update_many()
        .col_expr(payment_events::Column::Status, Expr::value(change.status.as_str()))
        .col_expr(payment_events::Column::Revision, Expr::value(to_column_revision(change.revision)?))
        .col_expr(payment_events::Column::IsPaymentDone, Expr::value(change.status.is_payment_done()))
        .col_expr(
            payment_events::Column::FailureCode,
            Expr::value(failure.map(|failure| String::from(failure.code.clone()))),
        )
        .col_expr(payment_events::Column::FailureMessage, Expr::value(failure.map(|failure| failure.message.clone())))
        .col_expr(
            payment_events::Column::FailureRetryable,
            Expr::value(failure.is_some_and(|failure| failure.retryable)),
        )
        .col_expr(
            payment_events::Column::FailureRetryAt,
            Expr::value(failure.and_then(|failure| failure.retry_at).map(to_column_time)),
        )
        .col_expr(payment_events::Column::UpdatedAt, Expr::value(now));
    let payment_key = change.payment_key.as_ref().or(next.began.and_then(|began| began.payment_key.as_ref()));
    if let Some(payment_key) = payment_key {
        update = update.col_expr(payment_events::Column::PaymentKey, Expr::value(payment_key.as_str()));
    }
    if let Some(psp) = next.psp {
        update = update
            .col_expr(payment_events::Column::PspMethod, Expr::value(psp.method.map(str::to_owned)))
            .col_expr(payment_events::Column::PspReceiptUrl, Expr::value(psp.receipt_url.map(str::to_owned)))
            .col_expr(payment_events::Column::ApprovalNumber, Expr::value(psp.receipt_numbers.approval.clone()))
            .col_expr(payment_events::Column::CashReceiptNumber, Expr::value(psp.receipt_numbers.cash_receipt.clone()))
            .col_expr(payment_events::Column::PspApprovedAt, Expr::value(to_column_time(psp.approved_at)));
    }
    let updated = update
        .filter(payment_events::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .filter(payment_events::Column::Revision.eq(before))
        .exec(transaction)
        .await?;
    if updated.rows_affected == 1 {
        append_history(transaction, next, now).await?;
        return Ok(WriteResult::Now);
    }
    if is_written(transaction, change).await? {
        return Ok(WriteResult::Before);
    }
    Err(StoreError::OutOfStep { checkout_id: change.checkout_id.to_string(), revision: change.revision })
}

/// Whether the history holds a change.
pub(crate) async fn is_written(transaction: &Transaction, change: &Change) -> Result<bool, StoreError> {
    let key = (change.checkout_id.to_string(), to_column_revision(change.revision)?);
    let line = payment_status_history::Entity::find_by_id(key).one(transaction).await?;
    Ok(line.is_some_and(|line| line.status == change.status.as_str()))
}

pub(crate) async fn append_history(
    transaction: &Transaction,
    next: NextStatus<'_>,
    recorded_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let line = |change: &Change| {
        let failure = change.failure.as_ref();
        Ok::<_, StoreError>(payment_status_history::ActiveModel {
            checkout_id: Set(change.checkout_id.to_string()),
            revision: Set(to_column_revision(change.revision)?),
            status: Set(change.status.to_string()),
            failure_code: Set(failure.map(|failure| String::from(failure.code.clone()))),
            failure_message: Set(failure.map(|failure| failure.message.clone())),
            occurred_at: Set(to_column_time(change.occurred_at)),
            recorded_at: Set(recorded_at),
        })
    };
    let lines = next.began.into_iter().chain([next.change]).map(line).collect::<Result<Vec<_>, _>>()?;
    payment_status_history::Entity::insert_many(lines).exec_without_returning(transaction).await?;
    Ok(())
}
