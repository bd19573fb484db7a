//! Reading the log by positions.

use chrono::{DateTime, Utc};
use domain::{
    Timestamp,
    event::{self, EventType},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, JoinType, Order, Query},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_revision, from_column_time},
    entities::{event_log, events},
};

/// The most events in one answer.
pub const MAX_EVENTS: u64 = 500;
/// How many positions one answer goes through at most: a type that is rare is looked for a part of the log at a time.
const MAX_LOOKED_THROUGH: u64 = 20_000;

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// Behind which position; from the oldest kept on where there is none.
    pub after: Option<u64>,
    /// The most events, up to [`MAX_EVENTS`].
    pub limit: u64,
    /// Of these types; of every type where there is none.
    pub types: Vec<EventType>,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its position: positions have no gap.
    pub position: u64,
    /// Its id, the same for the same fact.
    pub id: String,
    /// What it tells.
    pub event_type: EventType,
    /// The object that it is about.
    pub object_id: String,
    /// The object's version.
    pub version: u32,
    /// When the fact happened.
    pub occurred_at: Timestamp,
    /// When it was written.
    pub recorded_at: Timestamp,
    /// The object as it was then, as compact JSON.
    pub data: String,
}

/// Where the log begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLogState {
    /// The name of this log: another database has another one.
    pub log_id: String,
    /// The last position that was given; 0 where none was.
    pub last_position: u64,
    /// The oldest position that is kept, or will be.
    pub floor: u64,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events, positions ascending.
    pub events: Vec<EventRecord>,
    /// Behind which position the next part begins. It lies beyond the last event where the positions between were
    /// looked through and are of other types.
    pub next_after: u64,
    /// Whether there is something behind it now.
    pub has_more: bool,
    /// The log as it was at that moment.
    pub log: EventLogState,
}

/// What came of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsRead {
    /// The events.
    Page(EventPage),
    /// What comes after that position is not kept any more.
    Expired(EventLogState),
    /// The log does not reach to that position: the position is of another log, or of a copy that was further on.
    Unknown(EventLogState),
}

/// Facts that have no position yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsequenced {
    /// How many.
    pub facts: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
}

/// What somebody should watch of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventFigures {
    /// Facts that have no position yet.
    pub unsequenced: Unsequenced,
    /// The last position that was given.
    pub last_position: u64,
    /// The oldest position that is kept.
    pub floor: u64,
    /// How many cursors have not read what retention has removed.
    pub passed_cursors: u64,
    /// How many positions the slowest cursor lies behind the end.
    pub slowest_cursor_lag: u64,
}

/// A row of the one statement: the log's own row, and an event if there is one.
#[derive(Debug, FromQueryResult)]
struct Row {
    log_id: String,
    last_position: i64,
    floor: i64,
    position: Option<i64>,
    event_type: Option<String>,
    object_id: Option<String>,
    version: Option<i32>,
    occurred_at: Option<DateTime<Utc>>,
    recorded_at: Option<DateTime<Utc>>,
    data: Option<String>,
}

impl Reader {
    /// Where the log begins and ends.
    pub async fn event_log(&self) -> Result<EventLogState, StoreError> {
        let row = event_log::Entity::find().one(self.connection()).await?;
        let row = row.ok_or_else(|| corrupt("no row in event_log", 0))?;
        state(row.log_id, row.last_position, row.floor)
    }

    /// The events behind a position. The log's ends and the events are read in one statement: what retention removes
    /// meanwhile cannot be missed in silence.
    pub async fn events_after(&self, query: &EventQuery) -> Result<EventsRead, StoreError> {
        let after = match query.after {
            Some(after) => after,
            None => self.event_log().await?.floor.saturating_sub(1),
        };
        let limit = query.limit.clamp(1, MAX_EVENTS);
        let until = after.saturating_add(MAX_LOOKED_THROUGH);
        let connection = self.connection();
        let statement =
            connection.get_database_backend().build(&statement(query, Positions { after, until }, limit + 1));
        let mut rows = Row::find_by_statement(statement).all(connection).await?;
        let first = rows.first().ok_or_else(|| corrupt("no row in event_log", 0))?;
        let log = state(first.log_id.clone(), first.last_position, first.floor)?;
        if after > log.last_position {
            return Ok(EventsRead::Unknown(log));
        }
        if after.saturating_add(1) < log.floor {
            // Retention came between the two statements of a reader that named no position.
            return if query.after.is_some() {
                Ok(EventsRead::Expired(log))
            } else {
                self.events_since_floor(query, log).await
            };
        }
        rows.retain(|row| row.position.is_some());
        let is_full = rows.len() as u64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let events = rows.into_iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let looked_through = until.min(log.last_position);
        let next_after = match events.last() {
            Some(last) if is_full => last.position,
            _ => looked_through,
        };
        let has_more = next_after < log.last_position;
        Ok(EventsRead::Page(EventPage { events, next_after, has_more, log }))
    }

    async fn events_since_floor(&self, query: &EventQuery, log: EventLogState) -> Result<EventsRead, StoreError> {
        let query = EventQuery { after: Some(log.floor - 1), ..query.clone() };
        Box::pin(self.events_after(&query)).await
    }

