//! API keys that end, that are one seller's, that replace another, and that say when they were used.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ApiKeys {
    Table,
    SellerAccount,
    Origin,
    PepperId,
    ExpiresAt,
    LastUsedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            text_null(ApiKeys::SellerAccount),
            text_null(ApiKeys::Origin),
            text_null(ApiKeys::PepperId),
            timestamp_with_time_zone_null(ApiKeys::ExpiresAt),
            timestamp_with_time_zone_null(ApiKeys::LastUsedAt),
        ] {
            manager.alter_table(Table::alter().table(ApiKeys::Table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in
            [ApiKeys::LastUsedAt, ApiKeys::ExpiresAt, ApiKeys::PepperId, ApiKeys::Origin, ApiKeys::SellerAccount]
        {
            manager.alter_table(Table::alter().table(ApiKeys::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
