//! Counting what somebody should watch.

use domain::{checkout::Status, dead_letter::LetterStatus, refund::RefundStatus};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QuerySelect};

use super::Reader;
use crate::{
    StoreError,
    convert::{corrupt, from_column_refund_status, from_column_status},
    entities::{dead_letters, declined_payments, payment_events, refunds},
};

/// How many there are of what should be watched; a status at which nothing stands is left out.
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
            declined: declined_payments::Entity::find().count(self.connection()).await?,
        })
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
