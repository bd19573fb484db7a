//! Purchases that a buyer confirmed, or whose delivery the marketplace reported: when their earnings are released.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(Clone, Copy, DeriveIden)]
enum PurchaseConfirmations {
    Table,
    PaymentOrderId,
    CheckoutId,
    ConfirmedAt,
    DeliveredAt,
    DueAt,
    RecordedBy,
    RecordedAt,
    AdoptedAt,
}

#[derive(DeriveIden)]
enum PaymentOrders {
    Table,
    PaymentOrderId,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use PurchaseConfirmations as Row;
        let table = Table::create()
            .table(Row::Table)
            .col(text(Row::PaymentOrderId).primary_key())
            .col(text(Row::CheckoutId))
            .col(timestamp_with_time_zone_null(Row::ConfirmedAt))
            .col(timestamp_with_time_zone_null(Row::DeliveredAt))
            .col(timestamp_with_time_zone(Row::DueAt))
            .col(text(Row::RecordedBy))
            .col(timestamp_with_time_zone(Row::RecordedAt))
            .col(timestamp_with_time_zone_null(Row::AdoptedAt))
            .check(Expr::col(Row::ConfirmedAt).is_not_null().or(Expr::col(Row::DeliveredAt).is_not_null()))
            .foreign_key(
                ForeignKey::create()
                    .from(Row::Table, Row::PaymentOrderId)
                    .to(PaymentOrders::Table, PaymentOrders::PaymentOrderId),
            )
            .to_owned();
        manager.create_table(table).await?;
        // The reports that no worker has taken over yet are few among many.
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE INDEX purchase_confirmations_due ON purchase_confirmations (due_at) WHERE adopted_at IS NULL",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PurchaseConfirmations::Table).to_owned()).await
    }
}
