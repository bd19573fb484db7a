//! kill -9 of the worker in the middle of payments loses nothing.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::{database::Kind, on_both_databases, roles::Roles, stack::until};

/// How many buyers are in the middle of paying when the worker dies.
const BUYERS: usize = 6;
/// How often a buyer confirms.
const CONFIRMS: usize = 5;

on_both_databases!(a_killed_worker_loses_nothing);

async fn a_killed_worker_loses_nothing(database: Kind) {
    let roles = Roles::start(database).await;
    let shop = &roles.shop;
    let worker = roles.role("worker");
    let mut keys = Vec::new();
    for buyer in 0..BUYERS {
        let id = format!("crash-{buyer}");
        shop.create(&id).await;
        keys.push((id.clone(), shop.authorize(&id).await));
        // Every other charge goes through at Toss while its answer hangs.
        let kind = if buyer % 2 == 0 { "execute_and_stall" } else { "stall_before" };
        shop.simulate("mischief", &json!({ "on": "confirm", "kind": kind, "orderId": id })).await;
    }
    let confirms: Vec<_> = keys
        .into_iter()
        .map(|(id, key)| {
            let shop = shop.clone();
            tokio::spawn(async move {
                // A buyer whom no worker heard asks again, as the page does.
                for _ in 1..CONFIRMS {
                    match shop.confirm(&id, &key, "23000").await.0 {
                        503 => {}
                        status => return status,
                    }
                }
                shop.confirm(&id, &key, "23000").await.0
            })
        })
        .collect();
    until("charges are under way", || async { shop.charged().await.0 > 0 }).await;
    worker.signal(Signal::SIGKILL);
    drop(worker);
    let _restarted = roles.role("worker");

    for confirm in confirms {
        let status = confirm.await.unwrap();
        assert!([200, 202].contains(&status), "a buyer was told {status}");
    }
    for buyer in 0..BUYERS {
        let id = format!("crash-{buyer}");
        until(&format!("{id} is paid"), || async { shop.status(&id).await == "SUCCESS" }).await;
    }
    let expected = 23_000 * BUYERS as u64;
    assert_eq!(shop.charged().await, (expected, 0));
    assert_eq!(shop.receivable().await, expected);
}
