//! The books: entries in one hash chain, their postings, and the balances, wallets and holds folded from them.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::{make_append_only, make_first_insert_stay};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum LedgerEntries {
    Table,
    Sequence,
    EntryId,
    Reason,
    CheckoutId,
    Reverses,
    OccurredAt,
    BookedAt,
    Hash,
}

#[derive(DeriveIden, Clone, Copy)]
enum LedgerPostings {
    Table,
    Sequence,
    Line,
    DebitAccount,
    CreditAccount,
    Amount,
    Currency,
    PaymentOrderId,
}

#[derive(DeriveIden, Clone, Copy)]
enum LedgerHead {
    Table,
    Id,
    Sequence,
    Hash,
    BookedAt,
    ClosedBefore,
}

#[derive(DeriveIden, Clone, Copy)]
enum LedgerBalances {
    Table,
    Account,
    Currency,
    Debits,
    Credits,
}

#[derive(DeriveIden, Clone, Copy)]
enum Wallets {
    Table,
    SellerAccount,
    Currency,
    Pending,
    Available,
    Held,
    InTransit,
    PaidOut,
    Debt,
    UpdatedAt,
}

#[derive(DeriveIden, Clone, Copy)]
enum WalletHolds {
    Table,
    HoldId,
    SellerAccount,
    Currency,
    Amount,
    CapturedAmount,
    Status,
    ReservedAt,
    ExpiresAt,
}

