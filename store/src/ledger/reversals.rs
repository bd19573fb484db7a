//! Reversals by two principals: one asks for it by the digest of a preview, another approves the same digest, and one
//! command undoes it. The word of each stays.

use domain::{Timestamp, ledger::Entry, reconciliation::Actor};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::reversal::{check, digest, release_due, resting_on};
use crate::{
    Decision, Reader, StoreError, Writer,
    books::{
        carry_out::{other_half, reverse},
        open::Books,
        order::{check_orders, is_reversed, not_before},
        refusal::{Booked, Principals, Refusal},
    },
    convert::{corrupt, from_column_revision, from_column_time, to_column_time},
    entities::{ledger_reversals, settlement_rows},
    transaction::Transaction,
};

/// The word of a principal on the reversal of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalWord {
    /// The key of the entry.
    pub key: String,
    /// The author.
    pub by: Actor,
    /// Why.
    pub reason: String,
}

/// The word of a principal: the author, the time and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidBy {
    pub by: Actor,
    pub at: Timestamp,
    pub reason: String,
}

/// A reversal that somebody asked for, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalRecord {
    /// The key of the entry.
    pub key: String,
    /// The number among the reversals of this entry that were asked for, from 1.
    pub number: u32,
    /// The digest of the preview.
    pub digest: String,
    pub proposed: SaidBy,
    pub decided: Option<(Decision, SaidBy)>,
    pub undone: Option<SaidBy>,
    /// The key of the entry that undid it.
    pub undo_entry: Option<String>,
}

impl ReversalRecord {
    /// Where it stands: `WAITING`, `APPROVED`, `REJECTED` or `UNDONE`.
    pub const fn status(&self) -> &'static str {
        match (&self.decided, &self.undone) {
            (None, _) => "WAITING",
            (Some(_), Some(_)) => "UNDONE",
            (Some((decision, _)), None) => decision.as_str(),
        }
    }
}

impl Reader {
    /// Reversals that somebody asked for, the last first.
    pub async fn reversals(&self, limit: u64) -> Result<Vec<ReversalRecord>, StoreError> {
        let rows = ledger_reversals::Entity::find()
            .order_by_desc(ledger_reversals::Column::ProposedAt)
            .order_by_asc(ledger_reversals::Column::EntryKey)
            .order_by_desc(ledger_reversals::Column::Number)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// The last reversal of an entry that somebody asked for.
    pub async fn last_reversal(&self, key: &str) -> Result<Option<ReversalRecord>, StoreError> {
        last_of(self.connection(), key).await?.map(record).transpose()
    }
}

impl Writer {
    /// Asks for a reversal whose preview has this digest. Nothing is booked. Asked again by the same principal, it
    /// changes nothing.
    pub async fn propose_reversal(&self, word: &ReversalWord, seen: &str) -> Result<Booked, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let (key, now) = (&word.key, books.now());
        let current = reversible(&mut books, key).await?;
        if current != seen {
            return Err(Refusal::StalePreview { key: key.clone() }.into());
        }
        let last = last_of(&transaction, key).await?;
        let number = last.as_ref().map_or(1, |last| last.number + 1);
        if let Some(waiting) = last.filter(|last| last.decision.is_none()) {
            if waiting.digest == seen && waiting.proposed_by == word.by.to_string() {
                return Ok(Booked::Before);
            }
            return Err(Refusal::ReversalWaits { key: key.clone(), by: waiting.proposed_by }.into());
        }
        let row = ledger_reversals::ActiveModel {
            entry_key: Set(key.clone()),
            number: Set(number),
            digest: Set(current),
            reason: Set(word.reason.clone()),
            proposed_by: Set(word.by.to_string()),
            proposed_at: Set(to_column_time(now)),
            ..Default::default()
        };
        ledger_reversals::Entity::insert(row).exec_without_returning(&transaction).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(Booked::Now)
    }

    /// Books a reversal that another principal asked for, where the preview is still the same. Asked again, it changes
    /// nothing.
    pub async fn approve_reversal(&self, word: &ReversalWord, seen: &str) -> Result<Booked, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let (key, now) = (&word.key, books.now());
        let last = last_of(&transaction, key).await?;
        let last = last.ok_or_else(|| Refusal::NoReversalWaits { key: key.clone() })?;
        if last.decision.is_some() {
            return repeated(&last, word, Decision::Approved);
        }
        let proposed_by = Actor::parse(&last.proposed_by).map_err(|_| corrupt("an author", &last.proposed_by))?;
        if !word.by.is_another_than(&proposed_by) {
            return Err(Refusal::ReversalFourEyes { key: key.clone() }.into());
        }
        let current = reversible(&mut books, key).await?;
        if current != seen || current != last.digest {
            return Err(Refusal::StalePreview { key: key.clone() }.into());
        }
        let booked = reverse(&mut books, key, now, Principals::Two).await?;
        decide(&transaction, last, word, Decision::Approved, now).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(booked)
    }

    /// Drops a reversal that waits; its author may do so, too. Asked again, it changes nothing.
    pub async fn reject_reversal(&self, word: &ReversalWord) -> Result<Booked, StoreError> {
        let transaction = self.begin().await?;
        let books = Books::open(&transaction, self.database().clock()).await?;
        let now = books.now();
        let last = last_of(&transaction, &word.key).await?;
        let last = last.ok_or_else(|| Refusal::NoReversalWaits { key: word.key.clone() })?;
        if last.decision.is_some() {
            return repeated(&last, word, Decision::Rejected);
        }
        decide(&transaction, last, word, Decision::Rejected, now).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(Booked::Now)
    }

    /// Undoes an approved reversal: books the same movement again, under the key of its next round. Asked again, it
    /// changes nothing.
    pub async fn undo_reversal(&self, word: &ReversalWord) -> Result<Booked, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let (key, now) = (&word.key, books.now());
        let never = || Refusal::NotReversedByHand { key: key.clone() };
        let last = last_of(&transaction, key).await?.ok_or_else(never)?;
        if last.decision.as_deref() != Some(Decision::Approved.as_str()) {
            return Err(never().into());
        }
        if last.undone_by.is_some() {
            return Ok(Booked::Before);
        }
        let taken_back = books.find(key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.clone() })?;
        let again = next_round(&mut books, &taken_back, now).await?;
        let again_key = again.fields().key.clone();
        check_orders(&mut books, &again).await?;
        books.book(again).await?;
        let mut stand_again = vec![(key.clone(), again_key.clone())];
        if let Some(other) = other_half(&mut books, &taken_back).await? {
            let again = next_round(&mut books, &other, now).await?;
            stand_again.push((other.fields().key.clone(), again.fields().key.clone()));
            books.book(again).await?;
        }
        // The row of the PSP goes by the entry that stands.
        for (taken_back, again) in stand_again {
            settlement_rows::Entity::update_many()
                .col_expr(settlement_rows::Column::EntryId, Expr::value(again))
                .filter(settlement_rows::Column::EntryId.eq(taken_back))
                .exec(&transaction)
                .await?;
        }
        let mut undone: ledger_reversals::ActiveModel = last.into();
        undone.undone_by = Set(Some(word.by.to_string()));
        undone.undone_at = Set(Some(to_column_time(now)));
        undone.undo_reason = Set(Some(word.reason.clone()));
        undone.undo_entry = Set(Some(again_key));
        undone.update(&transaction).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(Booked::Now)
    }
}

