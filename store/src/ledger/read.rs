//! Balances of accounts: as they stand, and as of any instant.

use domain::{
    Money, Timestamp,
    ledger::{Account, NormalSide},
};
use sea_orm::{
    ColumnTrait, ExprTrait, FromQueryResult,
    sea_query::{Alias, Expr, Func, Order, Query, SelectStatement, SimpleExpr},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, to_column_time},
    entities::{ledger_balances, ledger_entries, ledger_postings},
    ledger::side::Side,
    paging::all_of,
};

/// An instant, and which of an entry's two times it is compared with. What has exactly that time is included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// What had happened by then, whenever it was booked: the answer changes when something is booked late.
    Occurred(Timestamp),
    /// What had been booked by then. Entries are booked in the order of this time, so the answer never changes
    /// once the transactions that were open at that instant have ended.
    Booked(Timestamp),
}

/// What stands on an account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    pub account: Account,
    /// The sum of its debits.
    pub debits: Money,
    /// The sum of its credits.
    pub credits: Money,
}

impl AccountBalance {
    pub(crate) fn of_row(row: ledger_balances::Model) -> Result<Self, StoreError> {
        let currency = from_column_currency(&row.currency)?;
        Ok(Self {
            account: row.account.parse().map_err(|_| corrupt("an account", &row.account))?,
            debits: from_column_amount(row.debits, currency)?,
            credits: from_column_amount(row.credits, currency)?,
        })
    }

    /// The balance on the side on which the account grows; `None` when it stands on the other side.
    pub fn balance(&self) -> Option<Money> {
        match self.account.normal_side() {
            NormalSide::Debit => self.debits.minus(self.credits).ok(),
            NormalSide::Credit => self.credits.minus(self.debits).ok(),
        }
    }
}

impl Reader {
    /// Debits and credits of every account, in the order of the accounts.
    pub async fn trial_balance(&self) -> Result<Vec<AccountBalance>, StoreError> {
        self.balances(None, None).await
    }

    /// Debits and credits of every account as of an instant, in the order of the accounts.
    pub async fn trial_balance_as_of(&self, as_of: AsOf) -> Result<Vec<AccountBalance>, StoreError> {
        self.balances(None, Some(as_of)).await
    }

    /// What stands on an account, one per currency; as of an instant, if one is given. Empty when nothing was
    /// ever booked on it.
    pub async fn account(&self, account: &Account, as_of: Option<AsOf>) -> Result<Vec<AccountBalance>, StoreError> {
        self.balances(Some(account), as_of).await
    }

    /// Today's balances less what came after the instant. One statement, so it sees the books between two
    /// transactions and its debits equal its credits, whoever books meanwhile.
    ///
    /// By booking time the postings since the instant are the ones behind one sequence number, which one look-up
    /// finds; of one account they are read by that account's index. The nearer to now, the cheaper. By event time
    /// each entry since the instant is looked at, or, for one account, each of its postings.
    async fn balances(
        &self,
        account: Option<&Account>,
        as_of: Option<AsOf>,
    ) -> Result<Vec<AccountBalance>, StoreError> {
        let mut parts = vec![current(account)];
        if let Some(as_of) = as_of {
            parts.extend(Side::BOTH.map(|side| taken_away(side, account, as_of)));
        }
        let sum = |column: ledger_balances::Column| Func::sum(Expr::col(column)).cast_as("bigint");
        let statement = Query::select()
            .columns([ledger_balances::Column::Account, ledger_balances::Column::Currency])
            .expr_as(sum(ledger_balances::Column::Debits), ledger_balances::Column::Debits)
            .expr_as(sum(ledger_balances::Column::Credits), ledger_balances::Column::Credits)
            .from_subquery(all_of(parts), "parts")
            .group_by_columns([ledger_balances::Column::Account, ledger_balances::Column::Currency])
            .to_owned();
        let statement = self.connection().backend().build(&statement);
        let rows = ledger_balances::Model::find_by_statement(statement).all(self.connection()).await?;
        // Debits and credits only grow: an account with neither had not been used by then.
        let used = rows.into_iter().filter(|row| (row.debits, row.credits) != (0, 0));
        let mut balances = used.map(AccountBalance::of_row).collect::<Result<Vec<_>, _>>()?;
        balances.sort_by_cached_key(|balance| (balance.account.clone(), balance.debits.currency()));
        Ok(balances)
    }
}

