//! Payouts that we asked for against the payouts that the PSP lists, and what is left of the payout balance.
//!
//! A name of ours is asked for once and kept for ever, so the name alone matches. A payout of another name, or of a
//! name that never left us, is one that we never asked for.

use alloc::{string::String, vec::Vec};

use super::BreakType;
use crate::{
    Money, Timestamp,
    calendar::Day,
    id::PayoutRunId,
    payout::{PayoutStatus, status::PspPayoutStatus},
};

/// An attempt of a payout, as our books know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPayout {
    /// Our name of the attempt.
    pub ref_payout_id: String,
    /// The run of the payout.
    pub run_id: PayoutRunId,
    /// Where the payout stands.
    pub status: PayoutStatus,
    /// Whether a later attempt took its place: then the PSP said that this one was not paid.
    pub is_former: bool,
    /// Whether its request may have left us.
    pub was_sent: bool,
    /// How much.
    pub amount: Money,
    /// When the request left.
    pub sent_at: Option<Timestamp>,
    /// The day on which the PSP pays.
    pub due_on: Day,
}

/// A payout as the PSP lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPayout {
    /// The merchant's name of it.
    pub ref_payout_id: String,
    /// Where it stands.
    pub status: PspPayoutStatus,
    /// How much.
    pub amount: Money,
    /// The day on which the PSP pays, where it says so.
    pub due_on: Option<Day>,
}

/// By when both sides must say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedBy {
    /// A request that left later may still be under way.
    pub settled_by: Timestamp,
    /// The day on which deadlines are judged.
    pub as_of: Day,
}

/// What both sides together say of one payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutMatch {
    /// Both say the same.
    Agrees,
    /// They differ, and may agree in a moment.
    UnderWay,
    /// They differ.
    Break(BreakType),
}

impl PayoutMatch {
    /// Compares what both sides say of one name; at least one of them knows it.
    pub fn of(asked: Option<&AskedPayout>, listed: Option<&ListedPayout>, by: JudgedBy) -> Self {
        let Some(asked) = asked else {
            return listed.map_or(Self::Agrees, |_| Self::Break(BreakType::PayoutUnknownAtHome));
        };
        match listed {
            None => Self::of_unlisted(asked, by),
            Some(_) if !asked.was_sent => Self::Break(BreakType::PayoutUnknownAtHome),
            Some(listed) if listed.amount != asked.amount => Self::Break(BreakType::AmountsDiffer),
            Some(listed) => Self::of_statuses(asked, listed.status, by),
        }
    }

    /// The PSP refuses a batch as a whole, so a payout that failed or was canceled need not be in its list.
    fn of_unlisted(asked: &AskedPayout, by: JudgedBy) -> Self {
        if !asked.was_sent || asked.is_former {
            return Self::Agrees;
        }
        if asked.is_recent(by) {
            return Self::UnderWay;
        }
        match asked.status {
            PayoutStatus::Sending | PayoutStatus::Unknown | PayoutStatus::Stuck => {
                Self::Break(BreakType::PayoutAnswerLost)
            }
            PayoutStatus::Requested | PayoutStatus::InProgress | PayoutStatus::Paid | PayoutStatus::Returned => {
                Self::Break(BreakType::MissingAtPsp)
            }
            PayoutStatus::Frozen | PayoutStatus::Approved | PayoutStatus::Failed | PayoutStatus::Canceled => {
                Self::Agrees
            }
        }
    }

    fn of_statuses(asked: &AskedPayout, theirs: PspPayoutStatus, by: JudgedBy) -> Self {
        let same_end = |is_same: bool| if is_same { Self::Agrees } else { Self::Break(BreakType::AmountsDiffer) };
        let was_not_paid = matches!(theirs, PspPayoutStatus::Failed | PspPayoutStatus::Canceled);
        if asked.is_former {
            return same_end(was_not_paid);
        }
        match asked.status {
            PayoutStatus::Frozen | PayoutStatus::Approved => Self::Break(BreakType::PayoutUnknownAtHome),
            PayoutStatus::Sending | PayoutStatus::Unknown | PayoutStatus::Stuck if asked.is_recent(by) => {
                Self::UnderWay
            }
            PayoutStatus::Sending | PayoutStatus::Unknown | PayoutStatus::Stuck => {
                Self::Break(BreakType::PayoutAnswerLost)
            }
            PayoutStatus::Requested | PayoutStatus::InProgress => Self::of_open(asked, theirs, by),
            PayoutStatus::Paid | PayoutStatus::Returned => same_end(theirs == PspPayoutStatus::Completed),
            PayoutStatus::Failed | PayoutStatus::Canceled => same_end(was_not_paid),
        }
    }

