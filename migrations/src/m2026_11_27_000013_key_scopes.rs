//! API keys of several scopes, with limits of their own, whose end nobody moves who can only write to the table.
//!
//! Keys that were made before keep their hash, which covers their scope as it was written then. They are of format 1:
//! their `checkout` and `ops` include `refund`, as they did when they were made.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ApiKeys {
    Table,
    Format,
    RefundLimit,
    RefundCurrency,
    RowMac,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            integer(ApiKeys::Format).default(1).to_owned(),
            big_integer_null(ApiKeys::RefundLimit),
            text_null(ApiKeys::RefundCurrency),
            text_null(ApiKeys::RowMac),
        ] {
            manager.alter_table(Table::alter().table(ApiKeys::Table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [ApiKeys::RowMac, ApiKeys::RefundCurrency, ApiKeys::RefundLimit, ApiKeys::Format] {
            manager.alter_table(Table::alter().table(ApiKeys::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
