//! Our own books against each other: wallets, orders, holds, payouts, refunds and workflows against the ledger.
//!
//! The database compares and answers only what differs, so a large marketplace costs no more memory than a small one.
//! Balances, wallets, holds and open payouts are compared in full. Checkouts, orders and refunds are compared where
//! something moved since the day began, and where an earlier run found a difference that still stands.
//! `daegeum ledger verify` compares all of them from the first entry on.

mod balances;
mod comparison;
mod movements;
mod standstill;

use domain::{Currency, Timestamp, id::CheckoutId, ledger::Account};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};

use self::comparison::Comparison;
use crate::{
    Reader, StoreError,
    books::held_by_breaks,
    convert::{corrupt, from_column_currency, to_column_time},
    entities::{ledger_balances, ledger_entries},
    payout::sweep,
    settlement::{TradingTotal, trading_totals},
    transaction::Transaction,
};

/// The most differences of one comparison that become findings. A run that finds more closes nothing.
const MOST: u64 = 5_000;

/// Two numbers or two rows of ours that should say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalDifference {
    /// What it is about: `wallet seller-a held`, `order order-1`.
    pub subject: String,
    pub currency: Currency,
    /// What stands beside the ledger, in minor units with a sign, where it is an amount.
    pub beside: Option<i64>,
    /// What the ledger says.
    pub ledger: Option<i64>,
    /// The row beside the ledger, in words.
    pub beside_says: Option<String>,
    /// What the books say of it, in words.
    pub ledger_says: Option<String>,
    pub checkout_id: Option<CheckoutId>,
    /// The workflow that should have brought the two together.
    pub workflow_id: Option<String>,
}

/// What a run looks at besides the balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalQuestion {
    /// From when on movements are compared.
    pub since: Timestamp,
    /// By when a workflow must have ended what it has in hand.
    pub now: Timestamp,
}

/// A difference, as each comparison answers it.
#[derive(Debug, FromQueryResult)]
struct Row {
    subject: String,
    currency: String,
    beside: Option<i64>,
    ledger: Option<i64>,
    beside_says: Option<String>,
    ledger_says: Option<String>,
    checkout_id: Option<String>,
    workflow_id: Option<String>,
}

impl Reader {
    /// Where debits and credits, or anything that stands beside the ledger and the ledger, differ.
    pub async fn internal_differences(
        &self,
        question: &InternalQuestion,
    ) -> Result<Vec<InternalDifference>, StoreError> {
        // One snapshot: what is booked meanwhile moves both sides.
        let snapshot = self.snapshot().await?;
        let booked_before = booked_before(&snapshot, question.since).await?;
        let mut found = suspense_and_sweeps(&snapshot).await?;
        let comparisons = balances::comparisons()
            .into_iter()
            .chain([balances::payouts(question.since)])
            .chain(movements::comparisons(question.since, booked_before))
            .chain(standstill::comparisons(question.now));
        for comparison in comparisons {
            found.extend(compare(&snapshot, comparison).await?);
        }
        snapshot.rollback().await?;
        Ok(found)
    }
}

async fn compare(snapshot: &Transaction, comparison: Comparison) -> Result<Vec<InternalDifference>, StoreError> {
    let Comparison { sql, times } = comparison;
    let times = times.into_iter().map(|time| Value::from(to_column_time(time)));
    let sql = format!("{sql} ORDER BY 1 LIMIT {MOST}");
    let statement = Statement::from_sql_and_values(snapshot.get_database_backend(), sql, times);
    let rows = Row::find_by_statement(statement).all(snapshot).await?;
    rows.into_iter().map(difference).collect()
}

fn difference(row: Row) -> Result<InternalDifference, StoreError> {
    Ok(InternalDifference {
        subject: row.subject,
        currency: from_column_currency(&row.currency)?,
        beside: row.beside,
        ledger: row.ledger,
        beside_says: row.beside_says,
        ledger_says: row.ledger_says,
        checkout_id: row.checkout_id.map(CheckoutId::parse).transpose().map_err(|error| corrupt("an id", error))?,
        workflow_id: row.workflow_id,
    })
}

/// The number of the last entry that was booked before an instant; 0 before the first.
async fn booked_before(snapshot: &Transaction, since: Timestamp) -> Result<i64, StoreError> {
    use ledger_entries::Column;
    let last: Option<i64> = ledger_entries::Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(Column::BookedAt.lt(to_column_time(since)))
        .order_by_desc(Column::BookedAt)
        .order_by_desc(Column::Sequence)
        .limit(1)
        .into_tuple()
        .one(snapshot)
        .await?;
    Ok(last.unwrap_or(0))
}

/// Suspense against the breaks that hold it, exchanges and sweeps on their way against their rows.
async fn suspense_and_sweeps(snapshot: &Transaction) -> Result<Vec<InternalDifference>, StoreError> {
    let mut found = Vec::new();
    let mut compare = |subject: String, currency, beside, ledger| {
        if beside != ledger {
            found.push(InternalDifference {
                subject,
                currency,
                beside: Some(beside),
                ledger: Some(ledger),
                beside_says: None,
                ledger_says: None,
                checkout_id: None,
                workflow_id: None,
            });
        }
    };
    let held = held_by_breaks(snapshot).await?;
    for currency in Currency::ALL {
        let suspense = credits_less_debits(snapshot, &Account::Suspense, currency).await?;
        compare(format!("suspense {currency}"), currency, held.get(&currency).copied().unwrap_or(0), suspense);
    }
    for total in trading_totals(snapshot).await? {
        let TradingTotal { currency, rows, ledger } = total;
        compare(format!("fx:trading {currency}"), currency, rows, ledger);
    }
    let in_transit = credits_less_debits(snapshot, &Account::SweepInTransit, Currency::Krw).await?;
    compare("sweeps KRW".to_owned(), Currency::Krw, sweep::not_received(snapshot).await?, -in_transit);
    Ok(found)
}

async fn credits_less_debits(snapshot: &Transaction, account: &Account, currency: Currency) -> Result<i64, StoreError> {
    let key = (account.to_string(), currency.code().to_owned());
    let row = ledger_balances::Entity::find_by_id(key).one(snapshot).await?;
    Ok(row.map_or(0, |row| row.credits - row.debits))
}
