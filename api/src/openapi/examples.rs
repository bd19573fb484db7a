//! Examples: one small story, in which the ids are the same throughout.

use serde_json::{Value, json};

/// A checkout over two sellers.
pub(crate) fn new_saved_card() -> Value {
    json!({ "buyer_id": "buyer-1" })
}

pub(crate) fn new_checkout() -> Value {
    json!({
        "checkout_id": "order-2026-1",
        "order_name": "토스 티셔츠 외 2건",
        "buyer_info": { "id": "buyer-1" },
        "payment_orders": [
            {
                "payment_order_id": "order-2026-1-a",
                "seller_account": "seller-a",
                "amount": "15000",
                "currency": "KRW",
            },
            { "payment_order_id": "order-2026-1-b", "seller_account": "seller-b", "amount": "8000", "currency": "KRW" }
        ]
    })
}

/// A part of the paid checkout, given back.
pub(crate) fn cancellation() -> Value {
    json!({ "amount": "5000", "reason": "단순 변심" })
}

/// Why a dead letter is retried or put away.
pub(crate) fn action() -> Value {
    json!({ "reason": "the contract with the payment provider is mended" })
}

/// What an operator has found out at the payment provider's own pages.
pub(crate) fn resolution() -> Value {
    json!({ "reason": "the payment provider's pages show no payment", "outcome": "not_paid" })
}

/// The reconciliation of a day.
pub(crate) fn reconciliation() -> Value {
    json!({ "date": "2026-11-21" })
}

/// A person sees to a break.
pub(crate) fn assignment() -> Value {
    json!({ "to": "mina", "reason": "asks the payment provider" })
}

/// A person says something about a break.
pub(crate) fn comment() -> Value {
    json!({ "text": "the payment provider has a ticket about it" })
}

/// A break is left alone until a day.
pub(crate) fn waiting() -> Value {
    json!({ "until": "2026-12-01", "reason": "the payment provider answers then" })
}

/// A break is resolved by a template.
pub(crate) fn break_resolution() -> Value {
    json!({ "template": "psp_fee", "reason": "the regrade of July" })
}

/// Why an act is undone.
pub(crate) fn undoing() -> Value {
    json!({ "reason": "the wrong break" })
}

/// What retrying would do.
pub(crate) fn bulk_action() -> Value {
    json!({
        "action": "retry",
        "filter": { "step": "psp.confirm" },
        "reason": "the key is the right one again",
        "preview": true,
    })
}

/// A payload that is not sealed comes back as it is.
pub(crate) fn payloads() -> Value {
    json!({ "payloads": [{ "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "InBsYWluIg==" }] })
}

/// In a shell, the variable that all examples use.
pub(crate) fn sign_in() -> Value {
    json!({ "key": "$KEY" })
}

/// What the success page sends.
pub(crate) fn confirmation() -> Value {
    json!({ "payment_key": "tgen_20261121…".replace('…', "0001"), "order_id": "order-2026-1", "amount": "23000" })
}
