//! Dead letters: written and closed by workflows.

use chrono::Utc;
use domain::{
    dead_letter::{Letter, LetterStatus},
    id::DeadLetterId,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr, sea_query::OnConflict};

use crate::{
    StoreError, Writer,
    convert::{corrupt, from_column_time, to_column_time},
    dead_letter::record,
    entities::dead_letters,
    event::append_letter,
    transaction::Transaction,
};

/// The most bytes of a letter's message.
const MAX_MESSAGE_BYTES: usize = 1000;

impl Writer {
    /// Writes a letter. Its id is the key: asked again, it changes nothing.
    pub async fn open_dead_letter(&self, letter: &Letter) -> Result<(), StoreError> {
        let (awaits, outcomes) = record::to_columns(&letter.awaits);
        let mut message = letter.failure.message.clone();
        while message.len() > MAX_MESSAGE_BYTES {
            message.pop();
        }
        let row = dead_letters::ActiveModel {
            letter_id: Set(letter.letter_id.to_string()),
            workflow_id: Set(letter.workflow_id.clone()),
            run_id: Set(letter.run_id.clone()),
            workflow_type: Set(letter.workflow_type.clone()),
            checkout_id: Set(letter.checkout_id.as_ref().map(ToString::to_string)),
            step: Set(letter.step.clone()),
            code: Set(letter.failure.code.clone().into()),
            message: Set(message),
            // Texts under texts always have a JSON.
            input: Set(serde_json::to_string(&letter.input).unwrap_or_default()),
            awaits: Set(awaits.to_owned()),
            outcomes: Set(outcomes),
            status: Set(LetterStatus::Open.as_str().to_owned()),
            created_at: Set(to_column_time(letter.opened_at)),
            updated_at: Set(to_column_time(letter.opened_at)),
            proposed_by: Set(None),
            proposed_outcome: Set(None),
            proposed_reason: Set(None),
            proposed_at: Set(None),
        };
        let transaction = self.begin().await?;
        if let Some(replaced) = &letter.replaces {
            end(&transaction, replaced, LetterStatus::replaced).await?;
        }
        let is_new = dead_letters::Entity::insert(row)
            .on_conflict(OnConflict::column(dead_letters::Column::LetterId).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        if is_new == 1 {
            append_letter(&transaction, &letter.letter_id, LetterStatus::Open, letter.opened_at).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Says that the workflow has gone on. About a letter that was never written it is nothing.
    pub async fn close_dead_letter(&self, letter_id: &DeadLetterId) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        end(&transaction, letter_id, LetterStatus::gone_on).await?;
        transaction.commit().await?;
        Ok(())
    }
}

impl Writer {
    /// Closes the letters that other runs of a workflow wrote: their runs are lost, and nobody waits for an answer.
    pub async fn close_lost_dead_letters(&self, workflow_id: &str, run_id: &str) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let letters = dead_letters::Entity::find()
            .filter(dead_letters::Column::WorkflowId.eq(workflow_id))
            .filter(dead_letters::Column::RunId.ne(run_id))
            .filter(
                dead_letters::Column::Status
                    .is_in([LetterStatus::Retrying, LetterStatus::Open].map(LetterStatus::as_str)),
            )
            .all(&transaction)
            .await?;
        for letter in letters {
            let id = DeadLetterId::parse(letter.letter_id).map_err(|error| corrupt("an id", error))?;
            end(&transaction, &id, LetterStatus::gone_on).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Moves a letter from each status to the one after. A person who acts at the same time is waited for.
async fn end(
    transaction: &Transaction,
    letter_id: &DeadLetterId,
    after: fn(LetterStatus) -> LetterStatus,
) -> Result<(), StoreError> {
    // From the later status to the earlier: one that was just reached is not moved again.
    for status in [LetterStatus::Retrying, LetterStatus::Open].into_iter().filter(|status| after(*status) != *status) {
        let now = Utc::now();
        let moved = dead_letters::Entity::update_many()
            .col_expr(dead_letters::Column::Status, Expr::value(after(status).as_str()))
            .col_expr(dead_letters::Column::UpdatedAt, Expr::value(now))
            .filter(dead_letters::Column::LetterId.eq(letter_id.as_str()))
            .filter(dead_letters::Column::Status.eq(status.as_str()))
            .exec(transaction)
            .await?;
        if moved.rows_affected == 1 {
            append_letter(transaction, letter_id, after(status), from_column_time(now)).await?;
        }
    }
    Ok(())
}
