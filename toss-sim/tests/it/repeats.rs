//! Idempotency keys.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use toss_sim::Options;

use crate::support::{Simulator, send, send_until_free, start, start_with};

fn keyed(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("Idempotency-Key", key)
}

fn cancel(sim: &Simulator, payment_key: &str, body: &Value) -> RequestBuilder {
    sim.toss(Method::POST, &format!("/v1/payments/{payment_key}/cancel")).json(body)
}

#[tokio::test]
async fn a_success_is_replayed_byte_for_byte() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    let confirm = || keyed(sim.confirm_request(&key, "order-0001", 1_000), "key-1");
    let first = send(confirm()).await;
    let second = send(confirm()).await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.text, second.text);
    for answer in [&first, &second] {
        assert_eq!(answer.header("idempotency-key"), Some("key-1"));
    }
    let original = first.header("x-tosspayments-trace-id").unwrap();
    let replayed = second.header("x-tosspayments-trace-id").unwrap();
    assert_eq!(replayed.split_once(", ").map(|(_, original)| original), Some(original));
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 1_000);
    let call = sim.last_call().await;
    assert_eq!((&call["took_effect"], &call["replayed"]), (&json!(false), &json!(true)));
    assert_eq!(call["idempotencyKey"], "key-1");
}

#[tokio::test]
async fn a_refusal_is_replayed_even_with_a_corrected_body() {
    let sim = start().await;
    let key = sim.paid("order-0001", 1_000).await;
    let too_much = json!({ "cancelReason": "변심", "cancelAmount": 1_001 });
    let corrected = json!({ "cancelReason": "변심", "cancelAmount": 1_000 });
    let first = send(keyed(cancel(&sim, &key, &too_much), "key-1")).await;
    let second = send(keyed(cancel(&sim, &key, &corrected), "key-1")).await;
    assert_eq!(first.refusal(), (403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!((second.status, second.text), (403, first.text));
    assert_eq!(send(keyed(cancel(&sim, &key, &corrected), "key-2")).await.status, 200);
}

#[tokio::test]
async fn the_identity_of_a_key_includes_address_and_api_key() {
    let sim = start().await;
    let (one, two) = (sim.authorize("order-0001", 1_000).await, sim.paid("order-0002", 1_000).await);
    assert_eq!(send(keyed(sim.confirm_request(&one, "order-0001", 1_000), "key-1")).await.status, 200);
    let whole = json!({ "cancelReason": "변심" });
    assert_eq!(send(keyed(cancel(&sim, &two, &whole), "key-1")).await.json["status"], "CANCELED");
    let other_key = cancel(&sim, &two, &whole).basic_auth(toss_sim::DEFAULT_WIDGET_SECRET_KEY, Some(""));
    // Two Authorization headers: only the first counts, so this is the same caller and a replay.
    assert_eq!(send(keyed(other_key, "key-1")).await.json["status"], "CANCELED");
    let widget = sim
        .bare(Method::POST, &format!("/v1/payments/{two}/cancel"))
        .basic_auth(toss_sim::DEFAULT_WIDGET_SECRET_KEY, Some(""))
        .json(&whole);
    assert_eq!(send(keyed(widget, "key-1")).await.refusal(), (400, "ALREADY_CANCELED_PAYMENT"));
}

#[tokio::test]
async fn a_server_error_is_bound_unless_asked_otherwise() {
    for (bind_server_errors, wanted) in [(true, 500), (false, 200)] {
        let sim = start_with(Options { bind_server_errors, ..Options::default() }).await;
        let key = sim.authorize("order-0001", 1_000).await;
        sim.mischief(json!({ "on": "confirm", "kind": "error_before" })).await;
        let confirm = || keyed(sim.confirm_request(&key, "order-0001", 1_000), "key-1");
        assert_eq!(send(confirm()).await.refusal(), (500, "FAILED_INTERNAL_SYSTEM_PROCESSING"));
        assert_eq!(send(confirm()).await.status, wanted);
    }
}

#[tokio::test]
async fn a_second_request_meets_the_first_one_running() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_stall" })).await;
    let first = tokio::spawn(keyed(sim.confirm_request(&key, "order-0001", 1_000), "key-1").send());
    sim.ask_until("/_sim/totals", |totals| totals["charged"] == 1_000).await;

    let second = send(keyed(sim.confirm_request(&key, "order-0001", 1_000), "key-1")).await;
    assert_eq!(second.refusal(), (409, "IDEMPOTENT_REQUEST_PROCESSING"));
    assert_eq!(second.json["message"], "이전 멱등 요청이 처리중입니다.");

    // The first client goes away; what was executed for it is what its key answers from now on.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let replay = send_until_free(|| keyed(sim.confirm_request(&key, "order-0001", 1_000), "key-1")).await;
    assert_eq!((replay.status, &replay.json["status"]), (200, &json!("DONE")));
    assert_eq!(sim.ask("/_sim/totals").await["charged"], 1_000);
}

#[tokio::test]
async fn a_key_is_at_most_three_hundred_characters_and_lives_fifteen_days() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    let confirm = |idempotency_key: &str| keyed(sim.confirm_request(&key, "order-0001", 1_000), idempotency_key);
    assert_eq!(send(confirm(&"k".repeat(301))).await.refusal(), (400, "INVALID_IDEMPOTENCY_KEY"));
    let longest = "k".repeat(300);
    assert_eq!(send(confirm(&longest)).await.status, 200);
    sim.advance(15 * 24 * 60 * 60 - 60).await;
    assert_eq!(send(confirm(&longest)).await.status, 200);
    sim.advance(60).await;
    assert_eq!(send(confirm(&longest)).await.refusal(), (400, "ALREADY_PROCESSED_PAYMENT"));
}

#[tokio::test]
async fn a_get_has_no_idempotency() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    let look_up = || keyed(sim.toss(Method::GET, &format!("/v1/payments/{key}")), "key-1");
    assert_eq!(send(look_up()).await.json["status"], "IN_PROGRESS");
    sim.confirm(&key, "order-0001", 1_000).await;
    assert_eq!(send(look_up()).await.json["status"], "DONE");
}
