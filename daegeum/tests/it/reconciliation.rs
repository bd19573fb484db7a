//! `daegeum reconcile`: planted breaks among clean payments, faults of the other side, and what people do about breaks.

mod attributes;
mod booking;
mod bulk;
mod closing;
mod currencies;
mod escalated;
mod holidays;
mod killed;
mod lists;
pub(crate) mod payouts;
pub(crate) mod planted;
mod proof;
mod repairs;
mod reports;
pub(crate) mod sweeps;
mod weeks;

use serde_json::{Value, json};
use temporalio_client::{Client, WorkflowStartOptions};
use workflows::{
    TASK_QUEUE,
    reconciliation::{ReconciliationInput, ReconciliationWorkflow},
};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, day_after, insist, until},
};

on_both_databases!(books_and_toss_are_compared, a_database_of_another_day_does_not_agree);

/// Reconciles today. Answers the exit code, and what it said.
pub(crate) fn reconcile(roles: &Roles, flags: &[&str]) -> (Option<i32>, Value) {
    reconcile_day(roles, &today(), flags)
}

fn reconcile_day(roles: &Roles, day: &str, flags: &[&str]) -> (Option<i32>, Value) {
    let mut command = roles.command(&["reconcile", "--day", day, "--json"]);
    let output = command.args(flags).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(report["agrees"], output.status.success(), "{report}");
    (output.status.code(), report)
}

/// Reconciles a day of the simulator's clock, which is ahead of ours, and judges it on another. Answers the run.
async fn reconcile_ahead(temporal: &Client, shop: &Shop, day: &str, as_of: &str) -> Value {
    let (date, judged) = (day.to_owned(), Some(as_of.to_owned()));
    let input = ReconciliationInput { day: date, as_of: judged, grace_ms: Some(0), silence_ms: None };
    let options = WorkflowStartOptions::new(TASK_QUEUE, format!("reconciliation.{day}")).build();
    let run = temporal.start_workflow(ReconciliationWorkflow::run, input, options).await.unwrap();
    run.get_result(Default::default()).await.unwrap();
    shop.get(&format!("/v1/reconciliations/{day}")).await
}

fn today() -> String {
    day_after(0)
}

/// What stands apart: subject and type, in the order of the report.
fn apart(report: &Value) -> Vec<(&str, &str)> {
    let breaks = report["breaks"].as_array().unwrap().iter();
    breaks.map(|found| (found["subject"].as_str().unwrap(), found["type"].as_str().unwrap())).collect()
}

fn figure<'a>(report: &'a Value, layer: &str, name: &str) -> &'a str {
    report["layers"][layer]["figures"][name].as_str().unwrap_or("none")
}

pub(crate) async fn paid(shop: &Shop, id: &str) -> String {
    shop.create(id).await;
    let key = shop.authorize(id).await;
    let (status, answer) = insist(shop.confirmation(id, &key, "23000")).await;
    // On a busy machine the outcome is not known at once.
    assert!([200, 202].contains(&status), "{id}: {status} {answer}");
    until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
    key
}

/// Somebody uses our secret key at Toss past daegeum.
async fn at_toss(shop: &Shop, path: &str, body: &Value) {
    at_toss_by_key(shop, &format!("payments/{path}"), body).await;
}

/// The same with any call of Toss's API.
pub(crate) async fn at_toss_by_key(shop: &Shop, path: &str, body: &Value) {
    let request = shop.http.post(format!("{}/v1/{path}", shop.simulator));
    let request = request.basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some("")).json(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap());
}

