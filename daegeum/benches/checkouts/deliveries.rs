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

use crate::{Plan, figure, figures::saturate, latency, stack::Stack};

/// How many checkouts per second have their two facts told to one healthy and three bad receivers.
const CHECKOUTS_PER_SECOND: u32 = 30;
/// A fact, in a transaction of its own: a copy of an event that a checkout had.
const FACT: &str = "INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data) \
                    SELECT type, 'paced-$1', version, clock_timestamp(), clock_timestamp(), data FROM events \
                    WHERE type = '$2' AND position IS NOT NULL ORDER BY position LIMIT 1";
/// How many receivers catch up at once.
const RECEIVERS: u64 = 10;
/// How late the slow receiver answers.
const SLOW: Duration = Duration::from_secs(3);
/// Of how many messages the flaky receiver refuses one.
const FLAKY: u64 = 3;
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
    // One checkout whose facts are copied.
    saturate(&stack.shop, 1, Duration::from_secs(1)).await;
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

/// From a fact until a healthy receiver has it, beside a dead, a slow and a flaky receiver. The facts are copies, so
/// that their pace does not depend on how many checkouts this machine can do beside its receivers.
async fn told(plan: &Plan, stack: &Stack) {
    let healthy = Receiver::start(Manner::Keeping).await;
    let (slow, flaky) = (Receiver::start(Manner::Slow).await, Receiver::start(Manner::Flaky).await);
    let mut endpoints = Vec::new();
    let dead = nobody_listens().await;
    for url in [&healthy.url, &slow.url, &flaky.url, &dead] {
        endpoints.push(register(stack, url).await);
    }
    let database = stack.database().await;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / CHECKOUTS_PER_SECOND);
    let checkouts = CHECKOUTS_PER_SECOND * 2 * u32::try_from(plan.slice.as_secs()).unwrap();
    let began = Instant::now();
    for number in 0..checkouts {
        pace.tick().await;
        for event_type in ["checkout.created", "checkout.paid"] {
            let fact = FACT.replace("$1", &number.to_string()).replace("$2", event_type);
            database.connection().execute_unprepared(&fact).await.unwrap();
        }
    }
    let per_second = f64::from(checkouts) / began.elapsed().as_secs_f64();
    let facts = 2 * u64::from(checkouts);
    until("the healthy receiver has every fact", || async { healthy.count() >= facts }).await;
    for endpoint in endpoints {
        stack.shop.send(Method::DELETE, &format!("/v1/webhook-endpoints/{endpoint}"), &Value::Null).await;
    }
    let written = written(stack).await;
    let kept = std::mem::take(&mut *healthy.kept.lock().unwrap());
    let passed = kept.iter().map(|(at, body)| {
        let event: Value = serde_json::from_slice(body).unwrap();
        let at_ms = i64::try_from(at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let passed_ms = at_ms - written[&event["position"].as_i64().unwrap()];
        vec![Duration::from_millis(u64::try_from(passed_ms).unwrap_or_default())]
    });
    figure("(i) checkouts whose facts are told", per_second, "/s");
    latency("(i) fact to delivered, beside bad receivers", &passed.collect::<Vec<_>>(), 0);
}

/// Where nobody listens: a port that was free a moment ago.
async fn nobody_listens() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/hook", listener.local_addr().unwrap())
}

/// When each event was written, in milliseconds, by position.
async fn written(stack: &Stack) -> HashMap<i64, i64> {
    let sql = "SELECT position, CAST(EXTRACT(EPOCH FROM recorded_at) * 1000 AS BIGINT) AS ms FROM events \
               WHERE position IS NOT NULL";
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
