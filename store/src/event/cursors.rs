//! Cursors of those whom daegeum itself serves: how far each has read, and which process reads for it.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use super::read::{from_column_position, to_column_position};
use crate::{
    Journal, Reader, StoreError, Writer,
    convert::{corrupt, from_column_time, to_column_time},
    entities::{event_cursors, event_log},
    transaction::Transaction,
};

/// How far a reader has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor {
    /// The reader.
    pub name: String,
    /// The last position that it has done with.
    pub position: u64,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// Until when a process has it on lease; `None` where no process ever had, or the last one gave it back.
    pub held_until: Option<Timestamp>,
}

/// A cursor on lease. The number of the holder fences off the holders before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCursor {
    name: String,
    holder: i64,
    position: u64,
}

impl HeldCursor {
    /// The last position that the reader has done with.
    pub const fn position(&self) -> u64 {
        self.position
    }
}

impl Journal {
    /// Begins a cursor behind a position, or sets it there: forward or back. A process that holds the cursor loses it.
    pub async fn set_event_cursor(&self, name: &str, position: u64) -> Result<(), StoreError> {
        let row = event_cursors::ActiveModel {
            name: Set(name.to_owned()),
            position: Set(to_column_position(position)),
            updated_at: Set(Utc::now()),
            ..Default::default()
        };
        let next_holder = Expr::col((event_cursors::Entity, event_cursors::Column::Holder)).add(1);
        event_cursors::Entity::insert(row)
            .on_conflict(
                OnConflict::column(event_cursors::Column::Name)
                    .update_columns([event_cursors::Column::Position, event_cursors::Column::UpdatedAt])
                    .value(event_cursors::Column::Holder, next_holder)
                    .value(event_cursors::Column::HeldUntil, Option::<chrono::DateTime<Utc>>::None)
                    .to_owned(),
            )
            .exec_without_returning(self.connection())
            .await?;
        Ok(())
    }

    /// Ends a cursor: retention heeds it no more. Answers whether there was one.
    pub async fn remove_event_cursor(&self, name: &str) -> Result<bool, StoreError> {
        let removed = event_cursors::Entity::delete_by_id(name).exec(self.connection()).await?;
        Ok(removed.rows_affected == 1)
    }
}

impl Writer {
    /// Takes a cursor on lease, unless another process has it. A cursor that is not there begins before the oldest
    /// event kept.
    pub async fn take_event_cursor(&self, name: &str, lease: Duration) -> Result<Option<HeldCursor>, StoreError> {
        let transaction = self.begin().await?;
        let now = to_column_time(self.database().clock().time(&transaction).await?);
        begin_cursor(&transaction, name).await?;
        let is_free = Condition::any()
            .add(event_cursors::Column::HeldUntil.is_null())
            .add(event_cursors::Column::HeldUntil.lt(now));
        let taken = event_cursors::Entity::update_many()
            .col_expr(event_cursors::Column::Holder, Expr::col(event_cursors::Column::Holder).add(1))
            .col_expr(event_cursors::Column::HeldUntil, Expr::value(now + time_delta(lease)))
            .filter(event_cursors::Column::Name.eq(name))
            .filter(is_free)
            .exec(&transaction)
            .await?;
        let row = event_cursors::Entity::find_by_id(name).one(&transaction).await?;
        transaction.commit().await?;
        let Some(row) = row.filter(|_| taken.rows_affected == 1) else { return Ok(None) };
        let position = from_column_position(row.position)?;
        Ok(Some(HeldCursor { name: row.name, holder: row.holder, position }))
    }

    /// Moves a cursor forward, or leaves it where it is, and renews the lease. `None` says that another process has the
    /// cursor, or that somebody set it elsewhere: nothing is written then.
    pub async fn advance_event_cursor(
        &self,
        cursor: HeldCursor,
        to: u64,
        lease: Duration,
    ) -> Result<Option<HeldCursor>, StoreError> {
        let transaction = self.begin().await?;
        let now = to_column_time(self.database().clock().time(&transaction).await?);
        let mut update = event_cursors::Entity::update_many()
            .col_expr(event_cursors::Column::HeldUntil, Expr::value(now + time_delta(lease)))
            .filter(event_cursors::Column::Name.eq(cursor.name.as_str()))
            .filter(event_cursors::Column::Holder.eq(cursor.holder))
            .filter(event_cursors::Column::Position.eq(to_column_position(cursor.position)));
        if to != cursor.position {
            update = update
                .col_expr(event_cursors::Column::Position, Expr::value(to_column_position(to)))
                .col_expr(event_cursors::Column::UpdatedAt, Expr::value(now));
        }
        let moved = update.exec(&transaction).await?;
        transaction.commit().await?;
        Ok((moved.rows_affected == 1).then_some(HeldCursor { position: to, ..cursor }))
    }

    /// Gives a cursor back, so that another process may take it at once.
    pub async fn release_event_cursor(&self, cursor: HeldCursor) -> Result<(), StoreError> {
        event_cursors::Entity::update_many()
            .col_expr(event_cursors::Column::HeldUntil, Expr::value(Option::<chrono::DateTime<Utc>>::None))
            .filter(event_cursors::Column::Name.eq(cursor.name))
            .filter(event_cursors::Column::Holder.eq(cursor.holder))
            .exec(self.connection())
            .await?;
        Ok(())
    }
}

/// Makes the row of a cursor where there is none. Two processes that do so at once make one row.
async fn begin_cursor(transaction: &Transaction, name: &str) -> Result<(), StoreError> {
    if event_cursors::Entity::find_by_id(name).one(transaction).await?.is_some() {
        return Ok(());
    }
    let log = event_log::Entity::find().one(transaction).await?.ok_or_else(|| corrupt("no row in event_log", 0))?;
    let row = event_cursors::ActiveModel {
        name: Set(name.to_owned()),
        position: Set(log.floor - 1),
        updated_at: Set(Utc::now()),
        ..Default::default()
    };
    let name = event_cursors::Column::Name;
    event_cursors::Entity::insert(row)
        .on_conflict(OnConflict::column(name).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// A lease in the database's terms. The longest there is stands for one that is longer.
fn time_delta(lease: Duration) -> TimeDelta {
    TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX)
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
        held_until: row.held_until.map(from_column_time),
    })
}
