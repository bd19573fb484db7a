//! Everything on this machine, each its own process, and what each of them costs.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use reqwest::Method;
use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::{
    Database, DatabaseUrl, Journal, Keyring, Pepper,
    console::{NewSession, Role, Roles, SessionToken, SignedInBy},
};

use crate::figures::Load;

const START_TIME: Duration = Duration::from_secs(60);
/// How often it is asked whether a payment is through.
const POLL: Duration = Duration::from_millis(20);
/// Ticks of /proc/PID/stat in a second: `USER_HZ`, which Linux fixes.
const TICKS_PER_SECOND: f64 = 100.0;
/// What the embedded server of `daegeum dev` is told as well.
const SERVER_OPTIONS: [&str; 14] = [
    "--sqlite-pragma",
    "journal_mode=WAL",
    "--sqlite-pragma",
    "synchronous=NORMAL",
    "--dynamic-config-value",
    "history.transferProcessorMaxPollRPS=2000",
    "--dynamic-config-value",
    "matching.numTaskqueueReadPartitions=1",
    "--dynamic-config-value",
    "matching.numTaskqueueWritePartitions=1",
    "--dynamic-config-value",
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    "--dynamic-config-value",
    "system.forceNexusEndpointRefreshOnRead=false",
];

/// `daegeum serve`, Temporal, the simulator and PostgreSQL.
pub(crate) struct Stack {
    pub(crate) shop: Shop,
    pub(crate) temporal: String,
    directory: tempfile::TempDir,
    database: DatabaseUrl,
    /// The binary, and what each of its processes is told.
    binary: std::ffi::OsString,
    environment: Vec<(&'static str, String)>,
    processes: Vec<(&'static str, Child)>,
    postgres: u32,
}

/// All buyers come from one address, and webhooks are received in this process.
const SETTINGS: &str = "[limits]\nconfirmations_per_address = 1000000\n\
                        [payouts]\ntiming = \"express\"\n\
                        [reconciliation]\npsp_fee_bps = 297\n\
                        [webhooks]\nallow_private = true\nallow_http = true\nretry_pauses_s = [0, 1, 2, 5, 10, 60]\n";
/// Another build of the binary, to compare with.
const OTHER_BUILD: &str = "BENCH_DAEGEUM";

impl Stack {
    /// Starts everything on an empty database of this name. Payments are made at the simulator, or at another PSP.
    pub(crate) async fn start(name: &str, psp: Option<SocketAddr>) -> Self {
        let Ok(server) = std::env::var("BENCH_POSTGRES_URL") else {
            panic!("BENCH_POSTGRES_URL is not set; run `make bench`, which starts a PostgreSQL");
        };
        let administration = Database::connect(&DatabaseUrl::from_str(&server).unwrap()).await.unwrap();
        administration.connection().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let postgres = std::env::var("BENCH_POSTGRES_PID").unwrap().trim().parse().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let [api, simulator, temporal] = free_ports();
        let settings = directory.path().join("daegeum.toml");
        let keys = Keyring::generate("bench").unwrap();
        std::fs::write(&settings, format!("encryption_keys = \"{keys}\"\n{SETTINGS}")).unwrap();
        let mut stack = Self {
            shop: Shop::new(api, simulator),
            temporal: temporal.to_string(),
            directory,
            database: DatabaseUrl::from_str(&url).unwrap(),
            binary: std::env::var_os(OTHER_BUILD).unwrap_or_else(|| env!("CARGO_BIN_EXE_daegeum").into()),
            environment: vec![
                ("DAEGEUM_CONFIG", settings.display().to_string()),
                ("DAEGEUM_DATABASE_URL", url),
                ("TEMPORAL_ADDRESS", temporal.to_string()),
                ("TOSS_BASE_URL", format!("http://{}", psp.unwrap_or(simulator))),
                ("DAEGEUM_LOG", "warn".to_owned()),
                ("TOSS_SECRET_KEY", toss_sim::DEFAULT_SECRET_KEY.to_owned()),
                ("TOSS_SECURITY_KEY", toss_sim::DEFAULT_SECURITY_KEY.to_owned()),
                ("TOSS_CLIENT_KEY", toss_sim::DEFAULT_CLIENT_KEY.to_owned()),
            ],
            processes: Vec::new(),
            postgres,
        };
        assert!(stack.daegeum(&["migrate", "up"]).output().unwrap().status.success());
        stack.shop.api_key = stack.create_key("ops");
        let cli: PathBuf = std::env::var_os("TEMPORAL_CLI").unwrap().into();
        let mut server = Command::new(cli);
        server.args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"]);
        server.args(["--port", &temporal.port().to_string()]).args(SERVER_OPTIONS);
        server.arg("--db-filename").arg(stack.directory.path().join("temporal.db"));
        stack.spawn("temporal", server);
        let port = simulator.port().to_string();
        let simulator = stack.daegeum(&["toss-sim", "--sim-port", &port]);
        stack.spawn("toss-sim", simulator);
        let until = Instant::now();
        // It listens before it knows its namespace, and says where it listens when all of it is up.
        while !stack.log("temporal").contains("Temporal Server:") {
            stack.check_since(until);
            tokio::time::sleep(POLL).await;
        }
        let served = stack.daegeum(&["--listen", &api.to_string(), "serve"]);
        stack.spawn("daegeum", served);
        while stack.shop.get("/readyz").await.is_none() {
            stack.check_since(until);
            tokio::time::sleep(POLL).await;
        }
        stack
    }

    fn daegeum(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).args(arguments);
        command
    }

    /// A new API key.
    pub(crate) fn create_key(&self, scope: &str) -> String {
        let created = self.daegeum(&["keys", "create", "--scope", scope]).output().unwrap();
        String::from_utf8(created.stdout).unwrap().lines().last().unwrap().to_owned()
    }

    /// Where the simulator listens.
    pub(crate) fn simulator_url(&self) -> String {
        self.shop.simulator.clone()
    }

    /// Stops with what they wrote if one of them has ended, or if the stack takes too long to come up.
    fn check_since(&mut self, began: Instant) {
        let has_ended = self.processes.iter_mut().any(|(_, child)| child.try_wait().unwrap().is_some());
        if !has_ended && began.elapsed() < START_TIME {
            return;
        }
        for (name, _) in &self.processes {
            println!("--- {name}\n{}", self.log(name));
        }
        panic!("the stack did not come up");
    }

    /// What a process wrote so far.
    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    fn spawn(&mut self, name: &'static str, mut command: Command) {
        let log = File::create(self.directory.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.processes.push((name, command.spawn().unwrap()));
    }

    /// Seconds of processor time that each process has taken so far.
    pub(crate) fn processor_time(&self) -> Vec<(&'static str, f64)> {
        let mut times: Vec<_> = self.processes.iter().map(|(name, child)| (*name, ticks(child.id(), false))).collect();
        times.push(("postgres", ticks_of_family(self.postgres)));
        times.into_iter().map(|(name, ticks)| (name, ticks / TICKS_PER_SECOND)).collect()
    }

    /// The database of `daegeum serve`.
    pub(crate) async fn database(&self) -> Database {
        Database::connect(&self.database).await.unwrap()
    }

    /// A person of the support team, signed in to the console.
    pub(crate) async fn console(&self) -> Console {
        let token = SessionToken::generate().unwrap();
        let created_at = domain::Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis());
        let new = NewSession {
            person: domain::id::PersonId::parse("bench").unwrap(),
            name: "bench".to_owned(),
            roles: Roles::only(Role::Support),
            seller: None,
            signed_in_by: SignedInBy::Link,
            created_at,
        };
        Journal::new(self.database().await).begin_session(&token, new, &Pepper::default()).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let (http, api) = (http.timeout(Duration::from_secs(60)).build().unwrap(), self.shop.api.clone());
        Console { http, api, cookie: format!("daegeum_console={}", token.to_text()) }
    }

    /// Memory of `daegeum serve`, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        self.of_status("VmRSS:")
    }

