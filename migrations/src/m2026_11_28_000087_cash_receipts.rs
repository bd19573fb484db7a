//! Cash receipts of payments, as the PSP reports them, and the payments whose receipts are followed.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const RECEIPTS: &str = "cash_receipts";
const WATCHES: &str = "cash_receipt_watches";

/// Payments of before are followed too, from the update on.
const ADOPT: &str = "INSERT INTO cash_receipt_watches (checkout_id, round, look_at) \
    SELECT checkout_id, 0, psp_approved_at FROM payment_events \
    WHERE is_payment_done AND psp_approved_at IS NOT NULL AND (cash_receipt_number IS NOT NULL \
    OR psp_method IN ('가상계좌', '계좌이체', 'Virtual account', 'Transfer'))";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let receipts = Table::create()
            .table(RECEIPTS)
            .col(text("receipt_key").primary_key())
            .col(text("checkout_id"))
            .col(text("entry").check(Expr::col("entry").is_in(["ISSUE", "CANCEL"])))
            .col(text_null("purpose").check(Expr::col("purpose").is_in(["INCOME_DEDUCTION", "EXPENSE_PROOF"])))
            .col(big_integer("amount").check(Expr::col("amount").gte(0)))
            .col(big_integer("tax_free_amount").check(Expr::cust("tax_free_amount BETWEEN 0 AND amount")))
            .col(text("currency"))
            .col(text_null("receipt_number"))
            .col(text_null("receipt_url"))
            .col(text("status").check(Expr::col("status").is_in(["IN_PROGRESS", "COMPLETED", "FAILED"])))
            .col(text_null("failure_code"))
            .col(text_null("failure_message"))
            .col(timestamp_with_time_zone_null("requested_at"))
            .col(timestamp_with_time_zone("first_seen_at"))
            .to_owned();
        manager.create_table(receipts).await?;
        let of_a_checkout =
            Index::create().name("cash_receipts_of_a_checkout").table(RECEIPTS).col("checkout_id").to_owned();
        manager.create_index(of_a_checkout).await?;
        let standings = ["MISSING", "IN_PROGRESS", "ISSUED", "TAKEN_BACK", "FAILED", "DIFFERS"];
        let watches = Table::create()
            .table(WATCHES)
            .col(text("checkout_id").primary_key())
            // Raised with each movement of money: an answer from before it says nothing about the time after it.
            .col(integer("round"))
            .col(timestamp_with_time_zone_null("look_at"))
            .col(text_null("standing").check(Expr::col("standing").is_in(standings)))
            .col(timestamp_with_time_zone_null("standing_since"))
            .col(timestamp_with_time_zone_null("looked_at"))
            .to_owned();
        manager.create_table(watches).await?;
        for index in [
            "CREATE INDEX cash_receipt_watches_due ON cash_receipt_watches (look_at) WHERE look_at IS NOT NULL",
            "CREATE INDEX cash_receipt_watches_wrong ON cash_receipt_watches (standing_since) \
             WHERE standing IN ('FAILED', 'DIFFERS')",
            ADOPT,
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(WATCHES).to_owned()).await?;
        manager.drop_table(Table::drop().table(RECEIPTS).to_owned()).await
    }
}
