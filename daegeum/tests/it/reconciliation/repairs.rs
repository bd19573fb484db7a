//! What rules do about breaks by themselves: each repairs its cause, says so, and one command undoes it.

use serde_json::{Value, json};

use super::{
    apart, day_after,
    payouts::{ask_toss, left_behind},
    planted::cancel_at_console,
};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names},
    stack::until,
};

on_both_databases!(
    money_is_held_within_the_limit_of_a_day_and_freed_by_one_command,
    workflows_are_asked_and_a_rule_that_is_off_asks_none,
);

/// Reconciles today as it stands now. Answers what it said.
fn reconcile(payers: &Payers) -> Value {
    let today = day_after(0);
    let output = payers.command(&["reconcile", "--day", &today, "--grace", "0m", "--json"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// The id of the break of a subject.
fn id_of(report: &Value, subject: &str) -> String {
    let found = report["breaks"].as_array().unwrap().iter().find(|found| found["subject"] == subject);
    found.unwrap_or_else(|| panic!("no {subject} in {report:#}"))["break_id"].as_str().unwrap().to_owned()
}

fn breaks(payers: &Payers, arguments: &[&str]) -> Value {
    let output = payers.command(&[&["breaks"], arguments, &["--json"]].concat()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Act, author and reason code of each line of a break's history after its opening.
fn acts(payers: &Payers, id: &str) -> Vec<(String, String, Value)> {
    let shown = breaks(payers, &["show", id]);
    let lines = shown["history"].as_array().unwrap().iter().skip(1);
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    lines.map(|line| (text(line, "act"), text(line, "by"), line["reason_code"].clone())).collect()
}

fn line(act: &str, by: &str, code: &str) -> (String, String, Value) {
    (act.to_owned(), by.to_owned(), json!(code))
}

async fn money_is_held_within_the_limit_of_a_day_and_freed_by_one_command(database: Kind) {
    let settings = "[reconciliation]\nrepair_limit_per_day = \"5000\"\n";
    let payers = Payers::start_with(database, settings).await;
    let sellers = names("seller", 2);
    for (number, seller) in sellers.iter().enumerate() {
        payers.earn(&format!("order-{number}"), std::slice::from_ref(seller), 20_000).await;
    }
    let held = async |index: usize| payers.wallet(&sellers[index]).await["held"].as_str().unwrap().to_owned();
    cancel_at_console(&payers.dev.shop, "order-0", 3_000).await;
    let first = id_of(&reconcile(&payers), "order-0");
    cancel_at_console(&payers.dev.shop, "order-1", 2_500).await;
    let report = reconcile(&payers);
    assert_eq!(apart(&report), [("order-0", "refund_at_console"), ("order-1", "refund_at_console")], "{report:#}");
    let second = id_of(&report, "order-1");
    assert_eq!([held(0).await, held(1).await], ["3000", "0"], "3,000 of 5,000 won are held, and 2,500 do not fit");
    assert_eq!(acts(&payers, &first), [line("repair", "rule:hold_money/1", "external_cancel")]);
    assert_eq!(acts(&payers, &second), [line("leave_out", "rule:hold_money/1", "external_cancel")]);

    breaks(&payers, &["undo", &first, "--reason", "the seller has paid us"]);
    assert_eq!(held(0).await, "0");
    // The break is still there, and the rule leaves it alone.
    let report = reconcile(&payers);
    assert_eq!(id_of(&report, "order-0"), first);
    assert_eq!([held(0).await, held(1).await], ["0", "0"], "what was undone counts against the limit of its day");
    payers.verify_books();
}

async fn workflows_are_asked_and_a_rule_that_is_off_asks_none(database: Kind) {
    let payers = Payers::start_with(database, "[reconciliation]\nrepairs_off = [\"ask_payout_run\"]\n").await;
    let shop = &payers.dev.shop;
    let sellers = names("seller", 1);
    payers.register(&sellers).await;
    payers.earn("order-0", &sellers, 20_000).await;
    // Toss captured and the answer was lost; every look-up fails, so the workflow's pauses grow.
    shop.create("lost-answer").await;
    let key = shop.authorize("lost-answer").await;
    let deaf = json!({ "on": "lookup", "kind": "error_before", "code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "times": 0,
        "orderId": "lost-answer" });
    let lost = json!({ "on": "confirm", "kind": "execute_and_error", "code": "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "times": 0, "orderId": "lost-answer" });
    shop.simulate("mischief", &deaf).await;
    shop.simulate("mischief", &lost).await;
    assert_eq!(shop.confirm("lost-answer", &key, "23000").await.0, 202);
    let pause = async || {
        let workflow = &shop.get("/v1/payments/lost-answer").await["workflow"];
        let next =
            workflow["next_question_at"].as_str().and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok());
        next.map_or(0, |at| (at - chrono::Utc::now()).num_seconds())
    };
    until("the next question is far away", || async { pause().await > LONG_PAUSE_S }).await;
    shop.end_mischief().await;
    let report = reconcile(&payers);
    assert_eq!(apart(&report), [("lost-answer", "capture_unbooked")], "{report:#}");
    let id = id_of(&report, "lost-answer");
    until("the workflow has caught up", || async { shop.status("lost-answer").await == "SUCCESS" }).await;
    reconcile(&payers);
    let repaired = line("repair", "rule:ask_workflow/1", "caught_up");
    assert_eq!(acts(&payers, &id), [repaired, line("resolve", "rule:reconciliation/1", "caught_up")]);
    let undone = breaks(&payers, &["undo", &id, "--reason", "look at it again"]);
    assert_eq!(undone["status"], "OPEN", "{undone}");

    // Toss has a payout of which our books lack its word; the rule that would ask the run is off.
    let reference = left_behind(&payers, &sellers[0], "UNKNOWN").await;
    shop.simulate("balance", &json!({ "amount": 20_000 })).await;
    ask_toss(&payers, &reference, 20_000, toss::Schedule::Express).await;
    let id = id_of(&reconcile(&payers), &reference);
    assert_eq!(breaks(&payers, &["show", &id])["class"], "automatic");
    assert_eq!(acts(&payers, &id), []);
}

/// A pause that is longer than a reconciliation takes, in seconds.
const LONG_PAUSE_S: i64 = 20;
