//! What the PSP made of a sale in the currency that it pays in, where that is another than the buyer's. Rows of before
//! were not exchanged.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "settlement_rows";

/// All of them are set, or none; and the parts are the amount, in a currency that is not the row's.
const IS_WHOLE: &str = "\
    CHECK ((exchange_currency IS NULL) = (exchange_amount IS NULL) \
        AND (exchange_currency IS NULL) = (exchange_pay_out IS NULL) \
        AND (exchange_currency IS NULL) = (exchange_supply IS NULL) \
        AND (exchange_currency IS NULL) = (exchange_vat IS NULL) \
        AND (exchange_currency IS NULL OR (exchange_currency <> currency \
            AND exchange_pay_out + exchange_supply + exchange_vat = exchange_amount)))";

/// Each column with its type. The last has the check, for the others are there then.
const COLUMNS: [(&str, &str, &str); 5] = [
    ("exchange_currency", "text", ""),
    ("exchange_amount", "bigint", ""),
    ("exchange_pay_out", "bigint", ""),
    ("exchange_supply", "bigint", ""),
    ("exchange_vat", "bigint", IS_WHOLE),
];

/// Few rows are exchanged, and their sum is compared with the books each night.
const INDEX: &str = "\
    CREATE INDEX settlement_rows_exchanged ON settlement_rows (exchange_currency, transaction_key) \
    WHERE exchange_currency IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (column, of_type, check) in COLUMNS {
            let add = format!("ALTER TABLE {TABLE} ADD COLUMN {column} {of_type} {check}");
            manager.get_connection().execute_unprepared(&add).await?;
        }
        manager.get_connection().execute_unprepared(INDEX).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX settlement_rows_exchanged").await?;
        for (column, ..) in COLUMNS.into_iter().rev() {
            let drop = format!("ALTER TABLE {TABLE} DROP COLUMN {column}");
            manager.get_connection().execute_unprepared(&drop).await?;
        }
        Ok(())
    }
}
