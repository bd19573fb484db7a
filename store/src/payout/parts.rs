//! The parts in which a run of sellers is frozen, each with the hash over its payouts.
//!
//! The digest of the run is over these hashes, so no transaction reads all statements of a run: a part is hashed as it
//! is frozen, is hashed again when one of its payouts is taken back, and is compared with its rows before an approval,
//! outside of the transaction of the approval.

use std::collections::HashSet;

use domain::{
    Currency, Money,
    id::{PayoutId, PayoutRunId},
    payout::{
        PayoutStatus, RunStatus,
        digest::{DigestLine, DigestPart, DigestScheme, of_part, of_parts_paid_by},
        plan::CarriedOver,
    },
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Func},
};

use super::{
    lines::{Frozen, lines_of},
    record::{self, RunRecord},
};
use crate::{
    StoreError, Writer,
    convert::{corrupt, from_column_revision, to_column_amount, to_column_revision, to_column_time},
    entities::{payout_run_parts, payout_runs, payouts},
    transaction::Transaction,
};

/// A part to be written.
pub(super) struct NewPart<'a> {
    pub(super) run_id: &'a PayoutRunId,
    pub(super) number: u32,
    pub(super) lines: &'a [DigestLine],
    /// Which money of the part's sellers stays with us.
    pub(super) carried_over: &'a [CarriedOver],
}

/// What the rows of a part come to.
struct PartSum {
    payouts: u32,
    total: Money,
    sha256: String,
}

impl PartSum {
    fn of(run_id: &PayoutRunId, number: u32, lines: &[DigestLine]) -> Result<Self, StoreError> {
        let total = lines.iter().try_fold(Money::zero(Currency::Krw), |total, line| total.plus(line.amount));
        Ok(Self {
            payouts: u32::try_from(lines.len()).map_err(|_| corrupt("a count of payouts", lines.len()))?,
            total: total.map_err(|error| corrupt("the total of a part", error))?,
            sha256: of_part(run_id, number, lines),
        })
    }
}

