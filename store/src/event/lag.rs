//! How far the slowest reader is behind, written down so that people see how it went.
//!
//! Every process with a sequencer measures once a minute. An hour has one row, which keeps the worst that any process
//! measured; an hour in which no process measured has none.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, CaseStatement, Expr, ExprTrait as _, OnConflict},
};

use super::read::from_column_position;
use crate::{
    Database, Reader, StoreError,
    convert::{corrupt, from_column_time, to_column_sequence, to_column_time},
    entities::{event_cursors, event_lag, event_log, events},
};

/// How often the lag is measured.
pub(super) const MEASURE_PAUSE: Duration = Duration::from_secs(60);
/// How long measurements are kept, in milliseconds: fifteen days.
const LAG_KEPT_MS: u64 = 15 * 24 * HOUR_MS;
/// An hour, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// How far the slowest reader was behind, at its worst in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLag {
    /// When the hour began.
    pub hour: Timestamp,
    /// The most events that the slowest reader had not read.
    pub events: u64,
    /// The longest time, in milliseconds, that an event had waited for a position or for the slowest reader.
    pub age_ms: u64,
}

/// Measures, and keeps the worst of the hour.
pub(super) async fn measure(database: &Database) -> Result<(), StoreError> {
    let statements = database.statements();
    let now = database.clock().time(statements).await?;
    let lag = lag_now(statements, now).await?;
    keep(statements, lag).await?;
    event_lag::Entity::delete_many()
        .filter(event_lag::Column::Hour.lt(to_column_time(now.minus_ms(LAG_KEPT_MS))))
        .exec(statements)
        .await?;
    Ok(())
}

async fn lag_now(connection: &impl ConnectionTrait, now: Timestamp) -> Result<EventLag, StoreError> {
    // The end is read before the cursors: what a reader reads in between makes the lag no larger.
    let log = event_log::Entity::find().one(connection).await?.ok_or_else(|| corrupt("no row in event_log", 0))?;
    let slowest: Option<i64> = event_cursors::Entity::find()
        .select_only()
        .column_as(event_cursors::Column::Position.min(), "slowest")
        .into_tuple::<Option<i64>>()
        .one(connection)
        .await?
        .flatten();
    let unread = match slowest.filter(|slowest| *slowest < log.last_position) {
        Some(slowest) => oldest(connection, events::Column::Position, Some(slowest)).await?,
        None => None,
    };
    let without_position = oldest(connection, events::Column::AppendId, None).await?;
    let age_ms = [unread, without_position].into_iter().flatten().map(|at| now.ms_since(from_column_time(at))).max();
    let slowest = slowest.map(from_column_position).transpose()?;
    let end = from_column_position(log.last_position)?;
    Ok(EventLag {
        hour: hour_of(now),
        events: slowest.map_or(0, |slowest| end.saturating_sub(slowest)),
        age_ms: age_ms.unwrap_or(0),
    })
}

/// When the first event behind a position was written, or the first without a position.
async fn oldest(
    connection: &impl ConnectionTrait,
    order: events::Column,
    behind: Option<i64>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let wanted = match behind {
        Some(position) => events::Column::Position.gt(position),
        None => events::Column::Position.is_null(),
    };
    Ok(events::Entity::find()
        .select_only()
        .column(events::Column::RecordedAt)
        .filter(wanted)
        .order_by_asc(order)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?)
}

fn hour_of(at: Timestamp) -> Timestamp {
    let into_the_hour = at.epoch_ms().unsigned_abs() % HOUR_MS;
    at.minus_ms(into_the_hour)
}

async fn keep(connection: &impl ConnectionTrait, lag: EventLag) -> Result<(), StoreError> {
    use event_lag::{Column, Entity};
    let worse = |column: Column| {
        let (kept, new) = (Expr::col((Entity, column)), Expr::col((Alias::new("excluded"), column)));
        CaseStatement::new().case(new.clone().gt(kept.clone()), new).finally(kept)
    };
    let row = event_lag::ActiveModel {
        hour: Set(to_column_time(lag.hour)),
        events: Set(to_column_sequence(lag.events)),
        age_ms: Set(to_column_sequence(lag.age_ms)),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::Hour)
                .value(Column::Events, worse(Column::Events))
                .value(Column::AgeMs, worse(Column::AgeMs))
                .to_owned(),
        )
        .exec_without_returning(connection)
        .await?;
    Ok(())
}

impl Reader {
    /// The lag of each hour from one on, the oldest first. An hour in which no process measured is not there.
    pub async fn event_lags(&self, from: Timestamp) -> Result<Vec<EventLag>, StoreError> {
        let rows = event_lag::Entity::find()
            .filter(event_lag::Column::Hour.gte(to_column_time(from)))
            .order_by_asc(event_lag::Column::Hour)
            .all(self.connection())
            .await?;
        let lag = |row: event_lag::Model| {
            Ok(EventLag {
                hour: from_column_time(row.hour),
                events: u64::try_from(row.events).map_err(|_| corrupt("a number of events", row.events))?,
                age_ms: u64::try_from(row.age_ms).map_err(|_| corrupt("an age", row.age_ms))?,
            })
        };
        rows.into_iter().map(lag).collect()
    }
}
