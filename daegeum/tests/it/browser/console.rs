//! The pages of the console: by day and by night, on a phone and on a desktop, in both languages, and by the keyboard.

use std::path::{Path, PathBuf};

use store::console::{Role, Roles};
use testkit::browser::Size;

use super::{
    Browser,
    look::{PICTURES, axe, has_no_barrier, picture},
};
use crate::{
    console::{COOKIE, finance::things_of_finance, link_of, session, things},
    database::Kind,
    payouts::Payers,
    reconciliation::sweeps::{balance, with_sweep},
    stack::Dev,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_the_console_shuts_anybody_out() {
    let axe = axe();
    let payers = Payers::start(Kind::Sqlite).await;
    let dev = &payers.dev;
    let (api, browser) = (&dev.shop.api, Browser::of_phone().await);
    browser.open(&format!("{api}/console/sign-in")).await;
    let pictures = std::env::var_os(PICTURES).map(PathBuf::from);
    has_no_barrier(&browser, &axe, "sign-in").await;
    browser.open(&format!("{api}{}", link_of(dev))).await;
    browser.wait_for("nav.main").await;
    let look = Look { browser: &browser, axe: &axe, api, pictures: pictures.as_deref() };
    look.at_empty_pages().await;
    let things = things(dev).await;
    let money = things_of_finance(&payers).await;
    let of_money = |name: &str, path: &str| path.replace("{}", &money[name]);
    let finance = [
        ("lift", of_money("hold", "sellers/seller-000/holds/{}/lift")),
        ("run", of_money("run", "payout-runs/{}")),
        ("approve", of_money("run", "payout-runs/{}/approve")),
        ("payout", of_money("payout", "payouts/{}")),
        ("payout-cancel", of_money("payout", "payouts/{}/act/cancel")),
        ("reconciliation", of_money("day", "reconciliations/{}")),
        ("reconciliation-start", of_money("day", "reconciliations/{}/start")),
        ("break", of_money("break", "breaks/{}")),
        ("assign", of_money("break", "breaks/{}/assign")),
        ("wait", of_money("break", "breaks/{}/wait")),
        ("comment", of_money("break", "breaks/{}/comment")),
        ("resolve", of_money("break", "breaks/{}/resolve")),
    ];
    let letter = format!("dead-letters/{}", things["letter"]);
    let letter_resolve = format!("{letter}/resolve");
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
        ("letter-resolve", letter_resolve.as_str()),
        ("letters-bulk", "dead-letters/bulk"),
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
        ("sellers", "sellers"),
        ("sellers-empty", "sellers?q=nobody-knows-this"),
        ("seller", "sellers/seller-000"),
        ("hold", "sellers/seller-000/hold"),
        ("reveal", "sellers/seller-000/reveal"),
        ("verify", "sellers/seller-000/verify"),
        ("runs", "payout-runs"),
        ("payouts", "payouts"),
        ("reconciliations", "reconciliations"),
        ("breaks", "breaks"),
        ("settlements", "settlements"),
    ];
    for (name, path) in views.into_iter().chain(finance.iter().map(|(name, path)| (*name, path.as_str()))) {
        look.at(name, path).await;
    }
    let token = session(dev, "owner", Role::Seller, service::now()).await;
    sign_in(&browser, api, &token).await;
    let payout = of_money("payout", "own/payouts/{}");
    for (name, path) in [("own", "own"), ("own-payouts", "own/payouts"), ("own-payout", payout.as_str())] {
        look.at(name, path).await;
    }
}

/// Everything that a look at a page takes.
struct Look<'a> {
    browser: &'a Browser,
    axe: &'a str,
    api: &'a str,
    pictures: Option<&'a Path>,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
struct Screen {
    language: &'static str,
    place: &'static str,
    size: Size,
    schemes: &'static [&'static str],
}

impl Look<'_> {
    /// Looks at a page in both languages, on both screens, by day and by night.
    async fn at(&self, name: &str, path: &str) {
        for language in ["en", "ko"] {
            for (place, size) in [("phone", Size::PHONE), ("desktop", Size::DESKTOP)] {
                self.once(name, path, Screen { language, place, size, schemes: &["light", "dark"] }).await;
            }
        }
    }

    /// Looks at every list before there is anything in it.
    async fn at_empty_pages(&self) {
        let is_list = |access: &&api::Access| {
            access.method == "get" && !access.path.contains('{') && access.needs.admits(Roles::only(Role::Admin))
        };
        let screens = [
            Screen { language: "ko", place: "phone", size: Size::PHONE, schemes: &["light"] },
            Screen { language: "en", place: "desktop", size: Size::DESKTOP, schemes: &["dark"] },
        ];
        for access in api::ACCESS.iter().filter(is_list) {
            let path = access.path.trim_start_matches("/console").trim_start_matches('/');
            for screen in screens {
                self.once(&format!("empty-{}", path.replace('/', "-")), path, screen).await;
            }
        }
    }

    async fn once(&self, name: &str, path: &str, screen: Screen) {
        let Self { browser, axe, api, pictures } = self;
        let Screen { language, place, size, schemes } = screen;
        browser.reads(language).await;
        browser.has_size(size).await;
        browser.open(format!("{api}/console/{path}").trim_end_matches('/')).await;
        browser.wait_for("main h1").await;
        assert_eq!(browser.run("return document.documentElement.lang").await, language);
        let is_narrow = "return document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(browser.run(is_narrow).await, true, "{name} sticks out of a {place}");
        for scheme in schemes {
            let media = serde_json::json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            browser.command("Emulation.setEmulatedMedia", media).await;
            let what = format!("console-{name}-{language}-{place}-{scheme}");
            has_no_barrier(browser, axe, &what).await;
            picture(browser, *pictures, &what).await;
        }
    }
}

