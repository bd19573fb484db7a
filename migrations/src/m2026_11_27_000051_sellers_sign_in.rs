//! Sessions of sellers at the console: the account that a session is confined to.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ConsoleSessions {
    Table,
    SellerAccount,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text_null(ConsoleSessions::SellerAccount);
        manager.alter_table(Table::alter().table(ConsoleSessions::Table).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ConsoleSessions::SellerAccount;
        manager.alter_table(Table::alter().table(ConsoleSessions::Table).drop_column(column).to_owned()).await
    }
}
