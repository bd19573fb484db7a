//! Connections: one set of limits for both databases.

use std::{fmt, future::Future, str::FromStr, time::Duration};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DbBackend, DbErr, RuntimeErr,
    sqlx::{
        self, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Postgres, Sqlite, pool::PoolOptions,
        postgres::PgConnectOptions,
    },
};
use tokio::time::Instant;

use crate::{
    Clock, StoreError,
    event::Signals,
    transaction::{ANSWER_TIME, Distrust, Statements, by},
};

/// The most connections of a reader, and of a writer to PostgreSQL, unless they are set. SQLite has one writer at a
/// time, so its writer has one.
pub const DEFAULT_CONNECTIONS: u32 = 8;
/// How long to wait for a connection.
const ACQUIRE_TIME: Duration = Duration::from_secs(5);
/// How long PostgreSQL may take to answer for the first time.
const FIRST_ANSWER_TIME: Duration = Duration::from_secs(3);
/// How long SQLite waits for another writer to finish.
const BUSY_TIME: Duration = Duration::from_secs(5);
/// How long a transaction may stand still on PostgreSQL: a process that froze in the middle of one would hold the
/// end of the hash chain, and with it every booking of every process.
const IDLE_TIME_MS: u32 = 10_000;
/// How long one statement may take on PostgreSQL.
const STATEMENT_TIME: Duration = Duration::from_secs(10);
/// How long a connection that comes back, or is about to be used again, may take to answer.
const PING_TIME: Duration = Duration::from_secs(2);
/// How long to wait for running statements when the database is closed.
const CLOSE_TIME: Duration = Duration::from_secs(5);
/// How PostgreSQL finds out that this process is gone without a word, and lets its locks go: after so many seconds of
/// silence it asks, so often, and it waits no longer than this for what it sent to arrive.
const SERVER_KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];
/// How long a change of the schema waits for a lock that another process holds.
pub const SCHEMA_LOCK_TIME: Duration = Duration::from_secs(10);
/// How long to wait for a connection that may itself have to wait for a lock.
const SCHEMA_ACQUIRE_TIME: Duration = Duration::from_secs(15);
/// How long one statement of a schema change may take: it may rewrite a table.
const SCHEMA_STATEMENT_TIME: Duration = Duration::from_secs(60 * 60);
/// Why a pooler that gives out servers by the transaction is refused.
const TRANSACTION_POOLER: &str = concat!(
    "a pooler between here and PostgreSQL gives out servers by the transaction, and loses prepared statements, ",
    "deadlines and locks of a session; set it to session mode (PgBouncer: pool_mode = session), or name PostgreSQL ",
    "itself"
);
/// Succeeds only outside of a transaction, and changes nothing.
const OUTSIDE_A_TRANSACTION: &str = "BEGIN; ROLLBACK";

/// Where the database is: `sqlite://path` or `postgres://user:password@host/name`. Never printed with its
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    /// The most connections of a reader, and of a writer to PostgreSQL.
    connections: u32,
}

/// A text that is no address of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a database address starts with sqlite:// or postgres://")]
pub struct DatabaseUrlError;

impl DatabaseUrl {
    const fn new(text: String) -> Self {
        Self { text, connections: DEFAULT_CONNECTIONS }
    }

    /// The same address, to which a reader and a writer open at most so many connections each.
    #[must_use]
    pub fn with_connections(self, connections: u32) -> Self {
        Self { connections, ..self }
    }

    /// The SQLite database in a file, which is created when it is missing.
    pub fn of_file(path: &std::path::Path) -> Self {
        Self::new(format!("sqlite://{}", path.display()))
    }

    /// The file of an SQLite database; nothing for one in memory, and for another database.
    pub fn sqlite_file(&self) -> Option<std::path::PathBuf> {
        let rest = self.text.strip_prefix("sqlite://")?;
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let in_memory = path.is_empty() || path == ":memory:" || options.contains("mode=memory");
        (!in_memory).then(|| path.into())
    }

