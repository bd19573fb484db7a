//! The runs of the reconciliation of a day.

use chrono::Utc;
use domain::{Timestamp, calendar::Day, reconciliation::RunStatus};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde::Serialize;

use super::summary::{Progress, RunSummary};
use crate::{
    Page, Reader, StoreError, Window, Writer,
    convert::{corrupt, from_column_revision, from_column_time, to_column_revision},
    entities::reconciliations::{ActiveModel, Column, Entity, Model},
};

/// A run that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    pub run_id: String,
    pub day: Day,
    /// The day on which deadlines are judged.
    pub as_of: Day,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub run_id: String,
    pub day: Day,
    /// The number of the run of its day, from 1.
    pub number: u32,
    pub as_of: Day,
    pub status: RunStatus,
    pub progress: Progress,
    pub summary: RunSummary,
    /// Why there is no verdict.
    pub reason: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A place in the list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPosition {
    pub day: Day,
    pub number: u32,
}

impl Writer {
    /// Writes that a run begins. Safe to repeat: the run's id is the key.
    pub async fn begin_reconciliation(&self, new: &NewRun) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        if Entity::find_by_id(new.run_id.as_str()).one(&transaction).await?.is_some() {
            return transaction.rollback().await;
        }
        let last = Entity::find()
            .filter(Column::Day.eq(new.day.to_string()))
            .order_by_desc(Column::Number)
            .one(&transaction)
            .await?;
        // A run that was terminated by hand never wrote its end.
        let ended = Utc::now();
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(RunStatus::NoVerdict.as_str()))
            .col_expr(Column::Reason, Expr::value("another run of the day began"))
            .col_expr(Column::EndedAt, Expr::value(ended))
            .filter(Column::Day.eq(new.day.to_string()))
            .filter(Column::Status.eq(RunStatus::Running.as_str()))
            .exec(&transaction)
            .await?;
        let row = ActiveModel {
            run_id: Set(new.run_id.clone()),
            day: Set(new.day.to_string()),
            number: Set(last.map_or(1, |last| last.number + 1)),
            as_of: Set(new.as_of.to_string()),
            status: Set(RunStatus::Running.as_str().to_owned()),
            progress: Set(json(&Progress::default())?),
            summary: Set(None),
            reason: Set(None),
            started_at: Set(ended),
            ended_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&transaction).await?;
        transaction.commit().await
    }

    /// Writes how far a run has come.
    pub async fn report_reconciliation(&self, run_id: &str, progress: &Progress) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::Progress, Expr::value(json(progress)?))
            .filter(Column::RunId.eq(run_id))
            .filter(Column::Status.eq(RunStatus::Running.as_str()))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

impl Reader {
    /// A run.
    pub async fn reconciliation_run(&self, run_id: &str) -> Result<Option<RunRecord>, StoreError> {
        Entity::find_by_id(run_id).one(self.connection()).await?.map(record).transpose()
    }

    /// The last run of a day.
    pub async fn reconciliation_of(&self, day: Day) -> Result<Option<RunRecord>, StoreError> {
        let row = Entity::find()
            .filter(Column::Day.eq(day.to_string()))
            .order_by_desc(Column::Number)
            .one(self.connection())
            .await?;
        row.map(record).transpose()
    }

    /// Runs, the newest day and the newest run of it first.
    pub async fn reconciliations(&self, window: &Window<RunPosition>) -> Result<Page<RunRecord>, StoreError> {
        let behind = |position: &RunPosition| -> Result<Condition, StoreError> {
            let day = position.day.to_string();
            let same_day = Condition::all()
                .add(Column::Day.eq(day.clone()))
                .add(Column::Number.lt(to_column_revision(position.number)?));
            Ok(Condition::any().add(Column::Day.lt(day)).add(same_day))
        };
        let rows = Entity::find()
            .filter(Condition::all().add_option(window.after.as_ref().map(behind).transpose()?))
            .order_by_desc(Column::Day)
            .order_by_desc(Column::Number)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, record)
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| corrupt("a value without JSON", error))
}

fn record(row: Model) -> Result<RunRecord, StoreError> {
    let day = |text: &str| text.parse::<Day>().map_err(|_| corrupt("a day", text));
    Ok(RunRecord {
        day: day(&row.day)?,
        number: from_column_revision(row.number)?,
        as_of: day(&row.as_of)?,
        status: RunStatus::parse(&row.status).ok_or_else(|| corrupt("a status", &row.status))?,
        progress: serde_json::from_str(&row.progress).unwrap_or_default(),
        summary: row.summary.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        reason: row.reason,
        started_at: from_column_time(row.started_at),
        ended_at: row.ended_at.map(from_column_time),
        run_id: row.run_id,
    })
}
