//! Checkouts: the requests that made them, the payment events, their payment orders and every status since.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::{forget_append_only, make_append_only, make_first_insert_stay};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum CheckoutRequests {
    Table,
    WorkflowId,
    ApiKeyId,
    Fingerprint,
    CheckoutId,
    Accepted,
    RecordedAt,
}

#[derive(DeriveIden)]
enum PaymentEvents {
    Table,
    CheckoutId,
    WorkflowId,
    OrderName,
    BuyerId,
    Amount,
    Currency,
    Status,
    Revision,
    IsPaymentDone,
    PaymentKey,
    PspMethod,
    PspApprovedAt,
    PspReceiptUrl,
    FailureCode,
    FailureMessage,
    SuccessUrl,
    FailUrl,
    Metadata,
    CreatedAt,
    ExpiresAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum PaymentOrders {
    Table,
    PaymentOrderId,
    CheckoutId,
    Line,
    SellerAccount,
    Amount,
    Currency,
    PaymentOrderStatus,
    WalletUpdated,
    LedgerUpdated,
    RefundedAmount,
    Commission,
    Unreleased,
    ReleasesAt,
}

#[derive(DeriveIden)]
enum PaymentStatusHistory {
    Table,
    CheckoutId,
    Revision,
    Status,
    FailureCode,
    FailureMessage,
    OccurredAt,
    RecordedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(checkout_requests()).await?;
        manager.create_table(payment_events()).await?;
        manager.create_table(payment_orders()).await?;
        manager.create_table(payment_status_history()).await?;
        manager
            .create_index(
                Index::create()
                    .name("payment_events_by_creation")
                    .table(PaymentEvents::Table)
                    .col(PaymentEvents::CreatedAt)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("payment_orders_by_seller")
                    .table(PaymentOrders::Table)
                    .col(PaymentOrders::SellerAccount)
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("payment_orders_by_release")
                    .table(PaymentOrders::Table)
                    .col(PaymentOrders::ReleasesAt)
                    // Orders that were released long ago are not looked at again.
                    .cond_where(Expr::col(PaymentOrders::Unreleased).gt(Expr::cust("0")))
                    .to_owned(),
            )
            .await?;
        make_first_insert_stay(manager, "checkout_requests").await?;
        make_append_only(manager, "payment_status_history").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PaymentStatusHistory::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PaymentOrders::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PaymentEvents::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(CheckoutRequests::Table).to_owned()).await?;
        forget_append_only(manager).await
    }
}

fn checkout_requests() -> TableCreateStatement {
    Table::create()
        .table(CheckoutRequests::Table)
        .col(text(CheckoutRequests::WorkflowId).primary_key())
        .col(text(CheckoutRequests::ApiKeyId))
        .col(text(CheckoutRequests::Fingerprint))
        .col(text(CheckoutRequests::CheckoutId))
        .col(boolean(CheckoutRequests::Accepted))
        .col(timestamp_with_time_zone(CheckoutRequests::RecordedAt))
        .to_owned()
}

fn payment_events() -> TableCreateStatement {
    Table::create()
        .table(PaymentEvents::Table)
        .col(text(PaymentEvents::CheckoutId).primary_key())
        .col(text_uniq(PaymentEvents::WorkflowId))
        .col(text(PaymentEvents::OrderName))
        .col(text(PaymentEvents::BuyerId))
        .col(big_integer(PaymentEvents::Amount).check(Expr::col(PaymentEvents::Amount).gt(0)))
        .col(text(PaymentEvents::Currency))
        .col(text(PaymentEvents::Status))
        .col(integer(PaymentEvents::Revision).check(Expr::col(PaymentEvents::Revision).gte(0)))
        .col(boolean(PaymentEvents::IsPaymentDone))
        .col(text_null(PaymentEvents::PaymentKey))
        .col(text_null(PaymentEvents::PspMethod))
        .col(timestamp_with_time_zone_null(PaymentEvents::PspApprovedAt))
        .col(text_null(PaymentEvents::PspReceiptUrl))
        .col(text_null(PaymentEvents::FailureCode))
        .col(text_null(PaymentEvents::FailureMessage))
        .col(text_null(PaymentEvents::SuccessUrl))
        .col(text_null(PaymentEvents::FailUrl))
        .col(text_null(PaymentEvents::Metadata))
        .col(timestamp_with_time_zone(PaymentEvents::CreatedAt))
        .col(timestamp_with_time_zone(PaymentEvents::ExpiresAt))
        .col(timestamp_with_time_zone(PaymentEvents::UpdatedAt))
        .to_owned()
}

fn payment_orders() -> TableCreateStatement {
    Table::create()
        .table(PaymentOrders::Table)
        .col(text(PaymentOrders::PaymentOrderId).primary_key())
        .col(text(PaymentOrders::CheckoutId))
        .col(integer(PaymentOrders::Line))
        .col(text(PaymentOrders::SellerAccount))
        .col(big_integer(PaymentOrders::Amount).check(Expr::col(PaymentOrders::Amount).gt(0)))
        .col(text(PaymentOrders::Currency))
        .col(text(PaymentOrders::PaymentOrderStatus))
        .col(boolean(PaymentOrders::WalletUpdated))
        .col(boolean(PaymentOrders::LedgerUpdated))
        .col(
            big_integer(PaymentOrders::RefundedAmount).default(0).check(
                Expr::col(PaymentOrders::RefundedAmount)
                    .gte(0)
                    .and(Expr::col(PaymentOrders::RefundedAmount).lte(Expr::col(PaymentOrders::Amount))),
            ),
        )
        .col(big_integer(PaymentOrders::Commission).default(0).check(Expr::col(PaymentOrders::Commission).gte(0)))
        .col(big_integer(PaymentOrders::Unreleased).default(0).check(Expr::col(PaymentOrders::Unreleased).gte(0)))
        .col(timestamp_with_time_zone_null(PaymentOrders::ReleasesAt))
        .foreign_key(
            ForeignKey::create()
                .from(PaymentOrders::Table, PaymentOrders::CheckoutId)
                .to(PaymentEvents::Table, PaymentEvents::CheckoutId),
        )
        .index(
            Index::create()
                .unique()
                .name("payment_orders_line")
                .col(PaymentOrders::CheckoutId)
                .col(PaymentOrders::Line),
        )
        .to_owned()
}

fn payment_status_history() -> TableCreateStatement {
    Table::create()
        .table(PaymentStatusHistory::Table)
        .col(text(PaymentStatusHistory::CheckoutId))
        .col(integer(PaymentStatusHistory::Revision))
        .col(text(PaymentStatusHistory::Status))
        .col(text_null(PaymentStatusHistory::FailureCode))
        .col(text_null(PaymentStatusHistory::FailureMessage))
        .col(timestamp_with_time_zone(PaymentStatusHistory::OccurredAt))
        .col(timestamp_with_time_zone(PaymentStatusHistory::RecordedAt))
        .primary_key(Index::create().col(PaymentStatusHistory::CheckoutId).col(PaymentStatusHistory::Revision))
        .foreign_key(
            ForeignKey::create()
                .from(PaymentStatusHistory::Table, PaymentStatusHistory::CheckoutId)
                .to(PaymentEvents::Table, PaymentEvents::CheckoutId),
        )
        .to_owned()
}
