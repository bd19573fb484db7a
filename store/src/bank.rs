//! Lines of bank statements: each is kept once.

use chrono::Utc;
use domain::{Currency, Money, calendar::Day, ledger::Entry, settlement::Flow};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{OnConflict, Query},
};
use sha2::{Digest, Sha256};

use crate::{
    Journal, Reader, StoreError, Writer,
    books::{
        open::Books,
        refusal::{Booked, Refusal},
    },
    convert::{corrupt, from_column_currency},
    entities::{
        bank_lines::{ActiveModel, Column, Entity, Model},
        ledger_entries, payouts,
    },
};

/// How many lines are written by one statement.
const BATCH: usize = 500;

/// A line of a bank statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankLine {
    /// What the marketplace calls the bank account.
    pub account: String,
    pub day: Day,
    /// Towards us is a deposit.
    pub amount: Flow,
    /// What the bank writes beside it.
    pub label: String,
    /// The number among equal lines of one statement, from 1.
    pub occurrence: u32,
}

/// What came of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lines that are new.
    pub fresh: u64,
    /// Lines that were kept before.
    pub known: u64,
}

impl BankLine {
    /// SHA-256 of the line, in lower-case hex: the same line of the same statement has one.
    pub fn hash(&self) -> String {
        let Self { account, day, amount, label, occurrence } = self;
        let currency = amount.amount().currency();
        let text = format!("{account}\n{day}\n{}\n{currency}\n{occurrence}\n{label}", amount.signed());
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    fn currency(&self) -> Currency {
        self.amount.amount().currency()
    }
}

impl Journal {
    /// Keeps lines, each once: its hash is the key.
    pub async fn import_bank_lines(&self, lines: &[BankLine], by: &str) -> Result<Imported, StoreError> {
        let mut imported = Imported::default();
        let now = Utc::now();
        for batch in lines.chunks(BATCH) {
            let hashes: Vec<String> = batch.iter().map(BankLine::hash).collect();
            let transaction = self.begin().await?;
            let known = Entity::find().filter(Column::LineHash.is_in(hashes.clone())).all(&transaction).await?;
            let known: std::collections::HashSet<String> = known.into_iter().map(|row| row.line_hash).collect();
            let mut rows = Vec::new();
            for (line, line_hash) in batch.iter().zip(hashes) {
                if known.contains(&line_hash) {
                    imported.known += 1;
                    continue;
                }
                rows.push(ActiveModel {
                    line_hash: Set(line_hash),
                    account: Set(line.account.clone()),
                    day: Set(line.day.to_string()),
                    amount: Set(line.amount.signed()),
                    currency: Set(line.currency().code().to_owned()),
                    label: Set(line.label.clone()),
                    occurrence: Set(i32::try_from(line.occurrence).map_err(|_| corrupt("a line", line.occurrence))?),
                    imported_by: Set(by.to_owned()),
                    imported_at: Set(now),
                });
            }
            imported.fresh += rows.len() as u64;
            if !rows.is_empty() {
                Entity::insert_many(rows)
                    .on_conflict(OnConflict::column(Column::LineHash).do_nothing().to_owned())
                    .exec_without_returning(&transaction)
                    .await?;
            }
            transaction.commit().await?;
        }
        Ok(imported)
    }
}

impl Writer {
    /// Books that a line shows what the PSP has settled. The line is the key.
    pub async fn book_deposit(&self, line_hash: &str, amount: Money) -> Result<Booked, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let entry = Entry::of_deposit(line_hash, amount, books.now()).map_err(Refusal::from)?;
        let known =
            ledger_entries::Entity::find().filter(ledger_entries::Column::EntryId.eq(entry.fields().key.as_str()));
        if known.one(&transaction).await?.is_some() {
            return Ok(Booked::Before);
        }
        let booked = books.book(entry).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(booked)
    }
}

impl Reader {
    /// The lines of a day with their hashes, in an order that stays.
    pub async fn bank_lines(&self, day: Day) -> Result<Vec<(String, BankLine)>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Day.eq(day.to_string()))
            .order_by_asc(Column::LineHash)
            .all(self.connection())
            .await?;
        rows.into_iter().map(line).collect()
    }

    /// Whether a line of some text was ever kept that shows no sweep.
    pub async fn has_bank_line(&self, label_part: &str) -> Result<bool, StoreError> {
        let of_sweeps = Query::select()
            .column(payouts::Column::BankLine)
            .from(payouts::Entity)
            .and_where(payouts::Column::BankLine.is_not_null())
            .to_owned();
        let row = Entity::find()
            .filter(Column::Label.contains(label_part))
            .filter(Column::LineHash.not_in_subquery(of_sweeps))
            .one(self.connection())
            .await?;
        Ok(row.is_some())
    }
}

fn line(row: Model) -> Result<(String, BankLine), StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let line = BankLine {
        account: row.account,
        day: row.day.parse().map_err(|_| corrupt("a day", &row.day))?,
        amount: Flow::of_signed(row.amount, currency).map_err(|error| corrupt("an amount", error))?,
        label: row.label,
        occurrence: u32::try_from(row.occurrence).map_err(|_| corrupt("a line", row.occurrence))?,
    };
    Ok((row.line_hash, line))
}
