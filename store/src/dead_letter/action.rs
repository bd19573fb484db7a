//! What people do about dead letters: once each, and written down.

use chrono::Utc;
use domain::{
    dead_letter::{LetterAction, LetterRefusal, LetterStatus, WorkflowRun, check},
    id::DeadLetterId,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, sea_query::Expr};

use crate::{
    Journal, StoreError,
    clock::machine_time,
    convert::corrupt,
    dead_letter::record::{self, ActionRecord, LetterRecord},
    entities::{dead_letter_actions, dead_letters},
    event::append_letter,
    transaction::Transaction,
};

/// What came of an action on a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// It is taken, now.
    Now(LetterRecord),
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
    pub actor: &'a str,
    pub reason: &'a str,
    pub run: WorkflowRun,
}

impl Journal {
    /// Takes an action on a letter, if it may be taken. Of two at once one wins. Asked again by the same person for
    /// the same action, it changes nothing.
    pub async fn act_on_dead_letter(
        &self,
        letter_id: &DeadLetterId,
        request: NewAction<'_>,
    ) -> Result<Acted, StoreError> {
        let transaction = self.begin().await?;
        let Some(letter) = find(&transaction, letter_id).await? else { return Ok(Acted::Unknown) };
        match check(request.action, letter.status, &letter.awaits, request.run) {
            Err(refusal) => refused(&transaction, letter, request, refusal).await,
            Ok(status) if move_on(&transaction, &letter, status).await? => {
                write_down(&transaction, letter_id, request).await?;
                append_letter(&transaction, letter_id, status, machine_time()).await?;
                transaction.commit().await?;
                Ok(Acted::Now(LetterRecord { status, ..letter }))
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
    let NewAction { action, actor, .. } = request;
    let is_same =
        |last: &ActionRecord| last.actor == actor && last.action == action.as_str() && last.outcome == action.outcome();
    match refusal {
        LetterRefusal::TakenUp if last.as_ref().is_some_and(is_same) => Ok(Acted::Before(letter)),
        LetterRefusal::TakenUp
        | LetterRefusal::Awaited
        | LetterRefusal::Ended
        | LetterRefusal::RepeatsItself
        | LetterRefusal::OtherOutcome => Ok(Acted::Refused { letter, refusal, last }),
    }
}

/// Whether the letter still stood where it was read.
async fn move_on(transaction: &Transaction, letter: &LetterRecord, status: LetterStatus) -> Result<bool, StoreError> {
    let moved = dead_letters::Entity::update_many()
        .col_expr(dead_letters::Column::Status, Expr::value(status.as_str()))
        .col_expr(dead_letters::Column::UpdatedAt, Expr::value(Utc::now()))
        .filter(dead_letters::Column::LetterId.eq(letter.letter_id.as_str()))
        .filter(dead_letters::Column::Status.eq(letter.status.as_str()))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected == 1)
}

async fn write_down(
    transaction: &Transaction,
    letter_id: &DeadLetterId,
    NewAction { action, actor, reason, .. }: NewAction<'_>,
) -> Result<(), StoreError> {
    // The letter's row is locked by its change of status, so nobody else numbers its actions now.
    let before = dead_letter_actions::Entity::find()
        .filter(dead_letter_actions::Column::LetterId.eq(letter_id.as_str()))
        .count(transaction)
        .await?;
    let row = dead_letter_actions::ActiveModel {
        letter_id: Set(letter_id.to_string()),
        number: Set(i32::try_from(before + 1).map_err(|_| corrupt("a number of actions", before))?),
        action: Set(action.as_str().to_owned()),
        actor: Set(actor.to_owned()),
        reason: Set(reason.to_owned()),
        outcome: Set(action.outcome().map(|outcome| outcome.as_str().to_owned())),
        acted_at: Set(Utc::now()),
    };
    dead_letter_actions::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}
