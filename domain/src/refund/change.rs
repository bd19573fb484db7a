//! The changes of a refund: one struct each, from the workflow that decides the change to the row that keeps it.
//!
//! Each struct stands in workflow histories: a field may be added with a default, and none is renamed or removed.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{Executed, Part, RefundScope, RefundStatus};
use crate::{
    Money, Timestamp,
    checkout::{Event, IllegalChange, State, Status},
    failure::Failure,
    id::{CheckoutId, PaymentOrderId, RefundId},
    principal::Principal,
};

/// A refund to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRefund {
    /// Its id, which is its workflow's too.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What is wanted back.
    pub wanted: RefundScope,
    /// Why, for the buyer.
    pub reason: String,
    /// The principal that asks.
    #[serde(rename = "api_key_id", with = "crate::principal::bare")]
    pub requested_by: Principal,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Whether a refund's record is of this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundRecorded {
    /// The record is of this request.
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
    pub wanted: RefundScope,
    /// When it was promised.
    pub promised_at: Timestamp,
}

/// A refund that is promised in the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromisedRefund {
    /// What goes back of which order.
    pub parts: Vec<Part>,
    /// The sum of the parts.
    pub amount: Money,
    /// What the PSP holds of the payment by our books, this refund included.
    pub held: Money,
    /// The part of the amount without value-added tax; nothing of a payment that is taxed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_free: Option<Money>,
}

/// A change of a refund that moves no money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundChange {
    /// The refund.
    pub refund_id: RefundId,
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// The status of the refund after this change.
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

/// A payment order, and how much of it the PSP gave back so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenBack {
    /// The order.
    pub order: PaymentOrderId,
    /// What the buyer paid for it.
    pub paid: Money,
    /// What the refunds before gave back of it.
    pub given_back: Money,
}

/// The state of a checkout after a refund, and of the orders that the refund is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AfterRefund {
    /// The state of the checkout.
    pub state: State,
    /// The status of each order of the refund.
    pub orders: Vec<OrderAfter>,
}

/// The status of a payment order after a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAfter {
    /// The order.
    pub order: PaymentOrderId,
    /// The status.
    pub status: Status,
}

/// What an executed refund of `parts` makes of a checkout in the state `before` with these orders, all of them.
pub fn after_execution(before: State, orders: &[GivenBack], parts: &[Part]) -> Result<AfterRefund, IllegalChange> {
    let part_of = |order: &GivenBack| parts.iter().find(|part| part.order == order.order);
    let is_gone = |order: &GivenBack| {
        let now = part_of(order).map_or(0, |part| part.amount.minor());
        order.given_back.minor().saturating_add(now) >= order.paid.minor()
    };
    let event = if orders.iter().all(is_gone) { Event::Refunded } else { Event::PartRefunded };
    let after = |order: &GivenBack| OrderAfter {
        order: order.order.clone(),
        status: if is_gone(order) { Status::Refunded } else { Status::PartiallyRefunded },
    };
    let orders = orders.iter().filter(|order| part_of(order).is_some()).map(after).collect();
    Ok(AfterRefund { state: before.after(event)?, orders })
}
