//! Sweeps: our own money on the payout balance, paid to our own bank by the PSP's payout service.
//!
//! A sweep is a run of one payout. Its seller is our own company, as the PSP registered it. It has no statement and
//! moves no wallet.
//!
//! # What stays
//!
//! Two sums bound a sweep, both in won, because the PSP pays out won alone:
//!
//! * What is our own: the payout balance and what the PSP still owes us, less all that we owe to sellers, to buyers and
//!   to whomever money in suspense belongs, and less what came of sales in other currencies. A seller's debt is no
//!   money at the PSP, so it does not count.
//! * What is due from the balance: the same debts, but of pending money the part that the PSP has settled already, and
//!   refunds that the PSP has not deducted yet. What the PSP has booked and not paid in yet is not there to be paid.
//!
//! Sweeps that are under way are taken off both. The value-added tax in our commission is not kept back: the tax office
//! is paid from our bank, so it leaves with the commission.

use super::{
    AMOUNT_BOUND_WON,
    plan::{PlanRules, Standing},
};
use crate::{Currency, Money, Timestamp, seller::cools_down_until};

/// What the books say of the money at the PSP, in won, with a sign where an account may be overdrawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Funds {
    /// What stands on the payout balance.
    pub booked: i64,
    /// What of it the PSP has yet to pay in.
    pub not_paid_yet: i64,
    /// What the PSP has captured and not settled.
    pub receivable: i64,
    /// What sellers have pending.
    pub pending: i64,
    /// The part of it of payments that the PSP has settled.
    pub settled_pending: i64,
    /// What sellers have available.
    pub available: i64,
    /// What is held of sellers' money; frozen payouts are part of it.
    pub held: i64,
    /// What is on its way to sellers. The balance falls when it arrives.
    pub in_transit: i64,
    /// What buyers were promised back.
    pub refunds_payable: i64,
    /// Refunds of settled payments that the PSP carried out and has not deducted.
    pub refunds_to_deduct: i64,
    /// Money that nobody has claimed.
    pub suspense: i64,
    /// What the PSP gave in won for sales in other currencies, less what it took back. Their sellers and buyers are
    /// owed other money, which is yet to be bought.
    pub exchanged: i64,
    /// Sweeps that are frozen, approved or under way.
    pub sweeps: i64,
}

impl Funds {
    /// What may be swept, in won.
    pub fn free(&self) -> Money {
        let free = self.own().min(self.left_now()).max(0);
        Money::try_from_minor(free.unsigned_abs(), Currency::Krw).unwrap_or(Money::zero(Currency::Krw))
    }

    /// What is our own, wherever it is at the PSP.
    fn own(&self) -> i64 {
        sum([self.booked, self.receivable]).saturating_sub(sum([self.due(), self.pending, self.sweeps]))
    }

    /// What the balance has beyond what is due from it.
    fn left_now(&self) -> i64 {
        let there = self.booked.min(self.booked.saturating_sub(self.not_paid_yet));
        let due = sum([self.due(), self.settled_pending, self.refunds_to_deduct, self.sweeps]);
        there.saturating_sub(due)
    }

    /// What may leave at any moment. An account that is overdrawn frees nothing.
    fn due(&self) -> i64 {
        let owed = sum([self.available, self.held, self.in_transit, self.refunds_payable.max(0), self.suspense.max(0)]);
        owed.saturating_add(self.exchanged.max(0))
    }
}

fn sum<const N: usize>(amounts: [i64; N]) -> i64 {
    amounts.into_iter().fold(0, i64::saturating_add)
}

/// Our own company, as the PSP pays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCompany {
    /// Whether the PSP pays it.
    pub standing: Standing,
    /// When its account was changed last.
    pub account_changed_at: Option<Timestamp>,
    /// What payouts to it have taken in this week, or may take.
    pub this_week: Money,
}

/// Why nothing is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SweepRefusal {
    /// No setting names our own company.
    #[error("no setting names the seller account of the marketplace itself: payouts.own_seller")]
    NoOwnSeller,
    /// What the PSP settles comes to our bank by itself.
    #[error("sellers are paid by bank file, so our own money comes to our bank by itself")]
    ByBankFile,
    /// The PSP does not pay our own company.
    #[error("the payment provider does not pay the account of payouts.own_seller: see its payout_status")]
    NotPayable,
    /// The account was changed a short while ago.
    #[error("the bank account of payouts.own_seller was changed a short while ago")]
    CoolingDown,
    /// More is asked for than is our own, or than what is due leaves.
    #[error("{} won are free to be swept; the rest is owed, or not there yet", .free.to_decimal_string())]
    TooMuch {
        /// What is free.
        free: Money,
    },
    /// The PSP pays no more to a company that is not fully approved.
    #[error("{} won are left of the weekly limit of a company that is not fully approved", .room.to_decimal_string())]
    WeeklyLimit {
        /// What is left.
        room: Money,
    },
    /// The PSP takes no such payout.
    #[error("a sweep is below {AMOUNT_BOUND_WON} won")]
    AmountBound,
}

/// How much is swept: what is asked for, or all that may be. It is never zero.
pub fn plan(
    wanted: Option<Money>,
    free: Money,
    own: &OwnCompany,
    rules: &PlanRules,
    now: Timestamp,
) -> Result<Money, SweepRefusal> {
    let room = match own.standing {
        Standing::Refused => return Err(SweepRefusal::NotPayable),
        Standing::Approved => None,
        Standing::Limited => {
            let left = rules.weekly_limit.minor().saturating_sub(1).saturating_sub(own.this_week.minor());
            Some(won(left))
        }
    };
    if cools_down_until(own.account_changed_at, rules.cool_down_ms, now).is_some() {
        return Err(SweepRefusal::CoolingDown);
    }
    let bound = won(AMOUNT_BOUND_WON - 1);
    let amount = wanted.unwrap_or_else(|| free.least(bound).least(room.unwrap_or(bound)));
    if free.is_zero() || amount.minor() > free.minor() {
        return Err(SweepRefusal::TooMuch { free });
    }
    if amount.minor() > bound.minor() {
        return Err(SweepRefusal::AmountBound);
    }
    match room {
        Some(room) if amount.is_zero() || amount.minor() > room.minor() => Err(SweepRefusal::WeeklyLimit { room }),
        Some(_) | None if amount.is_zero() => Err(SweepRefusal::TooMuch { free }),
        Some(_) | None => Ok(amount),
    }
}

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Currency::Krw).unwrap_or(Money::zero(Currency::Krw))
}
