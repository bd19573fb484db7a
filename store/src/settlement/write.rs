//! Keeping rows and booking them.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use domain::{
    Currency, Money,
    calendar::Day,
    ledger::Entry,
    reconciliation::{
        Finding,
        repair::{RepairLimits, RepairRule},
    },
    settlement::{Counter, SettlementRow, entry_of},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{BinOper, Expr},
};
use sha2::{Digest, Sha256};

use crate::{
    StoreError, Writer,
    books::{
        booking::Booking,
        open::Books,
        order::not_before,
        refusal::{Booked, Refusal},
    },
    breaks::{Sighting, see},
    convert::{corrupt, from_column_amount, to_column_amount, to_column_time},
    entities::{
        settlement_rows::{ActiveModel, Column, Entity},
        settlement_totals,
    },
    settlement::{
        exchange,
        rows::{KeptRows, ReceivedRow, RowBooking, SettlementBookings},
    },
};

/// Puts two texts together, on SQLite and on PostgreSQL.
const CONCAT: BinOper = BinOper::Custom("||");

impl Writer {
    /// Keeps rows that were received, each once. A row that is not booked yet is replaced by what the PSP writes now;
    /// one that is booked stays. Safe to repeat: the transaction key is the key.
    pub async fn keep_settlement_rows(&self, rows: &[ReceivedRow]) -> Result<KeptRows, StoreError> {
        let mut kept = KeptRows::default();
        if rows.is_empty() {
            return Ok(kept);
        }
        let transaction = self.begin().await?;
        let keys = rows.iter().map(|received| received.row.transaction_key.as_str());
        let known: Vec<(String, String, Option<String>)> = Entity::find()
            .select_only()
            .columns([Column::TransactionKey, Column::Digest, Column::Counter])
            .filter(Column::TransactionKey.is_in(keys))
            .into_tuple()
            .all(&transaction)
            .await?;
        let known: HashMap<String, (String, Option<String>)> =
            known.into_iter().map(|(key, digest, counter)| (key, (digest, counter))).collect();
        let mut fresh = Vec::new();
        for received in rows {
            let digest = digest(&received.row);
            match known.get(&received.row.transaction_key) {
                None => fresh.push(to_row(received, digest)),
                Some((stored, _)) if *stored == digest => {}
                Some((_, Some(_))) => kept.changed.push(received.row.transaction_key.clone()),
                Some((_, None)) => {
                    Entity::update(to_row(received, digest)).exec(&transaction).await?;
                }
            }
        }
        kept.fresh = fresh.len() as u64;
        if !fresh.is_empty() {
            Entity::insert_many(fresh).exec_without_returning(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(kept)
    }

    /// Books rows that are kept, each once: all of them, or none where one is refused. The transaction key is the key.
    pub async fn book_settlement_rows(&self, bookings: SettlementBookings) -> Result<Booked, StoreError> {
        if bookings.rows.is_empty() {
            return Ok(Booked::Before);
        }
        self.bookkeeper.book(Booking::Settlements(bookings)).await
    }
}

/// The entries, the marks on the rows, and the breaks that hold what is in suspense, all or nothing.
pub(crate) async fn book(books: &mut Books<'_>, bookings: &SettlementBookings) -> Result<Booked, StoreError> {
    let SettlementBookings { rows, limits } = bookings;
    let keys = rows.iter().map(|booking| booking.row.transaction_key.as_str());
    let stored: Vec<(String, Option<String>)> = Entity::find()
        .select_only()
        .columns([Column::TransactionKey, Column::Counter])
        .filter(Column::TransactionKey.is_in(keys))
        .into_tuple()
        .all(books.transaction)
        .await?;
    let stored: HashMap<String, Option<String>> = stored.into_iter().collect();
    let mut fresh = Vec::with_capacity(rows.len());
    for booking in rows {
        let key = &booking.row.transaction_key;
        match stored.get(key) {
            None => return Err(corrupt("no settlement row of a booking", key)),
            Some(Some(_)) => {}
            Some(None) => fresh.push(booking),
        }
    }
    if fresh.is_empty() {
        return Ok(Booked::Before);
    }
    let groups = with_entries(books, grouped(&fresh))?;
    let exchanges = exchange::entries(books, &fresh)?;
    check(books, groups.iter().filter_map(|group| group.entry.as_ref()).chain(&exchanges).collect()).await?;
    count(books, &fresh, limits).await?;
    let now = books.now();
    mark(books, &groups).await?;
    for (run_id, findings) in findings_by_run(&fresh) {
        let sighting = Sighting { run_id, at: now, today: Day::of(now) };
        see(books.transaction, &findings, sighting).await?;
    }
    for entry in groups.into_iter().filter_map(|group| group.entry).chain(exchanges) {
        books.add(entry).await?;
    }
    Ok(Booked::Now)
}

/// Rows with one entry, or with none where they move nothing.
struct Group<'a> {
    counter: Counter,
    rows: Vec<&'a SettlementRow>,
    entry: Option<Entry>,
}

/// What is held by a break has an entry of its own, which is taken back with the break, and so has what the PSP
/// exchanged. All other rows of a day of sale and a currency are one entry: a million rows make the books no longer
/// than a thousand.
fn grouped<'a>(fresh: &[&'a RowBooking]) -> Vec<(Counter, Vec<&'a SettlementRow>)> {
    let (mut alone, mut together) = (Vec::new(), BTreeMap::new());
    for RowBooking { row, counter, finding, .. } in fresh {
        if finding.is_some() || row.exchange.is_some() {
            alone.push((*counter, vec![row]));
        } else {
            let alike = (counter.as_str(), row.currency(), row.sold_on, row.moves_nothing());
            together.entry(alike).or_insert_with(|| (*counter, Vec::new())).1.push(row);
        }
    }
    alone.extend(together.into_values());
    alone
}