    /// The PSP does not say when a payout ended. On the day after its day our side must know.
    fn of_open(asked: &AskedPayout, theirs: PspPayoutStatus, by: JudgedBy) -> Self {
        let is_late = by.as_of > asked.due_on;
        match theirs {
            PspPayoutStatus::Requested | PspPayoutStatus::InProgress if is_late => {
                Self::Break(BreakType::PayoutOverdue)
            }
            PspPayoutStatus::Requested | PspPayoutStatus::InProgress => Self::Agrees,
            PspPayoutStatus::Completed | PspPayoutStatus::Failed | PspPayoutStatus::Canceled if is_late => {
                Self::Break(BreakType::PayoutAnswerLost)
            }
            PspPayoutStatus::Completed | PspPayoutStatus::Failed | PspPayoutStatus::Canceled => Self::UnderWay,
        }
    }
}

impl AskedPayout {
    fn is_recent(&self, by: JudgedBy) -> bool {
        self.sent_at.is_some_and(|sent_at| sent_at > by.settled_by)
    }

    /// Whether the books say that the seller has the money, or that it is on its way or may be.
    pub fn counts_as_paid(&self) -> bool {
        match self.status {
            PayoutStatus::Sending
            | PayoutStatus::Unknown
            | PayoutStatus::Stuck
            | PayoutStatus::Requested
            | PayoutStatus::InProgress
            | PayoutStatus::Paid => self.was_sent && !self.is_former,
            PayoutStatus::Frozen
            | PayoutStatus::Approved
            | PayoutStatus::Failed
            | PayoutStatus::Returned
            | PayoutStatus::Canceled => false,
        }
    }

    /// What the books took from the payout balance for it: they do so when the money arrives.
    fn booked(&self) -> i64 {
        let is_booked = !self.is_former && self.status == PayoutStatus::Paid;
        if is_booked { self.amount.minor().cast_signed() } else { 0 }
    }
}

/// What the PSP took from its balance for a payout and the books did not, in minor units with a sign. The PSP takes the
/// money when it accepts a payout. Of a payout that came back, its list does not tell.
pub fn taken_at_psp_alone(asked: Option<&AskedPayout>, listed: Option<&ListedPayout>) -> i64 {
    let is_booked_back = asked.is_some_and(|asked| !asked.is_former && asked.status == PayoutStatus::Returned);
    let taken = listed.filter(|listed| listed.status.takes_money() && !is_booked_back);
    let taken = taken.map_or(0, |listed| listed.amount.minor().cast_signed());
    taken.saturating_sub(asked.map_or(0, AskedPayout::booked))
}

/// What explains that the PSP's balance is another one than the books and all payouts say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Residue<'a> {
    /// There is no difference.
    Nothing,
    /// One paid payout is exactly as much: its money came back.
    Returned(&'a AskedPayout),
    /// Several paid payouts are exactly as much. The machine never chooses.
    Ambiguous(Vec<&'a AskedPayout>),
    /// Nothing explains it.
    Unexplained,
}

impl<'a> Residue<'a> {
    /// Explains a surplus of the PSP's balance, in minor units with a sign. No sum of several payouts is searched for.
    pub fn of(surplus: i64, agreeing: impl Iterator<Item = &'a AskedPayout>) -> Self {
        if surplus == 0 {
            return Self::Nothing;
        }
        let mut candidates: Vec<&AskedPayout> =
            agreeing.filter(|asked| asked.booked() != 0 && asked.booked() == surplus).collect();
        match candidates.len() {
            0 => Self::Unexplained,
            1 => candidates.pop().map_or(Self::Unexplained, Self::Returned),
            _ => Self::Ambiguous(candidates),
        }
    }
}
