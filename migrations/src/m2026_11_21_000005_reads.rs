//! What the reads of the books look things up by.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Each index with its table and its columns.
const INDEXES: [(&str, &str, [&str; 2]); 4] = [
    // The end of the books at an instant, by when entries were booked.
    ("ledger_entries_by_booking", "ledger_entries", ["booked_at", "sequence"]),
    // A query for the few reversals must not read all captures.
    ("ledger_entries_by_reason", "ledger_entries", ["reason", "sequence"]),
    ("ledger_postings_by_order", "ledger_postings", ["payment_order_id", "sequence"]),
    ("payment_events_by_buyer", "payment_events", ["buyer_id", "created_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, [first, second]) in INDEXES {
            let index = Index::create().name(name).table(table).col(first).col(second).to_owned();
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
