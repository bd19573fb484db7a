//! Payout runs, their payouts, and the statements that each posting of a seller is in once.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PayoutRuns {
    Table,
    RunId,
    RunDate,
    Status,
    Digest,
    Total,
    PayoutCount,
    CarriedOver,
    FrozenBy,
    FrozenAt,
    DecidedBy,
    DecidedAt,
    DecisionReason,
    CompletedAt,
    Version,
}

#[derive(DeriveIden)]
enum Payouts {
    Table,
    PayoutId,
    RunId,
    SellerAccount,
    Period,
    Amount,
    Status,
    Destination,
    Attempt,
    RefPayoutId,
    Batch,
    PaysOn,
    PspPayoutId,
    FailureCode,
    FailureMessage,
    IsVoid,
    FrozenAt,
    SentAt,
    EndedAt,
    Version,
}

#[derive(DeriveIden)]
enum PayoutAttempts {
    Table,
    PayoutId,
    Attempt,
    RefPayoutId,
    RequestedBy,
    Reason,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Statements {
    Table,
    PayoutId,
    SellerAccount,
    Period,
    Content,
    Sha256,
    LastSequence,
    FrozenAt,
    VoidedAt,
}

#[derive(DeriveIden)]
enum StatementLines {
    Table,
    Sequence,
    Line,
    PayoutId,
}

/// A payout of a seller and a period that is not void exists once.
const ONE_OF_A_PERIOD: &str =
    "CREATE UNIQUE INDEX payouts_one_of_a_period ON payouts (seller_account, period) WHERE NOT is_void";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(runs()).await?;
        manager.create_table(payouts()).await?;
        manager.create_table(attempts()).await?;
        manager.create_table(statements()).await?;
        manager.create_table(statement_lines()).await?;
        manager.get_connection().execute_unprepared(ONE_OF_A_PERIOD).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        super::make_append_only(manager, "payout_attempts").await?;
        keep_statements(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(StatementLines::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Statements::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PayoutAttempts::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Payouts::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PayoutRuns::Table).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION IF EXISTS keep_statement()").await?;
        }
        Ok(())
    }
}

/// A statement becomes void once, and changes in no other way.
async fn keep_statements(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Sqlite {
        connection
            .execute_unprepared(
                "CREATE TRIGGER statements_no_update BEFORE UPDATE ON statements \
                 WHEN OLD.voided_at IS NOT NULL OR NEW.payout_id <> OLD.payout_id OR NEW.content <> OLD.content \
                 OR NEW.sha256 <> OLD.sha256 OR NEW.last_sequence <> OLD.last_sequence \
                 OR NEW.seller_account <> OLD.seller_account OR NEW.period <> OLD.period \
                 BEGIN SELECT RAISE(ABORT, 'statements only become void'); END",
            )
            .await?;
        connection
            .execute_unprepared(
                "CREATE TRIGGER statements_no_delete BEFORE DELETE ON statements \
                 BEGIN SELECT RAISE(ABORT, 'statements are kept'); END",
            )
            .await?;
        return Ok(());
    }
    connection
        .execute_unprepared(
            "CREATE OR REPLACE FUNCTION keep_statement() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF TG_OP <> 'UPDATE' THEN RAISE EXCEPTION 'statements are kept'; END IF; \
             IF OLD.voided_at IS NOT NULL OR NEW.payout_id <> OLD.payout_id OR NEW.content <> OLD.content \
             OR NEW.sha256 <> OLD.sha256 OR NEW.last_sequence <> OLD.last_sequence \
             OR NEW.seller_account <> OLD.seller_account OR NEW.period <> OLD.period \
             THEN RAISE EXCEPTION 'statements only become void'; END IF; RETURN NEW; END $$",
        )
        .await?;
    connection
        .execute_unprepared(
            "CREATE TRIGGER statements_keep BEFORE UPDATE OR DELETE ON statements \
             FOR EACH ROW EXECUTE FUNCTION keep_statement()",
        )
        .await?;
    Ok(())
}

/// Four eyes: a run that is approved was decided on by another principal than froze it. A run without payouts needs no
/// decision.
fn runs() -> TableCreateStatement {
    let statuses = ["FROZEN", "APPROVED", "SENDING", "COMPLETED", "REJECTED", "CANCELED"];
    let is_open = Expr::col(PayoutRuns::Status).is_in(["FROZEN", "CANCELED"]);
    let by_another = Expr::col(PayoutRuns::DecidedBy)
        .is_not_null()
        .and(Expr::col(PayoutRuns::DecidedBy).ne(Expr::col(PayoutRuns::FrozenBy)));
    Table::create()
        .table(PayoutRuns::Table)
        .col(text(PayoutRuns::RunId).primary_key())
        .col(text(PayoutRuns::RunDate))
        .col(text(PayoutRuns::Status).check(Expr::col(PayoutRuns::Status).is_in(statuses)))
        .col(text(PayoutRuns::Digest))
        .col(big_integer(PayoutRuns::Total).check(Expr::col(PayoutRuns::Total).gte(0)))
        .col(integer(PayoutRuns::PayoutCount).check(Expr::col(PayoutRuns::PayoutCount).gte(0)))
        .col(text(PayoutRuns::CarriedOver))
        .col(text(PayoutRuns::FrozenBy))
        .col(timestamp_with_time_zone(PayoutRuns::FrozenAt))
        .col(text_null(PayoutRuns::DecidedBy))
        .col(timestamp_with_time_zone_null(PayoutRuns::DecidedAt))
        .col(text_null(PayoutRuns::DecisionReason))
        .col(timestamp_with_time_zone_null(PayoutRuns::CompletedAt))
        .col(integer(PayoutRuns::Version).default(0))
        .check(is_open.or(by_another).or(Expr::col(PayoutRuns::PayoutCount).eq(0)))
        .to_owned()
}

