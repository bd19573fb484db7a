//! Planning a run: who is paid how much, and what is carried over for which reason.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{AMOUNT_BOUND_WON, MAX_PAYOUTS_PER_RUN, PaidBy, status::written};
use crate::{
    Currency, Money, Timestamp,
    calendar::{Day, Holidays},
    id::SellerAccount,
    seller::{DEFAULT_COOL_DOWN_MS, cools_down_until},
};

/// The days of a week, for the limit of sellers who are not fully approved.
pub const WEEK_DAYS: u64 = 7;
/// The weekly limit unless a setting says otherwise, in won. Source: Toss, payouts guide, `PARTIALLY_APPROVED`.
pub const WEEKLY_LIMIT_WON: u64 = 10_000_000;

/// What an operator sets of planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRules {
    /// A seller who is not fully approved stays below this sum in a week: the PSP refuses all payouts of one that
    /// reaches it.
    pub weekly_limit: Money,
    /// How long a new account waits, in milliseconds.
    pub cool_down_ms: u64,
    /// The days on which no bank works.
    pub holidays: Holidays,
    /// The seller account under which the PSP knows our own company: sweeps go there.
    pub own_seller: Option<SellerAccount>,
    /// The way on which the next run pays.
    pub by: PaidBy,
}

impl Default for PlanRules {
    fn default() -> Self {
        Self {
            weekly_limit: won(WEEKLY_LIMIT_WON),
            cool_down_ms: DEFAULT_COOL_DOWN_MS,
            holidays: Holidays::default(),
            own_seller: None,
            by: PaidBy::Psp,
        }
    }
}

/// The run that somebody asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Its day in Korea; today where it is absent.
    #[serde(default)]
    pub date: Option<DayText>,
    /// The sellers, whatever their calendar says; those that are due where it is absent.
    #[serde(default)]
    pub sellers: Option<Vec<SellerAccount>>,
}

/// A day as text, in histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayText(pub Day);

impl TryFrom<String> for DayText {
    type Error = crate::calendar::NoDay;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<DayText> for String {
    fn from(day: DayText) -> Self {
        alloc::format!("{}", day.0)
    }
}

/// Whether a seller may be paid at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Any sum.
    Approved,
    /// Below the weekly limit.
    Limited,
    /// Nothing.
    Refused,
}

/// A seller whose payout is considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The seller.
    pub seller: SellerAccount,
    /// What the seller has available.
    pub available: Money,
    /// How much of it was released in time for this run.
    pub released: Money,
    /// What the seller owes us.
    pub debt: Money,
    /// Whether the PSP pays the seller.
    pub standing: Standing,
    /// The seller at the PSP, or the seller's bank account by its number.
    pub destination: Option<String>,
    /// When the seller's account was changed last.
    pub account_changed_at: Option<Timestamp>,
    /// Whether somebody keeps all payouts of the seller back.
    pub is_blocked: bool,
    /// Less than this is not paid.
    pub minimum: Money,
    /// What payouts of the week have taken or may take.
    pub this_week: Money,
    /// Whether the seller has a payout of this period.
    pub is_paid_already: bool,
}

written! {
    /// Why money stays with us until a later run.
    CarryReason {
        /// Less than the seller's minimum.
        BelowMinimum = "below_minimum",
        /// The PSP does not pay the seller, or does not know the seller.
        NotPayable = "seller_not_payable",
        /// The account was changed a short while ago.
        CoolingDown = "account_cooling_down",
        /// Somebody keeps the seller's payouts back.
        Blocked = "payouts_blocked",
        /// The rest would reach the weekly limit.
        WeeklyLimit = "weekly_limit",
        /// The rest would reach the bound of one payout.
        AmountBound = "amount_bound",
        /// The seller owes us as much.
        Debt = "debt",
        /// It was released too late for this run.
        ReleasedLate = "released_late",
        /// The seller has a payout of this period.
        PaidAlready = "period_paid_already",
        /// The numbers of the seller do not add up: the books need a look.
        StatementOff = "statement_does_not_add_up",
        /// The run has as many payouts as a run may have.
        RunFull = "run_full",
        /// Our bank account has less by the books, and the run is paid by bank file.
        BankShort = "bank_balance_short",
        /// It is in another currency than won, and payouts are in won alone.
        OtherCurrency = "currency_not_paid_out",
    }
}

/// Money that stays with us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedOver {
    /// Whose.
    pub seller: SellerAccount,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: CarryReason,
}

/// A payout that is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPayout {
    /// The seller.
    pub seller: SellerAccount,
    /// How much; above zero and below the bound.
    pub amount: Money,
    /// The seller at the PSP.
    pub destination: String,
}

