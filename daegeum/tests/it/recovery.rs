//! Workflows that are lost: ended by hand in every state of a checkout, or with all of Temporal. `daegeum recover`
//! starts them again, and the money is where it should be.

use std::time::Duration;

use serde_json::{Value, json};
use temporalio_client::WorkflowTerminateOptions;
use workflows::checkout::CheckoutWorkflow;

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
    virtual_accounts::stands_at,
};

on_both_databases!(
    a_workflow_that_is_ended_by_hand_goes_on_from_the_record,
    a_temporal_that_is_lost_is_recovered_from_the_database,
    no_other_payment_is_taken_while_a_lost_one_may_still_be_captured,
);

const PAID: u64 = 23_000;

/// Ends a workflow as an operator would.
async fn end(roles: &Roles, workflow_id: &str) {
    let client = roles.temporal().await;
    let workflow = client.get_workflow_handle::<CheckoutWorkflow>(workflow_id);
    workflow.terminate(WorkflowTerminateOptions::default()).await.unwrap();
}

async fn end_checkout(roles: &Roles, id: &str) {
    let checkout = roles.shop.get(&format!("/v1/payments/{id}")).await;
    end(roles, checkout["workflow"]["id"].as_str().unwrap()).await;
}

/// What `recover` says, which must end well.
pub(crate) fn recover(roles: &Roles, arguments: &[&str]) -> Vec<Value> {
    let mut command = roles.command(&["recover", "--json"]);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The ids of what is lost, and what became of each.
pub(crate) fn recovered(rows: &[Value]) -> Vec<(&str, &str, &str)> {
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| {
            assert!(row["error"].is_null(), "{row}");
            (row["id"].as_str().unwrap(), row["workflow"].as_str().unwrap(), row["result"].as_str().unwrap_or("-"))
        })
        .collect();
    told.sort_unstable();
    told
}

/// A fault of the simulator, for one order.
async fn fault(shop: &Shop, id: &str, on: &str, kind: &str, times: u32) {
    let code = (kind == "error_before").then_some("FAILED_INTERNAL_SYSTEM_PROCESSING");
    let mut mischief = json!({ "on": on, "kind": kind, "times": times, "orderId": id });
    if let Some(code) = code {
        mischief["code"] = code.into();
    }
    shop.simulate("mischief", &mischief).await;
}

/// Confirms in the background: the answer may never come.
fn confirm_later(shop: &Shop, id: &str, key: &str) -> tokio::task::JoinHandle<(u16, Value)> {
    let (shop, id, key) = (shop.clone(), id.to_owned(), key.to_owned());
    tokio::spawn(async move { shop.confirm(&id, &key, "23000").await })
}

async fn charged_at_toss(shop: &Shop, id: &str) {
    until(&format!("{id} is charged"), || async { shop.at_toss(id).await["charges"] == 1 }).await;
}

/// Brings checkouts into every state whose workflow has something to do. Answers the payment keys that matter later.
async fn every_state(shop: &Shop) {
    shop.create("left-open").await;

    for (id, kind) in [("unknown-paid", "garbage_after"), ("unknown-unsent", "error_before")] {
        shop.create(id).await;
        let key = shop.authorize(id).await;
        fault(shop, id, "confirm", kind, 0).await;
        fault(shop, id, "lookup", "error_before", 0).await;
        let _confirming = confirm_later(shop, id, &key);
        until(&format!("{id} is UNKNOWN"), || async { shop.status(id).await == "UNKNOWN" }).await;
    }

    shop.create("declined").await;
    let key = shop.authorize("declined").await;
    let declined =
        json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT", "orderId": "declined" });
    shop.simulate("mischief", &declined).await;
    assert_eq!(shop.confirm("declined", &key, "23000").await.0, 402);

    for id in ["awaited", "watched"] {
        shop.create(id).await;
        let key = shop.authorize_by(id, "가상계좌").await;
        shop.confirm(id, &key, "23000").await;
        stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    }
    shop.simulate("deposit", &json!({ "orderId": "watched" })).await;
    stands_at(shop, "watched", "SUCCESS").await;

    shop.create("stuck-checkout").await;
    let key = shop.authorize("stuck-checkout").await;
    shop.lock_out("stuck-checkout", 50).await;
    let _confirming = confirm_later(shop, "stuck-checkout", &key);
    shop.letter_of("stuck-checkout").await;

    shop.create("refunding").await;
    let key = shop.authorize("refunding").await;
    assert_eq!(shop.confirm("refunding", &key, "23000").await.0, 200);
    fault(shop, "refunding", "cancel", "garbage_after", 0).await;
    fault(shop, "refunding", "lookup", "error_before", 0).await;
    let body = json!({ "amount": "5000", "reason": "단순 변심" });
    assert_eq!(shop.cancel("refunding", "refund-1", &body).await.status, 202);

    // The last: for some seconds only does no record name its payment.
    shop.create("sent-unrecorded").await;
    let key = shop.authorize("sent-unrecorded").await;
    fault(shop, "sent-unrecorded", "confirm", "execute_and_stall", 0).await;
    let _sent = confirm_later(shop, "sent-unrecorded", &key);
    charged_at_toss(shop, "sent-unrecorded").await;
}