async fn books_and_toss_are_compared(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let (code, nothing) = reconcile(&roles, &["--grace", "0m"]);
    assert_eq!((code, figure(&nothing, "transactions", "transactions")), (Some(0), "none"), "{nothing}");

    for id in ["paid-1", "paid-2", "given-back", "given-back-later"] {
        paid(shop, id).await;
    }
    let body = json!({ "amount": "5000", "reason": "변심" });
    assert_eq!(shop.cancel("paid-2", "part", &body).await.status, 200);
    assert_eq!(shop.delete("given-back").await.status, 200);
    // Charged and given back by daegeum itself: nothing of it is in the books, and nothing is held.
    shop.create("undone").await;
    let key = shop.authorize("undone").await;
    shop.simulate("mischief", &json!({ "on": "confirm", "kind": "wrong_amount", "orderId": "undone" })).await;
    shop.confirm("undone", &key, "23000").await;
    until("nothing is held of the wrong amount", || async { shop.status("undone").await == "FAILED" }).await;

    // Toss lists the opening of an account as a transaction of nothing.
    shop.create("waiting").await;
    let key = shop.authorize_by("waiting", "가상계좌").await;
    assert_eq!(shop.confirm("waiting", &key, "23000").await.1["status"], "WAITING_FOR_DEPOSIT");

    let (code, report) = reconcile(&roles, &["--grace", "0m"]);
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("CLEAN")), "{report}");
    let figures = ["transactions", "in_books_taken_KRW", "in_books_given_back_KRW"];
    assert_eq!(figures.map(|name| figure(&report, "transactions", name)), ["8", "92000", "28000"], "{report}");

    // Another one that holds our key cancels a part, and charges for an order of its own.
    let key = shop.get("/v1/payments/given-back-later").await["psp"]["payment_key_suffix"].clone();
    let full = shop.at_toss("given-back-later").await["paymentKey"].as_str().unwrap().to_owned();
    assert!(full.ends_with(key.as_str().unwrap()));
    at_toss(shop, &format!("{full}/cancel"), &json!({ "cancelReason": "by hand", "cancelAmount": 3_000 })).await;
    let foreign = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": foreign, "orderId": "of-another-shop", "amount": 23_000 });
    at_toss(shop, "confirm", &charge).await;

    let (code, recent) = reconcile(&roles, &["--grace", "1h"]);
    assert_eq!(code, Some(1), "{recent}");
    assert_eq!(apart(&recent), [("of-another-shop", "unknown_payment")]);
    assert_eq!(figure(&recent, "transactions", "under_way"), "1", "not yet is not a break: {recent}");
    let (_, settled) = reconcile(&roles, &["--grace", "0m"]);
    let expected = [("given-back-later", "refund_at_console"), ("of-another-shop", "unknown_payment")];
    assert_eq!(apart(&settled), expected, "{settled}");
    let differs = &settled["breaks"][0];
    assert_eq!((&differs["theirs"], &differs["ours"]), (&json!("20000"), &json!("23000")), "{differs}");

    let readable = roles.command(&["reconcile", "--day", &today(), "--grace", "0m"]).output().unwrap();
    let lines = String::from_utf8(readable.stdout).unwrap();
    assert!(lines.contains("B-14 unknown_payment OPEN"), "{lines}");
    assert!(lines.ends_with("Not all matched: 2 open breaks.\n"), "{lines}");
    let tomorrow = roles.command(&["reconcile", "--day", "2999-01-01"]).output().unwrap();
    assert!(tomorrow.status.code() == Some(3) && tomorrow.stdout.is_empty());
}

/// The database of one shop with the Toss of another: what a backup lacks is missing on the one side, and what Toss
/// never had on the other.
async fn a_database_of_another_day_does_not_agree(database: Kind) {
    let (roles, other) = (Roles::start(database).await, Roles::start(database).await);
    let other_worker = other.role("worker");
    let worker = roles.role("worker");
    paid(&roles.shop, "lost-at-toss").await;
    paid(&other.shop, "lost-in-books").await;
    drop((worker, other_worker));
    let mut command = roles.command(&["--listen", "127.0.0.1:0", "worker"]);
    let log = roles.log("other-worker");
    let _worker = crate::stack::Process::start(command.env("TOSS_BASE_URL", &other.shop.simulator), &log);
    let (code, report) = reconcile(&roles, &[]);
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(apart(&report), [("lost-at-toss", "missing_at_psp"), ("lost-in-books", "unknown_payment")]);
    let classes = report["breaks"].as_array().unwrap().iter().map(|found| found["class"].as_str().unwrap());
    assert_eq!(classes.collect::<Vec<_>>(), ["investigation", "investigation"]);
}

