//! Hints, questions and what nobody must be able to stop: a deposit is watched, an operator asks, a signal that cannot
//! be read is ignored.

use std::{process::Command, str::FromStr as _};

use domain::{Timestamp, inquiry::LOOKUPS_WHILE_LOCKED_OUT};
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Writer};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, temporal_cli, until},
};

on_both_databases!(
    a_deposit_that_is_taken_back_is_noticed_whatever_webhooks_come,
    a_watched_deposit_is_released_only_after_a_fresh_look,
    a_deposit_during_a_cancellation_goes_back_or_is_booked,
    money_of_another_currency_goes_back_in_its_own,
    what_was_canceled_at_the_psp_settles_a_refund_at_once,
    an_operator_asks_now,
    an_operator_asks_about_a_refund_under_way,
);

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The buyer has paid into an account, and a webhook told of it.
async fn deposited(shop: &Shop, id: &str) {
    deposits(shop, id).await;
    forge(shop, id).await;
    until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
}

/// The buyer pays into an account.
async fn deposits(shop: &Shop, id: &str) {
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    let (answer, body) = shop.confirm(id, &key, "23000").await;
    assert_eq!((answer, &body["status"]), (200, &json!("WAITING_FOR_DEPOSIT")), "{body}");
    shop.simulate("deposit", &json!({ "orderId": id })).await;
}

/// A webhook of anybody who knows the order's number.
async fn forge(shop: &Shop, id: &str) {
    let body = json!({ "createdAt": "2026-01-01T00:00:00.000000", "secret": "forged", "status": "DONE",
        "transactionKey": "forged", "orderId": id });
    let sent = shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).json(&body).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

async fn a_deposit_that_is_taken_back_is_noticed_whatever_webhooks_come(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let is_taken_back = async |id: &str| {
        until(&format!("{id} is awaited again"), || async { shop.status(id).await == "WAITING_FOR_DEPOSIT" }).await;
    };
    // No webhook ever comes of it: whatever is asked, the watch asks by itself.
    let unheard = async {
        let id = "taken-back-unheard";
        deposits(shop, id).await;
        until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
        let asked = shop.look_ups(id).await;
        until("the watch asks", || async { shop.look_ups(id).await > asked }).await;
        shop.simulate("deposit-error", &json!({ "orderId": id })).await;
        is_taken_back(id).await;
    };
    // Those before it are taken; the one that tells of it falls into their window.
    let in_the_crowd = async {
        let id = "taken-back-in-the-crowd";
        deposited(shop, id).await;
        for _ in 0..120 {
            forge(shop, id).await;
        }
        let asked = shop.look_ups(id).await;
        until("a hint was spent", || async { shop.look_ups(id).await > asked }).await;
        shop.simulate("deposit-error", &json!({ "orderId": id })).await;
        forge(shop, id).await;
        is_taken_back(id).await;
    };
    tokio::join!(unheard, in_the_crowd);
    assert_eq!((shop.charged().await, shop.receivable().await), ((0, 0), 0));
    roles.verify_books();
}

async fn a_watched_deposit_is_released_only_after_a_fresh_look(database: Kind) {
    let roles = Roles::start(database).await;
    let shop = &roles.shop;
    let worker = roles.role("worker");
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let writer = Writer::new(database.clone());
    let id = "watched-and-due";
    deposited(shop, id).await;
    let asked = shop.look_ups(id).await;
    until("the watch asks by itself", || async {
        let is_waiting = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["next_question_at"].is_string();
        is_waiting && shop.look_ups(id).await > asked
    })
    .await;
    drop(worker);
    // Nobody has asked for days: whatever is due is not released.
    let now = Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis());
    let later = now.plus_ms(20 * DAY_MS);
    assert_eq!(writer.release_due(later, 100).await.unwrap(), 0);
    // Its time comes while the last answer is fresh.
    let due = "UPDATE payment_orders SET releases_at = deposit_seen_at";
    database.connection().execute_unprepared(due).await.unwrap();
    assert_eq!(writer.release_due(now, 100).await.unwrap(), 2);
    roles.verify_books();
}

