//! Runs, payouts and statements, for readers.

use std::collections::HashSet;

use domain::{
    Timestamp,
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
    payout::{PaidBy, PayoutStatus, RunStatus},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select, prelude::DateTimeUtc,
};

use super::{
    record::{self, PayoutRecord, RunRecord, StatementRecord},
    stop,
};
use crate::{
    Page, Reader, StoreError, Window, Writer,
    convert::{corrupt, from_column_time, to_column_time},
    entities::{payout_runs, payouts, statements},
};

/// Which payouts are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutFilter {
    /// Those that stand there.
    pub status: Option<PayoutStatus>,
    /// Those of a seller.
    pub seller: Option<SellerAccount>,
    /// Those of a run.
    pub run_id: Option<PayoutRunId>,
    /// Those of runs of this day or later.
    pub from: Option<Day>,
    /// Those of runs of this day or earlier.
    pub to: Option<Day>,
}

/// A place in the list of payouts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutPosition {
    /// When the payout was frozen.
    pub frozen_at: Timestamp,
    /// The payout.
    pub payout_id: PayoutId,
}

/// A place in the list of runs, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPosition {
    /// When the run was frozen.
    pub frozen_at: Timestamp,
    /// The run.
    pub run_id: PayoutRunId,
}

/// What is left to do of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunWork {
    /// Where the run stands.
    pub status: RunStatus,
    /// How many payouts are reserved and not decided on, or not taken back yet.
    pub frozen: u64,
    /// How many payouts wait to be sent.
    pub approved: u64,
    /// How many payouts may have left, and nobody knows yet what came of them.
    pub unanswered: u64,
    /// How many payouts the PSP has taken, and have not ended.
    pub open: u64,
    /// Whether nothing may leave, because the PSP lists a payout that we never asked for.
    pub is_stopped: bool,
    /// The way on which the run pays.
    pub paid_by: PaidBy,
}

impl Reader {
    /// A run that is frozen; none where the freeze goes on.
    pub async fn payout_run(&self, id: &PayoutRunId) -> Result<Option<RunRecord>, StoreError> {
        let run = payout_runs::Entity::find_by_id(id.as_str()).filter(payout_runs::Column::FreezesAfter.is_null());
        run.one(self.connection()).await?.map(record::run).transpose()
    }

    /// Whether some sellers of a run are frozen, and others are not yet.
    pub async fn is_payout_run_being_frozen(&self, id: &PayoutRunId) -> Result<bool, StoreError> {
        let run = payout_runs::Entity::find_by_id(id.as_str()).filter(payout_runs::Column::FreezesAfter.is_not_null());
        Ok(run.count(self.connection()).await? > 0)
    }

    /// Runs, the newest first.
    pub async fn payout_runs(&self, window: &Window<RunPosition>) -> Result<Page<RunRecord>, StoreError> {
        use payout_runs::Column;
        let behind = window.after.as_ref().map(|position| {
            let at = to_column_time(position.frozen_at);
            let same = Condition::all().add(Column::FrozenAt.eq(at)).add(Column::RunId.lt(position.run_id.as_str()));
            Condition::any().add(Column::FrozenAt.lt(at)).add(same)
        });
        let rows = payout_runs::Entity::find()
            .filter(Column::FreezesAfter.is_null())
            .filter(Condition::all().add_option(behind))
            .order_by(Column::FrozenAt, Order::Desc)
            .order_by(Column::RunId, Order::Desc)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, record::run)
    }

    /// Runs that are not over, or have a payout that is not, in the order of their ids, after an id.
    pub async fn unfinished_payout_runs(
        &self,
        after: Option<&PayoutRunId>,
        limit: u64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        let open_runs = RunStatus::ALL.into_iter().filter(|status| !status.is_end()).map(RunStatus::as_str);
        let open = PayoutStatus::ALL.into_iter().filter(|status| !status.is_end()).map(PayoutStatus::as_str);
        let with_open_payout = payouts::Entity::find()
            .select_only()
            .column(payouts::Column::RunId)
            .filter(payouts::Column::Status.is_in(open))
            .into_query();
        let is_open = Condition::any()
            .add(payout_runs::Column::Status.is_in(open_runs))
            .add(payout_runs::Column::RunId.in_subquery(with_open_payout));
        let behind = after.map(|after| payout_runs::Column::RunId.gt(after.as_str()));
        let rows = payout_runs::Entity::find()
            .filter(is_open)
            .filter(payout_runs::Column::FreezesAfter.is_null())
            .filter(Condition::all().add_option(behind))
            .order_by(payout_runs::Column::RunId, Order::Asc)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::run).collect()
    }

    /// A payout.
    pub async fn payout(&self, id: &PayoutId) -> Result<Option<PayoutRecord>, StoreError> {
        payouts::Entity::find_by_id(id.as_str()).one(self.connection()).await?.map(record::payout).transpose()
    }

    /// The payout under one of our names at the PSP.
    pub async fn payout_called(&self, ref_payout_id: &str) -> Result<Option<PayoutRecord>, StoreError> {
        let row = payouts::Entity::find().filter(payouts::Column::RefPayoutId.eq(ref_payout_id));
        row.one(self.connection()).await?.map(record::payout).transpose()
    }

    /// The first payouts of a run, in the order of the sellers.
    pub async fn payouts_of_run(&self, id: &PayoutRunId, limit: u64) -> Result<Vec<PayoutRecord>, StoreError> {
        let rows = payouts::Entity::find()
            .filter(payouts::Column::RunId.eq(id.as_str()))
            .order_by(payouts::Column::SellerAccount, Order::Asc)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::payout).collect()
    }

    /// Payouts, the newest first.
    pub async fn payouts(
        &self,
        filter: &PayoutFilter,
        window: &Window<PayoutPosition>,
    ) -> Result<Page<PayoutRecord>, StoreError> {
        use payouts::Column;
        let behind = window.after.as_ref().map(|position| {
            let at = to_column_time(position.frozen_at);
            let same =
                Condition::all().add(Column::FrozenAt.eq(at)).add(Column::PayoutId.lt(position.payout_id.as_str()));
            Condition::any().add(Column::FrozenAt.lt(at)).add(same)
        });
        let chosen = Condition::all()
            .add_option(filter.status.map(|status| Column::Status.eq(status.as_str())))
            .add_option(filter.seller.as_ref().map(|seller| Column::SellerAccount.eq(seller.as_str())))
            .add_option(filter.run_id.as_ref().map(|run| Column::RunId.eq(run.as_str())))
            .add_option(filter.from.map(|day| Column::Period.gte(day.to_string())))
            .add_option(filter.to.map(|day| Column::Period.lte(day.to_string())))
            .add_option(behind);
        let rows = payouts::Entity::find()
            .filter(chosen)
            .order_by(Column::FrozenAt, Order::Desc)
            .order_by(Column::PayoutId, Order::Desc)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, record::payout)
    }

    /// The statement of a payout.
    pub async fn statement(&self, id: &PayoutId) -> Result<Option<StatementRecord>, StoreError> {
        let row = statements::Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        row.map(record::statement).transpose()
    }
}

