//! The life of a checkout: what a buyer is asked to pay, and every status on the way.

mod change;

use core::fmt;

pub use change::{Change, DepositReturn, DepositSeen, NewCheckout, Payment, SeenDuring, State, Withdrawn};
use serde::{Deserialize, Serialize};

pub use crate::plan::{
    MAX_METADATA_BYTES, MAX_ORDER_NAME_CHARS, MAX_ORDERS, MAX_TOTAL_MINOR, MAX_URL_BYTES, Order, Plan, PlanError,
    PlanFields, WindowTerms, is_return_address,
};
use crate::{
    Money,
    id::{CheckoutId, PaymentKey},
};

/// The most payment keys that one checkout tries and the PSP does not know as its own. Each costs about a dozen
/// history events; after the last one the checkout takes no payment any more and expires.
pub const MAX_REJECTED_KEYS: u32 = 500;
/// The most payments of one checkout that may be declined. Each costs about a dozen history events; after the last
/// one the checkout takes no payment any more.
pub const MAX_DECLINES: u32 = 20;
/// How long a checkout takes no other payment key after one was rejected, in milliseconds.
pub const REJECTION_PAUSE_MS: u64 = 1_000;

/// Where a checkout, or one of its payment orders, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Recorded; the buyer has not paid yet.
    NotStarted,
    /// The PSP is being asked to capture the money.
    Executing,
    /// The PSP was asked and the outcome is not known yet; it is being found out.
    Unknown,
    /// A virtual account was issued; the buyer has to pay into it.
    WaitingForDeposit,
    /// Paid.
    Success,
    /// Not paid, and no money is held.
    Failed,
    /// The time to pay ran out before the buyer paid.
    Expired,
    /// Given up before the buyer paid.
    Canceled,
    /// Paid, and a part of it given back.
    PartiallyRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// A person is needed; the workflow is open and can be resumed.
    Stuck,
}

/// What happened to a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The buyer came back from the payment window with a payment to confirm.
    ConfirmRequested,
    /// The PSP's answer was lost or does not tell what happened.
    OutcomeUnknown,
    /// The PSP issued a virtual account.
    DepositAwaited,
    /// The PSP holds the money for us.
    Paid,
    /// The bank took the deposit back: the virtual account waits again.
    DepositTakenBack,
    /// The attempt ended and no money is held.
    Declined,
    /// The time to pay ran out.
    DeadlinePassed,
    /// Given up before payment.
    Canceled,
    /// A part was given back.
    PartRefunded,
    /// The last part was given back.
    Refunded,
    /// Nothing more can be done without a person.
    HelpNeeded,
}

/// An event that cannot happen in a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to a checkout that is {status}")]
pub struct IllegalChange {
    /// Where it stood.
    pub status: Status,
    /// What was said to have happened.
    pub event: Event,
}

impl Status {
    /// Every status there is.
    pub const ALL: [Self; 11] = [
        Self::NotStarted,
        Self::Executing,
        Self::Unknown,
        Self::WaitingForDeposit,
        Self::Success,
        Self::Failed,
        Self::Expired,
        Self::Canceled,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Stuck,
    ];

