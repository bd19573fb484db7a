//! A deposit that the bank took back after it was booked.

use domain::{
    checkout::{Change, DepositReturn, DepositSeen, SeenDuring},
    ledger::Entry,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    StoreError, Writer,
    books::{
        booking::{Booked, Booking, Refusal, check_orders, not_before},
        open::Books,
    },
    checkout::write::{NextStatus, Written, is_written, set_account, write_status},
    convert::to_column_time,
    entities::{payment_events, payment_orders},
};

/// For how long the PSP's word that it holds a watched deposit is fresh, in milliseconds: it is asked every hour, and may
/// not answer at once.
pub const FRESH_LOOK_MS: u64 = 2 * 60 * 60 * 1_000;

impl Writer {
    /// Takes a booked deposit back: the reversal of its entry, the checkout's status with its line of history, the
    /// orders, and the account into which it is to be paid again, if that is known; all or nothing. Refused where
    /// something rests on the money: it was released, or refunded. The revision and the entry's key are the keys.
    pub async fn take_deposit_back(&self, returned: &DepositReturn) -> Result<(), StoreError> {
        self.bookkeeper.book(Booking::DepositReturn(Box::new(returned.clone()))).await.map(|_| ())
    }

    /// Writes that the PSP holds a deposit which is watched: its earnings may be released for [`FRESH_LOOK_MS`], and
    /// like any others once the watch has ended. An answer of the PSP changes something only where it is later than
    /// the one before and the watch goes on.
    pub async fn see_deposit(&self, seen: &DepositSeen) -> Result<(), StoreError> {
        let seen_at = to_column_time(seen.seen_at);
        let next = match seen.watch {
            SeenDuring::Watch => Some(seen_at),
            SeenDuring::End => None,
        };
        payment_orders::Entity::update_many()
            .col_expr(payment_orders::Column::DepositSeenAt, Expr::value(next))
            .filter(payment_orders::Column::CheckoutId.eq(seen.checkout_id.as_str()))
            .filter(payment_orders::Column::DepositSeenAt.lte(seen_at))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

pub(crate) async fn take_back(books: &mut Books<'_>, returned: &DepositReturn) -> Result<Booked, StoreError> {
    let DepositReturn { change, key } = returned;
    if is_written(books.transaction, change).await? {
        return Ok(Booked::Before);
    }
    let captured = books.find(key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.clone() })?;
    let reversal = Entry::of_reversal(&captured, change.occurred_at).map_err(Refusal::from)?;
    let reversal = not_before(&reversal, books.open_from())?;
    check_orders(books, &reversal).await?;
    if books.check(&reversal).await?.is_some() {
        return Err(Refusal::Reversed { key: key.clone() }.into());
    }
    match write_status(books.transaction, NextStatus::of(change)).await? {
        Written::Now => {}
        Written::Before => return Ok(Booked::Before),
    }
    set_account(books.transaction, change).await?;
    forget_payment(books, change).await?;
    books.announce(change).await?;
    books.add(reversal).await
}

async fn forget_payment(books: &Books<'_>, change: &Change) -> Result<(), StoreError> {
    let never = Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None);
    payment_orders::Entity::update_many()
        .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(change.status.as_str()))
        .col_expr(payment_orders::Column::WalletUpdated, Expr::value(false))
        .col_expr(payment_orders::Column::LedgerUpdated, Expr::value(false))
        .col_expr(payment_orders::Column::ReleasesAt, never.clone())
        .col_expr(payment_orders::Column::DepositSeenAt, never.clone())
        .filter(payment_orders::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(books.transaction)
        .await?;
    payment_events::Entity::update_many()
        .col_expr(payment_events::Column::PspApprovedAt, never)
        .col_expr(payment_events::Column::PspReceiptUrl, Expr::value(Option::<String>::None))
        .filter(payment_events::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(books.transaction)
        .await?;
    Ok(())
}
