//! Refunds: what was asked for, and what goes back of which order.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::make_append_only;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Refunds {
    Table,
    RefundId,
    WorkflowId,
    CheckoutId,
    PaymentOrderId,
    ApiKeyId,
    Fingerprint,
    Amount,
    Currency,
    Reason,
    Status,
    FailureCode,
    FailureMessage,
    TransactionKey,
    RequestedAt,
    ExecutedAt,
    UpdatedAt,
}

#[derive(DeriveIden, Clone, Copy)]
enum RefundOrders {
    Table,
    RefundId,
    Line,
    PaymentOrderId,
    Amount,
}

#[derive(DeriveIden)]
enum PaymentEvents {
    Table,
    CheckoutId,
}

#[derive(DeriveIden)]
enum PaymentOrders {
    Table,
    PaymentOrderId,
}

/// Where a refund may stand.
const STATUSES: [&str; 6] = ["REQUESTED", "EXECUTING", "UNKNOWN", "STUCK", "SUCCEEDED", "FAILED"];
/// Where nothing is promised for it, so that its amount may not be known.
const UNPROMISED: [&str; 2] = ["REQUESTED", "FAILED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(refunds()).await?;
        manager.create_table(refund_orders()).await?;
        manager
            .create_index(
                Index::create()
                    .name("refunds_by_checkout")
                    .table(Refunds::Table)
                    .col(Refunds::CheckoutId)
                    .col(Refunds::RequestedAt)
                    .to_owned(),
            )
            .await?;
        make_append_only(manager, "refund_orders").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(RefundOrders::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Refunds::Table).to_owned()).await
    }
}

fn refunds() -> TableCreateStatement {
    Table::create()
        .table(Refunds::Table)
        .col(text(Refunds::RefundId).primary_key())
        .col(text_uniq(Refunds::WorkflowId))
        .col(text(Refunds::CheckoutId))
        .col(text_null(Refunds::PaymentOrderId))
        .col(text(Refunds::ApiKeyId))
        .col(text(Refunds::Fingerprint))
        .col(big_integer_null(Refunds::Amount).check(Expr::col(Refunds::Amount).gt(0)))
        .col(text(Refunds::Currency))
        .col(text(Refunds::Reason))
        .col(text(Refunds::Status).check(Expr::col(Refunds::Status).is_in(STATUSES)))
        .col(text_null(Refunds::FailureCode))
        .col(text_null(Refunds::FailureMessage))
        .col(text_null(Refunds::TransactionKey))
        .col(timestamp_with_time_zone(Refunds::RequestedAt))
        .col(timestamp_with_time_zone_null(Refunds::ExecutedAt))
        .col(timestamp_with_time_zone(Refunds::UpdatedAt))
        .check(Expr::col(Refunds::Amount).is_not_null().or(Expr::col(Refunds::Status).is_in(UNPROMISED)))
        .check(Expr::col(Refunds::ExecutedAt).is_not_null().or(Expr::col(Refunds::Status).ne("SUCCEEDED")))
        .foreign_key(
            ForeignKey::create()
                .from(Refunds::Table, Refunds::CheckoutId)
                .to(PaymentEvents::Table, PaymentEvents::CheckoutId),
        )
        .foreign_key(
            ForeignKey::create()
                .from(Refunds::Table, Refunds::PaymentOrderId)
                .to(PaymentOrders::Table, PaymentOrders::PaymentOrderId),
        )
        .to_owned()
}

fn refund_orders() -> TableCreateStatement {
    Table::create()
        .table(RefundOrders::Table)
        .col(text(RefundOrders::RefundId))
        .col(integer(RefundOrders::Line))
        .col(text(RefundOrders::PaymentOrderId))
        .col(big_integer(RefundOrders::Amount).check(Expr::col(RefundOrders::Amount).gt(0)))
        .primary_key(Index::create().col(RefundOrders::RefundId).col(RefundOrders::PaymentOrderId))
        .foreign_key(
            ForeignKey::create()
                .from(RefundOrders::Table, RefundOrders::RefundId)
                .to(Refunds::Table, Refunds::RefundId),
        )
        .foreign_key(
            ForeignKey::create()
                .from(RefundOrders::Table, RefundOrders::PaymentOrderId)
                .to(PaymentOrders::Table, PaymentOrders::PaymentOrderId),
        )
        .to_owned()
}