    /// The status after an event. This is the whole state machine.
    pub const fn after(self, event: Event) -> Result<Self, IllegalChange> {
        use Status::{
            Canceled, Executing, Expired, Failed, NotStarted, PartiallyRefunded, Refunded, Stuck, Success, Unknown,
            WaitingForDeposit,
        };
        let illegal = Err(IllegalChange { status: self, event });
        let next = match event {
            Event::ConfirmRequested => match self {
                // A declined buyer may try again.
                NotStarted | Failed | Stuck => Executing,
                Executing | Unknown | WaitingForDeposit | Success | Expired | Canceled | PartiallyRefunded
                | Refunded => {
                    return illegal;
                }
            },
            Event::OutcomeUnknown => match self {
                Executing | Stuck => Unknown,
                NotStarted | Unknown | WaitingForDeposit | Success | Failed | Expired | Canceled
                | PartiallyRefunded | Refunded => return illegal,
            },
            Event::DepositAwaited => match self {
                Executing | Unknown | Stuck => WaitingForDeposit,
                NotStarted | WaitingForDeposit | Success | Failed | Expired | Canceled | PartiallyRefunded
                | Refunded => return illegal,
            },
            Event::Paid => match self {
                Executing | Unknown | WaitingForDeposit | Stuck => Success,
                NotStarted | Success | Failed | Expired | Canceled | PartiallyRefunded | Refunded => return illegal,
            },
            Event::DepositTakenBack => match self {
                Success | Stuck => WaitingForDeposit,
                NotStarted | Executing | Unknown | WaitingForDeposit | Failed | Expired | Canceled
                | PartiallyRefunded | Refunded => return illegal,
            },
            Event::Declined => match self {
                Executing | Unknown | Stuck => Failed,
                // An account that can no longer be paid into has expired, whatever ended it.
                WaitingForDeposit => Expired,
                NotStarted | Success | Failed | Expired | Canceled | PartiallyRefunded | Refunded => return illegal,
            },
            Event::DeadlinePassed => match self {
                NotStarted | WaitingForDeposit | Stuck => Expired,
                Executing | Unknown | Success | Failed | Expired | Canceled | PartiallyRefunded | Refunded => {
                    return illegal;
                }
            },
            Event::Canceled => match self {
                NotStarted | Stuck => Canceled,
                // It stays what it is, and takes no other payment.
                Failed => Failed,
                Executing | Unknown | WaitingForDeposit | Success | Expired | Canceled | PartiallyRefunded
                | Refunded => {
                    return illegal;
                }
            },
            Event::PartRefunded => match self {
                Success | PartiallyRefunded | Stuck => PartiallyRefunded,
                NotStarted | Executing | Unknown | WaitingForDeposit | Failed | Expired | Canceled | Refunded => {
                    return illegal;
                }
            },
            Event::Refunded => match self {
                Success | PartiallyRefunded | Stuck => Refunded,
                NotStarted | Executing | Unknown | WaitingForDeposit | Failed | Expired | Canceled | Refunded => {
                    return illegal;
                }
            },
            Event::HelpNeeded => match self {
                NotStarted | Executing | Unknown | WaitingForDeposit | Success | Failed | Expired | Canceled
                | PartiallyRefunded | Refunded => Stuck,
                Stuck => return illegal,
            },
        };
        Ok(next)
    }

    /// The phase of a checkout with this status. Every other partition of the statuses rests on this one.
    pub const fn phase(self) -> Phase {
        match self {
            Self::NotStarted => Phase::Open,
            Self::Executing | Self::Unknown => Phase::Moving,
            Self::Stuck => Phase::Held,
            Self::WaitingForDeposit => Phase::Deposit,
            Self::Success | Self::PartiallyRefunded | Self::Refunded => Phase::Paid,
            Self::Failed => Phase::Declined,
            Self::Expired | Self::Canceled => Phase::Closed,
        }
    }

    /// Whether the buyer's money was captured, whether or not it was given back since.
    pub const fn is_payment_done(self) -> bool {
        matches!(self.phase(), Phase::Paid)
    }

    /// The status in the API, the database and the Temporal UI: `NOT_STARTED`, `SUCCESS` …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::Executing => "EXECUTING",
            Self::Unknown => "UNKNOWN",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Canceled => "CANCELED",
            Self::PartiallyRefunded => "PARTIALLY_REFUNDED",
            Self::Refunded => "REFUNDED",
            Self::Stuck => "STUCK",
        }
    }

    /// The status written as [`Status::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What goes on in a checkout: one partition of the statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The buyer has not confirmed a payment yet.
    Open,
    /// The outcome of a payment is being found out.
    Moving,
    /// A person is needed.
    Held,
    /// A virtual account waits for the buyer's deposit.
    Deposit,
    /// The buyer paid, whether or not money was given back since.
    Paid,
    /// A payment was declined; another may follow.
    Declined,
    /// The checkout ended without a payment.
    Closed,
}

