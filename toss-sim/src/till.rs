//! The payments there are, and what they come to.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::authorization::KeyPair;
use crate::currency::Currency;
use crate::file::{Change, File, FileError};
use crate::payment::{Payment, Status};
use crate::shelf::{Saved, Shelf};
use crate::terms::Offer;
use crate::time::Instant;

/// Most payments kept. Money is never forgotten: past this, a new payment is refused.
pub(crate) const MAX_PAYMENTS: usize = 200_000;
/// The message by which the window says that it has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum WayBack {
    /// The browser goes to one of these addresses.
    Redirect { success: String, fail: String },
    /// The window is in a frame, and the page around it, of this origin, gets a message.
    Message { opener: String },
}

/// A payment, whose it is, and how its window was opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) payment: Payment,
    /// Index among the merchants.
    pub(crate) merchant: usize,
    /// The pair of keys that opened the window; any pair confirms when absent.
    pub(crate) pair: Option<KeyPair>,
    /// What a browser's window offers; anything when no script opened it.
    #[serde(default)]
    pub(crate) offer: Option<Offer>,
    /// Charged to a billing key: Toss sends no webhook about it.
    #[serde(default)]
    pub(crate) is_billed: bool,
    /// Present when a browser opened it.
    pub(crate) way_back: Option<WayBack>,
}

impl Kept {
    /// A payment of that merchant that no browser opened.
    pub(crate) fn of(payment: Payment, merchant: usize) -> Self {
        Self { payment, merchant, pair: None, offer: None, is_billed: false, way_back: None }
    }
}

/// One approval, one cancel, or the opening of a virtual account, as the transaction API lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) key: String,
    pub(crate) payment_key: String,
    pub(crate) merchant: usize,
    pub(crate) status: Status,
    pub(crate) at: Instant,
    pub(crate) amount: u64,
}

/// What all payments in a currency come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Taken from buyers, refunds not subtracted.
    pub(crate) charged: Number,
    /// Given back to buyers.
    pub(crate) canceled: Number,
    pub(crate) net: Number,
    /// Payments whose money was taken.
    pub(crate) payments: u64,
    /// Orders with more than one payment whose money was taken.
    pub(crate) double_charged_orders: u64,
}

/// The payments there are. Every change goes through [`Till::change`], which keeps the deadlines true.
#[derive(Debug)]
pub(crate) struct Till {
    /// By number of arrival.
    kept: Shelf<u64, Kept>,
    numbers: HashMap<String, u64>,
    attempts: HashMap<String, Vec<u64>>,
    deadlines: BTreeSet<(Instant, u64)>,
    transactions: Shelf<u64, Transaction>,
}

impl Default for Till {
    fn default() -> Self {
        Self {
            kept: Shelf::new("payment"),
            numbers: HashMap::new(),
            attempts: HashMap::new(),
            deadlines: BTreeSet::new(),
            transactions: Shelf::new("transaction"),
        }
    }
}

impl Saved for Till {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.kept.take_changes(into)?;
        self.transactions.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.kept.forget_changes();
        self.transactions.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.kept.restore(file)?;
        self.transactions.restore(file)?;
        let found: Vec<_> = self.kept.iter().map(|(number, kept)| Found::of(*number, &kept.payment)).collect();
        for found in found {
            self.index(found);
        }
        Ok(())
    }
}

/// What the indexes know of a payment.
struct Found {
    number: u64,
    key: String,
    order_id: String,
    deadline: Option<Instant>,
}

impl Found {
    fn of(number: u64, payment: &Payment) -> Self {
        Self { number, key: payment.key.clone(), order_id: payment.order_id.clone(), deadline: payment.deadline() }
    }
}

