//! A worker that is killed between two pages of a list: the run goes on in another worker, to the same books.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::{
    bulk::paid_in_bulk,
    day_after, figure, paid,
    planted::{DAY_S, LATER, balance, found, plant, types},
    reconcile, today,
};
use crate::{database::Kind, on_both_databases, roles::Roles, stack::until};

on_both_databases!(a_run_that_is_killed_between_pages_comes_to_the_same_books);

/// Payments besides, so that the rows come in several pages.
const IN_BULK: usize = 2_500;
/// Payments, one of which has no settlement row.
const PAID: [&str; 4] = ["paid-1", "paid-2", "paid-3", "missing"];
/// How long Toss takes for each page of settlements, in milliseconds: a time in which a worker can be killed.
const SLOW_PAGE_MS: u64 = 2_500;

async fn a_run_that_is_killed_between_pages_comes_to_the_same_books(database: Kind) {
    let roles = Roles::start(database).await;
    let worker = roles.role("worker");
    let shop = &roles.shop;
    for id in PAID {
        paid(shop, id).await;
    }
    paid_in_bulk(shop, &roles.database_url(), IN_BULK).await;
    plant(shop, "missing_row", Some("missing"), 1).await;
    plant(shop, "lump", None, 4_000).await;
    shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;
    let slow = json!({ "on": "settlements", "kind": "delay", "delay_ms": SLOW_PAGE_MS, "times": 0 });
    shop.simulate("mischief", &slow).await;

    let later = day_after(LATER);
    let flags = ["--grace", "0m", "--as-of", &later];
    let mut command = roles.command(&["reconcile", "--day", &today(), "--json"]);
    let following = command.args(flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // The rows of the second reading's first page stand in the database, and its next page is being read.
    let path = format!("/v1/settlements?from={0}&to={0}", today());
    let kept_rows = async || shop.get(&path).await["data"][0]["rows"].as_u64().unwrap_or_default();
    until("a page is kept", || async { kept_rows().await > 0 }).await;
    let kept = shop.get(&path).await;
    assert_eq!(kept["data"][0]["booked"], "0", "nothing is booked of a list that was not read to its end: {kept}");
    drop(worker);
    let run = shop.get(&format!("/v1/reconciliations/{}", today())).await;
    assert_eq!(run["status"], "RUNNING", "{run}");
    shop.end_mischief().await;
    let _worker = roles.role("worker");

    let report = report_of(following).await;
    let first = found(&report);
    let planted = [("lump_without_payment", 1), ("settlement_overdue", 1)];
    assert_eq!(types(&first), planted.into(), "{report:#}");
    let net: i64 = figure(&report, "settlements", "net_KRW").parse().unwrap();
    assert_eq!(balance(shop, "psp:payout_balance").await, net);
    roles.verify_books();
    let books = shop.get("/v1/ledger/trial-balance").await;
    for _ in 0..3 {
        let (_, again) = reconcile(&roles, &flags);
        assert_eq!(found(&again), first, "{again:#}");
        assert_eq!(figure(&again, "settlements", "booked_now"), "0", "{again:#}");
    }
    assert_eq!(shop.get("/v1/ledger/trial-balance").await, books);
    roles.record_history_of("breaks.reconciliation", &format!("reconciliation.{}", today())).await;
}

/// What the command says once the run has ended.
async fn report_of(following: Child) -> Value {
    let output = tokio::task::spawn_blocking(|| following.wait_with_output().unwrap()).await.unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
