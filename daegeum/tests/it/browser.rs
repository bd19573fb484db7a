//! The buyer's pages in a real browser: headless Chromium runs their scripts under their own policy.

mod console;
mod look;
mod paying;
mod returning;
mod shop;
mod waiting;

use std::ops::Deref;

use testkit::browser::Size;

use crate::stack::{Dev, Shop, until};

/// A buyer's phone, and what is seen on it.
struct Browser(testkit::browser::Browser);

impl Deref for Browser {
    type Target = testkit::browser::Browser;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Browser {
    async fn of_phone() -> Self {
        Self(testkit::browser::Browser::start(Size::PHONE).await)
    }

    /// Opens the payment window from the page of a checkout.
    async fn to_the_window(&self) {
        self.click("#pay:not(:disabled)").await;
        self.wait_for("#decline").await;
    }

    /// Waits until the page, or the one after it, shows a status.
    async fn shows_status(&self, status: &str) {
        self.wait_for(&format!("[data-status=\"{status}\"]")).await;
    }

    /// Waits until the text of a state is visible.
    async fn says(&self, state: &str) {
        self.wait_for(&format!("[data-for=\"{state}\"]:not([hidden])")).await;
    }
}

/// What the buyer of a test pays, in won.
const PRICE: u64 = 23_000;

/// The page of a checkout.
async fn page_of(shop: &Shop, id: &str) -> String {
    shop.page(id).await
}

/// The address that the payment window leads back to, as whoever types it may have changed it.
async fn way_back(shop: &Shop, id: &str, key: &str, amount: u64) -> String {
    let page = shop.page_at(id, "/success").await;
    format!("{page}&paymentType=NORMAL&orderId={id}&paymentKey={key}&amount={amount}")
}

/// What came of a checkout at the PSP: how many payments the window began, and how many were charged.
async fn attempts_and_charges(shop: &Shop, id: &str) -> (usize, u64) {
    let order = shop.at_toss(id).await;
    (order["attempts"].as_array().unwrap().len(), order["charges"].as_u64().unwrap())
}

/// The PSP holds so many won, charged nobody twice, and the books say the same.
async fn is_settled(dev: &Dev, won: u64) {
    assert_eq!(dev.shop.charged().await, (won, 0), "what the PSP holds, and what it charged twice");
    until("the books have it", || async { dev.shop.receivable().await == won }).await;
}