/// One fault of Toss is asked past; one that stays costs the verdict, and nothing is opened or closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_toss_costs_the_verdict_and_opens_and_closes_nothing() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let foreign = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": foreign, "orderId": "of-another-shop", "amount": 23_000 });
    at_toss(shop, "confirm", &charge).await;
    let fault = async |on: &str, kind: &str, times: u32| {
        let code = "FAILED_INTERNAL_SYSTEM_PROCESSING";
        let mischief = json!({ "on": on, "kind": kind, "code": code, "times": times });
        shop.simulate("mischief", &mischief).await;
    };
    let compare = || reconcile(&roles, &["--grace", "0m"]);
    let verdict = |(code, report): (Option<i32>, Value)| {
        assert_eq!((code, &report["verdict"]), (Some(3), &json!("NO_VERDICT")), "{report}");
        assert_eq!(report["breaks"], json!([]), "{report}");
        report["reason"].as_str().unwrap().to_owned()
    };
    let known = || {
        let listed = roles.command(&["breaks", "list", "--json"]).output().unwrap();
        let breaks: Value = serde_json::from_slice(&listed.stdout).unwrap();
        breaks.as_array().unwrap().iter().map(|found| found["status"].clone()).collect::<Vec<_>>()
    };

    // All is listed, and the order that seems to differ cannot be looked at.
    fault("lookup", "error_before", 0).await;
    assert!(verdict(compare()).contains("FAILED_INTERNAL_SYSTEM_PROCESSING"));
    assert_eq!(known(), Vec::<Value>::new(), "nothing was opened");
    shop.end_mischief().await;
    fault("transactions", "error_before", 1).await;
    let (code, report) = compare();
    assert_eq!((code, apart(&report)), (Some(1), vec![("of-another-shop", "unknown_payment")]), "{report}");

    let full = shop.at_toss("of-another-shop").await["paymentKey"].as_str().unwrap().to_owned();
    at_toss(shop, &format!("{full}/cancel"), &json!({ "cancelReason": "by hand" })).await;
    // An unreadable row, an error that stays, and a balance that is not told.
    for (on, kind) in [
        ("transactions", "garbage_after"),
        ("settlements", "error_before"),
        ("settlements", "garbage_after"),
        ("balances", "error_before"),
    ] {
        fault(on, kind, 0).await;
        verdict(compare());
        assert_eq!(known(), [json!("OPEN")], "{on} {kind}: nothing was closed");
        shop.end_mischief().await;
    }
    let (code, report) = compare();
    assert_eq!((code, apart(&report)), (Some(0), Vec::new()), "{report}");
    assert_eq!(known(), [json!("RESOLVED")], "what is no longer so is closed, and stays on record");
    let unset = roles.command(&["reconcile"]).env("TEMPORAL_ADDRESS", "127.0.0.1:1").output().unwrap();
    assert_eq!(unset.status.code(), Some(3), "no verdict either");
}

/// A worker creates the schedule, once; what the schedule starts reconciles yesterday.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_reconciles_yesterday() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _workers = [roles.role("worker"), roles.role("worker")];
    let temporal = roles.temporal().await;
    let schedule = temporal.get_schedule_handle(temporal::RECONCILIATION_SCHEDULE);
    until("the schedule is there", || async { schedule.describe(Default::default()).await.is_ok() }).await;
    schedule.trigger(Default::default(), Default::default()).await.unwrap();
    let yesterday = format!("/v1/reconciliations/{}", day_after(-1));
    until("yesterday is reconciled", || async { roles.shop.get(&yesterday).await["status"] == "CLEAN" }).await;
}
