//! Runs that are being frozen, portion by portion, and the order in which the payouts of a large run are read.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PayoutRuns {
    Table,
    FreezesAfter,
}

#[derive(DeriveIden)]
enum Payouts {
    Table,
    RunId,
    PayoutId,
    Status,
    SellerAccount,
    Batch,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text_null(PayoutRuns::FreezesAfter);
        manager.alter_table(Table::alter().table(PayoutRuns::Table).add_column(column).to_owned()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["payouts_of_run_by_id", "payouts_of_run_to_send", "payouts_of_run_by_batch"] {
            manager.drop_index(Index::drop().name(name).table(Payouts::Table).to_owned()).await?;
        }
        let column = PayoutRuns::FreezesAfter;
        manager.alter_table(Table::alter().table(PayoutRuns::Table).drop_column(column).to_owned()).await
    }
}

/// The digest goes by the ids; batches go by the sellers; the next batch has the next number.
fn indexes() -> [IndexCreateStatement; 3] {
    let index = |name: &str| Index::create().name(name).table(Payouts::Table).col(Payouts::RunId).to_owned();
    [
        index("payouts_of_run_by_id").col(Payouts::PayoutId).to_owned(),
        index("payouts_of_run_to_send").col(Payouts::Status).col(Payouts::SellerAccount).to_owned(),
        index("payouts_of_run_by_batch").col(Payouts::Batch).to_owned(),
    ]
}