    /// The most memory of `daegeum serve` since it was last forgotten, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        self.of_status("VmHWM:")
    }

    /// The peak of the memory begins anew. 5 resets it, as proc(5) says.
    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn of_status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn pid(&self) -> u32 {
        self.processes.iter().find(|(name, _)| *name == "daegeum").unwrap().1.id()
    }

    /// Events in the history of a checkout's workflow, and what of them Temporal Cloud charges as actions.
    pub(crate) async fn history(&self, checkout_id: &str) -> (usize, usize) {
        let checkout = self.shop.get(&format!("/v1/payments/{checkout_id}")).await.unwrap();
        let id = checkout["workflow"]["id"].as_str().unwrap();
        let mut show = Command::new(std::env::var_os("TEMPORAL_CLI").unwrap());
        show.args(["workflow", "show", "--output", "json", "--workflow-id", id, "--address", &self.temporal]);
        let shown: Value = serde_json::from_slice(&show.output().unwrap().stdout).unwrap();
        let events = shown["events"].as_array().unwrap();
        const ACTIONS: [&str; 6] = [
            "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            "EVENT_TYPE_TIMER_STARTED",
            "EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
            "EVENT_TYPE_MARKER_RECORDED",
            "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        ];
        let actions = events.iter().filter(|event| ACTIONS.contains(&event["eventType"].as_str().unwrap_or_default()));
        (events.len(), actions.count())
    }

    /// Writes so many checkouts of the past, expired unpaid, straight into the database.
    pub(crate) async fn fill(&self, from: u64, to: u64) {
        let database = self.database().await;
        let portion = 20_000;
        for first in (from..to).step_by(portion) {
            let last = (first + portion as u64).min(to) - 1;
            for statement in past_checkouts(first, last) {
                database.connection().execute_unprepared(&statement).await.unwrap();
            }
        }
        let tidy = "ANALYZE payment_events; ANALYZE payment_orders; ANALYZE payment_status_history";
        database.connection().execute_unprepared(tidy).await.unwrap();
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for (_, child) in &mut self.processes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn past_checkouts(first: u64, last: u64) -> [String; 4] {
    let rows = format!("generate_series({first}, {last}) AS n");
    let time = "TIMESTAMPTZ '2026-01-01' + n * INTERVAL '1 second'";
    [
        format!(
            "INSERT INTO checkout_requests (workflow_id, api_key_id, fingerprint, checkout_id, accepted, recorded_at)
             SELECT 'past-workflow-' || n, 'bench', 'f', 'past-' || n, true, {time} FROM {rows}"
        ),
        format!(
            "INSERT INTO payment_events (checkout_id, workflow_id, order_name, buyer_id, amount, currency, status,
                 revision, is_payment_done, created_at, expires_at, updated_at)
             SELECT 'past-' || n, 'past-workflow-' || n, 'past', 'buyer-' || n % 1000, 1000, 'KRW', 'EXPIRED', 1, false,
                 {time}, {time}, {time} FROM {rows}"
        ),
        format!(
            "INSERT INTO payment_orders (payment_order_id, checkout_id, line, seller_account, amount, currency,
                 payment_order_status, wallet_updated, ledger_updated, refunded_amount, commission, unreleased)
             SELECT 'past-order-' || n, 'past-' || n, 0, 'seller-' || n % 1000, 1000, 'KRW', 'EXPIRED', false, false,
                 0, 0, 0 FROM {rows}"
        ),
        format!(
            "INSERT INTO payment_status_history (checkout_id, revision, status, occurred_at, recorded_at)
             SELECT 'past-' || n, revision, CASE revision WHEN 0 THEN 'NOT_STARTED' ELSE 'EXPIRED' END, {time}, {time}
             FROM {rows}, generate_series(0, 1) AS revision"
        ),
    ]
}

