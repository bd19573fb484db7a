//! Signed checkpoints of the books; they only grow.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::make_first_insert_stay;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum LedgerCheckpoints {
    Table,
    Sequence,
    KeyId,
    Head,
    Root,
    At,
    PublicKey,
    Signature,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(LedgerCheckpoints::Table)
                    .col(big_integer(LedgerCheckpoints::Sequence).check(Expr::col(LedgerCheckpoints::Sequence).gt(0)))
                    .col(text(LedgerCheckpoints::KeyId))
                    .col(text(LedgerCheckpoints::Head))
                    .col(text(LedgerCheckpoints::Root))
                    .col(timestamp_with_time_zone(LedgerCheckpoints::At))
                    .col(text(LedgerCheckpoints::PublicKey))
                    .col(text(LedgerCheckpoints::Signature))
                    .primary_key(Index::create().col(LedgerCheckpoints::Sequence).col(LedgerCheckpoints::KeyId))
                    .to_owned(),
            )
            .await?;
        make_first_insert_stay(manager, "ledger_checkpoints").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(LedgerCheckpoints::Table).to_owned()).await
    }
}
