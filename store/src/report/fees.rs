//! What the PSP keeps, by how buyers paid.

use domain::{Currency, calendar::Day, settlement::RowKind};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect,
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
    /// The currency of the sales, which says by which contract.
    pub sold_in: Currency,
    /// The currency of the amounts, in which the PSP took its fee: another one where it took the fee after an exchange.
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
        let after_exchange = || Expr::col(Column::ExchangeSupply).add(Expr::col(Column::ExchangeVat)).ne(0_i64);
        let before_exchange = Column::ExchangeCurrency.is_null().or(after_exchange().not());
        let in_sale = [Column::Currency, Column::Amount, Column::Supply, Column::Vat];
        let in_exchange =
            [Column::ExchangeCurrency, Column::ExchangeAmount, Column::ExchangeSupply, Column::ExchangeVat];
        let mut fees = self.fees_in(before_exchange, in_sale, from, to).await?;
        let exchanged = Column::ExchangeCurrency.is_not_null().and(after_exchange());
        fees.extend(self.fees_in(exchanged, in_exchange, from, to).await?);
        fees.sort_by(|one, other| key(one).cmp(&key(other)));
        Ok(fees)
    }

    /// The fees of some rows in the currency in which they were taken: currency, amount, fee and tax are these columns.
    async fn fees_in(
        &self,
        condition: SimpleExpr,
        [currency, amount, supply, vat]: [Column; 4],
        from: Day,
        to: Day,
    ) -> Result<Vec<MethodFees>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            method: Option<String>,
            sold_in: String,
            taken_in: String,
            kind: String,
            rows: i64,
            gross: i64,
            supply: i64,
            vat: i64,
        }
        let sum = |column: Column| -> SimpleExpr { Func::sum(column.into_expr()).cast_as("bigint") };
        let rows = Entity::find()
            .select_only()
            .columns([Column::Method, Column::Kind])
            .column_as(Column::Currency.into_expr(), "sold_in")
            .column_as(currency.into_expr(), "taken_in")
            .column_as(Func::count(Expr::col(Column::TransactionKey)).cast_as("bigint"), "rows")
            .column_as(sum(amount), "gross")
            .column_as(sum(supply), "supply")
            .column_as(sum(vat), "vat")
            .filter(condition)
            .filter(Column::SoldOn.gte(from.to_string()))
            .filter(Column::SoldOn.lte(to.to_string()))
            .group_by(Column::Method)
            .group_by(Column::Kind)
            .group_by(Column::Currency)
            .group_by(currency)
            .into_model::<Row>()
            .all(self.connection())
            .await?;
        let fees = |row: Row| {
            Ok(MethodFees {
                method: row.method,
                sold_in: from_column_currency(&row.sold_in)?,
                currency: from_column_currency(&row.taken_in)?,
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

/// The order of the lines.
fn key(fees: &MethodFees) -> (Option<&str>, Currency, Currency, &'static str) {
    (fees.method.as_deref(), fees.sold_in, fees.currency, fees.kind.as_str())
}
