//! What waits for a second person, besides payout runs.

use chrono::{DateTime, Utc};
use domain::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::{
    MAX_DECISION_MS, Reader, StoreError,
    convert::{corrupt, from_column_time, to_column_time},
    entities::{api_key_requests, refund_approvals},
};

/// How many things wait, and since when the oldest of them does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    pub number: u64,
    pub oldest: Option<Timestamp>,
}

/// What waits for a second person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondPersonFigures {
    /// Refunds that another principal has to approve.
    pub refunds: Waits,
    /// Requests for API keys that another administrator has to approve, and still may.
    pub keys: Waits,
}

impl Reader {
    /// What waits for a second person at an instant.
    pub async fn second_person_figures(&self, now: Timestamp) -> Result<SecondPersonFigures, StoreError> {
        let refunds = {
            use refund_approvals::Column;
            refund_approvals::Entity::find()
                .select_only()
                .column_as(Column::RefundId.count(), "number")
                .column_as(Column::RequestedAt.min(), "oldest")
                .filter(Column::Decision.is_null())
        };
        let keys = {
            use api_key_requests::Column;
            api_key_requests::Entity::find()
                .select_only()
                .column_as(Column::RequestId.count(), "number")
                .column_as(Column::RequestedAt.min(), "oldest")
                .filter(Column::Decision.is_null())
                .filter(Column::RequestedAt.gt(to_column_time(now.minus_ms(MAX_DECISION_MS))))
        };
        let refunds = refunds.into_tuple().one(self.connection()).await?;
        let keys = keys.into_tuple().one(self.connection()).await?;
        Ok(SecondPersonFigures { refunds: waits(refunds)?, keys: waits(keys)? })
    }
}

fn waits(row: Option<(i64, Option<DateTime<Utc>>)>) -> Result<Waits, StoreError> {
    let (number, oldest) = row.unwrap_or_default();
    let number = u64::try_from(number).map_err(|_| corrupt("a number", number))?;
    Ok(Waits { number, oldest: oldest.map(from_column_time) })
}
