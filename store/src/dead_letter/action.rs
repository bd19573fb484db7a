//! What people do about dead letters: once each, and written down.

use chrono::Utc;
use domain::{
    Limits,
    dead_letter::{
        DeclaredOutcome, LetterAction, LetterOutcome, LetterRefusal, LetterStake, LetterStatus, WorkflowRun, check,
        decide,
    },
    id::DeadLetterId,
    reconciliation::Actor,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, sea_query::Expr,
};

use crate::{
    Journal, StoreError,
    clock::machine_time,
    convert::corrupt,
    dead_letter::{
        record::{self, ActionRecord, LetterRecord},
        stake,
    },
    entities::{dead_letter_actions, dead_letters},
    event::append_letter,
    transaction::Transaction,
};

/// What came of an action on a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// It is taken, now.
    Now(LetterRecord),
    /// It is written down, and a second principal has to resolve the letter in the same way.
    Proposed(LetterRecord),
    /// The same person took it before.
    Before(LetterRecord),
    /// It is refused.
    Refused {
        letter: LetterRecord,
        refusal: LetterRefusal,
        /// What was done about it last, if anything was.
        last: Option<ActionRecord>,
    },
    /// There is no such letter.
    Unknown,
}

/// An action on a dead letter, as a person asks for it.
#[derive(Debug, Clone, Copy)]
pub struct NewAction<'a> {
    pub action: LetterAction,
    pub by: &'a Actor,
    pub reason: &'a str,
    pub run: WorkflowRun,
    /// The most that one principal decides about alone.
    pub alone_up_to: Limits,
}

/// The name of an action that waits for a second principal.
const PROPOSE: &str = "propose";

impl Journal {
    /// Takes an action on a letter, if it may be taken. Of two at once one wins. Asked again by the same person for
    /// the same action, it changes nothing. Above the limit, what gives up money is written down as a proposal.
    pub async fn act_on_dead_letter(
        &self,
        letter_id: &DeadLetterId,
        request: NewAction<'_>,
    ) -> Result<Acted, StoreError> {
        let transaction = self.begin().await?;
        let Some(letter) = find(&transaction, letter_id).await? else { return Ok(Acted::Unknown) };
        let stake =
            LetterStake { at_stake: stake::money(&transaction, &letter).await?, alone_up_to: request.alone_up_to };
        let outcome = check(request.action, letter.status, &letter.awaits, request.run)
            .and_then(|would_be| decide(request.action, would_be, request.by, letter.proposal.as_ref(), stake));
        match outcome {
            Err(refusal) => refused(&transaction, letter, request, refusal).await,
            Ok(LetterOutcome::Taken(status)) if move_on(&transaction, &letter, status).await? => {
                write_down(&transaction, letter_id, request, request.action.as_str()).await?;
                append_letter(&transaction, letter_id, status, machine_time()).await?;
                transaction.commit().await?;
                Ok(Acted::Now(LetterRecord { status, proposal: None, ..letter }))
            }
            Ok(LetterOutcome::Proposed(outcome)) if propose(&transaction, &letter, outcome, request).await? => {
                write_down(&transaction, letter_id, request, PROPOSE).await?;
                let proposed = find(&transaction, letter_id).await?;
                transaction.commit().await?;
                Ok(proposed.map_or(Acted::Unknown, Acted::Proposed))
            }
            // Another was first, a moment ago: what they did is written by now.
            Ok(_) => {
                transaction.rollback().await?;
                let transaction = self.begin().await?;
                let Some(letter) = find(&transaction, letter_id).await? else { return Ok(Acted::Unknown) };
                refused(&transaction, letter, request, LetterRefusal::TakenUp).await
            }
        }
    }
}

/// Writes a proposal, if the letter still stood where it was read.
async fn propose(
    transaction: &Transaction,
    letter: &LetterRecord,
    outcome: DeclaredOutcome,
    NewAction { by, reason, .. }: NewAction<'_>,
) -> Result<bool, StoreError> {
    let now = Utc::now();
    let proposed = dead_letters::Entity::update_many()
        .col_expr(dead_letters::Column::ProposedBy, Expr::value(by.to_string()))
        .col_expr(dead_letters::Column::ProposedOutcome, Expr::value(outcome.as_str()))
        .col_expr(dead_letters::Column::ProposedReason, Expr::value(reason))
        .col_expr(dead_letters::Column::ProposedAt, Expr::value(now))
        .col_expr(dead_letters::Column::UpdatedAt, Expr::value(now))
        .filter(stands_as_read(letter))
        .exec(transaction)
        .await?;
    Ok(proposed.rows_affected == 1)
}

