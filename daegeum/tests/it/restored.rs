//! The restore drill of docs/production.md on PostgreSQL: the books come back as they stood at the backup, Temporal
//! does not, and what happened in between is named.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    database::{Kind, create_postgres},
    reconciliation::{paid, reconcile},
    recovery::{recover, recovered},
    roles::Roles,
    stack::{Shop, until},
    virtual_accounts::stands_at,
};

const PAID: u64 = 23_000;

/// A program of PostgreSQL, which must end well.
fn postgres(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn refund(shop: &Shop, id: &str, amount: &str) {
    let answer = shop.cancel(id, &format!("part-of-{id}"), &json!({ "amount": amount, "reason": "변심" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn awaits_deposit(shop: &Shop, id: &str) {
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    shop.confirm(id, &key, "23000").await;
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
}

/// What the backup holds.
async fn before(shop: &Shop) {
    paid(shop, "untouched").await;
    paid(shop, "refunded-before").await;
    refund(shop, "refunded-before", "3000").await;
    paid(shop, "refunded-after").await;
    shop.create("paid-after").await;
    shop.create("left-open").await;
    awaits_deposit(shop, "deposited-after").await;
}

/// What it does not hold.
async fn after(shop: &Shop) {
    refund(shop, "refunded-after", "4000").await;
    let key = shop.authorize("paid-after").await;
    assert_eq!(shop.confirm("paid-after", &key, "23000").await.0, 200);
    shop.simulate("deposit", &json!({ "orderId": "deposited-after" })).await;
    stands_at(shop, "deposited-after", "SUCCESS").await;
    paid(shop, "created-after").await;
}

fn dump(roles: &Roles, file: &Path) {
    let database = format!("--dbname={}", roles.database_url());
    postgres("pg_dump", &[&database, "--format=custom", "--file", file.to_str().unwrap()]);
}

async fn restore(file: &Path) -> String {
    let url = create_postgres().await;
    postgres("pg_restore", &[&format!("--dbname={url}"), "--exit-on-error", file.to_str().unwrap()]);
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_restored_and_what_the_backup_lacks_is_named() {
    let mut roles = Roles::start(Kind::Postgres).await;
    let worker = roles.role("worker");
    before(&roles.shop).await;
    let file = roles.place().join("backup");
    dump(&roles, &file);
    after(&roles.shop).await;
    // The machines are lost, and Temporal with them.
    drop(worker);
    roles.kill_api();
    roles.lose_temporal().await;

    roles.move_to(&restore(&file).await);
    assert!(roles.command(&["cluster", "apply"]).output().unwrap().status.success());
    roles.verify_books();
    let _worker = roles.role("worker");
    let lost = ["deposited-after", "left-open", "paid-after"];
    assert_eq!(recovered(&recover(&roles, &[])), lost.map(|id| (id, "MISSING", "-")));
    // Nothing that was lost can still be under way: Toss lets a payment be confirmed for ten minutes.
    let lost_at = (chrono::Utc::now() - Duration::from_secs(11 * 60)).to_rfc3339();
    let rows = recover(&roles, &["--yes", "--lost-at", &lost_at]);
    assert_eq!(recovered(&rows), lost.map(|id| (id, "MISSING", "restarted")));
    roles.restart_api().await;
    let shop = &roles.shop;
    // Toss knows by our order what the lost workflows did: it is booked, and the buyer pays nothing twice.
    for id in ["paid-after", "deposited-after"] {
        until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
    }
    assert_eq!(shop.status("created-after").await, "");
    let key = shop.authorize("left-open").await;
    until("the open one takes a payment", || async { shop.confirm("left-open", &key, "23000").await.0 == 200 }).await;

    // What only Toss knows is named, each once.
    let (code, report) = reconcile(&roles, &["--grace", "0m"]);
    assert_eq!(code, Some(1), "{report:#}");
    let named: BTreeSet<(&str, &str)> = report["breaks"].as_array().unwrap().iter().map(of_break).collect();
    let expected = [("created-after", "unknown_payment"), ("refunded-after", "refund_at_console")];
    assert_eq!(named, BTreeSet::from(expected), "{report:#}");
    let (held, twice) = shop.charged().await;
    // All that was paid and not given back, whoever knows of it.
    assert_eq!((held, twice), (7 * PAID - 3_000 - 4_000, 0));
    assert_eq!(shop.receivable().await, held - PAID + 4_000, "the books lack the one, and the refund of the other");
    assert_eq!(shop.get("/v1/dead-letters?status=OPEN").await["data"], json!([]));
    roles.verify_books();
}

fn of_break(found: &Value) -> (&str, &str) {
    (found["subject"].as_str().unwrap(), found["type"].as_str().unwrap())
}
