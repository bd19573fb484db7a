//! Runs that two principals approve: those that no principal froze.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PayoutRuns {
    Table,
    Status,
    PayoutCount,
    DecidedBy,
    ApprovalsNeeded,
    FirstApprovalBy,
    FirstApprovalAt,
    FirstApprovalDigest,
}

/// Runs of the calendar that wait for a decision.
const WAITING: &str =
    "UPDATE payout_runs SET approvals_needed = 2 WHERE frozen_by = 'key:calendar' AND status = 'FROZEN'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let needed = Expr::col(PayoutRuns::ApprovalsNeeded);
        let is_alone = needed.clone().eq(1);
        let sends_nothing = Expr::col(PayoutRuns::Status)
            .is_in(["FROZEN", "REJECTED", "CANCELED"])
            .or(Expr::col(PayoutRuns::PayoutCount).eq(0));
        let by_two = Expr::col(PayoutRuns::FirstApprovalBy)
            .is_not_null()
            .and(Expr::col(PayoutRuns::FirstApprovalBy).ne(Expr::col(PayoutRuns::DecidedBy)));
        let columns = [
            integer(PayoutRuns::ApprovalsNeeded).default(1).check(needed.is_in([1, 2])).to_owned(),
            text_null(PayoutRuns::FirstApprovalBy).check(is_alone.or(sends_nothing).or(by_two)).to_owned(),
            timestamp_with_time_zone_null(PayoutRuns::FirstApprovalAt),
            text_null(PayoutRuns::FirstApprovalDigest),
        ];
        for column in columns {
            manager.alter_table(Table::alter().table(PayoutRuns::Table).add_column(column).to_owned()).await?;
        }
        manager.get_connection().execute_unprepared(WAITING).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            PayoutRuns::FirstApprovalDigest,
            PayoutRuns::FirstApprovalAt,
            PayoutRuns::FirstApprovalBy,
            PayoutRuns::ApprovalsNeeded,
        ];
        for column in columns {
            manager.alter_table(Table::alter().table(PayoutRuns::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
