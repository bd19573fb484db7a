//! Whether something was booked, and why not.

use std::fmt;

use domain::{
    checkout::Status,
    hold::HoldStatus,
    id::{BreakId, HoldId, PaymentOrderId, RefundId},
    ledger::EntryError,
    reconciliation::{ActRefusal, BreakStatus},
    refund::{RefundStatus, Unrefundable},
    wallet::Overdrawn,
};

/// Whether an entry was booked now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// It was booked.
    Now,
    /// The same entry was booked before; nothing changed.
    Before,
}

/// Why something is not booked. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another entry has this key.
    #[error("another entry is booked under the key {key}")]
    KeyReused { key: String },
    /// It happened on a day that is closed.
    #[error("{key} happened on a day that is closed; date it to an open day")]
    DayClosed {
        /// The key of the entry.
        key: String,
    },
    /// A part of a wallet would fall below zero.
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    /// It makes no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Nothing is booked under this key.
    #[error("nothing is booked under the key {key}")]
    NoSuchEntry { key: String },
    /// It was booked and taken back: ask again under another key.
    #[error("{key} was reversed; ask again under another key")]
    Reversed { key: String },
    /// A status rests on it, which would be untrue without it.
    #[error("{resting} because of {key}; {instead}")]
    StatusRests {
        /// What was to be reversed.
        key: String,
        /// What rests on it.
        resting: Resting,
        /// What is to be done in its place.
        instead: &'static str,
    },
    /// It was taken back before.
    #[error("{key} was reversed before; `daegeum ledger undo {key}` undoes that")]
    ReversedBefore { key: String },
    /// What was seen is not what would happen now.
    #[error(
        "what {key} moved has changed since the preview of this digest; look at `daegeum ledger reverse {key}` again"
    )]
    StalePreview { key: String },
    /// Another reversal of the same entry was asked for first.
    #[error("a reversal of {key} by {by} waits for a second principal; reject it first")]
    ReversalWaits {
        /// What is to be reversed.
        key: String,
        /// The author of the reversal that waits.
        by: String,
    },
    /// Nobody asked for it.
    #[error("no reversal of {key} waits for a second principal; ask for one first")]
    NoReversalWaits { key: String },
    /// One pair of eyes.
    #[error(
        "a second principal has to approve the reversal of {key}, such as an API key of scope finance; all people at \
         the command line count as one principal"
    )]
    ReversalFourEyes { key: String },
    /// There is no reversal by hand that could be undone.
    #[error("no reversal of {key} was approved")]
    NotReversedByHand { key: String },
    /// What was released in its time would be released again at once.
    #[error("the time of order {order} has come: what is taken back would be released again at once")]
    ReleaseDue { order: PaymentOrderId },
    /// No such order was ever paid.
    #[error("no order {order} is paid")]
    NoSuchOrder { order: PaymentOrderId },
    /// More would be given back than was paid, or nothing.
    #[error(transparent)]
    Unrefundable(#[from] Unrefundable),
    /// No such refund was recorded.
    #[error("there is no refund {refund}")]
    NoSuchRefund { refund: RefundId },
    /// The refund has come to another end, or is not promised.
    #[error("refund {refund} is {status}")]
    RefundEnded { refund: RefundId, status: RefundStatus },
    /// No such hold.
    #[error("there is no hold {hold}")]
    NoSuchHold { hold: HoldId },
    /// The hold, or the payout it became, has come to another end.
    #[error("hold {hold} is {status} already")]
    HoldEnded { hold: HoldId, status: HoldStatus },
    /// The rule has booked enough for today.
    #[error("the limit of a day of the rule {rule} is reached")]
    RuleLimit {
        /// The rule.
        rule: &'static str,
    },
    /// No such break.
    #[error("there is no break {break_id}")]
    NoSuchBreak { break_id: BreakId },
    /// Another act was first.
    #[error("the break {break_id} was changed meanwhile; it is at version {version} now")]
    BreakMoved { break_id: BreakId, version: u32 },
    /// The break does not take the act.
    #[error(transparent)]
    Break(#[from] ActRefusal),
}

impl Refusal {
    /// The reason of a refusal that is about a refund's amount.
    pub const fn unrefundable(&self) -> Option<&Unrefundable> {
        if let Self::Unrefundable(reason) = self { Some(reason) } else { None }
    }
}

/// How many principals take an entry back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Principals {
    /// Nobody was asked.
    One,
    /// A second principal approves the preview.
    Two,
}

/// A row whose status an entry brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resting {
    /// A checkout.
    Checkout { id: String, status: Status },
    /// A checkout whose deposit the bank may still take back: its workflow watches.
    WatchedDeposit { id: String },
    /// A break that was resolved with the entry.
    Break { id: String },
    /// A refund.
    Refund { id: String, status: RefundStatus },
}

impl Resting {
    /// Where it stands, as the API says.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Checkout { status, .. } => status.as_str(),
            Self::WatchedDeposit { .. } => Status::Success.as_str(),
            Self::Break { .. } => BreakStatus::Resolved.as_str(),
            Self::Refund { status, .. } => status.as_str(),
        }
    }

    /// What is to be done in place of a reversal; nothing where the status does not need the entry, or where these
    /// principals may do without.
    pub(crate) const fn instead(&self, by: Principals) -> Option<&'static str> {
        match self {
            Self::Checkout { status, .. } => match (status, by) {
                (Status::Success, Principals::Two) => None,
                (Status::Success, Principals::One) | (Status::PartiallyRefunded | Status::Refunded, _) => Some(
                    "to give the buyer's money back, cancel the payment (POST /v1/payments/{id}/cancel); what Toss and \
                     the books say otherwise, `daegeum reconcile` names",
                ),
                (Status::NotStarted | Status::Executing | Status::Unknown | Status::WaitingForDeposit, _) => {
                    Some("its workflow is under way and books what comes of it")
                }
                (Status::Stuck, _) => {
                    Some("act on its dead letter (`daegeum dead-letters list`): its workflow books what comes of it")
                }
                (Status::Failed | Status::Expired | Status::Canceled, _) => None,
            },
            Self::WatchedDeposit { .. } => Some("its workflow books it where the bank takes the deposit back"),
            Self::Break { .. } => Some("undo the resolution (`daegeum breaks undo`), which takes the entry back"),
            Self::Refund { status, .. } => match status {
                RefundStatus::Succeeded => Some(
                    "Toss has given the money back; what Toss and the books say otherwise, `daegeum reconcile` names",
                ),
                RefundStatus::Requested | RefundStatus::Executing | RefundStatus::Unknown => {
                    Some("its workflow is under way, and takes the promise back by itself where Toss refuses")
                }
                RefundStatus::Stuck => Some(
                    "on evidence that Toss gave nothing back, run `daegeum dead-letters resolve --outcome \
                     not_refunded`",
                ),
                RefundStatus::Failed => None,
            },
        }
    }
}

impl fmt::Display for Resting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout { id, status } => write!(f, "checkout {id} is {status}"),
            Self::WatchedDeposit { id } => write!(f, "checkout {id} is SUCCESS, and its deposit is watched"),
            Self::Break { id } => write!(f, "break {id} is RESOLVED"),
            Self::Refund { id, status } => write!(f, "refund {id} is {status}"),
        }
    }
}
