//! How many checkouts there were, over how much, in each part of a time.

use domain::{Currency, Money, Timestamp, checkout::Status};
use sea_orm::{
    ColumnTrait, ExprTrait, FromQueryResult,
    sea_query::{Alias, CaseStatement, Expr, Func, Query},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_status, to_column_time},
    entities::payment_events,
};

/// The parts of a time: each as long as the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// When the first one begins.
    pub from: Timestamp,
    /// How long each is, in milliseconds.
    pub length_ms: u64,
    /// How many there are.
    pub count: u32,
}

/// Checkouts of one status and currency that were created in one part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckoutFigure {
    /// The part, from 0.
    pub part: u32,
    /// Where the checkouts stand now.
    pub status: Status,
    /// How many.
    pub number: u64,
    /// What their buyers pay, together.
    pub amount: Money,
}

#[derive(Debug, FromQueryResult)]
struct Row {
    part: i64,
    status: String,
    currency: String,
    number: i64,
    amount: i64,
}

impl Parts {
    fn start(self, part: u32) -> Timestamp {
        self.from.plus_ms(self.length_ms.saturating_mul(u64::from(part)))
    }
}

impl Reader {
    /// Checkouts by when they were created. One statement, by the index on the creation.
    pub async fn checkout_figures(&self, parts: Parts) -> Result<Vec<CheckoutFigure>, StoreError> {
        use payment_events::Column;
        let part = (0..parts.count).fold(CaseStatement::new(), |case, part| {
            case.case(Column::CreatedAt.lt(to_column_time(parts.start(part + 1))), Expr::cust(part.to_string()))
        });
        let part = part.finally(Expr::cust(parts.count.to_string()));
        let statement = Query::select()
            .expr_as(Expr::Case(Box::new(part)).cast_as("bigint"), Alias::new("part"))
            .columns([Column::Status, Column::Currency])
            .expr_as(Column::CheckoutId.count(), Alias::new("number"))
            .expr_as(Func::sum(Column::Amount.into_expr()).cast_as("bigint"), Alias::new("amount"))
            .from(payment_events::Entity)
            .and_where(Column::CreatedAt.gte(to_column_time(parts.from)))
            .and_where(Column::CreatedAt.lt(to_column_time(parts.start(parts.count))))
            .add_group_by([Expr::cust("1"), Expr::cust("2"), Expr::cust("3")])
            .to_owned();
        let statement = self.connection().backend().build(&statement);
        let rows = Row::find_by_statement(statement).all(self.connection()).await?;
        rows.into_iter().map(figure).collect()
    }
}

fn figure(row: Row) -> Result<CheckoutFigure, StoreError> {
    let currency: Currency = from_column_currency(&row.currency)?;
    Ok(CheckoutFigure {
        part: u32::try_from(row.part).map_err(|_| corrupt("a part", row.part))?,
        status: from_column_status(&row.status)?,
        number: u64::try_from(row.number).map_err(|_| corrupt("a number", row.number))?,
        amount: from_column_amount(row.amount, currency)?,
    })
}