/// Processor time of a process, in ticks; with that of the children it has buried.
fn ticks(pid: u32, with_children: bool) -> f64 {
    let fields = stat(pid).unwrap_or_default();
    let read = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // utime, stime, cutime, cstime; fields 14 to 17 of proc(5), counted from behind the name.
    let own = read(11) + read(12);
    if with_children { own + read(13) + read(14) } else { own }
}

/// Processor time of a process and of its children, in ticks.
fn ticks_of_family(parent_pid: u32) -> f64 {
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = pids.filter(|pid| parent(*pid) == Some(parent_pid)).map(|pid| ticks(pid, false));
    ticks(parent_pid, true) + children.sum::<f64>()
}

/// Seconds of processor time that a process and its children have taken.
pub(crate) fn processor_seconds(pid: u32) -> f64 {
    ticks_of_family(pid) / TICKS_PER_SECOND
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let held: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}

/// A person at the console.
pub(crate) struct Console {
    http: reqwest::Client,
    api: String,
    cookie: String,
}

impl Console {
    /// Opens a page, or is led to one.
    pub(crate) async fn get(&self, path: &str) {
        let request = self.http.get(format!("{}{path}", self.api)).header("cookie", &self.cookie);
        let response = request.send().await.unwrap();
        let status = response.status();
        let leads_to =
            response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        let is_shown = status == 200 || (status.is_redirection() && leads_to.starts_with("/console/payments/"));
        assert!(is_shown, "{path} was answered {status} {leads_to}");
        response.bytes().await.unwrap();
    }
}

/// A marketplace and its buyers.
#[derive(Clone)]
pub(crate) struct Shop {
    http: reqwest::Client,
    api: String,
    simulator: String,
    api_key: String,
}

