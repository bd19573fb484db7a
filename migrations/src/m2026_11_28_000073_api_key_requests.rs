//! API keys that administrators ask for at the console, and the person who saw the secret of a key.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ApiKeyRequests {
    Table,
    RequestId,
    ApiKeyId,
    Name,
    Scope,
    SellerAccount,
    RefundLimit,
    RefundCurrency,
    LifetimeMs,
    Replaces,
    OverlapMs,
    Reason,
    RequestedBy,
    RequestedAt,
    RequestMac,
    Decision,
    DecidedBy,
    DecidedAt,
    DecisionMac,
    ShownAt,
}

const KEYS: &str = "api_keys";
const SHOWN_TO: &str = "shown_to";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(requests()).await?;
        let by_time = Index::create()
            .name("api_key_requests_by_time")
            .table(ApiKeyRequests::Table)
            .col(ApiKeyRequests::RequestedAt)
            .to_owned();
        manager.create_index(by_time).await?;
        manager.alter_table(Table::alter().table(KEYS).add_column(text_null(SHOWN_TO)).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(KEYS).drop_column(SHOWN_TO).to_owned()).await?;
        manager.drop_table(Table::drop().table(ApiKeyRequests::Table).to_owned()).await
    }
}

/// A request approves nothing by its own author, and names its key before there is one: it makes one key at most.
fn requests() -> TableCreateStatement {
    Table::create()
        .table(ApiKeyRequests::Table)
        .col(text(ApiKeyRequests::RequestId).primary_key())
        .col(text(ApiKeyRequests::ApiKeyId).unique_key())
        .col(text(ApiKeyRequests::Name))
        .col(text(ApiKeyRequests::Scope))
        .col(text_null(ApiKeyRequests::SellerAccount))
        .col(big_integer_null(ApiKeyRequests::RefundLimit))
        .col(text_null(ApiKeyRequests::RefundCurrency))
        .col(big_integer_null(ApiKeyRequests::LifetimeMs))
        .col(text_null(ApiKeyRequests::Replaces))
        .col(big_integer_null(ApiKeyRequests::OverlapMs))
        .col(text(ApiKeyRequests::Reason))
        .col(text(ApiKeyRequests::RequestedBy))
        .col(timestamp_with_time_zone(ApiKeyRequests::RequestedAt))
        .col(text(ApiKeyRequests::RequestMac))
        .col(text_null(ApiKeyRequests::Decision))
        .col(text_null(ApiKeyRequests::DecidedBy))
        .col(timestamp_with_time_zone_null(ApiKeyRequests::DecidedAt))
        .col(text_null(ApiKeyRequests::DecisionMac))
        .col(timestamp_with_time_zone_null(ApiKeyRequests::ShownAt))
        .check(
            Expr::col(ApiKeyRequests::Decision)
                .is_null()
                .or(Expr::col(ApiKeyRequests::Decision).eq("REJECTED"))
                .or(Expr::col(ApiKeyRequests::DecidedBy).ne(Expr::col(ApiKeyRequests::RequestedBy))),
        )
        .check(Expr::col(ApiKeyRequests::ShownAt).is_null().or(Expr::col(ApiKeyRequests::Decision).eq("APPROVED")))
        .to_owned()
}
