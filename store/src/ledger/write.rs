//! The books: what can be asked of the bookkeeper.

use domain::{
    Money, Timestamp,
    checkout::Payment,
    hold::{HoldEvent, HoldStatus},
    id::{HoldId, PaymentOrderId},
    ledger::{Entry, Hold, HoldEnd, PayoutEnd},
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use crate::{
    StoreError, Writer,
    books::{booking::Booking, refusal::Booked},
    checkout::deposit::FRESH_LOOK_MS,
    convert::{corrupt, to_column_time},
    entities::{payment_orders, wallet_holds},
    purchase::adopt_reports,
};

/// No refund of the order, or of its whole checkout, is under way or waits for its approval. One that is only
/// requested was promised nothing yet.
const NO_OPEN_REFUND: &str = "NOT EXISTS (SELECT 1 FROM refunds \
     WHERE refunds.checkout_id = payment_orders.checkout_id \
     AND refunds.status IN ('EXECUTING', 'UNKNOWN', 'STUCK') \
     AND (refunds.payment_order_id IS NULL OR refunds.payment_order_id = payment_orders.payment_order_id)) \
     AND NOT EXISTS (SELECT 1 FROM refund_approvals \
     WHERE refund_approvals.checkout_id = payment_orders.checkout_id AND refund_approvals.decision IS NULL)";

impl Writer {
    /// Books a captured payment: the entry with its postings, the sellers' wallets, the payment orders, the checkout's
    /// status and its line of history, all or nothing. The sellers' earnings are released at `releases_at`; of a
    /// deposit that is watched, only while the PSP's last answer that it holds the deposit is fresh. The revision and
    /// the entry's key are the keys: asked again, it changes nothing. The change that began the attempt is written with
    /// it, where the payment brings it; then it must not be written yet.
    pub async fn post(&self, payment: &Payment, releases_at: Option<Timestamp>) -> Result<(), StoreError> {
        let booking = Booking::Payment { payment: Box::new(payment.clone()), releases_at };
        self.bookkeeper.book(booking).await.map(|_| ())
    }

    /// Books an entry as it is: a settlement of the PSP, a correction. Its key is the key.
    pub async fn book(&self, entry: Entry) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::Entry(entry)).await
    }

    /// Takes back the entry under a key. Asked again, it changes nothing.
    pub async fn reverse(&self, key: &str, at: Timestamp) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::Reversal { key: key.to_owned(), at }).await
    }

    /// Makes available what orders have earned whose time has come, at most `limit` of them. Answers how many it
    /// was. What is wrong with one order is logged and does not stop the others. Of a deposit that is watched nothing
    /// is released unless the PSP has just said that it holds it, and nothing of an order with an open refund.
    pub async fn release_due(&self, now: Timestamp, limit: u64) -> Result<usize, StoreError> {
        adopt_reports(self, now, limit).await?;
        let fresh_from = to_column_time(now.minus_ms(FRESH_LOOK_MS));
        let seen = payment_orders::Column::DepositSeenAt;
        let due: Vec<String> = payment_orders::Entity::find()
            .select_only()
            .column(payment_orders::Column::PaymentOrderId)
            .filter(payment_orders::Column::ReleasesAt.lte(to_column_time(now)))
            .filter(seen.is_null().or(seen.gt(fresh_from)))
            // A literal, so that the partial index serves.
            .filter(Expr::col(payment_orders::Column::Unreleased).gt(Expr::cust("0")))
            .filter(Expr::cust(NO_OPEN_REFUND))
            .order_by_asc(payment_orders::Column::ReleasesAt)
            .limit(limit)
            .into_tuple()
            .all(self.connection())
            .await?;
        let mut releases = FuturesUnordered::new();
        for order in due {
            let order = PaymentOrderId::parse(order).map_err(|error| corrupt("an order", error))?;
            releases.push(self.bookkeeper.book(Booking::Release { order, at: now }));
        }
        let mut released = 0;
        while let Some(result) = releases.next().await {
            released += usize::from(is_done(result)?);
        }
        Ok(released)
    }

    /// Reserves a part of what a seller has available. The hold's id is the key.
    pub async fn reserve(
        &self,
        hold: &Hold,
        expires_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::Hold { hold: hold.clone(), expires_at, at }).await
    }

    /// Lets a hold go.
    pub async fn release_hold(&self, hold: &HoldId, at: Timestamp) -> Result<Booked, StoreError> {
        self.change_hold(hold.clone(), HoldEvent::Ended(HoldEnd::Released), at).await
    }

    /// Sends what is held, or a part of it, on its way to the seller; the rest is available again.
    pub async fn capture_hold(&self, hold: &HoldId, amount: Money, at: Timestamp) -> Result<Booked, StoreError> {
        self.change_hold(hold.clone(), HoldEvent::Captured(amount), at).await
    }

    /// Books that the payout that a hold became arrived, or came back.
    pub async fn end_payout(&self, payout: &HoldId, end: PayoutEnd, at: Timestamp) -> Result<Booked, StoreError> {
        self.change_hold(payout.clone(), HoldEvent::PayoutEnded(end), at).await
    }

    async fn change_hold(&self, hold: HoldId, event: HoldEvent, at: Timestamp) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::HoldChange { hold, event, at }).await
    }

    /// Ends holds whose time has run out, at most `limit` of them. Answers how many it was.
    pub async fn expire_holds(&self, now: Timestamp, limit: u64) -> Result<usize, StoreError> {
        let due: Vec<String> = wallet_holds::Entity::find()
            .select_only()
            .column(wallet_holds::Column::HoldId)
            .filter(wallet_holds::Column::Status.eq(HoldStatus::Reserved.as_str()))
            .filter(wallet_holds::Column::ExpiresAt.lte(to_column_time(now)))
            .limit(limit)
            .into_tuple()
            .all(self.connection())
            .await?;
        let mut ends: FuturesUnordered<_> = due
            .into_iter()
            .map(|hold| async move {
                let hold = HoldId::parse(hold).map_err(|error| corrupt("a hold", error))?;
                self.change_hold(hold, HoldEvent::Ended(HoldEnd::Expired), now).await
            })
            .collect();
        let mut ended = 0;
        while let Some(result) = ends.next().await {
            ended += usize::from(is_done(result)?);
        }
        Ok(ended)
    }

    /// Closes the days before an instant: nothing is booked any more as having happened then.
    pub async fn close_books_before(&self, instant: Timestamp) -> Result<(), StoreError> {
        self.bookkeeper.book(Booking::Closing { before: instant }).await.map(|_| ())
    }
}

/// Whether a booking of a batch succeeded. A refusal is logged, so that the batch continues.
fn is_done(result: Result<Booked, StoreError>) -> Result<bool, StoreError> {
    match result {
        Ok(_) => Ok(true),
        Err(StoreError::Refused(refusal)) => {
            tracing::error!(refusal = %refusal, "what is due was refused");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