/// A run before it is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order of the sellers.
    pub payouts: Vec<PlannedPayout>,
    /// In the order of the sellers.
    pub carried_over: Vec<CarriedOver>,
}

impl Plan {
    /// A plan without sellers.
    pub const fn empty() -> Self {
        Self { payouts: Vec::new(), carried_over: Vec::new() }
    }

    /// The sum of the payouts, in won.
    pub fn total(&self) -> Money {
        let sum = |total: Money, payout: &PlannedPayout| total.plus(payout.amount).unwrap_or(total);
        self.payouts.iter().fold(Money::zero(Currency::Krw), sum)
    }
}

/// Plans a run. Each won that a candidate has available is in a payout or is carried over for a reason.
pub fn plan(candidates: Vec<Candidate>, rules: &PlanRules, now: Timestamp) -> Plan {
    plan_part(candidates, rules, now, Room { payouts: MAX_PAYOUTS_PER_RUN, money: None })
}

/// What a run may still pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How many payouts.
    pub payouts: usize,
    /// How much money; nothing where the PSP says itself what it has.
    pub money: Option<Money>,
}

impl Room {
    /// Why a payout does not fit.
    fn lacks(&self, amount: u64) -> Option<CarryReason> {
        if self.payouts == 0 {
            return Some(CarryReason::RunFull);
        }
        self.money.filter(|money| money.minor() < amount).map(|_| CarryReason::BankShort)
    }

    /// What is left after a payout.
    pub fn less(self, amount: Money) -> Self {
        let money = self.money.map(|money| money.minus(amount).unwrap_or(won(0)));
        Self { payouts: self.payouts.saturating_sub(1), money }
    }
}

/// Plans a part of a run, which may pay so much more. A seller whose payout does not fit is carried over as a whole.
pub fn plan_part(mut candidates: Vec<Candidate>, rules: &PlanRules, now: Timestamp, mut room: Room) -> Plan {
    candidates.sort_by(|one, other| one.seller.cmp(&other.seller));
    let mut plan = Plan::empty();
    for candidate in candidates {
        let mut share = Share { seller: &candidate.seller, left: candidate.available.minor(), carried: Vec::new() };
        let payable = share.payable(&candidate, rules, now);
        match (payable, &candidate.destination) {
            (0, _) | (_, None) => {}
            (amount, Some(destination)) => match room.lacks(amount) {
                Some(reason) => share.keep(amount, reason),
                None => {
                    room = room.less(won(amount));
                    plan.payouts.push(PlannedPayout {
                        seller: candidate.seller.clone(),
                        amount: won(amount),
                        destination: destination.clone(),
                    });
                }
            },
        }
        plan.carried_over.append(&mut share.carried);
    }
    plan
}

/// What is left to pay of one seller, and what is carried over.
struct Share<'a> {
    seller: &'a SellerAccount,
    left: u64,
    carried: Vec<CarriedOver>,
}

impl Share<'_> {
    /// How much is paid; the rest is carried over.
    fn payable(&mut self, candidate: &Candidate, rules: &PlanRules, now: Timestamp) -> u64 {
        let refused = if candidate.is_paid_already {
            Some(CarryReason::PaidAlready)
        } else if candidate.is_blocked {
            Some(CarryReason::Blocked)
        } else if candidate.standing == Standing::Refused || candidate.destination.is_none() {
            Some(CarryReason::NotPayable)
        } else if cools_down_until(candidate.account_changed_at, rules.cool_down_ms, now).is_some() {
            Some(CarryReason::CoolingDown)
        } else {
            None
        };
        if let Some(reason) = refused {
            self.keep(self.left, reason);
            return 0;
        }
        self.keep_above(candidate.released.minor(), CarryReason::ReleasedLate);
        // The debt is paid first.
        self.keep(self.left.min(candidate.debt.minor()), CarryReason::Debt);
        self.keep_above(AMOUNT_BOUND_WON - 1, CarryReason::AmountBound);
        if candidate.standing == Standing::Limited {
            let room = rules.weekly_limit.minor().saturating_sub(1).saturating_sub(candidate.this_week.minor());
            self.keep_above(room, CarryReason::WeeklyLimit);
        }
        if self.left < candidate.minimum.minor() {
            self.keep(self.left, CarryReason::BelowMinimum);
        }
        self.left
    }

    fn keep_above(&mut self, most: u64, reason: CarryReason) {
        self.keep(self.left.saturating_sub(most), reason);
    }

    fn keep(&mut self, amount: u64, reason: CarryReason) {
        if amount > 0 {
            self.left = self.left.saturating_sub(amount);
            self.carried.push(CarriedOver { seller: self.seller.clone(), amount: won(amount), reason });
        }
    }
}

/// Won, of an amount that was money before.
fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Currency::Krw).unwrap_or(Money::zero(Currency::Krw))
}
