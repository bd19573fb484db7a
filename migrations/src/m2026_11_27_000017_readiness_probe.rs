//! One row that is written to find out whether the database takes a write.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ReadinessProbe {
    Table,
    Id,
    WrittenAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(ReadinessProbe::Table)
                    .col(integer(ReadinessProbe::Id).primary_key().check(Expr::col(ReadinessProbe::Id).eq(1)))
                    .col(timestamp_with_time_zone(ReadinessProbe::WrittenAt))
                    .to_owned(),
            )
            .await?;
        let row = Query::insert()
            .into_table(ReadinessProbe::Table)
            .columns([ReadinessProbe::Id, ReadinessProbe::WrittenAt])
            .values_panic([1.into(), Expr::current_timestamp()])
            .to_owned();
        manager.execute(row).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ReadinessProbe::Table).to_owned()).await
    }
}
