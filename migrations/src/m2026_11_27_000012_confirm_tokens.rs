//! What the buyer proves to confirm: its hash with each checkout, and the secret from which all tokens are derived.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::DbBackend};

use crate::make_append_only;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PaymentEvents {
    Table,
    ConfirmTokenHash,
}

#[derive(DeriveIden)]
enum ServerSecrets {
    Table,
    Name,
    Secret,
    CreatedAt,
}

/// 256 random bits in hex on SQLite.
const RANDOM_ON_SQLITE: &str = "lower(hex(randomblob(32)))";
/// The hash of three random UUIDs, which have 366 random bits, on PostgreSQL.
const RANDOM_ON_POSTGRES: &str = "encode(sha256((gen_random_uuid()::text || gen_random_uuid()::text || \
                                  gen_random_uuid()::text)::bytea), 'hex')";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A checkout that was made before has no hash, and its buyer needs no token.
        let column = text_null(PaymentEvents::ConfirmTokenHash);
        manager.alter_table(Table::alter().table(PaymentEvents::Table).add_column(column).to_owned()).await?;
        let secrets = Table::create()
            .table(ServerSecrets::Table)
            .col(text(ServerSecrets::Name).primary_key())
            .col(text(ServerSecrets::Secret))
            .col(timestamp_with_time_zone(ServerSecrets::CreatedAt))
            .to_owned();
        manager.create_table(secrets).await?;
        let random = match manager.get_database_backend() {
            DbBackend::Sqlite => RANDOM_ON_SQLITE,
            _ => RANDOM_ON_POSTGRES,
        };
        let insert = format!(
            "INSERT INTO server_secrets (name, secret, created_at) \
             VALUES ('confirm_token', {random}, CURRENT_TIMESTAMP)"
        );
        manager.get_connection().execute_unprepared(&insert).await?;
        make_append_only(manager, "server_secrets").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ServerSecrets::Table).to_owned()).await?;
        let column = PaymentEvents::ConfirmTokenHash;
        manager.alter_table(Table::alter().table(PaymentEvents::Table).drop_column(column).to_owned()).await
    }
}
