//! `ledger reverse` of a captured payment: seen, asked for, approved by another principal, named, and undone.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    reconciliation::planted::balances,
    roles::Roles,
    stack::{Shop, day_after, insist, until},
};

on_both_databases!(
    a_captured_payment_is_taken_back_by_two_principals_and_undone_by_one,
    what_changed_since_the_preview_is_not_approved,
    the_api_takes_an_entry_back_by_two_keys_and_undoes_that,
);

const AMOUNT: &str = "23000";

/// What a command printed, and its exit code.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    fn refuses(&self, why: &str) {
        assert_eq!(self.code, Some(1), "{}", self.stdout);
        assert!(self.stderr.contains(why), "{why} is not in {}", self.stderr);
    }
}

/// A command of `ledger` by the person at the command line.
fn ledger(roles: &Roles, arguments: &[&str]) -> Said {
    run(roles, arguments, &[])
}

/// The same by the holder of an API key.
fn ledger_by(roles: &Roles, key: &str, arguments: &[&str]) -> Said {
    run(roles, arguments, &[("DAEGEUM_API_KEY", key)])
}

fn run(roles: &Roles, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let mut command = roles.command(&[&["ledger"], arguments].concat());
    let output = command.env_remove("DAEGEUM_API_KEY").envs(environment.iter().copied()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A file that holds an API key.
fn key_file(roles: &Roles, key: &str) -> PathBuf {
    let file = roles.place().join("finance.key");
    std::fs::write(&file, key).unwrap();
    file
}

async fn paid(shop: &Shop, id: &str) {
    shop.create(id).await;
    let key = shop.authorize(id).await;
    assert!([200, 202].contains(&shop.confirm(id, &key, AMOUNT).await.0));
    until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
}

/// Reconciles today. Answers subject and type of each open break.
fn breaks(roles: &Roles) -> Vec<(String, String)> {
    let today = day_after(0);
    let output = roles.command(&["reconcile", "--day", &today, "--grace", "0m", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["breaks"].as_array().unwrap().iter().filter(|found| found["status"] == "OPEN");
    let text = |found: &Value, field: &str| found[field].as_str().unwrap().to_owned();
    found.map(|found| (text(found, "subject"), text(found, "type"))).collect()
}

async fn a_captured_payment_is_taken_back_by_two_principals_and_undone_by_one(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    paid(shop, "paid-1").await;
    let [maker, checker] = [0, 1].map(|_| roles.create_key("finance"));
    let key = "payment_captured:paid-1";
    let books = shop.get("/v1/ledger/trial-balance").await;

    // The preview says what would be booked, and what becomes untrue.
    let preview = ledger(&roles, &["reverse", key, "--json"]).json();
    assert_eq!((&preview["refused"], &preview["would_book"]["reverses"]), (&Value::Null, &json!(key)), "{preview}");
    assert!(preview["consequence"].as_str().unwrap().starts_with("checkout paid-1 is SUCCESS, and"), "{preview}");
    assert_eq!(preview["payment_orders"][0]["payment_order_status"], "SUCCESS", "{preview}");
    assert_eq!(preview["wallets"][0]["after"]["pending"], "0", "{preview}");
    let digest = preview["digest"].as_str().unwrap();
    let seen = ["--digest", digest, "--reason", "Toss never had it"];
    let ask = [&["reverse", key], &seen[..]].concat();
    let approve = [&["approve", key], &seen[..]].concat();

    // Nobody does it alone, without a reason, or without the preview.
    for incomplete in [&["reverse", key, "--yes"][..], &["reverse", key, "--digest", digest], &["undo", key]] {
        assert_eq!(ledger(&roles, incomplete).code, Some(2), "{incomplete:?}");
    }
    ledger(&roles, &["reverse", key, "--digest", digest, "--reason", " "]).refuses("--reason takes");
    ledger(&roles, &approve).refuses("no reversal of payment_captured:paid-1 waits");
    ledger(&roles, &["undo", key, "--reason", "x"]).refuses("no reversal of payment_captured:paid-1 was approved");
    let wrong = "0".repeat(64);
    ledger(&roles, &["reverse", key, "--digest", &wrong, "--reason", "x"]).refuses("has changed since the preview");
    let asked = ledger(&roles, &[&ask[..], &["--json"]].concat()).json();
    assert_eq!((&asked["status"], &asked["number"]), (&json!("WAITING"), &json!(1)), "{asked}");
    assert_eq!(ledger(&roles, &[&ask[..], &["--json"]].concat()).json(), asked, "asked twice");
    ledger_by(&roles, &maker, &ask).refuses("waits for a second principal; reject it first");
    ledger(&roles, &approve).refuses("a second principal has to approve");
    run(&roles, &approve, &[("DAEGEUM_OPERATOR", "somebody else")]).refuses("a second principal has to approve");
    ledger_by(&roles, &roles.create_key("ops"), &approve).refuses("does not have the scope finance");
    ledger_by(&roles, "dk_ab12_x", &approve).refuses("what is given as API key is none");
    let stale = ["approve", key, "--digest", &wrong, "--reason", "x"];
    ledger_by(&roles, &maker, &stale).refuses("has changed since the preview");
    assert_eq!(shop.get("/v1/ledger/trial-balance").await, books, "nothing is booked");
    roles.verify_books();

    // A second principal books it, once. What says paid without an entry is named.
    for _ in 0..2 {
        let done = ledger_by(&roles, &maker, &[&approve[..], &["--json"]].concat()).json();
        assert_eq!((&done["status"], &done["entry"]["reverses"]), (&json!("APPROVED"), &json!(key)), "{done}");
    }
    ledger(&roles, &ask).refuses("was reversed before");
    let verified = ledger(&roles, &["verify"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stdout);
    let order = preview["payment_orders"][0]["payment_order_id"].as_str().unwrap();
    let order = format!("order {order}: SUCCESS, and its payment was reversed");
    for named in ["checkout paid-1: SUCCESS, and its payment was reversed", &order] {
        assert!(verified.stdout.contains(named), "{named} is not in {}", verified.stdout);
    }
    let found = breaks(&roles);
    assert!(found.iter().any(|(subject, _)| subject == "paid-1"), "{found:?}");

    // One command undoes it, once: the books, the order and the other side agree again.
    let file = key_file(&roles, &checker);
    let undo = ["undo", key, "--reason", "Toss has it", "--api-key-file", file.to_str().unwrap(), "--json"];
    for _ in 0..2 {
        let undone = ledger(&roles, &undo).json();
        let entry = (&undone["status"], &undone["entry"]["entry_id"], &undone["entry"]["reverses"]);
        assert_eq!(entry, (&json!("UNDONE"), &json!("payment_captured:paid-1:2"), &Value::Null), "{undone}");
    }
    roles.verify_books();
    assert_eq!(breaks(&roles), Vec::new());
    for account in books["accounts"].as_array().unwrap() {
        let now = shop.get("/v1/ledger/trial-balance").await;
        let same = now["accounts"].as_array().unwrap().iter().find(|one| one["account"] == account["account"]);
        assert_eq!(same.unwrap()["balance"], account["balance"], "{account}");
    }
    assert_eq!(shop.delete("paid-1").await.status, 200, "the payment is refunded like any other");
    until("paid-1 is refunded", || async { shop.status("paid-1").await == "REFUNDED" }).await;
    roles.verify_books();
    assert_eq!(breaks(&roles), Vec::new());

    let listed = ledger(&roles, &["reversals", "--json"]).json();
    let said = |by: &Value| (by["by"].as_str().unwrap().split(':').next().unwrap().to_owned(), by["reason"].clone());
    let line = &listed[0];
    let expected = [("operator", "Toss never had it"), ("key", "Toss never had it"), ("key", "Toss has it")];
    for (step, (kind, reason)) in ["proposed", "decided", "undone"].into_iter().zip(expected) {
        assert_eq!(said(&line[step]), (kind.to_owned(), json!(reason)), "{line}");
    }
    let log = roles.command(&["audit", "list", "--json"]).output().unwrap();
    let log: Value = serde_json::from_slice(&log.stdout).unwrap();
    let count = |action: &str, kind: &str, result: &str| {
        let lines = log.as_array().unwrap().iter();
        let alike = |line: &&Value| {
            line["action"] == action
                && line["actor_kind"] == kind
                && line["result"].as_str().unwrap().starts_with(result)
        };
        lines.filter(alike).count()
    };
    assert_eq!(count("ledger approve", "api_key", "ok"), 2, "{log:#}");
    assert_eq!(count("ledger approve", "operator", "refused: a second principal"), 2, "{log:#}");
    assert_eq!((count("ledger undo", "api_key", "ok"), count("ledger reverse", "operator", "ok")), (2, 2), "{log:#}");
}

async fn what_changed_since_the_preview_is_not_approved(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    paid(shop, "paid-1").await;
    let checker = roles.create_key("finance");
    let key = "payment_captured:paid-1";
    let preview = ledger(&roles, &["reverse", key, "--json"]).json();
    let digest = preview["digest"].as_str().unwrap();
    let seen = ["--digest", digest, "--reason", "Toss never had it"];
    assert_eq!(ledger(&roles, &[&["reverse", key], &seen[..]].concat()).code, Some(0));
    let body = json!({ "amount": "5000", "reason": "변심" });
    assert_eq!(shop.cancel("paid-1", "part", &body).await.status, 200);
    until("a part is refunded", || async { shop.status("paid-1").await == "PARTIALLY_REFUNDED" }).await;
    let approve = [&["approve", key], &seen[..]].concat();
    ledger_by(&roles, &checker, &approve).refuses("checkout paid-1 is PARTIALLY_REFUNDED");
    roles.verify_books();

    // A proposal is dropped by anybody, and then waits for nobody.
    for _ in 0..2 {
        let rejected = ledger(&roles, &["reject", key, "--reason", "it was refunded", "--json"]).json();
        assert_eq!(rejected["status"], "REJECTED", "{rejected}");
    }
    ledger_by(&roles, &checker, &approve).refuses("no reversal of payment_captured:paid-1 waits");
    ledger(&roles, &["reverse", key, "--json"]).json();
    ledger(&roles, &[&["reverse", key], &seen[..]].concat()).refuses("checkout paid-1 is PARTIALLY_REFUNDED");
    roles.verify_books();
}

/// A request of a key of scope `finance`. Answers the status, and what was said.
async fn post(shop: &Shop, key: &str, path: &str, body: &Value) -> (u16, Value) {
    insist(shop.http.post(format!("{}{path}", shop.api)).bearer_auth(key).json(body)).await
}

async fn the_api_takes_an_entry_back_by_two_keys_and_undoes_that(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    paid(shop, "paid-1").await;
    let [maker, checker, reader] = ["finance", "finance", "read"].map(|scope| roles.create_key(scope));
    let path = "/v1/ledger/entries/payment_captured:paid-1/reversal";
    let (approve, reject, undo) = (format!("{path}/approve"), format!("{path}/reject"), format!("{path}/undo"));
    let finance = Shop { api_key: maker.clone(), ..shop.clone() };
    let books = shop.get("/v1/ledger/trial-balance").await;

    // The preview says what would be booked and what becomes untrue, and books nothing.
    let preview = finance.get(path).await;
    assert_eq!((&preview["refused"], &preview["reversal"]), (&Value::Null, &Value::Null), "{preview}");
    assert_eq!(preview["rests_on_it"], "checkout paid-1 is SUCCESS", "{preview}");
    assert_eq!(preview["would_book"][0]["credit_account"], "psp:receivable", "{preview}");
    assert_eq!(preview["wallets"][0]["pending_after"], "0", "{preview}");
    let seen = json!({ "digest": preview["digest"], "reason": "Toss never had it" });
    let code = |(status, answer): (u16, Value)| (status, answer["code"].as_str().unwrap_or_default().to_owned());
    let is = |status: u16, code: &str| (status, code.to_owned());

    // Nobody does it alone, without a reason, by another digest, or with a key that may only look.
    assert_eq!(code(post(shop, &reader, path, &seen).await), is(403, "forbidden"));
    assert_eq!(code(post(shop, &maker, path, &json!({ "reason": "x" })).await), is(422, "validation_failed"));
    assert_eq!(code(post(shop, &maker, &approve, &seen).await), is(409, "entry_not_reversible"));
    let stale = json!({ "digest": "0".repeat(64), "reason": "x" });
    assert_eq!(code(post(shop, &maker, path, &stale).await), is(409, "digest_mismatch"));
    let unknown = "/v1/ledger/entries/payment_captured:nothing/reversal";
    assert_eq!(code(post(shop, &maker, unknown, &seen).await), is(404, "not_found"));
    for _ in 0..2 {
        let (status, asked) = post(shop, &maker, path, &seen).await;
        assert_eq!((status, &asked["reversal"]["status"]), (200, &json!("WAITING")), "{asked}");
        assert_eq!(asked["reversal"]["number"], 1, "asked twice is asked once: {asked}");
    }
    assert_eq!(code(post(shop, &maker, &approve, &seen).await), is(403, "four_eyes"));
    assert_eq!(code(post(shop, &checker, &approve, &stale).await), is(409, "digest_mismatch"));
    assert_eq!(shop.get("/v1/ledger/trial-balance").await, books, "nothing is booked");

    // What waits is dropped; asked for again, another key approves it.
    let reason = json!({ "reason": "the wrong entry" });
    assert_eq!(post(shop, &checker, &reject, &reason).await.1["reversal"]["status"], "REJECTED");
    assert_eq!(post(shop, &maker, path, &seen).await.1["reversal"]["number"], 2);
    let (status, approved) = post(shop, &checker, &approve, &seen).await;
    assert_eq!((status, &approved["reversal"]["status"]), (200, &json!("APPROVED")), "{approved}");
    assert_eq!(approved["would_book"], json!([]), "{approved}");
    assert_eq!(shop.receivable().await, 0);
    let verified = ledger(&roles, &["verify"]);
    assert!(verified.code == Some(1) && verified.stdout.contains("paid-1"), "{}", verified.stdout);

    // One request undoes it.
    for _ in 0..2 {
        let (status, undone) = post(shop, &maker, &undo, &reason).await;
        assert_eq!((status, &undone["reversal"]["status"]), (200, &json!("UNDONE")), "{undone}");
    }
    assert_eq!(balances(&shop.get("/v1/ledger/trial-balance").await), balances(&books));
    roles.verify_books();
    let listed = ledger(&roles, &["reversals", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    roles.record_history_of("taken-back.reversal_act", "reversal.payment_captured:paid-1").await;
}
