//! Payouts (지급대행 v2): encryption, sellers, balance, the state machine and its signed webhooks.

use std::io::Write;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, FixedOffset};
use hmac::{Hmac, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use toss_sim::{BankCodes, Compression, DEFAULT_SECURITY_KEY, Options};

use crate::support::{Answer, Simulator, send, start, start_with};
use crate::webhooks::Shop;

fn key() -> Vec<u8> {
    hex::decode(DEFAULT_SECURITY_KEY).unwrap()
}

fn cipher() -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::try_from(key().as_slice()).unwrap())
}

fn seal(body: &Value) -> String {
    seal_under(json!({}), body.to_string().as_bytes())
}

fn seal_compressed(body: &Value) -> String {
    let mut compressed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    compressed.write_all(body.to_string().as_bytes()).unwrap();
    seal_under(json!({ "zip": "DEF" }), &compressed.finish().unwrap())
}

/// A merchant's own reading of RFC 7516, not the simulator's.
fn seal_under(more: Value, text: &[u8]) -> String {
    let mut header = json!({
        "alg": "dir", "enc": "A256GCM",
        "iat": "2026-01-02T03:04:05+09:00", "nonce": "f0c8d5c4-8c1d-4b7e-9d51-1f0f2b3c4d5e",
    });
    header.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = encode(header.to_string().as_bytes());
    let iv = [7_u8; 12];
    let payload = Payload { msg: text, aad: header.as_bytes() };
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

fn in_encryption_mode(sim: &Simulator, method: Method, path: &str) -> RequestBuilder {
    sim.toss(method, path).header("TossPayments-api-security-mode", "ENCRYPTION")
}

async fn get(sim: &Simulator, path: &str) -> Answer {
    send(sim.toss(Method::GET, path)).await
}

/// Status and code of a refusal, which is sealed when the request was.
fn refusal(answer: &Answer) -> (u16, String) {
    let body = if answer.text.starts_with("ey") { open(&answer.text) } else { answer.json.clone() };
    (answer.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
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

/// Takes the clock to a Monday, from which two business days are two days and a week has days left.
async fn to_monday(sim: &Simulator) {
    let now = sim.ask("/_sim/clock").await["now"].as_str().unwrap().parse::<DateTime<FixedOffset>>().unwrap();
    let days = (7 - now.weekday().num_days_from_monday()) % 7;
    sim.advance(u64::from(days) * 24 * 60 * 60).await;
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
    assert_eq!(refusal(&get(&sim, &format!("/v2/sellers/{id}")).await), (404, "NOT_FOUND_SUBMALL".to_owned()));
    let again = post(&sim, "/v2/sellers", &corporation("seller-0001")).await;
    assert_eq!(refusal(&again), (400, "ALREADY_EXIST_SUBMALL".to_owned()), "a reference is used once for ever");
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
    assert_eq!(refusal(&plain), (400, "INVALID_REQUEST".to_owned()));
    let unmarked = send(sim.toss(Method::POST, "/v2/sellers").body(seal(&body))).await;
    assert_eq!(refusal(&unmarked), (400, "INVALID_REQUEST".to_owned()));
    let request = sim.toss(Method::POST, "/v2/sellers").header("TossPayments-api-security-mode", "ENCRYPTION");
    assert_eq!(refusal(&send(request.json(&body)).await), (400, "INVALID_REQUEST".to_owned()));
    let stranger = send(sim.bare(Method::GET, "/v2/balances")).await;
    assert_eq!(refusal(&stranger), (401, "UNAUTHORIZED_KEY".to_owned()));
    assert!(stranger.json["traceId"].is_string() && stranger.json["entityBody"].is_null());
}

#[tokio::test]
async fn payouts_are_paid_from_what_has_been_settled() {
    let sim = start().await;
    to_monday(&sim).await;
    let seller = registered(&sim, "seller-0001").await;
    sim.paid("order-0001", 100_000).await;
    assert_eq!(available(&sim).await, 0);
    let early = post(&sim, "/v2/payouts", &json!([payout("payout-1", &seller, 1_000)])).await;
    assert_eq!(refusal(&early), (400, "NOT_ENOUGH_AMOUNT".to_owned()));
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
    assert_eq!(refusal(&send(sim.toss(Method::POST, &cancel)).await), (400, "INVALID_REQUEST".to_owned()));
}

#[tokio::test]
async fn toss_wants_to_know_who_gets_ten_million_in_a_week() {
    let sim = start().await;
    to_monday(&sim).await;
    sim.tell("/_sim/balance", json!({ "amount": 100_000_000 })).await;
    let forbidden = || (403, "FORBIDDEN_SELLER_PAYOUT".to_owned());
    let known = registered(&sim, "seller-0001").await;
    let at_once = json!([payout("large", &known, 10_000_000)]);
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &at_once).await), forbidden());
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &json!([payout("small", &known, 1)])).await), forbidden());
    sim.tell("/_sim/seller-status", json!({ "sellerId": known, "status": "APPROVED" })).await;
    assert_eq!(post(&sim, "/v2/payouts", &at_once).await.status, 200);

    // The limit is a week's, whether in one request or in several.
    let in_pieces = registered(&sim, "seller-0002").await;
    let piece = |reference: &str| payout(reference, &in_pieces, 5_000_000);
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &json!([piece("p-1"), piece("p-2")])).await), forbidden());
    sim.tell("/_sim/seller-status", json!({ "sellerId": in_pieces, "status": "PARTIALLY_APPROVED" })).await;
    assert_eq!(post(&sim, "/v2/payouts", &json!([piece("p-3")])).await.status, 200);
    sim.advance(7 * 24 * 60 * 60).await;
    assert_eq!(post(&sim, "/v2/payouts", &json!([piece("p-4")])).await.status, 200, "a new week");
    assert_eq!(refusal(&post(&sim, "/v2/payouts", &json!([piece("p-5")])).await), forbidden());
}