/// Each group with its entry.
fn with_entries<'a>(
    books: &Books<'_>,
    groups: Vec<(Counter, Vec<&'a SettlementRow>)>,
) -> Result<Vec<Group<'a>>, StoreError> {
    let with_entry = |(counter, rows): (Counter, Vec<&'a SettlementRow>)| {
        let settled_at = rows.first().map_or(books.now(), |row| row.settled_at(books.now()));
        let entry = entry_of(&rows, counter, settled_at).map_err(Refusal::from)?;
        let entry = entry.map(|entry| not_before(&entry, books.open_from())).transpose()?;
        Ok(Group { counter, rows, entry })
    };
    groups.into_iter().map(with_entry).collect()
}

/// Refuses an entry that may not be booked, or whose key is taken, before anything is written.
async fn check(books: &mut Books<'_>, entries: Vec<&Entry>) -> Result<(), StoreError> {
    books.look_up_keys(entries.iter().map(|entry| entry.fields().key.clone()).collect()).await?;
    for entry in entries {
        if books.check(entry).await?.is_some() {
            return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
        }
    }
    Ok(())
}

/// Adds rows to what is booked today. Refuses where that is more than the limit of a day.
async fn count(books: &Books<'_>, fresh: &[&RowBooking], limits: &RepairLimits) -> Result<(), StoreError> {
    let (rule, day) = (RepairRule::BookSettlement, Day::of(books.now()).to_string());
    let mut sums: BTreeMap<Currency, Money> = BTreeMap::new();
    for booking in fresh {
        let currency = booking.row.currency();
        let sum = sums.entry(currency).or_insert(Money::zero(currency));
        *sum = sum.plus(booking.row.amount.amount()).map_err(|_| StoreError::Amount)?;
    }
    for (currency, more) in sums {
        let key = (day.clone(), currency.code().to_owned());
        let before = settlement_totals::Entity::find_by_id(key).one(books.transaction).await?;
        let booked = from_column_amount(before.as_ref().map_or(0, |total| total.amount), currency)?;
        if !limits.allow(rule, booked, more) {
            return Err(Refusal::RuleLimit { rule: rule.as_str() }.into());
        }
        let booked = booked.plus(more).map_err(|_| StoreError::Amount)?;
        let total = settlement_totals::ActiveModel {
            day: Set(day.clone()),
            currency: Set(currency.code().to_owned()),
            amount: Set(to_column_amount(booked)?),
        };
        match before {
            None => {
                settlement_totals::Entity::insert(total).exec_without_returning(books.transaction).await?;
            }
            Some(_) => {
                settlement_totals::Entity::update(total).exec(books.transaction).await?;
            }
        }
    }
    Ok(())
}

