//! How long buyers took from the creation of a checkout until the PSP approved the payment.

use std::time::Duration;

use domain::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, prelude::DateTimeUtc};

use crate::{
    Reader, StoreError,
    convert::{from_column_time, to_column_time},
    entities::payment_events::{Column, Entity},
};

impl Reader {
    /// The times of the last `limit` checkouts that were created since then and are paid, the shortest first.
    pub async fn times_to_paid(&self, since: Timestamp, limit: u64) -> Result<Vec<Duration>, StoreError> {
        let rows: Vec<(DateTimeUtc, Option<DateTimeUtc>)> = Entity::find()
            .select_only()
            .columns([Column::CreatedAt, Column::PspApprovedAt])
            .filter(Column::CreatedAt.gte(to_column_time(since)))
            .filter(Column::PspApprovedAt.is_not_null())
            .order_by_desc(Column::CreatedAt)
            .limit(limit)
            .into_tuple()
            .all(self.connection())
            .await?;
        let took = |(created, approved): (DateTimeUtc, Option<DateTimeUtc>)| {
            let approved = from_column_time(approved?);
            Some(Duration::from_millis(approved.ms_since(from_column_time(created))))
        };
        let mut times: Vec<_> = rows.into_iter().filter_map(took).collect();
        times.sort_unstable();
        Ok(times)
    }
}
