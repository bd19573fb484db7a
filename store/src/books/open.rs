//! The open books: what a transaction that holds the end of the hash chain adds to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::Utc;
use domain::{
    Currency, Timestamp,
    checkout::Change,
    id::{PaymentOrderId, SellerAccount},
    ledger::{Account, Entry, OrderChange, Place},
    wallet::Wallet,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use crate::{
    Clock, StoreError,
    books::{
        booking::Booking,
        chain::{BookedEntry, hash_of},
        refusal::{Booked, Refusal},
    },
    convert::{corrupt, from_column_time, to_column_amount, to_column_time, wallet_of_row},
    entities::{ledger_balances, ledger_entries, ledger_head, ledger_postings, payment_orders, wallets},
    event::append_checkouts,
    transaction::Transaction,
};

/// The only row of `ledger_head`.
const HEAD: i32 = 1;

type WalletKey = (SellerAccount, Currency);

/// The books, locked by a transaction. No other transaction books until it ends.
pub(crate) struct Books<'t> {
    pub(crate) transaction: &'t Transaction,
    now: Timestamp,
    head: ledger_head::Model,
    /// Not written yet.
    staged: Vec<BookedEntry>,
    /// The entries of the keys that were looked up.
    known: HashMap<String, Option<Entry>>,
    wallets: BTreeMap<WalletKey, Wallet>,
    moved: BTreeSet<WalletKey>,
    /// Changes of checkouts that the world is told of when the books close; one of each checkout.
    announced: Vec<Change>,
}

impl<'t> Books<'t> {
    /// Locks the end of the chain and reads it.
    pub(crate) async fn open(transaction: &'t Transaction, clock: &Clock) -> Result<Self, StoreError> {
        let head = ledger_head::Entity::find_by_id(HEAD).lock_exclusive().one(transaction).await?;
        let head = head.ok_or_else(|| corrupt("no end of the hash chain in ledger_head", HEAD))?;
        let now = clock.booking_time(transaction).await?;
        Ok(Self {
            transaction,
            now,
            head,
            staged: Vec::new(),
            known: HashMap::new(),
            wallets: BTreeMap::new(),
            moved: BTreeSet::new(),
            announced: Vec::new(),
        })
    }

    /// Reads what the bookings will ask for, in one statement each.
    pub(crate) async fn look_up(&mut self, bookings: &[&Booking]) -> Result<(), StoreError> {
        let entries = || bookings.iter().filter_map(|booking| booking.entry());
        self.look_up_keys(entries().map(|entry| entry.fields().key.clone()).collect()).await?;
        let wallets =
            entries().flat_map(|entry| sellers_of(entry).into_iter().map(|seller| (seller, entry.currency())));
        self.look_up_wallets(wallets.collect()).await
    }

    /// Reads wallets that will be asked for, in one statement.
    pub(crate) async fn look_up_sellers(
        &mut self,
        sellers: impl Iterator<Item = SellerAccount>,
        currency: Currency,
    ) -> Result<(), StoreError> {
        self.look_up_wallets(sellers.map(|seller| (seller, currency)).collect()).await
    }

    /// Reads what stands under the keys of entries that will be booked, in one statement.
    pub(crate) async fn look_up_entries(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.look_up_keys(entries.iter().map(|entry| entry.fields().key.clone()).collect()).await
    }

    /// When this transaction books, by the clock of money.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The number of the last entry, those of this transaction included.
    pub(crate) fn last_sequence(&self) -> Result<u64, StoreError> {
        u64::try_from(self.head.sequence).map_err(|_| corrupt("a sequence", self.head.sequence))
    }

    /// The first instant whose day is open.
    pub(crate) fn open_from(&self) -> Option<Timestamp> {
        self.head.closed_before.map(from_column_time)
    }

    /// What is booked under a key.
    pub(crate) async fn find(&mut self, key: &str) -> Result<Option<Entry>, StoreError> {
        if !self.known.contains_key(key) {
            self.look_up_keys(BTreeSet::from([key.to_owned()])).await?;
        }
        Ok(self.known.get(key).cloned().flatten())
    }

    /// A seller's wallet, with all that this transaction has booked.
    pub(crate) async fn wallet(&mut self, seller: &SellerAccount, currency: Currency) -> Result<Wallet, StoreError> {
        let key = (seller.clone(), currency);
        if !self.wallets.contains_key(&key) {
            self.look_up_wallets(BTreeSet::from([key.clone()])).await?;
        }
        Ok(self.wallets.get(&key).copied().unwrap_or(Wallet::empty(currency)))
    }

    /// Whether an entry may be booked. Refuses in order, before anything is written. `Some` says that it stands
    /// there already.
    pub(crate) async fn check(&mut self, entry: &Entry) -> Result<Option<Booked>, StoreError> {
        let fields = entry.fields();
        if let Some(booked) = self.find(&fields.key).await? {
            let same = booked == *entry;
            return if same {
                Ok(Some(Booked::Before))
            } else {
                Err(Refusal::KeyReused { key: fields.key.clone() }.into())
            };
        }
        if self.open_from().is_some_and(|open_from| fields.occurred_at < open_from) {
            return Err(Refusal::DayClosed { key: fields.key.clone() }.into());
        }
        for seller in sellers_of(entry) {
            let wallet = self.wallet(&seller, entry.currency()).await?;
            wallet.after(&seller, entry).map_err(Refusal::from)?;
        }
        Ok(None)
    }

