//! What the books say that the PSP took and gave back, checkout by checkout.

use domain::{
    calendar::Day,
    id::CheckoutId,
    ledger::{Account, Reason},
    reconciliation::Turnover,
};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, FromQueryResult,
    sea_query::{Alias, CaseStatement, Expr, Func, Query, SelectStatement, SimpleExpr},
};

use crate::{
    EntryFilter, Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, to_column_time},
    entities::{ledger_entries, ledger_postings},
    ledger::{
        read::{is_reversed, join_entries},
        side::Side,
    },
};

#[derive(Debug, FromQueryResult)]
struct OfDay {
    currency: String,
    taken: i64,
    given_back: i64,
    number: i64,
}

/// What the postings of one currency add up to.
struct Sums {
    currency: String,
    taken: i64,
    given_back: i64,
}

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

    /// What moved at the PSP on each day of some, in Korea, all checkouts of one currency together. One statement.
    pub(crate) async fn psp_turnover_of_days(&self, from: Day, to: Day) -> Result<Vec<(Day, Turnover)>, StoreError> {
        use ledger_entries::Column as Entry;
        let days: Vec<Day> = from.through(to).collect();
        let range = EntryFilter { from: Some(from.start()), to: Some(to.next().start()), ..EntryFilter::default() };
        let number = days.iter().enumerate().fold(CaseStatement::new(), |case, (number, day)| {
            let ends = to_column_time(day.next().start());
            case.case(Entry::OccurredAt.into_expr().lt(ends), Expr::cust(number.to_string()))
        });
        let number = Expr::Case(Box::new(number.finally(Expr::cust(days.len().to_string())))).cast_as("bigint");
        let mut statement = sums_at_psp(range.of_entries());
        statement.expr_as(number, Alias::new("number"));
        statement.add_group_by([Expr::cust("1"), Expr::cust("4")]);
        let statement = self.connection().backend().build(&statement);
        let rows = OfDay::find_by_statement(statement).all(self.connection()).await?;
        let of_day = |row: OfDay| {
            let OfDay { currency, taken, given_back, number } = row;
            let day = usize::try_from(number).ok().and_then(|number| days.get(number));
            let day = day.ok_or_else(|| corrupt("the number of a day", number))?;
            Ok((*day, Sums { currency, taken, given_back }.turnover()?))
        };
        rows.into_iter().map(of_day).collect()
    }

    async fn turnover_where(&self, entries: Condition) -> Result<Vec<(CheckoutId, Turnover)>, StoreError> {
        use ledger_entries::Column as Entry;
        let mut statement = sums_at_psp(entries);
        statement.columns([Entry::CheckoutId.as_column_ref()]);
        statement
            .group_by_columns([Entry::CheckoutId.as_column_ref(), ledger_postings::Column::Currency.as_column_ref()]);
        let statement = self.connection().backend().build(&statement);
        let rows = Row::find_by_statement(statement).all(self.connection()).await?;
        rows.into_iter().map(turnover).collect()
    }
}

/// What was taken and given back, by currency and by what the statement is grouped by besides.
fn sums_at_psp(entries: Condition) -> SelectStatement {
    use ledger_postings::Column as Posting;
    let is_at_psp = |side: Side| side.account().eq(Account::PspReceivable.to_string());
    let sum = |side: Side| -> SimpleExpr {
        let amount = Expr::case(is_at_psp(side), Posting::Amount.into_expr()).finally(0_i64);
        Func::sum(amount).cast_as("bigint")
    };
    let mut statement = Query::select()
        .columns([Posting::Currency.as_column_ref()])
        .expr_as(sum(Side::Debit), "taken")
        .expr_as(sum(Side::Credit), "given_back")
        .from(ledger_postings::Entity)
        .cond_where(Condition::any().add(is_at_psp(Side::Debit)).add(is_at_psp(Side::Credit)))
        .and_where(ledger_entries::Column::CheckoutId.is_not_null())
        .cond_where(entries)
        .to_owned();
    join_entries(&mut statement);
    statement
}

impl Sums {
    fn turnover(&self) -> Result<Turnover, StoreError> {
        let currency = from_column_currency(&self.currency)?;
        let taken = from_column_amount(self.taken, currency)?;
        Ok(Turnover { taken, given_back: from_column_amount(self.given_back, currency)? })
    }
}

fn turnover(row: Row) -> Result<(CheckoutId, Turnover), StoreError> {
    let Row { checkout_id, currency, taken, given_back } = row;
    let checkout_id = CheckoutId::parse(checkout_id).map_err(|error| corrupt("an id", error))?;
    Ok((checkout_id, Sums { currency, taken, given_back }.turnover()?))
}
