//! A fresh database for each test, on each kind of database that daegeum supports.

use std::str::FromStr;

use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use store::{Database, DatabaseUrl, Reader, Writer};

/// A kind of database. Every behaviour has to hold on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file: the default of daegeum.
    Sqlite,
    /// A database of the test's own on the PostgreSQL that `make test` runs.
    Postgres,
}

impl Kind {
    /// The flags with which a command of daegeum finds an empty database.
    pub async fn flags(self) -> Vec<String> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres => vec!["--database-url".to_owned(), create_postgres().await],
        }
    }
}

/// A migrated database of a test's own.
pub struct Fresh {
    /// The address as a process is given it.
    pub address: String,
    pub url: DatabaseUrl,
    pub writer: Writer,
    pub reader: Reader,
    pub database: Database,
    /// The connection that cannot write.
    pub reading: Database,
    _file: Option<tempfile::TempDir>,
}

/// A fresh SQLite file.
pub async fn sqlite() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("sqlite://{}", directory.path().join("test.db").display());
    Fresh { _file: Some(directory), ..open(&address).await }
}

/// A fresh database on the PostgreSQL that `make test` runs.
pub async fn postgres() -> Fresh {
    open(&create_postgres().await).await
}

/// Creates an empty database on the PostgreSQL that `make test` runs. Returns its URL.
pub async fn create_postgres() -> String {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        panic!("TEST_POSTGRES_URL is not set; run `make test`, which starts a PostgreSQL");
    };
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let administration = Database::connect(&DatabaseUrl::from_str(&server).unwrap()).await.unwrap();
    administration.connection().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    administration.close().await.unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    format!("{place}/{name}")
}

/// Makes every transaction of connections that are opened from now on to this PostgreSQL database serializable: the
/// stand-in for a database that agrees by consensus.
pub async fn make_serializable(database: &Database) {
    let sql = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable',
        current_database()); END $$";
    database.connection().execute_unprepared(sql).await.unwrap();
}

/// Migrates an empty database and opens it.
pub async fn open(address: &str) -> Fresh {
    let url = DatabaseUrl::from_str(address).unwrap();
    let database = Database::connect(&url).await.unwrap();
    Migrator::up(database.connection(), None).await.unwrap();
    let reading = Database::connect_read_only(&url).await.unwrap();
    Fresh {
        address: address.to_owned(),
        url,
        writer: Writer::new(database.clone()),
        reader: Reader::new(reading.clone()),
        database,
        reading,
        _file: None,
    }
}

/// What a test takes to run on a kind of database: the kind, or a database that is ready.
pub trait OnDatabase {
    /// Makes it.
    fn on(kind: Kind) -> impl Future<Output = Self> + Send;
}

impl OnDatabase for Kind {
    async fn on(kind: Kind) -> Self {
        kind
    }
}

impl OnDatabase for Fresh {
    async fn on(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => sqlite().await,
            Kind::Postgres => postgres().await,
        }
    }
}

/// Runs a test on a kind of database.
pub async fn run<D: OnDatabase, F: Future>(test: impl FnOnce(D) -> F, kind: Kind) -> F::Output {
    test(D::on(kind).await).await
}

/// Makes of one `async fn name(database: Kind)` or `async fn name(fresh: Fresh)` a test on each kind of database.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $crate::database::run(super::$name, $crate::database::Kind::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $crate::database::run(super::$name, $crate::database::Kind::Postgres).await;
            })+
        }
    };
}
