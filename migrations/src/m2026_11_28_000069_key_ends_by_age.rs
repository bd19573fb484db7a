//! The ends of payment keys are found in the order of the list. Without the time in the index, PostgreSQL reads the
//! whole list backwards when it plans for any key: it takes the limit for a tenth of all rows.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const DROP: &str = "DROP INDEX payment_events_by_key_end";
/// The query repeats the expression.
const BY_AGE: &str = "CREATE INDEX payment_events_by_key_end ON payment_events \
                      (substr(payment_key, length(payment_key) - 3), created_at) WHERE payment_key IS NOT NULL";
const BEFORE: &str = "CREATE INDEX payment_events_by_key_end ON payment_events \
                      (substr(payment_key, length(payment_key) - 3)) WHERE payment_key IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [DROP, BY_AGE] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [DROP, BEFORE] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
