//! Double entry: accounts, postings and entries, balanced by construction.

mod account;
mod canonical;
mod checkpoint;
mod movements;
mod orders;

use alloc::{format, string::String, vec::Vec};
use core::fmt::Display;

use serde::{Deserialize, Serialize};

pub use account::{Account, AccountClass, NormalSide, UnknownAccount};
pub use canonical::{Place, sequence_of};
pub use checkpoint::Checkpoint;
pub use movements::{Hold, HoldEnd, Part, PayoutEnd, Refund, RefundPart, Release, SweepStep};
pub use orders::OrderChange;

use crate::{
    Currency, Money, Timestamp,
    id::{CheckoutId, PaymentOrderId},
};

/// The most postings in one entry.
pub const MAX_POSTINGS: usize = 1000;

/// Why postings are no entry. All are mistakes of the caller: nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A posting over nothing.
    #[error("a posting moves more than nothing")]
    ZeroAmount,
    /// A posting from an account to itself.
    #[error("a posting moves money between two accounts")]
    SameAccount,
    /// No posting at all.
    #[error("an entry has at least one posting")]
    NoPostings,
    /// More than [`MAX_POSTINGS`].
    #[error("an entry has at most {MAX_POSTINGS} postings")]
    TooManyPostings,
    /// Postings of two currencies.
    #[error("all postings of an entry have one currency")]
    MixedCurrencies,
    /// A sum beyond the largest amount of money.
    #[error("the amounts of an entry add up to more than money can be")]
    TooLarge,
    /// A name that is empty, too long, or not visible ASCII.
    #[error("an entry's key has 1 to {MAX_KEY_CHARS} visible ASCII characters")]
    Key,
    /// A reversal of a reversal: book the first entry again under a new key instead.
    #[error("a reversal is not reversed; book the first entry again under a key of its own")]
    ReversalOfReversal,
    /// A reversal of what stands beside a hold, a payout or a release, which it would not move.
    #[error(
        "a hold, a payout or a release is taken back by ending it, or by a correction of its own, not by a reversal"
    )]
    NotReversible,
    /// More is taken than there is to take.
    #[error("more is taken than there is")]
    NotEnough,
}

/// One debit and one credit of the same money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PostingFields", into = "PostingFields")]
pub struct Posting(PostingFields);

/// The parts of a [`Posting`], not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostingFields {
    /// The account that is debited.
    pub debit: Account,
    /// The account that is credited.
    pub credit: Account,
    /// How much; never zero.
    pub amount: Money,
    /// The payment order it is about, if it is about one.
    #[serde(default)]
    pub order: Option<PaymentOrderId>,
}

impl Posting {
    /// Checks the parts.
    pub fn try_new(fields: PostingFields) -> Result<Self, EntryError> {
        if fields.amount.is_zero() {
            return Err(EntryError::ZeroAmount);
        }
        if fields.debit == fields.credit {
            return Err(EntryError::SameAccount);
        }
        Ok(Self(fields))
    }

    /// Its parts.
    pub const fn fields(&self) -> &PostingFields {
        &self.0
    }
}

impl TryFrom<PostingFields> for Posting {
    type Error = EntryError;

    fn try_from(fields: PostingFields) -> Result<Self, EntryError> {
        Self::try_new(fields)
    }
}

impl From<Posting> for PostingFields {
    fn from(posting: Posting) -> Self {
        posting.0
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A buyer's payment was captured.
    PaymentCaptured,
    /// What a seller has earned may be paid out from now on.
    PendingReleased,
    /// A buyer was promised money back.
    RefundPromised,
    /// The PSP gave money back to a buyer.
    RefundExecuted,
    /// A part of a seller's money was reserved.
    HoldReserved,
    /// A hold ended, and what it held is available again.
    HoldReleased,
    /// A hold ran out of time, and what it held is available again.
    HoldExpired,
    /// What was held was sent to the seller's bank.
    PayoutSent,
    /// The seller's bank has the money.
    PayoutArrived,
    /// The seller's bank sent the money back.
    PayoutFailed,
    /// A payout that had arrived came back.
    PayoutReturned,
    /// The PSP paid us what it had captured, less its fees.
    PspSettled,
    /// The PSP exchanged what it had captured into the currency that it pays in.
    PspExchanged,
    /// Money that was in suspense found its account.
    SuspenseCleared,
    /// What the rounding of a payment's settlement rows left over found its account.
    RoundingBooked,
    /// The PSP paid a part of our own money to our bank.
    SweepPaid,
    /// Our bank sent a sweep back to the PSP.
    SweepReturned,
    /// Our bank shows a sweep.
    SweepReceived,
    /// Our bank shows what the PSP has settled.
    PspDeposited,
    /// Another entry was a mistake.
    Reversed,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::PaymentCaptured,
        Self::PendingReleased,
        Self::RefundPromised,
        Self::RefundExecuted,
        Self::HoldReserved,
        Self::HoldReleased,
        Self::HoldExpired,
        Self::PayoutSent,
        Self::PayoutArrived,
        Self::PayoutFailed,
        Self::PayoutReturned,
        Self::PspSettled,
        Self::PspExchanged,
        Self::SuspenseCleared,
        Self::RoundingBooked,
        Self::SweepPaid,
        Self::SweepReturned,
        Self::SweepReceived,
        Self::PspDeposited,
        Self::Reversed,
    ];

