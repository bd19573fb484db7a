//! Our books against the PSP's and the bank's: what each says, what a difference means, and what people do about it.
//!
//! A difference is a *break*. The catalogue says of each type of break its class, its owner and its deadline.
//!
//! A checkout is compared over its whole life. What moved in a window of time only says which checkouts to look at: the
//! two do not write down a movement at the same instant.

mod acts;
mod catalogue;
mod escalation;
mod finding;
mod matching;
pub mod payouts;
pub mod repair;

use alloc::vec::Vec;

pub use acts::{Act, ActOutcome, ActRefusal, Actor, ActorError, BreakState, Proposal, Template};
pub use catalogue::{BreakClass, BreakStatus, BreakType, Deadline, Layer, Owner, ReasonCode, RunStatus};
pub use escalation::{DueEscalation, EscalationSteps, EscalationStepsError};
pub use finding::{Age, Evidence, Finding, break_id};
pub use matching::{Expectation, Fact, Matching, match_all};

use crate::{Currency, Money, Timestamp, checkout::Status, money::MoneyError};

/// What moved: what was taken from buyers, and what went back to them. Both only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turnover {
    /// What was taken.
    pub taken: Money,
    /// What was given back; in a window of time it may be more than was taken in it.
    pub given_back: Money,
}

impl Turnover {
    /// Nothing moved.
    pub const fn zero(currency: Currency) -> Self {
        Self { taken: Money::zero(currency), given_back: Money::zero(currency) }
    }

    /// Money was taken.
    pub const fn of_taken(amount: Money) -> Self {
        Self { taken: amount, ..Self::zero(amount.currency()) }
    }

    /// Money went back.
    pub const fn of_given_back(amount: Money) -> Self {
        Self { given_back: amount, ..Self::zero(amount.currency()) }
    }

    /// Both together. Refuses two currencies and too large an amount.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        Ok(Self { taken: self.taken.plus(other.taken)?, given_back: self.given_back.plus(other.given_back)? })
    }

    /// Whether both leave the same behind, whichever way it came about: a charge that was undone leaves nothing.
    pub fn leaves_the_same(self, other: Self) -> bool {
        let (ours, theirs) = (self.taken.plus(other.given_back), other.taken.plus(self.given_back));
        matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours == theirs)
    }

    /// Whether nothing is held: what was taken, if anything, went back.
    pub fn leaves_nothing(self) -> bool {
        self.taken == self.given_back
    }
}

/// How a checkout stands in both books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Both say the same.
    Agrees,
    /// They differ, and the PSP moved money so recently that its workflow may still be about to book it.
    UnderWay,
    /// They differ, and a person has been asked to see to it.
    BeforeAPerson,
    /// They differ, and nobody knew.
    Break(Break),
}

/// A difference that nothing explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    /// The PSP holds money, and the books know of none.
    MissingInBooks,
    /// The books say that the PSP holds money, and it holds none.
    MissingAtPsp,
    /// Both know of money, but not of the same.
    AmountsDiffer,
}

impl Standing {
    /// Its name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::UnderWay => "under_way",
            Self::BeforeAPerson => "before_a_person",
            Self::Break(Break::MissingInBooks) => "missing_in_books",
            Self::Break(Break::MissingAtPsp) => "missing_at_psp",
            Self::Break(Break::AmountsDiffer) => "amounts_differ",
        }
    }

    /// Whether nothing explains the difference.
    pub const fn is_break(self) -> bool {
        matches!(self, Self::Break(_))
    }
}

/// All that is known of one checkout, or of an order of the PSP's that is no checkout of ours.
///
/// Both turnovers are of its whole life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What moved at the PSP, by our books.
    pub in_books: Turnover,
    /// What moved at the PSP, as the PSP says.
    pub at_psp: Turnover,
    /// When the PSP moved money last, as far as it was seen.
    pub moved_at: Option<Timestamp>,
    /// Where the checkout stands; none where we have no such checkout.
    pub status: Option<Status>,
    /// What the refunds come to of which a person has to find out what became.
    pub stuck_refunds: Vec<Money>,
}

impl Compared {
    /// What it means. What the PSP moved after `settled_by` may still be under way.
    pub fn standing(&self, settled_by: Timestamp) -> Standing {
        if self.in_books.leaves_the_same(self.at_psp) {
            return Standing::Agrees;
        }
        if self.status == Some(Status::Stuck) || self.stuck_refunds_may_be_it() {
            return Standing::BeforeAPerson;
        }
        if self.status.is_some() && self.moved_at.is_some_and(|moved_at| moved_at > settled_by) {
            return Standing::UnderWay;
        }
        Standing::Break(if self.in_books.leaves_nothing() {
            Break::MissingInBooks
        } else if self.at_psp.leaves_nothing() {
            Break::MissingAtPsp
        } else {
            Break::AmountsDiffer
        })
    }

    /// Whether nothing more went back at the PSP than the refunds before a person.
    fn stuck_refunds_may_be_it(&self) -> bool {
        let more = self.at_psp.given_back.minus(self.in_books.given_back);
        let stuck = Money::zero(self.in_books.taken.currency());
        let stuck = self.stuck_refunds.iter().try_fold(stuck, |sum, refund| sum.plus(*refund));
        let (Ok(more), Ok(stuck)) = (more, stuck) else { return false };
        self.at_psp.taken == self.in_books.taken && more.minor() <= stuck.minor()
    }
}
