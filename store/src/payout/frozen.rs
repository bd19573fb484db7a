//! The rows of one run: what is frozen, and the digest over it.

use domain::{
    Currency, Money,
    id::{PayoutId, PayoutRunId},
    payout::{
        PayoutStatus, RunStatus,
        digest::{DigestScheme, RunDigest},
    },
};
use sea_orm::{
    ColumnTrait, EntityTrait, Iterable, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{
    lines::{Frozen, lines_of},
    parts,
    record::{self, PayoutRecord, RunRecord},
};
use crate::{
    StoreError,
    convert::{corrupt, to_column_amount, to_column_revision},
    entities::{payout_runs, payouts},
    transaction::Transaction,
};

/// How many frozen payouts, with their statements, are read at once.
const PAGE: u64 = 500;

/// A run that is frozen, without what it carries over, which may be as long as the list of all sellers; none where the
/// freeze goes on.
pub(super) async fn run_of(transaction: &Transaction, id: &PayoutRunId) -> Result<Option<RunRecord>, StoreError> {
    let columns = payout_runs::Column::iter().filter(|column| !matches!(column, payout_runs::Column::CarriedOver));
    let run = payout_runs::Entity::find_by_id(id.as_str())
        .select_only()
        .columns(columns)
        .column_as(Expr::val("[]"), "carried_over")
        .filter(payout_runs::Column::FreezesAfter.is_null());
    run.one(transaction).await?.map(record::run).transpose()
}

/// Some frozen payouts of a run, in the order of the sellers.
pub(super) async fn some_frozen(transaction: &Transaction, id: &PayoutRunId) -> Result<Vec<PayoutRecord>, StoreError> {
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .order_by_asc(payouts::Column::SellerAccount)
        .limit(PAGE)
        .all(transaction)
        .await?;
    rows.into_iter().map(record::payout).collect()
}

/// Some frozen payouts of a run without parts, in the order of their ids, behind one.
async fn frozen_after(
    transaction: &Transaction,
    id: &PayoutRunId,
    after: &str,
) -> Result<Vec<PayoutRecord>, StoreError> {
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(id.as_str()))
        .filter(payouts::Column::Part.is_null())
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .filter(payouts::Column::PayoutId.gt(after))
        .order_by_asc(payouts::Column::PayoutId)
        .limit(PAGE)
        .all(transaction)
        .await?;
    rows.into_iter().map(record::payout).collect()
}

/// How many payouts of a run are frozen.
async fn count(transaction: &Transaction, id: &PayoutRunId) -> Result<u64, StoreError> {
    let count = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .count(transaction)
        .await?;
    Ok(count)
}

/// How many payouts a run has that is being frozen.
pub(super) async fn count_so_far(transaction: &Transaction, run: &RunRecord) -> Result<usize, StoreError> {
    let count = match run.digest_scheme {
        DigestScheme::Payouts => count(transaction, &run.run_id).await?,
        DigestScheme::Parts => parts::sum_up(transaction, run).await?.payouts,
    };
    usize::try_from(count).map_err(|_| corrupt("a count of payouts", count))
}

/// Sums the frozen payouts of a run up: its parts as they were written, or all payouts where it has none.
pub(super) async fn sum_up(transaction: &Transaction, run: &RunRecord) -> Result<Frozen, StoreError> {
    match run.digest_scheme {
        DigestScheme::Payouts => sum_up_payouts(transaction, run).await,
        DigestScheme::Parts => parts::sum_up(transaction, run).await,
    }
}

/// The digest under which a frozen run may be approved; none where its payouts are not those of the freeze.
pub(super) async fn approvable_digest(
    transaction: &Transaction,
    run: &RunRecord,
    verified: Option<&str>,
) -> Result<Option<String>, StoreError> {
    match run.digest_scheme {
        DigestScheme::Payouts => Ok(Some(sum_up_payouts(transaction, run).await?.digest)),
        DigestScheme::Parts => parts::approvable_digest(transaction, run, verified).await,
    }
}

/// Sums the frozen payouts of a run up, from the rows and the bytes of the statements.
async fn sum_up_payouts(transaction: &Transaction, run: &RunRecord) -> Result<Frozen, StoreError> {
    let payouts = count(transaction, &run.run_id).await?;
    let length = usize::try_from(payouts).map_err(|_| corrupt("a count of payouts", payouts))?;
    let mut digest = RunDigest::new(&run.run_id, run.date, length);
    let (mut total, mut after) = (Money::zero(Currency::Krw), String::new());
    loop {
        let payouts = frozen_after(transaction, &run.run_id, &after).await?;
        let Some(last) = payouts.last() else { break };
        after = last.payout_id.to_string();
        for line in lines_of(transaction, payouts).await? {
            total = total.plus(line.amount).map_err(|error| corrupt("the total of a run", error))?;
            digest.add(&line);
        }
    }
    if !digest.is_whole() {
        return Err(corrupt("payouts of a run that are not in the order of their ids", &run.run_id));
    }
    Ok(Frozen { digest: digest.finish(), total, payouts })
}

/// Writes the digest and the total of a run anew, after one of its payouts was taken back before the approval.
pub(super) async fn write_digest(
    transaction: &Transaction,
    id: &PayoutRunId,
    payout: &PayoutId,
) -> Result<(), StoreError> {
    let Some(row) = payout_runs::Entity::find_by_id(id.as_str()).one(transaction).await? else { return Ok(()) };
    let is_being_frozen = row.freezes_after.is_some();
    let run = record::run(row)?;
    if run.status != RunStatus::Frozen {
        return Ok(());
    }
    match run.digest_scheme {
        DigestScheme::Payouts => {}
        DigestScheme::Parts => parts::renew(transaction, &run, payout).await?,
    }
    // The end of a freeze that goes on writes both.
    if is_being_frozen {
        return Ok(());
    }
    let Frozen { digest, total, .. } = sum_up(transaction, &run).await?;
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::Digest, Expr::value(digest))
        .col_expr(payout_runs::Column::Total, Expr::value(to_column_amount(total)?))
        .col_expr(payout_runs::Column::Version, Expr::value(to_column_revision(run.version + 1)?))
        .filter(payout_runs::Column::RunId.eq(id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}
