//! What the payment window is asked for besides the amount: escrow and the cash receipt that is chosen; and what was
//! bought.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, checkout},
};

on_both_databases!(escrow_and_the_chosen_receipt_come_back_and_what_cannot_be_is_refused);

/// The fields that a refusal names.
async fn refused(shop: &Shop, key: &str, body: &Value) -> Vec<String> {
    let answer = shop.post(key, body).await;
    assert_eq!(answer.status().as_u16(), 422, "{body}");
    let answer: Value = answer.json().await.unwrap();
    answer["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

async fn escrow_and_the_chosen_receipt_come_back_and_what_cannot_be_is_refused(database: Kind) {
    let roles = Roles::start_with(database, &["--payment-methods", "card,transfer"]).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;

    // An account pays no less than 200 won.
    let mut little = checkout("too-little");
    little["payment_orders"] = json!([{ "seller_account": "seller-a", "amount": "199", "currency": "KRW" }]);
    little["use_escrow"] = json!(true);
    assert_eq!(refused(shop, "too-little", &little).await, ["use_escrow"]);
    let mut unknown = checkout("unknown");
    unknown["cash_receipt_for"] = json!("SOMETHING");
    unknown["payment_orders"][0]["name"] = json!("");
    assert_eq!(refused(shop, "unknown", &unknown).await, ["payment_orders[0].name", "cash_receipt_for"]);

    let mut body = checkout("protected");
    body["use_escrow"] = json!(true);
    body["cash_receipt_for"] = json!("EXPENSE_PROOF");
    body["payment_orders"][0]["name"] = json!("토스 티셔츠");
    shop.create_with("protected", &body).await;
    let payment = shop.get("/v1/payments/protected").await;
    assert_eq!([&payment["use_escrow"], &payment["cash_receipt_for"]], [&json!(true), &json!("EXPENSE_PROOF")]);
    assert_eq!(payment["payment_orders"][0]["name"], "토스 티셔츠");
    assert!(payment["payment_orders"][1].get("name").is_none(), "{payment}");
    // A checkout without a word about it is as it was.
    shop.create("usual-1").await;
    let usual = shop.get("/v1/payments/usual-1").await;
    assert_eq!(usual["use_escrow"], false);
    assert!(usual.get("cash_receipt_for").is_none(), "{usual}");
}
