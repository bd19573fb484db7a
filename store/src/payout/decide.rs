//! The decision on a frozen run, and what it does to the payouts.

use domain::{
    Timestamp,
    failure::{Failure, OurCode},
    id::PayoutRunId,
    payout::{Decidable, Decision, PayoutStatus, RunStatus, Taken, Undecidable, decide},
    principal::Principal,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    change::{self, Change},
    events::append_run,
    frozen::{digest_of, frozen_of, run_of},
    record::{PayoutRecord, RunRecord},
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
    /// Decides on a run, or says why not; `None` where there is no such run. The digest is computed anew from the
    /// payouts and the bytes of their statements. A rejected run's money is available again, and its statements are
    /// void. An approval that is not enough is noted.
    pub async fn decide_payout_run(
        &self,
        decided: &RunDecision,
    ) -> Result<Option<Result<RunRecord, Undecidable>>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(run) = run_of(&transaction, &decided.run_id).await? else { return Ok(None) };
        let payouts = frozen_of(&transaction, &run.run_id).await?;
        let digest = digest_of(&transaction, &run, &payouts).await?;
        let seen = Decidable {
            status: run.status,
            // An approved run keeps the digest that was approved.
            digest: if run.status == RunStatus::Frozen { &digest } else { &run.digest },
            frozen_by: &run.frozen_by,
            decided_by: run.decided_by.as_ref(),
            is_stopped: stop::is_stopped(&transaction).await?,
            approvals_needed: run.approvals_needed,
            first_approval_by: run.first_approval_of(&digest).map(|first| &first.by),
        };
        let now = books.now();
        match decide(&seen, &decided.decision, &decided.by) {
            Ok(Taken::Now) => {}
            Ok(Taken::Noted) => {
                let run = note_approval(&transaction, run, &decided.by, &digest, now).await?;
                books.close().await?;
                transaction.commit().await?;
                return Ok(Some(Ok(run)));
            }
            Ok(Taken::Before) => return Ok(Some(Ok(run))),
            Err(undecidable) => return Ok(Some(Err(undecidable))),
        }
        match decided.decision {
            Decision::Approve { .. } => approve(&mut books, payouts).await?,
            Decision::Reject | Decision::Cancel => withdraw(&mut books, payouts).await?,
        }
        books.close().await?;
        let run = write_decision(&transaction, run, decided, now).await?;
        append_run(&transaction, &run, now).await?;
        transaction.commit().await?;
        Ok(Some(Ok(run)))
    }
}

async fn approve(books: &mut Books<'_>, payouts: Vec<PayoutRecord>) -> Result<(), StoreError> {
    let changes = payouts.into_iter().map(|payout| (payout, Change::to(PayoutStatus::Approved)));
    change::carry_out(books, changes.collect()).await.map(|_| ())
}

/// Lets the money go and makes the statements void: their postings are in the next ones.
async fn withdraw(books: &mut Books<'_>, payouts: Vec<PayoutRecord>) -> Result<(), StoreError> {
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
    by: &Principal,
    digest: &str,
    now: Timestamp,
) -> Result<RunRecord, StoreError> {
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::FirstApprovalBy, Expr::value(by.to_string()))
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
