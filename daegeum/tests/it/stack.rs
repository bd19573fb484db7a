//! A stack of real processes on free ports, in a data directory of the test's own.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::Pid};
use reqwest::{Client, RequestBuilder, Response, header::RETRY_AFTER};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{database::Kind, secrecy};

/// How long anything in a test may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(50);
/// What a test may take of a day in Korea: days that end sooner are waited for, as its figures are of one day.
const DAY_LEFT: chrono::TimeDelta = chrono::TimeDelta::minutes(6);
const KOREA: chrono::TimeDelta = chrono::TimeDelta::hours(9);
/// How much of a process's log stands beside a failed test, in lines.
const TOLD_LINES: usize = 25;

/// The binary under test.
pub(crate) fn daegeum() -> Command {
    Command::new(env!("CARGO_BIN_EXE_daegeum"))
}

/// What every process of ours logs, so that there is something to search: all that our crates say, and what others
/// find worth knowing.
const LOG: &str = "info,daegeum=debug,temporal::attempts=debug,api=debug,activities=debug,workflows=debug,\
                   store=debug,toss=debug,toss_sim=debug";

/// A process that is killed when the test ends, however it ends. Its log is searched for what no log may hold.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a process whose output goes to a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::create(log).unwrap();
        let command = command.env("DAEGEUM_LOG", LOG).stdin(Stdio::null());
        let child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        Self { child, log: log.to_owned() }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The line with these words, as soon as it says it; nothing if it ends before.
    pub(crate) async fn says(&mut self, words: &str) -> Option<String> {
        let began = Instant::now();
        loop {
            // Asked before the log is read: the last words of a process are heard too.
            let is_running = self.is_running();
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            let mut whole_lines = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            match whole_lines.find(|line| line.starts_with(words)) {
                Some(line) => return Some(line.to_owned()),
                None if !is_running => return None,
                None => assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} and still not: {words}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Starts a role whose output goes to a file; answers it with where it says that it listens.
    pub(crate) async fn start_listening(command: &mut Command, log: &Path, role: &str) -> (Self, String) {
        let mut process = Self::start(command, log);
        let listens = format!("daegeum {role}: http");
        let Some(line) = process.says(&listens).await else { panic!("it ended before it listened: {role}") };
        (process, line.split_once(": ").unwrap().1.to_owned())
    }

    /// Waits for the end, at most `limit`; answers whether it ended well.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(began.elapsed() < limit, "the process did not end in {limit:?}");
            std::thread::sleep(POLL);
        }
    }
}

impl Process {
    /// Says beside a failed test what the process said last, and how it ended if that was before the test did.
    fn tell(&self, ended_before: Option<ExitStatus>) {
        let end = ended_before.map_or_else(|| "still runs".to_owned(), |status| format!("ended before: {status}"));
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n");
        eprintln!("--- {} {end}; its last lines:\n{last}", self.log.display());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended_before = self.child.try_wait().ok().flatten();
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A test that has failed already says why; a second panic would end the others too.
        if std::thread::panicking() {
            self.tell(ended_before);
        } else {
            secrecy::search(&self.log);
            secrecy::search(&self.log.with_file_name("temporal.log"));
        }
    }
}

/// `daegeum dev`, up and running.
pub(crate) struct Dev {
    pub(crate) process: Process,
    _temporal: Temporal,
    pub(crate) directory: TempDir,
    pub(crate) shop: Shop,
    /// The address of its database.
    pub(crate) database_url: String,
}

