//! A browser of the test's own: headless Chromium, driven from outside.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::stack::{Dev, Process, until};

/// How long a page may take to become what it should be.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often the driver is started before a test gives up.
const DRIVER_STARTS: u32 = 3;
/// How often a driver that starts is looked at.
const POLL: Duration = Duration::from_millis(50);
/// A usual phone, in CSS pixels.
pub(super) const PHONE: (u32, u32) = (390, 844);
/// A small desktop, in CSS pixels.
pub(super) const DESKTOP: (u32, u32) = (1280, 800);

/// A browser with a profile of its own, ended with the test.
pub(super) struct Browser {
    pub(super) client: Client,
    /// Where the browser's own debugging commands go; `WebDriver` has none for the network or the screen.
    commands: String,
    http: reqwest::Client,
    _driver: Process,
}

impl Browser {
    /// A phone that prefers English, beside a stack.
    pub(super) async fn beside(dev: &Dev) -> Self {
        Self::start(dev.directory.path()).await
    }

    async fn start(place: &Path) -> Self {
        let log = place.join("chromedriver.log");
        let driver = start_driver(&log).await;
        let profile = format!("--user-data-dir={}", place.join("browser").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--accept-lang=en",
            "--window-size=390,844",
            &profile,
        ];
        let chrome = json!({ "args": arguments, "prefs": { "intl.accept_languages": "en" } });
        let options = [("goog:chromeOptions".to_owned(), chrome)].into_iter().collect();
        let driver_url = format!("http://127.0.0.1:{}", port_in(&log).unwrap());
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(options).connect(&driver_url).await.unwrap();
        let session = client.session_id().await.unwrap().unwrap();
        let commands = format!("{driver_url}/session/{session}/goog/cdp/execute");
        let browser = Self { client, commands, http: reqwest::Client::new(), _driver: driver };
        browser.has_size(PHONE).await;
        browser
    }

    /// One of the browser's own commands.
    pub(super) async fn command(&self, name: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": name, "params": parameters });
        let answer: Value = self.http.post(&self.commands).json(&body).send().await.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{name}: {answer}");
        answer["value"].clone()
    }

    /// The screen from now on.
    pub(super) async fn has_size(&self, (width, height): (u32, u32)) {
        let is_phone = width < DESKTOP.0;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.command("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// The language that the pages are asked for in from now on.
    pub(super) async fn reads(&self, language: &str) {
        self.command("Network.enable", json!({})).await;
        self.command("Network.setExtraHTTPHeaders", json!({ "headers": { "Accept-Language": language } })).await;
    }

    /// The network from now on: how long an answer is under way at least, and whether there is any.
    pub(super) async fn has_network(&self, latency: Duration, offline: bool) {
        self.command("Network.enable", json!({})).await;
        let network = json!({ "offline": offline, "latency": latency.as_millis(), "downloadThroughput": -1,
            "uploadThroughput": -1 });
        self.command("Network.emulateNetworkConditions", network).await;
    }

    pub(super) async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    pub(super) async fn click(&self, selector: &str) {
        self.wait_for(selector).await;
        self.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Opens the payment window from the page of a checkout.
    pub(super) async fn to_the_window(&self) {
        self.click("#pay:not(:disabled)").await;
        self.wait_for("#decline").await;
    }

    /// Waits until something is on the page.
    pub(super) async fn wait_for(&self, selector: &str) {
        let waited = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        if let Err(error) = waited {
            panic!("no {selector}: {error}\n{}", self.client.source().await.unwrap());
        }
    }

    /// Waits until the page, or the one after it, says a status; and until a state of that name is seen.
    pub(super) async fn shows_status(&self, status: &str) {
        self.wait_for(&format!("[data-status=\"{status}\"]")).await;
    }

    /// Waits until something is said of a state, to be read.
    pub(super) async fn says(&self, state: &str) {
        self.wait_for(&format!("[data-for=\"{state}\"]:not([hidden])")).await;
    }

    pub(super) async fn has(&self, selector: &str) -> bool {
        !self.client.find_all(Locator::Css(selector)).await.unwrap().is_empty()
    }

    /// What is read on the page.
    pub(super) async fn text(&self) -> String {
        self.text_of("body").await
    }

    pub(super) async fn text_of(&self, selector: &str) -> String {
        self.wait_for(selector).await;
        self.client.find(Locator::Css(selector)).await.unwrap().text().await.unwrap()
    }

    /// Runs a script in the page.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    pub(super) async fn address(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }
}

/// Starts the browser's driver. It picks a free port for two addresses, and ends by itself where another process takes the
/// port on one of them in between: then it is started again.
async fn start_driver(log: &Path) -> Process {
    for _ in 1..DRIVER_STARTS {
        let mut driver = Process::start(Command::new("chromedriver").arg("--port=0"), log);
        let began = Instant::now();
        while driver.is_running() && began.elapsed() < PATIENCE {
            if port_in(log).is_some() {
                return driver;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    let driver = Process::start(Command::new("chromedriver").arg("--port=0"), log);
    until("the browser's driver listens", || async { port_in(log).is_some() }).await;
    driver
}

fn port_in(log: &Path) -> Option<u16> {
    let said = std::fs::read_to_string(log).ok()?;
    let (_, port) = said.split_once("started successfully on port ")?;
    port.split_once('.')?.0.parse().ok()
}
