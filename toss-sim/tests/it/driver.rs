//! As much of W3C WebDriver as a buyer needs: <https://www.w3.org/TR/webdriver2/>.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{PATIENCE, client};

/// How often a driver is started before a test gives up.
const STARTS: usize = 10;
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The program between a test and its browser; it ends when the test does, however that ends.
struct Driver(Child);

impl Driver {
    /// A driver and its port. It looks for a port that is free and then takes it, so another may be faster:
    /// then it ends without a word.
    fn start() -> Option<(Self, String)> {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = Self(started.unwrap());
        let mut lines = BufReader::new(driver.0.stdout.take()?).lines().map(Result::unwrap);
        let port = lines
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()))?;
        Some((driver, port))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _already_ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// A Chromium with a fresh profile, and the driver it hangs on.
pub(crate) struct Browser {
    _driver: Driver,
    session: String,
    client: reqwest::Client,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A window of that size; a phone also says that it is one.
    pub(crate) async fn start(width: u32, height: u32) -> Self {
        let (driver, port) = (0..STARTS).find_map(|_| Driver::start()).unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.push(format!("--window-size={width},{height}"));
        let mut options = json!({ "args": arguments });
        if width < 600 {
            let metrics = json!({ "width": width, "height": height, "pixelRatio": 2.0 });
            options["mobileEmulation"] =
                json!({ "deviceMetrics": metrics, "userAgent": "Mozilla/5.0 (Linux; Android 15) Mobile" });
        }
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let client = client();
        let answer = client.post(format!("http://127.0.0.1:{port}/session")).json(&wanted).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let id = answer["value"]["sessionId"].as_str();
        assert!(id.is_some(), "no session: {answer}");
        let session = format!("http://127.0.0.1:{port}/session/{}", id.unwrap());
        Self { _driver: driver, session, client, _profile: profile }
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Value> {
        let answer = self.client.post(format!("{}/{path}", self.session)).json(&body).send().await.unwrap();
        let is_done = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if is_done { Ok(value) } else { Err(value) }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}/{path}", self.session)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["value"].take()
    }

    pub(crate) async fn go(&self, url: &str) {
        self.post("url", json!({ "url": url })).await.unwrap();
    }

    pub(crate) async fn address(&self) -> String {
        self.get("url").await.as_str().unwrap().to_owned()
    }

    /// Runs a function body in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] })).await.unwrap()
    }

    /// Asks again and again until the page's answer is neither null nor false.
    pub(crate) async fn wait_for(&self, script: &str) -> Value {
        let asking = async {
            loop {
                // A page that is being left has nobody to answer.
                let answer =
                    self.post("execute/sync", json!({ "script": script, "args": [] })).await.unwrap_or(Value::Null);
                if !matches!(answer, Value::Null | Value::Bool(false)) {
                    return answer;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, asking).await;
        assert!(waited.is_ok(), "never came true: {script}");
        waited.unwrap()
    }

    async fn find(&self, selector: &str) -> String {
        self.wait_for(&format!("return !!document.querySelector({})", json!(selector))).await;
        let found = self.post("element", json!({ "using": "css selector", "value": selector })).await.unwrap();
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks as a person would: what is covered or out of sight cannot be clicked.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("element/{element}/click"), json!({})).await.unwrap();
    }

    /// From here on the page is the one in the frame.
    pub(crate) async fn enter_frame(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post("frame", json!({ "id": { ELEMENT: element } })).await.unwrap();
    }

    pub(crate) async fn leave_frame(&self) {
        self.post("frame", json!({ "id": null })).await.unwrap();
    }

    /// A picture for a person to look at, when `TOSS_SIM_SCREENSHOTS` names a folder for them.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("TOSS_SIM_SCREENSHOTS") else { return };
        let png = STANDARD.decode(self.get("screenshot").await.as_str().unwrap()).unwrap();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }

    pub(crate) async fn close(&self) {
        self.client.delete(&self.session).send().await.unwrap();
    }
}
