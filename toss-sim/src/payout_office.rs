//! The sellers and payouts there are, and the balance they are paid from.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;

use crate::file::{Change, File, FileError};
use crate::payout::{Payout, PayoutStatus};
use crate::seller::Seller;
use crate::shelf::{Saved, Shelf};
use crate::time::{Instant, week};

/// Most sellers, and most payouts: past this, a new one is refused.
pub(crate) const MAX_RECORDS: usize = 250_000;

/// Whose, and what they call it: unique among sellers and among payouts.
type Reference = (usize, String);

/// The sellers and payouts there are.
#[derive(Debug)]
pub(crate) struct PayoutOffice {
    sellers: Shelf<u64, Seller>,
    payouts: Shelf<u64, Payout>,
    /// Won put into a merchant's balance by the control plane.
    deposits: Shelf<usize, u64>,
    seller_numbers: HashMap<String, u64>,
    payout_numbers: HashMap<String, u64>,
    seller_references: HashSet<Reference>,
    payout_references: HashMap<Reference, String>,
    /// The numbers of a seller's payouts.
    payouts_of_seller: HashMap<String, Vec<u64>>,
    agenda: BTreeSet<(Instant, u64)>,
}

impl Default for PayoutOffice {
    fn default() -> Self {
        Self {
            sellers: Shelf::new("seller"),
            payouts: Shelf::new("payout"),
            deposits: Shelf::new("deposit"),
            seller_numbers: HashMap::new(),
            payout_numbers: HashMap::new(),
            seller_references: HashSet::new(),
            payout_references: HashMap::new(),
            payouts_of_seller: HashMap::new(),
            agenda: BTreeSet::new(),
        }
    }
}

impl Saved for PayoutOffice {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.sellers.take_changes(into)?;
        self.payouts.take_changes(into)?;
        self.deposits.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.sellers.forget_changes();
        self.payouts.forget_changes();
        self.deposits.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.sellers.restore(file)?;
        self.payouts.restore(file)?;
        self.deposits.restore(file)?;
        for (number, seller) in self.sellers.iter() {
            self.seller_numbers.insert(seller.id.clone(), *number);
            self.seller_references.insert((seller.merchant, seller.body.ref_seller_id.clone()));
        }
        for (number, payout) in self.payouts.iter() {
            self.payout_numbers.insert(payout.id.clone(), *number);
            self.payout_references.insert((payout.merchant, payout.ref_id.clone()), payout.id.clone());
            self.payouts_of_seller.entry(payout.destination.clone()).or_default().push(*number);
            self.agenda.extend(payout.next().map(|next| (next, *number)));
        }
        Ok(())
    }
}

impl PayoutOffice {
    /// Whether that merchant has ever used this name for a seller.
    pub(crate) fn knows_seller_reference(&self, merchant: usize, reference: &str) -> bool {
        self.seller_references.contains(&(merchant, reference.to_owned()))
    }

    /// The id of the payout that merchant calls so.
    pub(crate) fn payout_called(&self, merchant: usize, reference: &str) -> Option<&String> {
        self.payout_references.get(&(merchant, reference.to_owned()))
    }

    pub(crate) fn has_room_for(&self, payouts: usize) -> bool {
        self.payouts.len() + payouts <= MAX_RECORDS && self.sellers.len() < MAX_RECORDS
    }

    pub(crate) fn add_seller(&mut self, seller: Seller) {
        let number = self.sellers.last_id().map_or(1, |last| last + 1);
        self.seller_numbers.insert(seller.id.clone(), number);
        self.seller_references.insert((seller.merchant, seller.body.ref_seller_id.clone()));
        self.sellers.insert(number, seller);
    }

    pub(crate) fn add_payout(&mut self, payout: Payout) {
        let number = self.payouts.last_id().map_or(1, |last| last + 1);
        self.payout_numbers.insert(payout.id.clone(), number);
        self.payout_references.insert((payout.merchant, payout.ref_id.clone()), payout.id.clone());
        self.payouts_of_seller.entry(payout.destination.clone()).or_default().push(number);
        self.agenda.extend(payout.next().map(|next| (next, number)));
        self.payouts.insert(number, payout);
    }

