//! The buyer's pages in a real browser: headless Chromium runs their scripts under their own policy.

use std::{path::Path, process::Command, time::Duration};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::{
    database::Kind,
    stack::{Dev, Process, checkout, until},
};

/// How long a page may take to become what it should be.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with a profile of its own, ended with the test.
struct Browser {
    client: Client,
    _driver: Process,
}

impl Browser {
    async fn start(place: &Path) -> Self {
        let log = place.join("chromedriver.log");
        let driver = Process::start(Command::new("chromedriver").arg("--port=0"), &log);
        until("the browser's driver listens", || async { port_in(&log).is_some() }).await;
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
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(options).connect(&driver_url).await;
        Self { client: client.unwrap(), _driver: driver }
    }

    async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    async fn click(&self, selector: &str) {
        self.wait_for(selector).await;
        self.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Waits until something is on the page.
    async fn wait_for(&self, selector: &str) {
        let waited = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        if let Err(error) = waited {
            panic!("no {selector}: {error}\n{}", self.client.source().await.unwrap());
        }
    }

    async fn shows_status(&self, status: &str) {
        self.wait_for(&format!("[data-status=\"{status}\"]")).await;
    }

    async fn has(&self, selector: &str) -> bool {
        !self.client.find_all(Locator::Css(selector)).await.unwrap().is_empty()
    }

    async fn text(&self) -> String {
        self.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
    }
}

fn port_in(log: &Path) -> Option<u16> {
    let said = std::fs::read_to_string(log).ok()?;
    let (_, port) = said.split_once("started successfully on port ")?;
    port.split_once('.')?.0.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_takes_the_buyer_through_the_payment_window() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let browser = Browser::start(dev.directory.path()).await;
    let page_of = |id: &str| format!("{}/checkout/{id}", shop.api);

    shop.create("browser-paid").await;
    browser.open(&page_of("browser-paid")).await;
    browser.shows_status("NOT_STARTED").await;
    assert!(browser.text().await.contains("23,000 KRW"), "{}", browser.text().await);
    browser.click("#pay").await;
    browser.wait_for("#decline").await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(shop.status("browser-paid").await, "SUCCESS");
    browser.client.refresh().await.unwrap();
    browser.shows_status("SUCCESS").await;

    // The window closed, a card that was not authenticated, and then a payment after all.
    shop.create("browser-undecided").await;
    for turn_back in ["#close", "#decline"] {
        browser.open(&page_of("browser-undecided")).await;
        browser.click("#pay").await;
        browser.click(turn_back).await;
        browser.click("a.button").await;
        browser.shows_status("NOT_STARTED").await;
    }
    browser.click("#pay").await;
    browser.wait_for("#decline").await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;

    // The card company says no only when the payment is confirmed.
    shop.create("browser-declined").await;
    browser.open(&page_of("browser-declined")).await;
    browser.click("#pay").await;
    browser.click("#decline-on-confirm").await;
    browser.click("#pay").await;
    browser.shows_status("FAILED").await;
    assert!(!browser.has("#pay").await);
    assert_eq!(shop.charged().await, (46_000, 0));
    assert_eq!(shop.receivable().await, 46_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_believes_no_amount_in_the_address() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let browser = Browser::start(dev.directory.path()).await;
    shop.create("browser-tampered").await;
    let key = shop.authorize("browser-tampered").await;
    let back = |amount: u32| {
        format!(
            "{}/checkout/browser-tampered/success?paymentType=NORMAL&orderId=browser-tampered&paymentKey={key}&amount={amount}",
            shop.api
        )
    };
    browser.open(&back(100)).await;
    browser.shows_status("AMOUNT_MISMATCH").await;
    assert_eq!(shop.charged().await, (0, 0));
    browser.open(&back(23_000)).await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(shop.charged().await, (23_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_goes_on_by_where_the_checkout_stands() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let browser = Browser::start(dev.directory.path()).await;
    for id in ["browser-tabs", "browser-mismatch"] {
        let mut body = checkout(id);
        body["success_url"] = format!("{}/healthz?went=success", shop.api).into();
        body["fail_url"] = format!("{}/healthz?went=fail", shop.api).into();
        assert_eq!(shop.post(id, &body).await.status(), 201);
    }
    let back = async |id: &str| {
        let key = shop.authorize(id).await;
        let query = format!("paymentType=NORMAL&orderId={id}&paymentKey={key}&amount=23000");
        browser.open(&format!("{}/checkout/{id}/success?{query}", shop.api)).await;
    };

    back("browser-tabs").await;
    browser.shows_status("SUCCESS").await;
    // Another tab comes back with a payment of its own, which is not taken; the order is paid all the same.
    back("browser-tabs").await;
    browser.shows_status("NOT_CONFIRMABLE").await;
    browser.wait_for("#next[href*='went=success']").await;
    browser.open(&format!("{}/checkout/browser-tabs/fail?code=NONE&message=Call+0101234", shop.api)).await;
    browser.shows_status("SUCCESS").await;
    let text = browser.text().await;
    assert!(text.contains("Paid") && !text.contains("Call") && !text.contains("No money was taken"), "{text}");

    let mischief = json!({ "on": "confirm", "kind": "wrong_amount", "orderId": "browser-mismatch" });
    shop.simulate("mischief", &mischief).await;
    back("browser-mismatch").await;
    browser.shows_status("FAILED").await;
    browser.wait_for("#next[href*='went=fail']").await;
    let text = browser.text().await;
    assert!(text.contains("was not the amount of the order"), "{text}");
    assert_eq!(shop.charged().await, (23_000, 0));
}
