//! Webhooks, received by a real listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{PATIENCE, Simulator, send, start, start_with};

/// A shop's webhook address.
pub(crate) struct Shop {
    pub(crate) url: String,
    status: Arc<AtomicU16>,
    received: UnboundedReceiver<(HeaderMap, String)>,
}

type Mouth = (Arc<AtomicU16>, UnboundedSender<(HeaderMap, String)>);

impl Shop {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (status, (heard, received)) = (Arc::new(AtomicU16::new(200)), unbounded_channel());
        let hook = |State((status, heard)): State<Mouth>, headers: HeaderMap, body: String| async move {
            heard.send((headers, body)).unwrap();
            StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap()
        };
        let routes = Router::new().route("/hook", post(hook)).with_state((Arc::clone(&status), heard));
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { url, status, received }
    }

    /// The next body as it came, to the byte.
    pub(crate) async fn next_raw(&mut self) -> (HeaderMap, String) {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.unwrap().unwrap()
    }

    async fn next(&mut self) -> (HeaderMap, Value) {
        let (headers, body) = self.next_raw().await;
        (headers, serde_json::from_str(&body).unwrap())
    }

    async fn next_body(&mut self) -> Value {
        self.next().await.1
    }

    /// The next body's order and status, whichever of the two events it is.
    async fn next_status(&mut self) -> (String, String) {
        let body = self.next_body().await;
        let told = body.get("data").unwrap_or(&body);
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        (text("orderId"), text("status"))
    }
}

async fn start_for(shop: &Shop) -> Simulator {
    let options = toss_sim::Options { webhook_urls: vec![shop.url.clone()], ..toss_sim::Options::default() };
    start_with(options).await
}

fn pair(order: &str, status: &str) -> (String, String) {
    (order.to_owned(), status.to_owned())
}

/// Waits until nothing is on its way, so that what was not sent by now is not sent.
async fn quiet(sim: &Simulator) {
    sim.ask_until("/_sim/webhooks", |webhooks| webhooks["waiting"] == 0).await;
}

#[tokio::test]
async fn a_payment_status_is_told_in_toss_words() {
    let mut shop = Shop::open().await;
    let sim = start().await;
    sim.tell("/_sim/webhooks", json!({ "urls": [shop.url] })).await;
    let key = sim.authorize("order-0001", 1_000).await;
    let payment = sim.confirm(&key, "order-0001", 1_000).await.json;
    let (headers, body) = shop.next().await;

    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("tosspayments-webhook-transmission-retried-count"), "0");
    assert!(header("tosspayments-webhook-transmission-id").starts_with("whtrans_"));
    assert!(header("tosspayments-webhook-transmission-time").ends_with("+09:00"));
    assert!(!headers.contains_key("tosspayments-webhook-signature"), "payment webhooks are unsigned");
    assert_eq!(body["eventType"], "PAYMENT_STATUS_CHANGED");
    assert_eq!(body["createdAt"].as_str().unwrap().len(), "2026-01-02T03:04:05.000000".len());
    assert_eq!(body["data"], payment);

    sim.cancel(&key, json!({ "cancelReason": "변심", "cancelAmount": 400 })).await;
    assert_eq!(shop.next_status().await, pair("order-0001", "PARTIAL_CANCELED"));
    quiet(&sim).await;
    let attempts = sim.ask("/_sim/webhooks").await["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 2);
    assert_eq!((&attempts[0]["outcome"], &attempts[0]["status"]), (&json!("delivered"), &json!(200)));
}

#[tokio::test]
async fn a_virtual_account_is_told_twice() {
    let mut shop = Shop::open().await;
    let sim = start_for(&shop).await;
    let key = sim.authorize_by("order-0001", 1_000, "가상계좌").await;
    let payment = sim.confirm(&key, "order-0001", 1_000).await.json;
    let issued = shop.next_body().await;
    let mut fields: Vec<&str> = issued.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["createdAt", "orderId", "secret", "status", "transactionKey"]);
    assert_eq!((&issued["status"], &issued["secret"]), (&json!("WAITING_FOR_DEPOSIT"), &payment["secret"]));

    sim.tell("/_sim/deposit", json!({ "orderId": "order-0001" })).await;
    assert_eq!(shop.next_body().await["data"]["status"], "DONE");
    assert_eq!(shop.next_body().await["status"], "DONE");
    sim.tell("/_sim/deposit-error", json!({ "orderId": "order-0001" })).await;
    let taken_back = shop.next_body().await;
    assert_eq!((&taken_back["status"], taken_back.get("eventType")), (&json!("WAITING_FOR_DEPOSIT"), None));
}