async fn a_deposit_during_a_cancellation_goes_back_or_is_booked(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let account = json!({ "bank": "88", "account_number": "110123456789", "holder_name": "김토스" });
    let unheard = async |id: &str| {
        shop.create(id).await;
        let key = shop.authorize_by(id, "가상계좌").await;
        assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
        shop.simulate("deposit", &json!({ "orderId": id })).await;
    };
    unheard("given-up-with-account").await;
    let body = json!({ "reason": "단순 변심", "refund_account": account });
    let answer = shop.cancel("given-up-with-account", "cancel-1", &body).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("EXPIRED")), "{}", answer.body);
    assert_eq!(shop.at_toss("given-up-with-account").await["canceled"], 23_000);

    unheard("given-up-without").await;
    let answer = shop.delete("given-up-without").await;
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("refund_account_required")), "{}", answer.body);
    assert_eq!(shop.status("given-up-without").await, "SUCCESS");
    let answer = shop.cancel("given-up-without", "cancel-2", &body).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("REFUNDED")), "{}", answer.body);
    assert_eq!((shop.charged().await, shop.receivable().await), ((0, 0), 0));
    roles.record_history("returned-deposit", "given-up-with-account").await;
    roles.record_history("kept-deposit", "given-up-without").await;
    roles.verify_books();
}

async fn money_of_another_currency_goes_back_in_its_own(database: Kind) {
    let roles = Roles::start_with(database, &["--toss-currency", "USD"]).await;
    let _worker = roles.role("worker");
    let (shop, id) = (&roles.shop, "in-dollars");
    let mut body = crate::stack::checkout(id);
    for order in body["payment_orders"].as_array_mut().unwrap() {
        order["currency"] = "USD".into();
    }
    shop.create_with(id, &body).await;
    let amount = shop.get(&format!("/v1/payments/{id}")).await["amount"].as_str().unwrap().to_owned();
    let minor: u64 = amount.split('.').next().unwrap().parse().unwrap();
    // The simulator captures in won whatever was asked for.
    let authorized = json!({ "orderId": id, "amount": minor });
    let key = shop.simulate("authorize", &authorized).await["paymentKey"].as_str().unwrap().to_owned();
    shop.confirm(id, &key, &amount).await;
    until("it comes to rest", || async { shop.status(id).await == "FAILED" }).await;
    assert_eq!(shop.get(&format!("/v1/payments/{id}")).await["failure"]["code"], "psp_amount_mismatch");
    assert_eq!(shop.charged().await, (0, 0));
}

async fn what_was_canceled_at_the_psp_settles_a_refund_at_once(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let (shop, id) = (&roles.shop, "canceled-at-toss");
    shop.create(id).await;
    let key = shop.authorize(id).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    let by_hand = shop.http.post(format!("{}/v1/payments/{key}/cancel", shop.simulator));
    let by_hand = by_hand.basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some("")).header("Idempotency-Key", "by-hand");
    let canceled = by_hand.json(&json!({ "cancelReason": "상점관리자 취소" })).send().await.unwrap();
    assert_eq!(canceled.status(), 200);
    let refund = json!({ "amount": "5000", "reason": "단순 변심" });
    let answer = shop.cancel(id, "refund-1", &refund).await;
    assert_eq!((answer.status, &answer.body["code"]), (409, &json!("refund_refused")), "{}", answer.body);
    let checkout = shop.get(&format!("/v1/payments/{id}")).await;
    assert_eq!((&checkout["status"], &checkout["refunds"][0]["status"]), (&json!("SUCCESS"), &json!("FAILED")));
}

