//! The buyer comes back: by the address, by the browser's own buttons, in another tab; once or again.

use serde_json::json;

use super::{Browser, PRICE, attempts_and_charges, is_settled, page_of, way_back};
use crate::{
    database::Kind,
    stack::{Dev, checkout},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_back_button_leads_to_no_second_payment() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("back-button").await;
    let page = page_of(shop, "back-button").await;
    browser.open(&page).await;
    browser.to_the_window().await;
    // Back from the window without having paid: the button works as before.
    browser.back().await;
    browser.shows_status("NOT_STARTED").await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    // Back through the window, which is over, to the page where the button was.
    browser.back().await;
    browser.back().await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(browser.address().await, page);
    assert!(!browser.has("#pay").await);
    assert_eq!(attempts_and_charges(shop, "back-button").await, (2, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_pay_once() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("two-tabs").await;
    let page = page_of(shop, "two-tabs").await;
    let first = browser.tab().await;
    let [second, third] = [browser.new_tab().await, browser.new_tab().await];
    for tab in [&first, &second, &third] {
        browser.switch_to(tab).await;
        browser.open(&page).await;
        browser.shows_status("NOT_STARTED").await;
    }
    for tab in [&first, &second] {
        browser.switch_to(tab).await;
        browser.to_the_window().await;
    }
    browser.switch_to(&first).await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;

    // The second tab finishes its window too; that payment is not taken.
    browser.switch_to(&second).await;
    browser.click("#pay").await;
    browser.shows_status("NOT_CONFIRMABLE").await;
    browser.says("ALREADY_PAID").await;
    let text = browser.text().await;
    assert!(text.contains("not charged twice"), "{text}");

    // The third still shows the button; it opens no window any more.
    browser.switch_to(&third).await;
    browser.run("document.querySelector('#pay')?.click()").await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(attempts_and_charges(shop, "two-tabs").await, (2, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_success_page_is_loaded_again_and_nothing_is_paid_again() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("loaded-again").await;
    let key = shop.authorize("loaded-again").await;
    let back = way_back(shop, "loaded-again", &key, PRICE).await;
    browser.open(&back).await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(browser.address().await, shop.page_at("loaded-again", "/success").await, "the key stays behind");
    for _ in 0..3 {
        browser.refresh().await;
        browser.says("SUCCESS").await;
        browser.wait_for("#receipt[href^='http']:not([hidden])").await;
    }
    // The address itself once more, as from a history or a restored tab.
    browser.open(&back).await;
    browser.shows_status("SUCCESS").await;
    browser.says("SUCCESS").await;
    assert_eq!(attempts_and_charges(shop, "loaded-again").await, (1, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_amount_in_the_address_is_believed() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("tampered").await;
    let key = shop.authorize("tampered").await;
    for amount in [100, PRICE - 1, PRICE + 1, 2_300_000] {
        browser.open(&way_back(shop, "tampered", &key, amount).await).await;
        browser.shows_status("AMOUNT_MISMATCH").await;
        browser.says("REFUSED").await;
        assert_eq!(browser.text_of("#total").await, "23,000 KRW", "the amount of the order, whatever the address says");
        is_settled(&dev, 0).await;
    }
    assert_eq!(shop.status("tampered").await, "NOT_STARTED");
    browser.open(&way_back(shop, "tampered", &key, PRICE).await).await;
    browser.shows_status("SUCCESS").await;
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_goes_on_by_where_the_checkout_stands() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    for id in ["stands", "mismatch"] {
        let mut body = checkout(id);
        body["success_url"] = format!("{}/healthz?went=success", shop.api).into();
        body["fail_url"] = format!("{}/healthz?went=fail", shop.api).into();
        assert_eq!(shop.post(id, &body).await.status(), 201);
    }
    let back = async |id: &str| {
        let key = shop.authorize(id).await;
        browser.open(&way_back(shop, id, &key, PRICE).await).await;
    };
    back("stands").await;
    browser.shows_status("SUCCESS").await;
    // Somebody comes back with another payment, which is not taken; the order is paid all the same.
    back("stands").await;
    browser.shows_status("NOT_CONFIRMABLE").await;
    browser.wait_for("#next[href*='went=success']").await;
    browser.open(&format!("{}&code=NONE&message=Call+0101234", shop.page_at("stands", "/fail").await)).await;
    browser.shows_status("SUCCESS").await;
    let text = browser.text().await;
    assert!(text.contains("Paid") && !text.contains("Call") && !text.contains("No money was taken"), "{text}");

    let mischief = json!({ "on": "confirm", "kind": "wrong_amount", "orderId": "mismatch" });
    shop.simulate("mischief", &mischief).await;
    back("mismatch").await;
    browser.shows_status("FAILED").await;
    browser.wait_for("#next[href*='went=fail']").await;
    let text = browser.text().await;
    assert!(text.contains("was not the amount of the order"), "{text}");
    is_settled(&dev, PRICE).await;
}
