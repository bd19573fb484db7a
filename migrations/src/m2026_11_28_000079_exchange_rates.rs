//! Exchange rates, as they were imported. A rate that was published is kept once and never changes.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::make_first_insert_stay;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "exchange_rates";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(text("base"))
            .col(text("quote").check(Expr::col("quote").ne(Expr::col("base"))))
            .col(text("kind").check(Expr::col("kind").is_in(["bid", "mid", "ask"])))
            .col(timestamp_with_time_zone("as_of"))
            .col(text("source"))
            // Hundred-millionths.
            .col(big_integer("value").check(Expr::col("value").gt(0)))
            .col(text("imported_by"))
            .col(timestamp_with_time_zone("imported_at"))
            .primary_key(Index::create().col("base").col("quote").col("kind").col("as_of").col("source"))
            .to_owned();
        manager.create_table(table).await?;
        make_first_insert_stay(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
