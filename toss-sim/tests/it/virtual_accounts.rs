//! Virtual accounts: issued by the window or by the API, deposited, taken back, cancelled.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{send, start};

fn refund_account() -> Value {
    json!({ "bank": "신한", "accountNumber": "110123456789", "holderName": "김토스" })
}

#[tokio::test]
async fn a_deposit_comes_goes_and_comes_again() {
    let sim = start().await;
    let key = sim.authorize_by("order-0001", 10_000, "가상계좌").await;
    let payment = sim.confirm(&key, "order-0001", 10_000).await.json;
    assert_eq!(payment["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!((&payment["method"], &payment["approvedAt"]), (&json!("가상계좌"), &json!(null)));
    let account = &payment["virtualAccount"];
    assert!(account["accountNumber"].as_str().unwrap().starts_with('X'));
    assert!(account["dueDate"].as_str().unwrap().ends_with("+09:00"));
    assert_eq!(payment["isPartialCancelable"], true);
    assert!(payment["secret"].as_str().unwrap().starts_with("ps_"));
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 0);

    let order = json!({ "orderId": "order-0001" });
    assert_eq!(sim.tell("/_sim/deposit", order.clone()).await["status"], "DONE");
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 10_000);
    let again = send(sim.bare(Method::POST, "/_sim/deposit").json(&order)).await;
    assert_eq!(again.refusal(), (409, "wrong_state"));

    assert_eq!(sim.tell("/_sim/deposit-error", order.clone()).await["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 0);
    assert_eq!(sim.tell("/_sim/deposit", order).await["status"], "DONE");
    let totals = sim.ask("/_sim/totals").await;
    assert_eq!((&totals["charged"], &totals["payments"]), (&json!(10_000), &json!(1)));
}

#[tokio::test]
async fn an_account_that_is_opened_is_a_transaction_of_nothing() {
    let sim = start().await;
    let key = sim.authorize_by("order-0001", 10_000, "가상계좌").await;
    let opened = sim.confirm(&key, "order-0001", 10_000).await.json["lastTransactionKey"].clone();
    let by_api =
        json!({ "amount": 5_000, "orderId": "order-0002", "orderName": "책", "customerName": "김", "bank": "20" });
    assert_eq!(send(sim.toss(Method::POST, "/v1/virtual-accounts").json(&by_api)).await.status, 200);
    sim.tell("/_sim/deposit", json!({ "orderId": "order-0001" })).await;
    let list = async |path: &str| {
        send(sim.toss(Method::GET, &format!("{path}?startDate=2020-01-01&endDate=2100-01-01"))).await.json
    };
    let rows = list("/v1/transactions").await;
    let seen: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (&row["orderId"], &row["status"], &row["amount"])).collect();
    let waiting = json!("WAITING_FOR_DEPOSIT");
    assert_eq!(
        seen,
        [
            (&json!("order-0001"), &waiting, &json!(0)),
            (&json!("order-0002"), &waiting, &json!(0)),
            (&json!("order-0001"), &json!("DONE"), &json!(10_000)),
        ]
    );
    assert_eq!(rows[0]["transactionKey"], opened);
    sim.advance(24 * 60 * 60).await;
    let settled = list("/v1/settlements").await;
    assert_eq!(settled.as_array().unwrap().len(), 1, "only the deposit is settled: {settled}");
    assert_eq!(settled[0]["virtualAccount"]["bankCode"], "20");
}

#[tokio::test]
async fn a_deposited_account_is_refunded_to_a_named_account() {
    let sim = start().await;
    let key = sim.authorize_by("order-0001", 10_000, "가상계좌").await;
    sim.confirm(&key, "order-0001", 10_000).await;
    sim.tell("/_sim/deposit", json!({ "orderId": "order-0001" })).await;

    let refusals = [
        (json!({}), "INVALID_REFUND_ACCOUNT_INFO"),
        (json!({ "bank": "가짜" }), "INVALID_BANK"),
        (json!({ "accountNumber": "110-123" }), "INVALID_REFUND_ACCOUNT_NUMBER"),
    ];
    for (change, code) in refusals {
        let mut body = json!({ "cancelReason": "변심" });
        if let Some(fields) = change.as_object().filter(|fields| !fields.is_empty()) {
            let mut account = refund_account();
            account.as_object_mut().unwrap().extend(fields.clone());
            body["refundReceiveAccount"] = account;
        }
        assert_eq!(sim.cancel(&key, body).await.refusal(), (400, code));
    }
    let body = json!({ "cancelReason": "변심", "cancelAmount": 3_000, "refundReceiveAccount": refund_account() });
    let payment = sim.cancel(&key, body).await.json;
    assert_eq!((&payment["status"], &payment["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(7_000)));
    assert_eq!(payment["virtualAccount"]["refundStatus"], "PENDING");
    assert_eq!(payment["virtualAccount"]["refundReceiveAccount"]["bankCode"], "88");
}

#[tokio::test]
async fn before_the_deposit_only_all_of_it_is_cancelled() {
    let sim = start().await;
    let key = sim.authorize_by("order-0001", 10_000, "가상계좌").await;
    sim.confirm(&key, "order-0001", 10_000).await;
    let part = sim.cancel(&key, json!({ "cancelReason": "변심", "cancelAmount": 1 })).await;
    assert_eq!(part.refusal(), (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"));
    assert_eq!(sim.cancel(&key, json!({ "cancelReason": "변심" })).await.json["status"], "CANCELED");
    let totals = sim.ask("/_sim/totals").await;
    assert_eq!((&totals["charged"], &totals["canceled"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn an_account_that_is_due_takes_no_deposit() {
    let sim = start().await;
    let body = json!({ "amount": 5_000, "orderId": "order-0001", "orderName": "책", "customerName": "김토스",
                       "bank": "우리", "validHours": 1 });
    let issue = || sim.toss(Method::POST, "/v1/virtual-accounts").json(&body);
    let payment = send(issue()).await.json;
    assert_eq!((&payment["status"], &payment["method"]), (&json!("WAITING_FOR_DEPOSIT"), &json!("가상계좌")));
    assert_eq!(payment["virtualAccount"]["bankCode"], "20");
    assert_eq!(payment["virtualAccount"]["expired"], false);
    assert_eq!(send(issue()).await.refusal(), (400, "DUPLICATED_ORDER_ID"));

    sim.advance(60 * 60).await;
    let payment = sim.look_up_order("order-0001").await.json;
    assert_eq!(
        (&payment["status"], &payment["virtualAccount"]["expired"]),
        (&json!("WAITING_FOR_DEPOSIT"), &json!(true))
    );
    let late = send(sim.bare(Method::POST, "/_sim/deposit").json(&json!({ "orderId": "order-0001" }))).await;
    assert_eq!(late.refusal(), (409, "wrong_state"));
}

#[tokio::test]
async fn transfers_and_easy_payments_are_captured_at_once() {
    let sim = start().await;
    for (order, method, field) in [("order-0001", "계좌이체", "transfer"), ("order-0002", "간편결제", "easyPay")]
    {
        let key = sim.authorize_by(order, 1_000, method).await;
        let payment = sim.confirm(&key, order, 1_000).await.json;
        assert_eq!((&payment["status"], &payment["method"]), (&json!("DONE"), &json!(method)));
        assert!(payment[field].is_object() && payment["card"].is_null(), "{method}");
    }
}

#[tokio::test]
async fn an_account_of_the_api_keeps_what_was_asked_for() {
    let sim = start().await;
    let issue = async |changes: Value| {
        let mut body = json!({
            "amount": 11_000, "orderId": "order-0001", "orderName": "책", "customerName": "김토스", "bank": "우리",
        });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        send(sim.toss(Method::POST, "/v1/virtual-accounts").json(&body)).await
    };
    for (changes, code) in [
        (json!({ "taxFreeAmount": 11_001 }), "INVALID_REQUEST"),
        (json!({ "customerEmail": "nobody" }), "INVALID_EMAIL"),
        (json!({ "customerMobilePhone": "010-1" }), "INVALID_REQUEST"),
        (json!({ "cashReceipt": { "type": "소득공제" } }), "INVALID_REQUEST"),
        (
            json!({ "cashReceipt": { "type": "지출증빙", "registrationNumber": "1" } }),
            "INVALID_REGISTRATION_NUMBER_TYPE",
        ),
        (json!({ "metadata": { "[a]": "b" } }), "INVALID_REQUEST"),
        (json!({ "accountKey": "fixed-1" }), "INVALID_VIRTUAL_ACCOUNT_TYPE"),
        (json!({ "validHours": 2_161 }), "EXCEED_MAX_VALID_HOURS"),
    ] {
        assert_eq!(issue(changes.clone()).await.refusal(), (400, code), "{changes}");
    }
    let issued = issue(json!({
        "useEscrow": true, "metadata": { "cart": "7" }, "cashReceipt": { "type": "미발행" },
        "escrowProducts": [{ "id": "1", "name": "책", "code": "b", "unitPrice": 11_000, "quantity": 1 }],
    }));
    let issued = issued.await.json;
    assert_eq!((&issued["useEscrow"], &issued["metadata"]), (&json!(true), &json!({ "cart": "7" })));
    assert_eq!(issued["isPartialCancelable"], false);
    let paid = sim.tell("/_sim/deposit", json!({ "orderId": "order-0001" })).await;
    assert_eq!(paid["cashReceipt"], json!(null));
    let part = json!({ "cancelReason": "변심", "cancelAmount": 1, "refundReceiveAccount": refund_account() });
    let refused = sim.cancel(paid["paymentKey"].as_str().unwrap(), part).await;
    assert_eq!(refused.refusal(), (403, "NOT_ALLOWED_PARTIAL_REFUND"));
}