#[tokio::test]
async fn only_what_is_sent_of_a_seller_changes_and_null_deletes() {
    let sim = start().await;
    let mut whole = corporation("seller-0001");
    whole["metadata"] = json!({ "a": "1", "b": "2" });
    let id = open(&post(&sim, "/v2/sellers", &whole).await.text)["entityBody"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/sellers/{id}");
    let change = async |change: Value| open(&post(&sim, &path, &change).await.text)["entityBody"].clone();

    let changed = change(json!({ "account": { "bankCode": "004" } })).await;
    assert_eq!(
        (&changed["account"]["bankCode"], &changed["account"]["holderName"]),
        (&json!("004"), &json!("대금상사"))
    );
    assert_eq!(changed["company"], whole["company"]);
    let changed = change(json!({ "company": { "phone": "0200000000" }, "metadata": { "a": null, "c": "3" } })).await;
    assert_eq!((&changed["company"]["phone"], &changed["company"]["name"]), (&json!("0200000000"), &json!("대금상사")));
    assert_eq!(changed["metadata"], json!({ "b": "2", "c": "3" }));
    assert_eq!(change(json!({ "metadata": null })).await["metadata"], Value::Null);
    assert_eq!(change(json!({})).await["account"]["bankCode"], "004");

    for (nonsense, code) in [
        (json!({ "account": null }), "INVALID_REQUEST"),
        (json!({ "company": null }), "INVALID_REQUEST"),
        (json!({ "account": { "bankCode": "4" } }), "INVALID_BANK"),
        (json!({ "refSellerId": "seller-0002" }), "INVALID_SUBMALL_ID"),
        (json!([]), "INVALID_REQUEST"),
    ] {
        assert_eq!(refusal(&post(&sim, &path, &nonsense).await), (400, code.to_owned()), "{nonsense}");
    }
    assert_eq!(get(&sim, &path).await.json["entityBody"], change(json!({})).await, "a refused change changes nothing");
}

#[tokio::test]
async fn every_answer_in_encryption_mode_is_encrypted() {
    let sim = start().await;
    let id = registered(&sim, "seller-0001").await;
    let path = format!("/v2/sellers/{id}");
    let sealed = |answer: &Answer| {
        assert!(answer.header("content-type").unwrap().starts_with("text/plain"), "{}", answer.text);
        open(&answer.text)
    };
    let taken = post(&sim, "/v2/sellers", &corporation("seller-0001")).await;
    assert_eq!((taken.status, sealed(&taken)["error"]["code"].as_str()), (400, Some("ALREADY_EXIST_SUBMALL")));
    let unreadable = send(in_encryption_mode(&sim, Method::POST, "/v2/sellers").body("not sealed")).await;
    assert_eq!((unreadable.status, sealed(&unreadable)["error"]["code"].as_str()), (400, Some("INVALID_REQUEST")));
    let shown = send(in_encryption_mode(&sim, Method::GET, &path)).await;
    assert_eq!(sealed(&shown)["entityBody"]["id"], json!(id));
    let missing = send(in_encryption_mode(&sim, Method::GET, "/v2/payouts/nobody")).await;
    assert_eq!((missing.status, sealed(&missing)["error"]["code"].as_str()), (404, Some("PAYOUT_NOT_FOUND")));
    sim.mischief(json!({ "on": "sellers", "kind": "error_before", "code": "COMMON_ERROR" })).await;
    let broken = send(in_encryption_mode(&sim, Method::GET, &path)).await;
    assert_eq!((broken.status, sealed(&broken)["error"]["code"].as_str()), (500, Some("COMMON_ERROR")));
    let deleted = send(in_encryption_mode(&sim, Method::DELETE, &path)).await;
    assert_eq!(sealed(&deleted)["entityType"], "deleted-entity");
    // A caller without a key has no security key either.
    let nobody = sim.bare(Method::GET, &path).header("TossPayments-api-security-mode", "ENCRYPTION");
    assert_eq!(refusal(&send(nobody).await), (401, "UNAUTHORIZED_KEY".to_owned()));
}

#[tokio::test]
async fn what_other_clients_send_is_taken_where_asked_for() {
    let lenient = Options { bank_codes: BankCodes::AnyLength, compression: Compression::Taken, ..Options::default() };
    for (options, is_taken) in [(Options::default(), false), (lenient, true)] {
        let sim = start_with(options).await;
        for (number, code) in [json!("92"), json!(92), json!(4)].into_iter().enumerate() {
            let mut seller = corporation(&format!("seller-{number:04}"));
            seller["account"]["bankCode"] = code.clone();
            let answer = post(&sim, "/v2/sellers", &seller).await;
            assert_eq!(answer.status == 200, is_taken, "{code}");
            if is_taken {
                let wanted = if number == 2 { "004" } else { "092" };
                assert_eq!(open(&answer.text)["entityBody"]["account"]["bankCode"], wanted);
            }
        }
        let compressed = seal_compressed(&corporation("seller-zipped"));
        let answer = send(in_encryption_mode(&sim, Method::POST, "/v2/sellers").body(compressed)).await;
        assert_eq!(answer.status == 200, is_taken);
    }
}

#[tokio::test]
async fn webhooks_of_sellers_and_payouts_are_signed_over_the_raw_body_and_the_time_of_the_send() {
    let mut shop = Shop::open().await;
    let sim = start_with(Options { webhook_urls: vec![shop.url.clone()], ..Options::default() }).await;
    let seller = registered(&sim, "seller-0001").await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let batch = json!([payout("good", &seller, 1_000), payout("bad", &seller, 1_000)]);
    assert_eq!(post(&sim, "/v2/payouts", &batch).await.status, 200);
    sim.tell("/_sim/payouts/bad/fail", json!({})).await;
    sim.advance(60).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let (headers, text) = shop.next_raw().await;
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key()).unwrap();
        mac.update(format!("{text}:{}", header("tosspayments-webhook-transmission-time")).as_bytes());
        let signature = format!("v1:{}", STANDARD.encode(mac.finalize().into_bytes()));
        let signatures = header("tosspayments-webhook-signature");
        let signatures: Vec<&str> = signatures.split(',').collect();
        assert_eq!(signatures.len(), 2, "as while a key is changed");
        assert!(signatures.contains(&signature.as_str()));
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
        assert_eq!(refusal(&get(&sim, path).await), (429, "TOO_MANY_REQUESTS".to_owned()));
        sim.mischief(json!({ "on": on, "kind": "execute_and_error", "code": "COMMON_ERROR" })).await;
        assert_eq!(refusal(&get(&sim, path).await), (500, "COMMON_ERROR".to_owned()));
        assert_eq!(get(&sim, path).await.status, 200);
    }
}

