//! What differs besides amounts: rounding (B-07), attributes (B-26) and dates (B-27).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    day_after, paid,
    planted::{DAY_S, LATER, balance, clean_payments, plant},
    reconcile, reconcile_day, today,
};
use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(rounding_attributes_and_dates_are_found_with_their_classes);

/// Clean payments beside the planted ones.
const CLEAN: usize = 20;
/// The parts in which a payment of 23,000 won is given back. Toss's fee of the whole is 683 won, and of the parts 681.
const PARTS: [&str; 3] = ["7667", "7667", "7666"];

/// Class and status by type and subject.
fn shown(report: &Value) -> BTreeMap<(String, String), (String, String)> {
    let text = |found: &Value, field: &str| found[field].as_str().unwrap().to_owned();
    let breaks = report["breaks"].as_array().unwrap().iter();
    breaks.map(|one| ((text(one, "type"), text(one, "subject")), (text(one, "class"), text(one, "status")))).collect()
}

fn row(break_type: &str, subject: &str, class: &str, status: &str) -> ((String, String), (String, String)) {
    ((break_type.to_owned(), subject.to_owned()), (class.to_owned(), status.to_owned()))
}

async fn given_back_in_parts(shop: &Shop, id: &str) {
    paid(shop, id).await;
    for (number, amount) in PARTS.into_iter().enumerate() {
        let body = json!({ "amount": amount, "reason": "변심" });
        let status = shop.cancel(id, &format!("{id}-{number}"), &body).await.status;
        assert!([200, 202].contains(&status), "{status}");
    }
    until(&format!("{id} is given back"), || async { shop.status(id).await == "REFUNDED" }).await;
}

async fn rounding_attributes_and_dates_are_found_with_their_classes(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    clean_payments(shop, CLEAN).await;
    given_back_in_parts(shop, "in-parts").await;
    for (id, kind) in [("other-method", "other_method"), ("in-escrow", "escrow"), ("day-before", "other_day")] {
        paid(shop, id).await;
        plant(shop, kind, Some(id), 1).await;
    }
    shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;

    let later = day_after(LATER);
    let flags = ["--grace", "0m", "--as-of", &later];
    let (code, report) = reconcile(&roles, &flags);
    let expected = BTreeMap::from([
        row("rounding_residue", "in-parts", "automatic", "RESOLVED"),
        row("attribute_differs", "other-method", "automatic", "RESOLVED"),
        row("attribute_differs", "in-escrow", "finance", "OPEN"),
    ]);
    assert_eq!((code, shown(&report)), (Some(1), expected.clone()), "{report:#}");
    // What rounding left over of the fees stands in an account of its own, and the tax stays where it was.
    let residue = balance(shop, "recon:rounding").await;
    assert!((1..=4).contains(&residue), "{residue}");
    let (books, fees) = (shop.get("/v1/ledger/trial-balance").await, balance(shop, "psp:fees").await);
    for _ in 0..2 {
        assert_eq!(shown(&reconcile(&roles, &flags).1), expected, "the same again");
    }
    assert_eq!(shop.get("/v1/ledger/trial-balance").await, books);
    roles.verify_books();

    // Toss's list dates an approval a day earlier than the books.
    let (code, before) = reconcile_day(&roles, &day_after(-1), &flags);
    let dated = BTreeMap::from([row("date_differs", "day-before", "automatic", "RESOLVED")]);
    assert_eq!((code, shown(&before)), (Some(0), dated), "{before:#}");

    // A person undoes the rule by one command. The rule leaves the break alone from then on.
    let found = report["breaks"].as_array().unwrap().iter().find(|one| one["type"] == "rounding_residue").unwrap();
    let id = found["break_id"].as_str().unwrap();
    assert!(found["reason_code"] == "rounding" && found["resolved_by"] == "rule:book_rounding/1", "{found}");
    roles.last_line(&["breaks", "undo", id, "--reason", "a fee that was kept"]);
    assert_eq!((balance(shop, "recon:rounding").await, balance(shop, "psp:fees").await), (0, fees + residue));
    let again = shown(&reconcile(&roles, &flags).1);
    let (key, open) = row("rounding_residue", "in-parts", "finance", "OPEN");
    assert_eq!(again.get(&key), Some(&open), "{again:?}");
    assert_eq!(balance(shop, "recon:rounding").await, 0);
    assert_eq!(shop.get(&format!("/v1/reconciliations/{}", today())).await["status"], "BREAKS");
    roles.verify_books();
}
