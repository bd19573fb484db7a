//! The sequencer: gives positions to facts that are committed.
//!
//! One transaction numbers at a time: the transaction locks the only row of `event_log`, which holds the last position.
//! So what is locked is what changes, a process that dies lets the lock go with its connection, and any number of
//! processes may run a sequencer: one that finds the row locked asks again soon. A unique key of positions refuses a
//! second numbering.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, sea_query::Expr};

use super::{
    lag,
    log_row::{LOG, lock},
    read::from_column_position,
    retention::{self, EventRetention},
};
use crate::{
    Database, StoreError, Watch, Writer,
    convert::corrupt,
    entities::event_log,
    transaction::{Purpose, Transaction},
};

/// The most facts that are numbered in one transaction.
const MAX_BATCH: u64 = 1_000;
/// How long facts of this process are gathered before they are numbered together. Each numbering is a transaction with
/// a flush to the disk, so a longer wait costs the payments less.
const GATHER_TIME: Duration = Duration::from_millis(50);
/// How often facts of other processes are looked for.
const IDLE_PAUSE: Duration = Duration::from_millis(200);
/// When to ask again where another process is numbering.
const LOCKED_PAUSE: Duration = Duration::from_millis(20);
/// When to try again after an error.
const ERROR_PAUSE: Duration = Duration::from_secs(1);
/// How often events are looked for that are too old to keep.
const RETENTION_PAUSE: Duration = Duration::from_secs(60);
/// How long a round may take, or be overdue, before the sequencer counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives positions, and removes what is too old to keep.
#[derive(Debug)]
pub struct Sequencer {
    database: Database,
    retention: EventRetention,
    watch: Watch,
}

/// What came of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    /// Another process is numbering.
    Locked,
    /// The facts that were numbered, and the end of the log.
    Numbered { facts: u64, end: u64 },
}

impl Writer {
    /// The sequencer of this process. It wakes at once for what this writer, its clones and its journals append.
    pub fn sequencer(&self, retention: EventRetention) -> Sequencer {
        let watch = Watch::new("sequencer", PATIENCE);
        Sequencer { database: self.database().clone(), retention, watch }
    }
}

impl Sequencer {
    /// How the sequencer goes on.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Runs until `stop` is ready, and then numbers what is left. What goes wrong is logged and tried again after a
    /// pause.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let (mut cut_at, mut measured_at): (Option<Instant>, Option<Instant>) = (None, None);
        loop {
            self.watch.works_since(Instant::now());
            if measured_at.is_none_or(|at| at.elapsed() >= lag::MEASURE_PAUSE) {
                self.measure_once().await;
                measured_at = Some(Instant::now());
            }
            let mut pause = self.look_once().await;
            if pause == IDLE_PAUSE && cut_at.is_none_or(|at| at.elapsed() >= RETENTION_PAUSE) {
                match self.cut_once().await {
                    retention::Cut::Done => cut_at = Some(Instant::now()),
                    retention::Cut::More => pause = Duration::ZERO,
                }
            }
            self.watch.rests_for(pause);
            let appended = &self.database.signals().appended;
            tokio::select! {
                () = &mut stop => {
                    while self.look_once().await.is_zero() {}
                    return;
                }
                () = tokio::time::sleep(pause) => {}
                () = appended.notified(), if pause == IDLE_PAUSE => tokio::time::sleep(GATHER_TIME).await,
            }
        }
    }

    /// Numbers what waits, and says when to look again.
    async fn look_once(&self) -> Duration {
        match number(&self.database).await {
            Ok(Looked::Locked) => LOCKED_PAUSE,
            Ok(Looked::Numbered { facts, end }) => {
                self.watch.got_on();
                self.database.signals().ends_at(end);
                if facts == MAX_BATCH { Duration::ZERO } else { IDLE_PAUSE }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "could not give positions to events");
                ERROR_PAUSE
            }
        }
    }

    /// Writes down how far the slowest reader is behind. After an error, the minute has no measurement.
    async fn measure_once(&self) {
        if let Err(error) = lag::measure(&self.database).await {
            tracing::error!(error = &error as &dyn std::error::Error, "could not measure how far readers are behind");
        }
    }

    /// Removes what is too old. An error is logged, and the next round is as far away as after a success.
    async fn cut_once(&self) -> retention::Cut {
        retention::cut(&self.database, self.retention).await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "could not remove events that are too old");
            retention::Cut::Done
        })
    }
}

/// Numbers at most [`MAX_BATCH`] facts. It locks nothing where nothing waits.
async fn number(database: &Database) -> Result<Looked, StoreError> {
    let (end, waits) = peek(database).await?;
    if !waits {
        return Ok(Looked::Numbered { facts: 0, end });
    }
    let transaction = database.statements().begin(Purpose::Write).await?;
    let Some(log) = lock(&transaction).await? else {
        transaction.rollback().await?;
        return Ok(Looked::Locked);
    };
    let facts = give_positions(&transaction, log.last_position).await?;
    let end = log.last_position + i64::try_from(facts).map_err(|_| corrupt("a number of events", facts))?;
    if facts == 0 {
        transaction.rollback().await?;
    } else {
        move_end(&transaction, log.last_position, end).await?;
        transaction.commit().await?;
    }
    Ok(Looked::Numbered { facts, end: from_column_position(end)? })
}

/// Where the log ends, and whether a fact waits.
async fn peek(database: &Database) -> Result<(u64, bool), StoreError> {
    const QUESTION: &str = "SELECT last_position, (SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE position IS NULL \
                            LIMIT 1) AS first) AS waiting FROM event_log";
    let statements = database.statements();
    let question = Statement::from_string(statements.backend(), QUESTION);
    let row = statements.query_one_raw(question).await?.ok_or_else(|| corrupt("no row in event_log", 0))?;
    let waiting: i64 = row.try_get("", "waiting")?;
    Ok((from_column_position(row.try_get("", "last_position")?)?, waiting > 0))
}

/// Gives the next positions to the first facts that are committed and have none.
async fn give_positions(transaction: &Transaction, last: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "UPDATE events SET position = numbered.position FROM ( \
           SELECT append_id, {last} + ROW_NUMBER() OVER (ORDER BY append_id) AS position \
           FROM (SELECT append_id FROM events WHERE position IS NULL ORDER BY append_id LIMIT {MAX_BATCH}) AS waiting \
         ) AS numbered WHERE events.append_id = numbered.append_id"
    );
    let statement = Statement::from_string(transaction.get_database_backend(), sql);
    Ok(transaction.execute_raw(statement).await?.rows_affected())
}

async fn move_end(transaction: &Transaction, last: i64, end: i64) -> Result<(), StoreError> {
    let moved = event_log::Entity::update_many()
        .col_expr(event_log::Column::LastPosition, Expr::value(end))
        .filter(event_log::Column::Id.eq(LOG))
        .filter(event_log::Column::LastPosition.eq(last))
        .exec(transaction)
        .await?;
    if moved.rows_affected == 1 { Ok(()) } else { Err(corrupt("an end of the event log", last)) }
}