#[tokio::test]
async fn declines_and_expiries_are_told_and_authentication_is_not() {
    let mut shop = Shop::open().await;
    let sim = start_for(&shop).await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.authorize("order-0002", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })).await;
    sim.confirm(&key, "order-0001", 1_000).await;
    assert_eq!(shop.next_status().await, pair("order-0001", "ABORTED"));
    sim.advance(10 * 60).await;
    assert_eq!(shop.next_status().await, pair("order-0002", "EXPIRED"));
}

#[tokio::test]
async fn a_failed_webhook_comes_again_on_the_simulators_clock() {
    let mut shop = Shop::open().await;
    let sim = start_for(&shop).await;
    shop.status.store(500, Ordering::SeqCst);
    sim.paid("order-0001", 1_000).await;
    let (first_headers, first) = shop.next().await;
    let failed_times = |count: usize| {
        move |webhooks: &Value| webhooks["attempts"].as_array().unwrap().len() == count && webhooks["waiting"] == 1
    };
    sim.ask_until("/_sim/webhooks", failed_times(1)).await;

    sim.advance(60).await;
    let (headers, second) = shop.next().await;
    assert_eq!(headers["tosspayments-webhook-transmission-retried-count"], "1");
    assert_eq!(
        (&second, &headers["tosspayments-webhook-transmission-id"]),
        (&first, &first_headers["tosspayments-webhook-transmission-id"])
    );
    sim.ask_until("/_sim/webhooks", failed_times(2)).await;

    shop.status.store(200, Ordering::SeqCst);
    sim.advance(4 * 60).await;
    assert_eq!(shop.next().await.0["tosspayments-webhook-transmission-retried-count"], "2");
    quiet(&sim).await;
}

#[tokio::test]
async fn duplicate_and_drop() {
    let mut shop = Shop::open().await;
    let sim = start_for(&shop).await;
    sim.mischief(json!({ "on": "webhook", "kind": "drop" })).await;
    sim.mischief(json!({ "on": "webhook", "kind": "duplicate" })).await;
    sim.paid("order-0001", 1_000).await;
    sim.paid("order-0002", 1_000).await;
    sim.paid("order-0003", 1_000).await;
    quiet(&sim).await;
    let mut told = [shop.next_status().await.0, shop.next_status().await.0, shop.next_status().await.0];
    told.sort();
    assert_eq!(told, ["order-0002", "order-0002", "order-0003"]);
    assert!(shop.received.try_recv().is_err());
    let attempts = sim.ask("/_sim/webhooks").await["attempts"].clone();
    assert_eq!((&attempts[0]["orderId"], &attempts[0]["outcome"]), (&json!("order-0001"), &json!("dropped")));
}

#[tokio::test]
async fn a_share_of_webhooks_is_withheld() {
    let shop = Shop::open().await;
    let sim = start_for(&shop).await;
    let urls = sim.ask("/_sim/webhooks").await["urls"].clone();
    let withhold = async |share: u64| sim.tell("/_sim/webhooks", json!({ "urls": urls, "withheld_bps": share })).await;
    withhold(5_000).await;
    for order in 1_000..1_064 {
        sim.paid(&format!("order-{order}"), 1_000).await;
    }
    quiet(&sim).await;
    let attempts = sim.ask("/_sim/webhooks").await["attempts"].as_array().unwrap().clone();
    let dropped = attempts.iter().filter(|attempt| attempt["outcome"] == "dropped").count();
    // Fewer than 8 or more than 56 of 64 fair draws: once in a billion runs.
    assert!((8..=56).contains(&dropped), "{dropped}");
    assert_eq!(attempts.len(), 64, "each is told or withheld");
    assert_eq!(withhold(0).await["withheld_bps"], 0);
    let too_many =
        sim.bare(reqwest::Method::POST, "/_sim/webhooks").json(&json!({ "urls": [], "withheld_bps": 10_001 }));
    assert_eq!(send(too_many).await.status, 400);
}