#[tokio::test]
async fn a_refused_batch_names_the_first_payout_that_is_not_allowed() {
    let sim = start().await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let (good, bad) = (registered(&sim, "seller-0001").await, registered(&sim, "seller-0002").await);
    sim.tell("/_sim/seller-status", json!({ "sellerId": bad, "status": "KYC_REQUIRED" })).await;
    let batch = json!([payout("p-1", &good, 1), payout("p-2", &bad, 1), payout("p-3", &bad, 1)]);
    let body = open(&post(&sim, "/v2/payouts", &batch).await.text);
    assert_eq!(body["error"]["code"], "FORBIDDEN_SELLER_PAYOUT");
    assert_eq!(body["error"]["message"], "The payout to this seller is not allowed. (refPayoutId: p-2)");
    assert_eq!(body["entityBody"], Value::Null);
    assert_eq!(available(&sim).await, 10_000);
}

#[tokio::test]
async fn lists_have_ten_rows_unless_more_are_asked_for_and_know_days() {
    let sim = start().await;
    to_monday(&sim).await;
    sim.tell("/_sim/balance", json!({ "amount": 100 })).await;
    let seller = registered(&sim, "seller-0001").await;
    let batch: Vec<Value> = (0..12).map(|index| payout(&format!("p-{index}"), &seller, 1)).collect();
    assert_eq!(post(&sim, "/v2/payouts", &json!(batch)).await.status, 200);
    let listed = async |query: &str| {
        let page = get(&sim, &format!("/v2/payouts?{query}")).await.json["entityBody"].clone();
        (page["items"].as_array().unwrap().len(), page["hasNext"].as_bool().unwrap())
    };
    assert_eq!(listed("").await, (10, true));
    assert_eq!(listed("limit=10000").await, (12, false));
    let today = &sim.ask("/_sim/clock").await["now"].as_str().unwrap()[..10].to_owned();
    assert_eq!(listed(&format!("payoutDateGte={today}&payoutDateLte={today}&limit=100")).await, (12, false));
    assert_eq!(listed("payoutDateLte=2026-01-01").await, (0, false));
    assert_eq!(listed("payoutDateGte=2100-01-01").await, (0, false));
    let refused = |query: &'static str| async { refusal(&get(&sim, query).await).1 };
    assert_eq!(refused("/v2/payouts?limit=10001").await, "EXCEED_MAX_QUERY_LIMIT");
    assert_eq!(refused("/v2/sellers?limit=101").await, "EXCEED_MAX_QUERY_LIMIT");
    assert_eq!(refused("/v2/payouts?payoutDateGte=yesterday").await, "INVALID_ISO_DATE_FORMAT");
}

