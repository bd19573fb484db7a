//! What rules do about breaks, written down with the money that moves for it, in one transaction.

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    hold::{HoldEvent, HoldStatus},
    id::{BreakId, HoldId},
    ledger::{Entry, Hold, HoldEnd},
    reconciliation::{
        Actor, BreakStatus,
        repair::{RepairLimits, RepairRule},
    },
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func},
};

use crate::{
    StoreError, Writer,
    books::{open::Books, order::not_before, refusal::Refusal},
    breaks::see::Happened,
    convert::{corrupt, from_column_amount, to_column_amount, to_column_time},
    entities::{break_history, break_repairs, breaks, wallet_holds},
    hold,
    transaction::Transaction,
};

/// The act of a rule in the history of a break.
const REPAIR: &str = "repair";
/// The act of a rule that the limit of the day kept from its repair.
const LEAVE_OUT: &str = "leave_out";

/// What a rule wants to do about a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// A part of a seller's ready money is held.
    Hold(Hold),
    /// A workflow is asked to look at the PSP.
    Ask {
        /// The rule.
        rule: RepairRule,
        /// The workflow.
        workflow_id: String,
        /// How far the two sides are apart.
        gap: Money,
    },
}

/// A repair of a break by a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairRequest {
    pub break_id: BreakId,
    /// The run that saw the break.
    pub run_id: String,
    pub repair: Repair,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repaired {
    /// It is written down now.
    Now,
    /// It was written down before.
    Before,
    /// The break is closed, or the rule is off, or a person undid the repair, or the books refuse it.
    LeftOut,
    /// The rule has repaired enough for today.
    OverLimit,
}

impl Repaired {
    /// Whether the workflow is asked: a question changes nothing, so it is put in each run.
    pub const fn may_ask(self) -> bool {
        match self {
            Self::Now | Self::Before => true,
            Self::LeftOut | Self::OverLimit => false,
        }
    }
}

impl Repair {
    const fn rule(&self) -> RepairRule {
        match self {
            Self::Hold(_) => RepairRule::HoldMoney,
            Self::Ask { rule, .. } => *rule,
        }
    }

    const fn amount(&self) -> Money {
        match self {
            Self::Hold(hold) => hold.amount,
            Self::Ask { gap, .. } => *gap,
        }
    }

    /// What it is done to: the same in every run.
    fn subject(&self) -> String {
        match self {
            Self::Hold(hold) => hold.id.to_string(),
            Self::Ask { workflow_id, .. } => workflow_id.clone(),
        }
    }
}

impl Writer {
    /// Carries out a repair within the limits of its rule. Safe to repeat: break, rule and subject are the key.
    pub async fn repair_break(&self, wanted: &RepairRequest, limits: &RepairLimits) -> Result<Repaired, StoreError> {
        let rule = wanted.repair.rule();
        if !limits.is_on(rule) {
            return Ok(Repaired::LeftOut);
        }
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let row = breaks::Entity::find_by_id(wanted.break_id.as_str()).one(&transaction).await?;
        let row = row.ok_or_else(|| corrupt("no break of a repair", &wanted.break_id))?;
        if row.status != BreakStatus::Open.as_str() {
            return Ok(Repaired::LeftOut);
        }
        let before = repairs_of(&transaction, &wanted.break_id, Some(rule)).await?;
        if before.iter().any(|repair| repair.undone_at.is_some()) {
            return Ok(Repaired::LeftOut);
        }
        if before.iter().any(|repair| repair.subject == wanted.repair.subject()) {
            return Ok(Repaired::Before);
        }
        let now = books.now();
        let (day, amount) = (Day::of(now), wanted.repair.amount());
        if !limits.allow(rule, repaired_on(&transaction, rule, day, amount.currency()).await?, amount) {
            leave_out(&transaction, &row, wanted, now).await?;
            books.close().await?;
            transaction.commit().await?;
            return Ok(Repaired::OverLimit);
        }
        if let Repair::Hold(held) = &wanted.repair {
            match hold::write::reserve(&mut books, held, None, now).await {
                Ok(_) => {}
                // Less is ready than a moment ago.
                Err(StoreError::Refused(_)) => return Ok(Repaired::LeftOut),
                Err(error) => return Err(error),
            }
        }
        let done = NewRepair {
            break_id: &wanted.break_id,
            rule,
            subject: wanted.repair.subject(),
            amount,
            run_id: &wanted.run_id,
            at: now,
        };
        write_repair(&transaction, done).await?;
        let detail = format!("{} {} {}", wanted.repair.subject(), amount.to_decimal_string(), amount.currency());
        write_act(&transaction, &row, Act { act: REPAIR, author: rule.author(), detail }, now).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(Repaired::Now)
    }
}

/// What a rule did about a break.
pub(super) struct NewRepair<'a> {
    pub(super) break_id: &'a BreakId,
    pub(super) rule: RepairRule,
    pub(super) subject: String,
    pub(super) amount: Money,
    pub(super) run_id: &'a str,
    pub(super) at: Timestamp,
}