async fn an_operator_asks_now(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let (shop, id) = (&roles.shop, "asked-now");
    shop.create(id).await;
    let ask = async |key: &str| {
        let asked = shop.http.post(format!("{}/v1/payments/{id}/ask-psp", shop.api)).bearer_auth(key).send().await;
        let asked = asked.unwrap();
        (asked.status().as_u16(), asked.json::<Value>().await.unwrap())
    };
    let (status, body) = ask(&shop.api_key).await;
    assert_eq!((status, &body["code"]), (409, &json!("nothing_to_ask")), "nobody has paid yet: {body}");
    assert_eq!(ask(&roles.create_key("checkout")).await.0, 403);

    let key = shop.authorize_by(id, "가상계좌").await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    let next = async || shop.get(&format!("/v1/payments/{id}")).await["workflow"]["next_question_at"].clone();
    until("the pauses are long", || async { shop.look_ups(id).await >= 3 && next().await.is_string() }).await;
    // What an operator asks is counted with no webhook: it gets through however many came.
    for _ in 0..120 {
        forge(shop, id).await;
    }
    let lost = json!({ "on": "webhook", "kind": "drop", "orderId": id, "times": 5 });
    shop.simulate("mischief", &lost).await;
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    let (status, body) = ask(&shop.api_key).await;
    assert_eq!((status, &body["checkout_id"]), (202, &json!(id)), "{body}");
    until("it is paid", || async { shop.status(id).await == "SUCCESS" }).await;
    let reader = roles.create_key("read");
    let read = shop.http.get(format!("{}/v1/payments/{id}", shop.api)).bearer_auth(reader).send().await.unwrap();
    assert!(read.json::<Value>().await.unwrap().get("workflow").is_none(), "it is told to operators");
    let metrics = shop.http.get(format!("{}/metrics", shop.api)).bearer_auth(&shop.api_key).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in ["daegeum_oldest_checkout_seconds{status=\"UNKNOWN\"} 0", "daegeum_oldest_refund_seconds{status="] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

/// A refund that waits for a person, because Toss took our key no more, does nothing by itself. Asking is the word to
/// go on.
async fn an_operator_asks_about_a_refund_under_way(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let (shop, id) = (&roles.shop, "refund-asked-now");
    shop.create(id).await;
    let key = shop.authorize(id).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    for (on, times) in [("cancel", 1), ("lookup", LOOKUPS_WHILE_LOCKED_OUT)] {
        let mischief = json!({ "on": on, "kind": "error_before", "code": "UNAUTHORIZED_KEY", "times": times,
            "orderId": id });
        shop.simulate("mischief", &mischief).await;
    }
    let part = json!({ "amount": "5000", "reason": "단순 변심" });
    let asked = shop.cancel(id, "part", &part).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let standing = async || shop.get(&format!("/v1/payments/{id}")).await["refunds"][0]["status"].clone();
    until("the refund is stuck", || async { standing().await == "STUCK" }).await;
    assert_eq!(shop.charged().await, (23_000, 0), "nothing went back yet");
    until("its age is counted", || async {
        seconds(shop, "daegeum_oldest_refund_seconds{status=\"STUCK\"}").await >= 1
    })
    .await;
    let ask = shop.http.post(format!("{}/v1/payments/{id}/ask-psp", shop.api)).bearer_auth(&shop.api_key);
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["checkout_id"], &body["status"]), (&json!(id), &json!("SUCCESS")), "{body}");
    until("the refund has gone back", || async { standing().await == "SUCCEEDED" }).await;
    until("nothing is old any more", || async {
        seconds(shop, "daegeum_oldest_refund_seconds{status=\"STUCK\"}").await == 0
    })
    .await;
    assert_eq!(shop.charged().await, (18_000, 0), "it went back once");
}

/// The value of a metric of the API.
async fn seconds(shop: &Shop, metric: &str) -> u64 {
    let text = shop.http.get(format!("{}/metrics", shop.api)).bearer_auth(&shop.api_key).send().await.unwrap();
    let text = text.text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(metric)).unwrap_or_else(|| panic!("no {metric}: {text}"));
    line.trim().parse().unwrap()
}