/// Gives the browser the session of a token.
async fn sign_in(browser: &Browser, api: &str, token: &str) {
    let cookie = serde_json::json!({ "url": api, "name": COOKIE, "value": token });
    browser.command("Network.setCookie", cookie).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_approves_a_run_in_a_browser() {
    let payers = Payers::start(Kind::Sqlite).await;
    let things = things_of_finance(&payers).await;
    let (dev, browser) = (&payers.dev, Browser::of_phone().await);
    let api = &dev.shop.api;
    browser.has_size(Size::DESKTOP).await;
    browser.open(&format!("{api}/console/sign-in")).await;
    sign_in(&browser, api, &session(dev, "kim", Role::Finance, service::now()).await).await;
    browser.open(&format!("{api}/console")).await;
    browser.click("a[href='/console/payout-runs']").await;
    browser.click(&format!("a[href='/console/payout-runs/{}']", things["run"])).await;
    browser.click("#approve").await;
    assert_eq!(browser.text_of("#total").await, "35,000 KRW");
    browser.run("document.querySelector('#reason').value = 'checked'").await;
    browser.click("#confirm").await;
    browser.wait_for("[data-outcome=run-approved]").await;
    // The same form once more, as a reload sends it.
    browser.refresh().await;
    browser.wait_for("[data-outcome=run-approved]").await;
    let run = payers.completed(&payers.maker.get(&format!("/v1/payout-runs/{}", things["run"])).await).await;
    assert_eq!(run["decided_by"], "person:kim");
    browser.click("#back").await;
    browser.wait_for("#status [data-code=COMPLETED]").await;
    browser.click(&format!("a[href='/console/payouts/{}']", things["payout"])).await;
    browser.click("#statement").await;
    assert!(browser.text().await.contains("15,000"), "the statement");
    assert_eq!(browser.run("return document.scripts.length").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_persons_book_a_sweep_as_received_in_a_browser() {
    let (payers, payout) = with_sweep(Kind::Sqlite).await;
    let (dev, browser) = (&payers.dev, Browser::of_phone().await);
    let page = format!("{}/console/payouts/{payout}", dev.shop.api);
    let fill = async |sum: &str| {
        browser.click("#received").await;
        for (field, value) in [("amount", sum), ("reason", "the statement of today")] {
            browser.run(&format!("document.querySelector('#{field}').value = '{value}'")).await;
        }
        browser.click("#confirm").await;
    };
    browser.has_size(Size::DESKTOP).await;
    browser.open(&format!("{}/console/sign-in", dev.shop.api)).await;
    sign_in(&browser, &dev.shop.api, &session(dev, "kim", Role::Finance, service::now()).await).await;
    browser.open(&page).await;
    fill("8,999").await;
    browser.wait_for("[role=alert]").await;
    browser.open(&page).await;
    fill("9,000").await;
    browser.wait_for("[data-outcome=payout-noted]").await;
    // The same form once more, as a reload sends it: one person is no second one.
    browser.refresh().await;
    browser.wait_for("[data-outcome=payout-noted]").await;
    assert_eq!(balance(&payers, "bank").await, "0");
    browser.click("#back").await;
    assert!(browser.text_of("#bank-answer").await.contains("person:kim"), "the word of the first person");

    sign_in(&browser, &dev.shop.api, &session(dev, "lee", Role::Finance, service::now()).await).await;
    browser.open(&page).await;
    fill("9,000").await;
    browser.wait_for("[data-outcome=payout-acted]").await;
    browser.refresh().await;
    browser.wait_for("[data-outcome=payout-acted]").await;
    assert_eq!(balance(&payers, "bank").await, "9000", "booked once");
    browser.open(&page).await;
    browser.wait_for("#bank-answer").await;
    let acts = "return document.querySelectorAll('#received, #returned').length";
    assert_eq!(browser.run(acts).await, 0, "nothing is left to say");
    payers.verify_books();
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
