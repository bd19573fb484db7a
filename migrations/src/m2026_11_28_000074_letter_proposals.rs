//! Resolutions of dead letters that wait for a second principal.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const LETTERS: &str = "dead_letters";
const PROPOSED: [&str; 3] = ["proposed_by", "proposed_outcome", "proposed_reason"];
const PROPOSED_AT: &str = "proposed_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in PROPOSED.map(text_null).into_iter().chain([timestamp_with_time_zone_null(PROPOSED_AT)]) {
            manager.alter_table(Table::alter().table(LETTERS).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in PROPOSED.into_iter().chain([PROPOSED_AT]) {
            manager.alter_table(Table::alter().table(LETTERS).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
