//! A connection to change the schema with: its limits are longer than those of payments, and it waits for nobody for
//! long.

use std::{
    fmt,
    fs::{File, TryLockError},
    future::Future,
    time::Duration,
};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement,
    sqlx::{self, PgConnection},
};
use tokio::time::Instant;

use crate::{Database, DatabaseUrl, SCHEMA_LOCK_TIME, StoreError, transaction::by, unavailable::waited_for_a_lock};

/// How long to wait while another process changes the schema.
const TURN_TIME: Duration = Duration::from_secs(120);
/// The pause between two looks for the turn.
const TURN_PAUSE: Duration = Duration::from_millis(100);
/// The number of the advisory lock of those that change the schema: "daegeum" in ASCII.
const TURN_LOCK: i64 = 0x64_6165_6765_756d;
/// What the name of the file ends with that those lock who change the schema of an SQLite file.
const TURN_FILE: &str = "-migrating";
/// How long all of a schema change may take.
const SCHEMA_TIME: Duration = Duration::from_secs(4 * 60 * 60);
/// The sessions of this database that hold a lock on a table, the oldest transaction first. A role without the right to
/// see others' sessions sees their numbers, users and names.
const HOLDERS: &str = "SELECT 'process ' || a.pid || ' (user ' || COALESCE(a.usename::text, 'unknown') || ', ' || \
    COALESCE(NULLIF(a.application_name, ''), 'without a name') || COALESCE(', at ' || host(a.client_addr), '') || \
    COALESCE(', in a transaction for ' || CAST(EXTRACT(EPOCH FROM now() - a.xact_start) AS BIGINT) || ' s', '') || ')' \
    AS holder FROM pg_stat_activity a \
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND EXISTS ( \
        SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = a.pid AND l.granted \
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
        AND c.relkind IN ('r', 'p') AND c.relnamespace <> 'pg_catalog'::regnamespace) \
    ORDER BY a.xact_start NULLS LAST LIMIT 5";

/// A connection to change the schema with.
pub struct SchemaConnection {
    database: Database,
    url: DatabaseUrl,
    /// Of several processes that change one schema at once, one does it and the others wait for their turn.
    _turn: Turn,
}

impl SchemaConnection {
    /// Opens a database to change its schema. Creates a missing SQLite file.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let of_file = Turn::of_file(url).await?;
        match Database::connect_to_migrate(url).await {
            Ok(database) => {
                let turn = match of_file {
                    Some(turn) => turn,
                    None => Turn::of_session(&database).await?,
                };
                Ok(Self { database, url: url.clone(), _turn: turn })
            }
            Err(StoreError::Database(error)) if waited_for_a_lock(&error) => Err(locked(sqlite_holder(url))),
            Err(error) => Err(error),
        }
    }

    /// The connection, for the changes.
    pub const fn connection(&self) -> &DatabaseConnection {
        self.database.connection()
    }

    /// Carries changes out. A lock that another process holds for longer than [`SCHEMA_LOCK_TIME`] ends them; the
    /// change that waited is not made.
    pub async fn carry_out<T>(&self, changes: impl Future<Output = Result<T, DbErr>>) -> Result<T, StoreError> {
        match by(Instant::now() + SCHEMA_TIME, changes).await {
            Err(error) if waited_for_a_lock(&error) => Err(locked(self.holders().await)),
            done => Ok(done?),
        }
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.database.close().await?)
    }

    /// The holders of locks, in words.
    async fn holders(&self) -> String {
        if self.url.is_sqlite() {
            return sqlite_holder(&self.url);
        }
        let question = Statement::from_string(DbBackend::Postgres, HOLDERS);
        let rows = self.database.statements().query_all_raw(question).await.unwrap_or_default();
        let holders: Vec<String> = rows.iter().filter_map(|row| row.try_get("", "holder").ok()).collect();
        if holders.is_empty() {
            return "it has let the lock go by now, or this user may not see it; look into pg_stat_activity".to_owned();
        }
        format!("look for {}; pg_stat_activity says what they do", holders.join(", "))
    }
}

/// The right to change the schema. It ends when it is dropped, or with its process.
enum Turn {
    /// A session of its own, which holds an advisory lock.
    Postgres { _session: Box<PgConnection> },
    /// A file beside the database. SQLite's own locks end with each transaction.
    Sqlite { _file: File },
    /// A database in memory belongs to one process.
    Alone,
}

impl Turn {
    /// The turn at an SQLite file, before it is opened; nothing for another database.
    async fn of_file(url: &DatabaseUrl) -> Result<Option<Self>, StoreError> {
        let Some(file) = url.sqlite_file() else { return Ok(url.is_sqlite().then_some(Self::Alone)) };
        let deadline = Instant::now() + TURN_TIME;
        let mut name = file.into_os_string();
        name.push(TURN_FILE);
        let io = |error| failed(sqlx::Error::Io(error));
        let file = File::options().create(true).append(true).open(name).map_err(io)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self::Sqlite { _file: file })),
                Err(TryLockError::WouldBlock) => wait_for_turn(deadline).await?,
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
    }

    /// The turn at PostgreSQL.
    async fn of_session(database: &Database) -> Result<Self, StoreError> {
        let deadline = Instant::now() + TURN_TIME;
        let pool = database.connection().get_postgres_connection_pool();
        let mut session = Box::new(pool.acquire().await.map_err(failed)?.detach());
        loop {
            let asked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(TURN_LOCK);
            if asked.fetch_one(&mut *session).await.map_err(failed)? {
                return Ok(Self::Postgres { _session: session });
            }
            wait_for_turn(deadline).await?;
        }
    }
}

async fn wait_for_turn(deadline: Instant) -> Result<(), StoreError> {
    if Instant::now() >= deadline {
        let holders = "look for another `daegeum migrate`".to_owned();
        return Err(StoreError::Locked { waited_s: TURN_TIME.as_secs(), holders });
    }
    tokio::time::sleep(TURN_PAUSE).await;
    Ok(())
}

fn failed(error: sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}

impl fmt::Debug for SchemaConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaConnection").field("url", &self.url).finish_non_exhaustive()
    }
}

/// SQLite does not say which process holds a file; the operating system does.
fn sqlite_holder(url: &DatabaseUrl) -> String {
    let file = url.sqlite_file().map(|file| file.display().to_string()).unwrap_or_default();
    format!("look for a process that has {file} open (`fuser {file}` names them), such as a worker or `sqlite3`")
}

fn locked(holders: String) -> StoreError {
    StoreError::Locked { waited_s: SCHEMA_LOCK_TIME.as_secs(), holders }
}
