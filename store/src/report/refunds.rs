//! Refunds that a deadline runs for.

use domain::{
    Money, Timestamp,
    id::{CheckoutId, RefundId},
    refund::RefundStatus,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Reader, StoreError,
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_refund_status, from_column_time, to_column_time,
    },
    entities::refunds::{Column, Entity},
};

/// A refund with the instants that its deadline is counted between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundInTime {
    pub refund_id: RefundId,
    pub checkout_id: CheckoutId,
    /// Nothing while a refund of all that is left has not begun.
    pub amount: Option<Money>,
    pub status: RefundStatus,
    pub requested_at: Timestamp,
    /// When the PSP gave the money back.
    pub ended_at: Option<Timestamp>,
}

impl Reader {
    /// Refunds that have not ended, and those that the PSP carried out from an instant on; the oldest first, at most
    /// `limit`. A refund that failed gives nothing back and is absent.
    pub async fn refunds_in_time(&self, ended_from: Timestamp, limit: u64) -> Result<Vec<RefundInTime>, StoreError> {
        let open = [RefundStatus::Requested, RefundStatus::Executing, RefundStatus::Unknown, RefundStatus::Stuck];
        let ended = Condition::all()
            .add(Column::Status.eq(RefundStatus::Succeeded.as_str()))
            .add(Column::ExecutedAt.gte(to_column_time(ended_from)));
        let rows = Entity::find()
            .filter(Condition::any().add(Column::Status.is_in(open.map(RefundStatus::as_str))).add(ended))
            .order_by_asc(Column::RequestedAt)
            .order_by_asc(Column::RefundId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let refund = |row: crate::entities::refunds::Model| {
            let currency = from_column_currency(&row.currency)?;
            Ok(RefundInTime {
                refund_id: RefundId::parse(row.refund_id).map_err(|error| corrupt("an id", error))?,
                checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
                amount: row.amount.map(|amount| from_column_amount(amount, currency)).transpose()?,
                status: from_column_refund_status(&row.status)?,
                requested_at: from_column_time(row.requested_at),
                ended_at: row.executed_at.map(from_column_time),
            })
        };
        rows.into_iter().map(refund).collect()
    }
}
