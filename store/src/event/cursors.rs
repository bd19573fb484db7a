//! Cursors of those whom daegeum itself serves: how far each has read.

use chrono::Utc;
use domain::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr, sea_query::OnConflict,
};

use super::read::{from_column_position, to_column_position};
use crate::{Journal, Reader, StoreError, Writer, convert::from_column_time, entities::event_cursors};

/// How far a reader has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor {
    /// The reader.
    pub name: String,
    /// The last position that it has done with.
    pub position: u64,
    /// When it last moved.
    pub updated_at: Timestamp,
}

impl Journal {
    /// Begins a cursor behind a position, or sets it there: forward or back.
    pub async fn set_event_cursor(&self, name: &str, position: u64) -> Result<(), StoreError> {
        let row = event_cursors::ActiveModel {
            name: Set(name.to_owned()),
            position: Set(to_column_position(position)),
            updated_at: Set(Utc::now()),
        };
        event_cursors::Entity::insert(row)
            .on_conflict(
                OnConflict::column(event_cursors::Column::Name)
                    .update_columns([event_cursors::Column::Position, event_cursors::Column::UpdatedAt])
                    .to_owned(),
            )
            .exec_without_returning(self.connection())
            .await?;
        Ok(())
    }

    /// Ends a cursor: retention heeds it no more.
    pub async fn remove_event_cursor(&self, name: &str) -> Result<(), StoreError> {
        event_cursors::Entity::delete_by_id(name).exec(self.connection()).await?;
        Ok(())
    }
}

impl Writer {
    /// Moves a cursor forward from where it was read. Answers whether it stood there: two that move one cursor at once
    /// do not both succeed.
    pub async fn advance_event_cursor(&self, name: &str, from: u64, to: u64) -> Result<bool, StoreError> {
        let moved = event_cursors::Entity::update_many()
            .col_expr(event_cursors::Column::Position, Expr::value(to_column_position(to)))
            .col_expr(event_cursors::Column::UpdatedAt, Expr::value(Utc::now()))
            .filter(event_cursors::Column::Name.eq(name))
            .filter(event_cursors::Column::Position.eq(to_column_position(from)))
            .exec(self.connection())
            .await?;
        Ok(moved.rows_affected == 1)
    }
}

impl Reader {
    /// A cursor.
    pub async fn event_cursor(&self, name: &str) -> Result<Option<EventCursor>, StoreError> {
        event_cursors::Entity::find_by_id(name).one(self.connection()).await?.map(cursor).transpose()
    }

    /// Every cursor, by name.
    pub async fn event_cursors(&self) -> Result<Vec<EventCursor>, StoreError> {
        let rows =
            event_cursors::Entity::find().order_by_asc(event_cursors::Column::Name).all(self.connection()).await?;
        rows.into_iter().map(cursor).collect()
    }
}

fn cursor(row: event_cursors::Model) -> Result<EventCursor, StoreError> {
    Ok(EventCursor {
        name: row.name,
        position: from_column_position(row.position)?,
        updated_at: from_column_time(row.updated_at),
    })
}
