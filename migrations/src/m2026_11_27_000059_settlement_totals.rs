//! How much of the PSP's settlement rows the machine has booked on each day, for the limit of a day.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::refuse_deletes;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "settlement_totals";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(text("day"))
            .col(text("currency"))
            .col(big_integer("amount").check(Expr::col("amount").gte(0)))
            .primary_key(Index::create().col("day").col("currency"))
            .to_owned();
        manager.create_table(table).await?;
        refuse_deletes(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
