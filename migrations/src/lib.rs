//! The shape of the database: one file per schema change, up and down, for SQLite and PostgreSQL alike.
//!
//! # What this crate does not do
//!
//! It reads and writes no payment: statements on data live in `store`.
//!
//! # Invariants
//!
//! * A migration that has been released is never edited; the next one changes what it made.
//! * What the types of `domain` promise, the schema repeats: amounts above zero, a debit that is not its own
//!   credit, history and books that only grow.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{async_trait, prelude::*};

mod m2026_11_21_000001_checkouts;
mod m2026_11_21_000002_ledger;
mod m2026_11_21_000003_api_keys;
mod m2026_11_21_000004_checkpoints;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m2026_11_21_000001_checkouts::Migration),
            Box::new(m2026_11_21_000002_ledger::Migration),
            Box::new(m2026_11_21_000003_api_keys::Migration),
            Box::new(m2026_11_21_000004_checkpoints::Migration),
        ]
    }
}

/// Makes a table refuse every UPDATE and DELETE, whoever asks.
async fn make_append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Sqlite {
        for (action, name) in [("UPDATE", "update"), ("DELETE", "delete")] {
            connection
                .execute_unprepared(&format!(
                    "CREATE TRIGGER {table}_no_{name} BEFORE {action} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
                ))
                .await?;
        }
        return Ok(());
    }
    connection
        .execute_unprepared(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END $$",
        )
        .await?;
    connection
        .execute_unprepared(&format!(
            "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ))
        .await?;
    Ok(())
}

/// Removes what [`make_append_only`] left behind once no table uses it any more.
async fn forget_append_only(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Postgres {
        manager.get_connection().execute_unprepared("DROP FUNCTION IF EXISTS refuse_change()").await?;
    }
    Ok(())
}
