//! The books: entries, their postings, and the wallets that are folded from them.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::make_append_only;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum LedgerEntries {
    Table,
    EntryId,
    Reason,
    CheckoutId,
    OccurredAt,
    BookedAt,
}

#[derive(DeriveIden)]
enum LedgerPostings {
    Table,
    EntryId,
    Line,
    DebitAccount,
    CreditAccount,
    Amount,
    Currency,
    PaymentOrderId,
}

#[derive(DeriveIden)]
enum Wallets {
    Table,
    SellerAccount,
    Currency,
    Pending,
    Available,
    PaidOut,
    UpdatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(ledger_entries()).await?;
        manager.create_table(ledger_postings()).await?;
        manager.create_table(wallets()).await?;
        for (name, column) in [
            ("ledger_postings_by_debit", LedgerPostings::DebitAccount),
            ("ledger_postings_by_credit", LedgerPostings::CreditAccount),
        ] {
            manager
                .create_index(Index::create().name(name).table(LedgerPostings::Table).col(column).to_owned())
                .await?;
        }
        make_append_only(manager, "ledger_entries").await?;
        make_append_only(manager, "ledger_postings").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Wallets::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(LedgerPostings::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(LedgerEntries::Table).to_owned()).await
    }
}

fn ledger_entries() -> TableCreateStatement {
    Table::create()
        .table(LedgerEntries::Table)
        .col(text(LedgerEntries::EntryId).primary_key())
        .col(text(LedgerEntries::Reason))
        .col(text(LedgerEntries::CheckoutId))
        .col(timestamp_with_time_zone(LedgerEntries::OccurredAt))
        .col(timestamp_with_time_zone(LedgerEntries::BookedAt))
        .to_owned()
}

fn ledger_postings() -> TableCreateStatement {
    Table::create()
        .table(LedgerPostings::Table)
        .col(text(LedgerPostings::EntryId))
        .col(integer(LedgerPostings::Line))
        .col(text(LedgerPostings::DebitAccount))
        .col(
            text(LedgerPostings::CreditAccount)
                .check(Expr::col(LedgerPostings::CreditAccount).ne(Expr::col(LedgerPostings::DebitAccount))),
        )
        .col(big_integer(LedgerPostings::Amount).check(Expr::col(LedgerPostings::Amount).gt(0)))
        .col(text(LedgerPostings::Currency))
        .col(text_null(LedgerPostings::PaymentOrderId))
        .primary_key(Index::create().col(LedgerPostings::EntryId).col(LedgerPostings::Line))
        .foreign_key(
            ForeignKey::create()
                .from(LedgerPostings::Table, LedgerPostings::EntryId)
                .to(LedgerEntries::Table, LedgerEntries::EntryId),
        )
        .to_owned()
}

fn wallets() -> TableCreateStatement {
    Table::create()
        .table(Wallets::Table)
        .col(text(Wallets::SellerAccount))
        .col(text(Wallets::Currency))
        .col(big_integer(Wallets::Pending).check(Expr::col(Wallets::Pending).gte(0)))
        .col(big_integer(Wallets::Available).check(Expr::col(Wallets::Available).gte(0)))
        .col(big_integer(Wallets::PaidOut).check(Expr::col(Wallets::PaidOut).gte(0)))
        .col(timestamp_with_time_zone(Wallets::UpdatedAt))
        .primary_key(Index::create().col(Wallets::SellerAccount).col(Wallets::Currency))
        .to_owned()
}
