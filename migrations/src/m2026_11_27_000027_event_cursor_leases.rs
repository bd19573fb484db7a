//! A lease on the cursor of an event reader, so that of several processes one at a time reads for it.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum EventCursors {
    Table,
    Holder,
    HeldUntil,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        let holder = big_integer(EventCursors::Holder).default(0).to_owned();
        for column in [holder, timestamp_with_time_zone_null(EventCursors::HeldUntil)] {
            manager.alter_table(Table::alter().table(EventCursors::Table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [EventCursors::HeldUntil, EventCursors::Holder] {
            manager.alter_table(Table::alter().table(EventCursors::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
