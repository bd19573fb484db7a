//! A simulator with a file: what it answered outlives it, however it ends.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use toss_sim::{DEFAULT_SECRET_KEY, Options};

use crate::support::{PATIENCE, Simulator, client, send, start_with};

const FILE: &str = "TOSS_SIM_TEST_FILE";
const AMOUNT: u64 = 1_000;
const BUYERS: usize = 16;
const ANSWERS_BEFORE_THE_KILL: usize = 150;

fn options(file: &Path) -> Options {
    Options { file: Some(file.to_owned()), ..Options::default() }
}

/// Not a test: the process that is killed by one. It does nothing when nobody asks it to.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("serving http://{}", listener.local_addr().unwrap());
    toss_sim::serve(listener, options(&PathBuf::from(file)), std::future::pending()).await.unwrap();
}

/// A simulator in a process of its own.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["files::the_process_that_is_killed", "--exact", "--nocapture"])
            .env(FILE, file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The test harness may have begun the line.
        let address = lines.map(Result::unwrap).find_map(|line| Some(line.split_once("serving ")?.1.to_owned()));
        Self { child, url: address.unwrap() }
    }

    /// SIGKILL: it can do nothing about it.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _already_ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A buyer's payment and half of it back, as far as answers came.
#[derive(Debug, Default)]
struct Story {
    payment_key: String,
    confirmed: Option<String>,
    canceled: Option<String>,
}

struct Shop {
    client: reqwest::Client,
    url: String,
}

impl Shop {
    fn post(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url)).basic_auth(DEFAULT_SECRET_KEY, Some(""));
        request.header("Idempotency-Key", key).json(body)
    }

    fn confirm(&self, order_id: &str, payment_key: &str) -> RequestBuilder {
        let body = json!({ "paymentKey": payment_key, "orderId": order_id, "amount": AMOUNT });
        self.post("/v1/payments/confirm", &format!("{order_id}-confirm"), &body)
    }

    fn cancel(&self, order_id: &str, payment_key: &str) -> RequestBuilder {
        let body = json!({ "cancelReason": "변심", "cancelAmount": AMOUNT / 4 });
        self.post(&format!("/v1/payments/{payment_key}/cancel"), &format!("{order_id}-cancel"), &body)
    }

    /// The body of a 200, or nothing when no whole answer came.
    async fn answered(&self, request: RequestBuilder) -> Option<String> {
        let response = request.send().await.ok()?;
        assert_eq!(response.status(), 200);
        response.text().await.ok()
    }

    async fn live(&self, order_id: &str) -> Option<Story> {
        let authorize = self.client.post(format!("{}/_sim/authorize", self.url));
        let authorized = self.answered(authorize.json(&json!({ "orderId": order_id, "amount": AMOUNT }))).await?;
        let authorized: Value = serde_json::from_str(&authorized).unwrap();
        let payment_key = authorized["paymentKey"].as_str().unwrap().to_owned();
        let confirmed = self.answered(self.confirm(order_id, &payment_key)).await;
        let canceled = match &confirmed {
            Some(_) => self.answered(self.cancel(order_id, &payment_key)).await,
            None => None,
        };
        Some(Story { payment_key, confirmed, canceled })
    }
}

/// Buyers buy until the process is killed in their midst.
async fn trade_until_killed(process: &mut Process) -> BTreeMap<String, Story> {
    let shop = Arc::new(Shop { client: client(), url: process.url.clone() });
    let finished = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let (shop, finished) = (Arc::clone(&shop), Arc::clone(&finished));
        buyers.spawn(async move {
            let mut stories = Vec::new();
            for number in 0.. {
                let order_id = format!("order-{buyer}-{number}");
                let Some(story) = shop.live(&order_id).await else { break };
                finished.fetch_add(1, Ordering::Relaxed);
                let is_cut_short = story.canceled.is_none();
                stories.push((order_id, story));
                if is_cut_short {
                    break;
                }
            }
            stories
        });
    }
    while finished.load(Ordering::Relaxed) < ANSWERS_BEFORE_THE_KILL {
        tokio::task::yield_now().await;
    }
    process.kill();
    buyers.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_killed_process_has_lost_nothing_it_answered_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.db");
    let mut process = Process::start(&file);
    let stories = trade_until_killed(&mut process).await;
    assert!(stories.len() >= ANSWERS_BEFORE_THE_KILL);

    let process = Process::start(&file);
    let shop = Shop { client: client(), url: process.url.clone() };
    for (order_id, story) in &stories {
        // An answer that came is repeated to the byte; one that did not come is the answer to a first request
        // or to the one that was executed. Either way the money moves once.
        let confirmed = shop.answered(shop.confirm(order_id, &story.payment_key)).await.unwrap();
        let canceled = shop.answered(shop.cancel(order_id, &story.payment_key)).await.unwrap();
        assert!(story.confirmed.as_ref().is_none_or(|before| *before == confirmed), "{order_id}");
        assert!(story.canceled.as_ref().is_none_or(|before| *before == canceled), "{order_id}");
        let shown = send(shop.client.get(format!("{}/_sim/payments/{order_id}", shop.url))).await.json;
        assert_eq!((&shown["charges"], &shown["balanceAmount"]), (&json!(1), &json!(AMOUNT * 3 / 4)), "{order_id}");
        assert_eq!(shown["cancels"].as_array().map(Vec::len), Some(1), "{order_id}");
    }
    let totals = send(shop.client.get(format!("{}/_sim/totals", shop.url))).await.json;
    let count = u64::try_from(stories.len()).unwrap();
    let wanted = json!({
        "charged": AMOUNT * count, "canceled": AMOUNT / 4 * count, "net": AMOUNT * 3 / 4 * count,
        "payments": count, "double_charged_orders": 0,
    });
    assert_eq!(totals, wanted);
}