/// Writes a part that is frozen.
pub(super) async fn write(transaction: &Transaction, part: NewPart<'_>) -> Result<(), StoreError> {
    let PartSum { payouts, total, sha256 } = PartSum::of(part.run_id, part.number, part.lines)?;
    let carried_over = serde_json::to_string(part.carried_over);
    let row = payout_run_parts::ActiveModel {
        run_id: Set(part.run_id.to_string()),
        part: Set(to_column_revision(part.number)?),
        payouts: Set(to_column_revision(payouts)?),
        total: Set(to_column_amount(total)?),
        sha256: Set(sha256),
        carried_over: Set(carried_over.map_err(|error| corrupt("what is carried over", error))?),
    };
    payout_run_parts::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// The number of the next part of a run.
pub(super) async fn next_number(transaction: &Transaction, id: &PayoutRunId) -> Result<u32, StoreError> {
    let last: Option<Option<i32>> = payout_run_parts::Entity::find()
        .select_only()
        .column_as(payout_run_parts::Column::Part.max(), "last")
        .filter(payout_run_parts::Column::RunId.eq(id.as_str()))
        .into_tuple()
        .one(transaction)
        .await?;
    from_column_revision(last.flatten().unwrap_or(0).saturating_add(1))
}

/// What the parts of a run carry over, in the order of the parts.
pub(super) async fn carried_over(transaction: &Transaction, id: &PayoutRunId) -> Result<Vec<CarriedOver>, StoreError> {
    let texts: Vec<String> = payout_run_parts::Entity::find()
        .select_only()
        .column(payout_run_parts::Column::CarriedOver)
        .filter(payout_run_parts::Column::RunId.eq(id.as_str()))
        .order_by_asc(payout_run_parts::Column::Part)
        .into_tuple()
        .all(transaction)
        .await?;
    let mut carried_over = Vec::new();
    for text in texts {
        let part: Vec<CarriedOver> =
            serde_json::from_str(&text).map_err(|error| corrupt("what a part carries over", error))?;
        carried_over.extend(part);
    }
    Ok(carried_over)
}

#[derive(Debug, FromQueryResult)]
struct PartRow {
    part: i32,
    payouts: i32,
    total: i64,
    sha256: String,
}

/// The parts of a run, without what they carry over.
async fn rows_of(connection: &impl ConnectionTrait, id: &PayoutRunId) -> Result<Vec<PartRow>, StoreError> {
    use payout_run_parts::Column;
    let rows = payout_run_parts::Entity::find()
        .select_only()
        .columns([Column::Part, Column::Payouts, Column::Total, Column::Sha256])
        .filter(Column::RunId.eq(id.as_str()))
        .order_by_asc(Column::Part)
        .into_model::<PartRow>()
        .all(connection)
        .await?;
    Ok(rows)
}

/// Sums the parts of a run up, as they were written.
pub(super) async fn sum_up(connection: &impl ConnectionTrait, run: &RunRecord) -> Result<Frozen, StoreError> {
    let (mut parts, mut total, mut payouts) = (Vec::new(), Money::zero(Currency::Krw), 0);
    for row in rows_of(connection, &run.run_id).await? {
        total = total.plus(record::won(row.total)?).map_err(|error| corrupt("the total of a run", error))?;
        let of_part = from_column_revision(row.payouts)?;
        payouts += u64::from(of_part);
        parts.push(DigestPart { number: from_column_revision(row.part)?, payouts: of_part, sha256: row.sha256 });
    }
    Ok(Frozen { digest: of_parts_paid_by(&run.run_id, run.date, run.paid_by, &parts), total, payouts })
}

/// The frozen payouts of a part, as their rows say.
async fn lines(connection: &impl ConnectionTrait, id: &PayoutRunId, part: i32) -> Result<Vec<DigestLine>, StoreError> {
    let rows = payouts::Entity::find()
        .filter(payouts::Column::RunId.eq(id.as_str()))
        .filter(payouts::Column::Part.eq(part))
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .order_by_asc(payouts::Column::PayoutId)
        .all(connection)
        .await?;
    lines_of(connection, rows.into_iter().map(record::payout).collect::<Result<_, _>>()?).await
}

/// Whether these payouts of a run, and the others of their parts, are as they were approved. A payout that was taken
/// back before the approval is no part of it; a payout that was taken back later is.
pub(super) async fn are_as_approved(
    transaction: &Transaction,
    run: &RunRecord,
    ids: &[PayoutId],
) -> Result<bool, StoreError> {
    let (Some(decided_at), DigestScheme::Parts) = (run.decided_at, run.digest_scheme) else { return Ok(false) };
    if sum_up(transaction, run).await?.digest != run.digest {
        return Ok(false);
    }
    let before = Condition::all()
        .add(payouts::Column::Status.eq(PayoutStatus::Canceled.as_str()))
        .add(payouts::Column::EndedAt.lte(to_column_time(decided_at)));
    let approved = Condition::all()
        .add(payouts::Column::RunId.eq(run.run_id.as_str()))
        .add(payouts::Column::IsVoid.eq(false))
        .add(before.not());
    // A payout of no part was not approved.
    let Some(parts) = parts_of(transaction, ids).await? else { return Ok(false) };
    for row in rows_of(transaction, &run.run_id).await? {
        if !parts.contains(&row.part) {
            continue;
        }
        let rows = payouts::Entity::find()
            .filter(approved.clone())
            .filter(payouts::Column::Part.eq(row.part))
            .order_by_asc(payouts::Column::PayoutId)
            .all(transaction)
            .await?;
        let lines = lines_of(transaction, rows.into_iter().map(record::payout).collect::<Result<_, _>>()?).await?;
        let now = PartSum::of(&run.run_id, from_column_revision(row.part)?, &lines)?;
        let written = (from_column_revision(row.payouts)?, record::won(row.total)?, row.sha256);
        if (now.payouts, now.total, now.sha256) != written {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The parts of these payouts; nothing where one of them is of no part.
async fn parts_of(transaction: &Transaction, ids: &[PayoutId]) -> Result<Option<HashSet<i32>>, StoreError> {
    let parts: Vec<Option<i32>> = payouts::Entity::find()
        .select_only()
        .column(payouts::Column::Part)
        .distinct()
        .filter(payouts::Column::PayoutId.is_in(ids.iter().map(PayoutId::as_str)))
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(parts.into_iter().collect())
}

/// Hashes the part of a payout again, after the payout was taken back.
pub(super) async fn renew(transaction: &Transaction, run: &RunRecord, payout: &PayoutId) -> Result<(), StoreError> {
    let part: Option<Option<i32>> = payouts::Entity::find_by_id(payout.as_str())
        .select_only()
        .column(payouts::Column::Part)
        .into_tuple()
        .one(transaction)
        .await?;
    let part = part.flatten().ok_or_else(|| corrupt("a payout of no part", payout))?;
    let lines = lines(transaction, &run.run_id, part).await?;
    let PartSum { payouts, total, sha256 } = PartSum::of(&run.run_id, from_column_revision(part)?, &lines)?;
    payout_run_parts::Entity::update_many()
        .col_expr(payout_run_parts::Column::Payouts, Expr::value(to_column_revision(payouts)?))
        .col_expr(payout_run_parts::Column::Total, Expr::value(to_column_amount(total)?))
        .col_expr(payout_run_parts::Column::Sha256, Expr::value(sha256))
        .filter(payout_run_parts::Column::RunId.eq(run.run_id.as_str()))
        .filter(payout_run_parts::Column::Part.eq(part))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The digest of the parts of a run, where the frozen payouts are those that the parts were written for. `verified` is
/// the digest of the parts when each was compared with its rows.
pub(super) async fn approvable_digest(
    transaction: &Transaction,
    run: &RunRecord,
    verified: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let Frozen { digest, total, payouts } = sum_up(transaction, run).await?;
    let figures: Option<(i64, Option<i64>)> = payouts::Entity::find()
        .select_only()
        .column_as(payouts::Column::PayoutId.count(), "payouts")
        .column_as(Func::sum(Expr::col(payouts::Column::Amount)).cast_as("bigint"), "total")
        .filter(payouts::Column::RunId.eq(run.run_id.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Frozen.as_str()))
        .into_tuple()
        .one(transaction)
        .await?;
    let (count, sum) = figures.unwrap_or_default();
    let is_whole = u64::try_from(count) == Ok(payouts) && record::won(sum.unwrap_or_default())? == total;
    Ok((is_whole && verified == Some(digest.as_str())).then_some(digest))
}

impl Writer {
    /// Compares each part of a run with its payouts and the bytes of their statements, before an approval. Answers the
    /// digest of the parts where all are as they were frozen. Each part is read by itself and nothing is locked, so
    /// the transaction of the approval compares the digest once more.
    pub(super) async fn verified_digest(&self, id: &PayoutRunId) -> Result<Option<String>, StoreError> {
        let row = payout_runs::Entity::find_by_id(id.as_str())
            .filter(payout_runs::Column::FreezesAfter.is_null())
            .one(self.connection())
            .await?;
        let Some(run) = row.map(record::run).transpose()? else { return Ok(None) };
        if run.status != RunStatus::Frozen || run.digest_scheme != DigestScheme::Parts {
            return Ok(None);
        }
        let digest = sum_up(self.connection(), &run).await?.digest;
        for row in rows_of(self.connection(), &run.run_id).await? {
            let lines = lines(self.connection(), &run.run_id, row.part).await?;
            let sum = PartSum::of(&run.run_id, from_column_revision(row.part)?, &lines)?;
            let written = (from_column_revision(row.payouts)?, record::won(row.total)?, row.sha256);
            if (sum.payouts, sum.total, sum.sha256) != written {
                tracing::error!(payout_run.id = %run.run_id, "part {} of a run is not as it was frozen", row.part);
                return Ok(None);
            }
        }
        Ok(Some(digest))
    }
}
