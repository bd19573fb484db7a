//! What is answered when a part is missing: no worker, no Temporal, no database, no answer of Toss, no scope.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use reqwest::{Response, header};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, Shop, checkout, until},
};

on_both_databases!(nothing_is_said_to_go_on_that_nobody_took, a_key_does_only_what_its_scope_allows);

/// The status, the code or the checkout's status, and when to ask again.
async fn told(response: Response) -> (u16, String, Option<String>) {
    let again = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let said = if body["code"].is_string() { &body["code"] } else { &body["status"] };
    (status, said.as_str().unwrap().to_owned(), again)
}

fn answer(status: u16, said: &str, again: &str) -> (u16, String, Option<String>) {
    (status, said.to_owned(), Some(again.to_owned()))
}

async fn confirm(shop: &Shop, id: &str, payment_key: &str) -> Response {
    let body = json!({ "payment_key": payment_key, "order_id": id, "amount": "23000" });
    let request = shop.http.post(format!("{}/v1/payments/{id}/confirm", shop.api)).bearer_auth(&shop.api_key);
    request.json(&body).send().await.unwrap()
}

async fn get(shop: &Shop, path: &str) -> Response {
    shop.http.get(format!("{}{path}", shop.api)).bearer_auth(&shop.api_key).send().await.unwrap()
}

async fn look_ups(shop: &Shop, id: &str) -> usize {
    let calls: Value =
        shop.http.get(format!("{}/_sim/calls", shop.simulator)).send().await.unwrap().json().await.unwrap();
    let calls = calls.as_array().or_else(|| calls["calls"].as_array()).unwrap();
    calls.iter().filter(|call| call["method"] == "GET" && call["orderId"] == id).count()
}

async fn nothing_is_said_to_go_on_that_nobody_took(database: Kind) {
    let roles = Roles::start(database).await;
    let shop = &roles.shop;
    let worker = roles.role("worker");
    shop.create("no-worker").await;
    shop.create("no-answer").await;
    let key = shop.authorize("no-answer").await;
    let stall = |on: &str| json!({ "on": on, "kind": "stall_before", "orderId": "no-answer", "times": 0 });
    for on in ["confirm", "lookup"] {
        shop.simulate("mischief", &stall(on)).await;
    }
    let response = confirm(shop, "no-answer", &key).await;
    assert_eq!(response.headers()[header::LOCATION], "/v1/payments/no-answer");
    let (status, _, again) = told(response).await;
    assert_eq!((status, again.as_deref()), (202, Some("2")));
    until("the outcome is unknown", || async { shop.status("no-answer").await == "UNKNOWN" }).await;
    until("its age is counted", || async { oldest_unknown_seconds(shop).await >= 1 }).await;
    // Terminating the workflow does not resolve the doubt.
    roles.terminate("no-answer");
    assert_eq!(told(confirm(shop, "no-answer", &key).await).await, answer(202, "UNKNOWN", "2"));

    drop(worker);
    let key = shop.authorize("no-worker").await;
    let unrecorded = checkout("unrecorded");
    let (confirmed, created) = tokio::join!(confirm(shop, "no-worker", &key), shop.post("unrecorded", &unrecorded));
    assert_eq!(told(confirmed).await, answer(503, "confirm_not_accepted", "1"));
    assert_eq!(told(created).await, answer(429, "request_in_progress", "1"));
    assert_eq!(shop.status("no-worker").await, "NOT_STARTED");

    let _worker = roles.role("worker");
    assert_eq!(told(confirm(shop, "no-worker", &key).await).await, (200, "SUCCESS".to_owned(), None));
    until("it is recorded", || async { shop.post("unrecorded", &unrecorded).await.status() == 201 }).await;
    let created = shop.post("unrecorded", &unrecorded).await;
    assert_eq!((created.status().as_u16(), created.headers()["idempotent-replayed"].to_str().unwrap()), (201, "true"));
    assert_eq!(shop.charged().await, (23_000, 0));
}

/// For how long the oldest checkout has stood at UNKNOWN, by the metric.
async fn oldest_unknown_seconds(shop: &Shop) -> u64 {
    let text = get(shop, "/metrics").await.text().await.unwrap();
    let metric = "daegeum_oldest_checkout_seconds{status=\"UNKNOWN\"} ";
    text.lines().find_map(|line| line.strip_prefix(metric)).unwrap().parse().unwrap()
}

