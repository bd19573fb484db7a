//! The registration of a seller at the PSP: what to do next, from what is written.
//!
//! A registration has a number, and its name at the PSP follows from the number. The PSP never takes the name of a
//! deleted registration again, so the next one has the next number. Each version of a seller's details is sent once;
//! what the PSP refused is sent again only when a principal says something new.

use alloc::{format, string::String};

use serde::{Deserialize, Serialize};

use super::{Approval, BusinessType};
use crate::{
    Timestamp,
    failure::Failure,
    id::{PspSellerId, RefSellerId, SellerAccount},
};

/// The first pause before the PSP is asked how far a seller is, in milliseconds. It doubles with each question.
const FIRST_PAUSE_MS: u64 = 60 * 1_000;
/// The longest pause while the seller has to do something, in milliseconds: six hours.
const LONGEST_PAUSE_MS: u64 = 6 * 60 * 60 * 1_000;
/// The longest pause while the seller is paid within a limit, in milliseconds: a day.
const LONGEST_LIMITED_PAUSE_MS: u64 = 24 * 60 * 60 * 1_000;
/// Pauses double no more often than this: a day is long past.
const MAX_DOUBLINGS: u32 = 20;

/// What is written of a seller and its last registration. It holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationState {
    /// The seller.
    pub seller: SellerAccount,
    /// What the marketplace said; nothing where it said nothing.
    #[serde(default)]
    pub wanted: Option<Wanted>,
    /// The last registration that was begun.
    #[serde(default)]
    pub last: Option<LastRegistration>,
}

/// What the PSP is to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The version of the details.
    pub details_version: u32,
    /// The number of the bank account.
    pub account: u32,
    /// The kind of business.
    pub business_type: BusinessType,
}

/// The last registration of a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRegistration {
    /// Its number.
    pub number: u32,
    /// The PSP's id, once the PSP has it.
    #[serde(default)]
    pub psp_seller_id: Option<PspSellerId>,
    /// The kind of business under which the PSP has it.
    pub business_type: BusinessType,
    /// How far the PSP trusts the seller.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// The last version of the details that the PSP took or refused.
    pub sent_version: u32,
    /// Whether the registration is gone at the PSP.
    pub is_deleted: bool,
}

/// A version of the details on its way to the PSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerSending {
    /// The seller.
    pub seller: SellerAccount,
    /// The number of the registration.
    pub number: u32,
    /// Our name for it.
    pub ref_seller_id: RefSellerId,
    /// The PSP's id, once the PSP has it.
    #[serde(default)]
    pub psp_seller_id: Option<PspSellerId>,
    /// What is sent.
    pub wanted: Wanted,
    /// Whether it may have been sent before. Then the PSP is asked first.
    #[serde(default)]
    pub is_repeated: bool,
    /// Makes the request safe to repeat.
    pub idempotency_key: String,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationStep {
    /// Nothing, until a principal or the PSP says something.
    Rest,
    /// Write that a registration begins, then register.
    Register(SellerSending),
    /// Send a newer version of the details.
    Change(SellerSending),
    /// Delete a registration whose kind of business the PSP cannot change.
    Delete(PspSellerId),
    /// Ask the PSP from time to time how far the seller is.
    Follow {
        /// The PSP's id.
        psp_seller_id: PspSellerId,
        /// The longest pause, in milliseconds.
        longest_pause_ms: u64,
    },
}

/// What the PSP said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SellerAnswer {
    /// It has the seller, with the details that were sent.
    Taken {
        /// The PSP's id.
        psp_seller_id: PspSellerId,
        /// How far the PSP trusts the seller.
        approval: Approval,
    },
    /// It has the seller from an earlier request, whose details may have been others.
    Found {
        /// The PSP's id.
        psp_seller_id: PspSellerId,
        /// How far the PSP trusts the seller.
        approval: Approval,
        /// The kind of business under which the PSP has it.
        business_type: BusinessType,
    },
    /// It refused the details.
    Refused {
        /// Why.
        failure: Failure,
        /// Whether the bank account is the reason.
        is_about_account: bool,
    },
    /// It does not have the seller any more.
    Gone,
    /// The details have changed since: nothing was sent.
    Outdated,
    /// It answered nothing that tells. Under the same key the same answer would come again.
    Again,
}

