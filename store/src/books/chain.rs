//! Entries as the database keeps them, and the hash chain that they form.

use std::collections::HashMap;

use domain::{
    Money, Timestamp,
    id::{CheckoutId, PaymentOrderId},
    ledger::{Entry, EntryFields, Place, Posting, PostingFields, Reason},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_amount, to_column_time},
    entities::{ledger_entries, ledger_postings},
};

/// The hash before the first entry: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedEntry {
    /// Its number, from 1 without a gap.
    pub sequence: u64,
    /// What was booked.
    pub entry: Entry,
    /// When it was booked.
    pub booked_at: Timestamp,
    /// SHA-256 over [`Entry::canonical`], in lower-case hex.
    pub hash: String,
}

/// The hash of an entry at its place in the chain, in lower-case hex.
pub fn hash_of(entry: &Entry, place: Place<'_>) -> String {
    hex::encode(Sha256::digest(entry.canonical(place)))
}

impl BookedEntry {
    /// The hash that the entry should have after an entry with this hash.
    pub fn hash_after(&self, previous: &str) -> String {
        hash_of(&self.entry, Place { sequence: self.sequence, previous, booked_at: self.booked_at })
    }

    /// Entries with their postings, in the order of the books.
    pub(crate) async fn complete(
        rows: Vec<ledger_entries::Model>,
        connection: &impl ConnectionTrait,
    ) -> Result<Vec<Self>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let lines = ledger_postings::Entity::find()
            .filter(ledger_postings::Column::Sequence.is_in(rows.iter().map(|row| row.sequence)))
            .order_by_asc(ledger_postings::Column::Sequence)
            .order_by_asc(ledger_postings::Column::Line);
        let mut postings: HashMap<i64, Vec<ledger_postings::Model>> = HashMap::new();
        for line in lines.all(connection).await? {
            postings.entry(line.sequence).or_default().push(line);
        }
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let lines = postings.remove(&row.sequence).unwrap_or_default();
            entries.push(Self::of_rows(row, lines)?);
        }
        entries.sort_by_key(|entry| entry.sequence);
        Ok(entries)
    }

    pub(crate) fn of_rows(
        row: ledger_entries::Model,
        postings: Vec<ledger_postings::Model>,
    ) -> Result<Self, StoreError> {
        let postings = postings.into_iter().map(posting_of_row).collect::<Result<_, _>>()?;
        let fields = EntryFields {
            reason: Reason::parse(&row.reason).ok_or_else(|| corrupt("a reason", &row.reason))?,
            checkout_id: row.checkout_id.map(CheckoutId::parse).transpose().map_err(|error| corrupt("an id", error))?,
            reverses: row.reverses,
            occurred_at: from_column_time(row.occurred_at),
            postings,
            key: row.entry_id,
        };
        Ok(Self {
            sequence: u64::try_from(row.sequence).map_err(|_| corrupt("a sequence", row.sequence))?,
            booked_at: from_column_time(row.booked_at),
            hash: row.hash,
            entry: Entry::try_new(fields).map_err(|error| corrupt("an entry", error))?,
        })
    }

    pub(crate) fn to_rows(
        &self,
    ) -> Result<(ledger_entries::ActiveModel, Vec<ledger_postings::ActiveModel>), StoreError> {
        let fields = self.entry.fields();
        let sequence = i64::try_from(self.sequence).map_err(|_| corrupt("a sequence", self.sequence))?;
        let row = ledger_entries::ActiveModel {
            sequence: Set(sequence),
            entry_id: Set(fields.key.clone()),
            reason: Set(fields.reason.as_str().to_owned()),
            checkout_id: Set(fields.checkout_id.as_ref().map(ToString::to_string)),
            reverses: Set(fields.reverses.clone()),
            occurred_at: Set(to_column_time(fields.occurred_at)),
            booked_at: Set(to_column_time(self.booked_at)),
            hash: Set(self.hash.clone()),
        };
        let mut postings = Vec::with_capacity(fields.postings.len());
        for (line, posting) in (0..).zip(&fields.postings) {
            let posting = posting.fields();
            postings.push(ledger_postings::ActiveModel {
                sequence: Set(sequence),
                line: Set(line),
                debit_account: Set(posting.debit.to_string()),
                credit_account: Set(posting.credit.to_string()),
                amount: Set(to_column_amount(posting.amount)?),
                currency: Set(posting.amount.currency().code().to_owned()),
                payment_order_id: Set(posting.order.as_ref().map(ToString::to_string)),
            });
        }
        Ok((row, postings))
    }
}

fn posting_of_row(row: ledger_postings::Model) -> Result<Posting, StoreError> {
    let account = |text: &str| text.parse().map_err(|_| corrupt("an account", text));
    let amount: Money = from_column_amount(row.amount, from_column_currency(&row.currency)?)?;
    let order = row.payment_order_id.map(PaymentOrderId::parse).transpose();
    Posting::try_new(PostingFields {
        debit: account(&row.debit_account)?,
        credit: account(&row.credit_account)?,
        amount,
        order: order.map_err(|error| corrupt("an id", error))?,
    })
    .map_err(|error| corrupt("a posting", error))
}
