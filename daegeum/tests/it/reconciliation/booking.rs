//! Settlement rows are booked by a rule, which has an off switch and a limit of a day, and is undone by one command.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{
    day_after, paid,
    planted::{DAY_S, balance},
    today,
};
use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, Shop, insist, until},
};

on_both_databases!(settlement_rows_are_booked_as_far_as_their_rule_allows);

/// What Toss pays of a payment of 23,000 won.
const NET: i64 = 22_317;
const STOP_TIME: Duration = Duration::from_secs(60);

/// A worker with settings of its own.
fn worker(roles: &Roles, name: &str, settings: &str) -> Process {
    let config = roles.place().join(format!("{name}.toml"));
    std::fs::write(&config, format!("[reconciliation]\n{settings}\n")).unwrap();
    let mut command = roles.command(&["--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0", "worker"]);
    Process::start(&mut command, &roles.log(name))
}

/// Stops a worker that finishes what it has taken, so that no task waits for one that is gone.
fn stop(mut worker: Process) {
    worker.signal(Signal::SIGTERM);
    worker.wait(STOP_TIME);
}

/// Reconciles today for the time of this number. Answers the run. A worker that has just begun may need a while to take
/// the run up.
pub(super) async fn run_of_today(finance: &Shop, number: u64) -> Value {
    let body = json!({ "date": today(), "as_of": day_after(1) });
    let request = finance.http.post(format!("{}/v1/reconciliations", finance.api)).bearer_auth(&finance.api_key);
    let (status, said) = insist(request.json(&body)).await;
    assert_eq!(status, 202, "{said}");
    let path = format!("/v1/reconciliations/{}", today());
    let has_ended = |run: &Value| run["number"] == number && run["status"] != "RUNNING";
    until(&format!("run {number} has ended"), || async { has_ended(&finance.get(&path).await) }).await;
    finance.get(&path).await
}

/// Reconciles today for the time of this number. Answers the figures of the settlements.
async fn reconciled(finance: &Shop, number: u64) -> BTreeMap<String, String> {
    let run = run_of_today(finance, number).await;
    assert_ne!(run["status"], "NO_VERDICT", "{run:#}");
    serde_json::from_value(run["layers"]["settlements"]["figures"].clone()).unwrap()
}

/// Type, subject and class of each open break, in their order.
async fn open_breaks(shop: &Shop) -> BTreeSet<(String, String, String)> {
    let listed = shop.get("/v1/breaks?status=OPEN&limit=100").await;
    let breaks = listed["data"].as_array().unwrap().iter();
    let text = |found: &Value, field: &str| found[field].as_str().unwrap().to_owned();
    breaks.map(|found| (text(found, "type"), text(found, "subject"), text(found, "class"))).collect()
}

fn of(break_type: &str, subject: &str, class: &str) -> (String, String, String) {
    (break_type.to_owned(), subject.to_owned(), class.to_owned())
}

/// The keys of the entries that booked rows.
fn booked_keys(roles: &Roles) -> Vec<String> {
    let exported = roles.command(&["ledger", "export", "--format", "csv"]).output().unwrap();
    let text = String::from_utf8(exported.stdout).unwrap();
    let keys = text.split([',', '\n', '"']).filter(|word| word.starts_with("psp_settled:"));
    keys.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
}

/// Two principals take an entry back: the person at the command line asks, and an API key approves.
pub(super) fn take_back(roles: &Roles, key: &str) {
    let preview = roles.command(&["ledger", "reverse", key, "--json"]).output().unwrap();
    let preview: Value = serde_json::from_slice(&preview.stdout).unwrap();
    let seen = ["--digest", preview["digest"].as_str().unwrap(), "--reason", "a row of another shop"];
    roles.last_line(&[&["ledger", "reverse", key], &seen[..]].concat());
    let mut approval = roles.command(&[&["ledger", "approve", key], &seen[..]].concat());
    let approved = approval.env("DAEGEUM_API_KEY", roles.create_key("finance")).output().unwrap();
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
}

async fn settlement_rows_are_booked_as_far_as_their_rule_allows(database: Kind) {
    let roles = Roles::start(database).await;
    let shop = &roles.shop;
    let finance = Shop { api_key: roles.create_key("finance"), ..shop.clone() };
    let off = worker(&roles, "off", "repairs_off = [\"book_settlement\"]");
    for id in ["paid-1", "paid-2", "paid-3"] {
        paid(shop, id).await;
    }
    // The rows are listed, and not paid yet.
    shop.simulate("clock", &json!({ "advance_s": DAY_S })).await;
    let unbooked = of("settlement_unbooked", &format!("{} KRW", today()), "finance");

    let figures = reconciled(&finance, 1).await;
    assert_eq!((&figures["booked_now"][..], &figures["left_unbooked"][..]), ("0", "3"), "{figures:?}");
    assert_eq!(open_breaks(shop).await, BTreeSet::from([unbooked.clone()]));
    assert_eq!(balance(shop, "psp:payout_balance").await, 0);
    stop(off);

    // Two rows fit into the limit of a day, and no run of that day books the third.
    let limited = worker(&roles, "limited", "settlement_limit_per_day = \"46000\"");
    for (number, booked) in [(2, "2"), (3, "0")] {
        let figures = reconciled(&finance, number).await;
        assert_eq!((&figures["booked_now"][..], &figures["left_unbooked"][..]), (booked, "1"), "{figures:?}");
        assert_eq!(open_breaks(shop).await, BTreeSet::from([unbooked.clone()]));
        assert_eq!(balance(shop, "psp:payout_balance").await, 2 * NET);
    }
    stop(limited);

    let _worker = roles.role("worker");
    assert_eq!(reconciled(&finance, 4).await["booked_now"], "1");
    assert_eq!(balance(shop, "psp:payout_balance").await, 3 * NET);
    assert_eq!(open_breaks(shop).await, BTreeSet::new());
    let listed = shop.get("/v1/breaks?type=settlement_unbooked").await;
    let closed = &listed["data"][0];
    assert_eq!((&closed["status"], &closed["reason_code"]), (&json!("RESOLVED"), &json!("psp_settled")), "{listed}");

    // One command takes a row back. The rule leaves the row alone, and a person hears of it.
    let keys = booked_keys(&roles);
    assert_eq!(keys.len(), 3, "{keys:?}");
    take_back(&roles, &keys[0]);
    let key = keys[0].strip_prefix("psp_settled:").unwrap();
    let balance_differs = of("payout_balance_differs", "KRW", "investigation");
    for number in [5, 6] {
        assert_eq!(reconciled(&finance, number).await["booked_now"], "0");
        let expected = [balance_differs.clone(), of("settlement_unbooked", key, "finance")];
        assert_eq!(open_breaks(shop).await, BTreeSet::from(expected));
        assert_eq!(balance(shop, "psp:payout_balance").await, 2 * NET);
    }
    roles.verify_books();

    // One command undoes that, and the row is booked once more.
    roles.last_line(&["ledger", "undo", &keys[0], "--reason", "the row is ours"]);
    assert_eq!(reconciled(&finance, 7).await["booked_now"], "0");
    assert_eq!(open_breaks(shop).await, BTreeSet::new());
    assert_eq!(balance(shop, "psp:payout_balance").await, 3 * NET);
    roles.verify_books();
}
