//! Runs, payouts and statements, for readers.

use domain::{
    Timestamp,
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
    payout::{PayoutStatus, RunStatus},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    record::{self, PayoutRecord, RunRecord, StatementRecord},
    stop,
};
use crate::{
    Page, Reader, StoreError, Window, Writer,
    convert::{corrupt, to_column_time},
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
    /// How many payouts wait to be sent.
    pub approved: u64,
    /// How many payouts may have left, and nobody knows yet what came of them.
    pub unanswered: u64,
    /// How many payouts the PSP has taken, and have not ended.
    pub open: u64,
    /// Whether nothing may leave, because the PSP lists a payout that we never asked for.
    pub is_stopped: bool,
}

/// Payouts of a run that the PSP has taken, and that have not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPayouts {
    /// Our names of them.
    pub ref_payout_ids: Vec<String>,
    /// The first day on which the PSP may list one of them.
    pub since: Day,
}

impl Reader {
    /// A run.
    pub async fn payout_run(&self, id: &PayoutRunId) -> Result<Option<RunRecord>, StoreError> {
        payout_runs::Entity::find_by_id(id.as_str()).one(self.connection()).await?.map(record::run).transpose()
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
            .filter(Condition::all().add_option(behind))
            .order_by(Column::FrozenAt, Order::Desc)
            .order_by(Column::RunId, Order::Desc)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, record::run)
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

    /// All payouts of a run, in the order of the sellers.
    pub async fn payouts_of_run(&self, id: &PayoutRunId) -> Result<Vec<PayoutRecord>, StoreError> {
        let rows = payouts::Entity::find()
            .filter(payouts::Column::RunId.eq(id.as_str()))
            .order_by(payouts::Column::SellerAccount, Order::Asc)
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
        let Some(row) = payout_runs::Entity::find_by_id(id.as_str()).one(self.connection()).await? else {
            return Ok(None);
        };
        let count = async |statuses: Vec<PayoutStatus>| {
            payouts::Entity::find()
                .filter(payouts::Column::RunId.eq(id.as_str()))
                .filter(payouts::Column::Status.is_in(statuses.into_iter().map(PayoutStatus::as_str)))
                .count(self.connection())
                .await
        };
        Ok(Some(RunWork {
            status: record::run(row)?.status,
            approved: count(vec![PayoutStatus::Approved]).await?,
            unanswered: count(vec![PayoutStatus::Sending, PayoutStatus::Unknown, PayoutStatus::Stuck]).await?,
            open: count(vec![PayoutStatus::Requested, PayoutStatus::InProgress]).await?,
            is_stopped: stop::is_stopped(self.connection()).await?,
        }))
    }

    /// The payouts of a run that the PSP has taken and that have not ended; `None` where there is none.
    pub async fn open_payouts(&self, id: &PayoutRunId) -> Result<Option<OpenPayouts>, StoreError> {
        let taken = [PayoutStatus::Requested, PayoutStatus::InProgress].map(PayoutStatus::as_str);
        let rows = payouts::Entity::find()
            .filter(payouts::Column::RunId.eq(id.as_str()))
            .filter(payouts::Column::Status.is_in(taken))
            .all(self.connection())
            .await?;
        let payouts = rows.into_iter().map(record::payout).collect::<Result<Vec<_>, _>>()?;
        let first = payouts.iter().filter_map(|payout| payout.sent_at).min();
        if payouts.is_empty() {
            return Ok(None);
        }
        // The PSP's clock may be behind ours.
        let since = Day::of(first.ok_or_else(|| corrupt("a payout that was never sent", id))?).before();
        Ok(Some(OpenPayouts {
            ref_payout_ids: payouts.into_iter().map(|payout| payout.ref_payout_id).collect(),
            since,
        }))
    }

    /// A payout, as it is now.
    pub async fn payout_now(&self, id: &PayoutId) -> Result<Option<PayoutRecord>, StoreError> {
        payouts::Entity::find_by_id(id.as_str()).one(self.connection()).await?.map(record::payout).transpose()
    }
}