impl Till {
    /// Keeps a new payment; says whether there was room and the key was new.
    pub(crate) fn keep(&mut self, kept: Kept) -> bool {
        if self.kept.len() >= MAX_PAYMENTS || self.numbers.contains_key(&kept.payment.key) {
            return false;
        }
        let number = self.kept.last_id().map_or(1, |last| last + 1);
        self.index(Found::of(number, &kept.payment));
        self.kept.insert(number, kept);
        true
    }

    fn index(&mut self, found: Found) {
        if let Some(deadline) = found.deadline {
            self.deadlines.insert((deadline, found.number));
        }
        self.attempts.entry(found.order_id).or_default().push(found.number);
        self.numbers.insert(found.key, found.number);
    }

    pub(crate) fn get(&self, payment_key: &str) -> Option<&Kept> {
        self.kept.get(self.numbers.get(payment_key)?)
    }

    /// Every attempt to pay that order, oldest first.
    pub(crate) fn attempts(&self, order_id: &str) -> impl Iterator<Item = &Kept> {
        self.attempts.get(order_id).into_iter().flatten().filter_map(|number| self.kept.get(number))
    }

    /// The attempt that stands for its order: the one that was confirmed, else the latest.
    pub(crate) fn of_order(&self, order_id: &str) -> Option<&Kept> {
        let confirmed = self.attempts(order_id).find(|kept| kept.payment.status.uses_up_the_order());
        confirmed.or_else(|| self.attempts(order_id).last())
    }

    /// Changes a payment and answers what the change answers; `None` when there is no such payment.
    pub(crate) fn change<R>(&mut self, payment_key: &str, change: impl FnOnce(&mut Payment) -> R) -> Option<R> {
        let number = *self.numbers.get(payment_key)?;
        let payment = &mut self.kept.get_mut(&number)?.payment;
        let before = payment.deadline();
        let result = change(payment);
        let after = payment.deadline();
        if before != after {
            if let Some(deadline) = before {
                self.deadlines.remove(&(deadline, number));
            }
            if let Some(deadline) = after {
                self.deadlines.insert((deadline, number));
            }
        }
        Some(result)
    }

    /// Expires what is over and says which.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<String> {
        let over: Vec<String> = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .filter_map(|(_, number)| Some(self.kept.get(number)?.payment.key.clone()))
            .collect();
        over.into_iter().filter(|key| self.change(key, |payment| payment.expire(now)) == Some(true)).collect()
    }

    /// Writes down the payment's last transaction, of that amount.
    pub(crate) fn note_transaction(&mut self, payment_key: &str, amount: u64, now: Instant) {
        let Some(kept) = self.get(payment_key) else { return };
        let Some(key) = kept.payment.last_transaction_key.clone() else { return };
        let (merchant, status) = (kept.merchant, kept.payment.status);
        let number = self.transactions.last_id().map_or(1, |last| last + 1);
        let transaction = Transaction { key, payment_key: payment_key.to_owned(), merchant, status, at: now, amount };
        self.transactions.insert(number, transaction);
    }

    /// Every transaction, in order of time.
    pub(crate) fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.transactions.iter().map(|(_, transaction)| transaction)
    }

    /// Every payment, in order of arrival.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Kept> {
        self.kept.iter().map(|(_, kept)| kept)
    }

    /// What all payments in a currency come to.
    pub(crate) fn totals(&self, currency: Currency) -> Totals {
        let (mut charged, mut canceled, mut payments) = (0, 0, 0);
        let mut captures: HashMap<&str, u64> = HashMap::new();
        let captured = self.iter().map(|kept| &kept.payment).filter(|payment| payment.captured);
        for payment in captured.filter(|payment| payment.currency == currency) {
            charged += payment.total;
            canceled += payment.refunded();
            payments += 1;
            *captures.entry(payment.order_id.as_str()).or_default() += 1;
        }
        Totals {
            charged: currency.number(charged),
            canceled: currency.number(canceled),
            net: currency.number(charged - canceled),
            payments,
            double_charged_orders: captures.values().map(|count| u64::from(*count > 1)).sum(),
        }
    }
}
