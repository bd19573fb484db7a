//! Refunds that wait for a second person: both persons are at the console.

use std::collections::BTreeMap;

use serde_json::json;
use store::console::Role;

use super::{Seen, Visitor, signed_in, things};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::Payers,
    stack::{Dev, until},
};

on_both_databases!(a_large_refund_takes_two_persons);

/// Refunds above it wait.
const ABOVE: [&str; 2] = ["--refund-approval-above", "1000"];
/// The page of the payment.
const PAYMENT: &str = "/console/payments/console-paid";

/// A stack in which a refund above a thousand won waits for a second person.
pub(crate) async fn with_approvals(database: Kind) -> Payers {
    Payers::start_on(database, "", &ABOVE).await
}

/// A person asks for a refund that waits. Answers its id.
pub(crate) async fn refund_that_waits(dev: &Dev, person: &str, amount: &str) -> String {
    let asker = signed_in(dev, person, Role::Finance).await;
    let fields = [("order", ""), ("amount", amount), ("reason", "a scratch"), ("key", amount)];
    came(&asker.post(&format!("{PAYMENT}/refund"), &fields).await, "refund-waits");
    let waiting = dev.shop.get("/v1/refunds?approval=WAITING").await;
    waiting["data"][0]["refund_id"].as_str().unwrap().to_owned()
}

/// A refund that waits.
pub(crate) async fn things_of_refunds(dev: &Dev) -> BTreeMap<&'static str, String> {
    BTreeMap::from([("refund", refund_that_waits(dev, "asker", "2000").await)])
}

#[track_caller]
fn came(seen: &Seen, outcome: &str) {
    let mark = format!("data-outcome=\"{outcome}\"");
    assert!(seen.text.contains(&mark), "not {outcome}: {} {}", seen.status, seen.text);
}

async fn decided(person: &Visitor, refund: &str, step: &str) -> Seen {
    person.post(&format!("{PAYMENT}/refunds/{refund}/{step}"), &[("reason", "I saw the picture")]).await
}

async fn a_large_refund_takes_two_persons(database: Kind) {
    let dev = Dev::start(database, &ABOVE).await;
    let _things = things(&dev).await;
    let shop = &dev.shop;
    let [kim, lee, support] = [
        signed_in(&dev, "kim", Role::Finance).await,
        signed_in(&dev, "lee", Role::Operations).await,
        signed_in(&dev, "han", Role::Support).await,
    ];
    let refund = refund_that_waits(&dev, "kim", "5000").await;
    let approve = format!("{PAYMENT}/refunds/{refund}/approve");

    // Everybody who sees the payment sees that the refund waits; who asked for it, and who may not refund, have no act.
    for person in [&kim, &lee, &support] {
        let page = person.get(PAYMENT).await.text;
        for told in [refund.as_str(), "5,000 KRW", "person:kim", "a scratch", "A refund waits for a second person"] {
            assert!(page.contains(told), "{told} is not told: {page}");
        }
        let list = person.get("/console/refund-approvals?approval=WAITING").await.text;
        assert!(list.contains("5,000 KRW") && list.contains(PAYMENT), "{list}");
    }
    let acts = async |person: &Visitor| person.get(PAYMENT).await.text.contains(&approve);
    assert_eq!([acts(&kim).await, acts(&lee).await, acts(&support).await], [false, true, false]);
    assert_eq!(support.get(&approve).await.status, 403);

    let own = decided(&kim, &refund, "approve").await;
    assert!(own.status == 403 && own.text.contains("four_eyes"), "{} {}", own.status, own.text);
    assert_eq!(decided(&support, &refund, "approve").await.status, 403);
    let silent = lee.post(&approve, &[("reason", " ")]).await;
    assert!(silent.text.contains("role=\"alert\"") && silent.text.contains("5,000 KRW"), "{}", silent.text);
    assert_eq!(lee.post(&approve.replace("approve", "delete"), &[("reason", "x")]).await.status, 404);
    let other = approve.replace("console-paid", "console-stuck");
    assert_eq!(lee.post(&other, &[("reason", "x")]).await.status, 404, "the refund of another payment");
    assert_eq!(shop.charged().await, (23_000, 0), "nothing went back");

    // A double click.
    let (first, second) = tokio::join!(decided(&lee, &refund, "approve"), decided(&lee, &refund, "approve"));
    for seen in [&first, &second] {
        assert!(seen.text.contains("data-outcome=\"refunded"), "{} {}", seen.status, seen.text);
    }
    came(&decided(&lee, &refund, "approve").await, "refunded-before");
    assert_eq!(decided(&lee, &refund, "reject").await.status, 409, "the first decision stays");
    assert_eq!(shop.charged().await, (18_000, 0), "it went back once");
    until("the books have it", || async { shop.receivable().await == 18_000 }).await;
    assert!(!acts(&lee).await, "nothing waits any more");

    let refund = refund_that_waits(&dev, "kim", "6000").await;
    for _ in 0..2 {
        came(&decided(&lee, &refund, "reject").await, "refund-rejected");
    }
    assert_eq!(decided(&lee, &refund, "approve").await.status, 409, "the first decision stays");
    assert_eq!(shop.charged().await, (18_000, 0));
    let list = lee.get("/console/refund-approvals").await.text;
    assert!(list.contains("data-code=\"APPROVED\"") && list.contains("data-code=\"REJECTED\""), "{list}");
    let overview = lee.get("/console").await.text;
    assert!(overview.contains("<h2>Refunds that wait for approval</h2><p class=\"figure\">0</p>"), "{overview}");

    let lines = shop.get("/v1/audit-log?actor=lee&limit=100").await;
    let done: Vec<_> = lines["data"].as_array().unwrap().iter().collect();
    let told = |action: &str, result: &str| {
        let action = format!("POST /console/payments/{{id}}/refunds/{{refund}}/{action}");
        done.iter().any(|line| line["action"] == json!(action) && line["result"] == json!(result))
    };
    assert!(told("{step}", "200 I saw the picture"), "{lines}");
}
