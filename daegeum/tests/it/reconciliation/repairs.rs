//! What rules do about breaks by themselves: each repairs its cause, says so, and one command undoes it.

use serde_json::{Value, json};

use super::{apart, day_after, planted::cancel_at_console};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names},
};

on_both_databases!(money_is_held_within_the_limit_of_a_day_and_freed_by_one_command);

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