/// Writes a repair down: it counts against the limit of its day, and can be undone.
pub(super) async fn write_repair(transaction: &Transaction, repair: NewRepair<'_>) -> Result<(), StoreError> {
    let NewRepair { break_id, rule, subject, amount, run_id, at } = repair;
    let row = break_repairs::ActiveModel {
        break_id: Set(break_id.to_string()),
        rule: Set(rule.as_str().to_owned()),
        subject: Set(subject),
        rule_version: Set(i32::try_from(rule.version()).map_err(|_| corrupt("a version", rule.version()))?),
        amount: Set(to_column_amount(amount)?),
        currency: Set(amount.currency().code().to_owned()),
        day: Set(Day::of(at).to_string()),
        run_id: Set(run_id.to_owned()),
        done_at: Set(to_column_time(at)),
        undone_at: Set(None),
        undone_by: Set(None),
    };
    break_repairs::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// What a rule did about a break and what nobody has undone.
pub(super) async fn standing_repairs(
    transaction: &Transaction,
    break_id: &BreakId,
) -> Result<Vec<break_repairs::Model>, StoreError> {
    let repairs = repairs_of(transaction, break_id, None).await?;
    Ok(repairs.into_iter().filter(|repair| repair.undone_at.is_none()).collect())
}

/// Undoes repairs: what is still held is let go, and the rules leave the break alone from now on.
pub(super) async fn undo_repairs(
    books: &mut Books<'_>,
    repairs: Vec<break_repairs::Model>,
    by: &Actor,
) -> Result<(), StoreError> {
    let now = books.now();
    for repair in repairs {
        match RepairRule::parse(&repair.rule) {
            Some(RepairRule::HoldMoney) => {
                let held = wallet_holds::Entity::find_by_id(repair.subject.as_str()).one(books.transaction).await?;
                if held.is_some_and(|held| held.status == HoldStatus::Reserved.as_str()) {
                    let id = HoldId::parse(repair.subject.clone()).map_err(|error| corrupt("a hold", error))?;
                    hold::write::change(books, &id, HoldEvent::Ended(HoldEnd::Released), now).await?;
                }
            }
            Some(RepairRule::BookRounding) => {
                let booked = books.find(&repair.subject).await?;
                let booked = booked.ok_or_else(|| corrupt("no entry of a rounding", &repair.subject))?;
                let reversal = Entry::of_reversal(&booked, now).map_err(Refusal::from)?;
                books.book(not_before(&reversal, books.open_from())?).await?;
            }
            // A question and a row of the PSP leave nothing to undo here.
            Some(RepairRule::AskWorkflow | RepairRule::AskPayoutRun | RepairRule::BookSettlement) | None => {}
        }
        let mut undone: break_repairs::ActiveModel = repair.into();
        undone.undone_at = Set(Some(to_column_time(now)));
        undone.undone_by = Set(Some(by.to_string()));
        undone.update(books.transaction).await?;
    }
    Ok(())
}

pub(super) async fn repairs_of(
    transaction: &Transaction,
    break_id: &BreakId,
    rule: Option<RepairRule>,
) -> Result<Vec<break_repairs::Model>, StoreError> {
    let mut repairs = break_repairs::Entity::find().filter(break_repairs::Column::BreakId.eq(break_id.as_str()));
    if let Some(rule) = rule {
        repairs = repairs.filter(break_repairs::Column::Rule.eq(rule.as_str()));
    }
    Ok(repairs.all(transaction).await?)
}

pub(super) async fn repaired_on(
    transaction: &Transaction,
    rule: RepairRule,
    day: Day,
    currency: Currency,
) -> Result<Money, StoreError> {
    let sum = break_repairs::Entity::find()
        .select_only()
        .column_as(Func::sum(Expr::col(break_repairs::Column::Amount)).cast_as("bigint"), "amount")
        .filter(break_repairs::Column::Rule.eq(rule.as_str()))
        .filter(break_repairs::Column::Day.eq(day.to_string()))
        .filter(break_repairs::Column::Currency.eq(currency.code()))
        .into_tuple::<Option<i64>>()
        .one(transaction)
        .await?;
    from_column_amount(sum.flatten().unwrap_or_default(), currency)
}

/// An act of a rule.
struct Act {
    act: &'static str,
    author: Actor,
    detail: String,
}

/// Says once that the limit of the day kept a rule from its repair.
async fn leave_out(
    transaction: &Transaction,
    row: &breaks::Model,
    wanted: &RepairRequest,
    now: Timestamp,
) -> Result<(), StoreError> {
    let last = break_history::Entity::find()
        .filter(break_history::Column::BreakId.eq(row.break_id.as_str()))
        .order_by_desc(break_history::Column::Number)
        .one(transaction)
        .await?;
    if last.is_some_and(|last| last.act == LEAVE_OUT) {
        return Ok(());
    }
    let detail = "the rule has repaired enough for today".to_owned();
    write_act(transaction, row, Act { act: LEAVE_OUT, author: wanted.repair.rule().author(), detail }, now).await
}

async fn write_act(transaction: &Transaction, row: &breaks::Model, act: Act, now: Timestamp) -> Result<(), StoreError> {
    let break_type = domain::reconciliation::BreakType::parse(&row.break_type);
    let break_type = break_type.ok_or_else(|| corrupt("a type", &row.break_type))?;
    let number = row.version + 1;
    let happened = Happened {
        break_id: &row.break_id,
        number,
        act: act.act,
        actor: &act.author.to_string(),
        reason: "",
        reason_code: Some(break_type.reason_code().as_str()),
        detail: Some(act.detail),
        at: now,
    };
    break_history::Entity::insert(happened.to_row()).exec_without_returning(transaction).await?;
    let mut changed: breaks::ActiveModel = row.clone().into();
    changed.version = Set(number);
    changed.update(transaction).await?;
    Ok(())
}
