//! Dead letters and what was done about them.

use domain::{
    Timestamp,
    dead_letter::LetterStatus,
    id::{CheckoutId, DeadLetterId},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Page, Reader, StoreError, Window,
    convert::to_column_time,
    dead_letter::record::{self, ActionRecord, LetterRecord},
    entities::{dead_letter_actions, dead_letters},
};

/// Which letters are wanted; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Only with this status.
    pub status: Option<LetterStatus>,
    /// Those about a step.
    pub step: Option<String>,
    /// Those with an error code.
    pub code: Option<String>,
    /// Those about a checkout.
    pub checkout_id: Option<CheckoutId>,
    /// Those written at this instant or later.
    pub created_from: Option<Timestamp>,
    /// Those written before this instant.
    pub created_to: Option<Timestamp>,
}

/// A place in the list of letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPosition {
    /// When the letter was written.
    pub created_at: Timestamp,
    /// The letter, for many may be written at one instant.
    pub letter_id: DeadLetterId,
}

impl Reader {
    /// A letter.
    pub async fn dead_letter(&self, letter_id: &DeadLetterId) -> Result<Option<LetterRecord>, StoreError> {
        let row = dead_letters::Entity::find_by_id(letter_id.as_str()).one(self.connection()).await?;
        row.map(record::letter).transpose()
    }

    /// What was done about a letter, oldest first.
    pub async fn dead_letter_actions(&self, letter_id: &DeadLetterId) -> Result<Vec<ActionRecord>, StoreError> {
        let rows = dead_letter_actions::Entity::find()
            .filter(dead_letter_actions::Column::LetterId.eq(letter_id.as_str()))
            .order_by_asc(dead_letter_actions::Column::Number)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::action).collect()
    }

    /// Letters, the newest first.
    pub async fn dead_letters(
        &self,
        filter: &LetterFilter,
        window: &Window<LetterPosition>,
    ) -> Result<Page<LetterRecord>, StoreError> {
        let rows = dead_letters::Entity::find()
            .filter(filter.condition())
            .filter(Condition::all().add_option(window.after.as_ref().map(behind)))
            .order_by(dead_letters::Column::CreatedAt, Order::Desc)
            .order_by(dead_letters::Column::LetterId, Order::Desc)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, record::letter)
    }

    /// The first letters of a filter, the oldest first: those that have waited longest. New ones come behind them.
    pub async fn oldest_dead_letters(
        &self,
        filter: &LetterFilter,
        limit: u64,
    ) -> Result<Vec<LetterRecord>, StoreError> {
        let rows = dead_letters::Entity::find()
            .filter(filter.condition())
            .order_by(dead_letters::Column::CreatedAt, Order::Asc)
            .order_by(dead_letters::Column::LetterId, Order::Asc)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::letter).collect()
    }
}

impl LetterFilter {
    fn condition(&self) -> Condition {
        use dead_letters::Column;
        Condition::all()
            .add_option(self.status.map(|status| Column::Status.eq(status.as_str())))
            .add_option(self.step.as_ref().map(|step| Column::Step.eq(step)))
            .add_option(self.code.as_ref().map(|code| Column::Code.eq(code)))
            .add_option(self.checkout_id.as_ref().map(|id| Column::CheckoutId.eq(id.as_str())))
            .add_option(self.created_from.map(|from| Column::CreatedAt.gte(to_column_time(from))))
            .add_option(self.created_to.map(|to| Column::CreatedAt.lt(to_column_time(to))))
    }
}

/// Older than a place in the list; of one instant, with a smaller id.
fn behind(position: &LetterPosition) -> Condition {
    use dead_letters::Column;
    let at = to_column_time(position.created_at);
    let same_instant =
        Condition::all().add(Column::CreatedAt.eq(at)).add(Column::LetterId.lt(position.letter_id.as_str()));
    Condition::any().add(Column::CreatedAt.lt(at)).add(same_instant)
}
