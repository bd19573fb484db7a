//! Entries of the books, one or many.

use std::collections::HashMap;

use domain::{
    Currency, Timestamp,
    id::{CheckoutId, PaymentOrderId},
    ledger::Reason,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::{
    Page, Reader, StoreError, Window,
    books::chain::{BookedEntry, GENESIS},
    convert::{corrupt, to_column_sequence, to_column_time},
    entities::{ledger_entries, ledger_postings},
};

/// Which entries are wanted; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Those that happened at this instant or later.
    pub from: Option<Timestamp>,
    /// Those that happened before this instant.
    pub to: Option<Timestamp>,
    /// Those about a checkout.
    pub checkout_id: Option<CheckoutId>,
    /// Those about a payment order.
    pub order: Option<PaymentOrderId>,
    /// Those with a reason.
    pub reason: Option<Reason>,
    /// Those in one currency.
    pub currency: Option<Currency>,
}

/// An entry as the books have it, with its neighbours in the chain of hashes and of corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRecord {
    pub booked: BookedEntry,
    /// The hash of the entry before it.
    pub previous_hash: String,
    /// The key of the entry that takes it back, if one does.
    pub reversed_by: Option<String>,
}

impl EntryFilter {
    /// What the filter asks of the entries themselves, not of their postings.
    pub(crate) fn of_entries(&self) -> Condition {
        use ledger_entries::Column;
        Condition::all()
            .add_option(self.from.map(|from| Column::OccurredAt.gte(to_column_time(from))))
            .add_option(self.to.map(|to| Column::OccurredAt.lt(to_column_time(to))))
            .add_option(self.checkout_id.as_ref().map(|id| Column::CheckoutId.eq(id.as_str())))
            .add_option(self.reason.map(|reason| Column::Reason.eq(reason.as_str())))
    }

    /// The numbers of the entries with a posting that the filter asks for, unless it asks nothing of postings.
    fn of_postings(&self) -> Option<Condition> {
        use ledger_postings::Column;
        if self.order.is_none() && self.currency.is_none() {
            return None;
        }
        let postings = ledger_postings::Entity::find()
            .select_only()
            .column(Column::Sequence)
            .filter(
                Condition::all()
                    .add_option(self.order.as_ref().map(|order| Column::PaymentOrderId.eq(order.as_str())))
                    .add_option(self.currency.map(|currency| Column::Currency.eq(currency.code()))),
            )
            .into_query();
        Some(Condition::all().add(ledger_entries::Column::Sequence.in_subquery(postings)))
    }
}

impl Reader {
    /// Entries, the last booked first; a position is the number of an entry.
    pub async fn entries(&self, filter: &EntryFilter, window: &Window<u64>) -> Result<Page<EntryRecord>, StoreError> {
        let behind = window.after.map(|sequence| ledger_entries::Column::Sequence.lt(to_column_sequence(sequence)));
        let rows = ledger_entries::Entity::find()
            .filter(filter.of_entries().add_option(filter.of_postings()).add_option(behind))
            .order_by_desc(ledger_entries::Column::Sequence)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        let page = window.page(rows, Ok)?;
        let mut records = self.records(page.items).await?;
        records.reverse();
        Ok(Page { items: records, more: page.more })
    }

    /// The entry under a key.
    pub async fn entry(&self, key: &str) -> Result<Option<EntryRecord>, StoreError> {
        let row = ledger_entries::Entity::find().filter(ledger_entries::Column::EntryId.eq(key));
        let row = row.one(self.connection()).await?;
        Ok(self.records(Vec::from_iter(row)).await?.pop())
    }

    /// In the order of the books. What is booked does not change, so what belongs to the rows may be read after
    /// them.
    async fn records(&self, rows: Vec<ledger_entries::Model>) -> Result<Vec<EntryRecord>, StoreError> {
        use ledger_entries::Column;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let hashes = ledger_entries::Entity::find()
            .select_only()
            .columns([Column::Sequence, Column::Hash])
            .filter(Column::Sequence.is_in(rows.iter().map(|row| row.sequence - 1)))
            .into_tuple::<(i64, String)>();
        let mut hashes: HashMap<i64, String> = hashes.all(self.connection()).await?.into_iter().collect();
        let reversals = ledger_entries::Entity::find()
            .select_only()
            .columns([Column::Reverses, Column::EntryId])
            .filter(Column::Reverses.is_in(rows.iter().map(|row| row.entry_id.as_str())))
            .into_tuple::<(String, String)>();
        let mut reversals: HashMap<String, String> = reversals.all(self.connection()).await?.into_iter().collect();
        let booked = BookedEntry::complete(rows, self.connection()).await?;
        let record = |booked: BookedEntry| {
            let before = i64::try_from(booked.sequence - 1).map_err(|_| corrupt("a sequence", booked.sequence))?;
            let previous_hash = match (before, hashes.remove(&before)) {
                (0, _) => GENESIS.to_owned(),
                (_, Some(hash)) => hash,
                (_, None) => return Err(corrupt("a gap in the hash chain before entry", booked.sequence)),
            };
            let reversed_by = reversals.remove(&booked.entry.fields().key);
            Ok(EntryRecord { booked, previous_hash, reversed_by })
        };
        booked.into_iter().map(record).collect()
    }
}
