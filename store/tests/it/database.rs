//! A fresh database for each test.

use std::str::FromStr;

use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use store::{Database, DatabaseUrl, Reader, Writer};

/// A migrated database of a test's own.
pub(crate) struct Fresh {
    pub(crate) url: DatabaseUrl,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) database: Database,
    pub(crate) reading: Database,
    _file: Option<tempfile::TempDir>,
}

/// A fresh SQLite file.
pub(crate) async fn sqlite() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::of_file(&directory.path().join("test.db"));
    open(&url, Some(directory)).await
}

/// A fresh database on the PostgreSQL that `make test` runs.
pub(crate) async fn postgres() -> Fresh {
    let (_, name) = postgres_address().await;
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    open(&DatabaseUrl::from_str(&format!("{place}/{name}")).unwrap(), None).await
}

/// The host and port of that PostgreSQL, and the name of a fresh database on it.
pub(crate) async fn postgres_address() -> (String, String) {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        panic!("TEST_POSTGRES_URL is not set; run `make test`, which starts a PostgreSQL");
    };
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let administration = Database::connect(&DatabaseUrl::from_str(&server).unwrap()).await.unwrap();
    administration.connection().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    administration.close().await.unwrap();
    let (place, _) = server.rsplit_once('/').unwrap();
    let host = place.rsplit(['@', '/']).next().unwrap().to_owned();
    (host, name)
}

pub(crate) async fn open(url: &DatabaseUrl, file: Option<tempfile::TempDir>) -> Fresh {
    let database = Database::connect(url).await.unwrap();
    Migrator::up(database.connection(), None).await.unwrap();
    let reading = Database::connect_read_only(url).await.unwrap();
    Fresh {
        url: url.clone(),
        writer: Writer::new(database.clone()),
        reader: Reader::new(reading.clone()),
        database,
        reading,
        _file: file,
    }
}

/// Makes of one `async fn name(fresh: Fresh)` a test on each database.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::database::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::database::postgres().await).await;
            })+
        }
    };
}