async fn a_key_does_only_what_its_scope_allows(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let reader = Shop { api_key: roles.create_key("read"), ..roles.shop.clone() };
    let refused = reader.post("forbidden", &checkout("forbidden-1")).await;
    assert_eq!(told(refused).await, (403, "forbidden".to_owned(), None));
    assert_eq!(get(&reader, "/v1/payments/forbidden-1").await.status(), 404);

    let basic = |key: &str| {
        let request = reader.http.post(format!("{}/v1/payments", reader.api)).basic_auth(key, Some(""));
        request.header("Idempotency-Key", "basic").json(&checkout("basic-1")).send()
    };
    assert_eq!(basic(&reader.api_key).await.unwrap().status(), 403);
    assert_eq!(basic("dk_nobody_0123456789abcdef").await.unwrap().status(), 401);
    assert_eq!(basic(&roles.shop.api_key).await.unwrap().status(), 201);
    let read = reader.http.get(format!("{}/v1/payments/basic-1", reader.api)).basic_auth(&reader.api_key, Some(""));
    assert_eq!(read.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_temporal_it_is_not_ready() {
    let mut roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    until("it is ready", || async { get(&roles.shop, "/readyz").await.status() == 200 }).await;
    roles.stop_temporal();
    let shop = &roles.shop;
    until("it is not ready", || async { get(shop, "/readyz").await.status() == 503 }).await;
    assert_eq!(told(get(shop, "/readyz").await).await, answer(503, "not_ready", "1"));
    assert_eq!(matter(shop).await, "Temporal does not answer.");
    assert_eq!(get(shop, "/healthz").await.status(), 200);
    let created = shop.post("no-temporal", &checkout("no-temporal")).await;
    assert_eq!(told(created).await, answer(503, "temporal_unavailable", "1"));
}

/// What readiness says is the matter.
async fn matter(shop: &Shop) -> String {
    let told: Value = get(shop, "/readyz").await.json().await.unwrap();
    told["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_it_is_not_ready_and_says_so() {
    let roles = Roles::start(Kind::Sqlite).await;
    let shop = &roles.shop;
    assert_eq!(told(get(shop, "/readyz").await).await, answer(503, "not_ready", "1"));
    assert_eq!(matter(shop).await, "No worker serves the task queue.");
    let metrics = get(shop, "/metrics").await.text().await.unwrap();
    assert!(metrics.contains("\ndaegeum_workers_polling 0\n"), "{metrics}");
    assert!(metrics.contains("\ndaegeum_database_writable 1\n"), "{metrics}");
    for _ in 0..2 {
        let began = Instant::now();
        let created = shop.post("no-worker", &checkout("no-worker")).await;
        assert_eq!(told(created).await, answer(503, "no_worker", "1"));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    // The request was kept: the worker that comes records it, once.
    let _worker = roles.role("worker");
    until("it is ready", || async { get(shop, "/readyz").await.status() == 200 }).await;
    until("the request is recorded", || async { shop.post("no-worker", &checkout("no-worker")).await.status() == 201 })
        .await;
    assert_eq!(shop.status("no-worker").await, "NOT_STARTED");
    assert!(get(shop, "/metrics").await.text().await.unwrap().contains("\ndaegeum_workers_polling 1\n"));
}

/// A refund without a worker is kept, and said to wait for one; whoever asks again is not told for ever that the first
/// request is in progress.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_without_a_worker_says_so_and_happens_once_when_one_comes() {
    let (roles, elsewhere) = (Roles::start(Kind::Sqlite).await, Roles::start(Kind::Sqlite).await);
    let worker = roles.role("worker");
    let (shop, id) = (&roles.shop, "refund-unserved");
    shop.create(id).await;
    let key = shop.authorize(id).await;
    assert_eq!(told(confirm(shop, id, &key).await).await.0, 200);
    drop(worker);
    // On another Temporal server no worker has polled yet.
    let beside = [("TEMPORAL_ADDRESS", elsewhere.temporal.as_str())];
    let (_api, api) = roles.another_api(&beside, &[]).await;
    let shop = Shop { api, ..shop.clone() };
    let part = json!({ "amount": "5000", "reason": "단순 변심" });
    for _ in 0..2 {
        let began = Instant::now();
        let answer = shop.cancel(id, "part", &part).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("no_worker")), "{}", answer.body);
        assert!(answer.retry_after && began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    }
    assert_eq!(shop.delete(id).await.body["code"], "no_worker");
    assert_eq!(shop.charged().await, (23_000, 0), "nothing went back");

    let mut worker = roles.command(&["worker"]);
    let _worker = Process::start(worker.env("TEMPORAL_ADDRESS", &elsewhere.temporal), &roles.log("worker"));
    until("the part has gone back", || async { shop.cancel(id, "part", &part).await.status == 200 }).await;
    until("the rest has gone back", || async { shop.delete(id).await.status == 200 }).await;
    assert_eq!(shop.charged().await, (0, 0));
    roles.verify_books();
}

/// Only PostgreSQL has databases that take no connection, and roles that may only read.
mod on_postgres {
    use super::*;

    async fn administration() -> Database {
        let url = std::env::var("TEST_POSTGRES_URL").unwrap();
        Database::connect(&DatabaseUrl::from_str(&url).unwrap()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_its_database_it_says_when_to_come_back() {
        let roles = Roles::start(Kind::Postgres).await;
        let _worker = roles.role("worker");
        let shop = &roles.shop;
        until("it is ready", || async { get(shop, "/readyz").await.status() == 200 }).await;
        let url = roles.database_url();
        let (_, name) = url.rsplit_once('/').unwrap();
        let administration = administration().await;
        let administer = async |statement: String| {
            administration.connection().execute_unprepared(&statement).await.unwrap();
        };
        administer(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        administer(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
        for path in ["/v1/payments/any-checkout", "/v1/ledger/trial-balance"] {
            assert_eq!(told(get(shop, path).await).await, answer(503, "database_unavailable", "1"), "{path}");
        }
        until("it is not ready", || async { get(shop, "/readyz").await.status() == 503 }).await;
        assert_eq!(told(get(shop, "/readyz").await).await, answer(503, "not_ready", "1"));
        assert_eq!(matter(shop).await, "The database does not take a write.");
        administer(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
        until("it is ready", || async { get(shop, "/readyz").await.status() == 200 }).await;
        assert_eq!(get(shop, "/v1/payments/any-checkout").await.status(), 404);
    }

    /// A failover: the address points at a server that only reads, and then at one that writes.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_only_reads_makes_it_not_ready_for_as_long_as_that() {
        let roles = Roles::start(Kind::Postgres).await;
        let _worker = roles.role("worker");
        let shop = &roles.shop;
        until("it is ready", || async { get(shop, "/readyz").await.status() == 200 }).await;
        let url = roles.database_url();
        let own = Database::connect(&DatabaseUrl::from_str(&url).unwrap()).await.unwrap();
        let only_reads = "CREATE FUNCTION only_reads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = 'read-only'; END $$; \
            CREATE TRIGGER only_reads BEFORE UPDATE ON readiness_probe EXECUTE FUNCTION only_reads()";
        own.connection().execute_unprepared(only_reads).await.unwrap();
        until("it is not ready", || async { get(shop, "/readyz").await.status() == 503 }).await;
        assert_eq!(matter(shop).await, "The database does not take a write.");
        own.connection().execute_unprepared("DROP TRIGGER only_reads ON readiness_probe").await.unwrap();
        until("it is ready", || async { get(shop, "/readyz").await.status() == 200 }).await;
    }

    /// PostgreSQL counts the looks, also those that are rolled back.
    #[tokio::test(flavor = "multi_thread")]
    async fn however_many_ask_readiness_looks_once_a_second() {
        const ASKERS: usize = 60;
        let roles = Roles::start(Kind::Postgres).await;
        let own = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
        let counts = "CREATE SEQUENCE looks; \
            CREATE FUNCTION count_look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            PERFORM nextval('looks'); RETURN NEW; END $$; \
            CREATE TRIGGER count_look BEFORE UPDATE ON readiness_probe FOR EACH ROW EXECUTE FUNCTION count_look()";
        own.connection().execute_unprepared(counts).await.unwrap();
        let began = Instant::now();
        for _ in 0..ASKERS {
            assert_eq!(get(&roles.shop, "/readyz").await.status(), 503, "no worker runs");
        }
        let seconds = i64::try_from(began.elapsed().as_secs()).unwrap();
        let looks = Statement::from_string(DbBackend::Postgres, "SELECT last_value AS looks FROM looks");
        let row = own.connection().query_one_raw(looks).await.unwrap().unwrap();
        let looks = row.try_get::<i64>("", "looks").unwrap();
        assert!(looks <= seconds + 2, "{looks} looks in {seconds} s");
    }
}

/// The PSP is asked about a deposit after 1, 2, 4, 8 … seconds. A webhook in the longest pause so far cuts it short.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_makes_a_waiting_checkout_ask() {
    const LONG_PAUSE: Duration = Duration::from_secs(8);
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    shop.create("deposit-1").await;
    let authorized =
        shop.simulate("authorize", &json!({ "orderId": "deposit-1", "amount": 23_000, "method": "가상계좌" })).await;
    let key = authorized["paymentKey"].as_str().unwrap();
    assert_eq!(told(confirm(shop, "deposit-1", key).await).await.1, "WAITING_FOR_DEPOSIT");
    until("three questions were asked", || async { look_ups(shop, "deposit-1").await == 3 }).await;
    let began = Instant::now();
    shop.simulate("deposit", &json!({ "orderId": "deposit-1" })).await;
    let webhook = json!({
        "createdAt": "2026-11-21T12:00:00.000000", "secret": "ps_forged", "status": "DONE",
        "transactionKey": "t-1", "orderId": "deposit-1",
    });
    // A hint that comes while a question is under way is spent on it; Toss, too, sends more than one.
    until("the deposit is booked", || async {
        let sent = shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).json(&webhook).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        shop.status("deposit-1").await == "SUCCESS"
    })
    .await;
    assert!(began.elapsed() < LONG_PAUSE / 2, "it took {:?}", began.elapsed());
    assert_eq!((shop.charged().await.0, shop.receivable().await), (23_000, 23_000));
}