#[tokio::test]
async fn reorder_and_delay() {
    let mut shop = Shop::open().await;
    let sim = start_for(&shop).await;
    sim.mischief(json!({ "on": "webhook", "kind": "reorder" })).await;
    let key = sim.paid("order-0001", 1_000).await;
    sim.cancel(&key, json!({ "cancelReason": "변심" })).await;
    assert_eq!(shop.next_status().await, pair("order-0001", "CANCELED"));
    assert_eq!(shop.next_status().await, pair("order-0001", "DONE"));

    sim.mischief(json!({ "on": "webhook", "kind": "delay", "delay_ms": 3_600_000 })).await;
    sim.paid("order-0002", 1_000).await;
    sim.paid("order-0003", 1_000).await;
    assert_eq!(shop.next_status().await, pair("order-0003", "DONE"));
    sim.advance(3_600).await;
    assert_eq!(shop.next_status().await, pair("order-0002", "DONE"));
}

#[tokio::test]
async fn an_address_is_told_of_the_events_that_it_is_registered_for() {
    let (mut deposits, mut everything) = (Shop::open().await, Shop::open().await);
    let sim = start().await;
    let some = json!({ "url": deposits.url, "events": ["DEPOSIT_CALLBACK"] });
    let set = sim.tell("/_sim/webhooks", json!({ "urls": [some, everything.url] })).await;
    assert_eq!(set["urls"], json!([deposits.url, everything.url]));
    assert_eq!(set["registrations"][0]["events"], json!(["DEPOSIT_CALLBACK"]));
    sim.paid("order-0001", 1_000).await;
    let key = sim.authorize_by("order-0002", 1_000, "가상계좌").await;
    sim.confirm(&key, "order-0002", 1_000).await;
    assert_eq!(deposits.next_status().await, pair("order-0002", "WAITING_FOR_DEPOSIT"));
    assert_eq!(everything.next_status().await, pair("order-0001", "DONE"));
    quiet(&sim).await;
    assert!(deposits.received.try_recv().is_err());

    let address = format!("/_sim/webhooks?url={}", deposits.url);
    let left = send(sim.bare(reqwest::Method::DELETE, &address)).await;
    assert_eq!(left.json["urls"], json!([everything.url]));
    assert_eq!(send(sim.bare(reqwest::Method::DELETE, &address)).await.refusal(), (404, "unknown"));
    assert_eq!(send(sim.bare(reqwest::Method::DELETE, "/_sim/webhooks")).await.json["urls"], json!([]));
    for wrong in [json!({ "url": deposits.url, "events": ["NOBODY"] }), json!("no address")] {
        let refused = send(sim.bare(reqwest::Method::POST, "/_sim/webhooks").json(&json!({ "urls": [wrong] }))).await;
        assert_eq!(refused.refusal(), (400, "invalid_value"));
    }
}

#[tokio::test]
async fn a_webhook_is_shown_with_its_body_and_sent_again_by_hand() {
    let mut shop = Shop::open().await;
    let sim = start_for(&shop).await;
    sim.paid("order-0001", 1_000).await;
    let (headers, body) = shop.next_raw().await;
    quiet(&sim).await;
    let attempt = sim.ask("/_sim/webhooks").await["attempts"][0].clone();
    assert_eq!(attempt["body"], body);
    sim.tell("/_sim/webhooks/resend", json!({ "transmissionId": attempt["transmissionId"] })).await;
    let (again, repeated) = shop.next_raw().await;
    let id = "tosspayments-webhook-transmission-id";
    assert_eq!((&repeated, &again[id]), (&body, &headers[id]));
    let unknown = sim.bare(reqwest::Method::POST, "/_sim/webhooks/resend").json(&json!({ "transmissionId": "nobody" }));
    assert_eq!(send(unknown).await.refusal(), (404, "unknown"));
}