impl Dev {
    /// Starts one on free ports and waits until it answers.
    pub(crate) async fn start(database: Kind, arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), database, arguments).await
    }

    /// The same, in a data directory that may hold something.
    pub(crate) async fn start_in(directory: TempDir, database: Kind, arguments: &[&str]) -> Self {
        let free_ports = ["--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"];
        Self::start_with(directory, database, arguments, &free_ports).await
    }

    /// The same, on the ports that the arguments name.
    pub(crate) async fn start_with(directory: TempDir, database: Kind, arguments: &[&str], ports: &[&str]) -> Self {
        let mut command = daegeum();
        command.arg("--data-dir").arg(directory.path()).args(database.flags().await);
        command.arg("dev").args(arguments).args(ports);
        Self::start_by(directory, command).await
    }

    /// The same, by a command that runs it in the directory.
    pub(crate) async fn start_by(directory: TempDir, mut command: Command) -> Self {
        let log = directory.path().join("log");
        let _ = std::fs::remove_file(directory.path().join("addresses.json"));
        day_begins().await;
        let mut process = Process::start(&mut command, &log);
        let addresses = directory.path().join("addresses.json");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let began = Instant::now();
        while !(addresses.exists() && said().contains("API key")) {
            assert!(process.is_running() && began.elapsed() < PATIENCE, "the stack did not come up: {}", said());
            tokio::time::sleep(POLL).await;
        }
        let addresses: Value = serde_json::from_slice(&std::fs::read(addresses).unwrap()).unwrap();
        let text = |name: &str| addresses[name].as_str().unwrap().to_owned();
        let api_key = std::fs::read_to_string(directory.path().join("api-key")).unwrap().trim().to_owned();
        let shop = Shop::new(text("api"), text("toss_simulator"), api_key);
        let temporal = Temporal(directory.path().join("temporal.pid"));
        let named = command.get_args().skip_while(|argument| *argument != "--database-url").nth(1);
        let database_url = named.map_or_else(
            || format!("sqlite://{}", directory.path().join("daegeum.db").display()),
            |url| url.to_str().unwrap().to_owned(),
        );
        Self { process, _temporal: temporal, directory, shop, database_url }
    }

    /// The Temporal server's process id.
    pub(crate) fn temporal_pid(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("temporal.pid")).unwrap()
    }
}

/// The Temporal server of a `dev`, by its file: a killed `dev` leaves it behind, and a test must not.
struct Temporal(PathBuf);

impl Drop for Temporal {
    fn drop(&mut self) {
        if let Some(pid) = std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok()) {
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// The day in Korea so long after now.
fn day_in(time: chrono::TimeDelta) -> String {
    (chrono::Utc::now() + KOREA + time).date_naive().to_string()
}

/// The day in Korea so many days after today.
pub(crate) fn day_after(days: i64) -> String {
    day_in(chrono::TimeDelta::days(days))
}

/// Returns when enough of a day in Korea is left for a test.
pub(crate) async fn day_begins() {
    let ends_soon = || day_after(0) != day_in(DAY_LEFT);
    while ends_soon() {
        tokio::time::sleep(POLL).await;
    }
}

/// Polls until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} and still not: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Sends a request, and again while the answer says that the same one is to be sent again: a busy machine may not carry
/// it out in the time of an answer.
pub(crate) async fn insist(request: RequestBuilder) -> (u16, Value) {
    let began = Instant::now();
    loop {
        let answer = request.try_clone().unwrap().send().await.unwrap();
        let status = answer.status().as_u16();
        let passes = [429, 503].contains(&status) && answer.headers().contains_key(RETRY_AFTER);
        let body = answer.json().await.unwrap();
        if !passes {
            return (status, body);
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} and still: {status} {body}");
        tokio::time::sleep(POLL).await;
    }
}

/// A marketplace and its buyers, over HTTP.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) http: Client,
    pub(crate) api: String,
    pub(crate) simulator: String,
    pub(crate) api_key: String,
}

impl Shop {
    pub(crate) fn new(api: String, simulator: String, api_key: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { http: Client::builder().timeout(PATIENCE).build().unwrap(), api, simulator, api_key }
    }

    /// Posts a checkout with a key.
    pub(crate) async fn post(&self, key: &str, body: &Value) -> Response {
        self.creation(key, body).send().await.unwrap()
    }

    fn creation(&self, key: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}/v1/payments", self.api)).bearer_auth(&self.api_key);
        request.header("Idempotency-Key", key).json(body)
    }

