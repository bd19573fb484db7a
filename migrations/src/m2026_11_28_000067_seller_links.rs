//! The shop's links, with each of which a seller signs in to the console once.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum SellerLinks {
    Table,
    LinkId,
    Mac,
    SellerAccount,
    ExpiresAt,
    UsedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let links = Table::create()
            .table(SellerLinks::Table)
            .col(text(SellerLinks::LinkId).primary_key())
            .col(text(SellerLinks::Mac))
            .col(text(SellerLinks::SellerAccount))
            .col(timestamp_with_time_zone(SellerLinks::ExpiresAt))
            .col(timestamp_with_time_zone_null(SellerLinks::UsedAt))
            .to_owned();
        manager.create_table(links).await?;
        let by_end = Index::create()
            .name("seller_links_by_end")
            .table(SellerLinks::Table)
            .col(SellerLinks::ExpiresAt)
            .to_owned();
        manager.create_index(by_end).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SellerLinks::Table).to_owned()).await
    }
}
