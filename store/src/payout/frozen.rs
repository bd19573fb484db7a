//! The rows of one run: what is frozen, and the digest over it.

use domain::{
    hold::HoldEvent,
    id::{HoldId, PayoutRunId},
    ledger::HoldEnd,
    payout::{
        PayoutStatus, RunStatus,
        digest::{DigestLine, of_run, sha256},
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::record::{self, PayoutRecord, RunRecord};
use crate::{
    StoreError,
    books::open::Books,
    convert::{corrupt, to_column_amount, to_column_revision},
    entities::{payout_runs, payouts, statements},
    hold,
    transaction::Transaction,
};

pub(super) async fn run_of(transaction: &Transaction, id: &PayoutRunId) -> Result<Option<RunRecord>, StoreError> {
    payout_runs::Entity::find_by_id(id.as_str()).one(transaction).await?.map(record::run).transpose()
}

pub(super) async fn frozen_of(transaction: &Transaction, id: &PayoutRunId) -> Result<Vec<PayoutRecord>, StoreError> {
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .all(transaction)
        .await?;
    rows.into_iter().map(record::payout).collect()
}

/// The digest of the frozen payouts of a run, from the rows and the bytes of the statements.
pub(super) async fn digest_of(
    transaction: &Transaction,
    run: &RunRecord,
    payouts: &[PayoutRecord],
) -> Result<String, StoreError> {
    let ids = payouts.iter().map(|payout| payout.payout_id.as_str());
    let rows = statements::Entity::find().filter(statements::Column::PayoutId.is_in(ids)).all(transaction).await?;
    let mut hashes: std::collections::HashMap<String, String> =
        rows.into_iter().map(|row| (row.payout_id, sha256(row.content.as_bytes()))).collect();
    let mut lines = Vec::with_capacity(payouts.len());
    for payout in payouts {
        let hash = hashes.remove(payout.payout_id.as_str());
        lines.push(DigestLine {
            payout_id: payout.payout_id.clone(),
            seller: payout.seller.clone(),
            amount: payout.amount,
            destination: payout.destination.clone(),
            statement_sha256: hash.ok_or_else(|| corrupt("no statement of a payout", &payout.payout_id))?,
        });
    }
    Ok(of_run(&run.run_id, run.date, &lines))
}

/// Writes the digest and the total of a run anew, after one of its payouts was taken back before the approval.
pub(super) async fn write_digest(transaction: &Transaction, id: &PayoutRunId) -> Result<(), StoreError> {
    let run = run_of(transaction, id).await?.ok_or_else(|| corrupt("no run of a payout", id))?;
    if run.status != RunStatus::Frozen {
        return Ok(());
    }
    let payouts = frozen_of(transaction, id).await?;
    let amounts = payouts.iter().map(|payout| payout.amount);
    let zero = domain::Money::zero(domain::Currency::Krw);
    let total = amounts.into_iter().try_fold(zero, domain::Money::plus);
    let total = total.map_err(|error| corrupt("the total of a run", error))?;
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::Digest, Expr::value(digest_of(transaction, &run, &payouts).await?))
        .col_expr(payout_runs::Column::Total, Expr::value(to_column_amount(total)?))
        .col_expr(payout_runs::Column::Version, Expr::value(to_column_revision(run.version + 1)?))
        .filter(payout_runs::Column::RunId.eq(id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Lets the reservation of an attempt go.
pub(super) async fn release(books: &mut Books<'_>, hold_id: &HoldId) -> Result<(), StoreError> {
    let now = books.now();
    hold::write::change(books, hold_id, HoldEvent::Ended(HoldEnd::Released), now).await.map(|_| ())
}