    /// Creates a checkout of 23,000 won over two sellers. Sends the same request again while the first is
    /// being recorded, as the API says.
    pub(crate) async fn create(&self, checkout_id: &str) {
        self.create_with(checkout_id, &checkout(checkout_id)).await;
    }

    /// The same, with a body of the test's own.
    pub(crate) async fn create_with(&self, key: &str, body: &Value) {
        let (status, answer) = insist(self.creation(key, body)).await;
        assert_eq!(status, 201, "{answer}");
    }

    /// The buyer finishes the payment window.
    pub(crate) async fn authorize(&self, checkout_id: &str) -> String {
        self.authorize_by(checkout_id, "카드").await
    }

    /// The buyer finishes the payment window and pays by a method of Toss's.
    pub(crate) async fn authorize_by(&self, checkout_id: &str, method: &str) -> String {
        let body = json!({ "orderId": checkout_id, "amount": 23_000, "method": method });
        let answer = self.simulate("authorize", &body).await;
        answer["paymentKey"].as_str().unwrap().to_owned()
    }

    /// Tells the simulator something.
    pub(crate) async fn simulate(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sim/{path}", self.simulator);
        let response = self.http.post(url).json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap_or(Value::Null)
    }

    /// Ends all mischief of the simulator.
    pub(crate) async fn end_mischief(&self) {
        let ended = self.http.delete(format!("{}/_sim/mischief", self.simulator)).send().await.unwrap();
        assert!(ended.status().is_success(), "{}", ended.status());
    }

    /// The payment page of a checkout, with what its buyer proves; of one that is not there, where it would be.
    pub(crate) async fn page(&self, checkout_id: &str) -> String {
        let checkout = self.get(&format!("/v1/payments/{checkout_id}")).await;
        let page = checkout["payment_page"].as_str().map(str::to_owned);
        page.unwrap_or_else(|| format!("{}/checkout/{checkout_id}", self.api))
    }

    /// Another page of the same buyer's: `/success`, `/fail`.
    pub(crate) async fn page_at(&self, checkout_id: &str, page: &str) -> String {
        let address = self.page(checkout_id).await;
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        format!("{path}{page}?{query}")
    }

    /// What the buyer sees on the payment page.
    pub(crate) async fn page_text(&self, checkout_id: &str) -> String {
        let page = self.page(checkout_id).await;
        self.http.get(page).send().await.unwrap().text().await.unwrap()
    }