    /// Whether it is SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.text.starts_with("sqlite:")
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        let known = ["sqlite://", "postgres://", "postgresql://"];
        if known.iter().any(|scheme| text.starts_with(scheme)) {
            Ok(Self::new(text.to_owned()))
        } else {
            Err(DatabaseUrlError)
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.text.split_once("://") else { return f.write_str("database") };
        if let Some(file) = self.sqlite_file() {
            return write!(f, "{scheme}://{}", file.display());
        }
        // A parameter may be a password.
        let rest =
            rest.split_once('?').filter(|(_, query)| begins_with_parameter(query)).map_or(rest, |(rest, _)| rest);
        // A password may hold any of the signs that end it, so all up to the last @ is taken for credentials.
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((_, place)) => ("…@", place),
            None => ("", rest),
        };
        let place = place.split(['?', '#']).next().unwrap_or_default();
        let (host, name) = place.split_once('/').unwrap_or((place, ""));
        // Without @ the credentials may stand where the host belongs.
        if !is_host(host) || name.contains('/') {
            return write!(f, "{scheme}://…");
        }
        write!(f, "{scheme}://{credentials}{place}")
    }
}

/// Whether a text is a query, and not the rest of a password that holds a question mark.
fn begins_with_parameter(text: &str) -> bool {
    let name = text.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-')
}

/// Whether a text is a host, with a port or without: what is printed of a mistyped address holds no password.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !text.ends_with(']') => (name, port),
        _ => (text, ""),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    let is_single = name.starts_with('[') || !name.contains(':');
    is_single && name.bytes().all(is_name) && port.parse::<u16>().is_ok() != port.is_empty()
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// An open database.
#[derive(Debug, Clone)]
pub struct Database {
    statements: Statements,
    /// Since when this process knows the time: all that write to this database ask the same clock.
    clock: Clock,
}

impl Database {
    /// Opens a database to write to. Creates a missing SQLite file.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        knock(url).await?;
        let connections = if url.is_sqlite() { 1 } else { url.connections };
        Self::open(url, connections, Access::Write).await
    }

    /// Opens a database to read from; the database refuses every write on it.
    pub async fn connect_read_only(url: &DatabaseUrl) -> Result<Self, StoreError> {
        knock(url).await?;
        Self::open(url, url.connections, Access::Read).await
    }

    /// Opens a database to change its schema.
    pub(crate) async fn connect_to_migrate(url: &DatabaseUrl) -> Result<Self, StoreError> {
        knock(url).await?;
        let connections = if url.is_sqlite() { 1 } else { url.connections };
        Self::open(url, connections, Access::Migrate).await
    }

    async fn open(url: &DatabaseUrl, connections: u32, access: Access) -> Result<Self, StoreError> {
        let distrust = Distrust::default();
        let connection = sea_orm::Database::connect(options(url, connections, access, &distrust)).await?;
        Ok(Self { statements: Statements::new(connection, distrust), clock: Clock::default() })
    }

    /// The connection, for migrations.
    pub const fn connection(&self) -> &DatabaseConnection {
        self.statements.pool()
    }

    pub(crate) const fn statements(&self) -> &Statements {
        &self.statements
    }

    pub(crate) const fn signals(&self) -> &Signals {
        self.statements.signals()
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The same database, its time told by another clock.
    #[must_use]
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(by(Instant::now() + ANSWER_TIME, self.connection().ping()).await?)
    }

    /// How much of the pool is taken.
    pub(crate) fn pool_use(&self) -> PoolUse {
        let of = |size: u32, idle: usize, most: u32| {
            let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(size);
            PoolUse { in_use: size - idle, idle, most }
        };
        let connection = self.connection();
        if connection.get_database_backend() == DbBackend::Postgres {
            let pool = connection.get_postgres_connection_pool();
            of(pool.size(), pool.num_idle(), pool.options().get_max_connections())
        } else {
            let pool = connection.get_sqlite_connection_pool();
            of(pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
    }

    /// Closes every connection, once the running statements are done.
    pub async fn close(self) -> Result<(), DbErr> {
        by(Instant::now() + CLOSE_TIME, self.connection().clone().close()).await
    }
}

/// How many connections of a pool there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Those that a statement or a transaction has.
    pub in_use: u32,
    /// Those that are open and wait.
    pub idle: u32,
    /// The most that may be open.
    pub most: u32,
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Writes, and changes the schema.
    Migrate,
}

