//! The two databases that everything has to hold on.

use std::str::FromStr;

use sea_orm_migration::sea_orm::ConnectionTrait;
use store::{Database, DatabaseUrl};

/// Where a test's database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file in the data directory: the default.
    Sqlite,
    /// A database of the test's own on the PostgreSQL that `make test` runs.
    Postgres,
}

impl Kind {
    /// The flags with which a command finds the database, which is empty.
    pub(crate) async fn flags(self) -> Vec<String> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres => vec!["--database-url".to_owned(), postgres().await],
        }
    }
}

async fn postgres() -> String {
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

/// Makes of one `async fn name(database: Kind)` a test on each database.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::database::Kind::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::database::Kind::Postgres).await;
            })+
        }
    };
}
