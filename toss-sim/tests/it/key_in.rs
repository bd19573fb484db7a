//! A card's number instead of a window, the older form of confirm, and what the simulator does not simulate.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Simulator, send, start};

fn body(changes: Value) -> Value {
    let mut body = json!({
        "amount": 60_000, "orderId": "order-0001", "orderName": "책", "cardNumber": "4330123412341234",
        "cardExpirationYear": "30", "cardExpirationMonth": "12", "customerIdentityNumber": "900101",
        "cardInstallmentPlan": 3, "taxFreeAmount": 5_000,
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

async fn key_in(sim: &Simulator, changes: Value) -> Answer {
    send(sim.toss(Method::POST, "/v1/payments/key-in").json(&body(changes))).await
}

#[tokio::test]
async fn a_card_number_is_charged_at_once() {
    let sim = start().await;
    let paid = key_in(&sim, json!({ "metadata": { "cart": "7" } })).await;
    assert_eq!((paid.status, &paid.json["status"], &paid.json["type"]), (200, &json!("DONE"), &json!("NORMAL")));
    let card = &paid.json["card"];
    assert_eq!((&card["number"], &card["installmentPlanMonths"]), (&json!("43301234********"), &json!(3)));
    assert_eq!((&paid.json["vat"], &paid.json["metadata"]), (&json!(5_000), &json!({ "cart": "7" })));
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 60_000);
    assert_eq!(key_in(&sim, json!({})).await.refusal(), (400, "DUPLICATED_ORDER_ID"));
}

#[tokio::test]
async fn a_card_number_is_refused_for_what_is_wrong_with_it() {
    let sim = start().await;
    for (changes, code) in [
        (json!({ "cardNumber": "433012" }), "INVALID_CARD_NUMBER"),
        (json!({ "cardNumber": "4330-1234-1234-1234" }), "INVALID_CARD_NUMBER"),
        (json!({ "cardExpirationMonth": "13" }), "INVALID_CARD_EXPIRATION"),
        (json!({ "customerIdentityNumber": "1" }), "INVALID_BIRTH_DAY_FORMAT"),
        (json!({ "orderName": "" }), "INVALID_ORDER_NAME"),
        (json!({ "cardInstallmentPlan": 1 }), "INVALID_CARD_INSTALLMENT_PLAN"),
        (json!({ "amount": 49_999 }), "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT"),
        (json!({ "taxFreeAmount": 60_001 }), "INVALID_REQUEST"),
    ] {
        assert_eq!(key_in(&sim, changes.clone()).await.refusal(), (400, code), "{changes}");
    }
    // Measured of the real server: the test code answers before the body is looked at.
    let tested = sim.toss(Method::POST, "/v1/payments/key-in").header("TossPayments-Test-Code", "INVALID_STOPPED_CARD");
    assert_eq!(send(tested.json(&json!({}))).await.refusal(), (400, "INVALID_STOPPED_CARD"));
    sim.mischief(json!({ "on": "key_in", "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })).await;
    assert_eq!(key_in(&sim, json!({})).await.refusal(), (403, "REJECT_CARD_PAYMENT"));
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 0);
    assert_eq!(key_in(&sim, json!({})).await.status, 200);
}

#[tokio::test]
async fn the_older_confirm_names_the_payment_in_its_path() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    let confirm = async |order_id: &str, amount: Value| {
        let request = sim.toss(Method::POST, &format!("/v1/payments/{key}"));
        send(request.json(&json!({ "orderId": order_id, "amount": amount }))).await
    };
    assert_eq!(confirm("order-0001", json!(999)).await.refusal(), (403, "FORBIDDEN_REQUEST"));
    let paid = confirm("order-0001", json!("1000")).await;
    assert_eq!((paid.status, &paid.json["status"]), (200, &json!("DONE")), "{}", paid.text);
    assert_eq!(confirm("order-0001", json!(1_000)).await.refusal(), (400, "ALREADY_PROCESSED_PAYMENT"));
    let nobody = sim.toss(Method::POST, "/v1/payments/nobody").json(&json!({ "orderId": "order-0001", "amount": 1 }));
    assert_eq!(send(nobody).await.refusal(), (404, "NOT_FOUND_PAYMENT"));
    // Without a key, neither in the path nor in the body.
    let keyless = sim.toss(Method::POST, "/v1/payments/confirm").json(&json!({ "orderId": "order-0001", "amount": 1 }));
    assert_eq!(send(keyless).await.refusal(), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn what_is_not_simulated_says_so() {
    let sim = start().await;
    for (method, path) in [
        (Method::POST, "/v1/payments"),
        (Method::POST, "/v1/settlements"),
        (Method::GET, "/v1/promotions/card"),
        (Method::GET, "/v1/promotions"),
        (Method::POST, "/v1/brandpay/payments/confirm"),
        (Method::GET, "/v1/payouts/sub-malls"),
    ] {
        let answer = send(sim.toss(method, path).json(&json!({})).header("Accept-Language", "en-US")).await;
        assert_eq!(answer.refusal(), (501, "NOT_SIMULATED"), "{path}");
        assert!(answer.json["message"].as_str().unwrap().contains("toss-sim"), "{path}");
    }
    assert_eq!(send(sim.toss(Method::GET, "/v1/elsewhere")).await.refusal(), (404, "NOT_FOUND"));
}