/// A change of a registration: from the workflow through the port to the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationChange {
    /// The seller.
    pub seller: SellerAccount,
    /// The number of the registration.
    pub number: u32,
    /// What happened.
    pub event: RegistrationEvent,
    /// When.
    pub at: Timestamp,
}

/// What happened to a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationEvent {
    /// It is about to be sent.
    Begun {
        /// Our name for it.
        ref_seller_id: RefSellerId,
        /// The kind of business.
        business_type: BusinessType,
    },
    /// The PSP answered a version of the details.
    Answered {
        /// What was sent.
        sent: Wanted,
        /// What the PSP said.
        answer: SellerAnswer,
    },
    /// The PSP said how far the seller is.
    Seen {
        /// How far.
        approval: Approval,
    },
    /// The PSP does not have it any more.
    Deleted,
}

impl SellerSending {
    /// The same under another key, once an answer that does not tell is bound to the former.
    pub fn under_key(mut self, number: u32) -> Self {
        if number > 0 {
            self.idempotency_key = format!("{}-{number}", self.idempotency_key);
            self.is_repeated = true;
        }
        self
    }
}

impl RegistrationState {
    /// What to do next.
    pub fn next(&self) -> RegistrationStep {
        let live = self.last.as_ref().filter(|last| !last.is_deleted);
        let Some(wanted) = self.wanted else { return RegistrationStep::Rest };
        let is_sent = self.last.as_ref().is_some_and(|last| last.sent_version >= wanted.details_version);
        if is_sent {
            return live.map_or(RegistrationStep::Rest, follow);
        }
        match live {
            None => {
                let number = self.last.as_ref().map_or(0, |last| last.number).saturating_add(1);
                RegistrationStep::Register(self.sending(number, None, wanted))
            }
            Some(last) => match &last.psp_seller_id {
                None => {
                    // Its answer may have been lost.
                    let sending = self.sending(last.number, None, wanted);
                    RegistrationStep::Register(SellerSending { is_repeated: true, ..sending })
                }
                Some(id) if last.business_type != wanted.business_type => RegistrationStep::Delete(id.clone()),
                Some(id) => RegistrationStep::Change(self.sending(last.number, Some(id.clone()), wanted)),
            },
        }
    }

    fn sending(&self, number: u32, psp_seller_id: Option<PspSellerId>, wanted: Wanted) -> SellerSending {
        let ref_seller_id = RefSellerId::of_registration(&self.seller, number);
        let idempotency_key = format!("seller-{ref_seller_id}-{}", wanted.details_version);
        let seller = self.seller.clone();
        SellerSending { seller, number, ref_seller_id, psp_seller_id, wanted, is_repeated: false, idempotency_key }
    }
}

fn follow(last: &LastRegistration) -> RegistrationStep {
    let (Some(id), Some(approval)) = (&last.psp_seller_id, last.approval) else { return RegistrationStep::Rest };
    let longest_pause_ms = match approval {
        Approval::Pending | Approval::KycRequired => LONGEST_PAUSE_MS,
        // The check of a seller is repeated every one or three years; the PSP tells by webhook, and refuses a payout.
        Approval::Limited | Approval::Approved => LONGEST_LIMITED_PAUSE_MS,
    };
    RegistrationStep::Follow { psp_seller_id: id.clone(), longest_pause_ms }
}

/// The pause before the next question, in milliseconds, by the pauses before.
pub fn pause_ms(pauses: u32, longest_ms: u64) -> u64 {
    FIRST_PAUSE_MS.checked_shl(pauses.min(MAX_DOUBLINGS)).unwrap_or(longest_ms).min(longest_ms)
}
