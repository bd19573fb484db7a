//! Settlement rows are read in the order in which they came: it is that of their payments, so neighbours of a page are
//! neighbours on the disk. And on PostgreSQL each page of the table has room for the booking of its rows: a row is
//! written when it is read and once more when it is booked, and where both fit on one page no index is written again.

use sea_orm_migration::{async_trait, prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "settlement_rows";
/// The index that the new one takes the place of.
const BY_SOLD_ON: &str = "settlement_rows_by_sold_on";
const BY_RECEIPT: &str = "settlement_rows_by_receipt";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, "ALTER TABLE settlement_rows SET (fillfactor = 50)").await?;
        let mut index = Index::create().name(BY_RECEIPT).table(TABLE).to_owned();
        manager.create_index(index.col("sold_on").col("received_at").col("transaction_key").to_owned()).await?;
        manager.drop_index(Index::drop().name(BY_SOLD_ON).table(TABLE).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut index = Index::create().name(BY_SOLD_ON).table(TABLE).to_owned();
        manager.create_index(index.col("sold_on").col("transaction_key").to_owned()).await?;
        manager.drop_index(Index::drop().name(BY_RECEIPT).table(TABLE).to_owned()).await?;
        on_postgres(manager, "ALTER TABLE settlement_rows RESET (fillfactor)").await
    }
}

async fn on_postgres(manager: &SchemaManager<'_>, statement: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
