//! A checkout over HTTP: paid, declined, lost, abandoned, repeated, malformed.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Dev, checkout, until},
};

on_both_databases!(
    checkouts_end_in_the_state_that_is_true_at_the_psp,
    a_payment_that_nobody_confirmed_is_shown_and_not_charged,
    one_key_makes_one_checkout,
);

async fn checkouts_end_in_the_state_that_is_true_at_the_psp(database: Kind) {
    let dev = Dev::start(database, &["--checkout-deadline-s", "8"]).await;
    let shop = &dev.shop;
    shop.create("abandoned-1").await;

    shop.create("paid-checkout").await;
    let key = shop.authorize("paid-checkout").await;
    assert_eq!(shop.confirm("paid-checkout", &key, "22999").await.1["code"], "amount_mismatch");
    let twice =
        tokio::join!(shop.confirm("paid-checkout", &key, "23000"), shop.confirm("paid-checkout", &key, "23000"));
    assert_eq!((twice.0.0, twice.1.0), (200, 200));
    assert_eq!(twice.0.1, twice.1.1);
    assert_eq!(twice.0.1["status"], "SUCCESS");
    let other = shop.authorize("paid-checkout").await;
    let problem = shop.confirm("paid-checkout", &other, "23000").await.1;
    assert_eq!((&problem["code"], &problem["checkout_status"]), (&json!("not_confirmable"), &json!("SUCCESS")));

    shop.create("declined-1").await;
    let key = shop.authorize("declined-1").await;
    let decline =
        json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT", "orderId": "declined-1" });
    shop.simulate("mischief", &decline).await;
    let (status, problem) = shop.confirm("declined-1", &key, "23000").await;
    assert_eq!((status, problem["code"].as_str()), (402, Some("payment_declined")));
    assert_eq!(
        (problem["psp_code"].as_str(), &problem["psp_message"]),
        (Some("REJECT_CARD_PAYMENT"), &problem["detail"])
    );
    assert_eq!(shop.status("declined-1").await, "FAILED");

    shop.create("lost-answer").await;
    let key = shop.authorize("lost-answer").await;
    let stall = json!({ "on": "confirm", "kind": "execute_and_stall", "orderId": "lost-answer" });
    shop.simulate("mischief", &stall).await;
    let (status, body) = shop.confirm("lost-answer", &key, "23000").await;
    assert_eq!((status, body["status"].as_str()), (200, Some("SUCCESS")));
    let history = shop.get("/v1/payments/lost-answer/history").await.to_string();
    assert!(history.contains("UNKNOWN"), "{history}");

    shop.create("wrong-amount").await;
    let key = shop.authorize("wrong-amount").await;
    shop.simulate("mischief", &json!({ "on": "confirm", "kind": "wrong_amount", "orderId": "wrong-amount" })).await;
    let charged = shop.charged().await;
    let (status, problem) = shop.confirm("wrong-amount", &key, "23000").await;
    assert_eq!((status, problem["failure_code"].as_str()), (402, Some("psp_amount_mismatch")), "{problem}");
    assert_eq!(problem.get("psp_code"), None);
    assert_eq!(shop.status("wrong-amount").await, "FAILED");
    assert_eq!(shop.charged().await, charged, "a wrong amount is not kept");

    shop.create("wrong-key").await;
    let key = shop.authorize("wrong-key").await;
    let refuse = json!({ "on": "confirm", "kind": "error_before", "code": "UNAUTHORIZED_KEY", "orderId": "wrong-key" });
    shop.simulate("mischief", &refuse).await;
    let (status, problem) = shop.confirm("wrong-key", &key, "23000").await;
    // This answer says nothing about the buyer or about an earlier try: the PSP is asked, and the request is sent
    // again.
    assert_eq!((status, problem["status"].as_str()), (200, Some("SUCCESS")), "{problem}");

    until("the abandoned one expires", || async { shop.status("abandoned-1").await == "EXPIRED" }).await;
    let abandoned = shop.get("/v1/payments/abandoned-1").await;
    assert!(abandoned["failure"].is_null(), "Toss knows no payment of it: {abandoned}");
    assert_eq!(shop.charged().await, (shop.receivable().await, 0));
}

