//! Webhook endpoints, the events that wait at each of them, and every attempt to deliver.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum WebhookEndpoints {
    Table,
    EndpointId,
    Url,
    Types,
    Description,
    Secret,
    PreviousSecret,
    PreviousUntil,
    Status,
    DisabledReason,
    Position,
    ReplayUntil,
    ResumeAt,
    FailingSince,
    PausedUntil,
    Generation,
    Carrier,
    Version,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum WebhookRetries {
    Table,
    EndpointId,
    Position,
    EventId,
    EventType,
    Object,
    Attempts,
    DueAt,
    Woken,
}

#[derive(DeriveIden)]
enum WebhookRequests {
    Table,
    RequestId,
    EndpointId,
    Position,
    EventId,
    RequestedAt,
}

#[derive(DeriveIden)]
enum WebhookDeliveries {
    Table,
    Number,
    EndpointId,
    Position,
    EventId,
    EventType,
    Object,
    Attempt,
    AttemptedAt,
    LatencyMs,
    HttpStatus,
    Outcome,
    Status,
    Answer,
}

/// Each index with its table and its columns.
const INDEXES: [(&str, &str, &[&str]); 4] = [
    ("webhook_requests_by_endpoint", "webhook_requests", &["endpoint_id", "requested_at"]),
    ("webhook_deliveries_by_endpoint", "webhook_deliveries", &["endpoint_id", "number"]),
    // Failures are few among many.
    ("webhook_deliveries_by_status", "webhook_deliveries", &["endpoint_id", "status", "number"]),
    ("webhook_deliveries_by_time", "webhook_deliveries", &["attempted_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(endpoints()).await?;
        manager.create_table(retries()).await?;
        manager.create_table(requests()).await?;
        manager.create_table(deliveries()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        refuse_updates(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(WebhookDeliveries::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(WebhookRequests::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(WebhookRetries::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(WebhookEndpoints::Table).to_owned()).await
    }
}

/// An attempt is written once. It is removed when it is old, never changed.
async fn refuse_updates(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DbBackend::Sqlite => {
            "CREATE TRIGGER webhook_deliveries_no_update BEFORE UPDATE ON webhook_deliveries \
             BEGIN SELECT RAISE(ABORT, 'webhook_deliveries takes no update'); END"
        }
        _ => {
            "CREATE TRIGGER webhook_deliveries_no_update BEFORE UPDATE OR TRUNCATE ON webhook_deliveries \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        }
    };
    manager.get_connection().execute_unprepared(sql).await?;
    Ok(())
}

fn endpoints() -> TableCreateStatement {
    Table::create()
        .table(WebhookEndpoints::Table)
        .col(text(WebhookEndpoints::EndpointId).primary_key())
        .col(text(WebhookEndpoints::Url))
        .col(text_null(WebhookEndpoints::Types))
        .col(text(WebhookEndpoints::Description))
        .col(text(WebhookEndpoints::Secret))
        .col(text_null(WebhookEndpoints::PreviousSecret))
        .col(timestamp_with_time_zone_null(WebhookEndpoints::PreviousUntil))
        .col(text(WebhookEndpoints::Status).check(Expr::col(WebhookEndpoints::Status).is_in(["ENABLED", "DISABLED"])))
        .col(text_null(WebhookEndpoints::DisabledReason))
        .col(big_integer(WebhookEndpoints::Position).check(Expr::col(WebhookEndpoints::Position).gte(0)))
        .col(big_integer_null(WebhookEndpoints::ReplayUntil))
        .col(big_integer_null(WebhookEndpoints::ResumeAt))
        .col(timestamp_with_time_zone_null(WebhookEndpoints::FailingSince))
        .col(timestamp_with_time_zone_null(WebhookEndpoints::PausedUntil))
        .col(integer(WebhookEndpoints::Generation).default(0))
        .col(integer(WebhookEndpoints::Carrier).default(0))
        .col(integer(WebhookEndpoints::Version).default(1))
        .col(timestamp_with_time_zone(WebhookEndpoints::CreatedAt))
        .col(timestamp_with_time_zone(WebhookEndpoints::UpdatedAt))
        .to_owned()
}

fn retries() -> TableCreateStatement {
    Table::create()
        .table(WebhookRetries::Table)
        .col(text(WebhookRetries::EndpointId))
        .col(big_integer(WebhookRetries::Position).check(Expr::col(WebhookRetries::Position).gt(0)))
        .col(text(WebhookRetries::EventId))
        .col(text(WebhookRetries::EventType))
        .col(text(WebhookRetries::Object))
        .col(integer(WebhookRetries::Attempts).check(Expr::col(WebhookRetries::Attempts).gte(0)))
        .col(timestamp_with_time_zone(WebhookRetries::DueAt))
        .col(boolean(WebhookRetries::Woken).default(false))
        .primary_key(Index::create().col(WebhookRetries::EndpointId).col(WebhookRetries::Position))
        .foreign_key(
            ForeignKey::create()
                .from(WebhookRetries::Table, WebhookRetries::EndpointId)
                .to(WebhookEndpoints::Table, WebhookEndpoints::EndpointId),
        )
        .to_owned()
}

fn requests() -> TableCreateStatement {
    Table::create()
        .table(WebhookRequests::Table)
        .col(text(WebhookRequests::RequestId).primary_key())
        .col(text(WebhookRequests::EndpointId))
        .col(big_integer_null(WebhookRequests::Position))
        .col(text(WebhookRequests::EventId))
        .col(timestamp_with_time_zone(WebhookRequests::RequestedAt))
        .foreign_key(
            ForeignKey::create()
                .from(WebhookRequests::Table, WebhookRequests::EndpointId)
                .to(WebhookEndpoints::Table, WebhookEndpoints::EndpointId),
        )
        .to_owned()
}

fn deliveries() -> TableCreateStatement {
    Table::create()
        .table(WebhookDeliveries::Table)
        .col(big_integer(WebhookDeliveries::Number).primary_key().auto_increment())
        .col(text(WebhookDeliveries::EndpointId))
        .col(big_integer_null(WebhookDeliveries::Position))
        .col(text(WebhookDeliveries::EventId))
        .col(text(WebhookDeliveries::EventType))
        .col(text(WebhookDeliveries::Object))
        .col(integer(WebhookDeliveries::Attempt).check(Expr::col(WebhookDeliveries::Attempt).gt(0)))
        .col(timestamp_with_time_zone(WebhookDeliveries::AttemptedAt))
        .col(integer(WebhookDeliveries::LatencyMs).check(Expr::col(WebhookDeliveries::LatencyMs).gte(0)))
        .col(integer_null(WebhookDeliveries::HttpStatus))
        .col(text(WebhookDeliveries::Outcome))
        .col(text(WebhookDeliveries::Status).check(Expr::col(WebhookDeliveries::Status).is_in([
            "DELIVERED",
            "FAILED",
            "UNDELIVERED",
        ])))
        .col(text_null(WebhookDeliveries::Answer))
        .to_owned()
}
