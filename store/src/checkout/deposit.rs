//! Deposits: one that is watched, and one that the bank took back.

use domain::checkout::{DepositReturn, DepositSeen, SeenDuring};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    StoreError, Writer, books::booking::Booking, convert::to_column_time, entities::payment_orders, event::DueTime,
};

/// For how long the PSP's word that it holds a watched deposit is fresh, in milliseconds: it is asked every hour, and
/// may not answer at once.
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
        self.database().signals().due.announce(DueTime { at: seen.seen_at, now: seen.seen_at });
        Ok(())
    }
}