#[tokio::test]
async fn the_bank_may_send_a_completed_payout_back_and_only_the_balance_shows_it() {
    let sim = start().await;
    sim.tell("/_sim/balance", json!({ "amount": 10_000 })).await;
    let seller = registered(&sim, "seller-0001").await;
    let body = open(&post(&sim, "/v2/payouts", &json!([payout("p-1", &seller, 4_000)])).await.text);
    let id = body["entityBody"]["items"][0]["id"].as_str().unwrap().to_owned();
    let give_back = || sim.bare(Method::POST, "/_sim/payouts/p-1/return");
    assert_eq!(send(give_back()).await.status, 409, "it is not completed");
    sim.advance(60).await;
    let completed = get(&sim, &format!("/v2/payouts/{id}")).await.json["entityBody"].clone();
    assert_eq!(available(&sim).await, 6_000);
    assert_eq!(send(give_back()).await.json["returned"], true);
    assert_eq!(available(&sim).await, 10_000);
    assert_eq!(get(&sim, &format!("/v2/payouts/{id}")).await.json["entityBody"], completed, "Toss says nothing of it");
    assert_eq!(send(give_back()).await.status, 409, "once");
    assert_eq!(send(sim.bare(Method::POST, "/_sim/payouts/none/return")).await.status, 404);
    let balances = sim.ask("/_sim/balances").await;
    assert_eq!((&balances["available"], &balances["completed"]), (&json!(10_000), &json!(0)));
}
