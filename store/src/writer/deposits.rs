//! A deposit that the bank took back after it was booked.

use domain::{Timestamp, charge::VirtualAccount, checkout::Status, id::CheckoutId, ledger::Entry};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    Writer,
    booking::{Booked, Booking, Refusal, check_orders, not_before},
    books::Books,
    checkouts::{NextStatus, Written, is_written, set_account, write_status},
};
use crate::{
    StoreError,
    convert::to_column_time,
    entities::{payment_events, payment_orders},
};

/// For how long the PSP's word that it holds a watched deposit is fresh, in milliseconds: it is asked every hour, and may
/// not answer at once.
pub const FRESH_LOOK_MS: u64 = 2 * 60 * 60 * 1_000;

/// A booked deposit to take back, with the status it brings about.
#[derive(Debug, Clone)]
pub(super) struct DepositReturn {
    checkout_id: CheckoutId,
    revision: u32,
    status: Status,
    occurred_at: Timestamp,
    /// The key of the capture.
    key: String,
    account: Option<VirtualAccount>,
}

impl Writer {
    /// Takes a booked deposit back: the reversal of its entry, the checkout's status with its line of history, the
    /// orders, and the account into which it is to be paid again, if that is known; all or nothing. Refused where
    /// something rests on the money: it was released, or refunded. The revision and the entry's key are the keys.
    pub async fn take_deposit_back(
        &self,
        checkout_id: &CheckoutId,
        (revision, status): (u32, Status),
        occurred_at: Timestamp,
        (key, account): (&str, Option<&VirtualAccount>),
    ) -> Result<(), StoreError> {
        let (checkout_id, key, account) = (checkout_id.clone(), key.to_owned(), account.cloned());
        let taken_back = DepositReturn { checkout_id, revision, status, occurred_at, key, account };
        self.bookkeeper.book(Booking::DepositReturn(Box::new(taken_back))).await.map(|_| ())
    }
}

/// A word of the PSP that it holds a deposit which is booked.
#[derive(Debug, Clone)]
pub struct SeenDeposit {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// When the PSP said so.
    pub seen_at: Timestamp,
    /// Whether the deposit is watched no more: what was earned of it is released like anything else.
    pub is_last: bool,
}

impl Writer {
    /// Writes that the PSP holds a deposit which is watched: what was earned of it may be released for
    /// [`FRESH_LOOK_MS`]. Only a later word than the one before changes anything, and after the last one none does.
    pub async fn see_deposit(&self, seen: &SeenDeposit) -> Result<(), StoreError> {
        let seen_at = to_column_time(seen.seen_at);
        payment_orders::Entity::update_many()
            .col_expr(payment_orders::Column::DepositSeenAt, Expr::value((!seen.is_last).then_some(seen_at)))
            .filter(payment_orders::Column::CheckoutId.eq(seen.checkout_id.as_str()))
            .filter(payment_orders::Column::DepositSeenAt.lte(seen_at))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

impl DepositReturn {
    pub(super) async fn carry_out(&self, books: &mut Books<'_>) -> Result<Booked, StoreError> {
        let next = NextStatus::of(&self.checkout_id, (self.revision, self.status), self.occurred_at);
        if is_written(books.transaction, &next).await? {
            return Ok(Booked::Before);
        }
        let missing = || Refusal::NoSuchEntry { key: self.key.clone() };
        let captured = books.find(&self.key).await?.ok_or_else(missing)?;
        let reversal = Entry::of_reversal(&captured, self.occurred_at).map_err(Refusal::from)?;
        let reversal = not_before(&reversal, books.open_from())?;
        check_orders(books, &reversal).await?;
        if books.check(&reversal).await?.is_some() {
            return Err(Refusal::Reversed { key: self.key.clone() }.into());
        }
        match write_status(books.transaction, next).await? {
            Written::Now => {}
            Written::Before => return Ok(Booked::Before),
        }
        if let Some(account) = &self.account {
            set_account(books.transaction, &self.checkout_id, account).await?;
        }
        self.forget_payment(books).await?;
        books.add(reversal).await
    }

    async fn forget_payment(&self, books: &Books<'_>) -> Result<(), StoreError> {
        let never = Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None);
        payment_orders::Entity::update_many()
            .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(self.status.as_str()))
            .col_expr(payment_orders::Column::WalletUpdated, Expr::value(false))
            .col_expr(payment_orders::Column::LedgerUpdated, Expr::value(false))
            .col_expr(payment_orders::Column::ReleasesAt, never.clone())
            .col_expr(payment_orders::Column::DepositSeenAt, never.clone())
            .filter(payment_orders::Column::CheckoutId.eq(self.checkout_id.as_str()))
            .exec(books.transaction)
            .await?;
        payment_events::Entity::update_many()
            .col_expr(payment_events::Column::PspApprovedAt, never)
            .col_expr(payment_events::Column::PspReceiptUrl, Expr::value(Option::<String>::None))
            .filter(payment_events::Column::CheckoutId.eq(self.checkout_id.as_str()))
            .exec(books.transaction)
            .await?;
        Ok(())
    }
}
