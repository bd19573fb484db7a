//! kill -9 of the worker in the middle of payments, or of the API in the middle of a request, loses nothing.

use domain::id::{IdempotencyKey, WorkflowId};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use temporalio_client::WorkflowDescribeOptions;
use workflows::checkout::CheckoutWorkflow;

use crate::{
    database::Kind,
    events, on_both_databases,
    roles::Roles,
    stack::{checkout, until},
};

/// How many buyers are in the middle of paying when the worker dies.
const BUYERS: usize = 6;
/// How often a buyer confirms.
const CONFIRMS: usize = 5;

on_both_databases!(a_killed_worker_loses_nothing, an_api_that_died_before_it_answered_is_asked_again);

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
    // Created and paid, each once; a charge whose answer was lost was unknown in between.
    until("each payment is told", || async {
        let paid = shop.get("/v1/events?limit=500&type=checkout.paid").await;
        paid["events"].as_array().unwrap().len() == BUYERS
    })
    .await;
    events::tells_every_history(shop).await;
}

/// No worker runs, so the API has started the checkout and waits for its record when it dies.
async fn an_api_that_died_before_it_answered_is_asked_again(database: Kind) {
    let mut roles = Roles::start(database).await;
    let body = checkout("survivor-1");
    let request = roles.shop.http.post(format!("{}/v1/payments", roles.shop.api)).bearer_auth(&roles.shop.api_key);
    let asking = tokio::spawn(request.header("Idempotency-Key", "survivor").json(&body).send());
    let (api_key, _) = service::api_key::SecretKey::parse(&roles.shop.api_key).unwrap();
    let workflow = WorkflowId::of_checkout(&api_key, &IdempotencyKey::parse("survivor").unwrap());
    let workflow = roles.temporal().await.get_workflow_handle::<CheckoutWorkflow>(workflow.as_str());
    until("the checkout is started", || async { workflow.describe(WorkflowDescribeOptions::default()).await.is_ok() })
        .await;
    roles.kill_api();
    assert!(asking.await.unwrap().is_err(), "it answered before it died");

    roles.restart_api().await;
    let _worker = roles.role("worker");
    roles.shop.create_with("survivor", &body).await;
    let replayed = roles.shop.post("survivor", &body).await;
    assert_eq!(
        (replayed.status().as_u16(), replayed.headers()["idempotent-replayed"].to_str().unwrap()),
        (201, "true")
    );
    let answer: Value = replayed.json().await.unwrap();
    assert_eq!((&answer["checkout_id"], &answer["status"]), (&json!("survivor-1"), &json!("NOT_STARTED")));
    let listed = roles.shop.get("/v1/payments").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
}
