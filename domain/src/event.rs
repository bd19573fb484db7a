//! Events: what the world is told, each in the transaction of the fact that it tells of.
//!
//! An event carries the object as it was then, and the object's version: a receiver that knows a later version ignores
//! it. It holds ids, amounts, statuses, codes and times; no personal data and no text that a person wrote.

use alloc::{format, string::String};
use core::fmt;

use sha2::{Digest, Sha256};

use crate::{
    Timestamp,
    checkout::Status,
    dead_letter::LetterStatus,
    payout::{PayoutStatus, RunStatus},
    refund::RefundStatus,
};

/// The most bytes of an event's data, as compact JSON. With what stands around the data an event has fewer than 20,000
/// bytes. Source: Standard Webhooks 1.0, "Payload size".
pub const MAX_DATA_BYTES: usize = 18_000;
/// How many bytes of the hash of a fact stand in the id of its event.
const ID_BYTES: usize = 16;

macro_rules! event_types {
    ($($name:ident = $object:ident $text:literal),+ $(,)?) => {
        /// What an event tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $(
                #[doc = concat!("`", $text, "`")]
                $name
            ),+
        }

        impl EventType {
            /// Every type there is.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// The type as it is written: `checkout.paid`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }

            /// What kind of object it is about.
            pub const fn object(self) -> ObjectType {
                match self {
                    $(Self::$name => ObjectType::$object),+
                }
            }
        }
    };
}

event_types! {
    CheckoutCreated = Checkout "checkout.created",
    CheckoutPaid = Checkout "checkout.paid",
    CheckoutAwaitingDeposit = Checkout "checkout.awaiting_deposit",
    CheckoutFailed = Checkout "checkout.failed",
    CheckoutExpired = Checkout "checkout.expired",
    CheckoutCanceled = Checkout "checkout.canceled",
    CheckoutUnknown = Checkout "checkout.unknown",
    CheckoutStuck = Checkout "checkout.stuck",
    RefundRequested = Refund "refund.requested",
    RefundSucceeded = Refund "refund.succeeded",
    RefundFailed = Refund "refund.failed",
    SellerUpdated = Seller "seller.updated",
    SellerBlocked = Seller "seller.blocked",
    PayoutRunFrozen = PayoutRun "payout_run.frozen",
    PayoutRunApproved = PayoutRun "payout_run.approved",
    PayoutRunRejected = PayoutRun "payout_run.rejected",
    PayoutRunCompleted = PayoutRun "payout_run.completed",
    PayoutRequested = Payout "payout.requested",
    PayoutPaid = Payout "payout.paid",
    PayoutFailed = Payout "payout.failed",
    PayoutReturned = Payout "payout.returned",
    PayoutCanceled = Payout "payout.canceled",
    SettlementBooked = Settlement "settlement.booked",
    ReconciliationCompleted = Reconciliation "reconciliation.completed",
    BreakOpened = Break "break.opened",
    BreakResolved = Break "break.resolved",
    BreakEscalated = Break "break.escalated",
    DeadLetterOpened = DeadLetter "dead_letter.opened",
    DeadLetterResolved = DeadLetter "dead_letter.resolved",
    WebhookEndpointDisabled = WebhookEndpoint "webhook_endpoint.disabled",
    SavedCardRegistered = SavedCard "saved_card.registered",
    SavedCardDeleted = SavedCard "saved_card.deleted",
}

