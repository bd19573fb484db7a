//! A real Prometheus with our alert rules, which are hastened. The tests of the Kafka sink use it too.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::TcpListener,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::stack::{Process, Shop, until};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
pub(crate) const RULES: [&str; 3] = ["alerts.yaml", "alerts-events.yaml", "alerts-money.yaml"];
/// How long an alert may take to fire: Temporal names a worker that has ended for 75 seconds.
const PATIENCE: Duration = Duration::from_secs(150);
const POLL: Duration = Duration::from_millis(250);
/// How long everything must be well before a cause.
const QUIET: Duration = Duration::from_secs(4);

/// What takes too long to wait for: the alert, its threshold, and the threshold in the tests.
pub(crate) const SOONER: [(&str, &str, &str); 13] = [
    ("DaegeumOutcomesUnknown", "> 20", "> 2"),
    ("DaegeumOldestPaymentOpen", "> 900", "> 3"),
    ("DaegeumOldestRefundOpen", "> 900", "> 3"),
    ("DaegeumReceiverBehind", "> 3600", "> 3"),
    ("DaegeumEndpointLate", "> 21600", "> 5"),
    ("DaegeumEndpointFull", ">= 1000", ">= 4"),
    ("DaegeumCursorNearRetention", "> 1000", "> 3"),
    ("DaegeumOldestPayoutOpen", "> 1800", "> 3"),
    ("DaegeumPayoutRunWaits", "> 14400", "> 3"),
    ("DaegeumBreakOld", "> 259200", "> 3"),
    ("DaegeumKafkaLate", "> 300", "> 3"),
    ("DaegeumWorkersSlow", "> 5", "> 3"),
    ("DaegeumWorkflowTaskFails", "> 5", "> 3"),
];
/// The Kafka sink is left out of the usual build: `daegeum/tests/kafka` has its processes.
pub(crate) const OF_KAFKA: [&str; 3] = ["DaegeumKafkaLate", "DaegeumKafkaMissedEvents", "DaegeumKafkaWithoutSender"];

/// The rules of a file, as they are tested.
pub(crate) fn hasten(file: &str) -> String {
    let text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let (mut alert, mut hastened) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            name.clone_into(&mut alert);
        }
        let sooner = SOONER.iter().find(|(name, from, _)| *name == alert && line.trim_end().ends_with(from));
        let line = match sooner {
            Some((_, from, to)) => line.replace(from, to),
            None if line.trim().starts_with("for: ") => "        for: 1s".to_owned(),
            None => line.to_owned(),
        };
        writeln!(hastened, "{line}").unwrap();
    }
    hastened
}

/// A Prometheus that reads processes and evaluates our rules, each second.
pub(crate) struct Prometheus {
    _process: Process,
    url: String,
    directory: tempfile::TempDir,
    http: reqwest::Client,
    /// The processes that it is to read.
    targets: Vec<String>,
    fired: BTreeSet<String>,
}

impl Prometheus {
    /// Starts one that reads these addresses with this API key.
    pub(crate) async fn start(shop: &Shop, addresses: &[&str]) -> Self {
        Self::start_every(shop, addresses, 1).await
    }

    /// The same, with patience for a process whose database does not answer.
    pub(crate) async fn start_slow(shop: &Shop, addresses: &[&str]) -> Self {
        Self::start_every(shop, addresses, 4).await
    }

