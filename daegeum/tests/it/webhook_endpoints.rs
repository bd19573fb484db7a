//! Webhook endpoints over HTTP and on the command line, and deliveries that survive the death of a worker.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use store::{
    Keyring,
    webhook_endpoint::{SignedHeaders, WebhookSecret},
};
use temporalio_client::{WorkflowDescribeOptions, WorkflowFetchHistoryOptions, WorkflowTerminateOptions};
use workflows::delivery::DeliveryWorkflow;

use crate::{
    database::Kind,
    events::log,
    on_both_databases,
    roles::{Roles, temporal_at},
    stack::{Dev, Shop, daegeum, until},
    webhook_receivers::register,
};

on_both_databases!(an_endpoint_is_managed_over_http, deliveries_survive_the_death_of_a_worker);

/// A receiver in this process: what arrived, in its order, as id, object and version.
#[derive(Clone, Default)]
struct Receiver {
    arrived: Arc<Mutex<Vec<(String, Value)>>>,
    secret: Arc<Mutex<Option<WebhookSecret>>>,
    pause: Duration,
}

impl Receiver {
    async fn start(pause: Duration) -> (Self, String) {
        let receiver = Self { pause, ..Self::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(Self::receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn trusts(&self, secret: &str) {
        *self.secret.lock().unwrap() = Some(WebhookSecret::parse(secret).unwrap());
    }

    async fn receive(State(receiver): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let signed = SignedHeaders {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
        };
        let now_s = chrono::Utc::now().timestamp();
        let secret = receiver.secret.lock().unwrap().clone();
        if secret.is_none_or(|secret| secret.verify(signed, &body, now_s).is_err()) {
            return StatusCode::UNAUTHORIZED;
        }
        let event: Value = serde_json::from_slice(&body).unwrap();
        receiver.arrived.lock().unwrap().push((header("webhook-id").to_owned(), event));
        tokio::time::sleep(receiver.pause).await;
        StatusCode::NO_CONTENT
    }

    fn types(&self) -> Vec<String> {
        let arrived = self.arrived.lock().unwrap();
        arrived.iter().map(|(_, event)| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// Asks the API, and answers status and body.
async fn ask(shop: &Shop, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    ask_with(shop, &shop.api_key, method, path, body).await
}

async fn ask_with(shop: &Shop, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = shop.http.request(method, format!("{}/v1/webhook-endpoints{path}", shop.api)).bearer_auth(key);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn an_endpoint_is_managed_over_http(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let shop = &dev.shop;
    let (receiver, url) = Receiver::start(Duration::ZERO).await;
    refuses_what_is_wrong(shop).await;
    let (id, secret) = register(shop, &url).await;
    receiver.trusts(&secret);
    let path = format!("/{id}");
    let (status, shown) = ask(shop, Method::GET, &path, None).await;
    assert_eq!((status, &shown["status"], &shown["waiting"]), (200, &json!("ENABLED"), &json!(0)), "{shown}");
    assert!(shown.get("secret").is_none());
    assert_eq!(ask(shop, Method::GET, "", None).await.1["data"].as_array().unwrap().len(), 1);

    let (status, asked) = ask(shop, Method::POST, &format!("{path}/test"), None).await;
    assert_eq!(status, 202, "{asked}");
    until("the test event arrives", || async { receiver.types() == ["webhook_endpoint.test"] }).await;
    shop.create("managed-1").await;
    until("the checkout is told", || async { receiver.types().len() == 2 }).await;
    let deliveries = format!("{path}/deliveries");
    until("both are written", || async {
        ask(shop, Method::GET, &deliveries, None).await.1["data"].as_array().unwrap().len() == 2
    })
    .await;
    let (_, page) = ask(shop, Method::GET, &format!("{deliveries}?status=DELIVERED&limit=1"), None).await;
    let last = &page["data"][0];
    assert_eq!((&last["event_type"], &last["outcome"]), (&json!("checkout.created"), &json!("delivered")));
    assert!(page["next_cursor"].is_string());
    let again = format!("{deliveries}/{}/redeliver", last["delivery_id"].as_str().unwrap());
    assert_eq!(ask(shop, Method::POST, &again, None).await, (202, json!({ "event_id": last["event_id"] })));
    until("the event arrives again", || async { receiver.types().len() == 3 }).await;
    let from_first = json!({ "from_position": 1 });
    let (status, moved) = ask(shop, Method::POST, &format!("{path}/replay"), Some(from_first)).await;
    assert_eq!((status, &moved["position"]), (200, &json!(0)), "{moved}");
    until("the log arrives again", || async { receiver.types().len() == 4 }).await;
    let ids: BTreeSet<String> = receiver.arrived.lock().unwrap()[1..].iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.len(), 1, "the same event has the same id");

    let (status, rotated) = ask(shop, Method::POST, &format!("{path}/rotate-secret"), None).await;
    assert_eq!(status, 200);
    receiver.trusts(rotated["secret"].as_str().unwrap());
    let (_, changed) = ask(shop, Method::PATCH, &path, Some(json!({ "status": "DISABLED" }))).await;
    assert_eq!((&changed["status"], &changed["disabled_reason"]), (&json!("DISABLED"), &json!("requested")));
    assert_eq!(ask(shop, Method::POST, &format!("{path}/test"), None).await.0, 409);
    shop.create("managed-2").await;
    until("the log has the second checkout", || async { log(shop).await.len() == 2 }).await;
    assert_eq!(receiver.types().len(), 4, "nothing is sent to a disabled endpoint");
    let enable = json!({ "status": "ENABLED", "types": ["checkout.created"], "description": "가게" });
    assert_eq!(ask(shop, Method::PATCH, &path, Some(enable)).await.1["description"], "가게");
    until("it goes on where it stood", || async { receiver.types().len() == 5 }).await;
    assert_eq!(receiver.arrived.lock().unwrap()[4].1["object"]["id"], "managed-2");

    let metrics = shop.http.get(format!("{}/metrics", shop.api)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("daegeum_webhook_attempts_total{outcome=\"delivered\"} 5"), "{metrics}");
    let lines = shop.get("/v1/audit-log?limit=100").await;
    let of_rotation = "POST /v1/webhook-endpoints/{webhook_endpoint_id}/rotate-secret";
    assert!(
        lines["data"].as_array().unwrap().iter().any(|line| line["action"] == of_rotation && line["object"] == *id)
    );
    assert_eq!(ask(shop, Method::DELETE, &path, None).await.0, 204);
    assert_eq!(ask(shop, Method::GET, &path, None).await.0, 404);
    for secret in [secret.as_str(), rotated["secret"].as_str().unwrap()] {
        stands_nowhere(dev.directory.path(), secret);
    }
}

/// The workflow of an endpoint: its activity ends with the process, another one follows, and the workflow ends with the
/// endpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_goes_on_after_a_stop_and_ends_with_its_endpoint() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (receiver, url) = Receiver::start(Duration::ZERO).await;
    let (id, secret) = register(&dev.shop, &url).await;
    receiver.trusts(&secret);
    dev.shop.create("before-the-stop").await;
    until("the checkout is told", || async { receiver.types().len() == 1 }).await;
    let directory = {
        let Dev { mut process, directory, .. } = dev;
        process.signal(Signal::SIGTERM);
        assert!(process.wait(Duration::from_secs(20)));
        directory
    };
    let dev = Dev::start_in(directory, Kind::Sqlite, &[]).await;
    dev.shop.create("after-the-stop").await;
    until("the second checkout is told", || async { receiver.types().len() == 2 }).await;
    let disable = Some(json!({ "status": "DISABLED" }));
    assert_eq!(ask(&dev.shop, Method::PATCH, &format!("/{id}"), disable).await.0, 200);
    let addresses = std::fs::read(dev.directory.path().join("addresses.json")).unwrap();
    let addresses: Value = serde_json::from_slice(&addresses).unwrap();
    let client = temporal_at(addresses["temporal"].as_str().unwrap()).await;
    let workflow = client.get_workflow_handle::<DeliveryWorkflow>(format!("webhook.{id}"));
    let history = async || workflow.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.unwrap();
    until("the workflow ends", || async {
        String::from_utf8_lossy(&history().await).contains("WorkflowExecutionCompletedEventAttributes")
    })
    .await;
    let history = history().await;
    let told = String::from_utf8_lossy(&history);
    assert_eq!(told.matches("ActivityTaskCompletedEventAttributes").count(), 2, "{told}");
    assert!(!told.contains(url.trim_start_matches("http://")), "no address stands in a history");
    if let Some(directory) = std::env::var_os("RECORD_HISTORIES") {
        std::fs::write(std::path::Path::new(&directory).join("disabled.delivery.json"), &history).unwrap();
    }
}

/// Events that come all the time do not hide that a delivery has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_ended_by_hand_begins_again_while_events_come() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (receiver, url) = Receiver::start(Duration::ZERO).await;
    let (id, secret) = register(&dev.shop, &url).await;
    receiver.trusts(&secret);
    dev.shop.create("before-the-end").await;
    until("the checkout is told", || async { receiver.types().len() == 1 }).await;
    let addresses = std::fs::read(dev.directory.path().join("addresses.json")).unwrap();
    let addresses: Value = serde_json::from_slice(&addresses).unwrap();
    let client = temporal_at(addresses["temporal"].as_str().unwrap()).await;
    let workflow = client.get_workflow_handle::<DeliveryWorkflow>(format!("webhook.{id}"));
    let run = async || workflow.describe(WorkflowDescribeOptions::default()).await.unwrap().run_id().to_owned();
    let first = run().await;
    workflow.terminate(WorkflowTerminateOptions::default()).await.unwrap();
    let shop = dev.shop.clone();
    let events = tokio::spawn(async move {
        for number in 0.. {
            shop.create(&format!("meanwhile-{number}")).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    until("another run of the workflow delivers", || async { run().await != first }).await;
    events.abort();
    let _ended = events.await;
    until("everything arrived", || async {
        let arrived: BTreeSet<_> = receiver.arrived.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
        log(&dev.shop).await.iter().all(|event| arrived.contains(event["id"].as_str().unwrap()))
    })
    .await;
}

/// A secret is in no file: no database, no history, no log.
fn stands_nowhere(directory: &std::path::Path, secret: &str) {
    let bare = secret.trim_start_matches("whsec_");
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let holds = bytes.windows(bare.len()).any(|window| window == bare.as_bytes());
        assert!(!holds, "the secret stands in {}", path.display());
    }
}

async fn refuses_what_is_wrong(shop: &Shop) {
    for (body, field) in [
        (json!({}), "url"),
        (json!({ "url": "shop.example" }), "url"),
        (json!({ "url": "ftp://shop.example/" }), "url"),
        (json!({ "url": "https://user:word@shop.example/" }), "url"),
        (json!({ "url": "https://shop.example:22/" }), "url"),
        (json!({ "url": format!("https://shop.example/{}", "a".repeat(1_000)) }), "url"),
        (json!({ "url": "https://shop.example/", "types": ["checkout.payed"] }), "types[0]"),
        (json!({ "url": "https://shop.example/", "types": "checkout.paid" }), "types"),
        (json!({ "url": "https://shop.example/", "secret": "whsec_x" }), "secret"),
        (json!({ "url": "https://shop.example/", "description": "a".repeat(201) }), "description"),
    ] {
        let (status, problem) = ask(shop, Method::POST, "", Some(body.clone())).await;
        assert_eq!((status, &problem["code"]), (422, &json!("validation_failed")), "{body}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let huge = json!({ "url": "https://shop.example/", "description": "a".repeat(70_000) });
    assert_eq!(ask(shop, Method::POST, "", Some(huge)).await.1["code"], "body_too_large");
    let (id, _) = register(shop, "https://shop.example/hook").await;
    for (method, path, body, status, code) in [
        (Method::GET, "/we_none", None, 404, "webhook_endpoint_not_found"),
        (Method::DELETE, "/%ED%99%8D", None, 404, "webhook_endpoint_not_found"),
        (Method::PATCH, "/we_none", Some(json!({ "status": "ENABLED" })), 404, "webhook_endpoint_not_found"),
        (Method::PATCH, &format!("/{id}"), Some(json!({})), 422, "validation_failed"),
        (Method::PATCH, &format!("/{id}"), Some(json!({ "status": "OFF" })), 422, "validation_failed"),
        (Method::POST, &format!("/{id}/replay"), Some(json!({})), 422, "validation_failed"),
        (Method::POST, &format!("/{id}/replay"), Some(json!({ "from_position": 900 })), 422, "cursor_unknown"),
        (
            Method::POST,
            &format!("/{id}/replay"),
            Some(json!({ "from_position": 2, "to_position": 1 })),
            422,
            "validation_failed",
        ),
        (Method::GET, &format!("/{id}/deliveries?status=LOST"), None, 422, "validation_failed"),
        (Method::POST, &format!("/{id}/deliveries/9/redeliver"), None, 404, "delivery_not_found"),
        (Method::POST, &format!("/{id}/deliveries/x/redeliver"), None, 404, "delivery_not_found"),
    ] {
        let (told, problem) = ask(shop, method, path, body).await;
        assert_eq!((told, problem["code"].as_str()), (status, Some(code)), "{path}: {problem}");
    }
    assert_eq!(ask_with(shop, "dk_none_none", Method::GET, "", None).await.0, 401);
    assert_eq!(ask(shop, Method::DELETE, &format!("/{id}"), None).await.0, 204);
}

/// Endpoints on this machine are allowed, and secrets can be sealed.
fn settings() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let keys = Keyring::generate("test").unwrap();
    let text = format!(
        "encryption_keys = \"{keys}\"\n[webhooks]\nallow_private = true\nallow_http = true\n\
         retry_pauses_s = [0, 1, 1, 1, 1]\n"
    );
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Each event of the log arrives at least once, under its own id, and those of an object in order.
async fn deliveries_survive_the_death_of_a_worker(database: Kind) {
    const CHECKOUTS: usize = 6;
    let settings = settings();
    let roles = Roles::start_with(database, &["--config", settings.path().to_str().unwrap()]).await;
    let shop = &roles.shop;
    let mut worker = roles.role("worker");
    // Slow enough that the worker dies in the middle of a message.
    let (receiver, url) = Receiver::start(Duration::from_millis(700)).await;
    let (id, secret) = register(shop, &url).await;
    receiver.trusts(&secret);
    for number in 0..CHECKOUTS {
        shop.create(&format!("killed-{number}")).await;
        if number == CHECKOUTS / 2 {
            until("a message is under way", || async { !receiver.arrived.lock().unwrap().is_empty() }).await;
            worker.signal(Signal::SIGKILL);
            worker.wait(Duration::from_secs(10));
            worker = roles.role("worker");
        }
    }
    until("everything arrived", || async {
        let arrived: BTreeSet<_> = receiver.arrived.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
        let log: BTreeSet<_> = log(shop).await.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        log.len() >= CHECKOUTS && arrived == log
    })
    .await;
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    for (_, event) in receiver.arrived.lock().unwrap().iter() {
        let (object, version) = (event["object"]["id"].to_string(), event["object"]["version"].as_u64().unwrap());
        let known = versions.entry(object).or_default();
        assert!(version + 1 >= *known, "{event} came after version {known}");
        *known = (*known).max(version);
    }
    until("the cursor is at the end", || async {
        let endpoint = ask(shop, Method::GET, &format!("/{id}"), None).await.1;
        endpoint["position"].as_u64() == Some(log(shop).await.len() as u64)
    })
    .await;
    let listed = roles.command(&["webhooks", "list", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["webhook_endpoint_id"], *id);
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_manages_endpoints_beside_a_dev() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (receiver, url) = Receiver::start(Duration::ZERO).await;
    let run = |arguments: &[&str]| {
        let output =
            daegeum().arg("--data-dir").arg(dev.directory.path()).arg("webhooks").args(arguments).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    };
    let (is_done, told) = run(&["create", &url, "--type", "checkout.created"]);
    assert!(is_done, "{told}");
    let secret = told.lines().last().unwrap().to_owned();
    let id = told.split_whitespace().next().unwrap().to_owned();
    receiver.trusts(&secret);
    assert!(run(&["test", &id]).0);
    until("the test event arrives", || async { receiver.types() == ["webhook_endpoint.test"] }).await;
    until("it is listed", || async { run(&["deliveries", &id]).1.contains("DELIVERED") }).await;
    let (is_done, told) = run(&["rotate-secret", &id]);
    assert!(is_done && told.lines().last().unwrap().starts_with("whsec_"), "{told}");
    assert!(run(&["redeliver", &id, "1"]).0);
    until("the event arrives again", || async { receiver.types().len() == 2 }).await;
    let (is_done, told) = run(&["update", &id, "--status", "DISABLED"]);
    assert!(is_done && told.contains("DISABLED"), "{told}");
    assert!(run(&["show", &id, "--json"]).1.contains("\"disabled_reason\": \"requested\""));
    for wrong in [
        &["create", "ftp://shop.example"][..],
        &["create", "https://shop.example/", "--type", "nothing"],
        &["update", &id],
        &["show", "we_none"],
        &["test", &id],
        &["replay", &id, "--from", "900"],
    ] {
        assert!(!run(wrong).0, "{wrong:?}");
    }
    assert!(run(&["delete", &id]).0 && run(&["list", "--json"]).1.trim() == "[]");
    let audit = daegeum().arg("--data-dir").arg(dev.directory.path()).args(["audit", "list"]).output().unwrap();
    let audit = String::from_utf8(audit.stdout).unwrap();
    assert!(audit.contains("webhooks rotate-secret") && !audit.contains(&secret), "{audit}");
}
