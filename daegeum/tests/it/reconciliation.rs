//! `daegeum reconcile` compares the books with what Toss says, and finds whatever one of them lacks.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(books_and_toss_are_compared, a_database_of_another_day_does_not_agree);

/// Compares today. Answers whether it found everything in order, and what it said.
fn reconcile(roles: &Roles, grace: &str) -> (bool, Value) {
    // The tests may run at midnight in Korea; then today is over, and there is nothing to lose by asking for all of it.
    let output = roles.command(&["reconcile", "--day", &today(), "--grace", grace, "--json"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(report["agrees"], output.status.success(), "{report}");
    (output.status.success(), report)
}

fn today() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::hours(9)).date_naive().to_string()
}

/// What stands apart: order and standing.
fn apart(report: &Value) -> Vec<(&str, &str)> {
    let differences = report["differences"].as_array().unwrap().iter();
    differences.map(|found| (found["order_id"].as_str().unwrap(), found["standing"].as_str().unwrap())).collect()
}

async fn paid(shop: &Shop, id: &str) -> String {
    shop.create(id).await;
    let key = shop.authorize(id).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    key
}

/// Somebody uses our secret key at Toss past daegeum.
async fn at_toss(shop: &Shop, path: &str, body: &Value) {
    let request = shop.http.post(format!("{}/v1/payments/{path}", shop.simulator));
    let request = request.basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some("")).json(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap());
}

async fn books_and_toss_are_compared(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let (agrees, nothing) = reconcile(&roles, "0m");
    assert_eq!((agrees, &nothing["transactions"]), (true, &json!(0)));

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

    let (agrees, report) = reconcile(&roles, "0m");
    assert!(agrees, "{report}");
    assert_eq!(report["in_books"]["KRW"], json!({ "taken": "92000", "given_back": "28000", "currency": "KRW" }));
    assert_eq!(report["transactions"], 8);

    // Another one that holds our key cancels a part, and charges for an order of its own.
    let key = shop.get("/v1/payments/given-back-later").await["psp"]["payment_key_suffix"].clone();
    let full = shop.at_toss("given-back-later").await["paymentKey"].as_str().unwrap().to_owned();
    assert!(full.ends_with(key.as_str().unwrap()));
    at_toss(shop, &format!("{full}/cancel"), &json!({ "cancelReason": "by hand", "cancelAmount": 3_000 })).await;
    let foreign = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": foreign, "orderId": "of-another-shop", "amount": 23_000 });
    at_toss(shop, "confirm", &charge).await;

    let (agrees, recent) = reconcile(&roles, "1h");
    assert!(!agrees);
    assert_eq!(apart(&recent), [("given-back-later", "under_way"), ("of-another-shop", "missing_in_books")]);
    let (_, settled) = reconcile(&roles, "0m");
    assert_eq!(apart(&settled), [("given-back-later", "amounts_differ"), ("of-another-shop", "missing_in_books")]);
    let differs = &settled["differences"][0];
    assert_eq!((&differs["at_toss"]["given_back"], &differs["in_books"]["given_back"]), (&json!("3000"), &json!("0")));

    let readable = roles.command(&["reconcile", "--day", &today(), "--grace", "0m"]).output().unwrap();
    let lines = String::from_utf8(readable.stdout).unwrap();
    assert!(lines.contains("missing_in_books of-another-shop (no checkout of ours): Toss 23000 KRW taken"), "{lines}");
    assert!(lines.ends_with("Books and Toss do not agree: 2 breaks (0 under way, 0 before a person).\n"), "{lines}");
    let tomorrow = roles.command(&["reconcile", "--day", "2999-01-01"]).output().unwrap();
    assert!(!tomorrow.status.success() && tomorrow.stdout.is_empty());
}

/// The database of one shop with the Toss of another: what a backup lacks is missing on the one side, and what Toss
/// never had on the other.
async fn a_database_of_another_day_does_not_agree(database: Kind) {
    let (roles, other) = (Roles::start(database).await, Roles::start(database).await);
    let _workers = (roles.role("worker"), other.role("worker"));
    paid(&roles.shop, "lost-at-toss").await;
    paid(&other.shop, "lost-in-books").await;
    let mut command = roles.command(&["reconcile", "--day", &today(), "--json"]);
    let output = command.env("TOSS_BASE_URL", &other.shop.simulator).output().unwrap();
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(apart(&report), [("lost-at-toss", "missing_at_psp"), ("lost-in-books", "missing_in_books")]);
}

/// One fault of Toss is asked past; one that stays leaves what was compared, and neither "agrees" nor "breaks".
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_toss_costs_the_verdict_and_not_what_was_compared() {
    let roles = Roles::start(Kind::Sqlite).await;
    let shop = &roles.shop;
    let foreign = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": foreign, "orderId": "of-another-shop", "amount": 23_000 });
    at_toss(shop, "confirm", &charge).await;
    let fault = async |on: &str, times: u32| {
        let code = "FAILED_INTERNAL_SYSTEM_PROCESSING";
        let mischief = json!({ "on": on, "kind": "error_before", "code": code, "times": times });
        shop.simulate("mischief", &mischief).await;
    };
    let compare = || {
        let output = roles.command(&["reconcile", "--day", &today(), "--grace", "0m", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    fault("transactions", 1).await;
    let (code, report) = compare();
    assert_eq!((code, &report["verdict"]), (Some(1), &json!("BREAKS")), "{report}");
    assert_eq!(apart(&report), [("of-another-shop", "missing_in_books")]);

    // All is listed, and the order that seems to differ cannot be looked at.
    fault("lookup", 0).await;
    let (code, report) = compare();
    assert_eq!(
        (code, &report["verdict"], &report["agrees"]),
        (Some(3), &json!("NO_VERDICT"), &json!(false)),
        "{report}"
    );
    assert_eq!((&report["transactions"], &report["not_examined"]), (&json!(1), &json!(1)), "{report}");
    assert!(report["gave_up"].as_str().unwrap().contains("FAILED_INTERNAL_SYSTEM_PROCESSING"), "{report}");
    assert!(report["listed_until"].is_string(), "{report}");

    fault("transactions", 0).await;
    let told = roles.command(&["reconcile", "--day", &today()]).output().unwrap();
    let lines = String::from_utf8(told.stdout).unwrap();
    assert_eq!(told.status.code(), Some(3), "{lines}");
    assert!(lines.contains("No verdict: ") && lines.contains("Compared was nothing"), "{lines}");
    let unset = roles.command(&["reconcile"]).env_remove("TOSS_SECRET_KEY").output().unwrap();
    assert_eq!(unset.status.code(), Some(3), "no verdict either");
}
