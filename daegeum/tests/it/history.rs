//! The history of a checkout: how much, by which method, and by whom, as far as the rows know it.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(a_history_says_how_much_by_which_method_and_by_whom);

/// How often Toss refuses our key before an operator is asked.
const QUESTIONS: u32 = 3;

/// Of each line: status, amount, method, actor.
async fn lines(shop: &Shop, id: &str) -> Vec<Value> {
    let history = shop.get(&format!("/v1/payments/{id}/history")).await;
    let lines = history["history"].as_array().unwrap().iter();
    lines
        .map(|line| {
            assert_eq!(line["currency"], "KRW", "{line}");
            json!([line["status"], line["amount"], line["method"], line["actor"]])
        })
        .collect()
}

async fn a_history_says_how_much_by_which_method_and_by_whom(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let actor = |key: &str| json!(format!("api_key:{}", service::api_key::SecretKey::parse(key).unwrap().0));
    let own = actor(&shop.api_key);
    let created = json!(["NOT_STARTED", "23000", null, own]);
    let executing = json!(["EXECUTING", "23000", null, null]);

    shop.create("history-paid").await;
    let key = shop.authorize("history-paid").await;
    assert_eq!(shop.confirm("history-paid", &key, "23000").await.0, 200);
    let other = Shop { api_key: roles.create_key("refund"), ..shop.clone() };
    let part = json!({ "amount": "5000", "reason": "단순 변심" });
    assert_eq!(other.cancel("history-paid", "part", &part).await.status, 200);
    assert_eq!(shop.delete("history-paid").await.status, 200);
    let told = lines(shop, "history-paid").await;
    assert_eq!(
        told,
        [
            created.clone(),
            executing.clone(),
            json!(["SUCCESS", "23000", "카드", "psp"]),
            json!(["PARTIALLY_REFUNDED", "5000", "카드", actor(&other.api_key)]),
            json!(["REFUNDED", "18000", "카드", own]),
        ]
    );

    shop.create("history-declined").await;
    let key = shop.authorize("history-declined").await;
    let decline = json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT",
        "orderId": "history-declined" });
    shop.simulate("mischief", &decline).await;
    assert_eq!(shop.confirm("history-declined", &key, "23000").await.0, 402);
    let told = lines(shop, "history-declined").await;
    assert_eq!(told, [created.clone(), executing, json!(["FAILED", "23000", null, "psp"])]);

    shop.create("history-given-up").await;
    assert_eq!(shop.delete("history-given-up").await.status, 200);
    let told = lines(shop, "history-given-up").await;
    assert_eq!(told, [created, json!(["CANCELED", "23000", null, null])], "only the workflow knows who asked");

    let id = "history-resolved";
    shop.create(id).await;
    // Toss knows no payment of an invented key.
    shop.lock_out(id, QUESTIONS).await;
    assert_eq!(shop.confirm(id, "invented-key", "23000").await.0, 202);
    until("it is stuck", || async { shop.status(id).await == "STUCK" }).await;
    let letter = shop.letter_of(id).await;
    let resolve = json!({ "reason": "Toss says so", "outcome": "not_paid" });
    let (status, body) = shop.act(&letter, "resolve", &resolve).await;
    assert_eq!(status, 200, "{body}");
    until("it is resolved", || async { shop.status(id).await == "FAILED" }).await;
    let told = lines(shop, id).await;
    assert_eq!(
        told[told.len() - 2..],
        [json!(["STUCK", "23000", null, "daegeum"]), json!(["FAILED", "23000", null, own]),]
    );
}