    /// The marketplace's own success page confirms, by its backend.
    pub(crate) async fn confirm(&self, checkout_id: &str, payment_key: &str, amount: &str) -> (u16, Value) {
        let response = self.confirmation(checkout_id, payment_key, amount).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The request of that.
    pub(crate) fn confirmation(&self, checkout_id: &str, payment_key: &str, amount: &str) -> RequestBuilder {
        let url = format!("{}/v1/payments/{checkout_id}/confirm", self.api);
        let body = json!({ "payment_key": payment_key, "order_id": checkout_id, "amount": amount });
        self.http.post(url).bearer_auth(&self.api_key).json(&body)
    }

    /// Cancels all of a checkout or of an order.
    pub(crate) async fn delete(&self, id: &str) -> Answer {
        let request = self.http.delete(format!("{}/v1/payments/{id}", self.api)).bearer_auth(&self.api_key);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Cancels a checkout or an order, or a part of it; without a key when it is empty.
    pub(crate) async fn cancel(&self, id: &str, key: &str, body: &Value) -> Answer {
        Answer::of(self.cancellation(id, key, body).send().await.unwrap()).await
    }

    /// The request of that.
    pub(crate) fn cancellation(&self, id: &str, key: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}/v1/payments/{id}/cancel", self.api)).bearer_auth(&self.api_key);
        let request = if key.is_empty() { request } else { request.header("Idempotency-Key", key) };
        request.json(body)
    }

    /// Reads from the API.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.api_key).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// Where a checkout stands.
    pub(crate) async fn status(&self, checkout_id: &str) -> String {
        let checkout = self.get(&format!("/v1/payments/{checkout_id}")).await;
        checkout["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Toss takes our key for this checkout no more: neither to capture, nor for so many questions.
    pub(crate) async fn lock_out(&self, checkout_id: &str, questions: u32) {
        for (on, times) in [("confirm", 1), ("lookup", questions)] {
            let mischief = json!({ "on": on, "kind": "error_before", "code": "UNAUTHORIZED_KEY", "times": times,
                "orderId": checkout_id });
            self.simulate("mischief", &mischief).await;
        }
    }

    /// The open dead letter of a checkout, once there is one.
    pub(crate) async fn letter_of(&self, checkout_id: &str) -> String {
        let open = format!("/v1/dead-letters?status=OPEN&checkout_id={checkout_id}");
        until(&format!("a letter is open about {checkout_id}"), || async {
            self.get(&open).await["data"].as_array().is_some_and(|letters| letters.len() == 1)
        })
        .await;
        let letters = self.get(&open).await;
        letters["data"][0]["dead_letter_id"].as_str().unwrap().to_owned()
    }

    /// Acts on a dead letter.
    pub(crate) async fn act(&self, letter: &str, action: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/v1/dead-letters/{letter}/{action}", self.api);
        insist(self.http.post(url).bearer_auth(&self.api_key).json(body)).await
    }

    /// Every status that a checkout ever had.
    pub(crate) async fn statuses(&self, id: &str) -> Vec<String> {
        let history = self.get(&format!("/v1/payments/{id}/history")).await;
        let lines = history["history"].as_array().unwrap().iter();
        lines.map(|line| line["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The requests that the simulator got.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let calls = self.http.get(format!("{}/_sim/calls", self.simulator)).send().await.unwrap();
        let calls: Value = calls.json().await.unwrap();
        calls.as_array().or_else(|| calls["calls"].as_array()).unwrap().clone()
    }

    /// How often the simulator was asked about a payment.
    pub(crate) async fn look_ups(&self, id: &str) -> usize {
        self.calls().await.iter().filter(|call| call["method"] == "GET" && call["orderId"] == id).count()
    }

    /// What the simulator really has of an order.
    pub(crate) async fn at_toss(&self, id: &str) -> Value {
        let url = format!("{}/_sim/payments/{id}", self.simulator);
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// What the simulator really charged: net won, and orders charged twice.
    pub(crate) async fn charged(&self) -> (u64, u64) {
        let url = format!("{}/_sim/totals", self.simulator);
        let totals: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        (totals["net"].as_u64().unwrap(), totals["double_charged_orders"].as_u64().unwrap())
    }

    /// What the ledger says the PSP owes us.
    pub(crate) async fn receivable(&self) -> u64 {
        let trial = self.get("/v1/ledger/trial-balance").await;
        assert_eq!(trial["balanced"], true, "{trial}");
        let accounts = trial["accounts"].as_array().unwrap();
        let account = accounts.iter().find(|account| account["account"] == "psp:receivable");
        account.map_or(0, |account| account["balance"].as_str().unwrap().parse().unwrap())
    }
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it says that it was given before.
    pub(crate) replayed: bool,
    /// Whether it says when to ask again.
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            replayed: response.headers().contains_key("idempotent-replayed"),
            retry_after: response.headers().contains_key("retry-after"),
            body: response.json().await.unwrap(),
        }
    }
}

/// A request for a checkout of 23,000 won over two sellers.
pub(crate) fn checkout(checkout_id: &str) -> Value {
    json!({
        "checkout_id": checkout_id,
        "order_name": "토스 티셔츠 외 2건",
        "buyer_info": { "id": "buyer-1" },
        "payment_orders": [
            { "seller_account": "seller-a", "amount": "15000", "currency": "KRW" },
            { "seller_account": "seller-b", "amount": "8000", "currency": "KRW" },
        ],
    })
}

/// The Temporal command line that `make` names.
pub(crate) fn temporal_cli() -> PathBuf {
    match std::env::var_os("TEMPORAL_CLI") {
        Some(path) => path.into(),
        None => panic!("TEMPORAL_CLI is not set; run `make test`, which finds or fetches it"),
    }
}
