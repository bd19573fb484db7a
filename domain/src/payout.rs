//! Payouts: what sellers are paid, when, with which statement, and what the PSP says of it.
//!
//! A run is planned ([`plan`]), frozen with one [`statement`] for each payout, approved by a second principal who names
//! the [`digest`], and sent in batches ([`batch`]). [`status`] holds both state machines.
//!
//! # Invariants
//!
//! * A payout is sent under one name of ours until the PSP itself says that it failed or was canceled.
//! * No principal approves what the same principal froze ([`decide`]).
//! * A statement adds up, or there is none ([`statement::Statement::try_new`]).
//! * A sweep takes what is our own, and leaves what is owed to others ([`sweep`]).
//! * A run keeps the way on which it pays ([`PaidBy`]) from its freeze to its end.

pub mod bank_file;
pub mod batch;
pub mod digest;
pub mod idle;
pub mod plan;
pub mod schedule;
pub mod statement;
pub mod status;
pub mod sweep;

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use status::{PayoutStatus, RunStatus};

use crate::principal::Principal;
use status::written;

/// A payout is below this many won. Source: Toss, payouts guide.
pub const AMOUNT_BOUND_WON: u64 = 1_000_000_000;
/// The most payouts of one run: an approval changes the status of each in one transaction.
pub const MAX_PAYOUTS_PER_RUN: usize = 200_000;
/// The author of the runs that the calendar freezes. No API key is called so.
pub const CALENDAR: &str = "calendar";

written! {
    /// Whom a run pays.
    PayoutKind {
        /// Sellers.
        Seller = "seller",
        /// Our own company.
        Sweep = "sweep",
    }
}

written! {
    /// The way on which a run pays sellers. It is frozen with the run.
    PaidBy {
        /// The PSP's payout service pays from its payout balance.
        Psp = "toss",
        /// A person takes a file of transfers to our own bank ([`bank_file`]).
        BankFile = "bank_file",
    }
}

impl PaidBy {
    /// The way of runs that were written down before there was another one.
    pub const fn before_bank_files() -> Self {
        Self::Psp
    }
}

/// How many principals have to approve a run that this principal froze. The calendar has seen nothing, so two
/// principals see the run after it.
pub fn approvals_needed(frozen_by: &Principal) -> u32 {
    match frozen_by {
        Principal::Key(key) if key.as_str() == CALENDAR => 2,
        Principal::Key(_) | Principal::Person(_) => 1,
    }
}

/// What a principal wants done with a frozen run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Send the payouts whose digest is named.
    Approve {
        /// The digest that the principal saw.
        digest: String,
    },
    /// Pay nothing of it.
    Reject,
    /// Take the run back. The principal who froze it may do so.
    Cancel,
}

impl Decision {
    /// The status of a run after the decision.
    pub const fn status(&self) -> RunStatus {
        match self {
            Self::Approve { .. } => RunStatus::Approved,
            Self::Reject => RunStatus::Rejected,
            Self::Cancel => RunStatus::Canceled,
        }
    }
}

/// A run that somebody decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decidable<'a> {
    /// Where it stands.
    pub status: RunStatus,
    /// The digest of its payouts as they are now; nothing where they are not those of the freeze.
    pub digest: Option<&'a str>,
    /// The author of the freeze.
    pub frozen_by: &'a Principal,
    /// The author of an earlier decision.
    pub decided_by: Option<&'a Principal>,
    /// Whether payouts are stopped, because the PSP lists one that we never asked for.
    pub is_stopped: bool,
    /// How many principals have to approve it.
    pub approvals_needed: u32,
    /// The author of an approval of the payouts as they are now, while another approval is missing.
    pub first_approval_by: Option<&'a Principal>,
}

/// What a decision does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The run changes its status.
    Now,
    /// The approval is noted, and another principal has to approve.
    Noted,
    /// The same principal decided the same before.
    Before,
}

/// Why a decision is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecidable {
    /// The same principal froze the run.
    #[error("The principal who froze the run does not approve it")]
    FourEyes,
    /// The payouts are others than the principal saw.
    #[error("The digest is not that of the run: its payouts changed, or are another run's")]
    DigestMismatch,
    /// Somebody decided before.
    #[error("The run is {0} already")]
    Decided(RunStatus),
    /// The PSP lists a payout that we never asked for.
    #[error("Payouts are stopped: the PSP lists a payout that nobody here asked for, and its break is not resolved")]
    Stopped,
}

/// What a decision does to the run, or why it is not taken. While payouts are stopped, a run may be rejected or
/// canceled.
pub fn decide(run: &Decidable<'_>, decision: &Decision, by: &Principal) -> Result<Taken, Undecidable> {
    let wanted = decision.status();
    if run.status != RunStatus::Frozen {
        let is_repeated = run.decided_by == Some(by) && run.status.follows(wanted);
        let is_seen = !matches!(decision, Decision::Approve { digest } if Some(digest.as_str()) != run.digest);
        return if is_repeated && is_seen { Ok(Taken::Before) } else { Err(Undecidable::Decided(run.status)) };
    }
    match decision {
        Decision::Approve { .. } | Decision::Reject if by == run.frozen_by => Err(Undecidable::FourEyes),
        Decision::Approve { digest } if Some(digest.as_str()) != run.digest => Err(Undecidable::DigestMismatch),
        Decision::Approve { .. } if run.is_stopped => Err(Undecidable::Stopped),
        Decision::Approve { .. } if run.approvals_needed > 1 => Ok(match run.first_approval_by {
            None => Taken::Noted,
            Some(first) if first == by => Taken::Before,
            Some(_) => Taken::Now,
        }),
        Decision::Approve { .. } | Decision::Reject | Decision::Cancel => Ok(Taken::Now),
    }
}