/// The limits of a connection.
struct Limits {
    read_only: bool,
    acquire_time: Duration,
    /// How long to wait for a lock of another process.
    lock_time: Duration,
    statement_time: Duration,
}

impl Limits {
    const fn of(access: Access) -> Self {
        let payments = Self {
            read_only: matches!(access, Access::Read),
            acquire_time: ACQUIRE_TIME,
            lock_time: BUSY_TIME,
            statement_time: STATEMENT_TIME,
        };
        match access {
            Access::Read | Access::Write => payments,
            Access::Migrate => Self {
                acquire_time: SCHEMA_ACQUIRE_TIME,
                lock_time: SCHEMA_LOCK_TIME,
                statement_time: SCHEMA_STATEMENT_TIME,
                ..payments
            },
        }
    }
}

/// Connects once without a pool: a pool tries again until its time is up and then forgets why it failed.
async fn knock(url: &DatabaseUrl) -> Result<(), StoreError> {
    if url.is_sqlite() {
        return Ok(());
    }
    let knocked = knock_at_postgres(url).await;
    Ok(knocked.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?)
}

async fn knock_at_postgres(url: &DatabaseUrl) -> Result<(), sqlx::Error> {
    let options: PgConnectOptions = url.text.parse()?;
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
    let options = options.extra_float_digits(None);
    let knocked = async {
        let mut first = options.connect().await?;
        let mut second = options.connect().await?;
        let backends = (backend(&mut first).await?, backend(&mut second).await?);
        first.close().await?;
        second.close().await?;
        if backends.0 == backends.1 { Err(sqlx::Error::Configuration(TRANSACTION_POOLER.into())) } else { Ok(()) }
    };
    tokio::time::timeout(FIRST_ANSWER_TIME, knocked).await.map_err(late)?
}

/// The process of the server that serves a connection now. Two connections that are open at once have two, unless a
/// pooler gives out servers by the transaction.
async fn backend(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    // Without a prepared statement, which such a pooler would lose.
    let row = connection.fetch_one(sqlx::raw_sql("SELECT pg_backend_pid()")).await?;
    sqlx::Row::try_get(&row, 0)
}

fn options(url: &DatabaseUrl, connections: u32, access: Access, distrust: &Distrust) -> ConnectOptions {
    let Limits { read_only, acquire_time, lock_time, .. } = Limits::of(access);
    let mut options = ConnectOptions::new(url.text.clone());
    options.max_connections(connections).acquire_timeout(acquire_time).sqlx_logging(false);
    // The pool's own test has no deadline.
    options.test_before_acquire(false);
    let judge = distrust.clone();
    options.map_sqlx_sqlite_pool_opts(move |pool| sqlite_pool(pool, &judge));
    let judge = distrust.clone();
    let limits = postgres_limits(access);
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let limits = limits.clone();
        postgres_pool(pool, &judge).after_connect(move |connection, _| {
            let limits = limits.clone();
            Box::pin(async move { answered(connection.execute(sqlx::AssertSqlSafe(limits))).await.map(|_| ()) })
        })
    });
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite
            .create_if_missing(!read_only)
            .busy_timeout(lock_time)
            .foreign_keys(true)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL");
        if read_only { sqlite.pragma("query_only", "ON") } else { sqlite }
    });
    options.map_sqlx_postgres_opts(move |postgres| {
        // A pooler takes no parameter of the start that it does not know, and this one is about floats.
        postgres.application_name("daegeum").extra_float_digits(None)
    });
    options
}

/// What sets the limits of a session. They do not travel with the start of the connection, where a pooler drops them.
fn postgres_limits(access: Access) -> String {
    let Limits { read_only, lock_time, statement_time, .. } = Limits::of(access);
    let mode = if read_only { "on" } else { "off" };
    let lock_ms = if access == Access::Migrate { lock_time.as_millis() } else { 0 };
    let own = [
        ("default_transaction_read_only", mode.to_owned()),
        ("statement_timeout", statement_time.as_millis().to_string()),
        ("lock_timeout", lock_ms.to_string()),
        ("idle_in_transaction_session_timeout", IDLE_TIME_MS.to_string()),
    ];
    let keepalive = SERVER_KEEPALIVE.map(|(name, value)| (name, value.to_owned()));
    own.into_iter().chain(keepalive).map(|(name, value)| format!("SET {name} = '{value}';")).collect()
}

