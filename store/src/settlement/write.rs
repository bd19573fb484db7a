//! Keeping rows and booking them.

use std::collections::HashMap;

use chrono::Utc;
use domain::settlement::SettlementRow;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
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
    convert::{corrupt, to_column_time},
    entities::settlement_rows::{ActiveModel, Column, Entity},
    settlement::rows::{KeptRows, ReceivedRow, RowBooking},
};

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
        let known = Entity::find().filter(Column::TransactionKey.is_in(keys)).all(&transaction).await?;
        let known: HashMap<String, _> = known.into_iter().map(|row| (row.transaction_key.clone(), row)).collect();
        let mut fresh = Vec::new();
        for received in rows {
            let digest = digest(&received.row);
            match known.get(&received.row.transaction_key) {
                None => fresh.push(to_row(received, digest)),
                Some(stored) if stored.digest == digest => {}
                Some(stored) if stored.counter.is_some() => kept.changed.push(stored.transaction_key.clone()),
                Some(_) => {
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

    /// Books a row that is kept, once. The transaction key is the key.
    pub async fn book_settlement_row(&self, booking: RowBooking) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::Settlement(Box::new(booking))).await
    }
}

/// The entry, the mark on the row, and the break that holds what is in suspense, all or nothing.
pub(crate) async fn book(books: &mut Books<'_>, booking: &RowBooking) -> Result<Booked, StoreError> {
    let key = &booking.row.transaction_key;
    let stored = Entity::find_by_id(key.as_str()).one(books.transaction).await?;
    let stored = stored.ok_or_else(|| corrupt("no settlement row of a booking", key))?;
    if stored.counter.is_some() {
        return Ok(Booked::Before);
    }
    let now = books.now();
    // A contract may sell a payment on a day that has not come yet.
    let settled_at = Ord::min(booking.row.sold_on.start(), now);
    let entry = booking.row.entry(booking.counter, settled_at).map_err(Refusal::from)?;
    let entry = entry.map(|entry| not_before(&entry, books.open_from())).transpose()?;
    if let Some(entry) = &entry
        && books.check(entry).await?.is_some()
    {
        return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
    }
    Entity::update_many()
        .col_expr(Column::Counter, Expr::value(booking.counter.as_str()))
        .col_expr(Column::EntryId, Expr::value(entry.as_ref().map(|entry| entry.fields().key.clone())))
        .col_expr(Column::BookedAt, Expr::value(to_column_time(now)))
        .filter(Column::TransactionKey.eq(key.as_str()))
        .exec(books.transaction)
        .await?;
    if let Some(finding) = &booking.finding {
        let sighting = Sighting { run_id: &booking.run_id, at: now, today: domain::calendar::Day::of(now) };
        see(books.transaction, std::slice::from_ref(finding), sighting).await?;
    }
    match entry {
        Some(entry) => books.add(entry).await,
        None => Ok(Booked::Now),
    }
}

fn to_row(received: &ReceivedRow, digest: String) -> ActiveModel {
    let row = &received.row;
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
    }
}

/// SHA-256 of what is booked of a row, in lower-case hex.
fn digest(row: &SettlementRow) -> String {
    let SettlementRow { payment_key, order, kind, amount, pay_out, supply, vat, sold_on, paid_out_on, .. } = row;
    let amounts = [amount, pay_out, supply, vat].map(|flow| flow.signed().to_string()).join(" ");
    let currency = row.currency().code();
    let kind = kind.as_str();
    let text = format!("{payment_key}\n{order}\n{kind}\n{currency}\n{amounts}\n{sold_on}\n{paid_out_on}");
    hex::encode(Sha256::digest(text.as_bytes()))
}