    /// Adds an entry that was checked: after this point it must succeed.
    pub(crate) async fn add(&mut self, entry: Entry) -> Result<Booked, StoreError> {
        for seller in sellers_of(&entry) {
            let wallet = self.wallet(&seller, entry.currency()).await?;
            let key = (seller, entry.currency());
            self.wallets.insert(key.clone(), wallet.after(&key.0, &entry).map_err(Refusal::from)?);
            self.moved.insert(key);
        }
        // A clock that was set back does not turn the order of the books around.
        let booked_at = Ord::max(Some(self.now), self.head.booked_at.map(from_column_time)).unwrap_or(self.now);
        let sequence = u64::try_from(self.head.sequence).map_err(|_| corrupt("a sequence", self.head.sequence))? + 1;
        let hash = hash_of(&entry, Place { sequence, previous: &self.head.hash, booked_at });
        self.head.sequence += 1;
        self.head.hash.clone_from(&hash);
        self.head.booked_at = Some(to_column_time(booked_at));
        self.known.insert(entry.fields().key.clone(), Some(entry.clone()));
        self.staged.push(BookedEntry { sequence, entry, booked_at, hash });
        Ok(Booked::Now)
    }

    /// Refuses, or adds, or says that it stands there already.
    pub(crate) async fn book(&mut self, entry: Entry) -> Result<Booked, StoreError> {
        match self.check(&entry).await? {
            Some(before) => Ok(before),
            None => self.add(entry).await,
        }
    }

    /// Writes the staged entries, so that this transaction can read their rows.
    pub(crate) async fn write(&mut self) -> Result<(), StoreError> {
        let staged = std::mem::take(&mut self.staged);
        if staged.is_empty() {
            return Ok(());
        }
        let (mut entries, mut postings) = (Vec::with_capacity(staged.len()), Vec::new());
        for booked in &staged {
            let (entry, lines) = booked.to_rows()?;
            entries.push(entry);
            postings.extend(lines);
        }
        ledger_entries::Entity::insert_many(entries).exec_without_returning(self.transaction).await?;
        ledger_postings::Entity::insert_many(postings).exec_without_returning(self.transaction).await?;
        self.move_balances(&staged).await?;
        self.move_wallets().await?;
        self.move_orders(&staged).await
    }

    /// Has the world told of a change of a checkout whose rows are written but for what the entry moves.
    pub(crate) async fn announce(&mut self, change: &Change) -> Result<(), StoreError> {
        // Each event shows the checkout as it was then.
        if self.announced.iter().any(|announced| announced.checkout_id == change.checkout_id) {
            self.tell().await?;
        }
        self.announced.push(change.clone());
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), StoreError> {
        self.write().await?;
        let announced = std::mem::take(&mut self.announced);
        append_checkouts(self.transaction, &announced.iter().collect::<Vec<_>>()).await
    }

    /// Writes everything and the new end of the chain.
    pub(crate) async fn close(mut self) -> Result<(), StoreError> {
        self.tell().await?;
        ledger_head::Entity::update(self.head.clone().into_active_model().reset_all())
            .exec_without_returning(self.transaction)
            .await?;
        Ok(())
    }

    /// From now on nothing is booked as having happened before `instant`.
    pub(crate) fn close_before(&mut self, instant: Timestamp) {
        self.head.closed_before = Ord::max(self.head.closed_before, Some(to_column_time(instant)));
    }

    /// Reads what is booked under keys, in one statement.
    pub(crate) async fn look_up_keys(&mut self, keys: BTreeSet<String>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows = ledger_entries::Entity::find()
            .filter(ledger_entries::Column::EntryId.is_in(keys.iter().cloned()))
            .all(self.transaction)
            .await?;
        self.known.extend(keys.into_iter().map(|key| (key, None)));
        for booked in BookedEntry::complete(rows, self.transaction).await? {
            self.known.insert(booked.entry.fields().key.clone(), Some(booked.entry));
        }
        // What this transaction has added and not written is known better here.
        for booked in &self.staged {
            self.known.insert(booked.entry.fields().key.clone(), Some(booked.entry.clone()));
        }
        Ok(())
    }

