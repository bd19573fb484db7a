//! Cash receipts: issued and taken back with the payment, followed until the tax office has answered, and in front of a
//! person where they do not say what was paid. No money waits for them.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    payouts::write,
    reconciliation::{at_toss_by_key, reconcile},
    roles::Roles,
    schedules::{completed, has_schedule, temporal},
    stack::{Shop, day_after, until},
};

on_both_databases!(receipts_follow_the_money, a_refused_receipt_holds_no_money_up_and_is_seen);

const REFUND_ACCOUNT: &str = "110123456789";

/// A sale by virtual account whose buyer asked for a receipt in the payment window.
async fn sell(shop: &Shop, id: &str) {
    shop.create(id).await;
    let wish = json!({ "type": "소득공제", "registrationNumber": "01012345678" });
    let body = json!({ "orderId": id, "amount": 23_000, "method": "가상계좌", "cashReceipt": wish });
    let authorized = shop.simulate("authorize", &body).await;
    let key = authorized["paymentKey"].as_str().unwrap();
    assert_eq!(shop.confirm(id, key, "23000").await.1["status"], "WAITING_FOR_DEPOSIT");
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    until("the deposit is booked", || async { shop.status(id).await == "SUCCESS" }).await;
}

async fn refund(shop: &Shop, id: &str, key: &str, amount: &str) {
    let account = json!({ "bank": "20", "account_number": REFUND_ACCOUNT, "holder_name": "김구매" });
    let body = json!({ "amount": amount, "reason": "변심", "refund_account": account });
    let before = given_back(shop, id).await;
    let refunded = shop.cancel(id, key, &body).await;
    assert!([200, 202].contains(&refunded.status), "{}", refunded.body);
    let after = before + amount.parse::<u64>().unwrap();
    until("the refund is booked", || async { given_back(shop, id).await == after }).await;
}

async fn given_back(shop: &Shop, id: &str) -> u64 {
    let payment = shop.get(&format!("/v1/payments/{id}")).await;
    let orders = payment["payment_orders"].as_array().unwrap().iter();
    orders.map(|order| order["refunded_amount"].as_str().unwrap().parse::<u64>().unwrap()).sum()
}

async fn receipts(shop: &Shop, id: &str) -> Value {
    shop.get(&format!("/v1/payments/{id}/cash-receipts")).await
}

/// Waits until the receipts stand so. The schedule asks Toss each minute; a look is brought on at once.
async fn stand(roles: &Roles, id: &str, standing: &str) -> Value {
    let schedule = temporal::CASH_RECEIPT_SCHEDULE;
    has_schedule(roles, schedule).await;
    temporal_of(roles, schedule);
    until(&format!("the receipts of {id} are {standing}"), || async {
        let found = receipts(&roles.shop, id).await["standing"] == standing;
        if !found {
            temporal_of(roles, schedule);
        }
        found
    })
    .await;
    receipts(&roles.shop, id).await
}

fn temporal_of(roles: &Roles, schedule: &str) {
    temporal(roles, &["schedule", "trigger", "--schedule-id", schedule]);
}

/// The time of the next question comes.
async fn ask_now(roles: &Roles, id: &str) {
    let due = format!("UPDATE cash_receipt_watches SET look_at = looked_at WHERE checkout_id = '{id}'");
    write(&roles.database_url(), &[due]).await;
}

/// Entry, status and amount of each receipt.
fn told(found: &Value) -> Vec<[&str; 3]> {
    let receipts = found["receipts"].as_array().unwrap().iter();
    receipts.map(|receipt| ["entry", "status", "amount"].map(|field| receipt[field].as_str().unwrap())).collect()
}

