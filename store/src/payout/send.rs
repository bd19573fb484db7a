//! Sending: batches of approved payouts, written down before they leave.

use domain::{
    Timestamp,
    calendar::Day,
    failure::{Failure, OurCode},
    id::PayoutRunId,
    payout::{
        PaidBy, PayoutStatus, RunStatus,
        batch::{Batch, MAX_BATCH, Sending},
        plan::{DayText, PlanRules},
    },
};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::{
    change::{self, Change, is_same_seller},
    decide::withdraw,
    events::append_run,
    frozen::run_of,
    record::{self, PayoutRecord, RunRecord},
    stop, sweep,
};
use crate::{
    StoreError, Writer,
    books::open::Books,
    convert::{corrupt, from_column_revision, to_column_revision, to_column_time},
    entities::{payout_runs, payouts},
    seller::payout_terms,
    transaction::Transaction,
};

/// A batch to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginBatch {
    /// The run.
    pub run_id: PayoutRunId,
    /// The day on which the PSP pays; at once where it is absent.
    pub pays_on: Option<Day>,
    /// The batches that are under way.
    pub busy: Vec<u32>,
}

/// A batch that was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunBatch {
    /// Its number in the run.
    pub number: u32,
    /// What is sent.
    pub batch: Batch,
    /// The day on which it left first, of a batch that was begun before.
    pub left_on: Option<Day>,
}

impl Writer {
    /// Writes down that the next payouts of an approved run leave now, and answers them; `None` where none waits. Those
    /// of a batch that was begun before, and that nobody follows, come first. A payout whose seller or account changed
    /// since the freeze is taken back, and so is a sweep that is more than what is free by now. While payouts are
    /// stopped, no other batch begins.
    pub async fn begin_payout_batch(
        &self,
        begin: &BeginBatch,
        rules: &PlanRules,
    ) -> Result<Option<BegunBatch>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(run) = run_of(&transaction, &begin.run_id).await? else { return Ok(None) };
        // What is paid by bank file leaves with its file, and the PSP hears nothing of it.
        if !run.status.is_approved() || run.paid_by == PaidBy::BankFile {
            return Ok(None);
        }
        if let Some(begun) = begun_before(&transaction, begin).await? {
            return Ok(Some(begun));
        }
        if stop::is_stopped(&transaction).await? {
            return Ok(None);
        }
        let mut items = Vec::new();
        let (mut taken_back, mut leaving) = (Vec::new(), Vec::new());
        let approved = approved_of(&transaction, &begin.run_id).await?;
        let sellers: Vec<_> = approved.iter().map(|payout| payout.seller.clone()).collect();
        let terms = payout_terms(&transaction, &sellers, books.now()).await?;
        for payout in approved {
            let failure = if !is_same_seller(&payout, terms.get(&payout.seller), books.now(), rules) {
                Failure::new(OurCode::PayoutSellerChanged, "The seller changed since the approval.")
            } else if let Err(shortfall) = sweep::still_free(&transaction, &payout, books.now()).await? {
                Failure::new(OurCode::SweepTooLarge, shortfall.to_string())
            } else {
                items.push(sending(&payout));
                leaving.push(payout);
                continue;
            };
            taken_back.push((payout, Change { failure: Some(failure), ..Change::to(PayoutStatus::Canceled) }));
        }
        let is_changed = !taken_back.is_empty();
        change::carry_out(&mut books, taken_back).await?;
        let number = next_number(&transaction, &begin.run_id).await?;
        write_sending(&books, &leaving, Leaving { number, pays_on: begin.pays_on }).await?;
        books.close().await?;
        if !leaving.is_empty() && run.status != RunStatus::Sending {
            write_status(&transaction, run, RunStatus::Sending).await?;
        }
        if is_changed || !leaving.is_empty() {
            transaction.commit().await?;
        }
        let batch = Batch { items, pays_on: begin.pays_on.map(DayText), may_have_left: false };
        Ok((!batch.items.is_empty()).then_some(BegunBatch { number, batch, left_on: None }))
    }

    /// Writes that a run is complete, once each of its payouts has ended. Answers whether it is. Of a run that was
    /// rejected or taken back, the next payouts are taken back.
    pub async fn complete_payout_run(&self, run_id: &PayoutRunId) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let now = books.now();
        let run = run_of(&transaction, run_id).await?.ok_or_else(|| corrupt("no run", run_id))?;
        if matches!(run.status, RunStatus::Rejected | RunStatus::Canceled) {
            withdraw(&mut books, run_id).await?;
            books.close().await?;
            transaction.commit().await?;
            return Ok(false);
        }
        let is_complete = complete(&transaction, run, now).await?;
        transaction.commit().await?;
        Ok(is_complete)
    }
}

