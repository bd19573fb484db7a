//! What stands on a buyer's receipts: the approval number of a card or a voucher, and the number of a cash receipt.
//! Payments of before have neither.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const PAYMENTS: &str = "payment_events";

/// Each index with its column. A payment without such a number is in no index.
const NUMBERS: [(&str, &str); 2] = [
    ("payment_events_by_approval_number", "approval_number"),
    ("payment_events_by_cash_receipt_number", "cash_receipt_number"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (index, column) in NUMBERS {
            let added = Table::alter().table(PAYMENTS).add_column(text_null(column)).to_owned();
            manager.alter_table(added).await?;
            let indexed =
                format!("CREATE INDEX {index} ON {PAYMENTS} ({column}, created_at) WHERE {column} IS NOT NULL");
            manager.get_connection().execute_unprepared(&indexed).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (index, column) in NUMBERS {
            manager.drop_index(Index::drop().name(index).table(PAYMENTS).to_owned()).await?;
            manager.alter_table(Table::alter().table(PAYMENTS).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
