//! Sellers: who is paid, on which account, and whether a payout is allowed now.
//!
//! A seller's payout status is derived, never written: from holds on all payouts, from what the PSP said of the bank
//! account, and from the state of the registration at the PSP.

mod details;
mod hold;
pub mod registration;

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use details::{
    BankAccount, BankAccountParts, Contact, ContactParts, DetailError, DetailField, Details, MAX_METADATA_PAIRS,
    Problem, SellerName, checked_metadata,
};
pub use hold::{HoldAnswer, LiftedHold, MAX_HOLD_REASON_CHARS, NewHold};

use crate::{Timestamp, id::SellerAccount, principal::Principal};

/// How many of the next payouts a seller is shown.
pub const SHOWN_PAYOUTS: usize = 12;
/// How long after a change of the bank account nothing is paid to it, where no setting says otherwise: a day.
pub const DEFAULT_COOL_DOWN_MS: u64 = 24 * 60 * 60 * 1_000;

/// What kind of business a seller is. The PSP asks each kind for other proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BusinessType {
    /// A person without a business registration.
    Individual,
    /// A person with a business registration.
    IndividualBusiness,
    /// A company.
    Corporate,
}

impl BusinessType {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Individual, Self::IndividualBusiness, Self::Corporate];

    /// The kind on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "INDIVIDUAL",
            Self::IndividualBusiness => "INDIVIDUAL_BUSINESS",
            Self::Corporate => "CORPORATE",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether the kind has a business registration.
    pub const fn is_registered_business(self) -> bool {
        match self {
            Self::Individual => false,
            Self::IndividualBusiness | Self::Corporate => true,
        }
    }
}

/// Whether a seller may be paid, and what is missing where not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayoutStatus {
    /// The PSP does not know the seller. The marketplace fills in the details.
    Unregistered,
    /// The seller has to prove an identity at the PSP.
    PendingApproval,
    /// The seller is paid, up to the PSP's weekly limit.
    Limited,
    /// The seller is paid without a limit.
    Approved,
    /// The seller has to pass the PSP's customer check. Nothing is paid until then.
    KycRequired,
    /// The bank account is not verified: it is new to the PSP, was refused, or sent a payout back.
    AccountUnverified,
    /// A principal holds all payouts back.
    Suspended,
}

impl PayoutStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Unregistered,
        Self::PendingApproval,
        Self::Limited,
        Self::Approved,
        Self::KycRequired,
        Self::AccountUnverified,
        Self::Suspended,
    ];

    /// The status on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unregistered => "UNREGISTERED",
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::Limited => "LIMITED",
            Self::Approved => "APPROVED",
            Self::KycRequired => "KYC_REQUIRED",
            Self::AccountUnverified => "ACCOUNT_UNVERIFIED",
            Self::Suspended => "SUSPENDED",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether a payout to the seller is allowed.
    pub const fn may_be_paid(self) -> bool {
        match self {
            Self::Limited | Self::Approved => true,
            Self::Unregistered
            | Self::PendingApproval
            | Self::KycRequired
            | Self::AccountUnverified
            | Self::Suspended => false,
        }
    }
}

impl fmt::Display for PayoutStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far the PSP trusts a registered seller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Approval {
    /// An identity check is open.
    Pending,
    /// Paid up to a weekly limit.
    Limited,
    /// Paid without a limit.
    Approved,
    /// A customer check is open.
    KycRequired,
}

impl Approval {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Limited, Self::Approved, Self::KycRequired];

    /// The state in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Limited => "LIMITED",
            Self::Approved => "APPROVED",
            Self::KycRequired => "KYC_REQUIRED",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|approval| approval.as_str() == text)
    }

    /// The payout status of a seller whose account is verified.
    const fn payout_status(self) -> PayoutStatus {
        match self {
            Self::Pending => PayoutStatus::PendingApproval,
            Self::Limited => PayoutStatus::Limited,
            Self::Approved => PayoutStatus::Approved,
            Self::KycRequired => PayoutStatus::KycRequired,
        }
    }
}

/// Everything that a seller's payout status follows from.
///
/// Bank accounts have numbers: the first is 1, and each change takes the next one. What the PSP said of an account is
/// kept under its number, so an answer about an older account says nothing of the current one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether a hold on all payouts is open.
    pub is_blocked: bool,
    /// How far the PSP trusts the seller, where it is registered.
    pub approval: Option<Approval>,
    /// The current account; 0 where there are no details.
    pub account: u32,
    /// The last account that the PSP took.
    pub verified_account: u32,
    /// The last account that the PSP refused.
    pub refused_account: u32,
    /// The last account that sent a payout back.
    pub returned_account: u32,
}

impl Standing {
    /// Whether the PSP took the current account, and no payout came back from it.
    pub const fn is_account_verified(&self) -> bool {
        self.account > 0 && self.verified_account == self.account && self.returned_account != self.account
    }

    /// Whether the seller may be paid. What forbids every payout comes first.
    pub const fn payout_status(&self) -> PayoutStatus {
        if self.is_blocked {
            return PayoutStatus::Suspended;
        }
        let is_refused = self.account > 0 && self.refused_account == self.account;
        let is_returned = self.account > 0 && self.returned_account == self.account;
        if is_refused || is_returned {
            return PayoutStatus::AccountUnverified;
        }
        let Some(approval) = self.approval else { return PayoutStatus::Unregistered };
        if self.account == 0 || self.verified_account != self.account {
            return PayoutStatus::AccountUnverified;
        }
        approval.payout_status()
    }
}

/// What a seller's payout status follows from where sellers are paid by bank file: nobody registers them, and a
/// principal calls the bank account verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountStanding {
    /// Whether a hold on all payouts is open.
    pub is_blocked: bool,
    /// The current account; 0 where there are no details.
    pub account: u32,
    /// The last account that a principal verified.
    pub verified_account: u32,
    /// The last account that sent a transfer back.
    pub returned_account: u32,
}

impl AccountStanding {
    /// Whether a principal verified the current account, and no transfer came back from it.
    pub const fn is_account_verified(&self) -> bool {
        self.account > 0 && self.verified_account == self.account && self.returned_account != self.account
    }

    /// Whether a principal may call the current account verified, and nobody has.
    pub const fn waits_for_verification(&self) -> bool {
        self.account > 0 && self.verified_account != self.account && self.returned_account != self.account
    }

    /// Whether the seller may be paid.
    pub const fn payout_status(&self) -> PayoutStatus {
        if self.is_blocked {
            PayoutStatus::Suspended
        } else if self.account == 0 {
            PayoutStatus::Unregistered
        } else if self.is_account_verified() {
            PayoutStatus::Approved
        } else {
            PayoutStatus::AccountUnverified
        }
    }
}

/// A principal calls a seller's bank account verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCheck {
    /// The seller.
    pub seller: SellerAccount,
    /// The number of the account that the principal looked at.
    pub account: u32,
    /// The author.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountChecked {
    /// The account is verified; also where it was before.
    Done,
    /// The account was changed, and has another number by now; 0 where the seller has none.
    OtherAccount {
        /// The number.
        account: u32,
    },
    /// A transfer to the account came back: another account is needed.
    Returned,
    /// The author set the account: another principal has to look at it.
    FourEyes,
}

/// Until when nothing is paid to an account that was changed; nothing once that time has passed.
pub fn cools_down_until(changed_at: Option<Timestamp>, cool_down_ms: u64, now: Timestamp) -> Option<Timestamp> {
    changed_at.map(|at| at.plus_ms(cool_down_ms)).filter(|until| now < *until)
}
