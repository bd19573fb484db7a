//! When earnings become available.

use domain::{Money, Timestamp, id::SellerAccount};
use sea_orm::{
    ColumnTrait, ExprTrait, FromQueryResult,
    prelude::DateTimeUtc,
    sea_query::{Alias, Expr, Func, Order, Query},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time},
    entities::{payment_orders, purchase_confirmations},
};

/// Earnings of a seller that become available at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Nothing where they wait for the buyer to confirm the purchase, or for a delivery.
    pub at: Option<Timestamp>,
    pub amount: Money,
    /// How many orders they are of.
    pub orders: u64,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    due: Option<DateTimeUtc>,
    currency: String,
    amount: i64,
    orders: i64,
}

impl Reader {
    /// What of a seller's earnings becomes available when, the earliest first; at most `limit` instants.
    pub async fn releases(&self, seller: &SellerAccount, limit: u64) -> Result<Vec<Release>, StoreError> {
        use payment_orders::Column;
        use purchase_confirmations::Column as Report;
        let due = Func::coalesce([Column::ReleasesAt.into_expr(), Report::DueAt.into_expr()]);
        let statement = Query::select()
            .expr_as(due, Alias::new("due"))
            .column(Column::Currency.as_column_ref())
            .expr_as(Func::sum(Column::Unreleased.into_expr()).cast_as("bigint"), Alias::new("amount"))
            .expr_as(Column::PaymentOrderId.count(), Alias::new("orders"))
            .from(payment_orders::Entity)
            .left_join(
                purchase_confirmations::Entity,
                Column::PaymentOrderId.into_expr().eq(Report::PaymentOrderId.into_expr()),
            )
            .and_where(Column::SellerAccount.eq(seller.as_str()))
            .and_where(Column::Unreleased.gt(0_i64))
            .add_group_by([Expr::cust("1"), Expr::cust("2")])
            .order_by_expr(Expr::cust("1"), Order::Asc)
            .limit(limit)
            .to_owned();
        let statement = self.connection().backend().build(&statement);
        let rows = Row::find_by_statement(statement).all(self.connection()).await?;
        let mut releases = rows.into_iter().map(release).collect::<Result<Vec<_>, _>>()?;
        // The databases sort what has no instant to different ends.
        releases.sort_by_key(|release| (release.at.is_none(), release.at));
        Ok(releases)
    }
}

fn release(row: Row) -> Result<Release, StoreError> {
    Ok(Release {
        at: row.due.map(from_column_time),
        amount: from_column_amount(row.amount, from_column_currency(&row.currency)?)?,
        orders: u64::try_from(row.orders).map_err(|_| corrupt("a number", row.orders))?,
    })
}
