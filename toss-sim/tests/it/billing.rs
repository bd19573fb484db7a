//! Billing keys, with the strictness and the laxity measured on the real test server.

use std::collections::BTreeMap;

use reqwest::{Method, Url};
use serde_json::{Value, json};
use toss_sim::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_CLIENT_KEY, Options};

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

/// Opens the window of a registration as the script does, with some fields changed.
async fn open_window(sim: &Simulator, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("clientKey", DEFAULT_CLIENT_KEY),
        ("customerKey", "customer-1"),
        ("method", "CARD"),
        ("successUrl", "https://shop.example/success?tab=1"),
        ("failUrl", "https://shop.example/fail"),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.push((name, value));
    }
    send(sim.bare(Method::GET, "/_window/billing/open").query(&fields)).await
}

fn pairs(answer: &Answer) -> BTreeMap<String, String> {
    let url = Url::parse(answer.header("location").unwrap()).unwrap();
    url.query_pairs().into_owned().collect()
}

/// The one-time key of a buyer who agrees.
async fn agreed(sim: &Simulator, changes: &[(&str, &str)]) -> String {
    let opened = open_window(sim, changes).await;
    let path = opened.header("location").unwrap();
    assert!(send(sim.bare(Method::GET, path)).await.text.contains("자동결제 등록"));
    let back = pairs(&send(sim.bare(Method::POST, &format!("{path}/agree"))).await);
    assert_eq!((back["customerKey"].as_str(), back["tab"].as_str()), ("customer-1", "1"));
    let again = send(sim.bare(Method::POST, &format!("{path}/agree"))).await;
    assert!(again.status == 400 && again.text.contains("ALREADY_PROCESSED_PAYMENT"), "{}", again.text);
    back["authKey"].clone()
}

async fn issue_by_auth_key(sim: &Simulator, auth_key: &str, customer_key: &str) -> Answer {
    let body = json!({ "authKey": auth_key, "customerKey": customer_key });
    send(sim.toss(Method::POST, "/v1/billing/authorizations/issue").json(&body)).await
}

#[tokio::test]
async fn a_registration_becomes_a_billing_key_once() {
    let sim = start().await;
    let auth_key = agreed(&sim, &[("wishes", r#"{"cardCompany":"SHINHAN"}"#)]).await;
    assert_eq!(issue_by_auth_key(&sim, &auth_key, "customer-2").await.refusal(), (400, "INVALID_BILLING_AUTH"));
    let issued = issue_by_auth_key(&sim, &auth_key, "customer-1").await;
    assert_eq!((issued.status, &issued.json["card"]["issuerCode"]), (200, &json!("41")), "{}", issued.text);
    assert_eq!(issue_by_auth_key(&sim, &auth_key, "customer-1").await.refusal(), (400, "INVALID_BILLING_AUTH"));
    let key = issued.json["billingKey"].as_str().unwrap();
    let paid = charge(&sim, key, "customer-1", "order-0001").await.json;
    assert_eq!((&paid["status"], &paid["card"]["issuerCode"]), (&json!("DONE"), &json!("41")));
}

#[tokio::test]
async fn an_account_is_registered_and_charged_with_a_receipt() {
    let sim = start().await;
    let auth_key = agreed(&sim, &[("method", "TRANSFER")]).await;
    let issued = issue_by_auth_key(&sim, &auth_key, "customer-1").await.json;
    assert_eq!((&issued["method"], &issued["card"]), (&json!("계좌"), &json!(null)));
    assert!(issued["transfers"][0]["bankName"].is_string());
    let body = json!({
        "amount": 11_000, "customerKey": "customer-1", "orderId": "order-0001", "orderName": "구독", "taxFreeAmount": 0,
        "cashReceipt": { "type": "지출증빙", "registrationNumber": "1234567890" },
    });
    let path = format!("/v1/billing/{}", issued["billingKey"].as_str().unwrap());
    let paid = send(sim.toss(Method::POST, &path).json(&body)).await.json;
    assert_eq!((&paid["type"], &paid["method"], &paid["vat"]), (&json!("BILLING"), &json!("계좌이체"), &json!(1_000)));
    assert_eq!(paid["cashReceipt"]["type"], "지출증빙");
}

#[tokio::test]
async fn a_registration_that_does_not_come_about_leads_back() {
    let sim = start().await;
    for (changes, code) in [
        ([("method", "MOBILE_PHONE")], "NOT_SUPPORTED_METHOD"),
        ([("customerKey", "c")], "INVALID_REQUEST"),
        ([("wishes", r#"{"cardCompany":"NOBODY"}"#)], "INVALID_REQUEST"),
    ] {
        assert_eq!(pairs(&open_window(&sim, &changes).await)["code"], code, "{changes:?}");
    }
    let unknown = open_window(&sim, &[("clientKey", DEFAULT_WIDGET_CLIENT_KEY)]).await;
    assert!(unknown.status == 400 && unknown.text.contains("INVALID_CLIENT_KEY"), "{}", unknown.text);
    let opened = open_window(&sim, &[]).await;
    let path = opened.header("location").unwrap();
    for (button, code) in [("decline", "REJECT_CARD_COMPANY"), ("close", "PAY_PROCESS_CANCELED")] {
        let back = pairs(&send(sim.bare(Method::POST, &format!("{path}/{button}"))).await);
        assert_eq!((back["code"].as_str(), back.get("orderId")), (code, None), "{button}");
    }
    sim.advance(30 * 60).await;
    assert_eq!(send(sim.bare(Method::GET, path)).await.status, 404);
}
