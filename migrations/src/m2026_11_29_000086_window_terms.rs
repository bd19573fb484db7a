//! What the payment window is asked for besides the amount: escrow and the cash receipt that is chosen; and what was
//! bought of each seller. Checkouts of before asked for none of it.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const ADDED: [(&str, &str, &str); 3] = [
    ("payment_events", "use_escrow", "BOOLEAN NOT NULL DEFAULT FALSE"),
    (
        "payment_events",
        "receipt_preset",
        "TEXT CHECK (receipt_preset IN ('INCOME_DEDUCTION', 'EXPENSE_PROOF', 'NONE'))",
    ),
    ("payment_orders", "item_name", "TEXT"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column, kind) in ADDED {
            let added = format!("ALTER TABLE {table} ADD COLUMN {column} {kind}");
            manager.get_connection().execute_unprepared(&added).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column, _) in ADDED {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
