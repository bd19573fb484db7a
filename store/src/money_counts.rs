//! Counts for monitoring of payouts and reconciliations.

use chrono::{DateTime, Utc};
use domain::{
    Timestamp,
    calendar::Day,
    payout::{PayoutStatus, RunStatus},
    reconciliation::{self, BreakClass, BreakStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Reader, StoreError,
    by_status::Columns,
    convert::{corrupt, from_column_time},
    entities::{breaks, payment_events, payout_runs, payouts, reconciliations},
};

/// The statuses that no payout should keep for long.
pub const WATCHED_PAYOUTS: [PayoutStatus; 3] = [PayoutStatus::Sending, PayoutStatus::Unknown, PayoutStatus::Stuck];
/// The statuses at which a payout run waits: for its approval, and for a worker that sends it.
pub const WATCHED_RUNS: [RunStatus; 2] = [RunStatus::Frozen, RunStatus::Approved];
/// When a day is to be reconciled: so long after the midnight in Korea that ends the day.
const RECONCILED_AFTER_MS: u64 = 6 * 60 * 60 * 1_000;

/// Counts of payouts, runs, breaks and reconciliations. What has no row is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoneyCounts {
    /// Payouts by status.
    pub payouts: Vec<(PayoutStatus, u64)>,
    /// When the oldest payout of each status in [`WATCHED_PAYOUTS`] was sent.
    pub oldest_payouts: Vec<(PayoutStatus, Timestamp)>,
    /// Payout runs by status.
    pub runs: Vec<(RunStatus, u64)>,
    /// When the oldest run of each status in [`WATCHED_RUNS`] was frozen.
    pub oldest_runs: Vec<(RunStatus, Timestamp)>,
    /// Whether a break stops all payouts.
    pub are_payouts_stopped: bool,
    /// Breaks that are not resolved.
    pub breaks: Vec<UnresolvedBreaks>,
    /// Breaks that are not resolved and were escalated, by class.
    pub escalated: Vec<(BreakClass, u64)>,
    /// Runs of reconciliations by status.
    pub reconciliations: Vec<(reconciliation::RunStatus, u64)>,
    /// Since when, or from when on, the first day without a verdict is to be reconciled; nothing without a checkout.
    pub reconciliation_due: Option<Timestamp>,
}

/// Breaks of one class at one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnresolvedBreaks {
    pub class: BreakClass,
    pub status: BreakStatus,
    pub number: u64,
    /// When the oldest of them was opened.
    pub oldest: Timestamp,
}

impl Reader {
    /// Counts what should be watched of payouts and reconciliations.
    pub async fn money_counts(&self) -> Result<MoneyCounts, StoreError> {
        let payout = |text: &str| PayoutStatus::parse(text).ok_or_else(|| corrupt("a payout's status", text));
        let run = |text: &str| RunStatus::parse(text).ok_or_else(|| corrupt("a payout run's status", text));
        let reconciled = |text: &str| {
            reconciliation::RunStatus::parse(text).ok_or_else(|| corrupt("a reconciliation's status", text))
        };
        let of_payouts = Columns { status: payouts::Column::Status, since: payouts::Column::SentAt };
        let of_runs = Columns { status: payout_runs::Column::Status, since: payout_runs::Column::FrozenAt };
        Ok(MoneyCounts {
            payouts: self.by_status::<payouts::Entity, _>(payouts::Column::Status, payout).await?,
            oldest_payouts: self
                .oldest::<payouts::Entity, _>(of_payouts, &WATCHED_PAYOUTS.map(PayoutStatus::as_str), payout)
                .await?,
            runs: self.by_status::<payout_runs::Entity, _>(payout_runs::Column::Status, run).await?,
            oldest_runs: self
                .oldest::<payout_runs::Entity, _>(of_runs, &WATCHED_RUNS.map(RunStatus::as_str), run)
                .await?,
            are_payouts_stopped: self.are_payouts_stopped().await?,
            breaks: self.unresolved_breaks().await?,
            escalated: self.escalated_breaks().await?,
            reconciliations: self
                .by_status::<reconciliations::Entity, _>(reconciliations::Column::Status, reconciled)
                .await?,
            reconciliation_due: self.reconciliation_due().await?,
        })
    }

