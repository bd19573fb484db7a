//! Between the types of `domain` and the columns.

use chrono::{DateTime, Utc};
use domain::{Currency, Money, Timestamp, checkout::Status, refund::RefundStatus, wallet::Wallet};

use crate::{StoreError, entities::wallets};

pub(crate) fn to_column_time(time: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.epoch_ms()).unwrap_or(DateTime::UNIX_EPOCH)
}

pub(crate) fn from_column_time(time: DateTime<Utc>) -> Timestamp {
    Timestamp::from_epoch_ms(time.timestamp_millis())
}

pub(crate) fn to_column_amount(money: Money) -> Result<i64, StoreError> {
    i64::try_from(money.minor()).map_err(|_| StoreError::Amount)
}

pub(crate) fn from_column_amount(minor: i64, currency: Currency) -> Result<Money, StoreError> {
    u64::try_from(minor)
        .ok()
        .and_then(|minor| Money::try_from_minor(minor, currency).ok())
        .ok_or_else(|| corrupt("an amount", minor))
}

pub(crate) fn from_column_currency(code: &str) -> Result<Currency, StoreError> {
    code.parse().map_err(|_| corrupt("a currency", code))
}

pub(crate) fn wallet_of_row(row: &wallets::Model) -> Result<Wallet, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    Ok(Wallet {
        pending: from_column_amount(row.pending, currency)?,
        available: from_column_amount(row.available, currency)?,
        held: from_column_amount(row.held, currency)?,
        in_transit: from_column_amount(row.in_transit, currency)?,
        paid_out: from_column_amount(row.paid_out, currency)?,
        debt: from_column_amount(row.debt, currency)?,
    })
}

pub(crate) fn from_column_status(text: &str) -> Result<Status, StoreError> {
    Status::parse(text).ok_or_else(|| corrupt("a status", text))
}

pub(crate) fn from_column_refund_status(text: &str) -> Result<RefundStatus, StoreError> {
    RefundStatus::parse(text).ok_or_else(|| corrupt("a status of a refund", text))
}

pub(crate) fn from_column_revision(revision: i32) -> Result<u32, StoreError> {
    u32::try_from(revision).map_err(|_| corrupt("a revision", revision))
}

pub(crate) fn to_column_revision(revision: u32) -> Result<i32, StoreError> {
    i32::try_from(revision).map_err(|_| corrupt("a revision", revision))
}

/// A number of an entry to compare with: there is none beyond what the column holds.
pub(crate) fn to_column_sequence(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(crate) fn corrupt(what: &'static str, value: impl ToString) -> StoreError {
    StoreError::Corrupt { what, value: value.to_string() }
}
