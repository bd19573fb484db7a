//! What is due at a time: releases of earnings, expiries of holds, reports of purchases.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Timestamp, hold::HoldStatus};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, sea_query::Expr};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    StoreError, Writer,
    convert::{from_column_time, to_column_time},
    entities::{payment_orders, purchase_confirmations, wallet_holds},
};

/// How long what becomes due is gathered before it is done together.
const GATHER_TIME: Duration = Duration::from_millis(100);

impl Writer {
    /// Does what is due by the time of money: releases and expiries, at most `limit` of each. Answers how many it was.
    pub async fn do_what_is_due(&self, limit: u64) -> Result<usize, StoreError> {
        // What is announced from here on may be missing in what is read below.
        self.database().signals().due.forget();
        let now = self.time().await?;
        let (released, expired) = (self.release_due(now, limit).await, self.expire_holds(now, limit).await);
        Ok(released? + expired?)
    }

    /// Waits until something is due by the time of money, and no longer than `longest`. Work of this process ends the
    /// wait where it is due earlier; what another process writes is seen after `longest` at the latest.
    pub async fn wait_until_due(&self, longest: Duration) {
        let end = Instant::now() + longest;
        sleep(GATHER_TIME.min(longest)).await;
        let known = self.next_due().await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not read what is due next");
            None
        });
        loop {
            let due = &self.database().signals().due;
            let next = known.into_iter().chain(due.earliest()).min();
            let wakes_at = match next {
                Some(next) => self.instant_of(next).await.map_or(end, |at| at.min(end)),
                None => end,
            };
            tokio::select! {
                () = sleep_until(wakes_at) => return,
                () = due.comes_earlier() => {}
            }
        }
    }

    /// When a time of money comes by the clock of this process.
    async fn instant_of(&self, time: Timestamp) -> Option<Instant> {
        let now = self.time().await.ok()?;
        Some(Instant::now() + Duration::from_millis(time.ms_since(now)))
    }

    /// The next time, later than now, at which something is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = to_column_time(self.time().await?);
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
