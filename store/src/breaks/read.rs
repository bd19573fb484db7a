//! The queues of breaks.

use domain::{
    Timestamp,
    calendar::Day,
    hold::HoldStatus,
    id::{BreakId, HoldId},
    reconciliation::{BreakClass, BreakStatus, BreakType},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Query};

use crate::{
    Page, Reader, StoreError, Window,
    breaks::record::{self, BreakEvent, BreakRecord},
    convert::{corrupt, to_column_time},
    entities::{break_history, breaks, reconciliation_findings, wallet_holds},
};

/// Which breaks are wanted; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BreakFilter {
    pub class: Option<BreakClass>,
    pub break_type: Option<BreakType>,
    pub status: Option<BreakStatus>,
    pub assignee: Option<String>,
    /// Those whose fact was expected on this day or before.
    pub expected_by: Option<Day>,
    /// Only those that were escalated.
    pub escalated: bool,
}

/// A place in the list of breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakPosition {
    pub opened_at: Timestamp,
    /// The break, for many may be opened at one instant.
    pub break_id: BreakId,
}

impl Reader {
    /// A break.
    pub async fn break_record(&self, id: &BreakId) -> Result<Option<BreakRecord>, StoreError> {
        let row = breaks::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        row.map(record::record).transpose()
    }

    /// What happened to a break, oldest first.
    pub async fn break_history(&self, id: &BreakId) -> Result<Vec<BreakEvent>, StoreError> {
        let rows = break_history::Entity::find()
            .filter(break_history::Column::BreakId.eq(id.as_str()))
            .order_by_asc(break_history::Column::Number)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::event).collect()
    }

    /// Breaks, the newest first.
    pub async fn breaks(
        &self,
        filter: &BreakFilter,
        window: &Window<BreakPosition>,
    ) -> Result<Page<BreakRecord>, StoreError> {
        let rows = breaks::Entity::find()
            .filter(filter.condition())
            .filter(Condition::all().add_option(window.after.as_ref().map(behind)))
            .order_by_desc(breaks::Column::OpenedAt)
            .order_by_desc(breaks::Column::BreakId)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, record::record)
    }

    /// The breaks that a run was the last to see, in the order of their layers, types and subjects; at most `limit`.
    pub async fn breaks_of_run(&self, run_id: &str, limit: u64) -> Result<Vec<BreakRecord>, StoreError> {
        self.breaks_where(Condition::all().add(breaks::Column::LastSeenRun.eq(run_id)), limit).await
    }

    /// The breaks that a run found, also those that a later run found again, in the order of their layers, types and
    /// subjects; at most `limit`.
    pub async fn breaks_found_by(&self, run_id: &str, limit: u64) -> Result<Vec<BreakRecord>, StoreError> {
        let found = Query::select()
            .column(reconciliation_findings::Column::BreakId)
            .from(reconciliation_findings::Entity)
            .and_where(reconciliation_findings::Column::RunId.eq(run_id))
            .to_owned();
        // A break that was opened with the booking of its row is no finding.
        let of_run = Condition::any()
            .add(breaks::Column::BreakId.in_subquery(found))
            .add(breaks::Column::LastSeenRun.eq(run_id));
        self.breaks_where(of_run, limit).await
    }

    /// In the order of their layers, types and subjects.
    async fn breaks_where(&self, condition: Condition, limit: u64) -> Result<Vec<BreakRecord>, StoreError> {
        let rows = breaks::Entity::find()
            .filter(condition)
            .order_by_asc(breaks::Column::Layer)
            .order_by_asc(breaks::Column::BreakType)
            .order_by_asc(breaks::Column::Subject)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::record).collect()
    }

    /// Reserved holds that belong to breaks: the id of such a hold begins with the id of its break.
    pub async fn holds_of_breaks(&self) -> Result<Vec<HoldId>, StoreError> {
        let rows: Vec<String> = wallet_holds::Entity::find()
            .select_only()
            .column(wallet_holds::Column::HoldId)
            .filter(wallet_holds::Column::HoldId.starts_with("brk_"))
            .filter(wallet_holds::Column::Status.eq(HoldStatus::Reserved.as_str()))
            .into_tuple()
            .all(self.connection())
            .await?;
        rows.into_iter().map(|id| HoldId::parse(id).map_err(|error| corrupt("a hold", error))).collect()
    }
}

impl BreakFilter {
    fn condition(&self) -> Condition {
        use breaks::Column;
        Condition::all()
            .add_option(self.class.map(|class| Column::Class.eq(class.as_str())))
            .add_option(self.break_type.map(|break_type| Column::BreakType.eq(break_type.as_str())))
            .add_option(self.status.map(|status| Column::Status.eq(status.as_str())))
            .add_option(self.assignee.as_ref().map(|assignee| Column::Assignee.eq(assignee)))
            .add_option(self.escalated.then(|| Column::Escalation.gt(0)))
            .add_option(self.expected_by.map(|day| Column::Day.lte(day.to_string())))
    }
}

/// Older than a place in the list; of one instant, with a smaller id.
fn behind(position: &BreakPosition) -> Condition {
    use breaks::Column;
    let at = to_column_time(position.opened_at);
    let same_instant =
        Condition::all().add(Column::OpenedAt.eq(at)).add(Column::BreakId.lt(position.break_id.as_str()));
    Condition::any().add(Column::OpenedAt.lt(at)).add(same_instant)
}