impl EventType {
    /// Reads a type as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event_type| event_type.as_str() == text)
    }

    /// What a checkout's change to a status tells; nothing where the status is a step on the way, or where the event of
    /// the refund tells it.
    pub const fn of_checkout(status: Status) -> Option<Self> {
        match status {
            Status::NotStarted => Some(Self::CheckoutCreated),
            Status::Unknown => Some(Self::CheckoutUnknown),
            Status::WaitingForDeposit => Some(Self::CheckoutAwaitingDeposit),
            Status::Success => Some(Self::CheckoutPaid),
            Status::Failed => Some(Self::CheckoutFailed),
            Status::Expired => Some(Self::CheckoutExpired),
            Status::Canceled => Some(Self::CheckoutCanceled),
            Status::Stuck => Some(Self::CheckoutStuck),
            Status::Executing | Status::PartiallyRefunded | Status::Refunded => None,
        }
    }

    /// What a refund's change to a status tells; nothing where the status is a step on the way.
    pub const fn of_refund(status: RefundStatus) -> Option<Self> {
        match status {
            RefundStatus::Requested => Some(Self::RefundRequested),
            RefundStatus::Succeeded => Some(Self::RefundSucceeded),
            RefundStatus::Failed => Some(Self::RefundFailed),
            RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => None,
        }
    }

    /// What a run's change to a status tells; nothing where the status is a step on the way.
    pub const fn of_payout_run(status: RunStatus) -> Option<Self> {
        match status {
            RunStatus::Frozen => Some(Self::PayoutRunFrozen),
            RunStatus::Approved => Some(Self::PayoutRunApproved),
            RunStatus::Rejected => Some(Self::PayoutRunRejected),
            RunStatus::Completed => Some(Self::PayoutRunCompleted),
            RunStatus::Sending | RunStatus::Canceled => None,
        }
    }

    /// What a payout's change from one status to another tells; nothing where it is a step on the way.
    pub const fn of_payout(before: PayoutStatus, after: PayoutStatus) -> Option<Self> {
        match after {
            PayoutStatus::InProgress if matches!(before, PayoutStatus::Requested) => None,
            PayoutStatus::Requested | PayoutStatus::InProgress => Some(Self::PayoutRequested),
            PayoutStatus::Paid => Some(Self::PayoutPaid),
            PayoutStatus::Failed => Some(Self::PayoutFailed),
            PayoutStatus::Returned => Some(Self::PayoutReturned),
            PayoutStatus::Canceled => Some(Self::PayoutCanceled),
            PayoutStatus::Frozen
            | PayoutStatus::Approved
            | PayoutStatus::Sending
            | PayoutStatus::Unknown
            | PayoutStatus::Stuck => None,
        }
    }

    /// What a dead letter's change to a status tells; nothing where the letter waits for its workflow.
    pub const fn of_letter(status: LetterStatus) -> Option<Self> {
        match status {
            LetterStatus::Open => Some(Self::DeadLetterOpened),
            LetterStatus::Resolved | LetterStatus::Discarded | LetterStatus::Closed => Some(Self::DeadLetterResolved),
            LetterStatus::Retrying => None,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of object an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectType {
    /// A checkout; its version is the number of its change.
    Checkout,
    /// A refund: version 0 as it was asked for, 1 as it ended.
    Refund,
    /// A seller.
    Seller,
    /// A payout run.
    PayoutRun,
    /// A payout.
    Payout,
    /// A settlement of the PSP.
    Settlement,
    /// A reconciliation.
    Reconciliation,
    /// A break of a reconciliation.
    Break,
    /// A dead letter: version 0 as it was opened, 1 as it ended.
    DeadLetter,
    /// A webhook endpoint.
    WebhookEndpoint,
    /// A saved card: version 0 as it was registered, 1 as it was deleted.
    SavedCard,
}

impl ObjectType {
    /// The kind as it is written: `payout_run`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Refund => "refund",
            Self::Seller => "seller",
            Self::PayoutRun => "payout_run",
            Self::Payout => "payout",
            Self::Settlement => "settlement",
            Self::Reconciliation => "reconciliation",
            Self::Break => "break",
            Self::DeadLetter => "dead_letter",
            Self::WebhookEndpoint => "webhook_endpoint",
            Self::SavedCard => "saved_card",
        }
    }
}

/// The version of an object whose events are its beginning and its end: at the beginning.
pub const BEGAN: u32 = 0;
/// The version of an object whose events are its beginning and its end: at the end.
pub const ENDED: u32 = 1;

/// A fact to append to the log. Type, object and version are its key: the same fact stands in the log once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it tells.
    pub event_type: EventType,
    /// The object that it is about; the type says of which kind.
    pub object_id: String,
    /// The object's version. A later event of the object has a higher version.
    pub version: u32,
    /// When the fact happened.
    pub occurred_at: Timestamp,
    /// The object as it was then.
    pub data: EventData,
}

impl Event {
    /// The id of the event: the same for the same fact, in every copy of the log. A receiver knows a repetition by it.
    pub fn id(&self) -> String {
        id(self.event_type, &self.object_id, self.version)
    }
}

/// The id of the event of a fact: `evt_` and 32 hexadecimal digits.
pub fn id(event_type: EventType, object_id: &str, version: u32) -> String {
    let hash = Sha256::digest(format!("{event_type}\n{object_id}\n{version}"));
    let mut id = String::from("evt_");
    for byte in hash.iter().take(ID_BYTES) {
        id += &format!("{byte:02x}");
    }
    id
}

/// An object as compact JSON of at most [`MAX_DATA_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventData(String);

/// Data of more than [`MAX_DATA_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data of an event takes at most {MAX_DATA_BYTES} bytes, not {bytes}")]
pub struct DataTooLarge {
    /// How many bytes it would take.
    pub bytes: usize,
}

impl EventData {
    /// Takes the JSON of an object, unless it is too large.
    pub fn try_new(json: String) -> Result<Self, DataTooLarge> {
        if json.len() > MAX_DATA_BYTES { Err(DataTooLarge { bytes: json.len() }) } else { Ok(Self(json)) }
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
