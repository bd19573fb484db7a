//! Breaks of reconciliations, which are never deleted, and everything that happened to each.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::{make_append_only, refuse_deletes};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const BREAKS: &str = "breaks";
const HISTORY: &str = "break_history";

/// Each index with its columns.
const INDEXES: [(&str, &[&str]); 3] = [
    ("breaks_by_status", &["status", "opened_at", "break_id"]),
    ("breaks_by_layer", &["layer", "day"]),
    ("breaks_by_checkout", &["checkout_id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let breaks = Table::create()
            .table(BREAKS)
            .col(text("break_id").primary_key())
            .col(text("layer"))
            .col(text("break_type"))
            .col(text("class").check(Expr::col("class").is_in(["automatic", "finance", "investigation"])))
            .col(text("subject"))
            .col(text("status").check(Expr::col("status").is_in(["OPEN", "WAITING", "RESOLVED"])))
            .col(text("day"))
            .col(text("currency"))
            .col(big_integer_null("ours"))
            .col(big_integer_null("theirs"))
            .col(big_integer("suspense").default(0))
            .col(text_null("checkout_id"))
            .col(text_null("workflow_id"))
            .col(text("evidence_ours"))
            .col(text("evidence_theirs"))
            .col(text("digest"))
            .col(text_null("assignee"))
            .col(text_null("wait_until"))
            .col(text_null("proposed_by"))
            .col(text_null("proposed_template"))
            .col(text_null("reason_code"))
            .col(text_null("resolved_by"))
            .col(text_null("resolved_template"))
            .col(text_null("entry_id"))
            .col(timestamp_with_time_zone("opened_at"))
            .col(timestamp_with_time_zone("last_seen_at"))
            .col(text("last_seen_run"))
            .col(timestamp_with_time_zone_null("resolved_at"))
            .col(integer("version").check(Expr::col("version").gt(0)))
            .check(Expr::cust("(status = 'RESOLVED') = (resolved_at IS NOT NULL)"))
            .check(Expr::cust("(proposed_by IS NULL) = (proposed_template IS NULL)"))
            .to_owned();
        manager.create_table(breaks).await?;
        for (name, columns) in INDEXES {
            let mut index = Index::create().name(name).table(BREAKS).to_owned();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        refuse_deletes(manager, BREAKS).await?;
        let history = Table::create()
            .table(HISTORY)
            .col(text("break_id"))
            .col(integer("number").check(Expr::col("number").gt(0)))
            .col(text("act"))
            .col(text("actor"))
            .col(text("reason"))
            .col(text_null("reason_code"))
            .col(text_null("detail"))
            .col(timestamp_with_time_zone("acted_at"))
            .primary_key(Index::create().col("break_id").col("number"))
            .foreign_key(ForeignKey::create().from(HISTORY, "break_id").to(BREAKS, "break_id"))
            .to_owned();
        manager.create_table(history).await?;
        make_append_only(manager, HISTORY).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(HISTORY).to_owned()).await?;
        manager.drop_table(Table::drop().table(BREAKS).to_owned()).await
    }
}
