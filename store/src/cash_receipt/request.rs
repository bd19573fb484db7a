//! Cash receipts that the marketplace asks for after the payment.
//!
//! Each write of a worker changes a request that is pending and nothing else, so a second try and a second worker
//! change nothing. What is to be sent is written before it is sent.

use domain::{
    Currency, Money, Timestamp,
    cash_receipt::{CashReceipt, ReceiptEntry, ReceiptPurpose, ReceiptRequest, RequestStatus},
    failure::Failure,
    id::{BuyerId, CheckoutId, ReceiptRequestId},
    principal::Principal,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, UpdateMany,
    sea_query::{Expr, OnConflict},
};

use super::{failure_code, failure_message, row_of};
use crate::{
    Journal, Keyring, KeyringError, Reader, Sealed, StoreError, Writer,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::{
        cash_receipt_requests::{ActiveModel, Column, Entity, Model},
        cash_receipts as receipts, payment_events,
    },
};

/// What is sealed stands for its own request only.
const PLACE: &str = "cash receipt ";

/// A receipt to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReceiptRequest {
    pub id: ReceiptRequestId,
    pub checkout_id: CheckoutId,
    pub purpose: ReceiptPurpose,
    /// Whom it is for, as [`seal_receipt_number`] sealed it.
    pub sealed_number: String,
    pub currency: Currency,
    pub requested_by: Principal,
}

/// What became of a request for a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptRequested {
    /// It is written.
    Now,
    /// It was written before.
    Before,
    /// Its id came with another payment or purpose before.
    Reused,
    /// The payment has a receipt that was asked for, or one is being asked for.
    Exists,
}

/// Seals the number that a receipt is issued to: a telephone number or the number of a business.
pub fn seal_receipt_number(keys: &Keyring, id: &ReceiptRequestId, number: &str) -> Result<String, KeyringError> {
    Ok(keys.seal(number.as_bytes(), &place(id))?.to_text())
}

/// Opens what [`seal_receipt_number`] sealed for the same request.
pub fn open_receipt_number(keys: &Keyring, id: &ReceiptRequestId, sealed: &str) -> Result<String, KeyringError> {
    let sealed = Sealed::of_text(sealed)?;
    let text = keys.open(&sealed, &place(id))?;
    String::from_utf8(text).map_err(|_| KeyringError::Tampered(sealed.key_name))
}

fn place(id: &ReceiptRequestId) -> Vec<u8> {
    format!("{PLACE}{id}").into_bytes()
}

impl Journal {
    /// Writes down that a receipt is asked for. A worker asks the PSP. The id is the key, and one payment has one
    /// receipt at a time.
    pub async fn request_receipt(&self, new: &NewReceiptRequest) -> Result<ReceiptRequested, StoreError> {
        let transaction = self.begin().await?;
        let now = to_column_time(self.clock().time(&transaction).await?);
        let row = ActiveModel {
            request_id: Set(new.id.to_string()),
            checkout_id: Set(new.checkout_id.to_string()),
            entry: Set(ReceiptEntry::Issue.as_str().to_owned()),
            purpose: Set(Some(new.purpose.as_str().to_owned())),
            sealed_number: Set(Some(new.sealed_number.clone())),
            amount: Set(None),
            tax_free_amount: Set(None),
            currency: Set(new.currency.code().to_owned()),
            status: Set(RequestStatus::Pending.as_str().to_owned()),
            receipt_key: Set(None),
            attempt: Set(0),
            failure_code: Set(None),
            failure_message: Set(None),
            requested_by: Set(Some(new.requested_by.to_string())),
            requested_at: Set(now),
            try_at: Set(now),
            sent_at: Set(None),
            settled_at: Set(None),
        };
        let any = OnConflict::new().do_nothing().to_owned();
        let written = Entity::insert(row).on_conflict(any).exec_without_returning(&transaction).await?;
        if written == 1 {
            transaction.commit().await?;
            return Ok(ReceiptRequested::Now);
        }
        let before = Entity::find_by_id(new.id.as_str()).one(&transaction).await?;
        transaction.rollback().await?;
        Ok(match before {
            Some(row) if row.checkout_id != new.checkout_id.as_str() => ReceiptRequested::Reused,
            Some(row) if row.purpose.as_deref() != Some(new.purpose.as_str()) => ReceiptRequested::Reused,
            Some(_) => ReceiptRequested::Before,
            None => ReceiptRequested::Exists,
        })
    }
}

