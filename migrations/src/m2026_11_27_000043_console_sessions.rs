//! Sessions of persons at the console, and what the console looks things up by.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ConsoleSessions {
    Table,
    SessionId,
    Mac,
    Person,
    Name,
    Roles,
    SignedInBy,
    CreatedAt,
    SeenAt,
    ExpiresAt,
    EndedAt,
}

/// Each index with its table and its columns.
const INDEXES: [(&str, &str, &[&str]); 3] = [
    ("console_sessions_by_end", "console_sessions", &["expires_at"]),
    ("audit_log_by_object", "audit_log", &["object", "sequence"]),
    ("webhook_deliveries_by_event", "webhook_deliveries", &["event_id"]),
];
/// The end of a payment key is what a person can read out. The query repeats the expression.
const KEY_ENDS: &str = "CREATE INDEX payment_events_by_key_end ON payment_events \
                        (substr(payment_key, length(payment_key) - 3)) WHERE payment_key IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(console_sessions()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared(KEY_ENDS).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX payment_events_by_key_end").await?;
        for (name, table, _) in INDEXES {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table(ConsoleSessions::Table).to_owned()).await
    }
}

fn console_sessions() -> TableCreateStatement {
    Table::create()
        .table(ConsoleSessions::Table)
        .col(text(ConsoleSessions::SessionId).primary_key())
        .col(text(ConsoleSessions::Mac))
        .col(text(ConsoleSessions::Person))
        .col(text(ConsoleSessions::Name))
        .col(text(ConsoleSessions::Roles))
        .col(text(ConsoleSessions::SignedInBy))
        .col(timestamp_with_time_zone(ConsoleSessions::CreatedAt))
        .col(timestamp_with_time_zone(ConsoleSessions::SeenAt))
        .col(timestamp_with_time_zone(ConsoleSessions::ExpiresAt))
        .col(timestamp_with_time_zone_null(ConsoleSessions::EndedAt))
        .check(Expr::col(ConsoleSessions::ExpiresAt).gt(Expr::col(ConsoleSessions::CreatedAt)))
        .to_owned()
}
