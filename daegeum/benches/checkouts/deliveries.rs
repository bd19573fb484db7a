//! Webhooks: how soon a healthy receiver hears of a fact beside bad ones, and how fast one and ten receivers catch up.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use reqwest::Method;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{Plan, figure, figures::pace, latency, stack::Stack};

/// Checkouts per second while facts are told to one healthy and three bad receivers.
const CHECKOUTS_PER_SECOND: u32 = 30;
/// How many receivers catch up at once.
const RECEIVERS: u64 = 10;
/// How late the slow receiver answers.
const SLOW: Duration = Duration::from_secs(3);
/// Of how many messages the flaky receiver refuses one.
const FLAKY: u64 = 3;
/// Where nothing listens.
const DEAD: &str = "http://127.0.0.1:9/hook";
const POLL: Duration = Duration::from_millis(20);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// How a receiver answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Healthy,
    /// Healthy, and it keeps every message with its time.
    Keeping,
    Slow,
    Flaky,
}

/// A receiver in this process.
#[derive(Clone)]
struct Receiver {
    manner: Manner,
    url: String,
    count: Arc<AtomicU64>,
    kept: Arc<Mutex<Vec<(SystemTime, Bytes)>>>,
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { manner, url, count: Arc::default(), kept: Arc::default() };
        let router = Router::new().route("/hook", post(Self::receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    async fn receive(State(receiver): State<Self>, body: Bytes) -> StatusCode {
        let before = receiver.count.fetch_add(1, Ordering::Relaxed);
        match receiver.manner {
            Manner::Healthy => {}
            Manner::Keeping => receiver.kept.lock().unwrap().push((SystemTime::now(), body)),
            Manner::Slow => sleep(SLOW).await,
            Manner::Flaky if before.is_multiple_of(FLAKY) => return StatusCode::INTERNAL_SERVER_ERROR,
            Manner::Flaky => {}
        }
        StatusCode::NO_CONTENT
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

pub(crate) async fn measure(plan: &Plan, stack: &Stack) {
    told(plan, stack).await;
    let first = pile_up(plan, stack).await;
    let last = first + plan.behind - 1;
    read(stack, first).await;
    let one = caught_up(stack, 1, last + 1 - plan.behind, plan.behind).await;
    figure("(i) catch-up of one webhook endpoint", one, "events/s");
    let each = plan.behind / RECEIVERS;
    let ten = caught_up(stack, RECEIVERS, last + 1 - each, each).await;
    figure(&format!("(i) catch-up of {RECEIVERS} endpoints, together"), ten, "events/s");
}

/// From a fact until a healthy receiver has it, at a steady pace, beside a dead, a slow and a flaky receiver.
async fn told(plan: &Plan, stack: &Stack) {
    let healthy = Receiver::start(Manner::Keeping).await;
    let (slow, flaky) = (Receiver::start(Manner::Slow).await, Receiver::start(Manner::Flaky).await);
    let mut endpoints = Vec::new();
    for url in [&healthy.url, &slow.url, &flaky.url, DEAD] {
        endpoints.push(register(stack, url).await);
    }
    let began = Instant::now();
    let checkouts = pace(&stack.shop, CHECKOUTS_PER_SECOND, 2 * plan.slice).await;
    let per_second = checkouts.len() as f64 / began.elapsed().as_secs_f64();
    let facts = 2 * checkouts.len() as u64;
    until("the healthy receiver has every fact", || async { healthy.count() >= facts }).await;
    for endpoint in endpoints {
        stack.shop.send(Method::DELETE, &format!("/v1/webhook-endpoints/{endpoint}"), &Value::Null).await;
    }
    let (occurred, written) = (times(stack, "occurred_at").await, times(stack, "recorded_at").await);
    let since = |times: &HashMap<i64, i64>| -> Vec<Vec<Duration>> {
        let kept = healthy.kept.lock().unwrap();
        kept.iter()
            .map(|(at, body)| {
                let event: Value = serde_json::from_slice(body).unwrap();
                let at_ms = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64;
                let passed = at_ms - times[&event["position"].as_i64().unwrap()];
                vec![Duration::from_millis(passed.max(0) as u64)]
            })
            .collect()
    };
    figure("(i) checkouts while facts are told", per_second, "/s");
    latency("(i) written to delivered, beside bad ones", &since(&written), 0);
    latency("(i) occurred to delivered, beside bad ones", &since(&occurred), 0);
}

/// A time of each event, in milliseconds, by position.
async fn times(stack: &Stack, column: &str) -> HashMap<i64, i64> {
    let sql = format!("SELECT position, CAST(EXTRACT(EPOCH FROM {column}) * 1000 AS BIGINT) AS ms FROM events");
    let database = stack.database().await;
    let rows = database.connection().query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| (row.try_get("", "position").unwrap(), row.try_get("", "ms").unwrap())).collect()
}

/// Appends many copies of an event at once; answers the position of the first.
async fn pile_up(plan: &Plan, stack: &Stack) -> u64 {
    let last = || async { stack.shop.get("/v1/events?limit=1").await.unwrap()["last_position"].as_u64().unwrap() };
    let before = last().await;
    let copies = format!(
        "INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data)
         SELECT type, object_id || '-' || n, version, now(), now(), data FROM generate_series(1, {}) AS n,
             (SELECT * FROM events WHERE type = 'checkout.paid' AND position IS NOT NULL LIMIT 1) AS paid",
        plan.behind
    );
    let began = Instant::now();
    stack.database().await.connection().execute_unprepared(&copies).await.unwrap();
    until("each has its position", || async { last().await >= before + plan.behind }).await;
    figure("(g) appended with a position, in bulk", plan.behind as f64 / began.elapsed().as_secs_f64(), "events/s");
    before + 1
}

async fn read(stack: &Stack, first: u64) {
    let (began, mut after, mut read) = (Instant::now(), first - 1, 0_usize);
    loop {
        let page = stack.shop.get(&format!("/v1/events?limit=500&after={after}")).await.unwrap();
        read += page["events"].as_array().unwrap().len();
        after = page["next_after"].as_u64().unwrap();
        if page["has_more"] == false {
            break;
        }
    }
    figure("(g) catch-up of GET /v1/events", read as f64 / began.elapsed().as_secs_f64(), "events/s");
}

/// How many events per second receivers have together that go back to a position.
async fn caught_up(stack: &Stack, receivers: u64, from: u64, each: u64) -> f64 {
    let mut receiving = Vec::new();
    for _ in 0..receivers {
        let receiver = Receiver::start(Manner::Healthy).await;
        let endpoint = register(stack, &receiver.url).await;
        receiving.push((receiver, endpoint));
    }
    let began = Instant::now();
    for (_, endpoint) in &receiving {
        let path = format!("/v1/webhook-endpoints/{endpoint}/replay");
        stack.shop.send(Method::POST, &path, &json!({ "from_position": from })).await;
    }
    let is_done = || async { receiving.iter().all(|(receiver, _)| receiver.count() >= each) };
    until("the receivers have everything", is_done).await;
    let rate = (receivers * each) as f64 / began.elapsed().as_secs_f64();
    for (_, endpoint) in receiving {
        stack.shop.send(Method::DELETE, &format!("/v1/webhook-endpoints/{endpoint}"), &Value::Null).await;
    }
    rate
}

async fn register(stack: &Stack, url: &str) -> String {
    let endpoint = stack.shop.send(Method::POST, "/v1/webhook-endpoints", &json!({ "url": url })).await.unwrap();
    endpoint["webhook_endpoint_id"].as_str().unwrap().to_owned()
}

async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "waited and still not: {what}");
        sleep(POLL).await;
    }
}
