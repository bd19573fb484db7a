//! Payouts (지급대행 v2): encryption, sellers, balance, the state machine and its signed webhooks.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use toss_sim::{DEFAULT_SECURITY_KEY, Options};

use crate::support::{Answer, Simulator, send, start, start_with};
use crate::webhooks::Shop;

fn key() -> Vec<u8> {
    hex::decode(DEFAULT_SECURITY_KEY).unwrap()
}

fn cipher() -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::try_from(key().as_slice()).unwrap())
}

/// A merchant's own reading of RFC 7516, not the simulator's.
fn seal(body: &Value) -> String {
    let header = json!({
        "alg": "dir", "enc": "A256GCM",
        "iat": "2026-01-02T03:04:05+09:00", "nonce": "f0c8d5c4-8c1d-4b7e-9d51-1f0f2b3c4d5e",
    });
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = encode(header.to_string().as_bytes());
    let iv = [7_u8; 12];
    let text = body.to_string();
    let payload = Payload { msg: text.as_bytes(), aad: header.as_bytes() };
    let sealed = cipher().encrypt(&Nonce::from(iv), payload).unwrap();
    let (ciphertext, tag) = sealed.split_at(sealed.len() - 16);
    format!("{header}..{}.{}.{}", encode(&iv), encode(ciphertext), encode(tag))
}

fn open(token: &str) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 5, "{token}");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let sealed = [decode(parts[3]), decode(parts[4])].concat();
    let nonce = Nonce::try_from(decode(parts[2]).as_slice()).unwrap();
    let payload = Payload { msg: &sealed, aad: parts[0].as_bytes() };
    serde_json::from_slice(&cipher().decrypt(&nonce, payload).unwrap()).unwrap()
}

fn encrypted(sim: &Simulator, path: &str, body: &Value) -> RequestBuilder {
    let request = sim.toss(Method::POST, path).header("TossPayments-api-security-mode", "ENCRYPTION");
    request.header("Content-Type", "text/plain").body(seal(body))
}

async fn post(sim: &Simulator, path: &str, body: &Value) -> Answer {
    send(encrypted(sim, path, body)).await
}

async fn get(sim: &Simulator, path: &str) -> Answer {
    send(sim.toss(Method::GET, path)).await
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["error"]["code"].as_str().unwrap_or_default())
}

fn corporation(reference: &str) -> Value {
    json!({
        "refSellerId": reference,
        "businessType": "CORPORATE",
        "company": {
            "name": "대금상사", "representativeName": "김대금", "businessRegistrationNumber": "1234567890",
            "email": "pay@example.com", "phone": "0212345678",
        },
        "account": { "bankCode": "092", "accountNumber": "100012345678", "holderName": "대금상사" },
    })
}

fn payout(reference: &str, seller: &str, won: u64) -> Value {
    json!({
        "refPayoutId": reference, "destination": seller, "scheduleType": "EXPRESS",
        "amount": { "currency": "KRW", "value": won }, "transactionDescription": "정산",
    })
}

