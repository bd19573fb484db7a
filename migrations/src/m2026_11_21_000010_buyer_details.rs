//! Buyers' personal details: sealed, apart from everything else, and erased without touching it.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum BuyerDetails {
    Table,
    WorkflowId,
    Fingerprint,
    BuyerId,
    KeyName,
    Sealed,
    KeptAt,
    ErasedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(buyer_details()).await?;
        let index = |name: &str, column: BuyerDetails| {
            Index::create().name(name).table(BuyerDetails::Table).col(column).to_owned()
        };
        manager.create_index(index("buyer_details_by_buyer", BuyerDetails::BuyerId)).await?;
        manager.create_index(index("buyer_details_by_age", BuyerDetails::KeptAt)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(BuyerDetails::Table).to_owned()).await
    }
}

/// One row for each request that was taken with details, by its idempotency key and its body.
fn buyer_details() -> TableCreateStatement {
    let (key, sealed) = (Expr::col(BuyerDetails::KeyName), Expr::col(BuyerDetails::Sealed));
    Table::create()
        .table(BuyerDetails::Table)
        .col(text(BuyerDetails::WorkflowId))
        .col(text(BuyerDetails::Fingerprint))
        .col(text(BuyerDetails::BuyerId))
        .col(text_null(BuyerDetails::KeyName))
        .col(blob_null(BuyerDetails::Sealed))
        .col(timestamp_with_time_zone(BuyerDetails::KeptAt))
        .col(timestamp_with_time_zone_null(BuyerDetails::ErasedAt))
        .primary_key(Index::create().col(BuyerDetails::WorkflowId).col(BuyerDetails::Fingerprint))
        .check(key.is_null().eq(sealed.is_null()))
        .to_owned()
}
