//! Notes of people on payments.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::make_first_insert_stay;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "payment_notes";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let notes = Table::create()
            .table(TABLE)
            .col(text("note_id").primary_key())
            .col(text("checkout_id"))
            .col(text("written_by"))
            .col(text("note").check(Expr::cust("length(note) BETWEEN 1 AND 500")))
            .col(timestamp_with_time_zone("written_at"))
            .to_owned();
        manager.create_table(notes).await?;
        let of_a_payment = Index::create()
            .name("payment_notes_of_a_checkout")
            .table(TABLE)
            .col("checkout_id")
            .col("written_at")
            .to_owned();
        manager.create_index(of_a_payment).await?;
        make_first_insert_stay(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
