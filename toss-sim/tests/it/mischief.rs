//! Every kind of mischief that can be done to a call, and the end of a simulator that holds some.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Simulator, send, send_until_free, start};

async fn charged(sim: &Simulator) -> u64 {
    sim.ask("/_sim/totals").await["charged"].as_u64().unwrap()
}

/// Sends raw bytes and returns every byte that comes back before the connection ends.
async fn raw(sim: &Simulator, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(sim.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A reset instead of a clean end is as good: what matters is that nothing was answered.
    let _ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

fn raw_confirm(key: &str) -> String {
    let body = json!({ "paymentKey": key, "orderId": "order-0001", "amount": 1_000 }).to_string();
    format!(
        "POST /v1/payments/confirm HTTP/1.1\r\nHost: toss\r\nAuthorization: Basic dGVzdF9za19kYWVnZXVtOg==\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn refuse_connection_closes_without_a_byte_and_executes_nothing() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "refuse_connection" })).await;
    assert_eq!(raw(&sim, &raw_confirm(&key)).await, b"");
    assert_eq!(charged(&sim).await, 0);
    let call = sim.last_call().await;
    assert_eq!((&call["status"], &call["mischief"]), (&json!(null), &json!("refuse_connection")));
    assert_eq!(sim.confirm(&key, "order-0001", 1_000).await.status, 200);
}

#[tokio::test]
async fn stall_before_holds_then_closes_and_executes_nothing() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "stall_before", "delay_ms": 80 })).await;
    let started = Instant::now();
    assert_eq!(raw(&sim, &raw_confirm(&key)).await, b"");
    assert!(started.elapsed() >= Duration::from_millis(80));
    assert_eq!(charged(&sim).await, 0);
    assert_eq!(sim.last_call().await["took_effect"], false);
}

#[tokio::test]
async fn a_stalled_key_is_free_again_when_its_client_has_gone() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "stall_before" })).await;
    let confirm = || sim.confirm_request(&key, "order-0001", 1_000).header("Idempotency-Key", "key-1");
    assert!(confirm().timeout(Duration::from_millis(50)).send().await.unwrap_err().is_timeout());
    let answer = send_until_free(confirm).await;
    assert_eq!(answer.status, 200);
    assert_eq!(charged(&sim).await, 1_000);
}

#[tokio::test]
async fn execute_and_stall_executes_at_once_and_answers_late() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_stall", "delay_ms": 80 })).await;
    let started = Instant::now();
    let answer = sim.confirm(&key, "order-0001", 1_000).await;
    assert!(started.elapsed() >= Duration::from_millis(80));
    assert_eq!((answer.status, &answer.json["status"]), (200, &json!("DONE")));

    let lost = sim.authorize("order-0002", 2_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_stall" })).await;
    let request = sim.confirm_request(&lost, "order-0002", 2_000).timeout(Duration::from_millis(50));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(sim.look_up(&lost).await.json["status"], "DONE");
    let calls = sim.ask("/_sim/payments/order-0002").await["calls"].clone();
    assert_eq!((&calls[0]["took_effect"], &calls[0]["status"]), (&json!(true), &json!(null)));
}

#[tokio::test]
async fn delay_executes_after_the_wait() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "delay", "delay_ms": 80 })).await;
    let started = Instant::now();
    assert_eq!(sim.confirm(&key, "order-0001", 1_000).await.json["status"], "DONE");
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn error_before_answers_the_tables_status_and_executes_nothing() {
    let sim = start().await;
    let cases = [
        (json!({}), (500, "FAILED_INTERNAL_SYSTEM_PROCESSING")),
        (json!({ "code": "PROVIDER_ERROR" }), (400, "PROVIDER_ERROR")),
        (json!({ "code": "NOT_AVAILABLE_BANK" }), (403, "NOT_AVAILABLE_BANK")),
    ];
    let key = sim.authorize("order-0001", 1_000).await;
    for (mut mischief, refusal) in cases {
        mischief["on"] = json!("confirm");
        mischief["kind"] = json!("error_before");
        sim.mischief(mischief).await;
        assert_eq!(sim.confirm(&key, "order-0001", 1_000).await.refusal(), refusal);
        assert_eq!(sim.look_up(&key).await.json["status"], "IN_PROGRESS");
    }
    sim.mischief(json!({ "on": "lookup", "kind": "error_before", "times": 2 })).await;
    assert_eq!(sim.look_up(&key).await.status, 500);
    assert_eq!(sim.look_up_order("order-0001").await.status, 500);
    assert_eq!(sim.look_up(&key).await.status, 200);
    let path = "/v1/transactions?startDate=2020-01-01&endDate=2100-01-01";
    sim.mischief(json!({ "on": "transactions", "kind": "error_before", "code": "COMMON_ERROR" })).await;
    assert_eq!(send(sim.toss(Method::GET, path)).await.refusal(), (500, "COMMON_ERROR"));
    sim.mischief(json!({ "on": "payouts", "kind": "rate_limit" })).await;
    assert_eq!(send(sim.toss(Method::POST, "/v2/payouts")).await.status, 429);
}

