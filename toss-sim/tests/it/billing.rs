//! Billing keys, with the strictness and the laxity measured on the real test server.

use reqwest::Method;
use serde_json::{Value, json};
use toss_sim::Options;

use crate::support::{Answer, Simulator, send, start, start_with};
use crate::webhooks::Shop;

fn card(number: &str, customer_key: &str) -> Value {
    json!({
        "customerKey": customer_key, "cardNumber": number, "cardExpirationYear": "30", "cardExpirationMonth": "12",
        "customerIdentityNumber": "900101",
    })
}

async fn issue(sim: &Simulator, body: &Value) -> Answer {
    send(sim.toss(Method::POST, "/v1/billing/authorizations/card").json(body)).await
}

async fn issued(sim: &Simulator, number: &str) -> String {
    issue(sim, &card(number, "customer-1")).await.json["billingKey"].as_str().unwrap().to_owned()
}

async fn charge(sim: &Simulator, key: &str, customer_key: &str, order_id: &str) -> Answer {
    let body = json!({ "amount": "4900", "customerKey": customer_key, "orderId": order_id, "orderName": "구독" });
    send(sim.toss(Method::POST, &format!("/v1/billing/{key}")).json(&body)).await
}

#[tokio::test]
async fn a_key_is_charged_without_a_webhook_until_it_is_deleted_with_one() {
    let mut shop = Shop::open().await;
    let sim = start_with(Options { webhook_urls: vec![shop.url.clone()], ..Options::default() }).await;
    let key = issued(&sim, "9410001234567890").await;
    let paid = charge(&sim, &key, "customer-1", "order-0001").await;
    assert_eq!((paid.status, &paid.json["type"], &paid.json["status"]), (200, &json!("BILLING"), &json!("DONE")));
    assert!(paid.json["secret"].is_string());
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 4_900);
    assert_eq!(charge(&sim, &key, "customer-1", "order-0001").await.refusal(), (400, "DUPLICATED_ORDER_ID"));
    assert_eq!(charge(&sim, &key, "customer-2", "order-0002").await.refusal(), (400, "NOT_MATCHES_CUSTOMER_KEY"));
    // A `=` in the path may be encoded or not.
    let deleted = send(sim.toss(Method::DELETE, &format!("/v1/billing/{}", key.replace('=', "%3D")))).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, ""));
    assert_eq!(charge(&sim, &key, "customer-1", "order-0003").await.refusal(), (400, "ALREADY_REMOVED_BILLING_KEY"));
    let (_, first) = shop.next_raw().await;
    let told: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&told["eventType"], &told["data"]["reason"]), (&json!("BILLING_DELETED"), &json!("삭제 API 요청")));
}

#[tokio::test]
async fn cards_are_refused_as_measured() {
    let sim = start().await;
    let cases = [
        (card("941000", "customer-1"), 400, "INVALID_CARD_NUMBER"),
        (card("9410001234567890", &"k".repeat(301)), 500, "FAILED_DB_PROCESSING"),
        (card("9410001234567890", &"열쇠 ".repeat(100)), 200, ""),
    ];
    for (body, status, code) in cases {
        assert_eq!(issue(&sim, &body).await.refusal(), (status, code));
    }
    let unknown = issue(&sim, &card("4330121234567890", "customer-1")).await.json;
    assert_eq!(unknown["card"]["cardType"], "미확인");
    let key = unknown["billingKey"].as_str().unwrap();
    assert_eq!(charge(&sim, key, "customer-1", "order-0001").await.refusal(), (400, "NOT_SUPPORTED_CARD_TYPE"));
    assert_eq!(charge(&sim, "nobody", "customer-1", "order-0001").await.refusal(), (404, "NOT_FOUND_BILLING"));
}
