//! What each method allows, when the banks are closed, and mischief wherever it can be asked for.

use reqwest::Method;
use serde_json::{Value, json};
use toss_sim::{Merchant, Options};

use crate::support::{Simulator, send, start, start_with};

const DAY: u64 = 24 * 60 * 60;

async fn paid_by(sim: &Simulator, method: &str, order_id: &str) -> String {
    let key = sim.authorize_by(order_id, 10_000, method).await;
    assert_eq!(sim.confirm(&key, order_id, 10_000).await.status, 200, "{method}");
    key
}

#[tokio::test]
async fn a_method_says_how_it_was_paid() {
    let sim = start().await;
    for (method, english, object) in [
        ("카드", "CARD", "card"),
        ("간편결제", "EASY_PAY", "easyPay"),
        ("계좌이체", "TRANSFER", "transfer"),
        ("가상계좌", "VIRTUAL_ACCOUNT", "virtualAccount"),
        ("휴대폰", "MOBILE_PHONE", "mobilePhone"),
        ("문화상품권", "CULTURE_GIFT_CERTIFICATE", "giftCertificate"),
        ("도서문화상품권", "BOOK_GIFT_CERTIFICATE", "giftCertificate"),
        ("게임문화상품권", "GAME_GIFT_CERTIFICATE", "giftCertificate"),
    ] {
        let key = paid_by(&sim, method, &format!("order-{english}")).await;
        let payment = sim.look_up(&key).await.json;
        assert_eq!(payment["method"], method);
        assert!(payment["secret"].as_str().unwrap().starts_with("ps_"), "{method}");
        for name in ["card", "easyPay", "transfer", "virtualAccount", "mobilePhone", "giftCertificate"] {
            assert_eq!(payment[name].is_object(), name == object, "{name} of {method}");
        }
        let look_up = sim.toss(Method::GET, &format!("/v1/payments/{key}")).header("Accept-Language", "en-US");
        assert_eq!(send(look_up).await.json["method"], english);
    }
}

#[tokio::test]
async fn each_method_is_refunded_for_its_own_time() {
    let sim = start().await;
    // Whatever today is, a phone bill closes within 31 days; a card never does.
    let cases = [
        ("휴대폰", 31, 403),
        ("계좌이체", 179, 200),
        ("계좌이체", 180, 403),
        ("카드", 400, 200),
        ("문화상품권", 400, 200),
    ];
    for (index, (method, days, status)) in cases.into_iter().enumerate() {
        let key = paid_by(&sim, method, &format!("order-{index:04}")).await;
        sim.advance(days * DAY).await;
        let answer = sim.cancel(&key, json!({ "cancelReason": "변심" })).await;
        assert_eq!(answer.status, status, "{method} after {days} days: {}", answer.text);
        assert!(status == 200 || answer.code() == "EXCEED_MAX_REFUND_DUE");
    }
}

#[tokio::test]
async fn a_closed_bank_moves_no_money_either_way_until_it_opens() {
    let sim = start().await;
    let refunded = paid_by(&sim, "계좌이체", "order-refund").await;
    let transfer = sim.authorize_by("order-transfer", 10_000, "계좌이체").await;
    let card = sim.authorize("order-card", 10_000).await;
    sim.tell("/_sim/bank", json!({ "closed_s": 300 })).await;
    let closed = (403, "NOT_AVAILABLE_BANK");
    assert_eq!(sim.confirm(&transfer, "order-transfer", 10_000).await.refusal(), closed);
    assert_eq!(sim.cancel(&refunded, json!({ "cancelReason": "변심" })).await.refusal(), closed);
    assert_eq!(sim.confirm(&card, "order-card", 10_000).await.status, 200);
    sim.advance(300).await;
    assert_eq!(sim.confirm(&transfer, "order-transfer", 10_000).await.status, 200);
    assert_eq!(sim.cancel(&refunded, json!({ "cancelReason": "변심" })).await.status, 200);
}

/// A call of each kind that takes effect, and what the simulator says of it afterwards.
fn issue(sim: &Simulator) -> reqwest::RequestBuilder {
    let body = json!({
        "amount": 5_000, "orderId": "order-issue", "orderName": "책", "customerName": "김토스", "bank": "20",
    });
    sim.toss(Method::POST, "/v1/virtual-accounts").header("Idempotency-Key", "issue-1").json(&body)
}

#[tokio::test]
async fn every_mischief_can_be_done_to_issuing_an_account() {
    for (kind, takes_effect) in [
        ("refuse_connection", false),
        ("stall_before", false),
        ("error_before", false),
        ("rate_limit", false),
        ("execute_and_stall", true),
        ("execute_and_error", true),
        ("garbage_after", true),
    ] {
        let sim = start().await;
        sim.mischief(json!({ "on": "virtual_accounts", "kind": kind, "delay_ms": 10 })).await;
        // Refused, cut, late or in error: what counts is what happened.
        let answer = issue(&sim).send().await.map(|answer| answer.status().as_u16());
        let call = sim.ask_until("/_sim/calls", |calls| calls[0]["mischief"] == kind).await[0].clone();
        assert_eq!(call["took_effect"], takes_effect, "{kind} {answer:?}");
        assert_eq!(sim.ask("/_sim/payments").await.as_array().unwrap().len(), usize::from(takes_effect), "{kind}");
    }
}

#[tokio::test]
async fn chance_goes_wrong_the_same_way_with_the_same_seed_and_never_charges_twice() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let sim = start().await;
        sim.tell("/_sim/mischief/random", json!({ "seed": 7, "rate_bps": 5_000 })).await;
        for number in 0..20 {
            let order_id = format!("order-{number:04}");
            let key = sim.authorize(&order_id, 1_000).await;
            for _ in 0..3 {
                let request = sim.confirm_request(&key, &order_id, 1_000).header("Idempotency-Key", &order_id);
                let _whatever_is_answered = request.send().await;
            }
        }
        let calls = sim.ask("/_sim/calls").await;
        let kinds: Vec<Value> = calls.as_array().unwrap().iter().map(|call| call["mischief"].clone()).collect();
        assert!(kinds.iter().any(Value::is_string) && kinds.iter().any(Value::is_null));
        assert_eq!(sim.ask("/_sim/totals").await["double_charged_orders"], 0);
        runs.push(kinds);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_merchant_that_is_added_has_payments_of_its_own() {
    let second = Merchant::of_test("shop2").unwrap();
    let secret = second.secret_key.clone();
    let sim = start_with(Options { merchants: vec![Merchant::default(), second], ..Options::default() }).await;
    let body = json!({ "orderId": "order-0001", "amount": 1_000, "merchant": "shop2" });
    let key = sim.tell("/_sim/authorize", body).await["paymentKey"].as_str().unwrap().to_owned();
    assert_eq!(sim.confirm(&key, "order-0001", 1_000).await.refusal(), (404, "NOT_FOUND_PAYMENT"));
    let confirm = sim.bare(Method::POST, "/v1/payments/confirm").basic_auth(secret, Some(""));
    let paid = send(confirm.json(&json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 }))).await;
    assert_eq!((paid.status, &paid.json["mId"]), (200, &json!("shop2")), "{}", paid.text);
    let nobody = json!({ "orderId": "order-0002", "amount": 1_000, "merchant": "nobody" });
    assert_eq!(send(sim.bare(Method::POST, "/_sim/authorize").json(&nobody)).await.refusal(), (404, "unknown"));
    for wrong in ["", "shop-2", "a_name_of_15_chr"] {
        assert!(Merchant::of_test(wrong).is_none(), "{wrong}");
    }
}
