//! Sellers, their registrations at the PSP, and what a principal holds back of their payouts.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(Clone, Copy, DeriveIden)]
enum Sellers {
    Table,
    SellerAccount,
    Version,
    DetailsVersion,
    Name,
    BusinessType,
    Details,
    EmailMasked,
    AccountMasked,
    Account,
    AccountChangedAt,
    Cycle,
    Days,
    LagBusinessDays,
    Holiday,
    MinimumPayout,
    Metadata,
    CreatedAt,
    UpdatedAt,
}

#[derive(Clone, Copy, DeriveIden)]
enum SellerRegistrations {
    Table,
    SellerAccount,
    Number,
    RefSellerId,
    PspSellerId,
    BusinessType,
    Approval,
    SentVersion,
    VerifiedAccount,
    RefusedAccount,
    ReturnedAccount,
    FailureCode,
    BegunAt,
    RegisteredAt,
    CheckedAt,
    DeletedAt,
}

#[derive(DeriveIden)]
enum SellerHolds {
    Table,
    HoldId,
    SellerAccount,
    Amount,
    Currency,
    Reason,
    ExpiresAt,
    PlacedBy,
    PlacedAt,
    LiftedBy,
    LiftedAt,
}

/// Each index with its table and its columns.
const INDEXES: [(&str, &str, &[&str]); 2] = [
    ("seller_holds_by_seller", "seller_holds", &["seller_account", "placed_at"]),
    ("seller_registrations_by_psp_id", "seller_registrations", &["psp_seller_id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(sellers()).await?;
        manager.create_table(registrations()).await?;
        manager.create_table(holds()).await?;
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        // A seller has one registration at a time: the one that was not deleted.
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE UNIQUE INDEX seller_registrations_current ON seller_registrations (seller_account) \
                 WHERE deleted_at IS NULL",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SellerHolds::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(SellerRegistrations::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Sellers::Table).to_owned()).await
    }
}

/// A seller of whom nothing is known has a row too, once a principal holds its payouts back.
fn sellers() -> TableCreateStatement {
    let cycles = ["daily", "weekly", "monthly", "manual"];
    Table::create()
        .table(Sellers::Table)
        .col(text(Sellers::SellerAccount).primary_key())
        .col(not_below_zero(Sellers::Version))
        .col(not_below_zero(Sellers::DetailsVersion))
        .col(text_null(Sellers::Name))
        .col(business_type(text_null(Sellers::BusinessType), Sellers::BusinessType))
        .col(text_null(Sellers::Details))
        .col(text_null(Sellers::EmailMasked))
        .col(text_null(Sellers::AccountMasked))
        .col(not_below_zero(Sellers::Account))
        .col(timestamp_with_time_zone_null(Sellers::AccountChangedAt))
        .col(text_null(Sellers::Cycle).check(Expr::col(Sellers::Cycle).is_in(cycles)))
        .col(text(Sellers::Days))
        .col(not_below_zero(Sellers::LagBusinessDays))
        .col(text(Sellers::Holiday).check(Expr::col(Sellers::Holiday).is_in(["before", "after"])))
        .col(big_integer(Sellers::MinimumPayout).check(Expr::col(Sellers::MinimumPayout).gte(0)))
        .col(text(Sellers::Metadata))
        .col(timestamp_with_time_zone(Sellers::CreatedAt))
        .col(timestamp_with_time_zone(Sellers::UpdatedAt))
        // Details are whole or absent.
        .check(Expr::cust(
            "(details IS NULL) = (name IS NULL) AND (details IS NULL) = (business_type IS NULL) \
             AND (details IS NULL) = (email_masked IS NULL) AND (details IS NULL) = (account_masked IS NULL) \
             AND (details IS NULL) = (cycle IS NULL) AND (details IS NULL) = (account = 0) \
             AND (details IS NULL) = (details_version = 0)",
        ))
        .to_owned()
}

fn registrations() -> TableCreateStatement {
    use SellerRegistrations as Row;
    Table::create()
        .table(Row::Table)
        .col(text(Row::SellerAccount))
        .col(above_zero(Row::Number))
        .col(text_uniq(Row::RefSellerId))
        .col(text_null(Row::PspSellerId))
        .col(business_type(text(Row::BusinessType), Row::BusinessType))
        .col(
            text_null(Row::Approval)
                .check(Expr::col(Row::Approval).is_in(["PENDING", "LIMITED", "APPROVED", "KYC_REQUIRED"]))
                // What the PSP thinks of a seller is known only of a seller that the PSP has.
                .check(Expr::col(Row::Approval).is_null().or(Expr::col(Row::PspSellerId).is_not_null())),
        )
        .col(not_below_zero(Row::SentVersion))
        .col(not_below_zero(Row::VerifiedAccount))
        .col(not_below_zero(Row::RefusedAccount))
        .col(not_below_zero(Row::ReturnedAccount))
        .col(text_null(Row::FailureCode))
        .col(timestamp_with_time_zone(Row::BegunAt))
        .col(timestamp_with_time_zone_null(Row::RegisteredAt))
        .col(timestamp_with_time_zone_null(Row::CheckedAt))
        .col(timestamp_with_time_zone_null(Row::DeletedAt))
        .primary_key(Index::create().col(Row::SellerAccount).col(Row::Number))
        .foreign_key(
            ForeignKey::create().from(Row::Table, Row::SellerAccount).to(Sellers::Table, Sellers::SellerAccount),
        )
        .to_owned()
}

/// A hold without an amount holds all payouts back. One with an amount has a row in `wallet_holds` too.
fn holds() -> TableCreateStatement {
    use SellerHolds as Row;
    Table::create()
        .table(Row::Table)
        .col(text(Row::HoldId).primary_key())
        .col(text(Row::SellerAccount))
        .col(big_integer_null(Row::Amount).check(Expr::col(Row::Amount).gt(0)))
        .col(text_null(Row::Currency).check(Expr::cust("(amount IS NULL) = (currency IS NULL)")))
        .col(text(Row::Reason))
        .col(timestamp_with_time_zone_null(Row::ExpiresAt))
        .col(text(Row::PlacedBy))
        .col(timestamp_with_time_zone(Row::PlacedAt))
        .col(text_null(Row::LiftedBy))
        .col(timestamp_with_time_zone_null(Row::LiftedAt))
        .to_owned()
}

fn business_type(mut definition: ColumnDef, column: impl IntoColumnRef) -> ColumnDef {
    definition.check(Expr::col(column).is_in(["INDIVIDUAL", "INDIVIDUAL_BUSINESS", "CORPORATE"])).to_owned()
}

fn above_zero(column: impl IntoIden + Copy + 'static) -> ColumnDef {
    integer(column).check(Expr::col(column).gt(0)).to_owned()
}

fn not_below_zero(column: impl IntoIden + Copy + 'static) -> ColumnDef {
    integer(column).check(Expr::col(column).gte(0)).to_owned()
}
