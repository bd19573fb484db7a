//! The name on a virtual account, sealed. And an index for the refunds that wait for a second principal.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PaymentEvents {
    Table,
    AccountHolder,
}

#[derive(DeriveIden)]
enum RefundApprovals {
    Table,
    RequestedAt,
    RefundId,
}

/// The list of approvals, the newest first.
const INDEX: &str = "refund_approvals_by_age";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text_null(PaymentEvents::AccountHolder);
        manager.alter_table(Table::alter().table(PaymentEvents::Table).add_column(column).to_owned()).await?;
        let index = Index::create()
            .name(INDEX)
            .table(RefundApprovals::Table)
            .col(RefundApprovals::RequestedAt)
            .col(RefundApprovals::RefundId)
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table(RefundApprovals::Table).to_owned()).await?;
        let column = PaymentEvents::AccountHolder;
        manager.alter_table(Table::alter().table(PaymentEvents::Table).drop_column(column).to_owned()).await
    }
}
