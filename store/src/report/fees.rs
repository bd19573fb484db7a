//! What the PSP keeps, by how buyers paid.

use domain::{Currency, calendar::Day, settlement::RowKind};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, SimpleExpr},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_currency},
    entities::settlement_rows::{Column, Entity},
};

/// The fees of one method, in minor units with a sign: a cancellation gives its fee back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodFees {
    /// The PSP's word for the method; nothing for a row without a payment.
    pub method: Option<String>,
    pub currency: Currency,
    pub kind: RowKind,
    pub rows: u64,
    pub gross: i64,
    /// The tax included.
    pub fee: i64,
    pub vat: i64,
}

impl Reader {
    /// The fees of the rows that were sold from one day until another, the last day included.
    pub async fn psp_fees(&self, from: Day, to: Day) -> Result<Vec<MethodFees>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            method: Option<String>,
            currency: String,
            kind: String,
            rows: i64,
            gross: i64,
            supply: i64,
            vat: i64,
        }
        let sum = |column: Column| -> SimpleExpr { Func::sum(column.into_expr()).cast_as("bigint") };
        let rows = Entity::find()
            .select_only()
            .columns([Column::Method, Column::Currency, Column::Kind])
            .column_as(Func::count(Expr::col(Column::TransactionKey)).cast_as("bigint"), "rows")
            .column_as(sum(Column::Amount), "gross")
            .column_as(sum(Column::Supply), "supply")
            .column_as(sum(Column::Vat), "vat")
            .filter(Column::SoldOn.gte(from.to_string()))
            .filter(Column::SoldOn.lte(to.to_string()))
            .group_by(Column::Method)
            .group_by(Column::Currency)
            .group_by(Column::Kind)
            .order_by_asc(Column::Method)
            .order_by_asc(Column::Currency)
            .order_by_asc(Column::Kind)
            .into_model::<Row>()
            .all(self.connection())
            .await?;
        let fees = |row: Row| {
            Ok(MethodFees {
                method: row.method,
                currency: from_column_currency(&row.currency)?,
                kind: RowKind::parse(&row.kind).ok_or_else(|| corrupt("a kind of row", &row.kind))?,
                rows: u64::try_from(row.rows).unwrap_or_default(),
                gross: row.gross,
                fee: row.supply.saturating_add(row.vat),
                vat: row.vat,
            })
        };
        rows.into_iter().map(fees).collect()
    }
}
