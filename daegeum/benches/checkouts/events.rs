//! What a shop sees of its payments: how soon an event can be read, and how fast the log.

use std::time::{Duration, Instant};

use crate::{Plan, figure, figures::saturate, latency, stack::Stack};

/// How many checkouts are waited for, one after the other.
const AWAITED: usize = 50;

/// From the creation of a checkout until its event is read by somebody who waits; then the whole log, page by page.
pub(crate) async fn measure(plan: &Plan, stack: &Stack) {
    let shop = &stack.shop;
    saturate(shop, crate::IN_FLIGHT, plan.slice).await;
    let mut times = Vec::new();
    for number in 0..AWAITED {
        let end = shop.get("/v1/events?limit=1").await.unwrap()["last_position"].as_u64().unwrap();
        let wait = {
            let shop = shop.clone();
            tokio::spawn(async move {
                let path = format!("/v1/events?after={end}&wait_s=10&type=checkout.created");
                (shop.get(&path).await.unwrap(), Instant::now())
            })
        };
        // The waiting request is there first.
        tokio::time::sleep(Duration::from_millis(20)).await;
        shop.create(&format!("awaited-{number}")).await;
        let created = Instant::now();
        let (_, told) = wait.await.unwrap();
        times.push(vec![told.saturating_duration_since(created)]);
    }
    latency("(g) created to told", &times, 0);
    let (began, mut after, mut read) = (Instant::now(), 0, 0_usize);
    loop {
        let page = shop.get(&format!("/v1/events?limit=500&after={after}")).await.unwrap();
        read += page["events"].as_array().unwrap().len();
        after = page["next_after"].as_u64().unwrap();
        if page["has_more"] == false {
            break;
        }
    }
    figure("(g) events read by GET /v1/events", read as f64 / began.elapsed().as_secs_f64(), "/s");
}
