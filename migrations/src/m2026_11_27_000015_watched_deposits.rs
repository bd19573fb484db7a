//! Deposits that are watched: what was earned of one is released only while the PSP's last word is fresh. And an index
//! for the oldest checkout and refund of each status.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PaymentOrders {
    Table,
    DepositSeenAt,
}

/// Each index with its table.
const INDEXES: [(&str, &str); 2] =
    [("payment_events_by_status_age", "payment_events"), ("refunds_by_status_age", "refunds")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = timestamp_with_time_zone_null(PaymentOrders::DepositSeenAt);
        manager.alter_table(Table::alter().table(PaymentOrders::Table).add_column(column).to_owned()).await?;
        for (name, table) in INDEXES {
            let index = Index::create().name(name).table(table).col("status").col("updated_at").to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        let column = PaymentOrders::DepositSeenAt;
        manager.alter_table(Table::alter().table(PaymentOrders::Table).drop_column(column).to_owned()).await
    }
}