/// The letter with the status and the proposal that were read: a decision rests on both.
fn stands_as_read(letter: &LetterRecord) -> Condition {
    use dead_letters::Column;
    let stands = Condition::all()
        .add(Column::LetterId.eq(letter.letter_id.as_str()))
        .add(Column::Status.eq(letter.status.as_str()));
    match (&letter.proposal, letter.status) {
        (Some(proposal), _) => stands
            .add(Column::ProposedBy.eq(proposal.by.to_string()))
            .add(Column::ProposedOutcome.eq(proposal.outcome.as_str())),
        (None, LetterStatus::Open) => stands.add(Column::ProposedBy.is_null()),
        (None, LetterStatus::Retrying | LetterStatus::Resolved | LetterStatus::Discarded | LetterStatus::Closed) => {
            stands
        }
    }
}

async fn find(transaction: &Transaction, letter_id: &DeadLetterId) -> Result<Option<LetterRecord>, StoreError> {
    let row = dead_letters::Entity::find_by_id(letter_id.as_str()).one(transaction).await?;
    row.map(record::letter).transpose()
}

/// A refusal, unless the same person asks for the same once more.
async fn refused(
    transaction: &Transaction,
    letter: LetterRecord,
    request: NewAction<'_>,
    refusal: LetterRefusal,
) -> Result<Acted, StoreError> {
    let last = dead_letter_actions::Entity::find()
        .filter(dead_letter_actions::Column::LetterId.eq(letter.letter_id.as_str()))
        .order_by_desc(dead_letter_actions::Column::Number)
        .one(transaction)
        .await?;
    let last = last.map(record::action).transpose()?;
    let NewAction { action, by, .. } = request;
    let is_same = |last: &ActionRecord| {
        last.actor == by.bare() && last.action == action.as_str() && last.outcome == action.outcome()
    };
    match refusal {
        LetterRefusal::TakenUp if last.as_ref().is_some_and(is_same) => Ok(Acted::Before(letter)),
        LetterRefusal::TakenUp
        | LetterRefusal::Awaited
        | LetterRefusal::Ended
        | LetterRefusal::RepeatsItself
        | LetterRefusal::OtherOutcome
        | LetterRefusal::FourEyes => Ok(Acted::Refused { letter, refusal, last }),
    }
}

/// Whether the letter still stood where it was read.
async fn move_on(transaction: &Transaction, letter: &LetterRecord, status: LetterStatus) -> Result<bool, StoreError> {
    let moved = dead_letters::Entity::update_many()
        .col_expr(dead_letters::Column::Status, Expr::value(status.as_str()))
        .col_expr(dead_letters::Column::UpdatedAt, Expr::value(Utc::now()))
        .filter(stands_as_read(letter))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected == 1)
}

async fn write_down(
    transaction: &Transaction,
    letter_id: &DeadLetterId,
    NewAction { action, by, reason, .. }: NewAction<'_>,
    name: &str,
) -> Result<(), StoreError> {
    // The letter's row is locked by its change, so nobody else numbers its actions now.
    let before = dead_letter_actions::Entity::find()
        .filter(dead_letter_actions::Column::LetterId.eq(letter_id.as_str()))
        .count(transaction)
        .await?;
    let row = dead_letter_actions::ActiveModel {
        letter_id: Set(letter_id.to_string()),
        number: Set(i32::try_from(before + 1).map_err(|_| corrupt("a number of actions", before))?),
        action: Set(name.to_owned()),
        actor: Set(by.bare()),
        reason: Set(reason.to_owned()),
        outcome: Set(action.outcome().map(|outcome| outcome.as_str().to_owned())),
        acted_at: Set(Utc::now()),
    };
    dead_letter_actions::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}
