//! The value-added tax in the commission of an order, as it is booked. Orders that were booked before have none apart.

use sea_orm_migration::{async_trait, prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PaymentOrders {
    Table,
    CommissionVat,
}

/// What the postings say, where this migration comes back.
const BOOKED: &str = "UPDATE payment_orders SET commission_vat = (SELECT SUM(CASE WHEN credit_account = 'vat:output' \
    THEN amount ELSE -amount END) FROM ledger_postings \
    WHERE ledger_postings.payment_order_id = payment_orders.payment_order_id \
    AND (credit_account = 'vat:output' OR debit_account = 'vat:output')) \
    WHERE payment_order_id IN (SELECT payment_order_id FROM ledger_postings WHERE credit_account = 'vat:output' \
    AND payment_order_id IS NOT NULL)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_amount = Expr::col(PaymentOrders::CommissionVat).gte(0);
        let column = big_integer(PaymentOrders::CommissionVat).default(0).check(is_amount).to_owned();
        manager.alter_table(Table::alter().table(PaymentOrders::Table).add_column(column).to_owned()).await?;
        manager.get_connection().execute_unprepared(BOOKED).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = PaymentOrders::CommissionVat;
        manager.alter_table(Table::alter().table(PaymentOrders::Table).drop_column(column).to_owned()).await
    }
}