async fn registered(sim: &Simulator, reference: &str) -> String {
    let answer = post(sim, "/v2/sellers", &corporation(reference)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    open(&answer.text)["entityBody"]["id"].as_str().unwrap().to_owned()
}

async fn available(sim: &Simulator) -> Value {
    get(sim, "/v2/balances").await.json["entityBody"]["availableAmount"]["value"].clone()
}

#[tokio::test]
async fn a_seller_is_registered_in_secret_and_shown_masked() {
    let sim = start().await;
    let answer = post(&sim, "/v2/sellers", &corporation("seller-0001")).await;
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    let envelope = open(&answer.text);
    assert_eq!((&envelope["entityType"], &envelope["version"]), (&json!("seller"), &json!("2022-11-16")));
    assert_eq!(envelope["traceId"], answer.header("x-tosspayments-trace-id").unwrap());
    let seller = &envelope["entityBody"];
    assert_eq!(seller["status"], "PARTIALLY_APPROVED");
    assert_eq!(seller["account"]["accountNumber"], "********5678");

    let id = seller["id"].as_str().unwrap();
    assert_eq!(&get(&sim, &format!("/v2/sellers/{id}")).await.json["entityBody"], seller);
    let mut changed = corporation("seller-0001");
    changed["account"]["bankCode"] = json!("004");
    let changed = open(&post(&sim, &format!("/v2/sellers/{id}"), &changed).await.text);
    assert_eq!(changed["entityBody"]["account"]["bankCode"], "004");
    let deleted = send(sim.toss(Method::DELETE, &format!("/v2/sellers/{id}"))).await;
    assert_eq!(deleted.json["entityType"], "deleted-entity");
    assert_eq!(refusal(&get(&sim, &format!("/v2/sellers/{id}")).await), (404, "NOT_FOUND_SUBMALL"));
    let again = post(&sim, "/v2/sellers", &corporation("seller-0001")).await;
    assert_eq!(refusal(&again), (400, "ALREADY_EXIST_SUBMALL"), "a reference is used once for ever");
}

#[tokio::test]
async fn a_seller_that_makes_no_sense_is_refused() {
    let sim = start().await;
    let cases = [
        ("/refSellerId", json!("short"), "INVALID_SUBMALL_ID"),
        ("/company", Value::Null, "INVALID_REQUEST"),
        ("/company/businessRegistrationNumber", json!("123"), "INVALID_BUSINESS_NUMBER"),
        ("/account/bankCode", json!("92"), "INVALID_BANK"),
        ("/account/accountNumber", json!("1-2"), "INVALID_ACCOUNT_NUMBER"),
        ("/businessType", json!("CHARITY"), "INVALID_REQUEST"),
    ];
    for (field, value, code) in cases {
        let mut body = corporation("seller-0001");
        *body.pointer_mut(field).unwrap() = value;
        assert_eq!(refusal(&post(&sim, "/v2/sellers", &body).await).1, code, "{field}");
    }
}

#[tokio::test]
async fn what_is_not_encrypted_as_documented_is_refused_in_the_clear() {
    let sim = start().await;
    let body = corporation("seller-0001");
    let plain = send(sim.toss(Method::POST, "/v2/sellers").json(&body)).await;
    assert_eq!(refusal(&plain), (400, "INVALID_REQUEST"));
    let unmarked = send(sim.toss(Method::POST, "/v2/sellers").body(seal(&body))).await;
    assert_eq!(refusal(&unmarked), (400, "INVALID_REQUEST"));
    let request = sim.toss(Method::POST, "/v2/sellers").header("TossPayments-api-security-mode", "ENCRYPTION");
    assert_eq!(refusal(&send(request.json(&body)).await), (400, "INVALID_REQUEST"));
    let stranger = send(sim.bare(Method::GET, "/v2/balances")).await;
    assert_eq!(refusal(&stranger), (401, "UNAUTHORIZED_KEY"));
    assert!(stranger.json["traceId"].is_string() && stranger.json["entityBody"].is_null());
}

#[tokio::test]
async fn payouts_are_paid_from_what_has_been_settled() {
    let sim = start().await;
    let seller = registered(&sim, "seller-0001").await;
    sim.paid("order-0001", 100_000).await;
    assert_eq!(available(&sim).await, 0);
    let early = post(&sim, "/v2/payouts", &json!([payout("payout-1", &seller, 1_000)])).await;
    assert_eq!(refusal(&early), (400, "NOT_ENOUGH_AMOUNT"));
    let balance = get(&sim, "/v2/balances").await.json["entityBody"].clone();
    assert_eq!(balance["pendingAmount"]["value"], 97_030, "100,000 won less 2.7 % and VAT");

    sim.advance(2 * 24 * 60 * 60).await;
    assert_eq!(available(&sim).await, 97_030);
    let answer = post(&sim, "/v2/payouts", &json!([payout("payout-1", &seller, 90_000)])).await;
    let listed = open(&answer.text);
    assert_eq!(listed["entityType"], "x-list");
    let paid = &listed["entityBody"]["items"][0];
    assert_eq!((&paid["status"], &paid["amount"]["value"]), (&json!("IN_PROGRESS"), &json!(90_000)));
    assert_eq!(available(&sim).await, 7_030);
    let id = paid["id"].as_str().unwrap();
    assert!(id.starts_with("FPA_"));
    sim.advance(60).await;
    assert_eq!(get(&sim, &format!("/v2/payouts/{id}")).await.json["entityBody"]["status"], "COMPLETED");
    assert_eq!(sim.ask("/_sim/payouts").await["completed"], 90_000);
}

#[tokio::test]
async fn a_batch_is_carried_out_whole_or_not_at_all() {
    let sim = start().await;
    let seller = registered(&sim, "seller-0001").await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let cases = [
        (json!([]), "INVALID_REQUEST"),
        (json!([payout("a", &seller, 1), payout("a", &seller, 1)]), "DUPLICATED_REQUEST"),
        (json!([payout("a", &seller, 9_000), payout("b", &seller, 1_001)]), "NOT_ENOUGH_AMOUNT"),
        (json!([payout("a", &seller, 1), payout("b", "nobody", 1)]), "NOT_FOUND_SUBMALL"),
        (json!(vec![payout("a", &seller, 1); 101]), "INVALID_REQUEST"),
    ];
    for (batch, code) in cases {
        assert_eq!(refusal(&post(&sim, "/v2/payouts", &batch).await).1, code);
    }
    assert_eq!(available(&sim).await, 10_000);
    let both = json!([payout("a", &seller, 9_000), payout("b", &seller, 1_000)]);
    assert_eq!(post(&sim, "/v2/payouts", &both).await.status, 200);
    assert_eq!(available(&sim).await, 0);
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &both).await).1, "DUPLICATED_REQUEST");
    let page = get(&sim, "/v2/payouts?limit=1").await.json["entityBody"].clone();
    assert_eq!((&page["hasNext"], &page["items"][0]["refPayoutId"]), (&json!(true), &json!("a")));
    let cursor = page["lastCursor"].as_str().unwrap();
    let page = get(&sim, &format!("/v2/payouts?limit=1&startingAfter={cursor}")).await.json["entityBody"].clone();
    assert_eq!((&page["hasNext"], &page["items"][0]["refPayoutId"]), (&json!(false), &json!("b")));
}

