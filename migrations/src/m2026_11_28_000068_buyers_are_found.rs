//! What payments are found by that a buyer tells on the telephone: a name, an e-mail address, a telephone number, as
//! keyed digests beside the sealed details.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum BuyerDetails {
    Table,
    IsDigested,
}

/// Each index with its column.
const DIGESTS: [(&str, &str); 3] = [
    ("buyer_details_by_name", "name_digest"),
    ("buyer_details_by_email", "email_digest"),
    ("buyer_details_by_phone", "phone_digest"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_digested = boolean(BuyerDetails::IsDigested).default(false).take();
        manager.alter_table(altered().add_column(is_digested).to_owned()).await?;
        for (index, column) in DIGESTS {
            manager.alter_table(altered().add_column(text_null(Alias::new(column))).to_owned()).await?;
            let index = Index::create().name(index).table(BuyerDetails::Table).col(Alias::new(column)).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (index, column) in DIGESTS {
            manager.drop_index(Index::drop().name(index).table(BuyerDetails::Table).to_owned()).await?;
            manager.alter_table(altered().drop_column(Alias::new(column)).to_owned()).await?;
        }
        manager.alter_table(altered().drop_column(BuyerDetails::IsDigested).to_owned()).await
    }
}

fn altered() -> TableAlterStatement {
    Table::alter().table(BuyerDetails::Table).to_owned()
}