fn current(account: Option<&Account>) -> SelectStatement {
    Query::select()
        .columns([ledger_balances::Column::Account, ledger_balances::Column::Currency])
        .columns([ledger_balances::Column::Debits, ledger_balances::Column::Credits])
        .from(ledger_balances::Entity)
        .and_where_option(account.map(|account| ledger_balances::Column::Account.eq(account.to_string())))
        .to_owned()
}

/// What was debited, or credited, after an instant: below zero, to be added.
fn taken_away(side: Side, account: Option<&Account>, as_of: AsOf) -> SelectStatement {
    let nothing = || Expr::val(0_i64);
    let amount = || nothing().sub(ledger_postings::Column::Amount.into_expr());
    let (debits, credits) = match side {
        Side::Debit => (amount(), nothing()),
        Side::Credit => (nothing(), amount()),
    };
    let mut statement = Query::select()
        .expr_as(side.account().into_expr(), ledger_balances::Column::Account)
        .expr_as(ledger_postings::Column::Currency.into_expr(), ledger_balances::Column::Currency)
        .expr_as(debits, ledger_balances::Column::Debits)
        .expr_as(credits, ledger_balances::Column::Credits)
        .from(ledger_postings::Entity)
        .and_where_option(account.map(|account| side.account().eq(account.to_string())))
        .to_owned();
    as_of.keep_later(&mut statement);
    statement
}

impl AsOf {
    /// Of a statement over postings, keeps what came after the instant.
    fn keep_later(self, postings: &mut SelectStatement) {
        match self {
            Self::Occurred(at) => {
                join_entries(postings).and_where(ledger_entries::Column::OccurredAt.gt(to_column_time(at)))
            }
            Self::Booked(at) => postings.and_where(ledger_postings::Column::Sequence.into_expr().gt(last_booked(at))),
        };
    }

    /// Of a statement over postings, keeps what had come by the instant.
    pub(crate) fn keep_earlier(self, postings: &mut SelectStatement) {
        match self {
            Self::Occurred(at) => {
                join_entries(postings).and_where(ledger_entries::Column::OccurredAt.lte(to_column_time(at)))
            }
            Self::Booked(at) => postings.and_where(ledger_postings::Column::Sequence.into_expr().lte(last_booked(at))),
        };
    }
}

/// The number of the last entry that was booked by then; 0 before the first.
fn last_booked(at: Timestamp) -> Expr {
    let last = Query::select()
        .column(ledger_entries::Column::Sequence)
        .from(ledger_entries::Entity)
        .and_where(ledger_entries::Column::BookedAt.lte(to_column_time(at)))
        .order_by(ledger_entries::Column::BookedAt, Order::Desc)
        .order_by(ledger_entries::Column::Sequence, Order::Desc)
        .limit(1)
        .to_owned();
    Func::coalesce([Expr::SubQuery(None, Box::new(last.into())), Expr::val(0_i64)]).into()
}

/// Whether an entry was taken back. Asked entry by entry through an index: as a list of all keys, the same costs the
/// square of a large day.
pub(crate) fn is_reversed() -> SimpleExpr {
    let later = Alias::new("later");
    let reversal = Query::select()
        .expr(Expr::value(1))
        .from_as(ledger_entries::Entity, later.clone())
        .and_where(
            Expr::col((later, ledger_entries::Column::Reverses))
                .equals(ledger_entries::Column::EntryId.as_column_ref()),
        )
        .to_owned();
    Expr::exists(reversal)
}

/// Gives each posting of a statement its entry.
pub(crate) fn join_entries(postings: &mut SelectStatement) -> &mut SelectStatement {
    let same = Expr::col(ledger_entries::Column::Sequence.as_column_ref())
        .equals(ledger_postings::Column::Sequence.as_column_ref());
    postings.inner_join(ledger_entries::Entity, same)
}