#[tokio::test]
async fn execute_and_error_and_garbage_after_take_the_money() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_error" })).await;
    assert_eq!(sim.confirm(&key, "order-0001", 1_000).await.status, 500);
    assert_eq!(sim.look_up(&key).await.json["status"], "DONE");
    assert_eq!(sim.last_call().await["took_effect"], false, "the look-up");

    sim.mischief(json!({ "on": "cancel", "kind": "garbage_after" })).await;
    let garbage = sim.cancel(&key, json!({ "cancelReason": "변심" })).await;
    assert_eq!((garbage.status, &garbage.json), (200, &json!(null)));
    assert!(!garbage.text.is_empty());
    assert_eq!(sim.last_call().await["took_effect"], true);
    assert_eq!(sim.look_up(&key).await.json["status"], "CANCELED");
}

#[tokio::test]
async fn the_key_of_a_garbled_answer_replays_the_true_one() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "garbage_after" })).await;
    let confirm = || sim.confirm_request(&key, "order-0001", 1_000).header("Idempotency-Key", "key-1");
    assert_eq!(send(confirm()).await.json, json!(null));
    assert_eq!(send(confirm()).await.json["status"], "DONE");
}

#[tokio::test]
async fn rate_limit_is_not_bound_to_the_key() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "rate_limit", "times": 2 })).await;
    let confirm = || sim.confirm_request(&key, "order-0001", 1_000).header("Idempotency-Key", "key-1");
    let statuses = [send(confirm()).await.status, send(confirm()).await.status, send(confirm()).await.status];
    assert_eq!(statuses, [429, 429, 200]);
}

#[tokio::test]
async fn wrong_amount_is_charged_by_a_confirm_and_only_shown_by_the_others() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "wrong_amount" })).await;
    assert_eq!(sim.confirm(&key, "order-0001", 1_000).await.json["totalAmount"], 1_100);
    assert_eq!(sim.look_up(&key).await.json["totalAmount"], 1_100);
    assert_eq!(charged(&sim).await, 1_100);
    sim.mischief(json!({ "on": "lookup", "kind": "wrong_amount" })).await;
    assert_eq!(sim.look_up(&key).await.json["totalAmount"], 1_200);
    assert_eq!(sim.look_up(&key).await.json["totalAmount"], 1_100);
}

#[tokio::test]
async fn mischief_waits_its_turn_concerns_its_order_and_is_cleared() {
    let sim = start().await;
    let (one, two) = (sim.authorize("order-0001", 1_000).await, sim.authorize("order-0002", 1_000).await);
    sim.mischief(json!({ "on": "confirm", "kind": "rate_limit", "orderId": "order-0002" })).await;
    sim.mischief(json!({ "on": "confirm", "kind": "error_before", "code": "COMMON_ERROR", "orderId": "order-0002" }))
        .await;
    sim.mischief(json!({ "on": "lookup", "kind": "rate_limit", "times": 0, "orderId": "order-0001" })).await;
    assert_eq!(sim.confirm(&one, "order-0001", 1_000).await.status, 200);
    assert_eq!(sim.confirm(&two, "order-0002", 1_000).await.status, 429);
    assert_eq!(sim.confirm(&two, "order-0002", 1_000).await.status, 500);
    assert_eq!(sim.confirm(&two, "order-0002", 1_000).await.status, 200);
    for _ in 0..3 {
        assert_eq!(sim.look_up(&one).await.status, 429);
        assert_eq!(sim.look_up_order("order-0001").await.status, 429);
        assert_eq!(sim.look_up(&two).await.status, 200);
    }
    assert_eq!(sim.ask("/_sim/mischief").await[0]["times"], 0);
    let cleared = send(sim.bare(Method::DELETE, "/_sim/mischief")).await;
    assert_eq!(cleared.json, json!({ "cleared": 1 }));
    assert_eq!(sim.look_up(&one).await.status, 200);
}

#[tokio::test]
async fn a_shutdown_lets_go_of_what_is_held() {
    let sim = start().await;
    let (one, two) = (sim.authorize("order-0001", 1_000).await, sim.authorize("order-0002", 1_000).await);
    sim.mischief(json!({ "on": "confirm", "kind": "stall_before", "orderId": "order-0001" })).await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_stall", "orderId": "order-0002" })).await;
    let held = [
        tokio::spawn(sim.confirm_request(&one, "order-0001", 1_000).send()),
        tokio::spawn(sim.confirm_request(&two, "order-0002", 1_000).send()),
    ];
    sim.ask_until("/_sim/calls", |calls| calls.as_array().unwrap().len() == 2).await;
    // A connection that never says anything must not hold the end up either.
    let _silent = TcpStream::connect(sim.url.trim_start_matches("http://")).await.unwrap();
    let started = Instant::now();
    sim.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    for request in held {
        assert!(request.await.unwrap().is_err(), "a held request gets no answer");
    }
}
