//! What is due at a time: releases of earnings, expiries of holds, reports of purchases.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Timestamp, hold::HoldStatus};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, sea_query::Expr};

use crate::{
    StoreError, Writer,
    convert::{from_column_time, to_column_time},
    entities::{payment_orders, purchase_confirmations, wallet_holds},
};

impl Writer {
    /// Does what is due by the time of money: releases and expiries, at most `limit` of each. Answers how many it was.
    pub async fn do_what_is_due(&self, limit: u64) -> Result<usize, StoreError> {
        let now = self.time().await?;
        let (released, expired) = (self.release_due(now, limit).await, self.expire_holds(now, limit).await);
        Ok(released? + expired?)
    }

    /// After how long something is due by the time of money that is not due yet; nothing where it is further ahead.
    pub async fn due_within(&self, within: Duration) -> Result<Option<Duration>, StoreError> {
        let now = self.time().await?;
        let due = self.next_due(now).await?.map(|next| Duration::from_millis(next.ms_since(now)));
        Ok(due.filter(|due| *due <= within))
    }

    /// Waits until this process writes something that is due within a minute and a half.
    pub async fn is_due_soon(&self) {
        self.database().signals().due.soon().await;
    }

    /// The next time, later than now, at which something is due.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let now = to_column_time(now);
        let release = payment_orders::Entity::find()
            .select_only()
            .column_as(payment_orders::Column::ReleasesAt.min(), "at")
            .filter(payment_orders::Column::ReleasesAt.gt(now))
            // A literal, so that the partial index serves.
            .filter(Expr::col(payment_orders::Column::Unreleased).gt(Expr::cust("0")));
        let report = purchase_confirmations::Entity::find()
            .select_only()
            .column_as(purchase_confirmations::Column::DueAt.min(), "at")
            .filter(purchase_confirmations::Column::AdoptedAt.is_null())
            .filter(purchase_confirmations::Column::DueAt.gt(now));
        let expiry = wallet_holds::Entity::find()
            .select_only()
            .column_as(wallet_holds::Column::ExpiresAt.min(), "at")
            .filter(wallet_holds::Column::Status.eq(HoldStatus::Reserved.as_str()))
            .filter(wallet_holds::Column::ExpiresAt.gt(now));
        type At = Option<DateTime<Utc>>;
        let times = [
            release.into_tuple::<At>().one(self.connection()).await?,
            report.into_tuple::<At>().one(self.connection()).await?,
            expiry.into_tuple::<At>().one(self.connection()).await?,
        ];
        Ok(times.into_iter().flatten().flatten().min().map(from_column_time))
    }
}