/// Writes that a run is complete, once each of its payouts has ended. Answers whether it is.
pub(super) async fn complete(transaction: &Transaction, run: RunRecord, now: Timestamp) -> Result<bool, StoreError> {
    let open = PayoutStatus::ALL.into_iter().filter(|status| !status.is_end()).map(PayoutStatus::as_str);
    let is_open = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(run.run_id.as_str()))
        .filter(payouts::Column::Status.is_in(open))
        .one(transaction)
        .await?;
    if is_open.is_some() || !run.status.is_approved() {
        return Ok(false);
    }
    if run.status == RunStatus::Completed {
        return Ok(true);
    }
    let id = run.run_id.clone();
    write_status(transaction, run, RunStatus::Completed).await?;
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::CompletedAt, Expr::value(to_column_time(now)))
        .filter(payout_runs::Column::RunId.eq(id.as_str()))
        .exec(transaction)
        .await?;
    let run = run_of(transaction, &id).await?.ok_or_else(|| corrupt("no run that was completed", &id))?;
    append_run(transaction, &run, now).await?;
    Ok(true)
}

pub(super) async fn write_status(
    transaction: &Transaction,
    run: RunRecord,
    status: RunStatus,
) -> Result<(), StoreError> {
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::Status, Expr::value(status.as_str()))
        .col_expr(payout_runs::Column::Version, Expr::value(to_column_revision(run.version + 1)?))
        .filter(payout_runs::Column::RunId.eq(run.run_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// A batch that may have left before, and that nobody follows.
async fn begun_before(transaction: &Transaction, begin: &BeginBatch) -> Result<Option<BegunBatch>, StoreError> {
    let unanswered = [PayoutStatus::Sending, PayoutStatus::Unknown, PayoutStatus::Stuck].map(PayoutStatus::as_str);
    let busy = begin.busy.iter().map(|number| to_column_revision(*number)).collect::<Result<Vec<_>, _>>()?;
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(begin.run_id.as_str()))
        .filter(payouts::Column::Status.is_in(unanswered))
        .filter(payouts::Column::Batch.is_not_in(busy))
        .order_by(payouts::Column::Batch, Order::Asc)
        .order_by(payouts::Column::SellerAccount, Order::Asc)
        .all(transaction)
        .await?;
    let payouts = rows.into_iter().map(record::payout).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = payouts.first() else { return Ok(None) };
    let (Some(number), pays_on) = (first.batch, first.pays_on) else {
        return Err(corrupt("a payout that was sent without a batch", &first.payout_id));
    };
    let left_on = first.sent_at.map(Day::of);
    let items = payouts.iter().filter(|payout| payout.batch == Some(number)).map(sending).collect();
    let batch = Batch { items, pays_on: pays_on.map(DayText), may_have_left: true };
    Ok(Some(BegunBatch { number, batch, left_on }))
}

async fn approved_of(transaction: &Transaction, run_id: &PayoutRunId) -> Result<Vec<PayoutRecord>, StoreError> {
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(run_id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Approved.as_str()))
        .order_by(payouts::Column::SellerAccount, Order::Asc)
        .limit(u64::try_from(MAX_BATCH).unwrap_or(u64::MAX))
        .all(transaction)
        .await?;
    rows.into_iter().map(record::payout).collect()
}

async fn next_number(transaction: &Transaction, run_id: &PayoutRunId) -> Result<u32, StoreError> {
    let last = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(run_id.as_str()))
        .filter(payouts::Column::Batch.is_not_null())
        .order_by(payouts::Column::Batch, Order::Desc)
        .one(transaction)
        .await?;
    from_column_revision(last.and_then(|row| row.batch).unwrap_or(0).saturating_add(1))
}

/// With what payouts leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    /// The number of their batch, or of their file, in the run.
    pub(super) number: u32,
    /// The day on which the PSP pays.
    pub(super) pays_on: Option<Day>,
}

pub(super) async fn write_sending(
    books: &Books<'_>,
    payouts: &[PayoutRecord],
    leaving: Leaving,
) -> Result<(), StoreError> {
    let ids = payouts.iter().map(|payout| payout.payout_id.as_str());
    payouts::Entity::update_many()
        .col_expr(payouts::Column::Status, Expr::value(PayoutStatus::Sending.as_str()))
        .col_expr(payouts::Column::Batch, Expr::value(to_column_revision(leaving.number)?))
        .col_expr(payouts::Column::PaysOn, Expr::value(leaving.pays_on.map(|day| day.to_string())))
        .col_expr(payouts::Column::SentAt, Expr::value(to_column_time(books.now())))
        .filter(payouts::Column::PayoutId.is_in(ids))
        .exec(books.transaction)
        .await?;
    Ok(())
}

fn sending(payout: &PayoutRecord) -> Sending {
    Sending {
        payout_id: payout.payout_id.clone(),
        ref_payout_id: payout.ref_payout_id.clone(),
        destination: payout.destination.clone(),
        amount: payout.amount,
    }
}
