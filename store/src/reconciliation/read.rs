//! What the books say that the PSP took and gave back, checkout by checkout.

use domain::{
    id::CheckoutId,
    ledger::{Account, Reason},
    reconciliation::Turnover,
};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, FromQueryResult,
    sea_query::{Expr, Func, Query, SimpleExpr},
};

use crate::{
    EntryFilter, Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency},
    entities::{ledger_entries, ledger_postings},
    ledger::{
        read::{is_reversed, join_entries},
        side::Side,
    },
};

#[derive(Debug, FromQueryResult)]
struct Row {
    checkout_id: String,
    currency: String,
    taken: i64,
    given_back: i64,
}

impl Reader {
    /// What moved at the PSP, by the entries that a filter takes: one line for each checkout and currency, in no order.
    /// What the PSP settled with us is about no checkout, and is left out.
    pub async fn psp_turnover(&self, filter: &EntryFilter) -> Result<Vec<(CheckoutId, Turnover)>, StoreError> {
        self.turnover_where(filter.of_entries()).await
    }

    /// What was captured of some checkouts and not taken back.
    pub(crate) async fn standing_captures(&self, ids: Vec<String>) -> Result<Vec<(CheckoutId, Turnover)>, StoreError> {
        use ledger_entries::Column as Entry;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let standing = Condition::all()
            .add(Entry::CheckoutId.is_in(ids))
            .add(Entry::Reason.eq(Reason::PaymentCaptured.as_str()))
            .add(is_reversed().not());
        self.turnover_where(standing).await
    }

    async fn turnover_where(&self, entries: Condition) -> Result<Vec<(CheckoutId, Turnover)>, StoreError> {
        use ledger_entries::Column as Entry;
        use ledger_postings::Column as Posting;
        let is_at_psp = |side: Side| side.account().eq(Account::PspReceivable.to_string());
        let sum = |side: Side| -> SimpleExpr {
            let amount = Expr::case(is_at_psp(side), Posting::Amount.into_expr()).finally(0_i64);
            Func::sum(amount).cast_as("bigint")
        };
        let mut statement = Query::select()
            .columns([Entry::CheckoutId.as_column_ref()])
            .columns([Posting::Currency.as_column_ref()])
            .expr_as(sum(Side::Debit), "taken")
            .expr_as(sum(Side::Credit), "given_back")
            .from(ledger_postings::Entity)
            .cond_where(Condition::any().add(is_at_psp(Side::Debit)).add(is_at_psp(Side::Credit)))
            .and_where(Entry::CheckoutId.is_not_null())
            .cond_where(entries)
            .group_by_columns([Entry::CheckoutId.as_column_ref(), Posting::Currency.as_column_ref()])
            .to_owned();
        join_entries(&mut statement);
        let statement = self.connection().backend().build(&statement);
        let rows = Row::find_by_statement(statement).all(self.connection()).await?;
        rows.into_iter().map(turnover).collect()
    }
}

fn turnover(row: Row) -> Result<(CheckoutId, Turnover), StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let checkout_id = CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?;
    let taken = from_column_amount(row.taken, currency)?;
    Ok((checkout_id, Turnover { taken, given_back: from_column_amount(row.given_back, currency)? }))
}
