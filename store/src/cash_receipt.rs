//! Cash receipts of payments: which payments are followed, and what the PSP said of their receipts.
//!
//! A watch is written in the transaction that books the money. What the PSP says of receipts is written by itself: no
//! money waits for a receipt.

mod read;
mod request;

use domain::{
    Currency, Timestamp,
    cash_receipt::{CashReceipt, ReceiptStatus, ReceiptsSeen, RequestStatus, is_cash_like},
    id::{CheckoutId, PaymentKey},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict},
};

pub(crate) use self::request::erase_numbers;
pub use self::{
    read::{CashReceipts, WrongReceipts},
    request::{NewReceiptRequest, ReceiptRequested, open_receipt_number, seal_receipt_number},
};
use crate::{
    StoreError, Writer,
    convert::{corrupt, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::{
        cash_receipt_requests as requests, cash_receipt_watches as watches, cash_receipts as receipts, payment_events,
    },
};

/// A payment about whose receipts the PSP is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLook {
    pub checkout_id: CheckoutId,
    pub payment_key: PaymentKey,
    pub currency: Currency,
    /// When the PSP captured the money.
    pub paid_at: Timestamp,
    /// How often money of the payment has moved. What is learned holds only for this number.
    pub round: i32,
}

/// Asks the PSP about the receipts of a payment whose money has just moved, if it was paid like cash or has a receipt.
pub(crate) async fn follow(
    connection: &impl ConnectionTrait,
    checkout_id: &CheckoutId,
    payment: CashLike<'_>,
    at: Timestamp,
) -> Result<(), StoreError> {
    if !is_cash_like(payment.method) && !payment.has_receipt {
        return Ok(());
    }
    let row = watches::ActiveModel {
        checkout_id: Set(checkout_id.to_string()),
        round: Set(0),
        look_at: Set(Some(to_column_time(at))),
        standing: Set(None),
        standing_since: Set(None),
        looked_at: Set(None),
    };
    let again = OnConflict::column(watches::Column::CheckoutId)
        .update_column(watches::Column::LookAt)
        .value(watches::Column::Round, Expr::col((watches::Entity, watches::Column::Round)).add(1))
        .to_owned();
    watches::Entity::insert(row).on_conflict(again).exec_without_returning(connection).await?;
    Ok(())
}

/// What tells whether a payment may have a receipt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CashLike<'a> {
    /// The PSP's word for the method.
    pub(crate) method: Option<&'a str>,
    /// Whether the PSP named a receipt.
    pub(crate) has_receipt: bool,
}

impl<'a> CashLike<'a> {
    pub(crate) fn of_row(row: &'a payment_events::Model) -> Self {
        Self { method: row.psp_method.as_deref(), has_receipt: row.cash_receipt_number.is_some() }
    }
}

