//! What refunds hand through the ports.

use domain::{
    Money, Timestamp,
    charge::Failure,
    id::{ApiKeyId, CheckoutId, PaymentKey, RefundId},
    refund::{Executed, Part, RefundAccount, RefundStatus, Wanted},
};
use serde::{Deserialize, Serialize};

use crate::operator::{Facing, Facts, facts_of};

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
    pub wanted: Wanted,
    /// Why, for the buyer.
    pub reason: String,
    /// Where the money goes, if it came into a virtual account.
    #[serde(default)]
    pub account: Option<RefundAccount>,
    /// The API key that asks.
    pub api_key_id: ApiKeyId,
    /// SHA-256 of the request in lower-case hex: the same key with another one is a mistake.
    pub fingerprint: String,
}

/// A refund to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRefund {
    /// Its id.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What is wanted back.
    pub wanted: Wanted,
    /// Why, for the buyer.
    pub reason: String,
    /// The API key that asks.
    pub api_key_id: ApiKeyId,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Whether a refund's record is of this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundRecorded {
    /// It is.
    Ours,
    /// Another request came under the same id before.
    Others,
}

/// A recorded refund to promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPromise {
    /// The refund.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What is wanted back.
    pub wanted: Wanted,
    /// When it was promised.
    pub promised_at: Timestamp,
}

/// What came of promising a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// It is promised.
    Given {
        /// What goes back of which order.
        parts: Vec<Part>,
        /// All of it.
        amount: Money,
        /// What the PSP holds of the payment by our books, this refund included.
        held: Money,
    },
    /// It cannot be: nothing was promised.
    Refused(Failure),
}

/// A refund's next status, without money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundChange {
    /// The refund.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// Where it stands from now on.
    pub status: RefundStatus,
    /// Why, where it went wrong.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// A refund that the PSP carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundExecution {
    /// The refund.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What the PSP gave back.
    pub executed: Executed,
    /// When we learned of it.
    pub learned_at: Timestamp,
}

/// A refund that does not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundFailure {
    /// The refund.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// Why.
    pub failure: Failure,
    /// When we learned of it.
    pub failed_at: Timestamp,
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
            impl Facing for $name {
                fn facts(&self) -> Facts {
                    facts_of([("refund_id", &self.refund_id), ("checkout_id", &self.checkout_id)])
                }
            }
        )+
    };
}

faces_by_id!(NewRefund, RefundPromise, RefundChange, RefundExecution, RefundFailure);