/// How the entry of a row is called.
#[derive(PartialEq, Eq, Hash)]
enum EntryName {
    /// The row moves nothing, and has none.
    None,
    /// By the key of the row.
    OfRow,
    /// By a key that it has with others.
    Shared(String),
}

/// Marks rows as booked: one statement for each entry of several rows, and one for all that have their own.
async fn mark(books: &Books<'_>, groups: &[Group<'_>]) -> Result<(), StoreError> {
    let mut alike: HashMap<(&str, EntryName), Vec<&str>> = HashMap::new();
    for group in groups {
        let name = match (&group.entry, &group.rows[..]) {
            (None, _) => EntryName::None,
            (Some(_), [_]) => EntryName::OfRow,
            (Some(entry), _) => EntryName::Shared(entry.fields().key.clone()),
        };
        let keys = alike.entry((group.counter.as_str(), name)).or_default();
        keys.extend(group.rows.iter().map(|row| row.transaction_key.as_str()));
    }
    for ((counter, name), keys) in alike {
        let entry_key = match name {
            EntryName::None => Expr::value(None::<String>),
            EntryName::OfRow => {
                Expr::value(SettlementRow::entry_key("")).binary(CONCAT, Expr::col(Column::TransactionKey))
            }
            EntryName::Shared(key) => Expr::value(key),
        };
        Entity::update_many()
            .col_expr(Column::Counter, Expr::value(counter))
            .col_expr(Column::EntryId, entry_key)
            .col_expr(Column::BookedAt, Expr::value(to_column_time(books.now())))
            .filter(Column::TransactionKey.is_in(keys))
            .exec(books.transaction)
            .await?;
    }
    Ok(())
}

fn findings_by_run<'a>(fresh: &[&'a RowBooking]) -> BTreeMap<&'a str, Vec<Finding>> {
    let mut by_run: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
    for booking in fresh {
        if let Some(finding) = &booking.finding {
            by_run.entry(&booking.run_id).or_default().push(finding.clone());
        }
    }
    by_run
}

fn to_row(received: &ReceivedRow, digest: String) -> ActiveModel {
    let row = &received.row;
    let exchange = row.exchange.as_ref();
    ActiveModel {
        transaction_key: Set(row.transaction_key.clone()),
        payment_key: Set(row.payment_key.clone()),
        order_name: Set(row.order.clone()),
        kind: Set(row.kind.as_str().to_owned()),
        currency: Set(row.currency().code().to_owned()),
        amount: Set(row.amount.signed()),
        pay_out: Set(row.pay_out.signed()),
        supply: Set(row.supply.signed()),
        vat: Set(row.vat.signed()),
        sold_on: Set(row.sold_on.to_string()),
        paid_out_on: Set(row.paid_out_on.to_string()),
        approved_at: Set(row.approved_at.map(to_column_time)),
        method: Set(row.method.clone()),
        merchant_id: Set(row.merchant_id.clone()),
        received: Set(received.received.clone()),
        digest: Set(digest),
        received_at: Set(Utc::now()),
        counter: Set(None),
        entry_id: Set(None),
        booked_at: Set(None),
        exchange_currency: Set(exchange.map(|exchange| exchange.currency().code().to_owned())),
        exchange_amount: Set(exchange.map(|exchange| exchange.amount.signed())),
        exchange_pay_out: Set(exchange.map(|exchange| exchange.pay_out.signed())),
        exchange_supply: Set(exchange.map(|exchange| exchange.supply.signed())),
        exchange_vat: Set(exchange.map(|exchange| exchange.vat.signed())),
    }
}

/// SHA-256 of what is booked of a row, in lower-case hex.
fn digest(row: &SettlementRow) -> String {
    let SettlementRow { payment_key, order, kind, amount, pay_out, supply, vat, sold_on, paid_out_on, .. } = row;
    let amounts = [amount, pay_out, supply, vat].map(|flow| flow.signed().to_string()).join(" ");
    let currency = row.currency().code();
    let kind = kind.as_str();
    let exchange = row.exchange.as_ref().map(exchange::digested).unwrap_or_default();
    let text = format!("{payment_key}\n{order}\n{kind}\n{currency}\n{amounts}\n{sold_on}\n{paid_out_on}{exchange}");
    hex::encode(Sha256::digest(text.as_bytes()))
}
