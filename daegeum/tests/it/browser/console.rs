//! The pages of the console: by day and by night, on a phone and on a desktop, in both languages, and by the keyboard.

use std::path::PathBuf;

use testkit::browser::Size;

use super::{
    Browser,
    look::{PICTURES, axe, has_no_barrier, picture},
};
use crate::{
    console::{link_of, things},
    database::Kind,
    stack::Dev,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_the_console_shuts_anybody_out() {
    let axe = axe();
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (api, browser) = (&dev.shop.api, Browser::of_phone().await);
    browser.open(&format!("{api}/console/sign-in")).await;
    let pictures = std::env::var_os(PICTURES).map(PathBuf::from);
    has_no_barrier(&browser, &axe, "sign-in").await;
    browser.open(&format!("{api}{}", link_of(&dev))).await;
    browser.wait_for("nav.main").await;
    has_no_barrier(&browser, &axe, "overview-empty").await;
    let things = things(&dev).await;
    let letter = format!("dead-letters/{}", things["letter"]);
    let endpoint = format!("webhook-endpoints/{}", things["endpoint"]);
    let views = [
        ("overview", ""),
        ("payments", "payments"),
        ("payments-empty", "payments?q=nobody-knows-this&amount=x"),
        ("story-paid", "payments/console-paid"),
        ("story-stuck", "payments/console-stuck"),
        ("refund", "payments/console-paid/refund"),
        ("ask-toss", "payments/console-stuck/ask-toss"),
        ("letters", "dead-letters"),
        ("letter", letter.as_str()),
        ("wallets", "wallets"),
        ("wallet", "wallets/seller-a"),
        ("ledger", "ledger"),
        ("account", "ledger/accounts/psp%3Areceivable"),
        ("entry", "ledger/entries/payment_captured%3Aconsole-paid"),
        ("events", "events"),
        ("endpoints", "webhook-endpoints"),
        ("endpoint", endpoint.as_str()),
        ("api-keys", "api-keys"),
        ("audit", "audit-log"),
        ("sessions", "sessions"),
        ("not-found", "payments/nothing-here"),
    ];
    for (name, path) in views {
        let address = format!("{api}/console/{path}");
        for language in ["en", "ko"] {
            browser.reads(language).await;
            for (place, size) in [("phone", Size::PHONE), ("desktop", Size::DESKTOP)] {
                browser.has_size(size).await;
                browser.open(address.trim_end_matches('/')).await;
                browser.wait_for("main h1").await;
                assert_eq!(browser.run("return document.documentElement.lang").await, language);
                let is_narrow = "return document.documentElement.scrollWidth <= window.innerWidth";
                assert_eq!(browser.run(is_narrow).await, true, "{name} sticks out of a {place}");
                for scheme in ["light", "dark"] {
                    let media = serde_json::json!({
                        "features": [{ "name": "prefers-color-scheme", "value": scheme }]
                    });
                    browser.command("Emulation.setEmulatedMedia", media).await;
                    let what = format!("console-{name}-{language}-{place}-{scheme}");
                    has_no_barrier(&browser, &axe, &what).await;
                    picture(&browser, pictures.as_deref(), &what).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_refunds_in_a_browser() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let _things = things(&dev).await;
    let (api, browser) = (&dev.shop.api, Browser::of_phone().await);
    browser.has_size(Size::DESKTOP).await;
    browser.open(&format!("{api}{}", link_of(&dev))).await;
    browser.open(&format!("{api}/console/payments")).await;
    browser.click("a[href='/console/payments/console-paid']").await;
    browser.click("#refund").await;
    browser.run("document.querySelector('#reason').value = 'a scratch'").await;
    browser.run("document.querySelector('#amount').value = '3,000'").await;
    browser.click("#review").await;
    assert_eq!(browser.text_of("#sum").await, "3,000 KRW");
    browser.click("#confirm").await;
    browser.wait_for("[data-outcome=refunded]").await;
    // The same form once more, as a reload sends it.
    browser.refresh().await;
    browser.wait_for("[data-outcome=refunded-before]").await;
    browser.click("#back").await;
    browser.wait_for("#status [data-code=PARTIALLY_REFUNDED]").await;
    assert_eq!(dev.shop.charged().await, (20_000, 0));
    // The page follows its language switch and comes back to itself.
    browser.click("a.tongue").await;
    browser.wait_for("html[lang=ko] #status").await;
    // Nothing on the page runs a script, so its policy needs none.
    assert_eq!(browser.run("return document.scripts.length").await, 0);
}