fn payouts() -> TableCreateStatement {
    let statuses = [
        "FROZEN",
        "APPROVED",
        "SENDING",
        "UNKNOWN",
        "REQUESTED",
        "IN_PROGRESS",
        "PAID",
        "FAILED",
        "RETURNED",
        "CANCELED",
        "STUCK",
    ];
    Table::create()
        .table(Payouts::Table)
        .col(text(Payouts::PayoutId).primary_key())
        .col(text(Payouts::RunId))
        .col(text(Payouts::SellerAccount))
        .col(text(Payouts::Period))
        .col(
            big_integer(Payouts::Amount)
                .check(Expr::col(Payouts::Amount).gt(0).and(Expr::col(Payouts::Amount).lt(1_000_000_000))),
        )
        .col(text(Payouts::Status).check(Expr::col(Payouts::Status).is_in(statuses)))
        .col(text(Payouts::Destination))
        .col(integer(Payouts::Attempt).check(Expr::col(Payouts::Attempt).gt(0)))
        .col(text_uniq(Payouts::RefPayoutId))
        .col(integer_null(Payouts::Batch))
        .col(text_null(Payouts::PaysOn))
        .col(text_null(Payouts::PspPayoutId))
        .col(text_null(Payouts::FailureCode))
        .col(text_null(Payouts::FailureMessage))
        .col(boolean(Payouts::IsVoid))
        .col(timestamp_with_time_zone(Payouts::FrozenAt))
        .col(timestamp_with_time_zone_null(Payouts::SentAt))
        .col(timestamp_with_time_zone_null(Payouts::EndedAt))
        .col(integer(Payouts::Version).default(0))
        .foreign_key(ForeignKey::create().from(Payouts::Table, Payouts::RunId).to(PayoutRuns::Table, PayoutRuns::RunId))
        .to_owned()
}

fn attempts() -> TableCreateStatement {
    Table::create()
        .table(PayoutAttempts::Table)
        .col(text(PayoutAttempts::PayoutId))
        .col(integer(PayoutAttempts::Attempt).check(Expr::col(PayoutAttempts::Attempt).gt(0)))
        .col(text_uniq(PayoutAttempts::RefPayoutId))
        .col(text(PayoutAttempts::RequestedBy))
        .col(text(PayoutAttempts::Reason))
        .col(timestamp_with_time_zone(PayoutAttempts::CreatedAt))
        .primary_key(Index::create().col(PayoutAttempts::PayoutId).col(PayoutAttempts::Attempt))
        .to_owned()
}

fn statements() -> TableCreateStatement {
    Table::create()
        .table(Statements::Table)
        .col(text(Statements::PayoutId).primary_key())
        .col(text(Statements::SellerAccount))
        .col(text(Statements::Period))
        .col(text(Statements::Content))
        .col(text(Statements::Sha256))
        .col(big_integer(Statements::LastSequence).check(Expr::col(Statements::LastSequence).gte(0)))
        .col(timestamp_with_time_zone(Statements::FrozenAt))
        .col(timestamp_with_time_zone_null(Statements::VoidedAt))
        .to_owned()
}

/// The primary key keeps a posting out of a second statement.
fn statement_lines() -> TableCreateStatement {
    Table::create()
        .table(StatementLines::Table)
        .col(big_integer(StatementLines::Sequence))
        .col(integer(StatementLines::Line))
        .col(text(StatementLines::PayoutId))
        .primary_key(Index::create().col(StatementLines::Sequence).col(StatementLines::Line))
        .foreign_key(
            ForeignKey::create()
                .from(StatementLines::Table, StatementLines::PayoutId)
                .to(Statements::Table, Statements::PayoutId),
        )
        .to_owned()
}

fn indexes() -> [IndexCreateStatement; 4] {
    [
        Index::create()
            .name("payouts_of_run")
            .table(Payouts::Table)
            .col(Payouts::RunId)
            .col(Payouts::Status)
            .to_owned(),
        Index::create()
            .name("payouts_of_seller")
            .table(Payouts::Table)
            .col(Payouts::SellerAccount)
            .col(Payouts::FrozenAt)
            .to_owned(),
        Index::create()
            .name("statements_of_seller")
            .table(Statements::Table)
            .col(Statements::SellerAccount)
            .col(Statements::LastSequence)
            .to_owned(),
        Index::create()
            .name("statement_lines_of_payout")
            .table(StatementLines::Table)
            .col(StatementLines::PayoutId)
            .to_owned(),
    ]
}
