//! Appending: in the transaction of the fact, once.

use chrono::Utc;
use domain::event::Event;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    EntityTrait,
    sea_query::OnConflict,
};

use crate::{
    StoreError,
    convert::{to_column_revision, to_column_time},
    entities::events::{ActiveModel, Column, Entity},
    transaction::Transaction,
};

/// Appends a fact. The transaction has changed the object's row before. A fact that stands in the log already is left
/// as it is.
pub(crate) async fn append(transaction: &Transaction, event: Event) -> Result<(), StoreError> {
    append_all(transaction, vec![event]).await
}

/// Appends facts in their order, as [`append`] does.
pub(crate) async fn append_all(transaction: &Transaction, events: Vec<Event>) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let now = Utc::now();
    let row = |event: Event| {
        Ok(ActiveModel {
            append_id: NotSet,
            position: Set(None),
            event_type: Set(event.event_type.as_str().to_owned()),
            object_id: Set(event.object_id),
            version: Set(to_column_revision(event.version)?),
            occurred_at: Set(to_column_time(event.occurred_at)),
            recorded_at: Set(now),
            data: Set(event.data.as_str().to_owned()),
        })
    };
    let rows = events.into_iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    let key = [Column::ObjectId, Column::Version, Column::EventType];
    Entity::insert_many(rows)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    transaction.announces();
    Ok(())
}