async fn receipts_follow_the_money(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    sell(shop, "receipted").await;
    let found = stand(&roles, "receipted", "IN_PROGRESS").await;
    assert_eq!(told(&found), [["ISSUE", "IN_PROGRESS", "23000"]]);
    let receipt = &found["receipts"][0];
    assert_eq!(receipt["purpose"], "INCOME_DEDUCTION", "{receipt}");
    assert!(receipt["number"].is_string() && receipt["requested_at"].is_string(), "{receipt}");
    assert!(!found.to_string().contains("01012345678"), "the buyer's number is kept: {found}");

    refund(shop, "receipted", "part-1", "3000").await;
    let taken_back = |found: &Value| told(found).len() == 2;
    until("the cancellation is seen", || async {
        temporal_of(&roles, temporal::CASH_RECEIPT_SCHEDULE);
        taken_back(&receipts(shop, "receipted").await)
    })
    .await;
    let expected = [["ISSUE", "IN_PROGRESS", "23000"], ["CANCEL", "IN_PROGRESS", "3000"]];
    assert_eq!(told(&receipts(shop, "receipted").await), expected);

    // The tax office answers.
    shop.simulate("clock", &json!({ "advance_s": 90_000 })).await;
    ask_now(&roles, "receipted").await;
    let found = stand(&roles, "receipted", "ISSUED").await;
    assert_eq!(told(&found), [["ISSUE", "COMPLETED", "23000"], ["CANCEL", "COMPLETED", "3000"]]);
    let report = shop.get("/v1/reports/cash-receipts").await;
    let sale = &report["sales"][0];
    assert_eq!([&sale["receipt"], &sale["receipted"]], [&json!("ISSUED"), &json!("20000")], "{report}");

    refund(shop, "receipted", "rest", "20000").await;
    shop.simulate("clock", &json!({ "advance_s": 90_000 })).await;
    until("the rest is taken back", || async {
        ask_now(&roles, "receipted").await;
        temporal_of(&roles, temporal::CASH_RECEIPT_SCHEDULE);
        receipts(shop, "receipted").await["standing"] == "TAKEN_BACK"
    })
    .await;
    let report = shop.get("/v1/reports/cash-receipts").await;
    assert_eq!(report["sales"], json!([]), "all was given back, and its receipts say so");

    // A card needs no receipt, and Toss is not asked about one.
    crate::reconciliation::paid(shop, "by-card").await;
    let found = receipts(shop, "by-card").await;
    assert_eq!([&found["standing"], &found["receipts"]], [&Value::Null, &json!([])], "{found}");
    roles.verify_books();

    completed(&roles, "cash_receipts", 1).await;
    let query = "WorkflowType = 'cash_receipts' AND ExecutionStatus = 'Completed'";
    let listed = temporal(&roles, &["workflow", "list", "--query", query]);
    let workflow = listed[0]["execution"]["workflowId"].as_str().unwrap();
    roles.record_history_of("followed.cash_receipts", workflow).await;
}

async fn a_refused_receipt_holds_no_money_up_and_is_seen(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    sell(shop, "refused").await;
    let found = stand(&roles, "refused", "IN_PROGRESS").await;
    let issued = found["receipts"][0]["receipt_key"].as_str().unwrap().to_owned();

    // The tax office refuses the cancellation: the buyer has the money back all the same.
    refund(shop, "refused", "part", "3000").await;
    until("the cancellation is seen", || async {
        temporal_of(&roles, temporal::CASH_RECEIPT_SCHEDULE);
        told(&receipts(shop, "refused").await).len() == 2
    })
    .await;
    shop.simulate(&format!("cash-receipts/c_{issued}/fail"), &json!({ "message": "[TS9] 취소 불가" })).await;
    ask_now(&roles, "refused").await;
    let found = stand(&roles, "refused", "FAILED").await;
    let canceled = &found["receipts"][1];
    assert_eq!(canceled["failure"]["message"], "[TS9] 취소 불가", "{found}");
    assert_eq!(shop.status("refused").await, "PARTIALLY_REFUNDED");
    let report = shop.get("/v1/reports/cash-receipts").await;
    let sale = &report["sales"][0];
    assert_eq!([&sale["receipt"], &sale["receipted"]], [&json!("FAILED"), &json!("23000")], "{report}");

    // A person sees it in the morning.
    let (code, report) = reconcile(&roles, &["--grace", "0m"]);
    let seen = |report: &Value| -> Vec<Value> {
        let all = report["breaks"].as_array().unwrap().iter();
        all.filter(|found| found["subject"] == "cash receipt refused").cloned().collect()
    };
    let found = seen(&report);
    assert_eq!((code, found.len()), (Some(1), 1), "{report}");
    assert_eq!(found[0]["type"], "attribute_differs", "{report}");

    // The receipt is taken back at Toss once more, and the break closes.
    at_toss_by_key(shop, &format!("cash-receipts/{issued}/cancel"), &json!({ "amount": 3_000 })).await;
    ask_now(&roles, "refused").await;
    let found = stand(&roles, "refused", "IN_PROGRESS").await;
    assert_eq!(told(&found).len(), 3, "{found}");
    let (_, report) = reconcile(&roles, &["--grace", "0m"]);
    assert_eq!(seen(&report), Vec::<Value>::new(), "{report}");

    // Toss does not answer about one payment: it is asked again, and others are not held up.
    sell(shop, "silent").await;
    sell(shop, "told-1").await;
    let stalls = json!({ "on": "lookup", "kind": "error_before", "code": "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "times": 0, "orderId": "silent" });
    shop.simulate("mischief", &stalls).await;
    stand(&roles, "told-1", "IN_PROGRESS").await;
    shop.end_mischief().await;
    until("the silent one is told", || async {
        write(
            &roles.database_url(),
            &["UPDATE cash_receipt_watches SET look_at = (SELECT MIN(created_at) FROM payment_events) \
               WHERE checkout_id = 'silent' AND look_at IS NOT NULL"
                .to_owned()],
        )
        .await;
        temporal_of(&roles, temporal::CASH_RECEIPT_SCHEDULE);
        receipts(shop, "silent").await["standing"] == "IN_PROGRESS"
    })
    .await;
    roles.verify_books();
    let late = shop.get(&format!("/v1/reports/cash-receipts?date={}", day_after(6))).await;
    assert_eq!(late["sales"], json!([]), "{late}");
}
