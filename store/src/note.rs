//! Notes of people on payments: written once, and never changed.

use domain::{Timestamp, id::CheckoutId, principal::Principal};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    Journal, Reader, StoreError,
    convert::{corrupt, from_column_time, to_column_time},
    entities::payment_notes::{ActiveModel, Column, Entity, Model},
};

/// The most characters of a note.
pub const MAX_NOTE_CHARS: usize = 500;

/// A note on a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRecord {
    /// Names the note: written twice, it is one.
    pub note_id: Uuid,
    /// The payment.
    pub checkout_id: CheckoutId,
    /// The person.
    pub written_by: Principal,
    /// What the person says; at most [`MAX_NOTE_CHARS`] characters.
    pub note: String,
    /// When it was written.
    pub written_at: Timestamp,
}

impl Journal {
    /// Writes a note. Answers the note that stands under the id: of two with one id the first stays.
    pub async fn write_note(&self, note: &NoteRecord) -> Result<NoteRecord, StoreError> {
        let row = ActiveModel {
            note_id: Set(note.note_id.to_string()),
            checkout_id: Set(note.checkout_id.to_string()),
            written_by: Set(note.written_by.to_string()),
            note: Set(note.note.clone()),
            written_at: Set(to_column_time(note.written_at)),
        };
        Entity::insert(row)
            .on_conflict(OnConflict::column(Column::NoteId).do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        let kept = Entity::find_by_id(note.note_id.to_string()).one(self.connection()).await?;
        read(kept.ok_or_else(|| corrupt("a note that was written", note.note_id))?)
    }
}

impl Reader {
    /// The notes on a payment, the oldest first.
    pub async fn notes(&self, checkout_id: &CheckoutId, limit: u64) -> Result<Vec<NoteRecord>, StoreError> {
        let rows = Entity::find()
            .filter(Column::CheckoutId.eq(checkout_id.as_str()))
            .order_by_asc(Column::WrittenAt)
            .order_by_asc(Column::NoteId)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(read).collect()
    }
}

fn read(row: Model) -> Result<NoteRecord, StoreError> {
    Ok(NoteRecord {
        note_id: row.note_id.parse().map_err(|error| corrupt("the id of a note", error))?,
        checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
        written_by: Principal::parse(&row.written_by).map_err(|error| corrupt("a principal", error))?,
        note: row.note,
        written_at: from_column_time(row.written_at),
    })
}
