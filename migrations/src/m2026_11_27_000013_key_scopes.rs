//! API keys of several scopes, with limits of their own, whose end nobody moves who can only write to the table; and
//! what is asked back by whom on which day, and what waits for a second principal.
//!
//! Keys that were made before keep their hash, which covers their scope as it was written then. They are of format 1:
//! their `checkout` and `ops` include `refund`, as they did when they were made.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ApiKeys {
    Table,
    Format,
    RefundLimit,
    RefundCurrency,
    RowMac,
}

#[derive(DeriveIden)]
enum RefundDays {
    Table,
    Principal,
    Day,
    Currency,
    Amount,
}

#[derive(DeriveIden)]
enum RefundReservations {
    Table,
    RefundId,
    Principal,
    Day,
    Currency,
    Amount,
    ReservedAt,
}

#[derive(DeriveIden)]
enum RefundApprovals {
    Table,
    RefundId,
    CheckoutId,
    Fingerprint,
    Amount,
    Currency,
    RequestedBy,
    RequestedAt,
    KeyName,
    Sealed,
    Decision,
    DecidedBy,
    DecidedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            integer(ApiKeys::Format).default(1).to_owned(),
            big_integer_null(ApiKeys::RefundLimit),
            text_null(ApiKeys::RefundCurrency),
            text_null(ApiKeys::RowMac),
        ] {
            manager.alter_table(Table::alter().table(ApiKeys::Table).add_column(column).to_owned()).await?;
        }
        manager.create_table(refund_days()).await?;
        manager.create_table(refund_reservations()).await?;
        manager.create_table(refund_approvals()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(RefundApprovals::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(RefundReservations::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(RefundDays::Table).to_owned()).await?;
        for column in [ApiKeys::RowMac, ApiKeys::RefundCurrency, ApiKeys::RefundLimit, ApiKeys::Format] {
            manager.alter_table(Table::alter().table(ApiKeys::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// What each principal asked back on each day in Korea, of those that have a limit.
fn refund_days() -> TableCreateStatement {
    Table::create()
        .table(RefundDays::Table)
        .col(text(RefundDays::Principal))
        .col(text(RefundDays::Day))
        .col(text(RefundDays::Currency))
        .col(big_integer(RefundDays::Amount))
        .primary_key(Index::create().col(RefundDays::Principal).col(RefundDays::Day).col(RefundDays::Currency))
        .check(Expr::col(RefundDays::Amount).gte(0))
        .to_owned()
}

/// Which refunds are in these sums: each once.
fn refund_reservations() -> TableCreateStatement {
    Table::create()
        .table(RefundReservations::Table)
        .col(text(RefundReservations::RefundId).primary_key())
        .col(text(RefundReservations::Principal))
        .col(text(RefundReservations::Day))
        .col(text(RefundReservations::Currency))
        .col(big_integer(RefundReservations::Amount))
        .col(timestamp_with_time_zone(RefundReservations::ReservedAt))
        .check(Expr::col(RefundReservations::Amount).gt(0))
        .to_owned()
}

/// The principal that asked can never approve, whatever the statement.
fn refund_approvals() -> TableCreateStatement {
    let (decision, decided_by) = (Expr::col(RefundApprovals::Decision), Expr::col(RefundApprovals::DecidedBy));
    Table::create()
        .table(RefundApprovals::Table)
        .col(text(RefundApprovals::RefundId).primary_key())
        .col(text(RefundApprovals::CheckoutId))
        .col(text(RefundApprovals::Fingerprint))
        .col(big_integer(RefundApprovals::Amount))
        .col(text(RefundApprovals::Currency))
        .col(text(RefundApprovals::RequestedBy))
        .col(timestamp_with_time_zone(RefundApprovals::RequestedAt))
        .col(text(RefundApprovals::KeyName))
        .col(blob(RefundApprovals::Sealed))
        .col(text_null(RefundApprovals::Decision))
        .col(text_null(RefundApprovals::DecidedBy))
        .col(timestamp_with_time_zone_null(RefundApprovals::DecidedAt))
        .check(Expr::col(RefundApprovals::Amount).gt(0))
        .check(decision.is_null().eq(decided_by.clone().is_null()))
        .check(decided_by.clone().is_null().or(decided_by.ne(Expr::col(RefundApprovals::RequestedBy))))
        .to_owned()
}