/// A sender whose signals a workflow no longer takes is told so, and not that Temporal is away; and the
/// checkout goes on by its own questions.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_takes_no_more_signals_is_told_as_such() {
    let few_signals = ["--dynamic-config-value", "history.maximumSignalsPerExecution=3"];
    let roles = Roles::start_on(Kind::Sqlite, &[], &few_signals).await;
    let _worker = roles.role("worker");
    let (shop, id) = (&roles.shop, "many-signals");
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
    let ask = async || {
        let url = format!("{}/v1/payments/{id}/ask-psp", shop.api);
        let answer = shop.http.post(url).bearer_auth(&shop.api_key).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(ask().await);
    }
    let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [202, 202, 202, 429, 429], "{answers:?}");
    let refusal = &answers[4].1;
    assert_eq!(refusal["code"], "too_many_signals");
    assert!(refusal["detail"].as_str().unwrap().contains("history.maximumSignalsPerExecution"), "{refusal}");
    let webhook = json!({ "createdAt": "2026-01-01T00:00:00.000000", "secret": "forged", "status": "DONE",
        "transactionKey": "forged", "orderId": id });
    let sent = shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).json(&webhook).send().await.unwrap();
    assert_eq!(
        (sent.status().as_u16(), sent.json::<Value>().await.unwrap()["code"].as_str()),
        (429, refusal["code"].as_str())
    );
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    until("it is paid all the same", || async { shop.status(id).await == "SUCCESS" }).await;
}

/// Sends a signal whose payload is sealed under a key that nobody here has, or is no JSON of that signal.
fn send_unreadable(temporal: &str, workflow: &str, signal: &str, sealed: bool) {
    let mut command = Command::new(temporal_cli());
    command.args(["workflow", "signal", "--address", temporal, "--workflow-id", workflow, "--name", signal]);
    if sealed {
        command.args(["--input-base64", "--input", "AAECAwQF", "--input-meta", "encoding=binary/encrypted"]);
        command.args(["--input-meta", "encryption-key-id=somebody-else"]);
    } else {
        command.args(["--input", "{\"nothing\": 1}"]);
    }
    let sent = command.output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_cannot_be_read_is_ignored_and_the_next_one_is_heeded() {
    let roles = Roles::start(Kind::Sqlite).await;
    let settings = roles.place().join("unreadable.toml");
    let keys = store::Keyring::generate("here").unwrap();
    std::fs::write(&settings, format!("encryption_keys = \"{keys}\"\nmetrics_listen = \"127.0.0.1:0\"\n")).unwrap();
    let flags = ["--config", settings.to_str().unwrap()];
    let (worker, metrics) = roles.worker_with_metrics(&flags).await;
    let (shop, id) = (&roles.shop, "unreadable-signals");
    shop.create(id).await;
    let key = shop.authorize(id).await;
    shop.lock_out(id, 3).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 202);
    let letter = shop.letter_of(id).await;
    let workflow = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["id"].as_str().unwrap().to_owned();
    for signal in ["resume", "resolve", "psp_nudge", "ask_psp", "review"] {
        send_unreadable(&roles.temporal, &workflow, signal, true);
        send_unreadable(&roles.temporal, &workflow, signal, false);
    }
    let counted = async || {
        let text = shop.http.get(&metrics).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with("daegeum_unreadable_signals_total")).unwrap().to_owned();
        line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    // An empty hint is a hint: of `psp_nudge` only the sealed one is unreadable.
    until("each is counted", || async { counted().await == 9 }).await;
    let log = std::fs::read_to_string(roles.log("worker")).unwrap();
    assert!(log.contains(&workflow) && log.contains("cannot be read and is ignored"), "{log}");
    assert_eq!(shop.status(id).await, "STUCK");
    // Another worker takes it up from its history, and the word of an operator is heeded.
    drop(worker);
    let (_worker, _) = roles.worker_with_metrics(&flags).await;
    let (status, body) = shop.act(&letter, "retry", &json!({ "reason": "mended" })).await;
    assert_eq!(status, 200, "{body}");
    until("it is paid", || async { shop.status(id).await == "SUCCESS" }).await;
    let events = roles.ask_temporal("show", &workflow)["events"].as_array().unwrap().clone();
    let failed = events.iter().filter(|event| event["eventType"] == "EVENT_TYPE_WORKFLOW_TASK_FAILED").count();
    assert_eq!(failed, 0, "no workflow task fails");
    roles.record_history("unreadable", id).await;
}