#[tokio::test]
async fn what_was_executed_and_never_answered_is_not_executed_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.db");
    let mut process = Process::start(&file);
    let shop = Shop { client: client(), url: process.url.clone() };
    let story = shop.live("order-0001").await.unwrap();
    let stall = json!({ "on": "cancel", "kind": "execute_and_stall" });
    assert_eq!(send(shop.client.post(format!("{}/_sim/mischief", shop.url)).json(&stall)).await.status, 200);
    let second = |shop: &Shop| {
        let body = json!({ "cancelReason": "또 변심", "cancelAmount": 100 });
        shop.post(&format!("/v1/payments/{}/cancel", story.payment_key), "second-cancel", &body)
    };
    let held = tokio::spawn(second(&shop).send());
    let executed = async {
        let address = format!("{}/_sim/totals", shop.url);
        while send(shop.client.get(&address)).await.json["canceled"] != 350 {}
    };
    tokio::time::timeout(PATIENCE, executed).await.unwrap();
    process.kill();
    assert!(held.await.unwrap().is_err());

    let process = Process::start(&file);
    let shop = Shop { client: client(), url: process.url.clone() };
    let replayed = send(second(&shop)).await;
    assert_eq!((replayed.status, &replayed.json["balanceAmount"]), (200, &json!(650)));
    assert_eq!(send(shop.client.get(format!("{}/_sim/totals", shop.url))).await.json["canceled"], 350);
}

#[tokio::test]
async fn a_restart_remembers_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.db");
    let sim = start_with(options(&file)).await;
    // Nobody listens there: the deliveries wait for their next attempt.
    sim.tell("/_sim/webhooks", json!({ "urls": ["http://127.0.0.1:9/hook"] })).await;
    sim.advance(3 * 24 * 60 * 60).await;
    let paid = sim.paid("order-paid", 5_000).await;
    sim.cancel(&paid, json!({ "cancelReason": "변심", "cancelAmount": 2_000 })).await;
    let account = sim.authorize_by("order-account", 3_000, "가상계좌").await;
    sim.confirm(&account, "order-account", 3_000).await;
    sim.authorize("order-waits", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "rate_limit", "times": 3, "orderId": "order-waits" })).await;
    let (before, clock) = (remembered(&sim).await, sim.ask("/_sim/clock").await);
    sim.stop().await;

    let sim = start_with(options(&file)).await;
    assert_eq!(remembered(&sim).await, before);
    assert!(sim.ask("/_sim/clock").await["now"].as_str() >= clock["now"].as_str());
    // The indexes are built again: deadlines, orders, deposits.
    sim.tell("/_sim/deposit", json!({ "orderId": "order-account" })).await;
    sim.advance(10 * 60).await;
    assert_eq!(sim.look_up_order("order-waits").await.json["status"], "EXPIRED");
    let next = sim.paid("order-next", 1_000).await;
    assert_eq!(sim.look_up(&next).await.json["status"], "DONE");
}

/// All that can be asked without changing the answer. The webhooks' attempts race with the question.
async fn remembered(sim: &Simulator) -> Value {
    let mut all = BTreeMap::new();
    for path in ["/_sim/payments", "/_sim/calls", "/_sim/totals", "/_sim/mischief"] {
        all.insert(path, without_the_port(sim, sim.ask(path).await));
    }
    let webhooks =
        sim.ask_until("/_sim/webhooks", |webhooks| webhooks["attempts"].as_array().unwrap().len() == 3).await;
    all.insert("/_sim/webhooks", webhooks);
    json!(all)
}

fn without_the_port(sim: &Simulator, value: Value) -> Value {
    serde_json::from_str(&value.to_string().replace(&sim.url, "http://sim")).unwrap()
}

#[tokio::test]
async fn a_file_that_is_no_file_is_refused_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not.db");
    std::fs::write(
        &file,
        "this is not a database, it is a sentence of more than a hundred bytes, as SQLite's header is",
    )
    .unwrap();
    assert!(toss_sim::router(options(&file)).is_err());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert!(toss_sim::serve(listener, options(&file), std::future::pending()).await.is_err());
}

#[tokio::test]
async fn a_seed_makes_the_same_keys_again() {
    let mut keys = Vec::new();
    for _ in 0..2 {
        let sim = start_with(Options { seed: Some(42), ..Options::default() }).await;
        let key = sim.authorize("order-0001", 1_000).await;
        let transaction = sim.confirm(&key, "order-0001", 1_000).await.json["lastTransactionKey"].clone();
        let look_up = send(sim.toss(Method::GET, &format!("/v1/payments/{key}"))).await;
        keys.push((key, transaction, look_up.header("x-tosspayments-trace-id").unwrap().to_owned()));
    }
    assert_eq!(keys[0], keys[1]);
}
