//! Saved cards in events: no buyer, no number and no key.

use domain::{
    Timestamp,
    event::{BEGAN, ENDED, Event, EventType},
};
use serde::Serialize;

use crate::{
    StoreError,
    entities::saved_cards::Model,
    event::{
        append,
        data::{clipped, data_of, rfc3339},
    },
    transaction::Transaction,
};

#[derive(Debug, Serialize)]
struct SavedCard {
    saved_card_id: String,
    status: String,
    issuer: Option<String>,
    registered_at: Option<String>,
    deleted_at: Option<String>,
    deleted_by: Option<String>,
}

/// Appends what a change of a saved card tells. The row is changed already.
pub(crate) async fn append_saved_card(
    transaction: &Transaction,
    row: &Model,
    event_type: EventType,
    at: Timestamp,
) -> Result<(), StoreError> {
    let data = SavedCard {
        saved_card_id: row.saved_card_id.clone(),
        status: row.status.clone(),
        issuer: row.issuer.as_deref().map(clipped),
        registered_at: row.registered_at.map(rfc3339),
        deleted_at: row.deleted_at.map(rfc3339),
        deleted_by: row.deleted_by.clone(),
    };
    let event = Event {
        event_type,
        object_id: row.saved_card_id.clone(),
        version: if row.deleted_at.is_some() { ENDED } else { BEGAN },
        occurred_at: at,
        data: data_of(&data)?,
    };
    append(transaction, event).await
}
