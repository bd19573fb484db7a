//! Cash receipts that the marketplace asks for after the payment, and what is taken back of them.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const REQUESTS: &str = "cash_receipt_requests";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let requests = Table::create()
            .table(REQUESTS)
            .col(text("request_id").primary_key())
            .col(text("checkout_id"))
            .col(text("entry").check(Expr::col("entry").is_in(["ISSUE", "CANCEL"])))
            .col(text_null("purpose").check(Expr::col("purpose").is_in(["INCOME_DEDUCTION", "EXPENSE_PROOF"])))
            // Whom the receipt is for, sealed, until the PSP has answered.
            .col(text_null("sealed_number"))
            .col(big_integer_null("amount").check(Expr::cust("amount > 0")))
            .col(big_integer_null("tax_free_amount").check(Expr::cust("tax_free_amount BETWEEN 0 AND amount")))
            .col(text("currency"))
            .col(text("status").check(Expr::col("status").is_in(["PENDING", "DONE", "FAILED"])))
            .col(text_null("receipt_key"))
            .col(integer("attempt"))
            .col(text_null("failure_code"))
            .col(text_null("failure_message"))
            .col(text_null("requested_by"))
            .col(timestamp_with_time_zone("requested_at"))
            .col(timestamp_with_time_zone("try_at"))
            .col(timestamp_with_time_zone_null("sent_at"))
            .col(timestamp_with_time_zone_null("settled_at"))
            .check(Expr::cust("(status = 'DONE') = (receipt_key IS NOT NULL)"))
            .check(Expr::cust("status = 'PENDING' OR sealed_number IS NULL"))
            .check(Expr::cust("entry = 'ISSUE' OR amount IS NOT NULL"))
            .to_owned();
        manager.create_table(requests).await?;
        for index in [
            "CREATE INDEX cash_receipt_requests_of_a_checkout ON cash_receipt_requests (checkout_id)",
            "CREATE INDEX cash_receipt_requests_due ON cash_receipt_requests (try_at) WHERE status = 'PENDING'",
            "CREATE UNIQUE INDEX cash_receipt_of_a_payment ON cash_receipt_requests (checkout_id) \
             WHERE entry = 'ISSUE' AND status <> 'FAILED'",
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(REQUESTS).to_owned()).await
    }
}
