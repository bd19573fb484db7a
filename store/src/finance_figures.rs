//! What waits for finance: runs that nobody has approved, payouts that need a person, and open breaks.

use domain::{
    Money, Timestamp,
    calendar::Day,
    payout::{PayoutStatus, RunStatus},
    reconciliation::{BreakClass, BreakStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_time},
    entities::{breaks, payout_runs, payouts},
};

/// The most runs that are added up.
const MAX_RUNS: u64 = 100;

/// What waits for finance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinanceFigures {
    /// Runs that wait for a second principal, at most a hundred.
    pub frozen_runs: u64,
    /// Their sum.
    pub frozen: Money,
    /// When the oldest of them was frozen.
    pub oldest_frozen: Option<Timestamp>,
    /// Payouts whose outcome a person has to find.
    pub stuck_payouts: u64,
    /// Open breaks by class, with the day on which the oldest was expected.
    pub breaks: Vec<OpenBreaks>,
}

/// Open breaks of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBreaks {
    pub class: BreakClass,
    pub number: u64,
    pub oldest: Day,
}

impl Reader {
    /// What waits for finance now.
    pub async fn finance_figures(&self) -> Result<FinanceFigures, StoreError> {
        use payout_runs::Column;
        let rows = payout_runs::Entity::find()
            .filter(Column::Status.eq(RunStatus::Frozen.as_str()))
            .filter(Column::FreezesAfter.is_null())
            .order_by_asc(Column::FrozenAt)
            .limit(MAX_RUNS)
            .all(self.connection())
            .await?;
        let total = rows.iter().fold(0_i64, |sum, run| sum.saturating_add(run.total));
        let stuck = payouts::Entity::find().filter(payouts::Column::Status.eq(PayoutStatus::Stuck.as_str()));
        Ok(FinanceFigures {
            frozen_runs: rows.len() as u64,
            frozen: from_column_amount(total, domain::Currency::Krw)?,
            oldest_frozen: rows.first().map(|run| from_column_time(run.frozen_at)),
            stuck_payouts: stuck.count(self.connection()).await?,
            breaks: self.open_breaks().await?,
        })
    }

    async fn open_breaks(&self) -> Result<Vec<OpenBreaks>, StoreError> {
        use breaks::Column;
        let rows: Vec<(String, i64, String)> = breaks::Entity::find()
            .select_only()
            .column(Column::Class)
            .column_as(Column::BreakId.count(), "number")
            .column_as(Column::Day.min(), "oldest")
            .filter(Column::Status.eq(BreakStatus::Open.as_str()))
            .group_by(Column::Class)
            .order_by_asc(Column::Class)
            .into_tuple()
            .all(self.connection())
            .await?;
        let read = |(class, number, oldest): (String, i64, String)| {
            Ok(OpenBreaks {
                class: BreakClass::parse(&class).ok_or_else(|| corrupt("a class", class))?,
                number: u64::try_from(number).map_err(|_| corrupt("a number", number))?,
                oldest: oldest.parse().map_err(|_| corrupt("a day", oldest))?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