impl Writer {
    /// What is left to do of a run, as it is now.
    pub async fn payout_run_work(&self, id: &PayoutRunId) -> Result<Option<RunWork>, StoreError> {
        let row: Option<(String, String)> = payout_runs::Entity::find_by_id(id.as_str())
            .select_only()
            .columns([payout_runs::Column::Status, payout_runs::Column::PaidBy])
            .into_tuple()
            .one(self.connection())
            .await?;
        let Some((status, paid_by)) = row else { return Ok(None) };
        let count = async |statuses: Vec<PayoutStatus>| {
            payouts::Entity::find()
                .filter(payouts::Column::RunId.eq(id.as_str()))
                .filter(payouts::Column::Status.is_in(statuses.into_iter().map(PayoutStatus::as_str)))
                .count(self.connection())
                .await
        };
        Ok(Some(RunWork {
            status: RunStatus::parse(&status).ok_or_else(|| corrupt("a status of a run", status))?,
            paid_by: record::paid_by(&paid_by)?,
            frozen: count(vec![PayoutStatus::Frozen]).await?,
            approved: count(vec![PayoutStatus::Approved]).await?,
            unanswered: count(vec![PayoutStatus::Sending, PayoutStatus::Unknown, PayoutStatus::Stuck]).await?,
            open: count(vec![PayoutStatus::Requested, PayoutStatus::InProgress]).await?,
            is_stopped: stop::is_stopped(self.connection()).await?,
        }))
    }

    /// From which day on the PSP may list a payout of a run that it has taken and that has not ended; `None` without
    /// such a payout.
    pub async fn open_payouts_since(&self, id: &PayoutRunId) -> Result<Option<Day>, StoreError> {
        let first: Option<Option<DateTimeUtc>> = open_payouts(id)
            .select_only()
            .column_as(payouts::Column::SentAt.min(), "first")
            .into_tuple()
            .one(self.connection())
            .await?;
        // The PSP's clock may be behind ours.
        Ok(first.flatten().map(|first| Day::of(from_column_time(first)).before()))
    }

    /// Those of these names whose payouts are of a run, were taken by the PSP, and have not ended.
    pub async fn open_among(&self, id: &PayoutRunId, names: &[&str]) -> Result<HashSet<String>, StoreError> {
        let names: Vec<String> = open_payouts(id)
            .select_only()
            .column(payouts::Column::RefPayoutId)
            .filter(payouts::Column::RefPayoutId.is_in(names.iter().copied()))
            .into_tuple()
            .all(self.connection())
            .await?;
        Ok(names.into_iter().collect())
    }

    /// A payout, as it is now.
    pub async fn payout_now(&self, id: &PayoutId) -> Result<Option<PayoutRecord>, StoreError> {
        payouts::Entity::find_by_id(id.as_str()).one(self.connection()).await?.map(record::payout).transpose()
    }
}

fn open_payouts(id: &PayoutRunId) -> Select<payouts::Entity> {
    let taken = [PayoutStatus::Requested, PayoutStatus::InProgress].map(PayoutStatus::as_str);
    payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(id.as_str()))
        .filter(payouts::Column::PaidBy.eq(PaidBy::Psp.as_str()))
        .filter(payouts::Column::Status.is_in(taken))
}
