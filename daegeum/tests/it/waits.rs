//! No workflow waits without a timer, an open task of its own or a person who can see it; and it says in words what
//! for.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl};

use crate::{
    database::Kind,
    roles::Roles,
    stack::{Process, Shop, checkout, until},
    virtual_accounts::stands_at,
};

/// A story that brings a checkout to rest: its name, the status there, and what an operator reads in Temporal.
type Rest = (&'static str, &'static str, &'static str);

const RESTS: [Rest; 7] = [
    ("rests-before", "NOT_STARTED", "waiting for the buyer until "),
    ("rests-declined", "FAILED", "waiting for the buyer to try again until "),
    ("rests-unknown", "UNKNOWN", "asked again at "),
    ("rests-awaited", "WAITING_FOR_DEPOSIT", "waiting for the deposit; it is asked again at "),
    ("rests-deposited", "SUCCESS", "the bank may take the deposit back until "),
    ("rests-stuck", "STUCK", "send the signal `resume` to go on."),
    ("rests-reviewed", "STUCK", "in review until "),
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_without_a_timer_a_task_or_a_person() {
    let settings = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    let rule = "[risk]\namounts = [{ above = \"30000\", currency = \"KRW\", verdict = \"review\" }]\n";
    std::fs::write(settings.path(), rule).unwrap();
    let roles = Roles::start_with(Kind::Sqlite, &["--config", settings.path().to_str().unwrap()]).await;
    let _worker = roles.role("worker");
    let mut confirming = Vec::new();
    for (id, _, _) in RESTS {
        let shop = roles.shop.clone();
        confirming.push(tokio::spawn(async move { bring_to_rest(&shop, id).await }));
    }
    for (id, status, words) in RESTS {
        let shop = &roles.shop;
        until(&format!("{id} is {status}"), || async { shop.status(id).await == status }).await;
        let workflow = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["id"].as_str().unwrap().to_owned();
        until(&format!("{id} waits for something"), || async { is_held(&roles, &workflow, status) }).await;
        until(&format!("{id} says {words:?}"), || async {
            let metadata = roles.ask_temporal("metadata", &workflow).to_string();
            metadata.contains(words)
        })
        .await;
    }
    for task in confirming {
        task.abort();
    }
}

async fn bring_to_rest(shop: &Shop, id: &str) {
    let mut body = checkout(id);
    if id == "rests-reviewed" {
        body["payment_orders"][0]["amount"] = "40000".into();
    }
    until("the checkout is created", || async { shop.post(id, &body).await.status() == 201 }).await;
    let mischief = async |on: &str, kind: &str, code: &str| {
        let mut mischief = json!({ "on": on, "kind": kind, "orderId": id, "times": 0 });
        if !code.is_empty() {
            mischief["code"] = code.into();
        }
        shop.simulate("mischief", &mischief).await;
    };
    let (method, amount) = match id {
        "rests-awaited" | "rests-deposited" => ("가상계좌", "23000"),
        "rests-reviewed" => ("카드", "48000"),
        _ => ("카드", "23000"),
    };
    match id {
        "rests-declined" => mischief("confirm", "error_before", "REJECT_CARD_PAYMENT").await,
        "rests-unknown" => {
            mischief("confirm", "stall_before", "").await;
            mischief("lookup", "stall_before", "").await;
        }
        "rests-stuck" => {
            mischief("confirm", "error_before", "UNAUTHORIZED_KEY").await;
            mischief("lookup", "error_before", "UNAUTHORIZED_KEY").await;
        }
        _ => {}
    }
    if id == "rests-before" {
        return;
    }
    let authorized = json!({ "orderId": id, "amount": amount.parse::<u64>().unwrap(), "method": method });
    let key = shop.simulate("authorize", &authorized).await["paymentKey"].as_str().unwrap().to_owned();
    shop.confirm(id, &key, amount).await;
    if id == "rests-deposited" {
        shop.simulate("deposit", &json!({ "orderId": id })).await;
        stands_at(shop, id, "SUCCESS").await;
    }
}

/// Whether a running workflow has a timer or an activity pending, or stands where a person sees it.
fn is_held(roles: &Roles, workflow: &str, status: &str) -> bool {
    let description = roles.ask_temporal("describe", workflow);
    assert_eq!(description["workflowExecutionInfo"]["status"], "WORKFLOW_EXECUTION_STATUS_RUNNING", "{description}");
    let shown = description["workflowExecutionInfo"]["searchAttributes"].to_string();
    let has_task = description["pendingActivities"].as_array().is_some_and(|tasks| !tasks.is_empty());
    has_task || pending_timers(&roles.ask_temporal("show", workflow)) > 0 || status == "STUCK" && shows_stuck(&shown)
}

/// The search attribute that an operator looks for, as Temporal's command line writes it: a payload in base64.
fn shows_stuck(search_attributes: &str) -> bool {
    search_attributes.contains("STUCK") || search_attributes.contains("IlNUVUNLIg==")
}

fn pending_timers(history: &Value) -> i64 {
    let events = history["events"].as_array().unwrap().iter();
    events
        .map(|event| match event["eventType"].as_str().unwrap() {
            "EVENT_TYPE_TIMER_STARTED" => 1,
            "EVENT_TYPE_TIMER_FIRED" | "EVENT_TYPE_TIMER_CANCELED" => -1,
            _ => 0,
        })
        .sum()
}

/// All of a creation has one deadline, of 10 s: also where the database is slow at first and the worker afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_has_one_deadline() {
    let roles = Roles::start(Kind::Postgres).await;
    let keys = store::Keyring::generate("waits").unwrap();
    let (_api, api) = roles.another_api(&[("DAEGEUM_ENCRYPTION_KEYS", keys.as_str())], &[]).await;
    let mut worker = roles.command(&["worker"]);
    let worker = Process::start(worker.env("DAEGEUM_ENCRYPTION_KEYS", &keys), &roles.log("worker"));
    let shop = Shop { api, ..roles.shop.clone() };
    until("a worker records it", || async { shop.post("quick-1", &checkout("quick-1")).await.status() == 201 }).await;

    worker.signal(Signal::SIGSTOP);
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let locking = database.clone();
    let locked = tokio::spawn(async move {
        let lock = "BEGIN; LOCK TABLE buyer_details IN EXCLUSIVE MODE; SELECT pg_sleep(7); COMMIT";
        locking.connection().execute_unprepared(lock).await.unwrap();
    });
    until("the table is locked", || async {
        let lock = "LOCK TABLE buyer_details IN EXCLUSIVE MODE NOWAIT";
        database.connection().execute_unprepared(&format!("BEGIN; {lock}; COMMIT")).await.is_err()
    })
    .await;
    let mut body = checkout("slow-1");
    body["buyer_info"]["name"] = "김토스".into();
    let began = Instant::now();
    let answer = shop.post("slow-1", &body).await;
    let took = began.elapsed();
    assert_eq!(answer.status(), 429);
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(14), "{took:?}");
    locked.await.unwrap();

    worker.signal(Signal::SIGCONT);
    until("the same request makes it", || async { shop.post("slow-1", &body).await.status() == 201 }).await;
}
