//! What an entry does to the payment orders that its postings name.

use alloc::collections::BTreeMap;

use super::{Account, Entry};
use crate::id::PaymentOrderId;

/// Differences in the columns of one order, in minor units; a difference below zero takes away. The sums of all
/// differences of an order are what its row says, so the row can be checked against the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderChange {
    /// What the seller has earned with it and cannot be paid out yet.
    pub unreleased: i64,
    /// What we keep of it, value-added tax included.
    pub commission: i64,
    /// The value-added tax in the commission.
    pub commission_vat: i64,
    /// What its buyer was promised back.
    pub refunded: i64,
}

impl Entry {
    /// What the entry changes, by order.
    pub fn order_changes(&self) -> BTreeMap<&PaymentOrderId, OrderChange> {
        let mut changes: BTreeMap<&PaymentOrderId, OrderChange> = BTreeMap::new();
        for posting in &self.fields().postings {
            let posting = posting.fields();
            let Some(order) = &posting.order else { continue };
            let change = changes.entry(order).or_default();
            // An amount is at most 2^53, and an entry has at most 1000 postings: an i64 holds every sum.
            let amount = posting.amount.minor().cast_signed();
            // Giving back is no promise any more: it moves what was promised out of the books.
            let executed = posting.debit == Account::RefundsPayable && posting.credit == Account::PspReceivable
                || posting.credit == Account::RefundsPayable && posting.debit == Account::PspReceivable;
            for (account, amount) in [(&posting.debit, -amount), (&posting.credit, amount)] {
                match account {
                    Account::SellerPending(_) => change.unreleased += amount,
                    Account::PlatformCommission => change.commission += amount,
                    Account::OutputVat => {
                        change.commission += amount;
                        change.commission_vat += amount;
                    }
                    Account::RefundsPayable if !executed => change.refunded += amount,
                    Account::RefundsPayable
                    | Account::PspReceivable
                    | Account::Bank
                    | Account::PspPayoutBalance
                    | Account::InputVat
                    | Account::SweepInTransit
                    | Account::Rounding
                    | Account::FxTrading
                    | Account::SellerDebt(_)
                    | Account::SellerAvailable(_)
                    | Account::SellerHeld(_)
                    | Account::PayoutInTransit(_)
                    | Account::Suspense
                    | Account::PspFees => {}
                }
            }
        }
        changes
    }
}
