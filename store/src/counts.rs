//! Counts for monitoring.

use domain::{Timestamp, checkout::Status, dead_letter::LetterStatus, refund::RefundStatus};
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::{
    EventFigures, MoneyCounts, Reader, StoreError,
    by_status::Columns,
    convert::{corrupt, from_column_refund_status, from_column_status},
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
    /// Payouts and reconciliations.
    pub money: MoneyCounts,
}

/// The statuses that no checkout should keep for long.
pub const WATCHED: [Status; 3] = [Status::Executing, Status::Unknown, Status::Stuck];
/// The statuses that no refund should keep for long.
pub const WATCHED_REFUNDS: [RefundStatus; 3] = [RefundStatus::Executing, RefundStatus::Unknown, RefundStatus::Stuck];

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
            money: self.money_counts().await?,
            declined: declined_payments::Entity::find().count(self.connection()).await?,
            oldest_checkouts: self
                .oldest::<payment_events::Entity, _>(
                    Columns { status: payment_events::Column::Status, since: payment_events::Column::UpdatedAt },
                    &WATCHED.map(Status::as_str),
                    from_column_status,
                )
                .await?,
            oldest_refunds: self
                .oldest::<refunds::Entity, _>(
                    Columns { status: refunds::Column::Status, since: refunds::Column::UpdatedAt },
                    &WATCHED_REFUNDS.map(RefundStatus::as_str),
                    from_column_refund_status,
                )
                .await?,
        })
    }
}