impl Shop {
    fn new(api: SocketAddr, simulator: SocketAddr) -> Self {
        Self::at(format!("http://{api}"), format!("http://{simulator}"))
    }

    /// A marketplace at these addresses, still without a key.
    pub(crate) fn at(api: String, simulator: String) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { http, api, simulator, api_key: String::new() }
    }

    /// The same marketplace with another key.
    pub(crate) fn with_key(&self, api_key: String) -> Self {
        Self { api_key, ..self.clone() }
    }

    /// Sends to the API; answers the status and the body.
    pub(crate) async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.api)).bearer_auth(&self.api_key).json(body);
        let request = if let Some(key) = key { request.header("Idempotency-Key", key) } else { request };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Tells the simulator something.
    pub(crate) async fn simulate(&self, path: &str, body: &Value) {
        let told = self.http.post(format!("{}/_sim/{path}", self.simulator)).json(body).send().await.unwrap();
        assert!(told.status().is_success(), "{path}: {}", told.status());
    }

    /// Reads from the API; `None` if it does not say 200.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let response = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.api_key).send().await.ok()?;
        if response.status() == 200 { response.json().await.ok() } else { None }
    }

    /// Sends to the API, `null` as no body; `None` if the answer has none.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let request = self.http.request(method, format!("{}{path}", self.api)).bearer_auth(&self.api_key);
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.ok()
    }

    /// Creates a checkout over two sellers; answers what its buyer proves to confirm.
    pub(crate) async fn create(&self, id: &str) -> String {
        let body = json!({
            "checkout_id": id, "order_name": "토스 티셔츠 외 2건", "buyer_info": { "id": "buyer-1" },
            "payment_orders": [
                { "seller_account": "seller-a", "amount": "15000", "currency": "KRW" },
                { "seller_account": "seller-b", "amount": "8000", "currency": "KRW" },
            ],
        });
        loop {
            let request = self.http.post(format!("{}/v1/payments", self.api)).bearer_auth(&self.api_key);
            let answer = request.header("Idempotency-Key", id).json(&body).send().await.unwrap();
            match answer.status().as_u16() {
                201 => {
                    let created: Value = answer.json().await.unwrap();
                    return created["confirm_token"].as_str().unwrap().to_owned();
                }
                // Not recorded yet, or the server has only just come up: the same request may be sent again.
                429 | 503 => tokio::time::sleep(POLL).await,
                other => panic!("a checkout was answered {other}: {}", answer.text().await.unwrap()),
            }
        }
    }

    async fn authorize(&self, id: &str) -> String {
        let body = json!({ "orderId": id, "amount": 23_000 });
        let request = self.http.post(format!("{}/_sim/authorize", self.simulator)).json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["paymentKey"].as_str().unwrap().to_owned()
    }

    /// The buyer confirms by what proves that it is the buyer, or the marketplace by its key.
    async fn confirm(&self, id: &str, key: &str, token: Option<&str>) {
        let mut body = json!({ "payment_key": key, "order_id": id, "amount": "23000" });
        if let Some(token) = token {
            body["token"] = json!(token);
        }
        loop {
            let request = self.http.post(format!("{}/v1/payments/{id}/confirm", self.api)).json(&body);
            let request = if token.is_none() { request.bearer_auth(&self.api_key) } else { request };
            let answer = request.send().await.unwrap();
            match answer.status().as_u16() {
                200 => return,
                202 | 503 => tokio::time::sleep(POLL).await,
                other => panic!("a confirmation was answered {other}: {}", answer.text().await.unwrap()),
            }
        }
    }
}

/// The side that confirms a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfirmedBy {
    /// The buyer, on our page.
    Buyer,
    /// The marketplace's backend, with its key.
    Backend,
}

impl Shop {
    /// A checkout from the request to the paid answer: how long creating took, and from confirming to paid.
    pub(crate) async fn pay(&self, id: &str, by: ConfirmedBy) -> Vec<Duration> {
        let began = Instant::now();
        let token = self.create(id).await;
        let created = began.elapsed();
        let key = self.authorize(id).await;
        let confirming = Instant::now();
        self.confirm(id, &key, (by == ConfirmedBy::Buyer).then_some(&token)).await;
        vec![created, confirming.elapsed()]
    }
}

impl Load for Shop {
    async fn once(&self, number: u64) -> Vec<Duration> {
        self.pay(&format!("bench-{number}"), ConfirmedBy::Buyer).await
    }
}