    /// Whether an entry may be reversed: whatever it did is then taken back with it. Holds, payouts,
    /// sweeps and deposits have a state of their own that a reversal would not move.
    const fn reversible(self) -> Result<(), EntryError> {
        match self {
            Self::PaymentCaptured
            | Self::RefundPromised
            | Self::RefundExecuted
            | Self::PspSettled
            | Self::PspExchanged
            | Self::SuspenseCleared
            | Self::RoundingBooked
            | Self::PendingReleased => Ok(()),
            Self::HoldReserved
            | Self::HoldReleased
            | Self::HoldExpired
            | Self::PayoutSent
            | Self::PayoutArrived
            | Self::PayoutFailed
            | Self::PayoutReturned
            | Self::SweepPaid
            | Self::SweepReturned
            | Self::SweepReceived
            | Self::PspDeposited => Err(EntryError::NotReversible),
            Self::Reversed => Err(EntryError::ReversalOfReversal),
        }
    }

    /// The reason as the books write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentCaptured => "payment_captured",
            Self::PendingReleased => "pending_released",
            Self::RefundPromised => "refund_promised",
            Self::RefundExecuted => "refund_executed",
            Self::HoldReserved => "hold_reserved",
            Self::HoldReleased => "hold_released",
            Self::HoldExpired => "hold_expired",
            Self::PayoutSent => "payout_sent",
            Self::PayoutArrived => "payout_arrived",
            Self::PayoutFailed => "payout_failed",
            Self::PayoutReturned => "payout_returned",
            Self::PspSettled => "psp_settled",
            Self::PspExchanged => "psp_exchanged",
            Self::SuspenseCleared => "suspense_cleared",
            Self::RoundingBooked => "rounding_booked",
            Self::SweepPaid => "sweep_paid",
            Self::SweepReturned => "sweep_returned",
            Self::SweepReceived => "sweep_received",
            Self::PspDeposited => "psp_deposited",
            Self::Reversed => "reversed",
        }
    }

    /// The key of an entry for this reason about something: the one place that knows how a key is made.
    pub fn key(self, reference: impl Display) -> String {
        format!("{}:{reference}", self.as_str())
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// The most characters of an entry's key.
pub const MAX_KEY_CHARS: usize = 200;

/// A movement in the books: a reason, a reference and at least one posting. Append only; a correction is
/// another entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EntryFields", into = "EntryFields")]
pub struct Entry(EntryFields);

/// The parts of an [`Entry`], not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryFields {
    /// The reason and the business reference, `payment_captured:<checkout>`: posting twice is posting once.
    pub key: String,
    /// Why money moved.
    pub reason: Reason,
    /// The checkout it is about, if it is about one.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// The key of the entry that this one takes back.
    #[serde(default)]
    pub reverses: Option<String>,
    /// When it happened, which is not when it was booked.
    pub occurred_at: Timestamp,
    /// What moved; never empty, all of one currency.
    pub postings: Vec<Posting>,
}

impl Entry {
    /// Checks the parts.
    pub fn try_new(fields: EntryFields) -> Result<Self, EntryError> {
        if !(1..=MAX_KEY_CHARS).contains(&fields.key.len()) || !fields.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EntryError::Key);
        }
        let first = fields.postings.first().ok_or(EntryError::NoPostings)?;
        if fields.postings.len() > MAX_POSTINGS {
            return Err(EntryError::TooManyPostings);
        }
        let currency = first.fields().amount.currency();
        if fields.postings.iter().any(|posting| posting.fields().amount.currency() != currency) {
            return Err(EntryError::MixedCurrencies);
        }
        let mut sum = Money::zero(currency);
        for posting in &fields.postings {
            sum = sum.plus(posting.fields().amount).map_err(|_| EntryError::TooLarge)?;
        }
        Ok(Self(fields))
    }

    /// Its parts.
    pub const fn fields(&self) -> &EntryFields {
        &self.0
    }

    /// The currency of all its postings.
    pub fn currency(&self) -> Currency {
        self.0.postings.first().map_or(Currency::Krw, |posting| posting.fields().amount.currency())
    }
}

impl TryFrom<EntryFields> for Entry {
    type Error = EntryError;

    fn try_from(fields: EntryFields) -> Result<Self, EntryError> {
        Self::try_new(fields)
    }
}

impl From<Entry> for EntryFields {
    fn from(entry: Entry) -> Self {
        entry.0
    }
}
