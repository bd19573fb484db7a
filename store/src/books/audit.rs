//! The auditor's side of the books: everything is recomputed from the postings and compared with what stands
//! beside them.
//!
//! It takes two readings, both in pages and both in one snapshot. The first follows the entries in their order:
//! hash chain, Merkle root, checkpoints, and the sums of each account and each wallet. The second follows the
//! checkouts in the order of their ids and reads the entries about each, by an index, for the payment and for
//! what each order says; so nothing is kept of orders beyond one page. In memory there are one page, a number
//! per account and per wallet, and the first hundred disagreements.
//!
//! The snapshot is a read transaction: who writes meanwhile neither waits nor is seen. (On SQLite the write-ahead
//! log cannot shrink until the audit ends.)

mod chain;
mod checkouts;
mod exchanges;
mod findings;
mod payouts;
mod refunds;
mod rows;
mod settlements;
mod suspense;
mod wallets;

use std::collections::BTreeMap;

use domain::{
    Currency, Timestamp,
    merkle::{Hash, Tree},
};
use findings::hash_bytes;
pub use findings::{ChainEnd, Check, Disagreement, Findings, MAX_NAMED, OnReadProgress, ReadProgress};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IsolationLevel, QueryFilter, QueryOrder,
    QuerySelect, TransactionOptions,
};
pub(crate) use suspense::held_by_breaks;

use crate::{
    BookedEntry, PublicKey, Reader, StoreError,
    convert::{corrupt, from_column_time, to_column_sequence},
    entities::{ledger_entries, ledger_head},
    transaction::{Purpose, Transaction},
};

/// An audit counts whole tables; that may take longer than a statement of a request.
const PATIENCE: &str = "SET LOCAL statement_timeout = '10min'";
/// How many hashes are read at once.
const HASHES: u64 = 10_000;

/// What an audit read and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What disagrees; nothing, one hopes.
    pub findings: Findings,
    /// Where the chain ends.
    pub end: ChainEnd,
    /// How many postings there are.
    pub postings: u64,
    /// How many accounts, each once per currency.
    pub accounts: u64,
    /// How many wallets.
    pub wallets: u64,
    /// How many holds.
    pub holds: u64,
    /// How many payouts.
    pub payouts: u64,
    /// How many checkouts.
    pub checkouts: u64,
    /// How many payment orders.
    pub orders: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// What was ever moved, which is the debits and the credits, by currency, in minor units.
    pub moved: BTreeMap<Currency, u128>,
}

/// The end of the books, as the head row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooksState {
    /// The number of the last entry; 0 when there is none.
    pub sequence: u64,
    /// The first instant whose day is open, once a day was closed.
    pub closed_before: Option<Timestamp>,
}

/// The proof that a hash is among the first entries of the books, unsigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The hash of the entry before.
    pub previous: String,
    /// From the entry to the root.
    pub path: Vec<Hash>,
    /// The root, in lower-case hex.
    pub root: String,
}

impl Reader {
    /// Recomputes everything from the postings. A checkpoint counts only when it is signed by one of the trusted
    /// keys, or, where none is given, by the key in its own row.
    pub async fn audit(&self, trusted: &[PublicKey], progress: OnReadProgress<'_>) -> Result<Audit, StoreError> {
        let snapshot = self.snapshot().await?;
        let mut findings = Findings::default();
        let (chain, fold) = chain::walk(&snapshot, trusted, &mut findings, &mut *progress).await?;
        let moved = wallets::compare_balances(&snapshot, &fold, &mut findings).await?;
        let wallets = wallets::compare_wallets(&snapshot, &fold, &mut findings).await?;
        let holds = wallets::compare_holds(&snapshot, &fold, &mut findings).await?;
        let payouts = payouts::compare(&snapshot, &fold, &mut findings).await?;
        suspense::compare(&snapshot, &fold, &mut findings).await?;
        settlements::compare(&snapshot, &mut findings).await?;
        exchanges::compare(&snapshot, &fold, &mut findings).await?;
        let (checkouts, orders) = checkouts::compare(&snapshot, &mut findings, progress).await?;
        let audit = Audit {
            end: chain.end(),
            postings: fold.postings,
            accounts: fold.accounts.len() as u64,
            checkpoints: chain.checkpoints,
            findings,
            wallets,
            holds,
            payouts,
            checkouts,
            orders,
            moved,
        };
        snapshot.rollback().await?;
        Ok(audit)
    }

