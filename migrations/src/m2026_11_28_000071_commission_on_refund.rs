//! What becomes of a commission when an order is refunded: of a rate, and frozen with each order.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::ConnectionTrait};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// The tables with their columns.
const COLUMNS: [(&str, &str); 2] = [("commission_rates", "on_refund"), ("payment_orders", "commission_on_refund")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            let becomes = Expr::col(name).is_in(["returned", "kept"]);
            let column = text(name).default("returned").check(becomes).to_owned();
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS.into_iter().rev() {
            manager.get_connection().execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN {name}")).await?;
        }
        Ok(())
    }
}
