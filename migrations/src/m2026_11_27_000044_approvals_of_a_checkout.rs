//! An index for the refunds of a checkout that wait for a second principal: they keep its earnings back, and each round
//! of releases asks for them.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum RefundApprovals {
    Table,
    CheckoutId,
    RequestedAt,
}

const INDEX: &str = "refund_approvals_by_checkout";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name(INDEX)
            .table(RefundApprovals::Table)
            .col(RefundApprovals::CheckoutId)
            .col(RefundApprovals::RequestedAt)
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table(RefundApprovals::Table).to_owned()).await
    }
}
