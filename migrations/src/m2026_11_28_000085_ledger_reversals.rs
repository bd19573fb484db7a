//! Reversals of entries: who asked for each, who approved it, and who undid it.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

use crate::refuse_deletes;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "ledger_reversals";

/// One reversal of an entry waits for its second principal at a time.
const ONE_WAITS: &str =
    "CREATE UNIQUE INDEX ledger_reversals_one_waits ON ledger_reversals (entry_key) WHERE decision IS NULL";

/// People at the command line count as one principal, because their names are not proved.
const FOUR_EYES: &str = "decision IS NULL OR decision <> 'APPROVED' OR (decided_by <> proposed_by \
     AND NOT (decided_by LIKE 'operator:%' AND proposed_by LIKE 'operator:%'))";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(text("entry_key"))
            .col(integer("number").check(Expr::col("number").gt(0)))
            .col(text("digest"))
            .col(text("reason"))
            .col(text("proposed_by"))
            .col(timestamp_with_time_zone("proposed_at"))
            .col(text_null("decision").check(Expr::cust("decision IN ('APPROVED', 'REJECTED')")))
            .col(text_null("decided_by"))
            .col(timestamp_with_time_zone_null("decided_at"))
            .col(text_null("decision_reason"))
            .col(text_null("undone_by"))
            .col(timestamp_with_time_zone_null("undone_at"))
            .col(text_null("undo_reason"))
            .col(text_null("undo_entry"))
            .primary_key(Index::create().col("entry_key").col("number"))
            .check(Expr::cust("(decision IS NULL) = (decided_by IS NULL)"))
            .check(Expr::cust("(decision IS NULL) = (decided_at IS NULL)"))
            .check(Expr::cust(FOUR_EYES))
            .check(Expr::cust("(undone_by IS NULL) = (undone_at IS NULL)"))
            .check(Expr::cust("undone_by IS NULL OR (decision = 'APPROVED' AND undo_entry IS NOT NULL)"))
            .to_owned();
        manager.create_table(table).await?;
        manager.get_connection().execute_unprepared(ONE_WAITS).await?;
        refuse_deletes(manager, TABLE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
