//! Lines of bank statements, each kept once by its hash.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::make_first_insert_stay;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "bank_lines";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(text("line_hash").primary_key())
            .col(text("account"))
            .col(text("day"))
            .col(big_integer("amount").check(Expr::col("amount").ne(0)))
            .col(text("currency"))
            .col(text("label"))
            .col(integer("occurrence").check(Expr::col("occurrence").gt(0)))
            .col(text("imported_by"))
            .col(timestamp_with_time_zone("imported_at"))
            .to_owned();
        manager.create_table(table).await?;
        let by_day = Index::create().name("bank_lines_by_day").table(TABLE).col("day").to_owned();
        manager.create_index(by_day).await?;
        make_first_insert_stay(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
