//! The PSP's settlement rows, each kept and booked once by its transaction key.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::refuse_deletes;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "settlement_rows";

/// Each index with its columns.
const INDEXES: [(&str, &[&str]); 3] = [
    ("settlement_rows_by_sold_on", &["sold_on", "transaction_key"]),
    ("settlement_rows_by_paid_out_on", &["paid_out_on"]),
    ("settlement_rows_by_order", &["order_name"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let adds_up = Expr::cust("pay_out + supply + vat = amount");
        let table = Table::create()
            .table(TABLE)
            .col(text("transaction_key").primary_key())
            .col(text("payment_key"))
            .col(text("order_name"))
            .col(text("kind").check(Expr::col("kind").is_in(["APPROVAL", "CANCEL"])))
            .col(text("currency"))
            .col(big_integer("amount"))
            .col(big_integer("pay_out"))
            .col(big_integer("supply"))
            .col(big_integer("vat"))
            .col(text("sold_on"))
            .col(text("paid_out_on"))
            .col(timestamp_with_time_zone_null("approved_at"))
            .col(text_null("method"))
            .col(text_null("merchant_id"))
            .col(text("received"))
            .col(text("digest"))
            .col(timestamp_with_time_zone("received_at"))
            .col(text_null("counter").check(Expr::cust("counter IS NULL OR counter IN ('RECEIVABLE', 'SUSPENSE')")))
            .col(text_null("entry_id"))
            .col(timestamp_with_time_zone_null("booked_at"))
            .check(adds_up)
            .check(Expr::cust("(counter IS NULL) = (booked_at IS NULL)"))
            .to_owned();
        manager.create_table(table).await?;
        for (name, columns) in INDEXES {
            let mut index = Index::create().name(name).table(TABLE).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        refuse_deletes(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
