//! The first reading: entry after entry, in the order of the books.

use std::collections::BTreeMap;

use domain::{Timestamp, id::SellerAccount, ledger::Entry, merkle::Tree, wallet::Wallet};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::Expr,
};

use crate::{
    BookedEntry, GENESIS, PublicKey, StoreError,
    books::audit::{
        findings::{ChainEnd, Check, Findings, Fold, MAX_NAMED, OnReadProgress, ReadProgress, hash_bytes},
        rows::{self, EntryRow, Reasons},
    },
    convert::{from_column_time, to_column_sequence},
    entities::{ledger_checkpoints, ledger_entries, ledger_head, ledger_postings},
    ledger::checkpoint::SignedCheckpoint,
};

/// How many entries are in memory at once, each with at most 1000 postings.
const PAGE: u64 = 200;

/// The chain as far as it was followed.
pub(super) struct Chain {
    sequence: u64,
    head: String,
    booked_at: Option<Timestamp>,
    tree: Tree,
    pub(super) checkpoints: u64,
}

impl Chain {
    pub(super) fn end(&self) -> ChainEnd {
        ChainEnd { sequence: self.sequence, head: self.head.clone(), root: hex::encode(self.tree.root()) }
    }

    /// Goes on to an entry. It continues from the hash that is stored, so that one changed entry is one finding.
    fn follow(&mut self, row: &EntryRow, findings: &mut Findings) {
        let sequence = u64::try_from(row.sequence).unwrap_or(0);
        let expected = self.sequence + 1;
        if sequence > expected {
            let missing = if sequence - 1 == expected {
                format!("entry {expected}")
            } else {
                format!("entries {expected} to {}", sequence - 1)
            };
            findings.add(Check::Chain, missing, "missing");
        }
        match &row.booked {
            Ok(booked) => self.check(booked, findings),
            Err(error) => findings.add(Check::Reading, format_args!("entry {}", row.sequence), Reasons(error)),
        }
        self.sequence = sequence;
        self.head = row.hash.clone().unwrap_or_default();
        match hash_bytes(&self.head) {
            Some(hash) => self.tree.push(&hash),
            None => self.tree.push(self.head.as_bytes()),
        }
    }

    fn check(&mut self, booked: &BookedEntry, findings: &mut Findings) {
        let entry = format!("entry {} ({})", booked.sequence, booked.entry.fields().key);
        if booked.hash_after(&self.head) != booked.hash {
            findings.add(
                Check::Chain,
                &entry,
                "its hash is not that of its content after the entry before it: one of the two was changed",
            );
        }
        if self.booked_at.is_some_and(|before| booked.booked_at < before) {
            findings.add(Check::Chain, &entry, "booked before the entry that it follows");
        }
        self.booked_at = Some(booked.booked_at);
    }

    fn check_checkpoint(&self, signed: &SignedCheckpoint, trusted: &[PublicKey], findings: &mut Findings) {
        let checkpoint = &signed.checkpoint;
        let subject = format!("checkpoint at entry {} by key {}", checkpoint.sequence, checkpoint.key_id);
        if let Err(error) = signed.check() {
            findings.add(Check::Checkpoints, &subject, error);
        }
        if !trusted.is_empty() && !trusted.contains(&signed.public_key) {
            findings.add(Check::Checkpoints, &subject, "signed by a key that is none of those given");
        }
        if checkpoint.sequence != self.sequence {
            findings.add(Check::Checkpoints, &subject, "there is no such entry any more");
            return;
        }
        if checkpoint.head != self.head {
            findings.add(Check::Checkpoints, &subject, "the entry had another hash when it was signed");
        }
        if checkpoint.root != hex::encode(self.tree.root()) {
            findings.add(Check::Checkpoints, &subject, "the entries up to it are not those that were signed");
        }
    }
}

/// Follows all entries.
pub(super) async fn walk(
    connection: &impl ConnectionTrait,
    trusted: &[PublicKey],
    findings: &mut Findings,
    progress: OnReadProgress<'_>,
) -> Result<(Chain, Fold), StoreError> {
    let mut chain =
        Chain { sequence: 0, head: GENESIS.to_owned(), booked_at: None, tree: Tree::default(), checkpoints: 0 };
    let mut fold = Fold::default();
    let head = read_head(connection, findings).await?;
    let total = head.as_ref().map_or(0, |head| u64::try_from(head.sequence).unwrap_or(0));
    loop {
        let after = chain.sequence;
        let page = ledger_entries::Entity::find()
            .filter(ledger_entries::Column::Sequence.gt(to_column_sequence(after)))
            .order_by_asc(ledger_entries::Column::Sequence)
            .limit(PAGE);
        let page = rows::entries(page, connection).await?;
        let until = page.last().map_or(i64::MAX, |row| row.sequence);
        let mut checkpoints = checkpoints_between(connection, after, until, findings).await?;
        for row in &page {
            chain.follow(row, findings);
            if let Ok(booked) = &row.booked {
                fold.add(&booked.entry, findings);
            }
            fold.postings += row.postings;
            while let Some(next) = checkpoints.first_entry().filter(|next| *next.key() <= chain.sequence) {
                for signed in next.remove() {
                    chain.check_checkpoint(&signed, trusted, findings);
                    chain.checkpoints += 1;
                }
            }
        }
        for signed in checkpoints.into_values().flatten() {
            chain.check_checkpoint(&signed, trusted, findings);
            chain.checkpoints += 1;
        }
        if page.is_empty() {
            break;
        }
        progress(ReadProgress { of: "entries", done: chain.sequence, total: Ord::max(total, chain.sequence) });
    }
    if !trusted.is_empty() && chain.checkpoints == 0 {
        findings.add(Check::Checkpoints, "the checkpoints", "none is there, so none is signed by a key that was given");
    }
    name_strays(connection, fold.postings, findings).await?;
    if let Some(head) = head {
        compare_head(&head, &chain, findings);
    }
    Ok((chain, fold))
}