/// Erases whom the receipts of a buyer are for, where the PSP has not answered yet.
pub(crate) async fn erase_numbers(connection: &impl ConnectionTrait, buyer_id: &BuyerId) -> Result<u64, StoreError> {
    let of_buyer = payment_events::Entity::find()
        .select_only()
        .column(payment_events::Column::CheckoutId)
        .filter(payment_events::Column::BuyerId.eq(buyer_id.as_str()))
        .into_query();
    let erased = Entity::update_many()
        .col_expr(Column::SealedNumber, Expr::value(None::<String>))
        .filter(Column::CheckoutId.in_subquery(of_buyer))
        .filter(Column::SealedNumber.is_not_null())
        .exec(connection)
        .await?;
    Ok(erased.rows_affected)
}

impl Reader {
    /// The receipts of a payment that were asked for, and what is taken back of them, the oldest first.
    pub async fn receipt_requests(&self, checkout_id: &CheckoutId) -> Result<Vec<ReceiptRequest>, StoreError> {
        requests_of(self.connection(), checkout_id).await
    }
}

impl Writer {
    /// The same for a worker.
    pub async fn receipt_requests(&self, checkout_id: &CheckoutId) -> Result<Vec<ReceiptRequest>, StoreError> {
        requests_of(self.connection(), checkout_id).await
    }

    /// Whom a receipt is for, sealed; nothing once the PSP has answered, or after it was erased.
    pub async fn sealed_receipt_number(&self, id: &ReceiptRequestId) -> Result<Option<String>, StoreError> {
        let row = Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        Ok(row.and_then(|row| row.sealed_number))
    }

    /// Writes the amount that is about to be sent, once.
    pub async fn size_receipt(&self, id: &ReceiptRequestId, whole: Money, tax_free: Money) -> Result<(), StoreError> {
        pending(id)
            .col_expr(Column::Amount, Expr::value(to_column_amount(whole)?))
            .col_expr(Column::TaxFreeAmount, Expr::value(to_column_amount(tax_free)?))
            .filter(Column::Amount.is_null())
            .exec(self.connection())
            .await?;
        Ok(())
    }

    /// Writes that a part of a receipt is to be taken back. The number is the key: a second writer changes nothing.
    pub async fn take_receipt_back(
        &self,
        issued: &ReceiptRequest,
        number: usize,
        part: Money,
    ) -> Result<(), StoreError> {
        let now = to_column_time(self.time().await?);
        let row = ActiveModel {
            request_id: Set(issued.id.taken_back(number).to_string()),
            checkout_id: Set(issued.checkout_id.to_string()),
            entry: Set(ReceiptEntry::Cancel.as_str().to_owned()),
            purpose: Set(issued.purpose.map(|purpose| purpose.as_str().to_owned())),
            sealed_number: Set(None),
            amount: Set(Some(to_column_amount(part)?)),
            tax_free_amount: Set(None),
            currency: Set(part.currency().code().to_owned()),
            status: Set(RequestStatus::Pending.as_str().to_owned()),
            receipt_key: Set(None),
            attempt: Set(0),
            failure_code: Set(None),
            failure_message: Set(None),
            requested_by: Set(None),
            requested_at: Set(now),
            try_at: Set(now),
            sent_at: Set(None),
            settled_at: Set(None),
        };
        let before = OnConflict::column(Column::RequestId).do_nothing().to_owned();
        Entity::insert(row).on_conflict(before).exec_without_returning(self.connection()).await?;
        Ok(())
    }

    /// Writes that a request is about to be sent. From now on it is asked about before it is sent again.
    pub async fn receipt_is_sent(&self, id: &ReceiptRequestId) -> Result<(), StoreError> {
        let now = to_column_time(self.time().await?);
        pending(id)
            .col_expr(Column::SentAt, Expr::value(now))
            .filter(Column::SentAt.is_null())
            .exec(self.connection())
            .await?;
        Ok(())
    }

    /// Writes that the key of an attempt is spent on an answer that told nothing.
    pub async fn receipt_key_is_spent(&self, request: &ReceiptRequest) -> Result<(), StoreError> {
        pending(&request.id)
            .col_expr(Column::Attempt, Expr::value(attempt(request.attempt.saturating_add(1))?))
            .filter(Column::Attempt.eq(attempt(request.attempt)?))
            .exec(self.connection())
            .await?;
        Ok(())
    }

