//! Breaks of many types among clean payments: each is found with its type and class, and nothing else is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{apart, at_toss, day_after, figure, paid, reconcile, today};
use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, insist, until},
};

on_both_databases!(planted_breaks_are_found_and_nothing_else, people_resolve_breaks_by_four_eyes);

/// Clean payments beside the planted ones.
const CLEAN: usize = 40;
/// Buyers at once.
const SIDE_BY_SIDE: usize = 8;
/// After this number of days all rows of today are listed and paid out, also over a weekend and a holiday.
pub(crate) const LATER: i64 = 9;
pub(crate) const DAY_S: u64 = 24 * 60 * 60;

pub(crate) async fn plant(shop: &Shop, kind: &str, order: Option<&str>, amount: u64) {
    let mut body = json!({ "kind": kind, "amount": amount });
    if let Some(order) = order {
        body["orderId"] = json!(order);
    }
    shop.simulate("settlements/plant", &body).await;
}

pub(super) async fn cancel_at_console(shop: &Shop, id: &str, amount: u64) {
    let full = shop.at_toss(id).await["paymentKey"].as_str().unwrap().to_owned();
    at_toss(shop, &format!("{full}/cancel"), &json!({ "cancelReason": "console", "cancelAmount": amount })).await;
}

pub(super) async fn clean_payments(shop: &Shop, count: usize) {
    let buyers = (0..SIDE_BY_SIDE).map(|buyer| {
        let shop = shop.clone();
        tokio::spawn(async move {
            for number in (buyer..count).step_by(SIDE_BY_SIDE) {
                clean_payment(&shop, number).await;
            }
        })
    });
    for buyer in buyers.collect::<Vec<_>>() {
        buyer.await.unwrap();
    }
}

/// Paid; some of it given back in full, or in part.
async fn clean_payment(shop: &Shop, number: usize) {
    let id = format!("clean-{number:05}");
    paid(shop, &id).await;
    let ends = match number % 10 {
        0 => {
            assert!([200, 202].contains(&shop.delete(&id).await.status));
            "REFUNDED"
        }
        1 | 2 => {
            let body = json!({ "amount": "5000", "reason": "변심" });
            let status = shop.cancel(&id, &format!("part-{number}"), &body).await.status;
            assert!([200, 202].contains(&status), "{status}");
            "PARTIALLY_REFUNDED"
        }
        _ => "SUCCESS",
    };
    until(&format!("{id} is {ends}"), || async { shop.status(&id).await == ends }).await;
}

/// Class by type and subject of what a report shows.
pub(super) fn found(report: &Value) -> BTreeMap<(String, String), String> {
    let breaks = report["breaks"].as_array().unwrap().iter();
    let text = |found: &Value, field: &str| found[field].as_str().unwrap().to_owned();
    breaks.map(|one| ((text(one, "type"), text(one, "subject")), text(one, "class"))).collect()
}

pub(crate) async fn balance(shop: &Shop, account: &str) -> i64 {
    let trial = shop.get("/v1/ledger/trial-balance").await;
    let accounts = trial["accounts"].as_array().unwrap();
    let account = accounts.iter().find(|one| one["account"] == account);
    account.map_or(0, |one| one["balance"].as_str().unwrap().parse().unwrap())
}

/// Every account of a trial balance, with what stands on it.
pub(crate) fn balances(trial: &Value) -> BTreeMap<String, String> {
    let text = |account: &Value, field: &str| account[field].as_str().unwrap().to_owned();
    let accounts = trial["accounts"].as_array().unwrap().iter();
    accounts.map(|account| (text(account, "account"), text(account, "balance"))).collect()
}

pub(super) fn types(found: &BTreeMap<(String, String), String>) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (break_type, _) in found.keys() {
        *counts.entry(break_type.as_str()).or_default() += 1;
    }
    counts
}

/// Breaks of nine types, of settlements and transactions.
pub(super) async fn plant_breaks(shop: &Shop) {
    for id in ["missing", "wrong-fee", "row-twice", "console", "fee-kept", "wrong-row"] {
        paid(shop, id).await;
    }
    plant(shop, "missing_row", Some("missing"), 1).await;
    plant(shop, "wrong_fee", Some("wrong-fee"), 900).await;
    plant(shop, "row_twice", Some("row-twice"), 1).await;
    plant(shop, "fee_kept", Some("fee-kept"), 1).await;
    plant(shop, "wrong_amount", Some("wrong-row"), 700).await;
    plant(shop, "lump", None, 4_000).await;
    plant(shop, "foreign_payment", Some("foreign-order"), 12_000).await;
    cancel_at_console(shop, "console", 3_000).await;
    let body = json!({ "amount": "5000", "reason": "변심" });
    assert_eq!(shop.cancel("fee-kept", "kept", &body).await.status, 200);
    // Toss captured, and no worker of ours was told: the workflow still waits for the buyer.
    shop.create("unbooked").await;
    let key = shop.authorize("unbooked").await;
    at_toss(shop, "confirm", &json!({ "paymentKey": key, "orderId": "unbooked", "amount": 23_000 })).await;
}

