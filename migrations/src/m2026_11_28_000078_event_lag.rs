//! How far the slowest reader of the event log was behind, by hour.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "event_lag";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let hours = Table::create()
            .table(TABLE)
            .col(timestamp_with_time_zone("hour").primary_key())
            .col(big_integer("events").check(Expr::cust("events >= 0")))
            .col(big_integer("age_ms").check(Expr::cust("age_ms >= 0")))
            .to_owned();
        manager.create_table(hours).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
