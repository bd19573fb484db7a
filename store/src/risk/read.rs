//! Reading what was decided about the risk of attempts to pay.

use domain::{
    Timestamp,
    id::CheckoutId,
    risk::{Assessment, RiskVerdict},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::write::BY_RULES;
use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_revision, from_column_time},
    entities::risk_decisions,
};

/// A decision about an attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskRecord {
    /// Which attempt.
    pub attempt: u32,
    /// The person who decided; none where the rules decided.
    pub by: Option<String>,
    /// What was decided.
    pub assessment: Assessment,
    /// When.
    pub decided_at: Timestamp,
}

impl Reader {
    /// What was decided about the attempts to pay a checkout, oldest first.
    pub async fn risk_decisions(&self, checkout_id: &CheckoutId) -> Result<Vec<RiskRecord>, StoreError> {
        let rows = risk_decisions::Entity::find()
            .filter(risk_decisions::Column::CheckoutId.eq(checkout_id.as_str()))
            .order_by_asc(risk_decisions::Column::DecidedAt)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record).collect()
    }
}

fn record(row: risk_decisions::Model) -> Result<RiskRecord, StoreError> {
    let verdict = RiskVerdict::parse(&row.verdict).ok_or_else(|| corrupt("a verdict", &row.verdict))?;
    let reasons = serde_json::from_str(&row.reasons).map_err(|error| corrupt("reasons", error))?;
    Ok(RiskRecord {
        attempt: from_column_revision(row.attempt)?,
        by: Some(row.decided_by).filter(|by| by != BY_RULES),
        assessment: Assessment { verdict, reasons },
        decided_at: from_column_time(row.decided_at),
    })
}
