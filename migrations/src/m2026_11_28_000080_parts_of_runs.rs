//! The parts in which a run is frozen, each with the hash that the digest of the run is over. A run that was frozen
//! before has none, and keeps its digest over all payouts.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::refuse_deletes;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const RUNS: &str = "payout_runs";
const PAYOUTS: &str = "payouts";
const PARTS: &str = "payout_run_parts";
/// The index that the new one takes the place of.
const BY_ID: &str = "payouts_of_run_by_id";
const BY_PART: &str = "payouts_of_run_by_part";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let scheme = integer("digest_scheme").default(1).check(Expr::col("digest_scheme").is_in([1, 2])).to_owned();
        manager.alter_table(Table::alter().table(RUNS).add_column(scheme).to_owned()).await?;
        manager.alter_table(Table::alter().table(PAYOUTS).add_column(integer_null("part")).to_owned()).await?;
        manager.create_table(parts()).await?;
        refuse_deletes(manager, PARTS).await?;
        manager.drop_index(Index::drop().name(BY_ID).table(PAYOUTS).to_owned()).await?;
        let mut index = Index::create().name(BY_PART).table(PAYOUTS).to_owned();
        manager.create_index(index.col("run_id").col("part").col("payout_id").to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(BY_PART).table(PAYOUTS).to_owned()).await?;
        let mut index = Index::create().name(BY_ID).table(PAYOUTS).to_owned();
        manager.create_index(index.col("run_id").col("payout_id").to_owned()).await?;
        manager.drop_table(Table::drop().table(PARTS).to_owned()).await?;
        manager.alter_table(Table::alter().table(PAYOUTS).drop_column("part").to_owned()).await?;
        manager.alter_table(Table::alter().table(RUNS).drop_column("digest_scheme").to_owned()).await
    }
}

fn parts() -> TableCreateStatement {
    Table::create()
        .table(PARTS)
        .col(text("run_id"))
        .col(integer("part").check(Expr::col("part").gt(0)))
        .col(integer("payouts").check(Expr::col("payouts").gte(0)))
        .col(big_integer("total").check(Expr::col("total").gte(0)))
        .col(text("sha256"))
        .col(text("carried_over"))
        .primary_key(Index::create().col("run_id").col("part"))
        .foreign_key(ForeignKey::create().from(PARTS, "run_id").to(RUNS, "run_id"))
        .to_owned()
}
