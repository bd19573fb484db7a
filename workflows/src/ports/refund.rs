//! What refunds hand through the ports.

pub use domain::refund::{
    NewRefund, PromisedRefund, RefundChange, RefundExecution, RefundFailure, RefundPromise, RefundRecorded,
};
use domain::{
    Money, Timestamp,
    failure::Failure,
    id::{CheckoutId, PaymentKey, RefundId},
    principal::Principal,
    refund::{RefundAccount, RefundScope},
};
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, HasFacts, facts_of};

/// A refund that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// Its id, which is its workflow's too.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What the PSP calls the payment.
    pub payment_key: PaymentKey,
    /// What is wanted back.
    pub wanted: RefundScope,
    /// Why, for the buyer.
    pub reason: String,
    /// Where the money goes, if it came into a virtual account.
    #[serde(default)]
    pub account: Option<RefundAccount>,
    /// The principal that asks.
    #[serde(rename = "api_key_id", with = "domain::principal::bare")]
    pub requested_by: Principal,
    /// SHA-256 of the request in lower-case hex: the same key with another one is a mistake.
    pub fingerprint: String,
    /// Since when a workflow that was lost may have sent it. Such a refund begins with a question to the PSP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_since: Option<Timestamp>,
}

/// What came of promising a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// It is promised.
    Given(PromisedRefund),
    /// It cannot be: nothing was promised.
    Refused(Failure),
}

/// Money for the PSP to give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundCharge {
    /// The refund: it marks the cancellation at the PSP.
    pub refund_id: RefundId,
    /// The checkout that the payment must belong to.
    pub checkout_id: CheckoutId,
    /// What the PSP calls the payment.
    pub payment_key: PaymentKey,
    /// How much.
    pub amount: Money,
    /// What we believe is left of the payment; the PSP does nothing if that is wrong.
    pub held: Money,
    /// The part of the amount without value-added tax; nothing of a payment that is taxed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_free: Option<Money>,
    /// Why, for the buyer's statement.
    pub reason: String,
    /// Where the money goes, if it came into a virtual account.
    #[serde(default)]
    pub account: Option<RefundAccount>,
    /// Makes the request safe to repeat; minted by the workflow.
    pub idempotency_key: String,
}

/// A refund to ask the PSP about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundQuestion {
    /// The refund, whose mark is looked for.
    pub refund_id: RefundId,
    /// The checkout that the payment must belong to.
    pub checkout_id: CheckoutId,
    /// What the PSP calls the payment.
    pub payment_key: PaymentKey,
    /// How much it is over.
    pub amount: Money,
    /// When it was first sent.
    pub first_sent_at: Timestamp,
}

/// What an operator may read of each of them: no account and no reason, which are the buyer's.
macro_rules! faces_by_id {
    ($($name:ident),+) => {
        $(
            impl HasFacts for $name {
                fn facts(&self) -> Facts {
                    facts_of([("refund_id", &self.refund_id), ("checkout_id", &self.checkout_id)])
                }
            }
        )+
    };
}

faces_by_id!(NewRefund, RefundPromise, RefundChange, RefundExecution, RefundFailure);