    async fn look_up_wallets(&mut self, keys: BTreeSet<WalletKey>) -> Result<(), StoreError> {
        let unknown: BTreeSet<_> = keys.into_iter().filter(|key| !self.wallets.contains_key(key)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let sellers = unknown.iter().map(|(seller, _)| seller.as_str());
        let rows =
            wallets::Entity::find().filter(wallets::Column::SellerAccount.is_in(sellers)).all(self.transaction).await?;
        for key in unknown {
            let currency = key.1;
            self.wallets.insert(key, Wallet::empty(currency));
        }
        for row in rows {
            let seller = SellerAccount::parse(row.seller_account.clone());
            let wallet = wallet_of_row(&row)?;
            let key = (seller.map_err(|error| corrupt("a seller", error))?, wallet.currency());
            if !self.moved.contains(&key) {
                self.wallets.insert(key, wallet);
            }
        }
        Ok(())
    }

    /// In the order of the accounts; each moves once.
    async fn move_balances(&self, staged: &[BookedEntry]) -> Result<(), StoreError> {
        let mut moved: BTreeMap<(&Account, Currency), (i64, i64)> = BTreeMap::new();
        for booked in staged {
            for posting in &booked.entry.fields().postings {
                let posting = posting.fields();
                let (amount, currency) = (to_column_amount(posting.amount)?, posting.amount.currency());
                let debits = &mut moved.entry((&posting.debit, currency)).or_default().0;
                *debits = debits.checked_add(amount).ok_or(StoreError::Amount)?;
                let credits = &mut moved.entry((&posting.credit, currency)).or_default().1;
                *credits = credits.checked_add(amount).ok_or(StoreError::Amount)?;
            }
        }
        let rows = moved.into_iter().map(|((account, currency), (debits, credits))| ledger_balances::ActiveModel {
            account: Set(account.to_string()),
            currency: Set(currency.code().to_owned()),
            debits: Set(debits),
            credits: Set(credits),
        });
        let plus_new = |column: ledger_balances::Column| {
            Expr::col((ledger_balances::Entity, column)).add(Expr::col((EXCLUDED, column)))
        };
        ledger_balances::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([ledger_balances::Column::Account, ledger_balances::Column::Currency])
                    .value(ledger_balances::Column::Debits, plus_new(ledger_balances::Column::Debits))
                    .value(ledger_balances::Column::Credits, plus_new(ledger_balances::Column::Credits))
                    .to_owned(),
            )
            .exec_without_returning(self.transaction)
            .await?;
        Ok(())
    }

    async fn move_wallets(&mut self) -> Result<(), StoreError> {
        let moved = std::mem::take(&mut self.moved);
        if moved.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(moved.len());
        for key in &moved {
            let Some(wallet) = self.wallets.get(key) else { continue };
            rows.push(wallets::ActiveModel {
                seller_account: Set(key.0.to_string()),
                currency: Set(key.1.code().to_owned()),
                pending: Set(to_column_amount(wallet.pending)?),
                available: Set(to_column_amount(wallet.available)?),
                held: Set(to_column_amount(wallet.held)?),
                in_transit: Set(to_column_amount(wallet.in_transit)?),
                paid_out: Set(to_column_amount(wallet.paid_out)?),
                debt: Set(to_column_amount(wallet.debt)?),
                updated_at: Set(Utc::now()),
            });
        }
        wallets::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([wallets::Column::SellerAccount, wallets::Column::Currency])
                    .update_columns([
                        wallets::Column::Pending,
                        wallets::Column::Available,
                        wallets::Column::Held,
                        wallets::Column::InTransit,
                        wallets::Column::PaidOut,
                        wallets::Column::Debt,
                        wallets::Column::UpdatedAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(self.transaction)
            .await?;
        Ok(())
    }

    async fn move_orders(&self, staged: &[BookedEntry]) -> Result<(), StoreError> {
        let mut moved: BTreeMap<&PaymentOrderId, OrderChange> = BTreeMap::new();
        for booked in staged {
            for (order, change) in booked.entry.order_changes() {
                let sum = moved.entry(order).or_default();
                sum.unreleased += change.unreleased;
                sum.commission += change.commission;
                sum.commission_vat += change.commission_vat;
                sum.refunded += change.refunded;
            }
        }
        for (order, change) in moved {
            if change == OrderChange::default() {
                continue;
            }
            payment_orders::Entity::update_many()
                .col_expr(
                    payment_orders::Column::Unreleased,
                    Expr::col(payment_orders::Column::Unreleased).add(change.unreleased),
                )
                .col_expr(
                    payment_orders::Column::Commission,
                    Expr::col(payment_orders::Column::Commission).add(change.commission),
                )
                .col_expr(
                    payment_orders::Column::CommissionVat,
                    Expr::col(payment_orders::Column::CommissionVat).add(change.commission_vat),
                )
                .col_expr(
                    payment_orders::Column::RefundedAmount,
                    Expr::col(payment_orders::Column::RefundedAmount).add(change.refunded),
                )
                .filter(payment_orders::Column::PaymentOrderId.eq(order.as_str()))
                .exec(self.transaction)
                .await?;
        }
        Ok(())
    }
}

/// The row that an upsert would have inserted; SQLite and PostgreSQL call it the same.
const EXCLUDED: &str = "excluded";

fn sellers_of(entry: &Entry) -> BTreeSet<SellerAccount> {
    let postings = entry.fields().postings.iter().map(|posting| posting.fields());
    postings.flat_map(|posting| [posting.debit.seller(), posting.credit.seller()]).flatten().cloned().collect()
}
