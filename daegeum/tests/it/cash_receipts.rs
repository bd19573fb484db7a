//! Cash receipts: issued and taken back with the payment, followed until the tax office has answered, and in front of a
//! person where they do not say what was paid. No money waits for them.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use store::Keyring;

use crate::{
    database::Kind,
    on_both_databases,
    payouts::write,
    reconciliation::{at_toss_by_key, reconcile},
    roles::Roles,
    schedules::{completed, has_schedule, temporal},
    stack::{Shop, day_after, insist, until},
};

on_both_databases!(
    receipts_follow_the_money,
    a_refused_receipt_holds_no_money_up_and_is_seen,
    a_receipt_that_is_asked_for_is_issued_and_taken_back_once_whatever_fails,
);

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

/// The number that receipts are asked for; no answer, row or list holds it in the clear.
const NUMBER: &str = "01098765432";
/// What goes wrong with a call to Toss, once each.
const FAULTS: [&str; 6] =
    ["refuse_connection", "rate_limit", "error_before", "execute_and_error", "garbage_after", "cut_body"];

async fn ask(shop: &Shop, id: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = shop.http.post(format!("{}/v1/payments/{id}/cash-receipts", shop.api)).bearer_auth(&shop.api_key);
    insist(request.header("idempotency-key", key).json(body)).await
}

/// A sale by virtual account whose buyer asked for no receipt.
async fn sell_without_a_word(shop: &Shop, id: &str) {
    shop.create(id).await;
    let body = json!({ "orderId": id, "amount": 23_000, "method": "가상계좌" });
    let key = shop.simulate("authorize", &body).await["paymentKey"].as_str().unwrap().to_owned();
    let (status, answer) = insist(shop.confirmation(id, &key, "23000")).await;
    assert!([200, 202].contains(&status), "{answer}");
    until("an account is there", || async { shop.status(id).await == "WAITING_FOR_DEPOSIT" }).await;
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    until("the deposit is booked", || async { shop.status(id).await == "SUCCESS" }).await;
}

/// Kind and amount of each receipt of an order that Toss lists today.
async fn listed(shop: &Shop, id: &str) -> Vec<(String, u64)> {
    let url = format!("{}/v1/cash-receipts?requestDate={}", shop.simulator, day_after(0));
    let (_, list) = insist(shop.http.get(url).basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some(""))).await;
    let of_order = list["data"].as_array().unwrap().iter().filter(|receipt| receipt["orderId"] == id);
    let shown = |receipt: &Value| {
        (receipt["transactionType"].as_str().unwrap().to_owned(), receipt["amount"].as_u64().unwrap())
    };
    of_order.map(shown).collect()
}

/// Looks again and again, as if each pause were over, until the requests of a payment stand so.
async fn settles(roles: &Roles, id: &str, statuses: &[&str]) -> Value {
    let schedule = temporal::CASH_RECEIPT_SCHEDULE;
    has_schedule(roles, schedule).await;
    until(&format!("the requests of {id} are {statuses:?}"), || async {
        let found = receipts(&roles.shop, id).await;
        let requests = found["requests"].as_array().unwrap();
        if requests.iter().map(|request| request["status"].as_str().unwrap()).eq(statuses.iter().copied()) {
            return true;
        }
        let now = "(SELECT MIN(created_at) FROM payment_events)";
        let due = [
            format!("UPDATE cash_receipt_requests SET try_at = {now}"),
            format!("UPDATE cash_receipt_watches SET look_at = {now}"),
        ];
        write(&roles.database_url(), &due).await;
        temporal_of(roles, schedule);
        false
    })
    .await;
    receipts(&roles.shop, id).await
}

