//! What came in and who did what: webhooks, dead letters with what people did about them, and the audit log.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::{make_append_only, make_first_insert_stay};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum WebhookInbox {
    Table,
    Digest,
    Event,
    CheckoutId,
    DeliveryId,
    SentAt,
    Retries,
    ReceivedAt,
}

#[derive(DeriveIden)]
enum DeadLetters {
    Table,
    LetterId,
    WorkflowId,
    RunId,
    WorkflowType,
    CheckoutId,
    Step,
    Code,
    Message,
    Input,
    Awaits,
    Outcomes,
    Status,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum DeadLetterActions {
    Table,
    LetterId,
    Number,
    Action,
    Actor,
    Reason,
    Outcome,
    ActedAt,
}

#[derive(DeriveIden)]
enum AuditLog {
    Table,
    Sequence,
    OccurredAt,
    ActorKind,
    Actor,
    Action,
    Object,
    Result,
    Address,
    RequestId,
}

/// Each index with its table and its columns.
const INDEXES: [(&str, &str, &[&str]); 5] = [
    ("webhook_inbox_by_checkout", "webhook_inbox", &["checkout_id", "received_at"]),
    ("dead_letters_by_creation", "dead_letters", &["created_at", "letter_id"]),
    // What still needs a person is few among many.
    ("dead_letters_by_status", "dead_letters", &["status", "created_at"]),
    ("dead_letters_by_checkout", "dead_letters", &["checkout_id"]),
    ("audit_log_by_actor", "audit_log", &["actor", "sequence"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhook_inbox()).await?;
        manager.create_table(dead_letters()).await?;
        manager.create_table(dead_letter_actions()).await?;
        manager.create_table(audit_log()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        make_first_insert_stay(manager, "webhook_inbox").await?;
        make_append_only(manager, "dead_letter_actions").await?;
        make_append_only(manager, "audit_log").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(AuditLog::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(DeadLetterActions::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(DeadLetters::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(WebhookInbox::Table).to_owned()).await
    }
}

fn webhook_inbox() -> TableCreateStatement {
    Table::create()
        .table(WebhookInbox::Table)
        .col(text(WebhookInbox::Digest).primary_key())
        .col(text_null(WebhookInbox::Event))
        .col(text(WebhookInbox::CheckoutId))
        .col(text_null(WebhookInbox::DeliveryId))
        .col(text_null(WebhookInbox::SentAt))
        .col(big_integer_null(WebhookInbox::Retries))
        .col(timestamp_with_time_zone(WebhookInbox::ReceivedAt))
        .to_owned()
}

fn dead_letters() -> TableCreateStatement {
    Table::create()
        .table(DeadLetters::Table)
        .col(text(DeadLetters::LetterId).primary_key())
        .col(text(DeadLetters::WorkflowId))
        .col(text(DeadLetters::RunId))
        .col(text(DeadLetters::WorkflowType))
        .col(text_null(DeadLetters::CheckoutId))
        .col(text(DeadLetters::Step))
        .col(text(DeadLetters::Code))
        .col(text(DeadLetters::Message))
        .col(text(DeadLetters::Input))
        .col(text(DeadLetters::Awaits))
        .col(text(DeadLetters::Outcomes))
        .col(text(DeadLetters::Status))
        .col(timestamp_with_time_zone(DeadLetters::CreatedAt))
        .col(timestamp_with_time_zone(DeadLetters::UpdatedAt))
        .to_owned()
}

fn dead_letter_actions() -> TableCreateStatement {
    Table::create()
        .table(DeadLetterActions::Table)
        .col(text(DeadLetterActions::LetterId))
        .col(integer(DeadLetterActions::Number).check(Expr::col(DeadLetterActions::Number).gt(0)))
        .col(text(DeadLetterActions::Action))
        .col(text(DeadLetterActions::Actor))
        .col(text(DeadLetterActions::Reason))
        .col(text_null(DeadLetterActions::Outcome))
        .col(timestamp_with_time_zone(DeadLetterActions::ActedAt))
        .primary_key(Index::create().col(DeadLetterActions::LetterId).col(DeadLetterActions::Number))
        .foreign_key(
            ForeignKey::create()
                .from(DeadLetterActions::Table, DeadLetterActions::LetterId)
                .to(DeadLetters::Table, DeadLetters::LetterId),
        )
        .to_owned()
}

fn audit_log() -> TableCreateStatement {
    Table::create()
        .table(AuditLog::Table)
        .col(big_integer(AuditLog::Sequence).primary_key().auto_increment())
        .col(timestamp_with_time_zone(AuditLog::OccurredAt))
        .col(text(AuditLog::ActorKind))
        .col(text(AuditLog::Actor))
        .col(text(AuditLog::Action))
        .col(text(AuditLog::Object))
        .col(text(AuditLog::Result))
        .col(text_null(AuditLog::Address))
        .col(text_null(AuditLog::RequestId))
        .to_owned()
}