    async fn start_every(shop: &Shop, addresses: &[&str], pause_s: u8) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        for file in RULES {
            std::fs::write(place(file), hasten(file)).unwrap();
        }
        let settings = format!(
            "global: {{scrape_interval: {pause_s}s, scrape_timeout: {pause_s}s, evaluation_interval: 1s}}\n\
             rule_files: [alerts.yaml, alerts-events.yaml, alerts-money.yaml]\n\
             scrape_configs:\n  - job_name: daegeum\n    authorization: {{credentials: {key}}}\n\
             \x20   file_sd_configs: [{{files: [targets.json], refresh_interval: 1s}}]\n",
            key = shop.api_key
        );
        std::fs::write(place("prometheus.yml"), settings).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("prometheus");
        command.current_dir(directory.path()).arg("--config.file=prometheus.yml").arg("--log.level=warn");
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--storage.tsdb.path=data");
        let process = Process::start(&mut command, &place("prometheus.log"));
        let url = format!("http://127.0.0.1:{port}");
        let http = shop.http.clone();
        let mut prometheus =
            Self { _process: process, url, directory, http, targets: Vec::new(), fired: BTreeSet::default() };
        prometheus.reads(addresses);
        until("Prometheus answers", || async {
            prometheus
                .http
                .get(format!("{}/-/ready", prometheus.url))
                .send()
                .await
                .is_ok_and(|told| told.status() == 200)
        })
        .await;
        prometheus
    }

    /// From here on it reads these addresses.
    pub(crate) fn reads(&mut self, addresses: &[&str]) {
        let bare = |address: &&str| address.trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
        self.targets = addresses.iter().map(bare).collect();
        // Renamed into its place, so that no half of the file is read.
        let (new, file): (PathBuf, PathBuf) =
            (self.directory.path().join("targets.new"), self.directory.path().join("targets.json"));
        std::fs::write(&new, json!([{ "targets": self.targets }]).to_string()).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// The alerts that fire now.
    async fn firing(&self) -> BTreeSet<String> {
        let told = self.http.get(format!("{}/api/v1/alerts", self.url)).send().await.unwrap();
        let told: Value = told.json().await.unwrap();
        let all = told["data"]["alerts"].as_array().unwrap().iter();
        let firing = all.filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    /// The value of an expression; nothing where there is none.
    async fn value(&self, expression: &str) -> Option<String> {
        let request = self.http.get(format!("{}/api/v1/query", self.url)).query(&[("query", expression)]);
        let told: Value = request.send().await.unwrap().json().await.unwrap();
        told["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    }

    /// Waits until these processes are read, and no other: the former list of targets may still stand.
    pub(crate) async fn sees_its_targets(&self) {
        let count = self.targets.len();
        let here = format!("up{{instance=~\"{}\"}} == 1", self.targets.join("|"));
        let questions = [format!("count({here})"), "count(up)".to_owned(), "count(daegeum_build_info)".to_owned()];
        until("every process is read", || async {
            for question in &questions {
                if self.value(question).await != Some(count.to_string()) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Waits until the processes are read, and sees that none of these alerts fires while all is well.
    pub(crate) async fn is_silent(&self, about: &[&str]) {
        self.sees_its_targets().await;
        // Nothing was read at first.
        self.ends("DaegeumDown").await;
        let began = Instant::now();
        while began.elapsed() < QUIET {
            let firing = self.firing().await;
            let early: Vec<_> = about.iter().filter(|name| firing.contains(**name)).collect();
            assert!(early.is_empty(), "before the cause: {early:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until these alerts have fired. `meanwhile` keeps the cause up.
    pub(crate) async fn fires_while<F: Future<Output = ()>>(&mut self, names: &[&str], meanwhile: impl Fn() -> F) {
        let began = Instant::now();
        while names.iter().any(|name| !self.fired.contains(*name)) {
            let missing: Vec<_> = names.iter().filter(|name| !self.fired.contains(**name)).collect();
            assert!(began.elapsed() < PATIENCE, "after {PATIENCE:?} these do not fire: {missing:?}");
            meanwhile().await;
            let firing = self.firing().await;
            for name in firing.difference(&self.fired).cloned().collect::<Vec<_>>() {
                println!("{name} fires after {:.1} s", began.elapsed().as_secs_f64());
                self.fired.insert(name);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The same, where the cause stays by itself.
    pub(crate) async fn fires(&mut self, names: &[&str]) {
        self.fires_while(names, async || ()).await;
    }

    /// Waits until an alert fires no more.
    pub(crate) async fn ends(&self, name: &str) {
        until(&format!("{name} ends"), || async { !self.firing().await.contains(name) }).await;
    }
}