/// The buyer finished Toss's window and lost the way back.
async fn a_payment_that_nobody_confirmed_is_shown_and_not_charged(database: Kind) {
    let roles = Roles::start_with(database, &["--checkout-deadline-s", "8"]).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    for id in ["left-behind", "unanswered", "came-back"] {
        shop.create(id).await;
    }
    let key = shop.authorize("left-behind").await;
    shop.authorize("unanswered").await;
    let refuses = json!({ "on": "lookup", "kind": "error_before", "code": "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "times": 0, "orderId": "unanswered" });
    shop.simulate("mischief", &refuses).await;
    let late = shop.authorize("came-back").await;
    let stalls = json!({ "on": "lookup", "kind": "stall_before", "delay_ms": 60_000, "orderId": "came-back" });
    shop.simulate("mischief", &stalls).await;

    // The buyer comes back while Toss is being asked, and is served.
    let is_asked = |call: &Value| call.to_string().contains("orders/came-back");
    until("Toss is asked about the one that comes back", || async {
        let calls = shop.http.get(format!("{}/_sim/calls", shop.simulator)).send().await.unwrap();
        calls.json::<Value>().await.unwrap().as_array().unwrap().iter().any(is_asked)
    })
    .await;
    let (status, served) = shop.confirm("came-back", &late, "23000").await;
    assert!([200, 202].contains(&status), "{status}: {served}");
    until("the one that came back is paid", || async { shop.status("came-back").await == "SUCCESS" }).await;

    for id in ["left-behind", "unanswered"] {
        until(&format!("{id} expires"), || async { shop.status(id).await == "EXPIRED" }).await;
    }
    let shown = shop.get("/v1/payments/left-behind").await;
    assert_eq!(shown["failure"]["code"], "unconfirmed_payment", "{shown}");
    assert_eq!(shop.look_ups("left-behind").await, 1, "Toss is asked once");
    let unanswered = shop.get("/v1/payments/unanswered").await;
    assert!(unanswered["failure"].is_null(), "without an answer it only expires: {unanswered}");
    let told = shop.get("/v1/events?type=checkout.expired").await.to_string();
    assert_eq!(told.matches("unconfirmed_payment").count(), 1, "{told}");
    assert_eq!(shop.confirm("left-behind", &key, "23000").await.0, 409);
    assert_eq!(shop.charged().await, (23_000, 0), "nobody is charged without the buyer");
    roles.record_history("unconfirmed", "left-behind").await;
}

async fn one_key_makes_one_checkout(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let shop = &dev.shop;
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move {
                let answer = shop.post("one-key", &checkout("hundred-1")).await;
                (answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed"))
            })
        })
        .collect();
    let (mut created, mut replayed, mut waiting) = (0, 0, 0);
    for request in requests {
        match request.await.unwrap() {
            (201, false) => created += 1,
            (201, true) => replayed += 1,
            (429, false) => waiting += 1,
            (status, _) => panic!("a request was answered {status}"),
        }
    }
    assert_eq!((created, replayed + waiting), (1, 99), "{replayed} replayed, {waiting} told to wait");

    let first = shop.post("key-2", &checkout("replayed-1")).await;
    assert_eq!(first.status(), 201);
    assert!(first.headers().get("location").unwrap().to_str().unwrap().ends_with("/v1/payments/replayed-1"));
    let first: Value = first.json().await.unwrap();
    let again = shop.post("key-2", &checkout("replayed-1")).await;
    assert_eq!((again.status().as_u16(), again.headers()["idempotent-replayed"].to_str().unwrap()), (201, "true"));
    assert_eq!(again.json::<Value>().await.unwrap(), first);

    let code = |response: reqwest::Response| async {
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned())
    };
    let other_body = shop.post("key-2", &checkout("replayed-2")).await;
    assert_eq!(code(other_body).await, (422, "idempotency_key_reused".to_owned()));
    let other_key = shop.post("key-3", &checkout("replayed-1")).await;
    assert!(!other_key.headers().contains_key("idempotent-replayed"));
    let refusal: Value = other_key.json().await.unwrap();
    assert_eq!((&refusal["status"], &refusal["code"]), (&json!(409), &json!("checkout_exists")));
    let refused_again = shop.post("key-3", &checkout("replayed-1")).await;
    assert_eq!(
        (refused_again.status().as_u16(), &refused_again.headers()["idempotent-replayed"]),
        (409, &"true".parse().unwrap())
    );
    assert_eq!(refused_again.json::<Value>().await.unwrap(), refusal);
    let malformed = shop.post("two words", &checkout("replayed-3")).await;
    assert_eq!(code(malformed).await, (400, "idempotency_key_invalid".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_a_stop_leaves_nothing() {
    let mut dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let wrong: [(&str, Value, &str); 6] = [
        ("/payment_orders/0/amount", json!("-1"), "payment_orders[0].amount"),
        ("/payment_orders/0/amount", json!(15_000), "payment_orders[0].amount"),
        ("/payment_orders/1/currency", json!("EUR"), "payment_orders[1].currency"),
        ("/payment_orders/1/seller_account", json!("a:b"), "payment_orders[1].seller_account"),
        ("/checkout_id", json!("no"), "checkout_id"),
        ("/order_name", json!(""), "order_name"),
    ];
    for (pointer, value, field) in wrong {
        let mut body = checkout("wrong-body");
        *body.pointer_mut(pointer).unwrap() = value;
        let response = shop.post("wrong", &body).await;
        assert_eq!(response.status(), 422, "{pointer}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let mut with_card = checkout("card-number");
    with_card["order_name"] = "4242 4242 4242 4242".into();
    let card: Value = shop.post("card", &with_card).await.json().await.unwrap();
    assert_eq!(card["code"], "card_number_refused");
    assert!(!card.to_string().contains("4242"));

    let keyless = shop.http.post(format!("{}/v1/payments", shop.api)).json(&checkout("no-key-1"));
    assert_eq!(keyless.send().await.unwrap().status(), 401);
    let no_idempotency_key =
        shop.http.post(format!("{}/v1/payments", shop.api)).bearer_auth(&shop.api_key).json(&checkout("no-key-1"));
    let problem: Value = no_idempotency_key.send().await.unwrap().json().await.unwrap();
    assert_eq!(problem["code"], "idempotency_key_missing");
    assert_eq!(shop.get("/v1/payments/nothing-here").await["status"], 404);
    let webhook = shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).body("{\"not\": [");
    assert_eq!(webhook.send().await.unwrap().status(), 200);

    let temporal = format!("/proc/{}", dev.temporal_pid());
    assert!(std::path::Path::new(&temporal).exists());
    dev.process.signal(Signal::SIGTERM);
    assert!(dev.process.wait(Duration::from_secs(10)), "a stop is no failure");
    assert!(!std::path::Path::new(&temporal).exists(), "a child was left behind");
}
