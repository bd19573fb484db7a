//! Counts and ages of rows by their status.

use chrono::{DateTime, Utc};
use domain::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::{Reader, StoreError, convert::from_column_time};

/// The columns that say since when a row has had its status.
pub(crate) struct Columns<C> {
    pub(crate) status: C,
    pub(crate) since: C,
}

impl Reader {
    /// When the oldest row of each status got that status. An index over both columns serves the query.
    pub(crate) async fn oldest<E: EntityTrait, S>(
        &self,
        Columns { status, since }: Columns<E::Column>,
        watched: &[&str],
        read: impl Fn(&str) -> Result<S, StoreError>,
    ) -> Result<Vec<(S, Timestamp)>, StoreError> {
        let rows: Vec<(String, DateTime<Utc>)> = E::find()
            .select_only()
            .column(status)
            .column_as(since.min(), "oldest")
            .filter(status.is_in(watched.iter().copied()))
            .filter(since.is_not_null())
            .group_by(status)
            .into_tuple()
            .all(self.connection())
            .await?;
        rows.into_iter().map(|(text, oldest)| Ok((read(&text)?, from_column_time(oldest)))).collect()
    }

    pub(crate) async fn by_status<E: EntityTrait, S>(
        &self,
        status: E::Column,
        read: impl Fn(&str) -> Result<S, StoreError>,
    ) -> Result<Vec<(S, u64)>, StoreError> {
        let rows: Vec<(String, i64)> = E::find()
            .select_only()
            .column(status)
            .column_as(status.count(), "number")
            .group_by(status)
            .into_tuple()
            .all(self.connection())
            .await?;
        rows.into_iter().map(|(text, number)| Ok((read(&text)?, u64::try_from(number).unwrap_or_default()))).collect()
    }
}
