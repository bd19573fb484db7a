//! Counts for monitoring.

use chrono::{DateTime, Utc};
use domain::{Timestamp, checkout::Status, dead_letter::LetterStatus, refund::RefundStatus};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use crate::{
    EventFigures, Reader, StoreError,
    convert::{corrupt, from_column_refund_status, from_column_status, from_column_time},
    entities::{dead_letters, declined_payments, payment_events, refunds},
};

/// Counts of checkouts, refunds and dead letters. A status without rows is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checkouts by status.
    pub checkouts: Vec<(Status, u64)>,
    /// Refunds by status.
    pub refunds: Vec<(RefundStatus, u64)>,
    /// Dead letters by status.
    pub letters: Vec<(LetterStatus, u64)>,
    /// Payments that were declined, also of checkouts that another payment has paid since.
    pub declined: u64,
    /// When the oldest checkout of each status in [`WATCHED`] got that status.
    pub oldest_checkouts: Vec<(Status, Timestamp)>,
    /// The same of refunds, of each status in [`WATCHED_REFUNDS`].
    pub oldest_refunds: Vec<(RefundStatus, Timestamp)>,
    /// The event log.
    pub events: EventFigures,
}

/// The statuses that no checkout should keep for long.
pub const WATCHED: [Status; 3] = [Status::Executing, Status::Unknown, Status::Stuck];
/// The statuses that no refund should keep for long.
pub const WATCHED_REFUNDS: [RefundStatus; 3] = [RefundStatus::Executing, RefundStatus::Unknown, RefundStatus::Stuck];

/// The columns that say since when a row has had its status.
struct Columns<C> {
    status: C,
    updated_at: C,
}

impl Reader {
    /// Counts what should be watched. Each kind is counted at one moment, and the kinds one after the other.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let letter_status =
            |text: &str| LetterStatus::parse(text).ok_or_else(|| corrupt("a dead letter's status", text));
        Ok(Counts {
            checkouts: self
                .by_status::<payment_events::Entity, _>(payment_events::Column::Status, from_column_status)
                .await?,
            refunds: self.by_status::<refunds::Entity, _>(refunds::Column::Status, from_column_refund_status).await?,
            letters: self.by_status::<dead_letters::Entity, _>(dead_letters::Column::Status, letter_status).await?,
            events: self.event_figures().await?,
            declined: declined_payments::Entity::find().count(self.connection()).await?,
            oldest_checkouts: self
                .oldest::<payment_events::Entity, _>(
                    Columns { status: payment_events::Column::Status, updated_at: payment_events::Column::UpdatedAt },
                    &WATCHED.map(Status::as_str),
                    from_column_status,
                )
                .await?,
            oldest_refunds: self
                .oldest::<refunds::Entity, _>(
                    Columns { status: refunds::Column::Status, updated_at: refunds::Column::UpdatedAt },
                    &WATCHED_REFUNDS.map(RefundStatus::as_str),
                    from_column_refund_status,
                )
                .await?,
        })
    }

    /// When the oldest row of each status got that status. An index over both columns serves the query.
    async fn oldest<E: EntityTrait, S>(
        &self,
        Columns { status, updated_at }: Columns<E::Column>,
        watched: &[&str],
        read: impl Fn(&str) -> Result<S, StoreError>,
    ) -> Result<Vec<(S, Timestamp)>, StoreError> {
        let rows: Vec<(String, DateTime<Utc>)> = E::find()
            .select_only()
            .column(status)
            .column_as(updated_at.min(), "oldest")
            .filter(status.is_in(watched.iter().copied()))
            .group_by(status)
            .into_tuple()
            .all(self.connection())
            .await?;
        rows.into_iter().map(|(text, oldest)| Ok((read(&text)?, from_column_time(oldest)))).collect()
    }

    async fn by_status<E: EntityTrait, S>(
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