async fn planted_breaks_are_found_and_nothing_else(database: Kind) {
    let roles = Roles::start(database).await;
    let config = roles.place().join("planted.toml");
    std::fs::write(&config, "[reconciliation]\npsp_fee_bps = 297\n").unwrap();
    let mut command = roles.command(&["--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0", "worker"]);
    let _worker = crate::stack::Process::start(&mut command, &roles.log("planted-worker"));
    let shop = &roles.shop;
    clean_payments(shop, CLEAN).await;
    plant_breaks(shop).await;
    let statement = roles.place().join("statement.csv");
    std::fs::write(&statement, format!("date,amount,description\n{},\"-55,000\",임대료\n", today())).unwrap();
    for new in [1, 0] {
        let output = roles.command(&["bank", "import", statement.to_str().unwrap(), "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["new"], new, "a statement is imported once: {told}");
    }
    shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;

    let later = day_after(LATER);
    let flags = ["--grace", "0m", "--as-of", &later];
    let (code, report) = reconcile(&roles, &flags);
    assert_eq!(code, Some(1), "{report}");
    let first = found(&report);
    let expected = BTreeMap::from([
        ("ambiguous", 1),
        ("amounts_differ", 1),
        ("bank_line_unknown", 1),
        ("capture_unbooked", 1),
        ("fee_differs", 1),
        ("fee_not_returned", 1),
        ("lump_without_payment", 1),
        ("refund_at_console", 1),
        ("settlement_overdue", 1),
        // The payment itself, and its settlement row.
        ("unknown_payment", 2),
    ]);
    assert_eq!(types(&first), expected, "{report:#}");
    let class = |break_type: &str| {
        first.iter().find(|((found, _), _)| found == break_type).map(|(_, class)| class.as_str()).unwrap_or_default()
    };
    for (break_type, expected) in [
        // Its workflow waits for the buyer and asks nobody.
        ("capture_unbooked", "finance"),
        ("ambiguous", "finance"),
        ("fee_differs", "finance"),
        ("settlement_overdue", "finance"),
        ("lump_without_payment", "finance"),
        ("amounts_differ", "investigation"),
        ("unknown_payment", "investigation"),
    ] {
        assert_eq!(class(break_type), expected, "{break_type}");
    }

    // The books say of the settlements what Toss says, to the won, and the payout balance is Toss's.
    let sums = ["gross_KRW", "fee_KRW", "vat_KRW", "net_KRW"]
        .map(|name| figure(&report, "settlements", name).parse::<i64>().unwrap());
    assert_eq!(sums[0], sums[1] + sums[3]);
    assert_eq!(balance(shop, "psp:payout_balance").await, sums[3]);
    assert_eq!(balance(shop, "psp:fees").await + balance(shop, "vat:input").await, sums[1]);
    let balances: Value =
        shop.http.get(format!("{}/_sim/balances", shop.simulator)).send().await.unwrap().json().await.unwrap();
    assert_eq!(balances["available"], sums[3], "{balances}");
    assert_eq!(balance(shop, "suspense").await, 4_000 + 12_000);
    assert!(roles.command(&["ledger", "verify"]).output().unwrap().status.success());

    // The same again, three times: the same breaks, and not one entry more.
    let before = shop.get("/v1/ledger/trial-balance").await;
    for _ in 0..3 {
        let (_, again) = reconcile(&roles, &flags);
        assert_eq!(found(&again), first, "{again:#}");
        assert_eq!(figure(&again, "settlements", "booked_now"), "0", "{again:#}");
    }
    assert_eq!(shop.get("/v1/ledger/trial-balance").await, before);
}

async fn people_resolve_breaks_by_four_eyes(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    plant(shop, "lump", None, 4_000).await;
    shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;
    let later = day_after(LATER);
    let flags = ["--as-of", &later];
    let (code, report) = reconcile(&roles, &flags);
    assert_eq!((code, apart(&report)[0].1), (Some(1), "lump_without_payment"), "{report}");
    let id = report["breaks"][0]["break_id"].as_str().unwrap().to_owned();
    let [maker, checker] = [0, 1].map(|_| Shop { api_key: roles.create_key("finance"), ..shop.clone() });
    let act = async |shop: &Shop, act: &str, body: Value| {
        let request = shop.http.post(format!("{}/v1/breaks/{id}/{act}", shop.api)).bearer_auth(&shop.api_key);
        insist(request.json(&body)).await
    };
    let resolve = |template: &str| json!({ "template": template, "reason": "regrade of July" });

    assert_eq!(act(shop, "resolve", resolve("psp_fee")).await.0, 403, "a key of scope ops decides nothing");
    let (status, refused) = act(&maker, "resolve", resolve("accept")).await;
    assert_eq!((status, &refused["code"]), (409, &json!("break_not_actionable")), "{refused}");
    let (status, proposed) = act(&maker, "resolve", resolve("psp_fee")).await;
    assert_eq!((status, &proposed["status"]), (200, &json!("OPEN")), "{proposed}");
    assert_eq!(proposed["proposal"]["template"], "psp_fee", "{proposed}");
    let (status, alone) = act(&maker, "resolve", resolve("psp_fee")).await;
    assert_eq!((status, &alone["code"]), (403, &json!("four_eyes")), "{alone}");
    assert_eq!(balance(shop, "suspense").await, 4_000);
    let (status, resolved) = act(&checker, "resolve", resolve("psp_fee")).await;
    assert_eq!((status, &resolved["status"], &resolved["suspense"]), (200, &json!("RESOLVED"), &json!("0")));
    assert_eq!((balance(shop, "suspense").await, balance(shop, "psp:fees").await), (0, -4_000));

    // What two people closed stays closed, and can be undone with what it booked.
    let (code, again) = reconcile(&roles, &flags);
    assert_eq!((code, &again["breaks"][0]["status"]), (Some(0), &json!("RESOLVED")), "{again}");
    let (status, undone) = act(&maker, "undo", json!({ "reason": "wrong break" })).await;
    assert_eq!((status, &undone["status"], &undone["suspense"]), (200, &json!("OPEN"), &json!("4000")), "{undone}");
    assert_eq!((balance(shop, "suspense").await, balance(shop, "psp:fees").await), (4_000, 0));
    assert_eq!(act(&maker, "assign", json!({ "to": "mina", "reason": "asks Toss" })).await.1["assignee"], "mina");
    let waits = act(&maker, "wait", json!({ "until": day_after(30), "reason": "Toss answers" })).await.1;
    assert_eq!(waits["status"], "WAITING", "{waits}");
    let (status, told) = act(&maker, "comment", json!({ "text": "Toss has a <b>ticket</b>" })).await;
    assert_eq!((status, &told["status"], &told["assignee"]), (200, &waits["status"], &json!("mina")), "{told}");
    assert_eq!(act(shop, "comment", json!({ "text": "x" })).await.0, 403, "a key of scope ops says nothing");
    assert_eq!(act(&maker, "comment", json!({ "text": " " })).await.0, 422);
    let said = roles.command(&["breaks", "comment", &id, "--text", "Toss has answered", "--json"]).output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said["history"].as_array().unwrap().last().unwrap()["reason"], "Toss has answered", "{said}");
    let audited = shop.get("/v1/audit-log?limit=20").await.to_string();
    assert!(audited.contains("breaks comment") && audited.contains("/comment\""), "{audited}");
    let shown = maker.get(&format!("/v1/breaks/{id}")).await;
    let acts = shown["history"].as_array().unwrap().iter().map(|line| line["act"].as_str().unwrap());
    assert_eq!(
        acts.collect::<Vec<_>>(),
        ["open", "resolve", "resolve", "undo", "assign", "wait", "comment", "comment"]
    );
    assert!(roles.command(&["ledger", "verify"]).output().unwrap().status.success());

    let run = maker.get(&format!("/v1/reconciliations/{}", today())).await;
    assert_eq!((&run["status"], &run["number"]), (&json!("CLEAN"), &json!(2)), "{run}");
    let listed = maker.get("/v1/breaks?status=WAITING&class=finance&type=lump_without_payment&assignee=mina").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    let days = maker.get(&format!("/v1/settlements?from={}&to={}", today(), today())).await;
    assert_eq!((&days["data"][0]["gross"], &days["data"][0]["booked"]), (&json!("4000"), &json!("4000")), "{days}");
    let types = ["settlement.booked", "break.opened", "break.resolved", "reconciliation.completed"];
    for event_type in types {
        let events = shop.get(&format!("/v1/events?type={event_type}")).await;
        assert!(!events["events"].as_array().or(events["data"].as_array()).unwrap().is_empty(), "{event_type}");
    }
}
