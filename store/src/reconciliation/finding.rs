//! What a run found, kept until the run has a verdict: without one, nothing of it is opened.

use domain::{
    calendar::Day,
    id::CheckoutId,
    reconciliation::{BreakClass, BreakType, Evidence, Finding, Layer},
    settlement::Flow,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use crate::{
    StoreError, Writer,
    convert::{corrupt, from_column_currency},
    entities::reconciliation_findings::{ActiveModel, Column, Entity, Model},
};

/// How many findings are written by one statement.
const BATCH: usize = 500;

impl Writer {
    /// Keeps what a run found. Safe to repeat: run and break are the key.
    pub async fn note_findings(&self, run_id: &str, findings: &[Finding]) -> Result<(), StoreError> {
        for batch in findings.chunks(BATCH) {
            let rows = batch.iter().map(|finding| to_row(run_id, finding));
            Entity::insert_many(rows)
                .on_conflict(OnConflict::columns([Column::RunId, Column::BreakId]).do_nothing().to_owned())
                .exec_without_returning(self.connection())
                .await?;
        }
        Ok(())
    }
}

/// The findings of a run, at most `limit`.
pub(super) async fn of_run(
    connection: &impl ConnectionTrait,
    run_id: &str,
    limit: u64,
) -> Result<Vec<Finding>, StoreError> {
    let rows = Entity::find()
        .filter(Column::RunId.eq(run_id))
        .order_by_asc(Column::BreakId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(finding).collect()
}

fn to_row(run_id: &str, finding: &Finding) -> ActiveModel {
    ActiveModel {
        run_id: Set(run_id.to_owned()),
        break_id: Set(finding.break_id().to_string()),
        layer: Set(finding.layer.as_str().to_owned()),
        break_type: Set(finding.break_type.as_str().to_owned()),
        class: Set(finding.class.as_str().to_owned()),
        subject: Set(finding.key.clone()),
        day: Set(finding.day.to_string()),
        currency: Set(finding.currency.code().to_owned()),
        ours: Set(finding.ours.map(Flow::signed)),
        theirs: Set(finding.theirs.map(Flow::signed)),
        suspense: Set(finding.suspense.map(Flow::signed)),
        checkout_id: Set(finding.checkout_id.as_ref().map(ToString::to_string)),
        workflow_id: Set(finding.workflow_id.clone()),
        evidence_ours: Set(finding.evidence.ours.clone()),
        evidence_theirs: Set(finding.evidence.theirs.clone()),
    }
}

fn finding(row: Model) -> Result<Finding, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let flow = |minor: i64| Flow::of_signed(minor, currency).map_err(|error| corrupt("an amount", error));
    Ok(Finding {
        layer: Layer::parse(&row.layer).ok_or_else(|| corrupt("a layer", &row.layer))?,
        break_type: BreakType::parse(&row.break_type).ok_or_else(|| corrupt("a type", &row.break_type))?,
        class: BreakClass::parse(&row.class).ok_or_else(|| corrupt("a class", &row.class))?,
        key: row.subject,
        day: row.day.parse::<Day>().map_err(|_| corrupt("a day", &row.day))?,
        currency,
        ours: row.ours.map(flow).transpose()?,
        theirs: row.theirs.map(flow).transpose()?,
        suspense: row.suspense.map(flow).transpose()?,
        checkout_id: row.checkout_id.map(CheckoutId::parse).transpose().map_err(|error| corrupt("an id", error))?,
        workflow_id: row.workflow_id,
        evidence: Evidence { ours: row.evidence_ours, theirs: row.evidence_theirs },
    })
}