/// Refuses what could not be reversed now, and answers the digest of the preview.
async fn reversible(books: &mut Books<'_>, key: &str) -> Result<String, StoreError> {
    let mistake = books.find(key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.to_owned() })?;
    let reversal = Entry::of_reversal(&mistake, books.now()).map_err(Refusal::from)?;
    if is_reversed(books, key).await? {
        return Err(Refusal::ReversedBefore { key: key.to_owned() }.into());
    }
    let resting = resting_on(&mistake, books.now(), books.transaction).await?;
    check(&mistake, resting.as_ref(), Principals::Two)?;
    if let Some(refusal) = release_due(&mistake, books.now(), books.transaction).await? {
        return Err(refusal.into());
    }
    check_orders(books, &reversal).await?;
    books.check(&reversal).await?;
    digest(&mistake, resting.as_ref(), books.transaction).await
}

/// The same movement under the first key that is free.
async fn next_round(books: &mut Books<'_>, taken_back: &Entry, now: Timestamp) -> Result<Entry, StoreError> {
    let mut round = 2;
    while books.find(&taken_back.key_of_round(round)).await?.is_some() {
        round += 1;
    }
    let again = Entry::of_undone_reversal(taken_back, round, now).map_err(Refusal::from)?;
    not_before(&again, books.open_from())
}

async fn last_of(connection: &impl ConnectionTrait, key: &str) -> Result<Option<ledger_reversals::Model>, StoreError> {
    let last = ledger_reversals::Entity::find()
        .filter(ledger_reversals::Column::EntryKey.eq(key))
        .order_by_desc(ledger_reversals::Column::Number)
        .one(connection)
        .await?;
    Ok(last)
}

/// The same word of the same principal was taken before, or there is nothing to decide.
fn repeated(last: &ledger_reversals::Model, word: &ReversalWord, decision: Decision) -> Result<Booked, StoreError> {
    let is_same = last.decision.as_deref() == Some(decision.as_str())
        && last.decided_by.as_deref() == Some(word.by.to_string().as_str());
    if is_same { Ok(Booked::Before) } else { Err(Refusal::NoReversalWaits { key: word.key.clone() }.into()) }
}

async fn decide(
    transaction: &Transaction,
    waiting: ledger_reversals::Model,
    word: &ReversalWord,
    decision: Decision,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut decided: ledger_reversals::ActiveModel = waiting.into();
    decided.decision = Set(Some(decision.as_str().to_owned()));
    decided.decided_by = Set(Some(word.by.to_string()));
    decided.decided_at = Set(Some(to_column_time(now)));
    decided.decision_reason = Set(Some(word.reason.clone()));
    decided.update(transaction).await?;
    Ok(())
}

fn record(row: ledger_reversals::Model) -> Result<ReversalRecord, StoreError> {
    let actor = |text: &str| Actor::parse(text).map_err(|_| corrupt("an author", text));
    let said = |by: Option<String>, at: Option<chrono::DateTime<chrono::Utc>>, reason: Option<String>| {
        by.zip(at)
            .map(|(by, at)| {
                let reason = reason.unwrap_or_default();
                Ok::<_, StoreError>(SaidBy { by: actor(&by)?, at: from_column_time(at), reason })
            })
            .transpose()
    };
    let decision = |text: &String| Decision::parse(text).ok_or_else(|| corrupt("a decision", text));
    let decision = row.decision.as_ref().map(decision).transpose()?;
    Ok(ReversalRecord {
        number: from_column_revision(row.number)?,
        proposed: SaidBy { by: actor(&row.proposed_by)?, at: from_column_time(row.proposed_at), reason: row.reason },
        decided: decision.zip(said(row.decided_by, row.decided_at, row.decision_reason)?),
        undone: said(row.undone_by, row.undone_at, row.undo_reason)?,
        undo_entry: row.undo_entry,
        key: row.entry_key,
        digest: row.digest,
    })
}
