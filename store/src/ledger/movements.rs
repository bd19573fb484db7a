//! The movements of accounts: their postings, each seen from one account.

use chrono::{DateTime, Utc};
use domain::{
    Currency, Money, Timestamp,
    id::{CheckoutId, PaymentOrderId, SellerAccount},
    ledger::{Account, Reason},
};
use sea_orm::{
    ColumnTrait, Condition, FromQueryResult,
    sea_query::{Expr, Order, Query, SelectStatement},
};

use crate::{
    EntryFilter, Page, Reader, StoreError, Window,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_sequence},
    entities::{ledger_entries, ledger_postings},
    ledger::{accounts::accounts_of, read::join_entries, side::Side},
    paging::all_of,
};

/// A place among movements. A posting between two accounts that are listed together is two movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MovementPosition {
    /// The number of the entry.
    pub sequence: u64,
    /// The line of the posting in the entry, from 0.
    pub line: u32,
    /// The side of the posting.
    pub side: Side,
}

/// What a posting did to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub position: MovementPosition,
    /// The account it is seen from; the side of the position is this account's.
    pub account: Account,
    /// The account on the other side.
    pub counter: Account,
    pub amount: Money,
    /// The key of its entry.
    pub key: String,
    /// Why money moved.
    pub reason: Reason,
    /// The checkout it is about, if it is about one.
    pub checkout_id: Option<CheckoutId>,
    /// The payment order it is about, if it is about one.
    pub order: Option<PaymentOrderId>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was booked.
    pub booked_at: Timestamp,
}

impl Reader {
    /// The movements of one account, the last booked first.
    pub async fn movements_of_account(
        &self,
        account: &Account,
        filter: &EntryFilter,
        window: &Window<MovementPosition>,
    ) -> Result<Page<Movement>, StoreError> {
        self.movements(std::slice::from_ref(account), filter, window).await
    }

    /// The movements of all parts of a seller's wallet, the last booked first. What moves from one part to
    /// another is two movements.
    pub async fn movements_of_wallet(
        &self,
        seller: &SellerAccount,
        filter: &EntryFilter,
        window: &Window<MovementPosition>,
    ) -> Result<Page<Movement>, StoreError> {
        self.movements(&accounts_of(seller), filter, window).await
    }

    /// One statement: read apart, an entry that is booked in between would be seen from one of its accounts only.
    /// Each account and side is read from its new end, by its own index, and never further than a page; what a
    /// filter leaves out has to be passed over on the way.
    async fn movements(
        &self,
        accounts: &[Account],
        filter: &EntryFilter,
        window: &Window<MovementPosition>,
    ) -> Result<Page<Movement>, StoreError> {
        let sides = accounts.iter().flat_map(|account| Side::BOTH.map(|side| (account, side)));
        let newest = all_of(sides.map(|(account, side)| side_of(account, side, filter, window)));
        let mut statement = Query::select();
        statement.column(sea_orm::sea_query::Asterisk).from_subquery(newest, "newest");
        for name in ["sequence", "line", "side"] {
            statement.order_by(name, Order::Desc);
        }
        statement.limit(window.rows());
        let statement = self.connection().backend().build(&statement);
        let rows = Row::find_by_statement(statement).all(self.connection()).await?;
        window.page(rows, Movement::of_row)
    }
}

/// The first movements of one side of an account after the end of the page before.
fn side_of(account: &Account, side: Side, filter: &EntryFilter, window: &Window<MovementPosition>) -> SelectStatement {
    use ledger_entries::Column as Entry;
    use ledger_postings::Column as Posting;
    let mut statement = Query::select()
        .columns([Posting::Sequence, Posting::Line].map(|column| column.as_column_ref()))
        .expr_as(Expr::val(side.number()), "side")
        .expr_as(side.account().into_expr(), "account")
        .expr_as(side.other().account().into_expr(), "counter")
        .columns([Posting::Amount, Posting::Currency, Posting::PaymentOrderId].map(|column| column.as_column_ref()))
        .columns([Entry::EntryId, Entry::Reason, Entry::CheckoutId].map(|column| column.as_column_ref()))
        .columns([Entry::OccurredAt, Entry::BookedAt].map(|column| column.as_column_ref()))
        .from(ledger_postings::Entity)
        .and_where(side.account().eq(account.to_string()))
        .and_where_option(filter.order.as_ref().map(|order| Posting::PaymentOrderId.eq(order.as_str())))
        .and_where_option(filter.currency.map(|currency| Posting::Currency.eq(currency.code())))
        .cond_where(filter.of_entries())
        .and_where_option(window.after.map(|position| Posting::Sequence.lte(to_column_sequence(position.sequence))))
        .cond_where(Condition::all().add_option(window.after.map(|position| {
            // Of one posting the credit comes first.
            let line = i64::from(position.line) + i64::from(side < position.side);
            Condition::any()
                .add(Posting::Sequence.lt(to_column_sequence(position.sequence)))
                .add(Posting::Line.lt(line))
        })))
        .order_by(Posting::Sequence.as_column_ref(), Order::Desc)
        .order_by(Posting::Line.as_column_ref(), Order::Desc)
        .limit(window.rows())
        .to_owned();
    join_entries(&mut statement);
    statement
}

#[derive(Debug, FromQueryResult)]
struct Row {
    sequence: i64,
    line: i32,
    side: i32,
    account: String,
    counter: String,
    amount: i64,
    currency: String,
    payment_order_id: Option<String>,
    entry_id: String,
    reason: String,
    checkout_id: Option<String>,
    occurred_at: DateTime<Utc>,
    booked_at: DateTime<Utc>,
}

impl Movement {
    fn of_row(row: Row) -> Result<Self, StoreError> {
        let account = |text: &str| text.parse().map_err(|_| corrupt("an account", text));
        let currency: Currency = from_column_currency(&row.currency)?;
        let order = row.payment_order_id.map(PaymentOrderId::parse).transpose();
        let checkout_id = row.checkout_id.map(CheckoutId::parse).transpose();
        Ok(Self {
            position: MovementPosition {
                sequence: u64::try_from(row.sequence).map_err(|_| corrupt("a sequence", row.sequence))?,
                line: u32::try_from(row.line).map_err(|_| corrupt("a line", row.line))?,
                side: Side::BOTH.into_iter().find(|side| side.number() == row.side).unwrap_or(Side::Debit),
            },
            account: account(&row.account)?,
            counter: account(&row.counter)?,
            amount: from_column_amount(row.amount, currency)?,
            reason: Reason::parse(&row.reason).ok_or_else(|| corrupt("a reason", &row.reason))?,
            checkout_id: checkout_id.map_err(|error| corrupt("an id", error))?,
            order: order.map_err(|error| corrupt("an id", error))?,
            occurred_at: from_column_time(row.occurred_at),
            booked_at: from_column_time(row.booked_at),
            key: row.entry_id,
        })
    }
}