/// The states, by checkout: all but the refund.
const LOST: [&str; 8] = [
    "sent-unrecorded",
    "awaited",
    "declined",
    "left-open",
    "stuck-checkout",
    "unknown-paid",
    "unknown-unsent",
    "watched",
];

/// Everything comes to rest as if nothing had been lost.
async fn everything_ends_well(roles: &Roles) {
    let shop = &roles.shop;
    for id in ["sent-unrecorded", "unknown-paid", "unknown-unsent", "stuck-checkout", "watched"] {
        until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
    }
    for id in ["left-open", "declined"] {
        let key = shop.authorize(id).await;
        until(&format!("{id} takes a payment"), || async { shop.confirm(id, &key, "23000").await.0 == 200 }).await;
    }
    shop.simulate("deposit", &json!({ "orderId": "awaited" })).await;
    stands_at(shop, "awaited", "SUCCESS").await;
    // The bank takes the watched deposit back, and the buyer pays once more.
    shop.simulate("deposit-error", &json!({ "orderId": "watched" })).await;
    stands_at(shop, "watched", "WAITING_FOR_DEPOSIT").await;
    shop.simulate("deposit", &json!({ "orderId": "watched" })).await;
    stands_at(shop, "watched", "SUCCESS").await;
    until("the refund is known", || async {
        shop.get("/v1/payments/refunding").await["refunds"][0]["status"] == "SUCCEEDED"
    })
    .await;
    let paid = 9 * PAID - 5_000;
    assert_eq!((shop.charged().await, shop.receivable().await), ((paid, 0), paid));
    assert_eq!(shop.get("/v1/dead-letters?status=OPEN").await["data"], json!([]));
    roles.verify_books();
}

async fn a_workflow_that_is_ended_by_hand_goes_on_from_the_record(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    every_state(&roles.shop).await;
    assert_eq!(recovered(&recover(&roles, &["--yes"])), [], "what runs is left alone");
    for id in LOST {
        end_checkout(&roles, id).await;
    }
    let refund = roles.shop.get("/v1/payments/refunding").await["refunds"][0]["refund_id"].as_str().unwrap().to_owned();
    end(&roles, &refund).await;
    until("the queue of refunds has ended", || async { recover(&roles, &[]).len() == LOST.len() + 1 }).await;

    let doctor = roles.command(&["doctor"]).output().unwrap();
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success() && told.contains("daegeum recover --yes"), "{told}");
    for id in LOST {
        assert!(told.contains(&format!("{id} is ")), "the doctor does not name {id}: {told}");
    }
    // The payment of `sent-unrecorded` is recorded nowhere yet.
    assert_eq!(roles.shop.status("sent-unrecorded").await, "NOT_STARTED");
    roles.shop.end_mischief().await;
    let dry = recover(&roles, &[]);
    assert!(recovered(&dry).iter().all(|(_, workflow, result)| (*workflow, *result) == ("TERMINATED", "-")), "{dry:?}");
    let rows = recover(&roles, &["--yes"]);
    let told = recovered(&rows);
    assert_eq!(told.len(), LOST.len() + 1);
    assert!(told.iter().all(|(.., result)| *result == "restarted"), "{told:?}");
    assert_eq!(recovered(&recover(&roles, &["--yes"])), [], "it is safe to repeat");
    let lines = roles.command(&["audit", "list", "--json", "--limit", "1000"]).output().unwrap();
    let lines: Vec<Value> = serde_json::from_slice(&lines.stdout).unwrap();
    assert_eq!(lines.iter().filter(|line| line["action"] == "recover").count(), LOST.len() + 1, "{lines:?}");
    everything_ends_well(&roles).await;
    until("the doctor is content", || async {
        let doctor = roles.command(&["doctor"]).output().unwrap();
        !String::from_utf8_lossy(&doctor.stdout).contains("nobody carries it on")
    })
    .await;
}

