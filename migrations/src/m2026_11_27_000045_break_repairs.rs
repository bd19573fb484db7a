//! What rules did about breaks, which is undone and never deleted.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::refuse_deletes;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "break_repairs";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(text("break_id"))
            .col(text("rule"))
            .col(text("subject"))
            .col(integer("rule_version").check(Expr::col("rule_version").gt(0)))
            .col(big_integer("amount").check(Expr::col("amount").gte(0)))
            .col(text("currency"))
            .col(text("day"))
            .col(text("run_id"))
            .col(timestamp_with_time_zone("done_at"))
            .col(timestamp_with_time_zone_null("undone_at"))
            .col(text_null("undone_by"))
            .primary_key(Index::create().col("break_id").col("rule").col("subject"))
            .foreign_key(ForeignKey::create().from(TABLE, "break_id").to("breaks", "break_id"))
            .check(Expr::cust("(undone_at IS NULL) = (undone_by IS NULL)"))
            .to_owned();
        manager.create_table(table).await?;
        let by_day = Index::create().name("break_repairs_by_day").table(TABLE).col("day").col("rule").to_owned();
        manager.create_index(by_day).await?;
        refuse_deletes(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