/// A connection is used again only where no doubt covers it, and it stands outside of any transaction: both by what the
/// library counted and by what SQLite itself says.
fn sqlite_pool(pool: PoolOptions<Sqlite>, distrust: &Distrust) -> PoolOptions<Sqlite> {
    let (taken, returned) = (distrust.clone(), distrust.clone());
    pool.before_acquire(move |connection, meta| {
        let is_good = !taken.covers(meta.age) && !connection.is_in_transaction();
        Box::pin(async move { Ok(is_good) })
    })
    .after_release(move |connection, meta| {
        let is_doubtful = returned.covers(meta.age);
        Box::pin(async move {
            if is_doubtful {
                return Ok(false);
            }
            answered(connection.execute(sqlx::raw_sql(OUTSIDE_A_TRANSACTION))).await?;
            // A rollback that the library still had to carry out is done by now, or has failed.
            Ok(!connection.is_in_transaction())
        })
    })
}

/// A connection is used again only where no doubt covers it, and it answers soon.
fn postgres_pool(pool: PoolOptions<Postgres>, distrust: &Distrust) -> PoolOptions<Postgres> {
    let (taken, returned) = (distrust.clone(), distrust.clone());
    pool.before_acquire(move |connection, meta| {
        let is_doubtful = taken.covers(meta.age);
        Box::pin(async move {
            if is_doubtful {
                return Ok(false);
            }
            answered(connection.ping()).await.map(|()| true)
        })
    })
    .after_release(move |connection, meta| {
        let is_doubtful = returned.covers(meta.age);
        Box::pin(async move {
            if is_doubtful {
                return Ok(false);
            }
            answered(connection.ping()).await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

async fn answered<T>(question: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "a connection did not answer in time");
    tokio::time::timeout(PING_TIME, question).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn printed(url: &str) -> String {
        url.parse::<DatabaseUrl>().unwrap().to_string()
    }

    #[test]
    fn an_address_is_printed_without_its_credentials() {
        for (url, shown) in [
            ("postgres://user:hidden@db.example:5432/pay?sslmode=require", "postgres://…@db.example:5432/pay"),
            ("postgres://user:hidden@[::1]:5432/pay", "postgres://…@[::1]:5432/pay"),
            ("postgresql://db.example/pay?password=hidden", "postgresql://db.example/pay"),
            ("sqlite:///var/lib/pay@home/daegeum.db?mode=ro", "sqlite:///var/lib/pay@home/daegeum.db"),
        ] {
            assert_eq!(printed(url), shown);
        }
    }

    #[test]
    fn a_mistyped_address_shows_no_password() {
        for url in [
            "postgres://user:hid?hidden@host/pay",
            "postgres://user:hid#hidden@host/pay",
            "postgres://user:hid/hidden@host/pay",
            "postgres://user:hid@hidden@host/pay",
            "postgres://user:hidden/host/pay",
            "postgres://user:hidden#host/pay",
            "postgres://user:hidden",
            "postgres://user:12345:hidden/pay",
            "postgres://user hidden/pay",
            "postgres://host?password=hidden",
            "postgres://host/pay/hidden",
        ] {
            assert!(!printed(url).contains("hid"), "{url}: {}", printed(url));
            assert!(!format!("{:?}", url.parse::<DatabaseUrl>().unwrap()).contains("hid"));
        }
    }

    #[test]
    fn the_file_of_sqlite_is_known() {
        let file = |url: &str| url.parse::<DatabaseUrl>().unwrap().sqlite_file();
        assert_eq!(file("sqlite://a/b.db?mode=rwc"), Some("a/b.db".into()));
        assert_eq!((file("sqlite://:memory:"), file("sqlite://x?mode=memory")), (None, None));
        assert_eq!(file("postgres://host/name"), None);
    }
}
