//! Runs that are paid by bank file: the files, their transfers, who set a seller's bank account, and who called it
//! verified. Also the word of two principals on what a bank made of a payout.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::ConnectionTrait};

use crate::{make_append_only, refuse_deletes};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const FILES: &str = "payout_files";
const TRANSFERS: &str = "payout_transfers";
const CHECKS: &str = "seller_account_checks";
const RUNS: &str = "payout_runs";
const PAYOUTS: &str = "payouts";
const SELLERS: &str = "sellers";
/// The columns of `payouts` in which the word of two principals stands.
const ANSWER: [&str; 5] = ["answer", "answered_by", "answered_at", "answer_reason", "confirmed_by"];
const ANSWERS: [&str; 4] = ["paid", "failed", "returned", "received"];
/// A line of a bank statement shows the return of one payout.
const ONE_OF_A_RETURN: &str =
    "CREATE UNIQUE INDEX payouts_return_line ON payouts (return_line) WHERE return_line IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [RUNS, PAYOUTS] {
            let ways = Expr::col("paid_by").is_in(["toss", "bank_file"]);
            add(manager, table, text("paid_by").default("toss").check(ways).to_owned()).await?;
        }
        let answer = text_null("answer").check(Expr::col("answer").is_in(ANSWERS)).to_owned();
        add(manager, PAYOUTS, answer).await?;
        add(manager, PAYOUTS, text_null("answered_by")).await?;
        add(manager, PAYOUTS, timestamp_with_time_zone_null("answered_at")).await?;
        add(manager, PAYOUTS, text_null("answer_reason")).await?;
        // Nobody confirms an own word.
        let by_another = Expr::col("confirmed_by").ne(Expr::col("answered_by"));
        add(manager, PAYOUTS, text_null("confirmed_by").check(by_another).to_owned()).await?;
        add(manager, PAYOUTS, text_null("return_line")).await?;
        manager.get_connection().execute_unprepared(ONE_OF_A_RETURN).await?;
        add(manager, SELLERS, text_null("account_by")).await?;
        for table in [files(), transfers(), checks()] {
            manager.create_table(table).await?;
        }
        let of_file =
            Index::create().name("payout_transfers_of_file").table(TRANSFERS).col("run_id").col("number").to_owned();
        manager.create_index(of_file).await?;
        refuse_deletes(manager, FILES).await?;
        make_append_only(manager, TRANSFERS).await?;
        make_append_only(manager, CHECKS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [CHECKS, TRANSFERS, FILES] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        manager.get_connection().execute_unprepared("DROP INDEX payouts_return_line").await?;
        for column in ANSWER.into_iter().rev().chain(["return_line", "paid_by"]) {
            remove(manager, PAYOUTS, column).await?;
        }
        remove(manager, SELLERS, "account_by").await?;
        remove(manager, RUNS, "paid_by").await
    }
}

async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

async fn remove(manager: &SchemaManager<'_>, table: &str, column: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await.map(|_| ())
}

/// The content is sealed: it has account numbers. Its hash is of the bytes that were given away.
fn files() -> TableCreateStatement {
    Table::create()
        .table(FILES)
        .col(text("run_id"))
        .col(integer("number").check(Expr::col("number").gt(0)))
        .col(text("digest"))
        .col(text("sha256"))
        .col(text("content"))
        .col(integer("transfers").check(Expr::col("transfers").gt(0)))
        .col(big_integer("total").check(Expr::col("total").gt(0)))
        .col(text("taken_by"))
        .col(text("reason"))
        .col(timestamp_with_time_zone("taken_at"))
        .primary_key(Index::create().col("run_id").col("number"))
        .foreign_key(ForeignKey::create().from(FILES, "run_id").to(RUNS, "run_id"))
        .to_owned()
}

/// An attempt is in one file, and a reference is of one attempt.
fn transfers() -> TableCreateStatement {
    Table::create()
        .table(TRANSFERS)
        .col(text("ref_payout_id").primary_key())
        .col(text("payout_id"))
        .col(text("run_id"))
        .col(integer("number"))
        .col(text_uniq("reference"))
        .col(big_integer("amount").check(Expr::col("amount").gt(0)))
        .foreign_key(
            ForeignKey::create()
                .from_tbl(TRANSFERS)
                .from_col("run_id")
                .from_col("number")
                .to_tbl(FILES)
                .to_col("run_id")
                .to_col("number"),
        )
        .foreign_key(ForeignKey::create().from(TRANSFERS, "payout_id").to(PAYOUTS, "payout_id"))
        .to_owned()
}

/// What was said of a bank account, by its number among those of the seller.
fn checks() -> TableCreateStatement {
    Table::create()
        .table(CHECKS)
        .col(text("seller_account"))
        .col(integer("account").check(Expr::col("account").gt(0)))
        .col(text("outcome").check(Expr::col("outcome").is_in(["VERIFIED", "RETURNED"])))
        .col(text("checked_by"))
        .col(text("reason"))
        .col(timestamp_with_time_zone("checked_at"))
        .primary_key(Index::create().col("seller_account").col("account").col("outcome"))
        .to_owned()
}
