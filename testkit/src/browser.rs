//! A browser of the test's own: headless Chromium, driven by as much of W3C WebDriver as a buyer needs.
//!
//! Source: <https://www.w3.org/TR/webdriver2/>.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// How long a page may take to become what it should be.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often a page or a driver that starts is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How often the driver is started before a test gives up.
const MAX_DRIVER_STARTS: usize = 10;
/// The key of an element's id in an answer.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The size of a window, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    /// A usual phone.
    pub const PHONE: Self = Self { width: 390, height: 844 };
    /// A small desktop.
    pub const DESKTOP: Self = Self { width: 1280, height: 800 };

    const fn is_phone(self) -> bool {
        self.width < Self::DESKTOP.width
    }
}

/// The program between a test and its browser. It ends with the test.
struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    /// Starts a driver. It picks a free port for two addresses, and ends by itself if another process takes the port on
    /// one of them in between: then it is started again.
    async fn start(log: &Path) -> Self {
        for _ in 0..MAX_DRIVER_STARTS {
            let output = File::create(log).unwrap();
            let mut command = Command::new("chromedriver");
            command.arg("--port=0").stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
            let mut driver = Self { child: command.spawn().unwrap(), url: String::new() };
            let began = Instant::now();
            while driver.child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE {
                if let Some(port) = port_in(log) {
                    driver.url = format!("http://127.0.0.1:{port}");
                    return driver;
                }
                tokio::time::sleep(POLL).await;
            }
        }
        panic!("the browser's driver does not listen: {}", std::fs::read_to_string(log).unwrap_or_default());
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _already_ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn port_in(log: &Path) -> Option<u16> {
    let said = std::fs::read_to_string(log).ok()?;
    let (_, port) = said.split_once("started successfully on port ")?;
    port.split_once('.')?.0.parse().ok()
}

/// A Chromium with a fresh profile that prefers English, and the driver it depends on.
pub struct Browser {
    session: String,
    http: reqwest::Client,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

/// A tab of a browser.
#[derive(Debug, Clone)]
pub struct Tab(String);

impl Browser {
    /// Starts a browser with a window of that size.
    pub async fn start(size: Size) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let driver = Driver::start(&profile.path().join("chromedriver.log")).await;
        let folder = format!("--user-data-dir={}", profile.path().join("browser").display());
        let window = format!("--window-size={},{}", size.width, size.height);
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
            &window,
            &folder,
        ];
        let options = json!({ "args": arguments, "prefs": { "intl.accept_languages": "en" } });
        let capabilities = json!({ "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } });
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let request = http.post(format!("{}/session", driver.url)).json(&json!({ "capabilities": capabilities }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let Some(id) = answer["value"]["sessionId"].as_str() else { panic!("no session: {answer}") };
        let session = format!("{}/session/{id}", driver.url);
        let browser = Self { session, http, _driver: driver, _profile: profile };
        browser.has_size(size).await;
        browser
    }

    /// Sends a command; answers its value, or the error that the driver reports.
    async fn try_post(&self, path: &str, body: Value) -> Result<Value, Value> {
        let answer = self.http.post(format!("{}/{path}", self.session)).json(&body).send().await.unwrap();
        let is_done = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if is_done { Ok(value) } else { Err(value) }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        match self.try_post(path, body).await {
            Ok(value) => value,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}/{path}", self.session)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["value"].take()
    }

    async fn get_text(&self, path: &str) -> String {
        let value = self.get(path).await;
        let Some(text) = value.as_str() else { panic!("{path}: {value}") };
        text.to_owned()
    }

    /// Sends one of the browser's own debugging commands. WebDriver has no command for the network or the screen.
    pub async fn command(&self, name: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({ "cmd": name, "params": parameters })).await
    }

    /// Changes the screen from now on.
    pub async fn has_size(&self, size: Size) {
        let Size { width, height } = size;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": size.is_phone() });
        self.command("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// Says from now on that the browser is that of a phone.
    pub async fn claims_to_be_a_phone(&self) {
        let agent = json!({ "userAgent": "Mozilla/5.0 (Linux; Android 15) Mobile" });
        self.command("Emulation.setUserAgentOverride", agent).await;
    }

    /// Sets the language that pages are asked for in from now on.
    pub async fn reads(&self, language: &str) {
        self.command("Network.enable", json!({})).await;
        self.command("Network.setExtraHTTPHeaders", json!({ "headers": { "Accept-Language": language } })).await;
    }

    /// Adds a delay to each answer from now on.
    pub async fn has_latency(&self, latency: Duration) {
        self.emulate_network(json!({ "offline": false, "latency": latency.as_millis() })).await;
    }

    /// Cuts the network off from now on.
    pub async fn is_offline(&self) {
        self.emulate_network(json!({ "offline": true, "latency": 0 })).await;
    }

    async fn emulate_network(&self, mut network: Value) {
        self.command("Network.enable", json!({})).await;
        network["downloadThroughput"] = json!(-1);
        network["uploadThroughput"] = json!(-1);
        self.command("Network.emulateNetworkConditions", network).await;
    }

    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    pub async fn back(&self) {
        self.post("back", json!({})).await;
    }

    pub async fn refresh(&self) {
        self.post("refresh", json!({})).await;
    }

    pub async fn address(&self) -> String {
        self.get_text("url").await
    }

    /// The tab that commands go to.
    pub async fn tab(&self) -> Tab {
        Tab(self.get_text("window").await)
    }

    /// Opens a tab, without going there.
    pub async fn new_tab(&self) -> Tab {
        let opened = self.post("window/new", json!({ "type": "tab" })).await;
        Tab(opened["handle"].as_str().unwrap().to_owned())
    }

    /// From here on commands go to this tab.
    pub async fn switch_to(&self, tab: &Tab) {
        self.post("window", json!({ "handle": tab.0 })).await;
    }

    /// Runs a function body in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs a function body in the page that calls its last argument when it is done.
    pub async fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// Runs a script again and again until its value is neither null nor false. Returns the value.
    pub async fn wait_for_value(&self, script: &str) -> Value {
        let began = Instant::now();
        loop {
            // A page that is being left cannot answer.
            let body = json!({ "script": script, "args": [] });
            let value = self.try_post("execute/sync", body).await.unwrap_or(Value::Null);
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            assert!(began.elapsed() < PATIENCE, "never came true: {script}\n{}", self.get("source").await);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until an element is on the page.
    pub async fn wait_for(&self, selector: &str) {
        self.wait_for_value(&format!("return !!document.querySelector({})", json!(selector))).await;
    }

    /// Whether an element is on the page.
    pub async fn has(&self, selector: &str) -> bool {
        let found = self.post("elements", json!({ "using": "css selector", "value": selector })).await;
        !found.as_array().unwrap().is_empty()
    }

    async fn find(&self, selector: &str) -> String {
        self.wait_for(selector).await;
        let found = self.post("element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks as a person would: an element that is covered or out of sight cannot be clicked.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("element/{element}/click"), json!({})).await;
    }

    /// The visible text of the page.
    pub async fn text(&self) -> String {
        self.text_of("body").await
    }

    /// The visible text of an element.
    pub async fn text_of(&self, selector: &str) -> String {
        let element = self.find(selector).await;
        self.get_text(&format!("element/{element}/text")).await
    }

    /// From here on the page is the one in the frame.
    pub async fn enter_frame(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post("frame", json!({ "id": { ELEMENT: element } })).await;
    }

    /// From here on the page is the whole page again.
    pub async fn leave_frame(&self) {
        self.post("frame", json!({ "id": null })).await;
    }

    /// Saves a picture for a person to look at, if `TOSS_SIM_SCREENSHOTS` names a folder.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("TOSS_SIM_SCREENSHOTS") else { return };
        let png = STANDARD.decode(self.get_text("screenshot").await).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }

    /// Ends the browser.
    pub async fn close(&self) {
        self.http.delete(&self.session).send().await.unwrap();
    }
}