    /// The seller of that id, unless it was deleted.
    pub(crate) fn seller(&self, id: &str) -> Option<&Seller> {
        self.sellers.get(self.seller_numbers.get(id)?).filter(|seller| !seller.is_deleted)
    }

    pub(crate) fn seller_mut(&mut self, id: &str) -> Option<&mut Seller> {
        self.sellers.get_mut(self.seller_numbers.get(id)?).filter(|seller| !seller.is_deleted)
    }

    pub(crate) fn payout(&self, id: &str) -> Option<&Payout> {
        self.payouts.get(self.payout_numbers.get(id)?)
    }

    /// Changes a payout and answers what the change answers; `None` when there is no such payout.
    pub(crate) fn change_payout<R>(&mut self, id: &str, change: impl FnOnce(&mut Payout) -> R) -> Option<R> {
        let number = *self.payout_numbers.get(id)?;
        let payout = self.payouts.get_mut(&number)?;
        let before = payout.next();
        let result = change(payout);
        let after = payout.next();
        if let Some(before) = before {
            self.agenda.remove(&(before, number));
        }
        self.agenda.extend(after.map(|after| (after, number)));
        Some(result)
    }

    /// The id of a payout to which something is due to happen.
    pub(crate) fn due(&self, now: Instant) -> Option<String> {
        let (due, number) = self.agenda.first()?;
        self.payouts.get(number).filter(|_| *due <= now).map(|payout| payout.id.clone())
    }

    /// A merchant's sellers, oldest first.
    pub(crate) fn sellers(&self, merchant: usize) -> impl Iterator<Item = &Seller> {
        let sellers = self.sellers.iter().map(|(_, seller)| seller);
        sellers.filter(move |seller| seller.merchant == merchant && !seller.is_deleted)
    }

    /// A merchant's payouts, oldest first.
    pub(crate) fn payouts(&self, merchant: usize) -> impl Iterator<Item = &Payout> {
        self.payouts.iter().map(|(_, payout)| payout).filter(move |payout| payout.merchant == merchant)
    }

    /// Puts won into a merchant's balance; says whether they fit.
    pub(crate) fn deposit(&mut self, merchant: usize, amount: u64, limit: u64) -> bool {
        let before = self.deposits.get(&merchant).copied().unwrap_or_default();
        let after = before.checked_add(amount).filter(|after| *after <= limit);
        if let Some(after) = after {
            self.deposits.insert(merchant, after);
        }
        after.is_some()
    }

    /// Won put into a merchant's balance.
    pub(crate) fn deposited(&self, merchant: usize) -> u64 {
        self.deposits.get(&merchant).copied().unwrap_or_default()
    }

    /// Won that go or went to a seller by payouts asked for in the week that begins on that day.
    pub(crate) fn taken_in_week(&self, seller_id: &str, monday: NaiveDate) -> u64 {
        let of_seller = self.payouts_of_seller.get(seller_id).map(Vec::as_slice).unwrap_or_default();
        let payouts = of_seller.iter().filter_map(|number| self.payouts.get(number));
        let payouts = payouts.filter(|payout| week(payout.requested_at) == monday);
        payouts.filter(|payout| payout.status.takes_money()).map(|payout| payout.amount).sum()
    }

    /// Won a merchant's payouts have taken from the balance or are bound to take.
    pub(crate) fn taken(&self, merchant: usize) -> u64 {
        self.payouts(merchant).filter(|payout| payout.takes_money()).map(|payout| payout.amount).sum()
    }

    /// Won that have arrived and stayed, and how many payouts brought them.
    pub(crate) fn completed(&self) -> (u64, u64) {
        let arrived = |payout: &Payout| payout.status == PayoutStatus::Completed && payout.takes_money();
        let completed = self.payouts.iter().filter(|(_, payout)| arrived(payout));
        completed.fold((0, 0), |(won, count), (_, payout)| (won + payout.amount, count + 1))
    }
}
