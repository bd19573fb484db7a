//! The books at the console: entries, proofs, a recomputation, an export.

use std::process::Command;

use domain::calendar::Day;
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use store::console::Role;

use super::{signed_in, things};
use crate::{
    database::Kind,
    stack::{Dev, daegeum, until},
};

fn beside(dev: &Dev, arguments: &[&str]) -> Command {
    let mut command = daegeum();
    command.args(arguments).arg("--data-dir").arg(dev.directory.path());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_listed_recomputed_and_exported() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let (kim, lee) = (signed_in(&dev, "kim", Role::Finance).await, signed_in(&dev, "lee", Role::Support).await);

    let listed = lee.get("/console/ledger/entries?reason=payment_captured").await.text;
    assert!(listed.contains("payment_captured%3Aconsole-paid") && listed.contains("15,000 KRW"), "{listed}");
    for query in ["reason=refund_executed", "from=2020-01-01&to=2020-01-02"] {
        let none = lee.get(&format!("/console/ledger/entries?{query}")).await.text;
        assert!(!none.contains("payment_captured%3A"), "{query}: {none}");
    }
    assert!(!listed.contains("/console/ledger/proofs"), "support sees no tab of what it may not open");
    for path in ["/console/ledger/proofs", "/console/ledger/export"] {
        assert_eq!(lee.get(path).await.status, 403);
    }

    let made = beside(&dev, &["ledger", "checkpoint"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let page = kim.get("/console/ledger/proofs").await.text;
    assert!(page.contains("data-code=\"SIGNED\""), "{page}");
    let verified = kim.post("/console/ledger/proofs", &[]).await.text;
    assert!(verified.contains("data-books=\"agree\""), "{verified}");

    let today = Day::of(service::now());
    let (yesterday, tomorrow) = (Day::of(service::now().minus_ms(24 * 60 * 60 * 1_000)), today.next());
    let path = format!("/console/ledger/export?from={yesterday}&to={tomorrow}");
    let (from, to) = (yesterday.to_string(), tomorrow.to_string());
    let exported = kim.get(&path).await;
    let arguments = ["ledger", "export", "--format", "csv", "--from", &from, "--to", &to];
    let by_command = beside(&dev, &arguments).output().unwrap();
    assert_eq!(exported.text, String::from_utf8(by_command.stdout).unwrap(), "the command writes the same");
    assert!(exported.text.contains("payment_captured:console-paid"), "{}", exported.text);
    for query in ["", "?from=x&to=y", "?from=2026-12-02&to=2026-12-01"] {
        let seen = kim.get(&format!("/console/ledger/export{query}")).await;
        assert!(seen.status == 200 && seen.text.contains("role=\"alert\""), "{query}: {}", seen.text);
    }
    until("the lines are written", || async {
        let lines = dev.shop.get("/v1/audit-log?actor=kim&limit=100").await;
        let lines = lines["data"].as_array().unwrap();
        let is = |action: &str, part: &str| {
            let fits =
                |line: &&serde_json::Value| line["action"] == action && line["result"].as_str().unwrap().contains(part);
            lines.iter().filter(fits).count() == 1
        };
        is("GET /console/ledger/export", "entries") && is("POST /console/ledger/proofs", "200")
    })
    .await;
}

/// What somebody changed in the database, a recomputation names.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_was_changed_by_hand_is_named() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let kim = signed_in(&dev, "kim", Role::Admin).await;
    let database = super::database_of(&dev).await;
    let change = "UPDATE ledger_balances SET debits = debits + 1 WHERE account = 'psp:receivable'";
    database.connection().execute_unprepared(change).await.unwrap();
    let verified = kim.post("/console/ledger/proofs", &[]).await.text;
    assert!(verified.contains("data-books=\"disagree\"") && verified.contains("psp:receivable"), "{verified}");
}
