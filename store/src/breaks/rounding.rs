//! What rounding left over of a payment's settlement rows: booked with its break, in one transaction.

use domain::{
    Timestamp,
    calendar::Day,
    event::EventType,
    reconciliation::{
        BreakStatus, Finding,
        repair::{RepairLimits, RepairRule},
    },
    settlement::{Flow, rounding_entry},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};

use super::{
    repair::{NewRepair, Repaired, repaired_on, repairs_of, write_repair},
    see::{Happened, Sighting, see},
};
use crate::{
    StoreError, Writer,
    books::{open::Books, order::not_before, refusal::Refusal},
    convert::{corrupt, to_column_time},
    entities::{break_history, breaks},
    event::append_break,
    transaction::Transaction,
};

/// What rounding left over, as a run saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    /// The break that it is.
    pub finding: Finding,
    /// What leaves the fees of the PSP.
    pub amount: Flow,
    /// The run that saw it.
    pub run_id: String,
    /// The day on which the run judges deadlines.
    pub today: Day,
}

impl Writer {
    /// Books a residue and closes its break, within the limits of the rule. Safe to repeat: the break is the key.
    pub async fn book_rounding(&self, residue: &Residue, limits: &RepairLimits) -> Result<Repaired, StoreError> {
        let rule = RepairRule::BookRounding;
        if !limits.is_on(rule) {
            return Ok(Repaired::LeftOut);
        }
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let (now, break_id) = (books.now(), residue.finding.break_id());
        let before = repairs_of(&transaction, &break_id, Some(rule)).await?;
        if before.iter().any(|repair| repair.undone_at.is_some()) {
            return Ok(Repaired::LeftOut);
        }
        if !before.is_empty() {
            see_booked(&transaction, residue, now).await?;
            books.close().await?;
            transaction.commit().await?;
            return Ok(Repaired::Before);
        }
        let (day, amount) = (Day::of(now), residue.amount.amount());
        if !limits.allow(rule, repaired_on(&transaction, rule, day, amount.currency()).await?, amount) {
            return Ok(Repaired::OverLimit);
        }
        let sighting = Sighting { run_id: &residue.run_id, at: now, today: residue.today };
        see(&transaction, std::slice::from_ref(&residue.finding), sighting).await?;
        let entry = rounding_entry(&break_id, residue.amount, now).map_err(Refusal::from)?;
        let entry = not_before(&entry, books.open_from())?;
        let entry_key = entry.fields().key.clone();
        books.book(entry).await?;
        let (subject, run_id) = (entry_key.clone(), residue.run_id.as_str());
        let done = NewRepair { break_id: &break_id, rule, subject, amount, run_id, at: now };
        write_repair(&transaction, done).await?;
        resolve(&transaction, residue, &entry_key, now).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(Repaired::Now)
    }
}

/// A residue that is booked is seen by this run, too.
async fn see_booked(transaction: &Transaction, residue: &Residue, now: Timestamp) -> Result<(), StoreError> {
    breaks::Entity::update_many()
        .col_expr(breaks::Column::LastSeenAt, Expr::value(to_column_time(now)))
        .col_expr(breaks::Column::LastSeenRun, Expr::value(residue.run_id.as_str()))
        .filter(breaks::Column::BreakId.eq(residue.finding.break_id().as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Closes the break with what the rule booked.
async fn resolve(
    transaction: &Transaction,
    residue: &Residue,
    entry_key: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (rule, break_id) = (RepairRule::BookRounding, residue.finding.break_id());
    let row = breaks::Entity::find_by_id(break_id.as_str()).one(transaction).await?;
    let row = row.ok_or_else(|| corrupt("no break of a residue", &break_id))?;
    let number = row.version + 1;
    let reason_code = residue.finding.break_type.reason_code().as_str();
    let amount = residue.amount.amount();
    let happened = Happened {
        break_id: break_id.as_str(),
        number,
        act: "resolve",
        actor: &rule.author().to_string(),
        reason: "",
        reason_code: Some(reason_code),
        detail: Some(format!("{entry_key} {} {}", residue.amount.to_decimal_string(), amount.currency())),
        at: now,
    };
    break_history::Entity::insert(happened.to_row()).exec_without_returning(transaction).await?;
    let mut resolved = row.into_active_model();
    resolved.status = Set(BreakStatus::Resolved.as_str().to_owned());
    resolved.reason_code = Set(Some(reason_code.to_owned()));
    resolved.resolved_by = Set(Some(rule.author().to_string()));
    resolved.resolved_at = Set(Some(to_column_time(now)));
    resolved.version = Set(number);
    resolved.update(transaction).await?;
    let version = u32::try_from(number).unwrap_or(u32::MAX);
    append_break(transaction, EventType::BreakResolved, break_id.as_str(), version, now).await
}
