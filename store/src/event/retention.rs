//! Retention: the oldest events go, and the floor says where the log begins.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::log_row::lock;
use crate::{
    Database, StoreError,
    convert::to_column_time,
    entities::{event_cursors, event_log, events},
    transaction::{Purpose, Transaction},
};

/// The most events that are removed in one transaction.
const MAX_CUT: u64 = 1_000;

/// How long events are kept after they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRetention(pub Duration);

/// Whether there may be more to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Done,
    More,
}

/// Removes the oldest events, at most [`MAX_CUT`], and raises the floor. A cursor that has not read them is named in
/// the log of the process.
pub(super) async fn cut(database: &Database, retention: EventRetention) -> Result<Cut, StoreError> {
    let transaction = database.statements().begin(Purpose::Write).await?;
    let Some(log) = lock(&transaction).await? else {
        transaction.rollback().await?;
        return Ok(Cut::Done);
    };
    let now = to_column_time(database.clock().time(&transaction).await?);
    let kept_since = TimeDelta::from_std(retention.0).ok().and_then(|kept| now.checked_sub_signed(kept));
    let Some((last, rows)) = last_to_go(&transaction, log.floor, kept_since).await? else {
        transaction.rollback().await?;
        return Ok(Cut::Done);
    };
    // The floor first: the database removes no event that is not below the floor.
    event_log::Entity::update_many()
        .col_expr(event_log::Column::Floor, Expr::value(last + 1))
        .filter(event_log::Column::Id.eq(log.id))
        .exec(&transaction)
        .await?;
    events::Entity::delete_many().filter(events::Column::Position.lte(last)).exec(&transaction).await?;
    let passed = event_cursors::Entity::find()
        .filter(event_cursors::Column::Position.gte(log.floor - 1))
        .filter(event_cursors::Column::Position.lt(last))
        .all(&transaction)
        .await?;
    transaction.commit().await?;
    for cursor in passed {
        tracing::error!(
            event_cursor = cursor.name,
            position = cursor.position,
            floor = last + 1,
            "events were removed that the cursor {} has not read; raise event_retention or mend its reader",
            cursor.name
        );
    }
    Ok(if rows == MAX_CUT { Cut::More } else { Cut::Done })
}

/// The last position that goes, and how many go: from the floor on, all before the first event that is young enough.
async fn last_to_go(
    transaction: &Transaction,
    floor: i64,
    kept_since: Option<DateTime<Utc>>,
) -> Result<Option<(i64, u64)>, StoreError> {
    let Some(kept_since) = kept_since else { return Ok(None) };
    let oldest: Vec<(i64, DateTime<Utc>)> = events::Entity::find()
        .select_only()
        .column(events::Column::Position)
        .column(events::Column::RecordedAt)
        .filter(events::Column::Position.gte(floor))
        .order_by_asc(events::Column::Position)
        .limit(MAX_CUT)
        .into_tuple()
        .all(transaction)
        .await?;
    let old = oldest.iter().take_while(|(_, recorded_at)| *recorded_at < kept_since);
    Ok(old.zip(1..).last().map(|((position, _), rows)| (*position, rows)))
}