impl Fold {
    fn add(&mut self, entry: &Entry, findings: &mut Findings) {
        let currency = entry.currency();
        let fields = entry.fields();
        let mut sellers: Vec<&SellerAccount> = Vec::new();
        for posting in &fields.postings {
            let posting = posting.fields();
            let amount = i128::from(posting.amount.minor());
            self.accounts.entry((posting.debit.clone(), currency)).or_default().0 += amount;
            self.accounts.entry((posting.credit.clone(), currency)).or_default().1 += amount;
            sellers.extend([posting.debit.seller(), posting.credit.seller()].into_iter().flatten());
            if let (Some(order), None) = (&posting.order, &fields.checkout_id) {
                findings.add(
                    Check::Orders,
                    format_args!("order {order}"),
                    format_args!("{} names no checkout", fields.key),
                );
            }
        }
        sellers.sort();
        sellers.dedup();
        for seller in sellers {
            let wallet = self.wallets.entry((seller.clone(), currency)).or_insert(Wallet::empty(currency));
            match wallet.after(seller, entry) {
                Ok(after) => *wallet = after,
                Err(overdrawn) => findings.add(Check::Wallets, &fields.key, overdrawn),
            }
        }
    }
}

async fn read_head(
    connection: &impl ConnectionTrait,
    findings: &mut Findings,
) -> Result<Option<ledger_head::Model>, StoreError> {
    let row = rows::rows::<_, i32>(ledger_head::Entity::find(), "id", connection).await?.pop();
    let Some(row) = row else {
        findings.add(Check::Head, "ledger_head", "its row is missing");
        return Ok(None);
    };
    Ok(row.or_name("ledger_head", findings))
}

fn compare_head(head: &ledger_head::Model, chain: &Chain, findings: &mut Findings) {
    if i128::from(head.sequence) != i128::from(chain.sequence) {
        let problem = format!("says that the last entry is {}, and it is {}", head.sequence, chain.sequence);
        findings.add(Check::Head, "ledger_head", problem);
    } else if head.hash != chain.head {
        findings.add(Check::Head, "ledger_head", "its hash is not that of the last entry");
    } else if head.booked_at.map(from_column_time) != chain.booked_at {
        findings.add(Check::Head, "ledger_head", "its time is not that of the last entry");
    }
}

async fn checkpoints_between(
    connection: &impl ConnectionTrait,
    after: u64,
    until: i64,
    findings: &mut Findings,
) -> Result<BTreeMap<u64, Vec<SignedCheckpoint>>, StoreError> {
    let select = ledger_checkpoints::Entity::find()
        .filter(ledger_checkpoints::Column::Sequence.gt(to_column_sequence(after)))
        .filter(ledger_checkpoints::Column::Sequence.lte(until))
        .order_by_asc(ledger_checkpoints::Column::Sequence);
    let mut found: BTreeMap<u64, Vec<SignedCheckpoint>> = BTreeMap::new();
    for mut row in rows::rows::<_, i64>(select, "sequence", connection).await? {
        let signed = match row.model {
            Ok(model) => SignedCheckpoint::of_row(model),
            Err(error) => Err(error),
        };
        match signed {
            Ok(signed) => found.entry(signed.checkpoint.sequence).or_default().push(signed),
            Err(error) => {
                row.model = Err(error);
                row.or_name("checkpoint at entry", findings);
            }
        }
    }
    Ok(found)
}

/// Postings without an entry: the database forbids them, unless somebody told it not to. Looked for only where the
/// count says that there are some.
async fn name_strays(connection: &impl ConnectionTrait, read: u64, findings: &mut Findings) -> Result<(), StoreError> {
    if ledger_postings::Entity::find().count(connection).await? == read {
        return Ok(());
    }
    let theirs = Expr::col((ledger_entries::Entity, ledger_entries::Column::Sequence))
        .equals((ledger_postings::Entity, ledger_postings::Column::Sequence));
    let entry = ledger_entries::Entity::find().select_only().expr(Expr::value(1)).filter(theirs).into_query();
    let strays: Vec<i64> = ledger_postings::Entity::find()
        .select_only()
        .column(ledger_postings::Column::Sequence)
        .distinct()
        .filter(Expr::exists(entry).not())
        .order_by_asc(ledger_postings::Column::Sequence)
        .limit(MAX_NAMED as u64)
        .into_tuple()
        .all(connection)
        .await?;
    for sequence in strays {
        findings.add(Check::Chain, format_args!("postings of entry {sequence}"), "there is no such entry");
    }
    Ok(())
}
