//! Examples: one small story, in which the ids are the same throughout.

use serde_json::{Value, json};

/// A checkout over two sellers.
pub(super) fn new_checkout() -> Value {
    json!({
        "checkout_id": "order-2026-1",
        "order_name": "토스 티셔츠 외 2건",
        "buyer_info": { "id": "buyer-1" },
        "payment_orders": [
            { "payment_order_id": "order-2026-1-a", "seller_account": "seller-a", "amount": "15000", "currency": "KRW" },
            { "payment_order_id": "order-2026-1-b", "seller_account": "seller-b", "amount": "8000", "currency": "KRW" }
        ]
    })
}

/// What the success page sends.
pub(super) fn confirmation() -> Value {
    json!({ "payment_key": "tgen_20261121…".replace('…', "0001"), "order_id": "order-2026-1", "amount": "23000" })
}
