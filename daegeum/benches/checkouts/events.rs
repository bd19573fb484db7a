//! What a shop sees of its payments: how soon an event can be read, and what the log costs.

use std::time::{Duration, Instant};

use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::{
    Plan, figure,
    figures::{median, saturate},
    latency,
    stack::Stack,
};

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
}

/// A trigger that drops every event before it is stored. What builds and sends the event stays.
const DISCARD: &str = "CREATE FUNCTION bench_discard() RETURNS trigger LANGUAGE plpgsql \
                       AS $$ BEGIN RETURN NULL; END $$; \
                       CREATE TRIGGER bench_discard BEFORE INSERT ON events FOR EACH ROW \
                       EXECUTE FUNCTION bench_discard(); ALTER TABLE events DISABLE TRIGGER bench_discard";

/// Paid checkouts with the rows of the log and without, slice by slice.
pub(crate) async fn cost(plan: &Plan, stack: &Stack) {
    let database = stack.database().await;
    database.connection().execute_unprepared(DISCARD).await.unwrap();
    let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut seconds = [Vec::new(), Vec::new()];
    for repeat in 0..plan.repeats {
        let mut rates = [0.0; 2];
        let mut slices = [(0, "DISABLE"), (1, "ENABLE")];
        // Each goes first in turn: the database grows from slice to slice.
        if repeat % 2 == 1 {
            slices.reverse();
        }
        for (place, act) in slices {
            let switch = format!("ALTER TABLE events {act} TRIGGER bench_discard");
            database.connection().execute_unprepared(&switch).await.unwrap();
            let before = stack.processor_time();
            let checkouts = saturate(&stack.shop, crate::IN_FLIGHT, plan.slice).await;
            let after = stack.processor_time();
            let took: f64 = after.iter().zip(before).map(|((_, after), (_, before))| after - before).sum();
            seconds[place].push(took * 1_000.0 / checkouts.times.len() as f64);
            rates[place] = checkouts.per_second;
        }
        with.push(rates[0]);
        without.push(rates[1]);
        ratios.push(rates[0] / rates[1]);
    }
    let tidy = "DROP TRIGGER bench_discard ON events; DROP FUNCTION bench_discard()";
    database.connection().execute_unprepared(tidy).await.unwrap();
    figure("(h) paid checkouts", median(with), "/s");
    figure("(h) the same, the log's rows dropped", median(without), "/s");
    figure("(h) ratio", median(ratios), "");
    let [with, without] = seconds.map(median);
    figure("    CPU per checkout, all processes", with, "ms");
    figure("    CPU per checkout, rows dropped", without, "ms");
}
