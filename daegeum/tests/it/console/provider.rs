//! Signing in by a real provider of OpenID Connect, in a real browser.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use testkit::browser::{Browser, Size};

use crate::stack::{Dev, daegeum, until};

/// A certified provider. Fetched for the test; nothing of it is kept.
const PROVIDER: &str = "oidc-provider@8.8.1";
/// The provider's configuration and its people.
const SCRIPT: &str = include_str!("provider.mjs");
/// The secret of the client, with characters that have to be encoded.
const SECRET: &str = "secret-of-the-tests+/ %";

/// The provider. It ends with the test.
struct Provider {
    process: Child,
    issuer: String,
    _folder: tempfile::TempDir,
}

impl Provider {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installed = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"])
            .arg(folder.path())
            .arg(PROVIDER)
            .output()
            .unwrap();
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        std::fs::write(folder.path().join("provider.mjs"), SCRIPT).unwrap();
        let log = folder.path().join("log");
        let output = std::fs::File::create(&log).unwrap();
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(folder.path()).stdin(Stdio::null());
        let process = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        until("the provider listens", || async { issuer_in(&log).is_some() }).await;
        Self { issuer: issuer_in(&log).unwrap(), process, _folder: folder }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

fn issuer_in(log: &Path) -> Option<String> {
    let said = std::fs::read_to_string(log).ok()?;
    said.lines().find_map(|line| line.strip_prefix("issuer ")).map(str::to_owned)
}

/// `dev` whose console signs people in by the provider, with a secret of the client.
async fn dev(provider: &Provider, secret: &str) -> Dev {
    let directory = tempfile::tempdir().unwrap();
    let mut command = daegeum();
    command.arg("--data-dir").arg(directory.path()).env("DAEGEUM_CONSOLE_CLIENT_SECRET", secret);
    command.args(["--console-issuer", &provider.issuer, "--console-client-id", "daegeum", "dev"]);
    command.args(["--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
    Dev::start_by(directory, command).await
}

/// Signs in at the provider's own pages.
async fn signs_in(browser: &Browser, dev: &Dev, login: &str) {
    browser.open(&format!("{}/console", dev.shop.api)).await;
    browser.click("#provider").await;
    browser.wait_for("[name=login]").await;
    let fill = format!(
        "document.querySelector('[name=login]').value = {}; document.querySelector('[name=password]').value = 'x'; \
         document.querySelector('form').submit();",
        json!(login)
    );
    browser.run(&fill).await;
    // What the console may read is asked for on a page of its own.
    browser.wait_for("[name=prompt][value=consent]").await;
    browser.run("document.querySelector('form').submit();").await;
    let back = format!("return location.href.startsWith({})", json!(format!("{}/console", dev.shop.api)));
    browser.wait_for_value(&back).await;
    browser.wait_for("main h1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_a_certified_provider() {
    let provider = Provider::start().await;
    let dev = dev(&provider, SECRET).await;
    let browser = Browser::start(Size::DESKTOP).await;
    signs_in(&browser, &dev, "kim-support-finance").await;
    let text = browser.text().await;
    assert!(text.contains("kim-support-finance of the provider · Support, Finance"), "{text}");
    assert!(text.contains("Overview") && !text.contains("Audit log"), "{text}");
    let lines = dev.shop.get("/v1/audit-log?actor=kim-support-finance").await;
    assert_eq!(lines["data"][0]["result"], "ok by provider as support,finance", "{lines}");

    let nobody = Browser::start(Size::DESKTOP).await;
    signs_in(&nobody, &dev, "lee").await;
    let text = nobody.text().await;
    assert!(text.contains("You may not use the console"), "{text}");
    nobody.open(&format!("{}/console/payments", dev.shop.api)).await;
    nobody.wait_for("#provider").await;
    let lines = dev.shop.get("/v1/audit-log?actor=lee").await;
    assert_eq!(lines["data"][0]["result"], "refused: no role", "{lines}");

    dev.shop.create("of-seller").await;
    let owner = Browser::start(Size::DESKTOP).await;
    signs_in(&owner, &dev, "owner-seller-admin").await;
    let text = owner.text().await;
    assert!(text.contains("Wallet seller-a") && !text.contains("Payments"), "{text}");
    let lines = dev.shop.get("/v1/audit-log?actor=owner-seller-admin").await;
    assert_eq!(lines["data"][0]["result"], "ok by provider as seller", "{lines}");
    let nameless = Browser::start(Size::DESKTOP).await;
    signs_in(&nameless, &dev, "park-seller").await;
    assert!(nameless.text().await.contains("You may not use the console"), "a seller without an account");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_this_browser_did_not_ask_for_signs_nobody_in() {
    let provider = Provider::start().await;
    let dev = dev(&provider, "another secret").await;
    let visitor = super::Visitor::with(&dev.shop, "");
    let begun = visitor.get("/console/sign-in/provider").await;
    let address = reqwest::Url::parse(begun.location.as_deref().unwrap()).unwrap();
    let value = |name: &str| address.query_pairs().find(|(other, _)| other == name).unwrap().1.into_owned();
    assert_eq!((value("response_type"), value("code_challenge_method")), ("code".to_owned(), "S256".to_owned()));
    assert!(begun.cookies[0].contains("HttpOnly") && begun.cookies[0].contains("Max-Age=600"), "{begun:?}");
    let attempt = begun.cookies[0].split(';').next().unwrap().to_owned();
    let answer = |state: &str| format!("/console/sign-in/callback?code=abc&state={state}");
    let without = visitor.get(&answer(&value("state"))).await;
    assert_eq!(without.status, 403, "another browser's attempt");
    let own = super::Visitor { cookie: attempt, ..visitor };
    for state in ["", "x", &value("nonce")] {
        let seen = own.get(&answer(state)).await;
        assert_eq!(seen.status, 403, "{state}");
    }
    let other_issuer = format!("{}&iss=https://evil.example", answer(&value("state")));
    assert_eq!(own.get(&other_issuer).await.status, 403);
    let denied = own.get(&format!("/console/sign-in/callback?error=access_denied&state={}", value("state"))).await;
    assert!(denied.status == 403 && denied.text.contains("access_denied"), "{denied:?}");
    // The provider knows neither the code nor the secret.
    let seen = own.get(&answer(&value("state"))).await;
    assert!(seen.status == 403 && seen.text.contains("invalid_client"), "{seen:?}");
    assert!(!seen.cookies.iter().any(|cookie| cookie.starts_with(super::COOKIE)), "{seen:?}");
}