#[tokio::test]
async fn a_scheduled_payout_may_be_called_off_and_gives_the_money_back() {
    let sim = start().await;
    let seller = registered(&sim, "seller-0001").await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let today = sim.ask("/_sim/clock").await["now"].as_str().unwrap().get(..10).unwrap().to_owned();
    let mut body = payout("payout-1", &seller, 10_000);
    body["scheduleType"] = json!("SCHEDULED");
    body["payoutDate"] = json!(today);
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &json!([body])).await).1, "INVALID_PAYABLE_DATE");
    let today: chrono::NaiveDate = today.parse().unwrap();
    let weekday = |date: &chrono::NaiveDate| chrono::Datelike::weekday(date).num_days_from_monday() < 5;
    let day = today.iter_days().skip(1).find(weekday).unwrap();
    body["payoutDate"] = json!(day.to_string());
    let answer = open(&post(&sim, "/v2/payouts", &json!([body])).await.text);
    let scheduled = &answer["entityBody"]["items"][0];
    assert_eq!((&scheduled["status"], &scheduled["payoutDate"]), (&json!("REQUESTED"), &json!(day.to_string())));
    assert_eq!(available(&sim).await, 0);
    let cancel = format!("/v2/payouts/{}/cancel", scheduled["id"].as_str().unwrap());
    assert_eq!(send(sim.toss(Method::POST, &cancel)).await.json["entityBody"]["status"], "CANCELED");
    assert_eq!(available(&sim).await, 10_000);
    assert_eq!(refusal(&send(sim.toss(Method::POST, &cancel)).await), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn toss_wants_to_know_who_gets_ten_million() {
    let sim = start().await;
    let seller = registered(&sim, "seller-0001").await;
    sim.tell("/_sim/balance", json!({ "amount": 20_000_000 })).await;
    let large = json!([payout("large", &seller, 10_000_000)]);
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &large).await), (403, "FORBIDDEN_SELLER_PAYOUT"));
    let small = json!([payout("small", &seller, 1)]);
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &small).await).1, "FORBIDDEN_SELLER_PAYOUT");
    sim.tell("/_sim/seller-status", json!({ "sellerId": seller, "status": "APPROVED" })).await;
    assert_eq!(post(&sim, "/v2/payouts", &large).await.status, 200);
}