impl Writer {
    /// The payments about whose receipts the PSP is to be asked by now; those that wait longest first.
    pub async fn receipts_to_look_at(&self, limit: u64) -> Result<Vec<ReceiptLook>, StoreError> {
        let now = self.time().await?;
        let asked_for = requests::Entity::find()
            .select_only()
            .column(requests::Column::CheckoutId)
            .filter(requests::Column::Status.eq(RequestStatus::Pending.as_str()))
            .filter(requests::Column::TryAt.lte(to_column_time(now)))
            .into_query();
        let is_due = Condition::any()
            .add(watches::Column::LookAt.lte(to_column_time(now)))
            .add(watches::Column::CheckoutId.in_subquery(asked_for));
        let due = watches::Entity::find()
            .filter(is_due)
            .order_by_asc(watches::Column::LookAt)
            .order_by_asc(watches::Column::CheckoutId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let ids = due.iter().map(|watch| watch.checkout_id.as_str());
        let payments = payment_events::Entity::find()
            .filter(payment_events::Column::CheckoutId.is_in(ids))
            .all(self.connection())
            .await?;
        let mut looks = Vec::with_capacity(due.len());
        for watch in due {
            let payment = payments.iter().find(|payment| payment.checkout_id == watch.checkout_id);
            let payment = payment.ok_or_else(|| corrupt("no payment of receipts", &watch.checkout_id))?;
            let key =
                payment.payment_key.clone().ok_or_else(|| corrupt("a payment without key", &watch.checkout_id))?;
            looks.push(ReceiptLook {
                checkout_id: CheckoutId::parse(watch.checkout_id).map_err(|error| corrupt("an id", error))?,
                payment_key: PaymentKey::parse(key).map_err(|error| corrupt("an id", error))?,
                currency: from_column_currency(&payment.currency)?,
                // Of a deposit that the bank took back, nobody knows the time of the payment any more.
                paid_at: from_column_time(payment.psp_approved_at.unwrap_or(payment.updated_at)),
                round: watch.round,
            });
        }
        Ok(looks)
    }

    /// Writes what the PSP said of the receipts of a payment, and when it is asked again. Safe to repeat: the key of a
    /// receipt is its row. Where money has moved since the question, the question of the movement stays due.
    pub async fn see_receipts(
        &self,
        look: &ReceiptLook,
        seen: &ReceiptsSeen,
        look_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let now = to_column_time(self.time().await?);
        let transaction = self.begin().await?;
        for receipt in &seen.receipts {
            let row = row_of(&look.checkout_id, receipt, now)?;
            let conflict = OnConflict::column(receipts::Column::ReceiptKey).do_nothing().to_owned();
            receipts::Entity::insert(row).on_conflict(conflict).exec_without_returning(&transaction).await?;
            receipts::Entity::update_many()
                .col_expr(receipts::Column::Status, Expr::value(receipt.status.as_str()))
                .col_expr(receipts::Column::ReceiptNumber, Expr::value(receipt.number.clone()))
                .col_expr(receipts::Column::ReceiptUrl, Expr::value(receipt.url.clone()))
                .col_expr(receipts::Column::FailureCode, Expr::value(failure_code(receipt)))
                .col_expr(receipts::Column::FailureMessage, Expr::value(failure_message(receipt)))
                .filter(receipts::Column::ReceiptKey.eq(receipt.key.as_str()))
                .filter(receipts::Column::CheckoutId.eq(look.checkout_id.as_str()))
                // The tax office's answer is final. A late answer to an earlier question takes it back no more.
                .filter(
                    Condition::any()
                        .add(receipts::Column::Status.eq(ReceiptStatus::InProgress.as_str()))
                        .add(receipts::Column::Status.eq(receipt.status.as_str())),
                )
                .exec(&transaction)
                .await?;
        }
        let standing = seen.standing.as_str();
        let of_look = || {
            watches::Entity::update_many()
                .filter(watches::Column::CheckoutId.eq(look.checkout_id.as_str()))
                .filter(watches::Column::Round.eq(look.round))
        };
        of_look()
            .col_expr(watches::Column::StandingSince, Expr::value(now))
            .filter(
                Condition::any().add(watches::Column::Standing.is_null()).add(watches::Column::Standing.ne(standing)),
            )
            .exec(&transaction)
            .await?;
        of_look()
            .col_expr(watches::Column::Standing, Expr::value(standing))
            .col_expr(watches::Column::LookedAt, Expr::value(now))
            .col_expr(watches::Column::LookAt, Expr::value(look_at.map(to_column_time)))
            .exec(&transaction)
            .await?;
        transaction.commit().await
    }

    /// Asks the PSP later: it gave no answer.
    pub async fn look_at_receipts_later(&self, look: &ReceiptLook, look_at: Timestamp) -> Result<(), StoreError> {
        watches::Entity::update_many()
            .col_expr(watches::Column::LookAt, Expr::value(to_column_time(look_at)))
            .filter(watches::Column::CheckoutId.eq(look.checkout_id.as_str()))
            .filter(watches::Column::Round.eq(look.round))
            .exec(self.connection())
            .await?;
        self.try_receipts_later(&look.checkout_id, look_at).await
    }
}

fn row_of(
    checkout_id: &CheckoutId,
    receipt: &CashReceipt,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<receipts::ActiveModel, StoreError> {
    Ok(receipts::ActiveModel {
        receipt_key: Set(receipt.key.clone()),
        checkout_id: Set(checkout_id.to_string()),
        entry: Set(receipt.entry.as_str().to_owned()),
        purpose: Set(receipt.purpose.map(|purpose| purpose.as_str().to_owned())),
        amount: Set(to_column_amount(receipt.amount)?),
        tax_free_amount: Set(to_column_amount(receipt.tax_free)?),
        currency: Set(receipt.amount.currency().code().to_owned()),
        receipt_number: Set(receipt.number.clone()),
        receipt_url: Set(receipt.url.clone()),
        status: Set(receipt.status.as_str().to_owned()),
        failure_code: Set(failure_code(receipt)),
        failure_message: Set(failure_message(receipt)),
        requested_at: Set(receipt.requested_at.map(to_column_time)),
        first_seen_at: Set(now),
    })
}

fn failure_code(receipt: &CashReceipt) -> Option<String> {
    receipt.failure.as_ref().map(|failure| String::from(failure.code.clone()))
}

fn failure_message(receipt: &CashReceipt) -> Option<String> {
    receipt.failure.as_ref().map(|failure| failure.message.clone())
}
