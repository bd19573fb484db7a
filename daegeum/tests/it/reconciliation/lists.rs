//! Lists of the PSP that are not whole: a page is missing, the list is cut, an error comes between two pages, a row
//! cannot be read. Each costs the verdict; nothing is booked, opened or closed, and the next run without the fault
//! decides.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    at_toss, day_after, paid, payouts,
    planted::{DAY_S, LATER, balance, plant},
    reconcile,
};
use crate::{
    database::Kind,
    payouts::{Payers, names},
    roles::Roles,
    stack::Shop,
};

/// A page other than the first is missing; each page ends after half of its rows; an error between two pages; a row
/// without an amount; an answer that ends in the middle.
fn faults(on: &str) -> [Value; 5] {
    [
        json!({ "on": on, "kind": "drop", "pages": "later", "times": 0 }),
        json!({ "on": on, "kind": "cut_list", "times": 0 }),
        json!({ "on": on, "kind": "error_before", "pages": "later", "times": 0 }),
        json!({ "on": on, "kind": "unreadable_row", "times": 0 }),
        json!({ "on": on, "kind": "cut_body", "times": 0 }),
    ]
}

/// All pages are missing.
fn empty(on: &str) -> Value {
    json!({ "on": on, "kind": "drop", "times": 0 })
}

/// Type, subject and status of each break, with the balances of the books.
async fn stand(shop: &Shop) -> (BTreeSet<[String; 3]>, Value) {
    let listed = shop.get("/v1/breaks?limit=100").await;
    let text = |found: &Value, field: &str| found[field].as_str().unwrap().to_owned();
    let breaks = listed["data"].as_array().unwrap().iter();
    let breaks = breaks.map(|found| ["type", "subject", "status"].map(|field| text(found, field)));
    (breaks.collect(), shop.get("/v1/ledger/trial-balance").await)
}

/// Reconciles under a fault that stays.
async fn costs_the_verdict(shop: &Shop, fault: &Value, reconcile: impl Fn() -> (Option<i32>, Value)) {
    let before = stand(shop).await;
    shop.simulate("mischief", fault).await;
    let (code, report) = reconcile();
    assert_eq!((code, &report["verdict"]), (Some(3), &json!("NO_VERDICT")), "{fault}: {report:#}");
    assert!(report["reason"].is_string(), "{fault}: {report:#}");
    assert_eq!(stand(shop).await, before, "{fault}: nothing is opened, closed or booked");
    shop.end_mischief().await;
}

fn row(break_type: &str, subject: &str, status: &str) -> [String; 3] {
    [break_type, subject, status].map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_transactions_that_is_not_whole_gives_no_verdict() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let foreign = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": foreign, "orderId": "of-another-shop", "amount": 23_000 });
    at_toss(shop, "confirm", &charge).await;
    for number in 1..=6 {
        paid(shop, &format!("paid-{number}")).await;
    }
    let reconcile = || reconcile(&roles, &["--grace", "0m"]);
    for fault in faults("transactions").iter().chain([&empty("transactions")]) {
        costs_the_verdict(shop, fault, reconcile).await;
    }
    let (code, report) = reconcile();
    assert_eq!(code, Some(1), "{report:#}");
    let subject = "of-another-shop";
    assert_eq!(stand(shop).await.0, BTreeSet::from([row("unknown_payment", subject, "OPEN")]), "{report:#}");

    let full = shop.at_toss(subject).await["paymentKey"].as_str().unwrap().to_owned();
    at_toss(shop, &format!("{full}/cancel"), &json!({ "cancelReason": "by hand" })).await;
    for fault in &faults("transactions")[..2] {
        costs_the_verdict(shop, fault, reconcile).await;
    }
    let (code, report) = reconcile();
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(stand(shop).await.0, BTreeSet::from([row("unknown_payment", subject, "RESOLVED")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_settlements_that_is_not_whole_gives_no_verdict() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    for id in ["paid-1", "paid-2", "paid-3", "paid-4", "paid-5", "missing"] {
        paid(shop, id).await;
    }
    plant(shop, "missing_row", Some("missing"), 1).await;
    plant(shop, "lump", None, 4_000).await;
    shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;
    let later = day_after(LATER);
    let reconcile = || reconcile(&roles, &["--grace", "0m", "--as-of", &later]);
    for fault in &faults("settlements") {
        costs_the_verdict(shop, fault, reconcile).await;
    }
    assert_eq!(balance(shop, "psp:payout_balance").await, 0);
    let (code, report) = reconcile();
    assert_eq!(code, Some(1), "{report:#}");
    let (breaks, books) = stand(shop).await;
    let types: Vec<&str> = breaks.iter().map(|[break_type, ..]| break_type.as_str()).collect();
    assert_eq!(types, ["lump_without_payment", "settlement_overdue"], "{report:#}");

    // What was listed once is listed again, or the list is not whole.
    costs_the_verdict(shop, &empty("settlements"), reconcile).await;
    for fault in &faults("settlements")[..2] {
        costs_the_verdict(shop, fault, reconcile).await;
    }
    assert_eq!(reconcile().0, Some(1));
    assert_eq!(stand(shop).await, (breaks, books), "the same breaks, and not one entry more");
    roles.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_payouts_that_is_not_whole_gives_no_verdict() {
    let payers = Payers::start(Kind::Sqlite).await;
    let shop = &payers.dev.shop;
    // Toss keeps its fee: what five have earned pays four.
    let sellers = names("seller", 5);
    payers.register(&sellers).await;
    for (number, seller) in sellers.iter().enumerate() {
        payers.earn(&format!("order-{number}"), std::slice::from_ref(seller), 20_001 + number as u64).await;
    }
    payouts::all_paid_in(&payers).await;
    payouts::paid(&payers, &sellers[..4]).await;
    payouts::steal(&payers, 1_500).await;
    let reconcile = || payouts::reconcile(&payers);
    for fault in faults("payouts").iter().chain([&empty("payouts")]) {
        costs_the_verdict(shop, fault, reconcile).await;
    }
    let (code, report) = reconcile();
    assert_eq!(code, Some(1), "{report:#}");
    let stolen = BTreeSet::from([row("payout_unknown_at_home", "not-ours", "OPEN")]);
    assert_eq!(stand(shop).await.0, stolen, "{report:#}");
    payers.verify_books();
}