#[derive(DeriveIden, Clone, Copy)]
enum CommissionRates {
    Table,
    SellerAccount,
    EffectiveFrom,
    BasisPoints,
    SetAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            ledger_entries(),
            ledger_postings(),
            ledger_head(),
            ledger_balances(),
            wallets(),
            wallet_holds(),
            commission_rates(),
        ] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.execute(first_head()).await?;
        make_first_insert_stay(manager, "commission_rates").await?;
        make_append_only(manager, "ledger_entries").await?;
        make_append_only(manager, "ledger_postings").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(CommissionRates::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(WalletHolds::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Wallets::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(LedgerBalances::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(LedgerHead::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(LedgerPostings::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(LedgerEntries::Table).to_owned()).await
    }
}

fn ledger_entries() -> TableCreateStatement {
    Table::create()
        .table(LedgerEntries::Table)
        .col(big_integer(LedgerEntries::Sequence).primary_key().check(Expr::col(LedgerEntries::Sequence).gt(0)))
        .col(text_uniq(LedgerEntries::EntryId))
        .col(text(LedgerEntries::Reason))
        .col(text_null(LedgerEntries::CheckoutId))
        .col(text_null(LedgerEntries::Reverses).unique_key())
        .col(timestamp_with_time_zone(LedgerEntries::OccurredAt))
        .col(timestamp_with_time_zone(LedgerEntries::BookedAt))
        .col(text_uniq(LedgerEntries::Hash))
        .foreign_key(
            ForeignKey::create()
                .from(LedgerEntries::Table, LedgerEntries::Reverses)
                .to(LedgerEntries::Table, LedgerEntries::EntryId),
        )
        .to_owned()
}

fn ledger_postings() -> TableCreateStatement {
    Table::create()
        .table(LedgerPostings::Table)
        .col(big_integer(LedgerPostings::Sequence))
        .col(integer(LedgerPostings::Line))
        .col(text(LedgerPostings::DebitAccount))
        .col(
            text(LedgerPostings::CreditAccount)
                .check(Expr::col(LedgerPostings::CreditAccount).ne(Expr::col(LedgerPostings::DebitAccount))),
        )
        .col(above_zero(LedgerPostings::Amount))
        .col(text(LedgerPostings::Currency))
        .col(text_null(LedgerPostings::PaymentOrderId))
        .primary_key(Index::create().col(LedgerPostings::Sequence).col(LedgerPostings::Line))
        .foreign_key(
            ForeignKey::create()
                .from(LedgerPostings::Table, LedgerPostings::Sequence)
                .to(LedgerEntries::Table, LedgerEntries::Sequence),
        )
        .to_owned()
}

/// One row: the end of the hash chain. Whoever books locks it first, so the chain has no forks.
fn ledger_head() -> TableCreateStatement {
    Table::create()
        .table(LedgerHead::Table)
        .col(integer(LedgerHead::Id).primary_key().check(Expr::col(LedgerHead::Id).eq(1)))
        .col(not_below_zero(LedgerHead::Sequence))
        .col(text(LedgerHead::Hash))
        .col(timestamp_with_time_zone_null(LedgerHead::BookedAt))
        .col(timestamp_with_time_zone_null(LedgerHead::ClosedBefore))
        .to_owned()
}

fn first_head() -> InsertStatement {
    Query::insert()
        .into_table(LedgerHead::Table)
        .columns([LedgerHead::Id, LedgerHead::Sequence, LedgerHead::Hash])
        .values_panic([1.into(), 0_i64.into(), "0".repeat(64).into()])
        .to_owned()
}

fn ledger_balances() -> TableCreateStatement {
    Table::create()
        .table(LedgerBalances::Table)
        .col(text(LedgerBalances::Account))
        .col(text(LedgerBalances::Currency))
        .col(not_below_zero(LedgerBalances::Debits))
        .col(not_below_zero(LedgerBalances::Credits))
        .primary_key(Index::create().col(LedgerBalances::Account).col(LedgerBalances::Currency))
        .to_owned()
}

fn wallets() -> TableCreateStatement {
    Table::create()
        .table(Wallets::Table)
        .col(text(Wallets::SellerAccount))
        .col(text(Wallets::Currency))
        .col(not_below_zero(Wallets::Pending))
        .col(not_below_zero(Wallets::Available))
        .col(not_below_zero(Wallets::Held))
        .col(not_below_zero(Wallets::InTransit))
        .col(not_below_zero(Wallets::PaidOut))
        .col(not_below_zero(Wallets::Debt))
        .col(timestamp_with_time_zone(Wallets::UpdatedAt))
        .primary_key(Index::create().col(Wallets::SellerAccount).col(Wallets::Currency))
        .to_owned()
}

fn wallet_holds() -> TableCreateStatement {
    Table::create()
        .table(WalletHolds::Table)
        .col(text(WalletHolds::HoldId).primary_key())
        .col(text(WalletHolds::SellerAccount))
        .col(text(WalletHolds::Currency))
        .col(above_zero(WalletHolds::Amount))
        .col(
            not_below_zero(WalletHolds::CapturedAmount)
                .check(Expr::col(WalletHolds::CapturedAmount).lte(Expr::col(WalletHolds::Amount))),
        )
        .col(text(WalletHolds::Status))
        .col(timestamp_with_time_zone(WalletHolds::ReservedAt))
        .col(timestamp_with_time_zone_null(WalletHolds::ExpiresAt))
        .to_owned()
}

fn commission_rates() -> TableCreateStatement {
    Table::create()
        .table(CommissionRates::Table)
        .col(text(CommissionRates::SellerAccount))
        .col(timestamp_with_time_zone(CommissionRates::EffectiveFrom))
        .col(integer(CommissionRates::BasisPoints).check(
            Expr::col(CommissionRates::BasisPoints).gte(0).and(Expr::col(CommissionRates::BasisPoints).lte(10_000)),
        ))
        .col(timestamp_with_time_zone(CommissionRates::SetAt))
        .primary_key(Index::create().col(CommissionRates::SellerAccount).col(CommissionRates::EffectiveFrom))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let postings = |name: &str, account: LedgerPostings| {
        Index::create().name(name).table(LedgerPostings::Table).col(account).col(LedgerPostings::Sequence).to_owned()
    };
    vec![
        postings("ledger_postings_by_debit", LedgerPostings::DebitAccount),
        postings("ledger_postings_by_credit", LedgerPostings::CreditAccount),
        Index::create()
            .name("ledger_entries_by_checkout")
            .table(LedgerEntries::Table)
            .col(LedgerEntries::CheckoutId)
            .to_owned(),
        Index::create()
            .name("ledger_entries_by_occurrence")
            .table(LedgerEntries::Table)
            .col(LedgerEntries::OccurredAt)
            .to_owned(),
        Index::create()
            .name("wallet_holds_by_expiry")
            .table(WalletHolds::Table)
            .col(WalletHolds::Status)
            .col(WalletHolds::ExpiresAt)
            .to_owned(),
    ]
}

fn above_zero(column: impl IntoIden + Copy + 'static) -> ColumnDef {
    big_integer(column).check(Expr::col(column).gt(0)).to_owned()
}

fn not_below_zero(column: impl IntoIden + Copy + 'static) -> ColumnDef {
    big_integer(column).check(Expr::col(column).gte(0)).to_owned()
}
