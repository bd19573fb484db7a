//! All transactions are serializable: the stand-in for a database that agrees by consensus. Two workers get in each
//! other's way, and no buyer and no seller notices.

use std::str::FromStr;

use futures::future::join_all;
use serde_json::json;
use store::{Database, DatabaseUrl};

use crate::{
    database::{Kind, make_serializable},
    reconciliation::{paid, reconcile},
    roles::Roles,
    stack::{Process, Shop, insist, until},
};

/// How many buyers come at once.
const AT_ONCE: u64 = 12;
/// How often they come.
const BURSTS: u64 = 3;
const PAID: u64 = 23_000;
const REFUNDED: u64 = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_that_serializes_all_loses_and_doubles_nothing() {
    let mut roles = Roles::start(Kind::Postgres).await;
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    make_serializable(&database).await;
    roles.kill_api();
    roles.restart_api().await;
    let _workers = ["worker-1", "worker-2"]
        .map(|name| Process::start(&mut roles.command(&["--listen", "127.0.0.1:0", "worker"]), &roles.log(name)));
    let shop = &roles.shop;
    for burst in 0..BURSTS {
        join_all((0..AT_ONCE).map(|buyer| buys(shop, format!("paid-{burst}-{buyer}"), buyer % 2 == 0))).await;
    }
    let all = BURSTS * AT_ONCE;
    let left = all * PAID - all / 2 * REFUNDED;
    assert_eq!((shop.charged().await, shop.receivable().await), ((left, 0), left));
    roles.verify_books();
    let (code, report) = reconcile(&roles, &[]);
    assert_eq!((code, &report["agrees"]), (Some(0), &json!(true)), "{report}");
}

/// Pays, and is given a part back where that is asked for.
async fn buys(shop: &Shop, id: String, gives_back: bool) {
    paid(shop, &id).await;
    if gives_back {
        let body = json!({ "amount": REFUNDED.to_string(), "reason": "단순 변심" });
        let (status, answer) = insist(shop.cancellation(&id, &format!("{id}-refund"), &body)).await;
        assert!([200, 202].contains(&status), "{id}: {status} {answer}");
        let path = format!("/v1/payments/{id}");
        until(&format!("the refund of {id} has succeeded"), || async {
            shop.get(&path).await["refunds"][0]["status"] == "SUCCEEDED"
        })
        .await;
    }
}
