//! What the world is told: over HTTP and on the command line, each fact once, and at once to whoever waits.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    str::FromStr as _,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, EventRetention, Writer};
use tokio::task::JoinSet;

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Dev, Shop, daegeum, until},
};

on_both_databases!(
    a_shop_follows_its_payments,
    events_wait_for_a_sequencer_and_old_ones_are_missed_aloud,
    whoever_waits_is_told_at_once_and_lets_the_server_stop,
);

/// How long an answer may take that comes at once, also on a slow machine: a third of what is waited for without one.
const AT_ONCE: Duration = Duration::from_secs(10);

/// The type of the event that a status is told by, if it is told.
fn told_as(status: &str) -> Option<&'static str> {
    match status {
        "NOT_STARTED" => Some("checkout.created"),
        "SUCCESS" => Some("checkout.paid"),
        "WAITING_FOR_DEPOSIT" => Some("checkout.awaiting_deposit"),
        "FAILED" => Some("checkout.failed"),
        "EXPIRED" => Some("checkout.expired"),
        "CANCELED" => Some("checkout.canceled"),
        "UNKNOWN" => Some("checkout.unknown"),
        "STUCK" => Some("checkout.stuck"),
        "EXECUTING" | "PARTIALLY_REFUNDED" | "REFUNDED" => None,
        other => panic!("no status is called {other}"),
    }
}

/// The whole log, in the order of its positions.
pub(crate) async fn log(shop: &Shop) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = shop.get(&format!("/v1/events?limit=500&after={after}")).await;
        events.extend(page["events"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
        after = page["next_after"].as_u64().unwrap();
        if page["has_more"] == false {
            break;
        }
    }
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event["position"], json!(position), "positions have no gap");
    }
    events
}

/// The log tells each checkout's history and nothing else, in its order: so each payment once.
pub(crate) async fn tells_every_history(shop: &Shop) {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in log(shop).await {
        if event["object"]["type"] == "checkout" {
            let id = event["object"]["id"].as_str().unwrap().to_owned();
            let of_checkout = told.entry(id).or_default();
            of_checkout.push(event["type"].as_str().unwrap().to_owned());
            assert_eq!(told_as(event["data"]["status"].as_str().unwrap()), event["type"].as_str(), "{event}");
        }
    }
    let mut cursor = String::new();
    loop {
        let page = shop.get(&format!("/v1/payments?limit=100{cursor}")).await;
        for checkout in page["data"].as_array().unwrap() {
            let id = checkout["checkout_id"].as_str().unwrap();
            let history = shop.statuses(id).await;
            let expected: Vec<_> = history.iter().filter_map(|status| told_as(status)).collect();
            assert_eq!(told.remove(id).unwrap_or_default(), expected, "{id}: {history:?}");
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(told, BTreeMap::new(), "events of checkouts that are not there");
}

async fn a_shop_follows_its_payments(database: Kind) {
    let (directory, flags) = (tempfile::tempdir().unwrap(), database.flags().await);
    let mut command = daegeum();
    command.arg("--data-dir").arg(directory.path()).args(&flags).args(["dev", "--port", "0", "--temporal-port", "0"]);
    command.args(["--ui-port", "0", "--sim-port", "0"]);
    let dev = Dev::start_by(directory, command).await;
    let shop = &dev.shop;
    for (id, amount) in [("followed-1", "23000"), ("followed-2", "1")] {
        shop.create(id).await;
        let key = shop.authorize(id).await;
        shop.confirm(id, &key, amount).await;
    }
    let refunded = shop.cancel("followed-1", "refund-1", &json!({ "amount": "500", "reason": "색이 달라요" })).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);
    until("all is told", || async { log(shop).await.len() == 5 }).await;
    tells_every_history(shop).await;

    let page = shop.get("/v1/events?type=checkout.paid,refund.succeeded").await;
    let types: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["checkout.paid", "refund.succeeded"], "{page}");
    let paid = &page["events"][0];
    assert_eq!(paid["object"], json!({ "type": "checkout", "id": "followed-1", "version": paid["object"]["version"] }));
    assert_eq!(paid["data"]["amount"], "23000");
    assert_eq!((&page["next_after"], &page["last_position"]), (&json!(5), &json!(5)));
    let first = shop.get("/v1/events?limit=1").await;
    assert_eq!((&first["next_after"], &first["has_more"]), (&json!(1), &json!(true)));

    let refused = async |query: &str, key: Option<&str>| {
        let request = shop.http.get(format!("{}/v1/events{query}", shop.api));
        let request =
            key.map_or_else(|| request.try_clone().unwrap(), |key| request.try_clone().unwrap().bearer_auth(key));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        (answer["status"].as_u64().unwrap(), answer["code"].as_str().unwrap().to_owned())
    };
    let key = Some(shop.api_key.as_str());
    for (query, expected) in [
        ("?after=6", (422, "cursor_unknown")),
        ("?after=9007199254740991&wait_s=30", (422, "cursor_unknown")),
        ("?after=1&log_id=0123456789abcdef", (422, "cursor_unknown")),
        ("?after=-1", (422, "validation_failed")),
        ("?after=x", (422, "validation_failed")),
        ("?limit=0", (422, "validation_failed")),
        ("?limit=501", (422, "validation_failed")),
        ("?wait_s=31", (422, "validation_failed")),
        ("?type=checkout.paid,", (422, "validation_failed")),
        ("?type=checkout.bought", (422, "validation_failed")),
        ("?type=checkout.paid&type=refund.failed", (422, "validation_failed")),
        ("?since=1", (422, "validation_failed")),
    ] {
        assert_eq!(refused(query, key).await, (expected.0, expected.1.to_owned()), "{query}");
    }
    assert_eq!(refused("", None).await, (401, "unauthorized".to_owned()));
    let same_log = format!("/v1/events?after=1&log_id={}", page["log_id"].as_str().unwrap());
    assert_eq!(shop.get(&same_log).await["events"].as_array().unwrap().len(), 4);
    command_line_tells_the_same(&dev, &flags).await;
}

