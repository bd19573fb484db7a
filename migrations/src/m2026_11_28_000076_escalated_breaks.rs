//! How far a break that grew too old was escalated, and when it was last.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const BREAKS: &str = "breaks";
const STEP: &str = "escalation";
const AT: &str = "escalated_at";
/// Breaks that wait for a step are few among many, and so are those that have reached one.
const BY_AGE: &str = "breaks_by_age";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [integer(STEP).default(0).to_owned(), timestamp_with_time_zone_null(AT)] {
            manager.alter_table(Table::alter().table(BREAKS).add_column(column).to_owned()).await?;
        }
        let index = Index::create().name(BY_AGE).table(BREAKS).col("status").col("day").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(BY_AGE).table(BREAKS).to_owned()).await?;
        for column in [AT, STEP] {
            manager.alter_table(Table::alter().table(BREAKS).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
