//! Indexes for what is counted by monitoring, and for what payments are found by: a status, an amount, a method, the
//! name of an order.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Each index with its table and its columns.
const INDEXES: [(&str, &str, &[&str]); 5] = [
    ("payouts_by_status_age", "payouts", &["status", "sent_at"]),
    ("payment_events_by_status_creation", "payment_events", &["status", "created_at", "checkout_id"]),
    ("payment_events_by_amount", "payment_events", &["amount", "created_at"]),
    ("payment_events_by_order_name", "payment_events", &["order_name", "created_at"]),
    ("payment_events_by_method", "payment_events", &["psp_method", "created_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        Ok(())
    }
}
