//! Cash receipts: with a payment that asks for one, by themselves, and taken back in parts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Simulator, send, start};

const DAY: u64 = 24 * 60 * 60;

/// An account issued by API with a receipt, and paid into.
async fn deposited(sim: &Simulator, order_id: &str) -> Value {
    let body = json!({
        "amount": 10_000, "orderId": order_id, "orderName": "책", "customerName": "김토스", "bank": "우리",
        "taxFreeAmount": 3_000, "customerEmail": "a@example.com", "customerMobilePhone": "01012345678",
        "cashReceipt": { "type": "소득공제", "registrationNumber": "01012345678" },
    });
    let issued = send(sim.toss(Method::POST, "/v1/virtual-accounts").json(&body)).await;
    assert_eq!((issued.status, &issued.json["cashReceipt"]), (200, &json!(null)), "{}", issued.text);
    sim.tell("/_sim/deposit", json!({ "orderId": order_id })).await
}

async fn issue(sim: &Simulator, changes: Value) -> Answer {
    let mut body = json!({
        "amount": 11_000, "orderId": "cash-0001", "orderName": "책", "type": "소득공제",
        "customerIdentityNumber": "01012345678",
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    send(sim.toss(Method::POST, "/v1/cash-receipts").json(&body)).await
}

async fn take_back(sim: &Simulator, key: &str, body: Value) -> Answer {
    send(sim.toss(Method::POST, &format!("/v1/cash-receipts/{key}/cancel")).json(&body)).await
}

/// The day of the simulator's clock.
async fn today(sim: &Simulator) -> String {
    sim.ask("/_sim/clock").await["now"].as_str().unwrap()[..10].to_owned()
}

async fn listed(sim: &Simulator, query: &str) -> Value {
    let answer = send(sim.toss(Method::GET, &format!("/v1/cash-receipts?{query}"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

#[tokio::test]
async fn a_deposit_issues_the_receipt_and_a_cancel_takes_its_part_back() {
    let sim = start().await;
    let paid = deposited(&sim, "order-0001").await;
    let receipt = &paid["cashReceipt"];
    assert_eq!((&receipt["amount"], &receipt["taxFreeAmount"]), (&json!(10_000), &json!(3_000)));
    let row = &paid["cashReceipts"][0];
    assert_eq!((&row["transactionType"], &row["issueStatus"]), (&json!("CONFIRM"), &json!("IN_PROGRESS")));
    assert_eq!(row["customerIdentityNumber"], "0101234****");
    let page = send(sim.bare(Method::GET, receipt["receiptUrl"].as_str().unwrap().strip_prefix(&sim.url).unwrap()));
    assert!(page.await.text.contains("테스트 현금영수증"));

    let account = json!({ "bank": "신한", "accountNumber": "110123456789", "holderName": "김토스" });
    let key = paid["paymentKey"].as_str().unwrap();
    let part = json!({
        "cancelReason": "변심", "cancelAmount": 4_000, "taxFreeAmount": 1_000, "refundReceiveAccount": account,
    });
    let canceled = sim.cancel(key, part).await.json;
    assert_eq!(canceled["cancels"][0]["taxFreeAmount"], 1_000);
    let left = &canceled["cashReceipt"];
    assert_eq!((&left["amount"], &left["taxFreeAmount"]), (&json!(6_000), &json!(2_000)));
    // 4000 of the rest are taxed.
    let tax = ["suppliedAmount", "vat", "taxFreeAmount"].map(|name| canceled[name].as_u64().unwrap());
    assert_eq!(tax, [3_636, 364, 2_000]);
    assert_eq!(canceled["cancels"][0]["receiptKey"], canceled["cashReceipts"][1]["receiptKey"]);
    assert_eq!(canceled["cashReceipts"][1]["transactionType"], "CANCEL");

    let rest = sim.cancel(key, json!({ "cancelReason": "변심", "refundReceiveAccount": account })).await.json;
    assert_eq!((&rest["cashReceipt"], &rest["cashReceipts"][2]["amount"]), (&json!(null), &json!(6_000)));
    sim.advance(DAY).await;
    assert_eq!(sim.look_up(key).await.json["cashReceipts"][0]["issueStatus"], "COMPLETED");
}

#[tokio::test]
async fn a_bank_that_takes_a_deposit_back_takes_the_receipt_back() {
    let sim = start().await;
    deposited(&sim, "order-0001").await;
    let taken = sim.tell("/_sim/deposit-error", json!({ "orderId": "order-0001" })).await;
    assert_eq!((&taken["cashReceipt"], &taken["cashReceipts"][1]["transactionType"]), (&json!(null), &json!("CANCEL")));
    let again = sim.tell("/_sim/deposit", json!({ "orderId": "order-0001" })).await;
    assert_eq!(again["cashReceipt"]["amount"], 10_000);
}

#[tokio::test]
async fn a_receipt_by_itself_is_issued_once_and_cancelled_in_parts() {
    let sim = start().await;
    let issued = issue(&sim, json!({ "taxFreeAmount": 1_000 })).await;
    assert_eq!((issued.status, &issued.json["issueStatus"]), (200, &json!("IN_PROGRESS")), "{}", issued.text);
    assert_eq!(issue(&sim, json!({})).await.refusal(), (400, "DUPLICATED_CASH_RECEIPT"));
    let key = issued.json["receiptKey"].as_str().unwrap();
    let part = take_back(&sim, key, json!({ "amount": 4_000 })).await.json;
    assert_eq!((&part["receiptKey"], &part["amount"]), (&json!(format!("c_{key}")), &json!(4_000)));
    assert_eq!(part["transactionType"], "CANCEL");
    assert_eq!(take_back(&sim, key, json!({ "amount": 7_001 })).await.refusal(), (403, "NOT_CANCELABLE_AMOUNT"));
    let rest = take_back(&sim, key, json!({})).await.json;
    assert_eq!((&rest["amount"], &rest["taxFreeAmount"]), (&json!(7_000), &json!(1_000)));
    assert_eq!(take_back(&sim, key, json!({})).await.refusal(), (403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!(take_back(&sim, "nobody", json!({})).await.refusal(), (404, "NOT_FOUND"));
    assert_eq!(issue(&sim, json!({})).await.status, 200, "the order has no receipt any more");
}

#[tokio::test]
async fn receipts_that_make_no_sense_are_refused() {
    let sim = start().await;
    for (changes, code) in [
        (json!({ "amount": 0 }), "BELOW_ZERO_AMOUNT"),
        (json!({ "orderId": "short" }), "INVALID_ORDER_ID"),
        (json!({ "orderName": "" }), "INVALID_ORDER_NAME"),
        (json!({ "type": "영수증" }), "INVALID_REQUEST"),
        (json!({ "taxFreeAmount": 11_001 }), "INVALID_REQUEST"),
        (json!({ "customerIdentityNumber": "1" }), "INVALID_REGISTRATION_NUMBER_TYPE"),
    ] {
        assert_eq!(issue(&sim, changes.clone()).await.refusal(), (400, code), "{changes}");
    }
    assert_eq!(listed(&sim, &format!("requestDate={}", today(&sim).await)).await["data"], json!([]));
}

#[tokio::test]
async fn the_receipts_of_a_day_are_listed_page_by_page() {
    let sim = start().await;
    let first_day = today(&sim).await;
    issue(&sim, json!({})).await;
    sim.advance(DAY).await;
    deposited(&sim, "order-0001").await;
    issue(&sim, json!({ "orderId": "cash-0002" })).await;
    let day = today(&sim).await;
    let orders =
        |list: &Value| list["data"].as_array().unwrap().iter().map(|row| row["orderId"].clone()).collect::<Vec<_>>();
    assert_eq!(orders(&listed(&sim, &format!("requestDate={first_day}")).await), ["cash-0001"]);
    let page = listed(&sim, &format!("requestDate={day}&limit=1")).await;
    assert_eq!((orders(&page), &page["hasNext"]), (vec![json!("order-0001")], &json!(true)));
    let next = listed(&sim, &format!("requestDate={day}&limit=1&cursor={}", page["lastCursor"])).await;
    assert_eq!((orders(&next), &next["hasNext"]), (vec![json!("cash-0002")], &json!(false)));
    let asked = send(sim.toss(Method::GET, "/v1/cash-receipts?requestDate=today")).await;
    assert_eq!(asked.refusal(), (400, "INVALID_DATE"));
}
