//! Putting what came to nothing in front of a person.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use store::Writer;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{CloseDeadLetter, CloseLetter, Letter, OpenDeadLetter};

use crate::failure::store_failure;

/// The activities that write dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// Where they are written.
    pub writer: Writer,
}

#[activities]
impl DeadLetters {
    /// Writes a letter. Its id is the key.
    #[activity(definition = OpenDeadLetter)]
    pub async fn open(self: Arc<Self>, _ctx: ActivityContext, letter: Letter) -> Result<(), ActivityError> {
        self.writer.open_dead_letter(&letter).await.map_err(store_failure)
    }

    /// Closes a letter. Its id is the key.
    #[activity(definition = CloseDeadLetter)]
    pub async fn close(self: Arc<Self>, _ctx: ActivityContext, letter: CloseLetter) -> Result<(), ActivityError> {
        self.writer.close_dead_letter(&letter.letter_id).await.map_err(store_failure)
    }
}
