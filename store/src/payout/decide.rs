//! The decision on a frozen run, and what it does to the payouts.

use domain::{
    Timestamp,
    failure::{Failure, OurCode},
    id::PayoutRunId,
    payout::{Decidable, Decision, PayoutStatus, RunStatus, Taken, Undecidable, decide},
    principal::Principal,
};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};

use super::{
    change::{self, Change},
    events::append_run,
    frozen::{approvable_digest, run_of, some_frozen},
    record::RunRecord,
    stop,
};
use crate::{
    StoreError, Writer,
    books::open::Books,
    convert::{corrupt, to_column_revision, to_column_time},
    entities::{payout_runs, payouts, statement_lines, statements},
    transaction::Transaction,
};

/// A decision on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDecision {
    /// The run.
    pub run_id: PayoutRunId,
    /// What is decided.
    pub decision: Decision,
    /// The author.
    pub by: Principal,
    /// Why.
    pub reason: Option<String>,
}

impl Writer {
    /// Decides on a run, or says why not; `None` where there is no such run. The digest of an approval is computed anew
    /// from the payouts and the bytes of their statements. The money of a rejected run is available again, and its
    /// statements are void: of the first payouts in this transaction, of the others by
    /// [`complete_payout_run`](Self::complete_payout_run). An approval that is not enough is noted.
    pub async fn decide_payout_run(
        &self,
        decided: &RunDecision,
    ) -> Result<Option<Result<RunRecord, Undecidable>>, StoreError> {
        let verified = match decided.decision {
            Decision::Approve { .. } => self.verified_digest(&decided.run_id).await?,
            Decision::Reject | Decision::Cancel => None,
        };
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(run) = run_of(&transaction, &decided.run_id).await? else { return Ok(None) };
        // A run that was decided on keeps the digest that was approved; nobody names a digest who rejects a run.
        let digest = match decided.decision {
            Decision::Approve { .. } if run.status == RunStatus::Frozen => {
                approvable_digest(&transaction, &run, verified.as_deref()).await?
            }
            Decision::Approve { .. } | Decision::Reject | Decision::Cancel => Some(run.digest.clone()),
        };
        let seen = Decidable {
            status: run.status,
            digest: digest.as_deref(),
            frozen_by: &run.frozen_by,
            decided_by: run.decided_by.as_ref(),
            is_stopped: stop::is_stopped(&transaction).await?,
            approvals_needed: run.approvals_needed,
            first_approval_by: digest.as_deref().and_then(|now| run.first_approval_of(now)).map(|first| &first.by),
        };
        let now = books.now();
        match decide(&seen, &decided.decision, &decided.by) {
            Ok(Taken::Now) => {}
            Ok(Taken::Noted) => {
                let run = note_approval(&transaction, run, decided, now).await?;
                books.close().await?;
                transaction.commit().await?;
                return Ok(Some(Ok(run)));
            }
            Ok(Taken::Before) => return Ok(Some(Ok(run))),
            Err(undecidable) => return Ok(Some(Err(undecidable))),
        }
        match decided.decision {
            Decision::Approve { .. } => approve(&transaction, &run).await?,
            Decision::Reject | Decision::Cancel => withdraw(&mut books, &run.run_id).await?,
        }
        books.close().await?;
        let run = write_decision(&transaction, run, decided, now).await?;
        append_run(&transaction, &run, now).await?;
        transaction.commit().await?;
        Ok(Some(Ok(run)))
    }
}

/// No money moves, and nobody is told of each payout.
async fn approve(transaction: &Transaction, run: &RunRecord) -> Result<(), StoreError> {
    payouts::Entity::update_many()
        .col_expr(payouts::Column::Status, Expr::value(PayoutStatus::Approved.as_str()))
        .col_expr(payouts::Column::Version, Expr::col(payouts::Column::Version).add(1))
        .filter(payouts::Column::RunId.eq(run.run_id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Lets the money of some frozen payouts go and makes their statements void: their postings are in the next ones.
pub(super) async fn withdraw(books: &mut Books<'_>, run_id: &PayoutRunId) -> Result<(), StoreError> {
    let payouts = some_frozen(books.transaction, run_id).await?;
    if payouts.is_empty() {
        return Ok(());
    }
    let now = books.now();
    let ids: Vec<String> = payouts.iter().map(|payout| payout.payout_id.to_string()).collect();
    let failure = Failure::new(OurCode::PayoutWithdrawn, "The run was rejected or taken back.");
    let change = Change { failure: Some(failure), ..Change::to(PayoutStatus::Canceled) };
    change::carry_out(books, payouts.into_iter().map(|payout| (payout, change.clone())).collect()).await?;
    let transaction = books.transaction;
    payouts::Entity::update_many()
        .col_expr(payouts::Column::IsVoid, Expr::value(true))
        .filter(payouts::Column::PayoutId.is_in(ids.iter().cloned()))
        .exec(transaction)
        .await?;
    statements::Entity::update_many()
        .col_expr(statements::Column::VoidedAt, Expr::value(to_column_time(now)))
        .filter(statements::Column::PayoutId.is_in(ids.iter().cloned()))
        .exec(transaction)
        .await?;
    statement_lines::Entity::delete_many()
        .filter(statement_lines::Column::PayoutId.is_in(ids))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Notes the first of two approvals, in the place of one of other payouts.
async fn note_approval(
    transaction: &Transaction,
    run: RunRecord,
    decided: &RunDecision,
    now: Timestamp,
) -> Result<RunRecord, StoreError> {
    let digest = match &decided.decision {
        Decision::Approve { digest } => digest.as_str(),
        Decision::Reject | Decision::Cancel => return Err(corrupt("a noted approval", decided.decision.status())),
    };
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::FirstApprovalBy, Expr::value(decided.by.to_string()))
        .col_expr(payout_runs::Column::FirstApprovalAt, Expr::value(to_column_time(now)))
        .col_expr(payout_runs::Column::FirstApprovalDigest, Expr::value(digest))
        .col_expr(payout_runs::Column::Version, Expr::value(to_column_revision(run.version + 1)?))
        .filter(payout_runs::Column::RunId.eq(run.run_id.as_str()))
        .exec(transaction)
        .await?;
    run_of(transaction, &run.run_id).await?.ok_or_else(|| corrupt("no run that was approved", &run.run_id))
}

async fn write_decision(
    transaction: &Transaction,
    run: RunRecord,
    decided: &RunDecision,
    now: Timestamp,
) -> Result<RunRecord, StoreError> {
    let status = decided.decision.status();
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::Status, Expr::value(status.as_str()))
        .col_expr(payout_runs::Column::DecidedBy, Expr::value(decided.by.to_string()))
        .col_expr(payout_runs::Column::DecidedAt, Expr::value(to_column_time(now)))
        .col_expr(payout_runs::Column::DecisionReason, Expr::value(decided.reason.clone()))
        .col_expr(payout_runs::Column::Version, Expr::value(to_column_revision(run.version + 1)?))
        .filter(payout_runs::Column::RunId.eq(run.run_id.as_str()))
        .exec(transaction)
        .await?;
    run_of(transaction, &run.run_id).await?.ok_or_else(|| corrupt("no run that was decided on", &run.run_id))
}
