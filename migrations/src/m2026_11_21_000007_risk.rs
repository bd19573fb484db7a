//! What a checkout remembers of attempts that did not succeed, of the account it waits for, and of the risk it was
//! found to be.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::{make_append_only, make_first_insert_stay};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PaymentEvents {
    Table,
    CheckoutId,
    FailureRetryable,
    FailureRetryAt,
    AccountBank,
    AccountNumber,
    AccountDueAt,
}

#[derive(DeriveIden)]
enum DeclinedPayments {
    Table,
    CheckoutId,
    PaymentKey,
    Revision,
    FailureCode,
    FailureMessage,
    FailureRetryAt,
}

#[derive(DeriveIden)]
enum RiskDecisions {
    Table,
    CheckoutId,
    Attempt,
    Verdict,
    Reasons,
    DecidedBy,
    BuyerId,
    Card,
    Amount,
    Currency,
    DecidedAt,
}

/// Each index with its columns.
const INDEXES: [(&str, [&str; 2]); 2] =
    [("risk_decisions_by_buyer", ["buyer_id", "decided_at"]), ("risk_decisions_by_card", ["card", "decided_at"])];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in new_columns() {
            manager.alter_table(Table::alter().table(PaymentEvents::Table).add_column(column).to_owned()).await?;
        }
        manager.create_table(declined_payments()).await?;
        manager.create_table(risk_decisions()).await?;
        for (name, [first, second]) in INDEXES {
            let index = Index::create().name(name).table(RiskDecisions::Table).col(first).col(second).to_owned();
            manager.create_index(index).await?;
        }
        make_append_only(manager, "declined_payments").await?;
        make_first_insert_stay(manager, "risk_decisions").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(RiskDecisions::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(DeclinedPayments::Table).to_owned()).await?;
        for column in [
            PaymentEvents::AccountDueAt,
            PaymentEvents::AccountNumber,
            PaymentEvents::AccountBank,
            PaymentEvents::FailureRetryAt,
            PaymentEvents::FailureRetryable,
        ] {
            manager.alter_table(Table::alter().table(PaymentEvents::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn new_columns() -> [ColumnDef; 5] {
    [
        boolean(PaymentEvents::FailureRetryable).default(false).take(),
        timestamp_with_time_zone_null(PaymentEvents::FailureRetryAt).take(),
        text_null(PaymentEvents::AccountBank).take(),
        text_null(PaymentEvents::AccountNumber).take(),
        timestamp_with_time_zone_null(PaymentEvents::AccountDueAt).take(),
    ]
}

fn declined_payments() -> TableCreateStatement {
    Table::create()
        .table(DeclinedPayments::Table)
        .col(text(DeclinedPayments::CheckoutId))
        .col(text(DeclinedPayments::PaymentKey))
        .col(integer(DeclinedPayments::Revision))
        .col(text_null(DeclinedPayments::FailureCode))
        .col(text_null(DeclinedPayments::FailureMessage))
        .col(timestamp_with_time_zone_null(DeclinedPayments::FailureRetryAt))
        .primary_key(Index::create().col(DeclinedPayments::CheckoutId).col(DeclinedPayments::PaymentKey))
        .foreign_key(
            ForeignKey::create()
                .from(DeclinedPayments::Table, DeclinedPayments::CheckoutId)
                .to(PaymentEvents::Table, PaymentEvents::CheckoutId),
        )
        .to_owned()
}

fn risk_decisions() -> TableCreateStatement {
    Table::create()
        .table(RiskDecisions::Table)
        .col(text(RiskDecisions::CheckoutId))
        .col(integer(RiskDecisions::Attempt).check(Expr::col(RiskDecisions::Attempt).gte(0)))
        .col(text(RiskDecisions::DecidedBy))
        .col(text(RiskDecisions::Verdict))
        .col(text(RiskDecisions::Reasons))
        .col(text(RiskDecisions::BuyerId))
        .col(text_null(RiskDecisions::Card))
        .col(big_integer(RiskDecisions::Amount).check(Expr::col(RiskDecisions::Amount).gt(0)))
        .col(text(RiskDecisions::Currency))
        .col(timestamp_with_time_zone(RiskDecisions::DecidedAt))
        .primary_key(
            Index::create().col(RiskDecisions::CheckoutId).col(RiskDecisions::Attempt).col(RiskDecisions::DecidedBy),
        )
        .foreign_key(
            ForeignKey::create()
                .from(RiskDecisions::Table, RiskDecisions::CheckoutId)
                .to(PaymentEvents::Table, PaymentEvents::CheckoutId),
        )
        .to_owned()
}
