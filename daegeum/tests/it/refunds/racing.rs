//! Many at once, and a worker that dies: what is promised to one is not promised to another.

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::task::JoinSet;

use super::{PAID, Scene};
use crate::{database::Kind, on_both_databases, roles::Roles, stack::until};

on_both_databases!(
    twenty_racing_refunds_never_exceed_what_was_paid,
    one_key_at_once_is_one_refund,
    a_checkout_is_paid_or_canceled_and_never_both,
    a_killed_worker_refunds_once,
);

async fn twenty_racing_refunds_never_exceed_what_was_paid(database: Kind) {
    const RACERS: usize = 20;
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let scene = Scene::of(&roles).await;
    scene.paid("race-1").await;
    let mut racing = JoinSet::new();
    for racer in 0..RACERS {
        let shop = scene.shop.clone();
        racing.spawn(async move {
            let body = json!({ "amount": "2000", "reason": "경주" });
            loop {
                let answer = shop.cancel("race-1", &format!("race-{racer}"), &body).await;
                match answer.status {
                    // It waits for its turn, or for a place among those who wait.
                    202 | 429 | 503 => {}
                    status => return (status, answer.body["code"].as_str().map(str::to_owned)),
                }
            }
        });
    }
    let answers = racing.join_all().await;
    let succeeded = answers.iter().filter(|(status, _)| *status == 200).count();
    let refused = answers.iter().filter(|(_, code)| code.as_deref() == Some("refund_exceeds_payment")).count();
    assert_eq!((succeeded, refused), (11, RACERS - 11), "{answers:?}");
    assert_eq!(scene.at_toss("race-1").await, (1_000, 11));
    scene.agree().await;
}

async fn one_key_at_once_is_one_refund(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let scene = Scene::of(&roles).await;
    scene.paid("same-1").await;
    let mut racing = JoinSet::new();
    for racer in 0..50 {
        let shop = scene.shop.clone();
        racing.spawn(async move {
            loop {
                let answer = if racer % 2 == 0 {
                    shop.cancel("same-1", "same-key", &json!({ "amount": "7000", "reason": "한 번" })).await
                } else {
                    shop.cancel("same-1", "same-key", &json!({ "amount": "7001", "reason": "한 번" })).await
                };
                if ![202, 429, 503].contains(&answer.status) {
                    return (racer % 2, answer.status);
                }
            }
        });
    }
    let answers = racing.join_all().await;
    let told = |parity: usize, status: u16| answers.iter().filter(|answer| **answer == (parity, status)).count();
    let won = if told(0, 200) > 0 { 0 } else { 1 };
    assert_eq!((told(won, 200), told(1 - won, 422)), (25, 25), "{answers:?}");
    assert_eq!(scene.at_toss("same-1").await, (PAID - 7_000 - won as u64, 1));
    scene.agree().await;
}

async fn a_checkout_is_paid_or_canceled_and_never_both(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let scene = Scene::of(&roles).await;
    let mut races = Vec::new();
    for race in 0..6 {
        let scene = &scene;
        races.push(async move {
            let id = format!("either-{race}");
            scene.shop.create(&id).await;
            let key = scene.shop.authorize(&id).await;
            let (confirmed, deleted) = tokio::join!(scene.shop.confirm(&id, &key, "23000"), scene.shop.delete(&id));
            assert!([200, 202, 402, 409, 429, 503].contains(&confirmed.0), "{confirmed:?}");
            until("it is canceled", || async {
                let answer = scene.shop.delete(&id).await;
                assert!([200, 202].contains(&answer.status), "{} {}", answer.status, answer.body);
                answer.status == 200
            })
            .await;
            assert!([200, 202].contains(&deleted.status), "{} {}", deleted.status, deleted.body);
            let status = scene.shop.status(&id).await;
            assert!(["CANCELED", "FAILED", "REFUNDED"].contains(&status.as_str()), "{status}");
        });
    }
    futures::future::join_all(races).await;
    assert_eq!(scene.shop.charged().await.0, 0, "nobody paid for what was canceled");
    scene.agree().await;
}

async fn a_killed_worker_refunds_once(database: Kind) {
    const BUYERS: usize = 4;
    let roles = Roles::start(database).await;
    let worker = roles.role("worker");
    let scene = Scene::of(&roles).await;
    let mut refunds = Vec::new();
    for buyer in 0..BUYERS {
        let id = format!("crash-{buyer}");
        scene.paid(&id).await;
        let kind = if buyer % 2 == 0 { "execute_and_stall" } else { "stall_before" };
        scene.mischief(&id, json!({ "on": "cancel", "kind": kind })).await;
        let shop = scene.shop.clone();
        refunds.push(tokio::spawn(async move {
            shop.cancel(&id, &format!("{id}-key"), &json!({ "amount": "4000", "reason": "환불" })).await.status
        }));
    }
    until("refunds are under way", || async { scene.shop.charged().await.0 < PAID * BUYERS as u64 }).await;
    worker.signal(Signal::SIGKILL);
    drop(worker);
    let _restarted = roles.role("worker");
    for refund in refunds {
        let status = refund.await.unwrap();
        // Or that the first request is still being recorded.
        assert!([200, 202, 429, 503].contains(&status), "{status}");
    }
    for buyer in 0..BUYERS {
        let id = format!("crash-{buyer}");
        // A caller who was told that no worker took the request repeats it.
        let body = json!({ "amount": "4000", "reason": "환불" });
        until(&format!("{id} is refunded"), || async {
            scene.shop.cancel(&id, &format!("{id}-key"), &body).await.status == 200
        })
        .await;
        assert_eq!(scene.at_toss(&id).await, (PAID - 4_000, 1));
    }
    scene.agree().await;
}
