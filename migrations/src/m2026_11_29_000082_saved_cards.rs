//! Saved cards: a buyer's card that is kept at the PSP and charged again. A row is made when a registration begins; the
//! key of the card stands in it sealed, and only while the card can be charged.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const CARDS: &str = "saved_cards";
const PAYMENTS: &str = "payment_events";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cards = Table::create()
            .table(CARDS)
            .col(text("saved_card_id").primary_key())
            .col(text("buyer_id"))
            .col(text("created_by"))
            .col(text("fingerprint"))
            .col(text_null("return_url"))
            .col(text("status").check(Expr::col("status").is_in(["REGISTERING", "ACTIVE", "DELETED"])))
            .col(text_null("sealed_key").check(Expr::cust("(status = 'ACTIVE') = (sealed_key IS NOT NULL)")))
            .col(text_null("key_digest").check(Expr::cust("(status = 'ACTIVE') = (key_digest IS NOT NULL)")))
            .col(text_null("issuer"))
            .col(text_null("card_number"))
            .col(text_null("card_type"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("registered_at"))
            .col(timestamp_with_time_zone_null("deleted_at"))
            .col(text_null("deleted_by").check(Expr::col("deleted_by").is_in(["MARKETPLACE", "PSP"])))
            .check(Expr::cust("(status = 'DELETED') = (deleted_at IS NOT NULL)"))
            .to_owned();
        manager.create_table(cards).await?;
        let of_a_buyer = Index::create().name("saved_cards_of_a_buyer").table(CARDS).col("buyer_id").to_owned();
        manager.create_index(of_a_buyer).await?;
        let by_key = "CREATE UNIQUE INDEX saved_cards_by_key ON saved_cards (key_digest) WHERE key_digest IS NOT NULL";
        manager.get_connection().execute_unprepared(by_key).await?;
        let paid_by = Table::alter().table(PAYMENTS).add_column(text_null("saved_card_id")).to_owned();
        manager.alter_table(paid_by).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(PAYMENTS).drop_column("saved_card_id").to_owned()).await?;
        manager.drop_table(Table::drop().table(CARDS).to_owned()).await
    }
}
