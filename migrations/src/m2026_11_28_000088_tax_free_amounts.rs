//! The part of a payment order that is without value-added tax. Orders of before were taxed as a whole.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const ORDERS: &str = "payment_orders";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let added = format!(
            "ALTER TABLE {ORDERS} ADD COLUMN tax_free_amount BIGINT NOT NULL DEFAULT 0 \
             CHECK (tax_free_amount BETWEEN 0 AND amount)"
        );
        manager.get_connection().execute_unprepared(&added).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dropped = Table::alter().table(ORDERS).drop_column("tax_free_amount").to_owned();
        manager.alter_table(dropped).await
    }
}
