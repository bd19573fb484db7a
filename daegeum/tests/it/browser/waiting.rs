//! The buyer waits: for a slow answer, for the network, for the end of the time to pay.

use std::time::Duration;

use serde_json::json;

use super::{Browser, PRICE, attempts_and_charges, is_settled, page_of, way_back};
use crate::{
    database::Kind,
    stack::{Dev, until},
};

/// How long an answer is under way on a bad phone line.
const SLOW: Duration = Duration::from_millis(800);
/// How many questions go unanswered: the pauses between them double, and add up to longer than a confirmation is
/// waited for.
const UNANSWERED: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_and_a_slow_answer_end_well() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("slow-answer").await;
    for (on, times) in [("confirm", 1), ("lookup", UNANSWERED)] {
        let garbage = json!({ "on": on, "kind": "garbage_after", "times": times, "orderId": "slow-answer" });
        shop.simulate("mischief", &garbage).await;
    }
    browser.has_latency(SLOW).await;
    browser.open(&page_of(shop, "slow-answer").await).await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("CONFIRMING").await;
    browser.says("CONFIRMING").await;
    // Not known yet: the page of the checkout says so and follows it. Nobody touches the browser.
    browser.wait_for("[data-watch=always]").await;
    let text = browser.text().await;
    assert!(!text.contains("No money was taken") && !text.contains("Paid"), "{text}");
    assert!(!browser.has("#pay").await);
    browser.shows_status("SUCCESS").await;
    browser.says("SUCCESS").await;
    assert_eq!(attempts_and_charges(shop, "slow-answer").await, (1, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_goes_away_and_comes_back() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("offline").await;
    let key = shop.authorize_by("offline", "가상계좌").await;
    let blocked = |addresses: &[&str]| json!({ "urls": addresses });
    browser.command("Network.enable", json!({})).await;

    // The page is here, and its confirmation does not get through.
    browser.command("Network.setBlockedURLs", blocked(&["*/v1/payments/*"])).await;
    browser.open(&way_back(shop, "offline", &key, PRICE).await).await;
    browser.says("UNREACHABLE").await;
    let text = browser.text().await;
    assert!(text.contains("do not pay again") && !text.contains("No money"), "nobody can say: {text}");
    assert_eq!(shop.status("offline").await, "NOT_STARTED");
    browser.command("Network.setBlockedURLs", blocked(&[])).await;
    browser.shows_status("WAITING_FOR_DEPOSIT").await;

    // The same while the page follows its checkout.
    browser.is_offline().await;
    browser.wait_for("#connection:not(:empty)").await;
    shop.simulate("deposit", &json!({ "orderId": "offline" })).await;
    until("the deposit has arrived", || async { shop.status("offline").await == "SUCCESS" }).await;
    browser.shows_status("WAITING_FOR_DEPOSIT").await;
    browser.has_latency(Duration::ZERO).await;
    browser.shows_status("SUCCESS").await;
    is_settled(&dev, PRICE).await;
}

/// Another payment of the checkout is under way: the page asks again by itself, and tells how it ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_checkout_is_asked_again_by_the_page() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("busy-pages").await;
    let [first, second] = [shop.authorize("busy-pages").await, shop.authorize("busy-pages").await];
    for on in ["confirm", "lookup"] {
        let stall = json!({ "on": on, "kind": "stall_before", "orderId": "busy-pages", "times": 0 });
        shop.simulate("mischief", &stall).await;
    }
    let other_window = async {
        until("the first is under way", || async { shop.status("busy-pages").await != "NOT_STARTED" }).await;
        browser.open(&way_back(shop, "busy-pages", &second, PRICE).await).await;
        browser.says("OTHER_WINDOW").await;
    };
    let (confirmed, ()) = tokio::join!(shop.confirm("busy-pages", &first, "23000"), other_window);
    assert_eq!(confirmed.0, 202);
    shop.end_mischief().await;
    browser.shows_status("NOT_CONFIRMABLE").await;
    browser.says("ALREADY_PAID").await;
    assert_eq!(attempts_and_charges(shop, "busy-pages").await, (2, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_to_pay_runs_out_before_the_buyers_eyes() {
    let dev = Dev::start(Kind::Sqlite, &["--checkout-deadline-s", "10"]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("too-late").await;
    browser.open(&page_of(shop, "too-late").await).await;
    browser.wait_for("#pay:not(:disabled)").await;
    browser.shows_status("EXPIRED").await;
    browser.says("EXPIRED").await;
    assert!(!browser.has("#pay").await);
    // A buyer who authorized a payment meanwhile gets the same answer and is not charged.
    let key = shop.authorize("too-late").await;
    browser.open(&way_back(shop, "too-late", &key, PRICE).await).await;
    browser.shows_status("NOT_CONFIRMABLE").await;
    browser.says("EXPIRED").await;
    is_settled(&dev, 0).await;
}
