//! Runs of the reconciliation of a day, and what each run found.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::{make_first_insert_stay, refuse_deletes};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const RUNS: &str = "reconciliations";
const FINDINGS: &str = "reconciliation_findings";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statuses = ["RUNNING", "CLEAN", "BREAKS", "NO_VERDICT"];
        let runs = Table::create()
            .table(RUNS)
            .col(text("run_id").primary_key())
            .col(text("day"))
            .col(integer("number").check(Expr::col("number").gt(0)))
            .col(text("as_of"))
            .col(text("status").check(Expr::col("status").is_in(statuses)))
            .col(text("progress"))
            .col(text_null("summary"))
            .col(text_null("reason"))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .check(Expr::cust("(status = 'RUNNING') = (ended_at IS NULL)"))
            .to_owned();
        manager.create_table(runs).await?;
        let by_day =
            Index::create().name("reconciliations_by_day").table(RUNS).col("day").col("number").unique().to_owned();
        manager.create_index(by_day).await?;
        refuse_deletes(manager, RUNS).await?;
        let findings = Table::create()
            .table(FINDINGS)
            .col(text("run_id"))
            .col(text("break_id"))
            .col(text("layer"))
            .col(text("break_type"))
            .col(text("class"))
            .col(text("subject"))
            .col(text("day"))
            .col(text("currency"))
            .col(big_integer_null("ours"))
            .col(big_integer_null("theirs"))
            .col(big_integer_null("suspense"))
            .col(text_null("checkout_id"))
            .col(text_null("workflow_id"))
            .col(text("evidence_ours"))
            .col(text("evidence_theirs"))
            .primary_key(Index::create().col("run_id").col("break_id"))
            .foreign_key(ForeignKey::create().from(FINDINGS, "run_id").to(RUNS, "run_id"))
            .to_owned();
        manager.create_table(findings).await?;
        make_first_insert_stay(manager, FINDINGS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(FINDINGS).to_owned()).await?;
        manager.drop_table(Table::drop().table(RUNS).to_owned()).await
    }
}