    /// The events about objects, those with a position first and in their order.
    pub async fn events_of(&self, objects: &[String], limit: u64) -> Result<Vec<EventRecord>, StoreError> {
        let rows = events::Entity::find()
            .filter(events::Column::ObjectId.is_in(objects))
            .filter(events::Column::Position.is_not_null())
            .order_by_asc(events::Column::Position)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record_of_row).collect()
    }

    /// What somebody should watch of the log.
    pub async fn event_figures(&self) -> Result<EventFigures, StoreError> {
        let cursors = self.event_cursors().await?;
        let EventLogState { last_position, floor, .. } = self.event_log().await?;
        let passed = cursors.iter().filter(|cursor| cursor.position.saturating_add(1) < floor).count();
        let slowest = cursors.iter().map(|cursor| cursor.position).min();
        Ok(EventFigures {
            unsequenced: self.unsequenced().await?,
            last_position,
            floor,
            passed_cursors: passed as u64,
            slowest_cursor_lag: slowest.map_or(0, |position| last_position.saturating_sub(position)),
        })
    }

    /// Facts that wait for the sequencer.
    pub async fn unsequenced(&self) -> Result<Unsequenced, StoreError> {
        let waiting = events::Entity::find().filter(events::Column::Position.is_null());
        let oldest: Option<DateTime<Utc>> = waiting
            .clone()
            .select_only()
            .column(events::Column::RecordedAt)
            .order_by_asc(events::Column::AppendId)
            .into_tuple()
            .one(self.connection())
            .await?;
        let facts = waiting.count(self.connection()).await?;
        Ok(Unsequenced { facts, oldest: oldest.map(from_column_time) })
    }
}

/// The positions that one statement looks through.
#[derive(Debug, Clone, Copy)]
struct Positions {
    after: u64,
    /// The last position.
    until: u64,
}

fn statement(query: &EventQuery, positions: Positions, rows: u64) -> sea_orm::sea_query::SelectStatement {
    let event = Alias::new("event");
    let mut wanted = Query::select();
    wanted
        .column(events::Column::Position)
        .expr_as(Expr::col(events::Column::EventType), "event_type")
        .columns([
            events::Column::ObjectId,
            events::Column::Version,
            events::Column::OccurredAt,
            events::Column::RecordedAt,
            events::Column::Data,
        ])
        .from(events::Entity)
        .and_where(events::Column::Position.gt(to_column_position(positions.after)))
        .and_where(events::Column::Position.lte(to_column_position(positions.until)))
        .order_by(events::Column::Position, Order::Asc)
        .limit(rows);
    if !query.types.is_empty() {
        wanted.and_where(events::Column::EventType.is_in(query.types.iter().map(|wanted| wanted.as_str())));
    }
    let of_event = ["position", "event_type", "object_id", "version", "occurred_at", "recorded_at", "data"];
    Query::select()
        .columns([event_log::Column::LogId, event_log::Column::LastPosition, event_log::Column::Floor])
        .columns(of_event.map(|column| (event.clone(), Alias::new(column))))
        .from(event_log::Entity)
        .join_subquery(JoinType::LeftJoin, wanted, event.clone(), Expr::cust("1 = 1"))
        .order_by((event, Alias::new("position")), Order::Asc)
        .to_owned()
}

fn state(log_id: String, last_position: i64, floor: i64) -> Result<EventLogState, StoreError> {
    let (last_position, floor) = (from_column_position(last_position)?, from_column_position(floor)?);
    Ok(EventLogState { log_id, last_position, floor })
}

fn record(row: Row) -> Result<EventRecord, StoreError> {
    let missing = || corrupt("an event without", "a column");
    let event_type = row.event_type.ok_or_else(missing)?;
    let event_type = EventType::parse(&event_type).ok_or_else(|| corrupt("a type of event", event_type))?;
    let object_id = row.object_id.ok_or_else(missing)?;
    let version = from_column_revision(row.version.ok_or_else(missing)?)?;
    Ok(EventRecord {
        position: from_column_position(row.position.ok_or_else(missing)?)?,
        id: event::id(event_type, &object_id, version),
        event_type,
        object_id,
        version,
        occurred_at: from_column_time(row.occurred_at.ok_or_else(missing)?),
        recorded_at: from_column_time(row.recorded_at.ok_or_else(missing)?),
        data: row.data.ok_or_else(missing)?,
    })
}

fn record_of_row(row: events::Model) -> Result<EventRecord, StoreError> {
    let event_type = EventType::parse(&row.event_type).ok_or_else(|| corrupt("a type of event", &row.event_type))?;
    let version = from_column_revision(row.version)?;
    Ok(EventRecord {
        position: row.position.map_or(Ok(0), from_column_position)?,
        id: event::id(event_type, &row.object_id, version),
        event_type,
        object_id: row.object_id,
        version,
        occurred_at: from_column_time(row.occurred_at),
        recorded_at: from_column_time(row.recorded_at),
        data: row.data,
    })
}

pub(super) fn from_column_position(position: i64) -> Result<u64, StoreError> {
    u64::try_from(position).map_err(|_| corrupt("a position", position))
}

/// A position to compare with: there is none beyond what the column holds.
pub(super) fn to_column_position(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
