//! The payments there are, and what they come to.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::authorization::KeyPair;
use crate::payment::{Payment, Status};
use crate::time::Instant;

/// Most payments kept. Money is never forgotten: past this, a new payment is refused.
pub(crate) const MAX_PAYMENTS: usize = 200_000;
/// Largest amount of one payment in won, so that no sum of all payments overflows.
pub(crate) const MAX_AMOUNT: u64 = 1_000_000_000_000;

/// Where the window sends the buyer's browser back to.
#[derive(Clone, Debug)]
pub(crate) struct ReturnUrls {
    pub(crate) success: String,
    pub(crate) fail: String,
}

/// A payment, whose it is, and how its window was opened.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) payment: Payment,
    /// Index among the merchants.
    pub(crate) merchant: usize,
    /// The pair of keys that opened the window; any pair confirms when absent.
    pub(crate) pair: Option<KeyPair>,
    /// Present when a browser opened it.
    pub(crate) return_urls: Option<ReturnUrls>,
}

/// One approval or one cancel, as the transaction API lists it.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) key: String,
    pub(crate) payment_key: String,
    pub(crate) merchant: usize,
    pub(crate) status: Status,
    pub(crate) at: Instant,
    pub(crate) amount: u64,
}

/// What all payments come to, in won.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Taken from buyers, refunds not subtracted.
    pub(crate) charged: u64,
    /// Given back to buyers.
    pub(crate) canceled: u64,
    pub(crate) net: u64,
    /// Payments whose money was taken.
    pub(crate) payments: u64,
    /// Orders with more than one payment whose money was taken.
    pub(crate) double_charged_orders: u64,
}

/// The payments there are. Every change goes through [`Till::change`], which keeps the deadlines true.
#[derive(Debug, Default)]
pub(crate) struct Till {
    kept: HashMap<String, Kept>,
    /// Payment keys in order of arrival.
    arrivals: Vec<String>,
    attempts: HashMap<String, Vec<String>>,
    deadlines: BTreeSet<(Instant, String)>,
    transactions: Vec<Transaction>,
}

impl Till {
    /// Keeps a new payment; says whether there was room and the key was new.
    pub(crate) fn keep(&mut self, kept: Kept) -> bool {
        let key = kept.payment.key.clone();
        if self.arrivals.len() >= MAX_PAYMENTS || self.kept.contains_key(&key) {
            return false;
        }
        if let Some(deadline) = kept.payment.deadline() {
            self.deadlines.insert((deadline, key.clone()));
        }
        self.arrivals.push(key.clone());
        self.attempts.entry(kept.payment.order_id.clone()).or_default().push(key.clone());
        self.kept.insert(key, kept);
        true
    }

    pub(crate) fn get(&self, payment_key: &str) -> Option<&Kept> {
        self.kept.get(payment_key)
    }

    /// Every attempt to pay that order, oldest first.
    pub(crate) fn attempts(&self, order_id: &str) -> impl Iterator<Item = &Kept> {
        self.attempts.get(order_id).into_iter().flatten().filter_map(|key| self.kept.get(key))
    }

    /// The attempt that stands for its order: the one that was confirmed, else the latest.
    pub(crate) fn of_order(&self, order_id: &str) -> Option<&Kept> {
        let confirmed = self.attempts(order_id).find(|kept| kept.payment.status.uses_up_the_order());
        confirmed.or_else(|| self.attempts(order_id).last())
    }

    /// Changes a payment and answers what the change answers; `None` when there is no such payment.
    pub(crate) fn change<R>(&mut self, payment_key: &str, change: impl FnOnce(&mut Payment) -> R) -> Option<R> {
        let payment = &mut self.kept.get_mut(payment_key)?.payment;
        let before = payment.deadline();
        let result = change(payment);
        let after = payment.deadline();
        if before != after {
            if let Some(deadline) = before {
                self.deadlines.remove(&(deadline, payment_key.to_owned()));
            }
            if let Some(deadline) = after {
                self.deadlines.insert((deadline, payment_key.to_owned()));
            }
        }
        Some(result)
    }

    /// Expires what is over and says which.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<String> {
        let over: Vec<String> =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, key)| key.clone()).collect();
        over.into_iter().filter(|key| self.change(key, |payment| payment.expire(now)) == Some(true)).collect()
    }

    /// Writes down the payment's last transaction, of that amount.
    pub(crate) fn note_transaction(&mut self, payment_key: &str, amount: u64, now: Instant) {
        let Some(kept) = self.kept.get(payment_key) else { return };
        let Some(key) = kept.payment.last_transaction_key.clone() else { return };
        self.transactions.push(Transaction {
            key,
            payment_key: payment_key.to_owned(),
            merchant: kept.merchant,
            status: kept.payment.status,
            at: now,
            amount,
        });
    }

    /// Every transaction, in order of time.
    pub(crate) fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// Every payment, in order of arrival.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Kept> {
        self.arrivals.iter().filter_map(|key| self.kept.get(key))
    }

    /// What all payments come to.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut captures: HashMap<&str, u64> = HashMap::new();
        for payment in self.kept.values().map(|kept| &kept.payment).filter(|payment| payment.captured) {
            totals.charged += payment.total;
            totals.canceled += payment.refunded();
            totals.payments += 1;
            *captures.entry(payment.order_id.as_str()).or_default() += 1;
        }
        totals.net = totals.charged - totals.canceled;
        totals.double_charged_orders = captures.values().map(|count| u64::from(*count > 1)).sum();
        totals
    }
}