async fn command_line_tells_the_same(dev: &Dev, flags: &[String]) {
    let command = || {
        let mut command = daegeum();
        command.arg("--data-dir").arg(dev.directory.path()).args(flags).args(["events", "tail"]);
        command
    };
    let json = lines(command().args(["--after", "0", "--json"]));
    let told: Vec<Value> = json.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, log(&dev.shop).await);
    let typed = lines(command().args(["--type", "checkout.paid,refund.failed"]));
    assert!(typed.len() == 1 && typed[0].contains("followed-1"), "{typed:?}");
    let beyond = command().args(["--after", "99"]).output().unwrap();
    assert!(!beyond.status.success());
    assert!(String::from_utf8(beyond.stderr).unwrap().contains("its last position is 5"));

    let mut following = command().args(["--after", "5", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut followed = BufReader::new(following.stdout.take().unwrap());
    dev.shop.create("followed-3").await;
    let mut line = String::new();
    followed.read_line(&mut line).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["object"]["id"], "followed-3");
    // Nobody reads any more: the next event ends it, and that is no failure.
    drop(followed);
    dev.shop.create("followed-4").await;
    let began = Instant::now();
    let ended = loop {
        if let Some(ended) = following.try_wait().unwrap() {
            break ended;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it goes on though nobody reads");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(ended.success(), "{ended:?}");
}

fn lines(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

async fn events_wait_for_a_sequencer_and_old_ones_are_missed_aloud(database: Kind) {
    let roles = Roles::start(database).await;
    let shop = &roles.shop;
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let worker = roles.role("worker");
    shop.create("waits-1").await;
    until("it is told", || async { log(shop).await.len() == 1 }).await;
    drop(worker);

    // Removed is what is older than nothing.
    let sequencer = Writer::new(database).sequencer(EventRetention(Duration::ZERO));
    let waited = async {
        let began = Instant::now();
        let answer = shop.get("/v1/events?after=1&wait_s=1").await;
        (answer, began.elapsed())
    };
    let (answer, elapsed) = waited.await;
    assert!(answer["events"] == json!([]) && elapsed >= Duration::from_secs(1), "{answer} {elapsed:?}");
    sequencer.run(async {}).await;
    until("the first event is removed", || async { shop.get("/v1/events?after=0").await["code"] == "events_expired" })
        .await;
    let gone = shop.get("/v1/events?after=0").await;
    assert_eq!((&gone["status"], &gone["oldest_position"]), (&json!(410), &json!(2)), "{gone}");
    assert!(gone["detail"].as_str().unwrap().contains("after=1"), "{gone}");
    let anew = shop.get("/v1/events").await;
    assert_eq!((&anew["events"], &anew["next_after"], &anew["oldest_position"]), (&json!([]), &json!(1), &json!(2)));
}

async fn whoever_waits_is_told_at_once_and_lets_the_server_stop(database: Kind) {
    let mut dev = Dev::start(database, &[]).await;
    let shop = dev.shop.clone();
    let follow = |after: u64, query: &'static str| {
        let shop = shop.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let answer = shop.get(&format!("/v1/events?after={after}&wait_s=30{query}")).await;
            (answer, began.elapsed())
        })
    };
    // Of eleven at once ten wait.
    let mut waits: JoinSet<_> = (0..11).map(|_| follow(0, "")).collect();
    let (refused, _) = waits.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((&refused["status"], &refused["code"]), (&json!(429), &json!("rate_limited")), "{refused}");
    let created = Instant::now();
    shop.create("awaited-1").await;
    for told in waits.join_all().await {
        let (answer, _) = told.unwrap();
        assert_eq!(answer["events"][0]["object"]["id"], "awaited-1", "{answer}");
    }
    assert!(created.elapsed() < AT_ONCE, "{:?}", created.elapsed());

    // An event of another type does not end a wait.
    let paid = follow(1, "&type=checkout.paid");
    shop.create("awaited-2").await;
    let key = shop.authorize("awaited-2").await;
    let confirmed = Instant::now();
    assert_eq!(shop.confirm("awaited-2", &key, "23000").await.0, 200);
    let (answer, _) = paid.await.unwrap();
    assert_eq!(answer["events"][0]["object"]["id"], "awaited-2", "{answer}");
    assert!(confirmed.elapsed() < AT_ONCE, "{:?}", confirmed.elapsed());

    let waits = follow(answer["last_position"].as_u64().unwrap(), "");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopped = Instant::now();
    dev.process.signal(Signal::SIGTERM);
    let (answer, _) = waits.await.unwrap();
    assert_eq!(answer["events"], json!([]), "{answer}");
    assert!(stopped.elapsed() < AT_ONCE, "a wait held the server up for {:?}", stopped.elapsed());
    assert!(dev.process.wait(Duration::from_secs(20)));
}