impl Phase {
    /// The phase as the buyer's page reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Moving => "moving",
            Self::Held => "held",
            Self::Deposit => "deposit",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Closed => "closed",
        }
    }

    /// Whether the attempt to pay has come to rest: paid, not paid, or waiting for the buyer's deposit.
    pub const fn is_answer(self) -> bool {
        match self {
            Self::Open | Self::Moving | Self::Held => false,
            Self::Deposit | Self::Paid | Self::Declined | Self::Closed => true,
        }
    }

    /// Whether nothing happens to the checkout any more by itself.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Open | Self::Moving | Self::Held | Self::Deposit => false,
            Self::Paid | Self::Declined | Self::Closed => true,
        }
    }

    /// Whether something at the PSP may bring the checkout on: its webhooks are worth a look-up.
    pub const fn follows_psp(self) -> bool {
        match self {
            Self::Moving | Self::Held | Self::Deposit => true,
            Self::Open | Self::Paid | Self::Declined | Self::Closed => false,
        }
    }

    /// Whether a payment is being confirmed that may still come to nothing.
    pub const fn is_confirming(self) -> bool {
        match self {
            Self::Moving | Self::Held => true,
            Self::Open | Self::Deposit | Self::Paid | Self::Declined | Self::Closed => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A buyer's return from the payment window: what the browser says was agreed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// What the PSP calls this attempt.
    pub payment_key: PaymentKey,
    /// The checkout it is said to be for.
    pub checkout_id: CheckoutId,
    /// The amount it is said to be over.
    pub amount: Money,
}

/// What a confirmation does to a checkout that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmable {
    /// It starts the payment.
    Begins,
    /// This very payment has begun already; the answer is the same.
    Joins,
}

/// Why a confirmation is refused. Nothing is sent to the PSP then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmRefusal {
    /// It names another checkout.
    #[error("the payment is for another order than this checkout")]
    OrderMismatch,
    /// It is over another amount.
    #[error("the amount differs from the amount of this checkout")]
    AmountMismatch,
    /// The checkout does not wait for a payment, or waits for another one.
    #[error("this checkout takes no payment any more, or is taking another one")]
    NotConfirmable,
}

/// A checkout that a confirmation meets.
#[derive(Debug, Clone, Copy)]
pub struct Payable<'a> {
    /// The checkout.
    pub checkout_id: &'a CheckoutId,
    /// What the buyer is asked to pay.
    pub total: Money,
    /// The status of the checkout.
    pub status: Status,
    /// The payment that the checkout took last, or has declined of the confirmation's key.
    pub bound_to: Option<&'a PaymentKey>,
    /// Whether a checkout that failed takes another payment.
    pub retryable: bool,
}

impl Payable<'_> {
    /// Decides whether the checkout takes a confirmation. The order of the refusals is part of the API.
    pub fn check(&self, confirmation: &Confirmation) -> Result<Confirmable, ConfirmRefusal> {
        if confirmation.checkout_id != *self.checkout_id {
            return Err(ConfirmRefusal::OrderMismatch);
        }
        if confirmation.amount != self.total {
            return Err(ConfirmRefusal::AmountMismatch);
        }
        match self.bound_to {
            Some(payment_key) if *payment_key == confirmation.payment_key => Ok(Confirmable::Joins),
            None if self.status == Status::NotStarted => Ok(Confirmable::Begins),
            Some(_) | None if self.status == Status::Failed && self.retryable => Ok(Confirmable::Begins),
            Some(_) | None => Err(ConfirmRefusal::NotConfirmable),
        }
    }
}
