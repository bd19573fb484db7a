//! What a workflow that takes the place of a lost one hands through the ports.

use domain::{
    Currency, Timestamp,
    charge::Charge,
    checkout::{Plan, Status},
    commission::BasisPoints,
    failure::Failure,
    id::{CheckoutId, PaymentKey, WorkflowId},
};
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, HasFacts, facts_of};

/// A checkout whose record is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallCheckout {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// The workflow that carries it out.
    pub workflow_id: WorkflowId,
    /// The run that asks. Dead letters of earlier runs have nobody who waits for an answer.
    pub run_id: String,
}

/// What the record says of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecalledCheckout {
    /// Where it stands.
    pub status: Status,
    /// The number of its last change.
    pub revision: u32,
    /// When it expires unless the buyer has paid.
    pub expires_at: Timestamp,
    /// What we keep of each order, in their order.
    pub rates: Vec<BasisPoints>,
    /// The payment that it took last.
    pub payment_key: Option<PaymentKey>,
    /// The payments that were declined.
    pub declined: Vec<PaymentKey>,
    /// Why it went wrong, if it did.
    pub failure: Option<Failure>,
    /// How often a payment of it was booked.
    pub captures: u32,
    /// Whether the last booked payment still stands in the books.
    pub is_booked: bool,
    /// When the PSP captured that payment.
    pub captured_at: Option<Timestamp>,
    /// Whether it is paid into a virtual account.
    pub by_deposit: bool,
    /// Whether what the PSP says of its deposit is written down.
    pub is_watched: bool,
}

/// A checkout whose payment is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindCharge {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// The currency by whose keys the PSP is asked: the checkout's. None in requests of versions that knew one key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_of: Option<Currency>,
}

impl FindCharge {
    /// The question about the payment of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self { checkout_id: plan.checkout_id().clone(), keys_of: Some(plan.total().currency()) }
    }
}

/// A payment that the PSP has of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCharge {
    /// What the PSP calls the buyer's attempt.
    pub payment_key: PaymentKey,
    /// What it says of it.
    pub charge: Charge,
}

impl HasFacts for RecallCheckout {
    fn facts(&self) -> Facts {
        facts_of([("checkout_id", &self.checkout_id)])
    }
}
