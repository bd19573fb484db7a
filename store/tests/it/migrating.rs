//! Schema changes on a database that is full: whatever goes down and up again keeps every row that it does not own.

use std::collections::BTreeMap;

use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    audit::{audit, keep_books},
    database::{self, Fresh},
};

/// What the tool that migrates keeps for itself.
const OWN_TABLE: &str = "seaql_migrations";

#[tokio::test(flavor = "multi_thread")]
async fn on_full_sqlite_every_change_goes_down_and_up() {
    every_change_goes_down_and_up(database::sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_full_postgres_every_change_goes_down_and_up() {
    every_change_goes_down_and_up(database::postgres).await;
}

async fn every_change_goes_down_and_up(open: impl AsyncFn() -> Fresh) {
    let count = u32::try_from(Migrator::migrations().len()).unwrap();
    for steps in 1..=count {
        let fresh = open().await;
        keep_books(&fresh).await;
        let full = rows(&fresh).await;
        assert!(full.values().filter(|rows| **rows > 0).count() > 5, "too little stands in it: {full:?}");

        let connection = fresh.database.connection();
        Migrator::down(connection, Some(steps)).await.unwrap();
        let below = rows(&fresh).await;
        for (table, rows) in &below {
            assert_eq!(full.get(table), Some(rows), "{table}, {steps} changes down");
        }
        Migrator::up(connection, None).await.unwrap();
        let again = rows(&fresh).await;
        assert_eq!(again.keys().collect::<Vec<_>>(), full.keys().collect::<Vec<_>>());
        for (table, rows) in &below {
            assert_eq!(again.get(table), Some(rows), "{table}, {steps} changes down and up");
        }
        if below.len() == full.len() {
            assert_eq!(audit(&fresh).await.findings.named, [], "{steps} changes down and up");
        }
    }
}

/// How many rows each table has.
async fn rows(fresh: &Fresh) -> BTreeMap<String, i64> {
    let connection = fresh.database.connection();
    let tables = match connection.get_database_backend() {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        _ => "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'",
    };
    let mut rows = BTreeMap::new();
    for row in ask(fresh, tables).await {
        let table: String = row.try_get("", "name").unwrap();
        if table != OWN_TABLE {
            let counted = ask(fresh, &format!("SELECT COUNT(*) AS count FROM {table}")).await;
            rows.insert(table, counted[0].try_get("", "count").unwrap());
        }
    }
    rows
}

async fn ask(fresh: &Fresh, question: &str) -> Vec<sea_orm::QueryResult> {
    let connection = fresh.database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), question);
    connection.query_all_raw(statement).await.unwrap()
}