async fn a_temporal_that_is_lost_is_recovered_from_the_database(database: Kind) {
    let mut roles = Roles::start(database).await;
    let worker = roles.role("worker");
    every_state(&roles.shop).await;
    drop(worker);
    roles.lose_temporal().await;
    roles.shop.end_mischief().await;
    let cluster = |action: &str| roles.command(&["cluster", action, "--json"]).output().unwrap();
    assert_eq!(cluster("status").status.code(), Some(1), "a fresh server has no search attributes");
    let applied = cluster("apply");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stdout));
    for action in ["apply", "status"] {
        let told: Value = serde_json::from_slice(&cluster(action).stdout).unwrap();
        assert!(told["parts"].as_array().unwrap().iter().all(|part| part["state"] == "ok"), "{told}");
    }
    let _worker = roles.role("worker");
    // Nothing that was lost can still be under way: Toss lets a payment be confirmed for ten minutes.
    let lost_at = (chrono::Utc::now() - Duration::from_secs(11 * 60)).to_rfc3339();
    let rows = recover(&roles, &["--yes", "--lost-at", &lost_at]);
    let told = recovered(&rows);
    assert_eq!(told.len(), LOST.len() + 1);
    assert!(told.iter().all(|(_, workflow, result)| (*workflow, *result) == ("MISSING", "restarted")), "{told:?}");
    assert_eq!(recovered(&recover(&roles, &["--yes"])), [], "it is safe to repeat");
    everything_ends_well(&roles).await;
}

/// A request of the lost workflow arrives late, when the buyer has already come back with another payment.
async fn no_other_payment_is_taken_while_a_lost_one_may_still_be_captured(database: Kind) {
    let mut roles = Roles::start(database).await;
    let worker = roles.role("worker");
    roles.shop.create("late-payment").await;
    let first = roles.shop.authorize("late-payment").await;
    drop(worker);
    roles.lose_temporal().await;
    assert!(roles.command(&["cluster", "apply"]).output().unwrap().status.success());
    let _worker = roles.role("worker");
    assert_eq!(recovered(&recover(&roles, &["--yes"])), [("late-payment", "MISSING", "restarted")]);
    let shop = &roles.shop;
    let second = shop.authorize("late-payment").await;
    let confirming = confirm_later(shop, "late-payment", &second);
    until("Toss was asked for the payment", || async { shop.look_ups("late-payment").await > 1 }).await;
    assert_eq!(shop.at_toss("late-payment").await["charges"], 0, "the second payment waits");
    let body = json!({ "paymentKey": first, "orderId": "late-payment", "amount": PAID });
    let request = shop.http.post(format!("{}/v1/payments/confirm", shop.simulator)).json(&body);
    let late = request.basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some("")).send().await.unwrap();
    assert_eq!(late.status(), 200, "{}", late.text().await.unwrap());
    until("it is found and booked", || async { shop.status("late-payment").await == "SUCCESS" }).await;
    let answer = confirming.await.unwrap();
    assert!([404, 409, 503].contains(&answer.0), "{answer:?}");
    assert_eq!((shop.charged().await, shop.receivable().await), ((PAID, 0), PAID));
    roles.verify_books();
}
