//! Sweeps: runs and payouts to our own company, and the line of our bank's statement that shows each.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::ConnectionTrait};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum PayoutRuns {
    Table,
    Kind,
}

#[derive(DeriveIden, Clone, Copy)]
enum Payouts {
    Table,
    Kind,
    ReceivedAt,
    BankLine,
}

const DROP_ONE_OF_A_PERIOD: &str = "DROP INDEX payouts_one_of_a_period";
/// A payout of a seller and a period that is not void exists once. Our own company may be swept to more often.
const ONE_OF_A_PERIOD: &str = "CREATE UNIQUE INDEX payouts_one_of_a_period ON payouts (seller_account, period) \
     WHERE NOT is_void AND kind = 'seller'";
const ONE_OF_A_PERIOD_BEFORE: &str =
    "CREATE UNIQUE INDEX payouts_one_of_a_period ON payouts (seller_account, period) WHERE NOT is_void";
/// A line of a bank statement shows one sweep.
const ONE_OF_A_LINE: &str = "CREATE UNIQUE INDEX payouts_bank_line ON payouts (bank_line) WHERE bank_line IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = async |table: TableRef, column: ColumnDef| {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
        };
        add(PayoutRuns::Table.into_table_ref(), kind(PayoutRuns::Kind)).await?;
        add(Payouts::Table.into_table_ref(), kind(Payouts::Kind)).await?;
        add(Payouts::Table.into_table_ref(), timestamp_with_time_zone_null(Payouts::ReceivedAt)).await?;
        add(Payouts::Table.into_table_ref(), text_null(Payouts::BankLine)).await?;
        let connection = manager.get_connection();
        for statement in [DROP_ONE_OF_A_PERIOD, ONE_OF_A_PERIOD, ONE_OF_A_LINE] {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for statement in ["DROP INDEX payouts_bank_line", DROP_ONE_OF_A_PERIOD] {
            connection.execute_unprepared(statement).await?;
        }
        for column in [Payouts::BankLine, Payouts::ReceivedAt, Payouts::Kind] {
            manager.alter_table(Table::alter().table(Payouts::Table).drop_column(column).to_owned()).await?;
        }
        let of_runs = Table::alter().table(PayoutRuns::Table).drop_column(PayoutRuns::Kind).to_owned();
        manager.alter_table(of_runs).await?;
        connection.execute_unprepared(ONE_OF_A_PERIOD_BEFORE).await?;
        Ok(())
    }
}

fn kind<T: IntoIden + Copy + 'static>(name: T) -> ColumnDef {
    let column = Expr::col(name);
    text(name).default("seller").check(column.is_in(["seller", "sweep"])).to_owned()
}
