//! The changes of a checkout: one struct each, from the workflow that decides the change to the row that keeps it.
//!
//! Each struct stands in workflow histories: a field may be added with a default, and none is renamed or removed.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{Event, IllegalChange, Plan, Status};
use crate::{
    Timestamp,
    charge::{ReceiptNumbers, VirtualAccount},
    failure::Failure,
    id::{ApiKeyId, CheckoutId, PaymentKey, SavedCardId, WorkflowId},
    ledger::Entry,
};

/// A new checkout to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCheckout {
    /// The workflow that carries the checkout out. It is the key of the recording.
    pub workflow_id: WorkflowId,
    /// The API key that created the checkout.
    pub api_key_id: ApiKeyId,
    /// SHA-256 of the request's body in lower-case hex: the same key with another body is a mistake.
    pub fingerprint: String,
    /// What the buyer is asked to pay.
    pub plan: Plan,
    /// When the checkout was created.
    pub created_at: Timestamp,
    /// When the checkout expires unless the buyer has paid.
    pub expires_at: Timestamp,
    /// The saved card that is charged, where it is paid by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_card: Option<SavedCardId>,
}

impl NewCheckout {
    /// The first change of every checkout: the recording itself.
    pub fn recording(&self) -> Change {
        Change::new(self.plan.checkout_id().clone(), State::RECORDED, self.created_at)
    }
}

/// The status of a checkout, and the number of the change that brought it about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The number of the change, from 0.
    pub revision: u32,
    /// The status since that change.
    pub status: Status,
}

impl State {
    /// The state of a checkout that was just recorded.
    pub const RECORDED: Self = Self { revision: 0, status: Status::NotStarted };

    /// The state after an event.
    pub const fn after(self, event: Event) -> Result<Self, IllegalChange> {
        match self.status.after(event) {
            Ok(status) => Ok(Self { revision: self.revision + 1, status }),
            Err(illegal) => Err(illegal),
        }
    }
}

/// A change of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// The number of this change, from 1; number 0 is the recording. Each number is written once.
    pub revision: u32,
    /// The status of the checkout, and of each of its orders, after this change.
    pub status: Status,
    /// When the change happened.
    pub occurred_at: Timestamp,
    /// The PSP's key of the buyer's attempt, where this change begins or ends the attempt.
    #[serde(default)]
    pub payment_key: Option<PaymentKey>,
    /// Why, where it went wrong.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// The account that the buyer pays into, where this change begins the wait for the deposit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_account: Option<VirtualAccount>,
}

impl Change {
    /// A change that brings nothing but its state.
    pub const fn new(checkout_id: CheckoutId, state: State, occurred_at: Timestamp) -> Self {
        Self {
            checkout_id,
            revision: state.revision,
            status: state.status,
            occurred_at,
            payment_key: None,
            failure: None,
            virtual_account: None,
        }
    }

    /// The state after this change.
    pub const fn state(&self) -> State {
        State { revision: self.revision, status: self.status }
    }
}

/// A change of a checkout that books a captured payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The change that began the attempt, where that is not written yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Change>,
    /// The change.
    pub change: Change,
    /// The money that moved.
    pub entry: Entry,
    /// How the buyer paid, in the PSP's words.
    #[serde(default)]
    pub method: Option<String>,
    /// The buyer's receipt.
    #[serde(default)]
    pub receipt_url: Option<String>,
    /// What stands on the buyer's receipts.
    #[serde(default, skip_serializing_if = "ReceiptNumbers::is_empty")]
    pub receipt_numbers: ReceiptNumbers,
    /// When the buyer confirmed; none for a deposit, which comes when it comes.
    #[serde(default)]
    pub confirmed_at: Option<Timestamp>,
    /// Whether the money is a deposit that is watched: its earnings are released only while a [`DepositSeen`] is fresh.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub is_watched: bool,
}

/// A booked deposit that the PSP says it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositSeen {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// When the PSP said so.
    pub seen_at: Timestamp,
    /// Whether the deposit is watched on.
    pub watch: SeenDuring,
}

/// When in a watch the PSP said that it holds the deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenDuring {
    /// The deposit is watched on.
    Watch,
    /// The watch has ended: the bank takes the deposit back no more.
    End,
}

/// A change of a checkout whose booked deposit the bank took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositReturn {
    /// The change.
    pub change: Change,
    /// The key of the entry that booked the deposit.
    pub key: String,
}

/// Whether a captured payment may be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawn {
    /// The payment is not booked, and cannot be booked without another change.
    Done,
    /// The payment is booked.
    Paid,
}
