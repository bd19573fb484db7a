//! Rows that the PSP settles in another currency than the buyer paid in: a second entry beside the row's own.

use domain::{
    Currency,
    ledger::{Account, Entry, Reason},
    settlement::{Exchange, Flow},
};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::{
    StoreError,
    books::{open::Books, order::not_before, refusal::Refusal},
    convert::{corrupt, from_column_currency},
    entities::settlement_rows,
    settlement::rows::RowBooking,
};

/// The entry of each exchange. It is booked in the transaction of the row's own entry, or both are refused.
pub(super) fn entries(books: &Books<'_>, fresh: &[&RowBooking]) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for RowBooking { row, .. } in fresh {
        let Some(entry) = row.exchange_entry(row.settled_at(books.now())).map_err(Refusal::from)? else { continue };
        entries.push(not_before(&entry, books.open_from())?);
    }
    Ok(entries)
}

/// The exchange of a row, as it is kept.
pub(super) fn stored(row: &settlement_rows::Model) -> Result<Option<Exchange>, StoreError> {
    let Some(currency) = row.exchange_currency.as_deref().map(from_column_currency).transpose()? else {
        return Ok(None);
    };
    let flow = |minor: Option<i64>| {
        let minor = minor.ok_or_else(|| corrupt("no amount of an exchange in", &row.transaction_key))?;
        Flow::of_signed(minor, currency).map_err(|error| corrupt("an amount", error))
    };
    Ok(Some(Exchange {
        amount: flow(row.exchange_amount)?,
        pay_out: flow(row.exchange_pay_out)?,
        supply: flow(row.exchange_supply)?,
        vat: flow(row.exchange_vat)?,
    }))
}

/// What of an exchange is a part of a row's digest.
pub(super) fn digested(exchange: &Exchange) -> String {
    let Exchange { amount, pay_out, supply, vat } = exchange;
    let amounts = [amount, pay_out, supply, vat].map(|flow| flow.signed().to_string()).join(" ");
    format!("\n{} {amounts}", exchange.currency().code())
}

/// What stands on `fx:trading` in a currency, in minor units: debits less credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TradingTotal {
    pub(crate) currency: Currency,
    /// By the PSP's rows that are booked and were not taken back.
    pub(crate) rows: i64,
    /// By the books.
    pub(crate) ledger: i64,
}

/// The exchanges of all rows against the account that they are booked to.
pub(crate) async fn trading_totals(connection: &impl ConnectionTrait) -> Result<Vec<TradingTotal>, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        currency: String,
        rows: i64,
        ledger: i64,
    }
    let account = Account::FxTrading.to_string();
    let sql = format!(
        "WITH standing AS ( \
           SELECT r.currency, r.pay_out, r.exchange_currency, r.exchange_amount FROM settlement_rows r \
           WHERE r.exchange_currency IS NOT NULL AND r.booked_at IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM ledger_entries l WHERE l.reverses = r.entry_id) \
         ), moved AS ( \
           SELECT currency, pay_out AS in_rows, 0 AS in_ledger FROM standing \
           UNION ALL SELECT exchange_currency, -exchange_amount, 0 FROM standing \
           UNION ALL SELECT currency, 0, debits - credits FROM ledger_balances WHERE account = '{account}' \
         ) \
         SELECT currency, CAST(SUM(in_rows) AS bigint) AS rows, CAST(SUM(in_ledger) AS bigint) AS ledger \
         FROM moved GROUP BY currency ORDER BY currency"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = Row::find_by_statement(statement).all(connection).await?;
    let total =
        |Row { currency, rows, ledger }| Ok(TradingTotal { currency: from_column_currency(&currency)?, rows, ledger });
    rows.into_iter().map(total).collect()
}

/// Rows whose two entries do not both stand, or were not both taken back, by their transaction keys; at most `limit`.
pub(crate) async fn torn_exchanges(connection: &impl ConnectionTrait, limit: usize) -> Result<Vec<String>, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        transaction_key: String,
    }
    let (settled, exchanged) = (Reason::PspSettled.as_str(), Reason::PspExchanged.as_str());
    let other = format!("'{exchanged}' || substr(r.entry_id, {})", settled.len() + 1);
    let stands = |key: &str| {
        format!(
            "EXISTS (SELECT 1 FROM ledger_entries e WHERE e.entry_id = {key} \
             AND NOT EXISTS (SELECT 1 FROM ledger_entries l WHERE l.reverses = e.entry_id))"
        )
    };
    let (one, other) = (stands("r.entry_id"), stands(&other));
    let sql = format!(
        "SELECT r.transaction_key FROM settlement_rows r \
         WHERE r.exchange_currency IS NOT NULL AND r.exchange_amount <> 0 AND r.entry_id IS NOT NULL \
           AND ({one}) <> ({other}) \
         ORDER BY r.transaction_key LIMIT {limit}"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = Row::find_by_statement(statement).all(connection).await?;
    Ok(rows.into_iter().map(|row| row.transaction_key).collect())
}