    /// Writes what the PSP made of a request, and forgets whom the receipt is for.
    pub async fn receipt_is_done(&self, request: &ReceiptRequest, receipt: &CashReceipt) -> Result<(), StoreError> {
        let now = to_column_time(self.time().await?);
        let transaction = self.begin().await?;
        let row = row_of(&request.checkout_id, receipt, now)?;
        let before = OnConflict::column(receipts::Column::ReceiptKey).do_nothing().to_owned();
        receipts::Entity::insert(row).on_conflict(before).exec_without_returning(&transaction).await?;
        settled(&request.id, RequestStatus::Done, now)
            .col_expr(Column::ReceiptKey, Expr::value(receipt.key.as_str()))
            // What the PSP recorded counts, whatever was asked for.
            .col_expr(Column::Amount, Expr::value(to_column_amount(receipt.amount)?))
            .col_expr(Column::TaxFreeAmount, Expr::value(to_column_amount(receipt.tax_free)?))
            .exec(&transaction)
            .await?;
        transaction.commit().await
    }

    /// Writes that nothing came of a request, and forgets whom the receipt is for.
    pub async fn receipt_is_refused(&self, id: &ReceiptRequestId, failure: &Failure) -> Result<(), StoreError> {
        let now = to_column_time(self.time().await?);
        settled(id, RequestStatus::Failed, now)
            .col_expr(Column::FailureCode, Expr::value(String::from(failure.code.clone())))
            .col_expr(Column::FailureMessage, Expr::value(failure.message.as_str()))
            .exec(self.connection())
            .await?;
        Ok(())
    }

    /// Writes that the tax office refused a receipt that the PSP had issued. Another may be asked for.
    pub async fn receipt_came_to_nothing(&self, receipt: &CashReceipt) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(RequestStatus::Failed.as_str()))
            .col_expr(Column::ReceiptKey, Expr::value(None::<String>))
            .col_expr(Column::FailureCode, Expr::value(failure_code(receipt)))
            .col_expr(Column::FailureMessage, Expr::value(failure_message(receipt)))
            .filter(Column::ReceiptKey.eq(receipt.key.as_str()))
            .exec(self.connection())
            .await?;
        Ok(())
    }

    /// Tries the requests of a payment later.
    pub async fn try_receipts_later(&self, checkout_id: &CheckoutId, at: Timestamp) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::TryAt, Expr::value(to_column_time(at)))
            .filter(Column::CheckoutId.eq(checkout_id.as_str()))
            .filter(Column::Status.eq(RequestStatus::Pending.as_str()))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

fn pending(id: &ReceiptRequestId) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::RequestId.eq(id.as_str()))
        .filter(Column::Status.eq(RequestStatus::Pending.as_str()))
}

fn settled(id: &ReceiptRequestId, status: RequestStatus, now: chrono::DateTime<chrono::Utc>) -> UpdateMany<Entity> {
    pending(id)
        .col_expr(Column::Status, Expr::value(status.as_str()))
        .col_expr(Column::SealedNumber, Expr::value(None::<String>))
        .col_expr(Column::SettledAt, Expr::value(now))
}

fn attempt(number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| corrupt("an attempt", number))
}

async fn requests_of(
    connection: &impl ConnectionTrait,
    checkout_id: &CheckoutId,
) -> Result<Vec<ReceiptRequest>, StoreError> {
    let rows = Entity::find()
        .filter(Column::CheckoutId.eq(checkout_id.as_str()))
        .order_by_asc(Column::RequestedAt)
        .order_by_asc(Column::RequestId)
        .all(connection)
        .await?;
    rows.into_iter().map(request).collect()
}

fn request(row: Model) -> Result<ReceiptRequest, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let money = |minor: Option<i64>| minor.map(|minor| from_column_amount(minor, currency)).transpose();
    let purpose = row.purpose.as_deref();
    Ok(ReceiptRequest {
        id: ReceiptRequestId::parse(row.request_id).map_err(|error| corrupt("an id", error))?,
        checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
        entry: ReceiptEntry::parse(&row.entry).ok_or_else(|| corrupt("an entry of a receipt", &row.entry))?,
        purpose: purpose
            .map(|purpose| ReceiptPurpose::parse(purpose).ok_or_else(|| corrupt("a purpose of a receipt", purpose)))
            .transpose()?,
        amount: money(row.amount)?,
        tax_free: money(row.tax_free_amount)?,
        status: RequestStatus::parse(&row.status).ok_or_else(|| corrupt("a status of a request", &row.status))?,
        receipt_key: row.receipt_key,
        attempt: u32::try_from(row.attempt).map_err(|_| corrupt("an attempt", row.attempt))?,
        sent_at: row.sent_at.map(from_column_time),
        requested_at: from_column_time(row.requested_at),
        failure: row.failure_code.zip(row.failure_message).map(|(code, message)| Failure::new(code, message)),
    })
}