async fn a_receipt_that_is_asked_for_is_issued_and_taken_back_once_whatever_fails(database: Kind) {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("daegeum.toml");
    let keys = Keyring::generate("papers").unwrap();
    std::fs::write(&config, format!("encryption_keys = \"{keys}\"\n")).unwrap();
    let roles = Roles::start_with(database, &["--config", config.to_str().unwrap()]).await;
    let mut worker = roles.role("worker");
    let shop = &roles.shop;
    let body = json!({ "purpose": "INCOME_DEDUCTION", "number": "010-9876-5432" });

    // What takes no receipt is refused, and says why.
    crate::reconciliation::paid(shop, "by-card").await;
    let (status, refused) = ask(shop, "by-card", "card", &body).await;
    assert_eq!((status, &refused["code"]), (409, &json!("cash_receipt_refused")), "{refused}");
    shop.create("unpaid").await;
    assert_eq!(ask(shop, "unpaid", "unpaid", &body).await.1["code"], "not_paid");
    for number in ["4330123412341234", "0109876", "010_9876_5432"] {
        let wrong = json!({ "purpose": "EXPENSE_PROOF", "number": number });
        let (status, refused) = ask(shop, "unpaid", "number", &wrong).await;
        assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("number")), "{refused}");
    }

    // Asked for twice at once and again, it is one request; another is refused.
    sell_without_a_word(shop, "asked-1").await;
    let [one, other] = [ask(shop, "asked-1", "asked-1", &body), ask(shop, "asked-1", "asked-1", &body)];
    let (one, other) = tokio::join!(one, other);
    assert_eq!([one.0, other.0], [202, 202], "{} {}", one.1, other.1);
    assert_eq!(one.1["requests"].as_array().unwrap().len(), 1, "{}", one.1);
    assert_eq!(ask(shop, "asked-1", "another", &body).await.1["code"], "cash_receipt_refused");
    let other_purpose = json!({ "purpose": "EXPENSE_PROOF", "number": "1234567890" });
    assert_eq!(ask(shop, "asked-1", "asked-1", &other_purpose).await.1["code"], "idempotency_key_reused");
    let found = settles(&roles, "asked-1", &["DONE"]).await;
    assert_eq!(found["requests"][0]["amount"], "23000", "{found}");
    stand(&roles, "asked-1", "IN_PROGRESS").await;
    assert!(!found.to_string().contains(NUMBER), "{found}");
    assert_eq!(listed(shop, "asked-1").await, [("CONFIRM".to_owned(), 23_000)]);

    // Of one that is asked for after a refund, the receipt is for what is left.
    sell_without_a_word(shop, "asked-late").await;
    refund(shop, "asked-late", "late-1", "3000").await;
    assert_eq!(ask(shop, "asked-late", "late", &body).await.0, 202);
    settles(&roles, "asked-late", &["DONE"]).await;
    assert_eq!(listed(shop, "asked-late").await, [("CONFIRM".to_owned(), 20_000)]);

    // Whatever goes wrong with the calls, each receipt is issued once.
    let ids: Vec<String> = FAULTS.iter().map(|fault| format!("wrong-{}", fault.replace('_', "-"))).collect();
    for id in &ids {
        sell_without_a_word(shop, id).await;
        assert_eq!(ask(shop, id, id, &body).await.0, 202);
    }
    let go_wrong = async || {
        for kind in FAULTS {
            shop.simulate("mischief", &json!({ "on": "cash_receipts", "kind": kind, "times": 1 })).await;
        }
    };
    go_wrong().await;
    for id in &ids {
        settles(&roles, id, &["DONE"]).await;
    }
    went_wrong(shop, 1).await;
    for id in &ids {
        assert_eq!(listed(shop, id).await, [("CONFIRM".to_owned(), 23_000)], "{id}");
    }
    // And each part is taken back once.
    for id in &ids {
        refund(shop, id, &format!("{id}-part"), "5000").await;
    }
    go_wrong().await;
    for id in &ids {
        settles(&roles, id, &["DONE", "DONE"]).await;
    }
    went_wrong(shop, 2).await;
    for id in &ids {
        let expected = [("CONFIRM".to_owned(), 23_000), ("CANCEL".to_owned(), 5_000)];
        assert_eq!(listed(shop, id).await, expected, "{id}");
    }

    // The worker dies while Toss has issued the receipt and not answered. Another worker finds the receipt.
    sell_without_a_word(shop, "worker-dies").await;
    assert_eq!(ask(shop, "worker-dies", "dies", &body).await.0, 202);
    let stalls = json!({ "on": "cash_receipts", "kind": "execute_and_stall", "times": 1, "orderId": "worker-dies" });
    shop.simulate("mischief", &stalls).await;
    temporal_of(&roles, temporal::CASH_RECEIPT_SCHEDULE);
    until("Toss has issued it", || async {
        let calls = shop.calls().await;
        calls.iter().any(|call| call["mischief"] == "execute_and_stall" && call["took_effect"] == true)
    })
    .await;
    worker.signal(Signal::SIGKILL);
    assert!(!worker.wait(std::time::Duration::from_secs(30)), "it was killed");
    assert_eq!(receipts(shop, "worker-dies").await["requests"][0]["status"], "PENDING");
    end_runs(&roles);
    let _another = roles.role("worker");
    settles(&roles, "worker-dies", &["DONE"]).await;
    assert_eq!(listed(shop, "worker-dies").await, [("CONFIRM".to_owned(), 23_000)]);

    // All is given back, and all of the receipt with it.
    refund(shop, "asked-1", "asked-rest", "23000").await;
    settles(&roles, "asked-1", &["DONE", "DONE"]).await;
    assert_eq!(listed(shop, "asked-1").await, [("CONFIRM".to_owned(), 23_000), ("CANCEL".to_owned(), 23_000)]);
    let statement = shop.get("/v1/payments/asked-1/purchase-statement").await;
    assert_eq!(statement["cash_receipts"].as_array().unwrap().len(), 2, "{statement}");
    let gone = ask(shop, "asked-1", "gone", &body).await.1;
    assert_eq!(gone["code"], "cash_receipt_refused", "{gone}");
    roles.verify_books();
}

/// Each fault that reaches Toss happened so often by now, and no more of them happen.
async fn went_wrong(shop: &Shop, times: usize) {
    let calls = shop.calls().await;
    for kind in ["error_before", "execute_and_error", "garbage_after", "cut_body"] {
        let happened = calls.iter().filter(|call| call["mischief"] == kind).count();
        assert!(happened >= times, "{kind} happened {happened} times");
    }
    shop.end_mischief().await;
}

/// Ends the runs of the schedule whose worker is gone, so that the next one need not wait until their time is up.
fn end_runs(roles: &Roles) {
    let query = "WorkflowType = 'cash_receipts' AND ExecutionStatus = 'Running'";
    for run in temporal(roles, &["workflow", "list", "--query", query]).as_array().unwrap() {
        let id = run["execution"]["workflowId"].as_str().unwrap();
        temporal(roles, &["workflow", "terminate", "--workflow-id", id]);
    }
}
