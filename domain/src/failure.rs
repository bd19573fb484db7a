//! Why something came to nothing: a code, and a sentence.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Why an attempt ended without money, or a step came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub code: FailureCode,
    /// A sentence for the buyer.
    pub message: String,
    /// Whether the same checkout takes another payment of the buyer's.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub retryable: bool,
    /// Until when the same way of paying will not succeed, where the PSP lets us know: its bank is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

impl Failure {
    /// A failure that ends the checkout, unless the caller decides otherwise.
    pub fn new(code: impl Into<FailureCode>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false, retry_at: None }
    }

    /// The same, after which the buyer may try again on the same checkout.
    #[must_use]
    pub fn and_retry(self) -> Self {
        Self { retryable: true, ..self }
    }
}

/// The code of a failure: one of ours, or the PSP's. On the wire and in the database both are text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FailureCode {
    /// Decided by us.
    Ours(OurCode),
    /// Told by the PSP, in its words. A code that an older version of ours wrote and this one does not know is read as
    /// this, too.
    Psp(String),
}

impl FailureCode {
    /// The code as the API, the database and histories hold it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ours(code) => code.as_str(),
            Self::Psp(code) => code,
        }
    }
}

impl From<OurCode> for FailureCode {
    fn from(code: OurCode) -> Self {
        Self::Ours(code)
    }
}

impl From<String> for FailureCode {
    fn from(text: String) -> Self {
        OurCode::parse(&text).map_or(Self::Psp(text), Self::Ours)
    }
}

impl From<&str> for FailureCode {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<FailureCode> for String {
    fn from(code: FailureCode) -> Self {
        match code {
            FailureCode::Ours(code) => code.as_str().to_owned(),
            FailureCode::Psp(code) => code,
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! our_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// A code of ours. The texts are permanent: they stand in rows and histories.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum OurCode {
            $($(#[$doc])* $name,)+
        }

        impl OurCode {
            /// Every code of ours.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as the API, the database and histories hold it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

our_codes! {
    /// Somebody canceled the checkout.
    Canceled = "canceled";
    /// The PSP captured, or gave back, another amount.
    PspAmountMismatch = "psp_amount_mismatch";
    /// The time to pay into the virtual account ran out.
    DepositExpired = "deposit_expired";
    /// The buyer finished the payment window, and nobody confirmed the payment.
    UnconfirmedPayment = "unconfirmed_payment";
    /// The payment was canceled at the PSP.
    ReturnedAtPsp = "returned_at_psp";
    /// The PSP rejects our API key or our settings.
    PspAccessDenied = "psp_access_denied";
    /// Nobody could tell whether the charge was captured.
    OutcomeUnknown = "outcome_unknown";
    /// A deposit was awaited beyond every due date.
    DepositUnresolved = "deposit_unresolved";
    /// The PSP refuses to give a payment back that must not be held.
    UndoRefused = "undo_refused";
    /// A payment could not be undone in time.
    UndoUnfinished = "undo_unfinished";
    /// The bank took back a deposit that the books cannot take back.
    DepositTakenBack = "deposit_taken_back";
    /// An operator declared that no payment took place.
    ResolvedByOperator = "resolved_by_operator";
    /// The saved card was deleted before it was charged.
    SavedCardDeleted = "saved_card_deleted";
    /// The payment waits for a review of its risk.
    RiskReview = "risk_review";
    /// The payment was denied because of its risk.
    RiskDenied = "risk_denied";
    /// The payment was not reviewed in time.
    ReviewExpired = "review_expired";
    /// The request did not leave us.
    NotSent = "not_sent";
    /// The PSP gave the same amount back without our mark.
    RefundLookalike = "refund_lookalike";
    /// The payment was canceled at the PSP, and not by this refund.
    CanceledAtPsp = "canceled_at_psp";
    /// Less is left of the payment at the PSP than was to be refunded.
    PspBalanceTooSmall = "psp_balance_too_small";
    /// Nobody could tell whether the refund took effect.
    RefundUnresolved = "refund_unresolved";
    /// An operator declared that the refund did not take place.
    ResolvedNotRefunded = "resolved_not_refunded";
    /// More is asked back than is left.
    RefundExceedsPayment = "refund_exceeds_payment";
    /// All of the payment was given back or promised already.
    NothingLeftToRefund = "nothing_left_to_refund";
    /// The books do not allow this refund.
    NotRefundable = "not_refundable";
    /// Nobody could tell whether payouts were made.
    PayoutUnresolved = "payout_unresolved";
    /// A principal took the payout back, or its run.
    PayoutWithdrawn = "payout_withdrawn";
    /// The seller or the account changed after the freeze.
    PayoutSellerChanged = "payout_seller_changed";
    /// The PSP lists a payout that we never asked for, so nothing is sent.
    PayoutsStopped = "payouts_stopped";
    /// A payout came back after it had arrived.
    PayoutReturned = "payout_returned";
    /// Our bank did not carry a transfer out, by the word of two principals.
    PayoutRefusedByBank = "payout_refused_by_bank";
    /// What is our own at the PSP is less than the sweep by now.
    SweepTooLarge = "sweep_too_large";
    /// A write did not succeed, for a reason without a code of its own.
    WriteFailed = "write_failed";
    /// The database failed.
    StoreDatabase = "store.database";
    /// A row contradicts itself.
    StoreCorrupt = "store.corrupt";
    /// Another change was written under the same number.
    StoreOutOfStep = "store.out_of_step";
    /// The books refuse the write.
    StoreRefused = "store.refused";
    /// The store is shutting down.
    StoreStopped = "store.stopped";
    /// An amount is beyond what a column holds.
    StoreAmount = "store.amount";
    /// The clock of the process is off.
    StoreClockOff = "store.clock_off";
    /// A change of the schema waited too long for a lock.
    StoreLocked = "store.locked";
}

impl OurCode {
    /// The code written as [`Self::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}