#[tokio::test]
async fn webhooks_of_sellers_and_payouts_are_signed_over_the_raw_body_and_the_time_of_the_send() {
    let mut shop = Shop::open().await;
    let sim = start_with(Options { webhook_urls: vec![shop.url.clone()], ..Options::default() }).await;
    let seller = registered(&sim, "seller-0001").await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let batch = json!([payout("good", &seller, 1_000), payout("bad", &seller, 1_000)]);
    assert_eq!(post(&sim, "/v2/payouts", &batch).await.status, 200);
    sim.tell("/_sim/payout-failure", json!({ "refPayoutId": "bad" })).await;
    sim.advance(60).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let (headers, text) = shop.next_raw().await;
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key()).unwrap();
        mac.update(format!("{text}:{}", header("tosspayments-webhook-transmission-time")).as_bytes());
        let signature = format!("v1:{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header("tosspayments-webhook-signature"), signature);
        let body: Value = serde_json::from_str(&text).unwrap();
        let event = body["eventType"].as_str().unwrap();
        assert_eq!(body["entityType"], event.split('.').next().unwrap());
        assert!(body["createdAt"].as_str().unwrap().ends_with("+09:00"));
        told.push(format!("{event} {}", body["entityBody"]["status"].as_str().unwrap()));
    }
    told.sort();
    assert_eq!(told, ["payout.changed COMPLETED", "payout.changed FAILED", "seller.changed PARTIALLY_APPROVED"]);
    assert_eq!(available(&sim).await, 9_000, "what failed is available again");
}

#[tokio::test]
async fn a_payout_is_requested_once_under_one_key_whatever_happens_to_the_answer() {
    let sim = start().await;
    let seller = registered(&sim, "seller-0001").await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let batch = json!([payout("payout-1", &seller, 1_000)]);
    let request = || encrypted(&sim, "/v2/payouts", &batch).header("Idempotency-Key", "key-1");
    sim.mischief(json!({ "on": "payouts", "kind": "garbage_after" })).await;
    assert_eq!(send(request()).await.json, Value::Null);
    let answer = open(&send(request()).await.text);
    assert_eq!(answer["entityBody"]["items"][0]["refPayoutId"], "payout-1");
    assert_eq!(available(&sim).await, 9_000);
    for (on, path) in [("payouts", "/v2/payouts"), ("sellers", "/v2/sellers"), ("balances", "/v2/balances")] {
        sim.mischief(json!({ "on": on, "kind": "rate_limit" })).await;
        assert_eq!(refusal(&get(&sim, path).await), (429, "TOO_MANY_REQUESTS"));
        sim.mischief(json!({ "on": on, "kind": "execute_and_error", "code": "COMMON_ERROR" })).await;
        assert_eq!(refusal(&get(&sim, path).await), (500, "COMMON_ERROR"));
        assert_eq!(get(&sim, path).await.status, 200);
    }
}