    /// Recomputes the hash chain, the Merkle root and the checkpoints alone: what a new checkpoint is about.
    pub async fn audit_chain(&self, progress: OnReadProgress<'_>) -> Result<(ChainEnd, Findings), StoreError> {
        let snapshot = self.snapshot().await?;
        let mut findings = Findings::default();
        let (chain, _) = chain::walk(&snapshot, &[], &mut findings, progress).await?;
        snapshot.rollback().await?;
        Ok((chain.end(), findings))
    }

    /// The path from the hash of the entry `sequence` to the Merkle root over the first `size` entries; `None`
    /// when there are not so many.
    pub async fn inclusion(&self, sequence: u64, size: u64) -> Result<Option<Inclusion>, StoreError> {
        let snapshot = self.snapshot().await?;
        let mut tree = Tree::watching(sequence.saturating_sub(1));
        let mut previous = crate::GENESIS.to_owned();
        while tree.size() < size {
            let hashes = hashes_after(&snapshot, tree.size(), Ord::min(HASHES, size - tree.size())).await?;
            if hashes.is_empty() {
                return Ok(None);
            }
            for hash in hashes {
                tree.push(&hash_bytes(&hash).ok_or_else(|| corrupt("a hash", &hash))?);
                if tree.size() + 1 == sequence {
                    previous = hash;
                }
            }
        }
        snapshot.rollback().await?;
        let root = hex::encode(tree.root());
        Ok(tree.path().map(|path| Inclusion { previous, path, root }))
    }

    /// The entry under a key.
    pub async fn booked_entry(&self, key: &str) -> Result<Option<BookedEntry>, StoreError> {
        let rows = ledger_entries::Entity::find()
            .filter(ledger_entries::Column::EntryId.eq(key))
            .all(self.connection())
            .await?;
        Ok(BookedEntry::complete(rows, self.connection()).await?.pop())
    }

    /// The first `limit` entries after the one with this number, in the order of the books.
    pub async fn entries_after(&self, sequence: u64, limit: u64) -> Result<Vec<BookedEntry>, StoreError> {
        let rows = ledger_entries::Entity::find()
            .filter(ledger_entries::Column::Sequence.gt(to_column_sequence(sequence)))
            .order_by_asc(ledger_entries::Column::Sequence)
            .limit(limit)
            .all(self.connection())
            .await?;
        BookedEntry::complete(rows, self.connection()).await
    }

    /// The end of the books.
    pub async fn books_state(&self) -> Result<BooksState, StoreError> {
        let head = ledger_head::Entity::find().one(self.connection()).await?;
        let head = head.ok_or_else(|| corrupt("no row in", "ledger_head"))?;
        Ok(BooksState {
            sequence: u64::try_from(head.sequence).map_err(|_| corrupt("a sequence", head.sequence))?,
            closed_before: head.closed_before.map(from_column_time),
        })
    }

    /// A transaction that sees the database as it is now, whatever is written meanwhile. PostgreSQL needs to be
    /// told; SQLite does nothing else.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, StoreError> {
        let connection = self.connection();
        let options = match connection.get_database_backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions::default(),
        };
        let snapshot = connection.begin(Purpose::Audit(options)).await?;
        if snapshot.get_database_backend() == DbBackend::Postgres {
            snapshot.execute_unprepared(PATIENCE).await?;
        }
        Ok(snapshot)
    }
}

async fn hashes_after(connection: &impl ConnectionTrait, sequence: u64, limit: u64) -> Result<Vec<String>, StoreError> {
    Ok(ledger_entries::Entity::find()
        .select_only()
        .column(ledger_entries::Column::Hash)
        .filter(ledger_entries::Column::Sequence.gt(to_column_sequence(sequence)))
        .order_by_asc(ledger_entries::Column::Sequence)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?)
}
