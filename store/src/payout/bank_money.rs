//! What our bank account has by the books, and what payouts by bank file take of it.

use chrono::{DateTime, Utc};
use domain::{
    Currency, Money, Timestamp,
    ledger::Account,
    payout::{PaidBy, PayoutKind, PayoutStatus, status::MoneyAt},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait as _, Func},
};

use super::record;
use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_time},
    entities::{ledger_balances, payouts},
};

/// Transfers of bank files of which nothing shows yet what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransfersAtBank {
    /// How many.
    pub number: u64,
    /// When the oldest of them left.
    pub oldest: Timestamp,
}

impl Reader {
    /// The transfers that are at our bank, where there are any.
    pub async fn transfers_at_bank(&self) -> Result<Option<TransfersAtBank>, StoreError> {
        let (number, oldest): (i64, Option<DateTime<Utc>>) = payouts::Entity::find()
            .select_only()
            .column_as(payouts::Column::PayoutId.count(), "number")
            .column_as(payouts::Column::SentAt.min(), "oldest")
            .filter(payouts::Column::PaidBy.eq(PaidBy::BankFile.as_str()))
            .filter(payouts::Column::Status.eq(PayoutStatus::InProgress.as_str()))
            .into_tuple()
            .one(self.connection())
            .await?
            .unwrap_or_default();
        let number = u64::try_from(number).map_err(|_| corrupt("a number", number))?;
        Ok(oldest.map(|oldest| TransfersAtBank { number, oldest: from_column_time(oldest) }))
    }
}

/// What a run may take from our bank account, by the books: what is there, less what other payouts take. Nothing where
/// the run is not paid by bank file.
pub(super) async fn money_left(connection: &impl ConnectionTrait, by: PaidBy) -> Result<Option<Money>, StoreError> {
    match by {
        PaidBy::Psp => Ok(None),
        PaidBy::BankFile => {
            let taken = sum_at(connection, &[MoneyAt::Held, MoneyAt::InTransit]).await?;
            Ok(Some(record::won(Ord::max(at_bank(connection).await?.saturating_sub(taken), 0))?))
        }
    }
}

pub(super) async fn at_bank(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let row = ledger_balances::Entity::find()
        .filter(ledger_balances::Column::Account.eq(Account::Bank.to_string()))
        .filter(ledger_balances::Column::Currency.eq(Currency::Krw.code()))
        .one(connection)
        .await?;
    Ok(row.map_or(0, |row| row.debits - row.credits))
}

/// The sum of payouts by bank file whose money is in one of these places.
pub(super) async fn sum_at(connection: &impl ConnectionTrait, places: &[MoneyAt]) -> Result<i64, StoreError> {
    let there = PayoutStatus::ALL.into_iter().filter(|status| places.contains(&status.money()));
    let rows = payouts::Entity::find()
        .select_only()
        .column_as(Func::sum(Expr::col(payouts::Column::Amount)).cast_as("bigint"), "sum")
        .filter(payouts::Column::PaidBy.eq(PaidBy::BankFile.as_str()))
        .filter(payouts::Column::Kind.eq(PayoutKind::Seller.as_str()))
        .filter(payouts::Column::Status.is_in(there.map(PayoutStatus::as_str)));
    Ok(rows.into_tuple::<Option<i64>>().one(connection).await?.flatten().unwrap_or_default())
}