    async fn unresolved_breaks(&self) -> Result<Vec<UnresolvedBreaks>, StoreError> {
        use breaks::Column;
        let unresolved = [BreakStatus::Open, BreakStatus::Waiting].map(BreakStatus::as_str);
        let rows: Vec<(String, String, i64, DateTime<Utc>)> = breaks::Entity::find()
            .select_only()
            .column(Column::Class)
            .column(Column::Status)
            .column_as(Column::BreakId.count(), "number")
            .column_as(Column::OpenedAt.min(), "oldest")
            .filter(Column::Status.is_in(unresolved))
            .group_by(Column::Class)
            .group_by(Column::Status)
            .into_tuple()
            .all(self.connection())
            .await?;
        let read = |(class, status, number, oldest): (String, String, i64, DateTime<Utc>)| {
            Ok(UnresolvedBreaks {
                class: BreakClass::parse(&class).ok_or_else(|| corrupt("a class", class))?,
                status: BreakStatus::parse(&status).ok_or_else(|| corrupt("a break's status", status))?,
                number: u64::try_from(number).map_err(|_| corrupt("a number", number))?,
                oldest: from_column_time(oldest),
            })
        };
        rows.into_iter().map(read).collect()
    }

    async fn escalated_breaks(&self) -> Result<Vec<(BreakClass, u64)>, StoreError> {
        use breaks::Column;
        let unresolved = [BreakStatus::Open, BreakStatus::Waiting].map(BreakStatus::as_str);
        let rows: Vec<(String, i64)> = breaks::Entity::find()
            .select_only()
            .column(Column::Class)
            .column_as(Column::BreakId.count(), "number")
            .filter(Column::Status.is_in(unresolved))
            .filter(Column::Escalation.gt(0))
            .group_by(Column::Class)
            .into_tuple()
            .all(self.connection())
            .await?;
        let read = |(class, number): (String, i64)| {
            let known = BreakClass::parse(&class).ok_or_else(|| corrupt("a class", class))?;
            Ok((known, u64::try_from(number).map_err(|_| corrupt("a number", number))?))
        };
        rows.into_iter().map(read).collect()
    }

    /// When the day after the last one with a verdict is to be reconciled; before the first verdict, the day of the
    /// first checkout.
    async fn reconciliation_due(&self) -> Result<Option<Timestamp>, StoreError> {
        use reconciliations::Column;
        let verdicts = [reconciliation::RunStatus::Clean, reconciliation::RunStatus::Breaks];
        let last: Option<String> = reconciliations::Entity::find()
            .select_only()
            .column(Column::Day)
            .filter(Column::Status.is_in(verdicts.map(reconciliation::RunStatus::as_str)))
            .order_by_desc(Column::Day)
            .limit(1)
            .into_tuple()
            .one(self.connection())
            .await?;
        let day = match last {
            Some(day) => Some(day.parse::<Day>().map_err(|_| corrupt("a day", day))?.next()),
            None => self.first_checkout().await?.map(Day::of),
        };
        Ok(day.map(|day| day.next().start().plus_ms(RECONCILED_AFTER_MS)))
    }

    async fn first_checkout(&self) -> Result<Option<Timestamp>, StoreError> {
        use payment_events::Column;
        let first: Option<DateTime<Utc>> = payment_events::Entity::find()
            .select_only()
            .column(Column::CreatedAt)
            .order_by_asc(Column::CreatedAt)
            .limit(1)
            .into_tuple()
            .one(self.connection())
            .await?;
        Ok(first.map(from_column_time))
    }
}
