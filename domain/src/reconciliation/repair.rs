//! What the machine does about a break by itself: a fixed list of rules, each with a version and limits.
//!
//! No rule books past the workflow that owns a payment or a payout. Each repair is written down with its break, and a
//! person undoes it by one command; a rule leaves a break alone whose repair was undone.

use alloc::{format, vec::Vec};

use super::Actor;
use crate::{Limits, Money};

/// How much one rule repairs on one day, unless an operator says otherwise.
pub const DEFAULT_DAILY_LIMIT: Limits = Limits::of_minor(100_000_000, 10_000_000, 10_000_000);

/// How much of the PSP's settlement rows is booked on one day, unless an operator says otherwise.
pub const DEFAULT_SETTLEMENT_LIMIT: Limits = Limits::of_minor(1_000_000_000_000, 100_000_000_000, 100_000_000_000);

/// How much rounding is booked on one day, whatever an operator says. More than that is no rounding.
pub const ROUNDING_LIMIT: Limits = Limits::of_minor(10_000, 1_000, 1_000);

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairRule {
    /// Holds the ready money of the sellers concerned.
    HoldMoney,
    /// Asks the workflow of a checkout or a refund to look at the PSP.
    AskWorkflow,
    /// Asks the workflow of a payout run to look at the PSP.
    AskPayoutRun,
    /// Books the PSP's settlement rows of payments.
    BookSettlement,
    /// Books what the rounding of a payment's settlement rows leaves over.
    BookRounding,
}

impl RepairRule {
    /// Every rule.
    pub const ALL: [Self; 5] =
        [Self::HoldMoney, Self::AskWorkflow, Self::AskPayoutRun, Self::BookSettlement, Self::BookRounding];

    /// The rule as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HoldMoney => "hold_money",
            Self::AskWorkflow => "ask_workflow",
            Self::AskPayoutRun => "ask_payout_run",
            Self::BookSettlement => "book_settlement",
            Self::BookRounding => "book_rounding",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }

    /// The version, which grows with each change of what the rule does.
    pub const fn version(self) -> u32 {
        match self {
            Self::HoldMoney | Self::AskWorkflow | Self::AskPayoutRun | Self::BookSettlement | Self::BookRounding => 1,
        }
    }

    /// The author of what the rule does: `rule:hold_money/1`.
    pub fn author(self) -> Actor {
        Actor::Rule(format!("{}/{}", self.as_str(), self.version()))
    }
}

/// What the rules may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairLimits {
    /// Rules that do nothing.
    pub off: Vec<RepairRule>,
    /// The most that one rule repairs on one day; but for settlement rows.
    pub daily_limit: Limits,
    /// The most of settlement rows that is booked on one day.
    pub settlement_limit: Limits,
}

impl Default for RepairLimits {
    fn default() -> Self {
        Self { off: Vec::new(), daily_limit: DEFAULT_DAILY_LIMIT, settlement_limit: DEFAULT_SETTLEMENT_LIMIT }
    }
}

impl RepairLimits {
    /// Whether a rule does anything.
    pub fn is_on(&self, rule: RepairRule) -> bool {
        !self.off.contains(&rule)
    }

    /// Whether a rule that has repaired so much today may repair so much more. Amounts of two currencies are never
    /// within a limit.
    pub fn allow(&self, rule: RepairRule, repaired: Money, more: Money) -> bool {
        let is_within = |limits: Limits| repaired.plus(more).is_ok_and(|sum| limits.allow(sum));
        match rule {
            RepairRule::HoldMoney | RepairRule::AskWorkflow | RepairRule::AskPayoutRun => is_within(self.daily_limit),
            RepairRule::BookSettlement => is_within(self.settlement_limit),
            RepairRule::BookRounding => is_within(self.daily_limit) && is_within(ROUNDING_LIMIT),
        }
    }
}
