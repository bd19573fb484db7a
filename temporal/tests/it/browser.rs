//! The buyer's pages in a real browser: headless Chromium runs their scripts under their own policy.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::stack::Dev;

/// How much of its own time the browser gives a page, in milliseconds: enough for the page to confirm.
const PAGE_TIME_MS: u32 = 15_000;

/// What the page has become once its scripts have run.
fn look(profile: &Path, address: &str) -> String {
    let seen = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--accept-lang=en", &format!("--virtual-time-budget={PAGE_TIME_MS}"), "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(address)
        .output()
        .unwrap();
    String::from_utf8_lossy(&seen.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_shows_the_checkout_and_confirms_on_return() {
    let dev = Dev::start(&[]).await;
    let shop = dev.shop.clone();
    let profile = dev.directory.path().join("browser");
    shop.create("browser-paid").await;
    let page = look(&profile, &format!("{}/checkout/browser-paid", shop.api));
    assert!(page.contains("id=\"pay\"") && page.contains("data-status=\"NOT_STARTED\""), "{page}");
    assert!(page.contains("23,000"), "{page}");

    let key = shop.authorize("browser-paid").await;
    let back = format!("paymentType=NORMAL&orderId=browser-paid&paymentKey={key}&amount=23000");
    let page = look(&profile, &format!("{}/checkout/browser-paid/success?{back}", shop.api));
    assert!(page.contains("data-status=\"SUCCESS\""), "{page}");
    assert_eq!(shop.status("browser-paid").await, "SUCCESS");
    let again = look(&profile, &format!("{}/checkout/browser-paid/success?{back}", shop.api));
    assert!(again.contains("data-status=\"SUCCESS\""), "{again}");

    shop.create("browser-declined").await;
    let key = shop.authorize("browser-declined").await;
    let decline = json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT", "orderId": "browser-declined" });
    shop.simulate("mischief", &decline).await;
    let tampered = format!("orderId=browser-declined&paymentKey={key}&amount=100");
    let page = look(&profile, &format!("{}/checkout/browser-declined/success?{tampered}", shop.api));
    assert!(page.contains("data-status=\"AMOUNT_MISMATCH\""), "{page}");
    let back = format!("orderId=browser-declined&paymentKey={key}&amount=23000");
    let page = look(&profile, &format!("{}/checkout/browser-declined/success?{back}", shop.api));
    assert!(page.contains("data-status=\"FAILED\""), "{page}");
    let page = look(&profile, &format!("{}/checkout/browser-declined", shop.api));
    assert!(page.contains("data-status=\"FAILED\"") && !page.contains("id=\"pay\""), "{page}");
    assert_eq!(shop.charged().await, (23_000, 0));
}
