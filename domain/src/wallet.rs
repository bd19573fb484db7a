//! A seller's wallet: what the books say of one seller in one currency.

use crate::{
    Currency, Money,
    id::SellerAccount,
    ledger::{Account, Entry},
};

/// A seller's money in one currency, folded from the postings on the seller's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallet {
    /// Earned, and not to be paid out yet.
    pub pending: Money,
    /// Ready to be paid out.
    pub available: Money,
    /// Reserved by holds.
    pub held: Money,
    /// On its way to the seller's bank.
    pub in_transit: Money,
    /// Arrived at the seller's bank so far.
    pub paid_out: Money,
    /// Owed to us, for refunds of money that was paid out before; the next releases recover it.
    pub debt: Money,
}

/// More would be taken from a part of a wallet than is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seller {seller}: the entry takes more {part} money than there is")]
pub struct Overdrawn {
    /// Whose wallet.
    pub seller: SellerAccount,
    /// Which part of it.
    pub part: &'static str,
}

impl Wallet {
    /// A wallet that was never credited.
    pub const fn empty(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { pending: zero, available: zero, held: zero, in_transit: zero, paid_out: zero, debt: zero }
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.pending.currency()
    }

    /// The wallet after an entry; entries in another currency and on others' accounts leave it as it is. No
    /// part falls below zero: a refund that takes more makes a debt, which is a part of its own.
    pub fn after(self, seller: &SellerAccount, entry: &Entry) -> Result<Self, Overdrawn> {
        if entry.currency() != self.currency() {
            return Ok(self);
        }
        let mut changes = [0_i128; PARTS.len()];
        for posting in &entry.fields().postings {
            let posting = posting.fields();
            let amount = i128::from(posting.amount.minor());
            let (from, to) = (part_of(&posting.debit, seller), part_of(&posting.credit, seller));
            if let Some((part, sign)) = from {
                changes[part] -= sign * amount;
            }
            if let Some((part, sign)) = to {
                changes[part] += sign * amount;
            }
            match (from, &posting.credit, &posting.debit, to) {
                (Some((IN_TRANSIT, _)), Account::Bank, _, _) => changes[PAID_OUT] += amount,
                (_, _, Account::Bank, Some((IN_TRANSIT, _))) => changes[PAID_OUT] -= amount,
                _ => {}
            }
        }
        let mut after = self;
        let balances = [
            &mut after.pending,
            &mut after.available,
            &mut after.held,
            &mut after.in_transit,
            &mut after.debt,
            &mut after.paid_out,
        ];
        for ((balance, change), part) in balances.into_iter().zip(changes).zip(PARTS) {
            *balance = u64::try_from(i128::from(balance.minor()) + change)
                .ok()
                .and_then(|minor| Money::try_from_minor(minor, balance.currency()).ok())
                .ok_or_else(|| Overdrawn { seller: seller.clone(), part })?;
        }
        Ok(after)
    }
}

/// The parts of a wallet, for messages, in the order in which [`part_of`] counts them.
const PARTS: [&str; 6] = ["pending", "available", "held", "in transit", "owed", "paid out"];
const IN_TRANSIT: usize = 3;
const PAID_OUT: usize = 5;

/// Which part of a seller's wallet an account is, and whether a credit adds to it or takes from it.
fn part_of(account: &Account, seller: &SellerAccount) -> Option<(usize, i128)> {
    if account.seller() != Some(seller) {
        return None;
    }
    match account {
        Account::SellerPending(_) => Some((0, 1)),
        Account::SellerAvailable(_) => Some((1, 1)),
        Account::SellerHeld(_) => Some((2, 1)),
        Account::PayoutInTransit(_) => Some((IN_TRANSIT, 1)),
        Account::SellerDebt(_) => Some((4, -1)),
        Account::PspReceivable
        | Account::Bank
        | Account::RefundsPayable
        | Account::Suspense
        | Account::PlatformCommission
        | Account::PspFees => None,
    }
}
