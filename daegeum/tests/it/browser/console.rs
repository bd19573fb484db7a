//! The pages of the console: by day and by night, on a phone and on a desktop, in both languages, and by the keyboard.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use store::console::{Role, Roles};
use testkit::browser::Size;

use super::{
    Browser,
    look::{PICTURES, axe, has_no_barrier, has_no_barrier_of_color, picture},
};
use crate::{
    console::{
        COOKIE, NEXT_SELLER, SELLER,
        access::{all_things, filled},
        finance::{has_a_seller_to_pay, things_of_finance},
        link_of,
        refund_approvals::{refund_that_waits, with_approvals},
        session, things,
    },
    database::Kind,
    payouts::Payers,
    reconciliation::sweeps::{balance, with_sweep},
    stack::Dev,
};

/// What is no page of the console: two are printed and have no navigation, one is a file.
const NO_PAGES: [&str; 3] =
    ["/console/payouts/{payout}/statement", "/console/own/payouts/{payout}/statement", "/console/fx-trading/export"];

/// A page to look at: its name among the pictures, and its path.
type View = (String, String);

/// Every page of the table that a role may open, of things that are there.
fn pages_of(role: Role, things: &BTreeMap<&'static str, String>) -> Vec<View> {
    let is_page = |access: &&api::Access| {
        access.method == "get" && access.needs.admits(Roles::only(role)) && !NO_PAGES.contains(&access.path)
    };
    let view = |access: &api::Access| {
        let name = access.path.trim_start_matches("/console").replace(['/', '{', '}'], "-");
        let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        (if name.is_empty() { "overview".to_owned() } else { name }, filled(access.path, things))
    };
    api::ACCESS.iter().filter(is_page).map(view).collect()
}

/// States of pages that the table does not name.
fn states(things: &BTreeMap<&'static str, String>) -> Vec<View> {
    let fixed = [
        ("payments-empty", "payments?q=nobody-knows-this&amount=x"),
        ("story-stuck", "payments/console-stuck"),
        ("ask-toss-stuck", "payments/console-stuck/ask-toss"),
        ("not-found", "payments/nothing-here"),
        ("sellers-empty", "sellers?q=nobody-knows-this"),
        ("freeze-wrong", "payout-runs/new?date=x"),
        ("entries-empty", "ledger/entries?from=2020-01-01&to=2020-01-02"),
    ];
    let of_thing = [
        ("approve", "run", "payout-runs/{}/approve"),
        ("break-wait", "break", "breaks/{}/wait"),
        ("break-comment", "break", "breaks/{}/comment"),
        ("break-resolve", "break", "breaks/{}/resolve"),
    ];
    let fixed = fixed.map(|(name, path)| (name.to_owned(), format!("/console/{path}")));
    let of_thing = of_thing
        .map(|(name, thing, path)| (name.to_owned(), format!("/console/{}", path.replace("{}", &things[thing]))));
    fixed.into_iter().chain(of_thing).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_the_console_shuts_anybody_out() {
    let axe = axe();
    let payers = with_approvals(Kind::Sqlite).await;
    let dev = &payers.dev;
    let (api, browser, other) = (&dev.shop.api, Browser::of_phone().await, Browser::of_phone().await);
    browser.open(&format!("{api}/console/sign-in")).await;
    let pictures = std::env::var_os(PICTURES).map(PathBuf::from);
    has_no_barrier(&browser, &axe, "sign-in").await;
    browser.open(&format!("{api}{}", link_of(dev))).await;
    browser.wait_for("nav.main").await;
    let look = Look { browser: &browser, axe: &axe, api, pictures: pictures.as_deref() };
    let beside = Look { browser: &other, ..look };
    look.at_empty_pages().await;
    let things = all_things(&payers).await;
    let views: Vec<View> = pages_of(Role::Admin, &things).into_iter().chain(states(&things)).collect();
    assert!(views.len() > 60, "the table was not found");
    other.open(&format!("{api}/console/sign-in")).await;
    sign_in(&other, api, &session(dev, "lee", Role::Admin, service::now()).await).await;
    // Two browsers take turns at the processor while a page of the other one loads.
    let (one_half, other_half) = views.split_at(views.len() / 2);
    tokio::join!(look.at_all(one_half), beside.at_all(other_half));
    sign_in(&browser, api, &session(dev, "owner", Role::Seller, service::now()).await).await;
    let own = pages_of(Role::Seller, &things);
    assert!(own.len() >= 3, "{own:?}");
    look.at_all(&own).await;
}

/// Everything that a look at a page takes.
#[derive(Clone, Copy)]
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
    /// Looks at pages in both languages, on both screens, by day and by night.
    async fn at_all(&self, views: &[View]) {
        for (name, path) in views {
            self.at(name, path).await;
        }
    }

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
            let is_page = !access.path.contains('{') && !NO_PAGES.contains(&access.path);
            access.method == "get" && is_page && access.needs.admits(Roles::only(Role::Admin))
        };
        let screens = [
            Screen { language: "ko", place: "phone", size: Size::PHONE, schemes: &["light"] },
            Screen { language: "en", place: "desktop", size: Size::DESKTOP, schemes: &["dark"] },
        ];
        for access in api::ACCESS.iter().filter(is_list) {
            let name = access.path.trim_start_matches("/console").replace('/', "-");
            for screen in screens {
                self.once(&format!("empty{name}"), access.path, screen).await;
            }
        }
    }

    async fn once(&self, name: &str, path: &str, screen: Screen) {
        let Self { browser, axe, api, pictures } = self;
        let Screen { language, place, size, schemes } = screen;
        browser.reads(language).await;
        browser.has_size(size).await;
        browser.open(&format!("{api}{path}")).await;
        browser.wait_for("main h1").await;
        assert_eq!(browser.run("return document.documentElement.lang").await, language);
        let is_narrow = "return document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(browser.run(is_narrow).await, true, "{name} sticks out of a {place}");
        for (number, scheme) in schemes.iter().enumerate() {
            let media = serde_json::json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            browser.command("Emulation.setEmulatedMedia", media).await;
            let what = format!("console-{name}-{language}-{place}-{scheme}");
            // The style of the console changes colors alone by the scheme.
            if number == 0 {
                has_no_barrier(browser, axe, &what).await;
            } else {
                has_no_barrier_of_color(browser, axe, &what).await;
            }
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
async fn a_second_person_approves_a_refund_in_a_browser() {
    let dev = Dev::start(Kind::Sqlite, &["--refund-approval-above", "1000"]).await;
    let _things = things(&dev).await;
    let (api, browser) = (&dev.shop.api, Browser::of_phone().await);
    let refund = refund_that_waits(&dev, "kim", "2000").await;
    browser.open(&format!("{api}/console/sign-in")).await;
    // The person who asked sees that the refund waits, and cannot decide.
    sign_in(&browser, api, &session(&dev, "kim", Role::Finance, service::now()).await).await;
    browser.open(&format!("{api}/console/payments/console-paid")).await;
    assert!(browser.text_of(".refund-waits").await.contains(&refund), "the refund that waits");
    assert_eq!(browser.run("return document.querySelectorAll('.refund-waits a.button').length").await, 0);
    // Another person comes to it from the overview.
    sign_in(&browser, api, &session(&dev, "lee", Role::Finance, service::now()).await).await;
    browser.open(&format!("{api}/console")).await;
    browser.click("a[href='/console/refund-approvals?approval=WAITING']").await;
    browser.click("a[href='/console/payments/console-paid']").await;
    browser.click(".approve-refund").await;
    assert!(browser.text_of("main").await.contains("2,000 KRW"), "the sum is shown");
    browser.run("document.querySelector('#reason').value = 'I saw the picture'").await;
    browser.click("#confirm").await;
    browser.wait_for("[data-outcome=refunded]").await;
    // The same form once more, as a reload sends it.
    browser.refresh().await;
    browser.wait_for("[data-outcome=refunded-before]").await;
    browser.click("#back").await;
    browser.wait_for("#status [data-code=PARTIALLY_REFUNDED]").await;
    assert_eq!(browser.run("return document.querySelectorAll('.refund-waits').length").await, 0);
    assert_eq!(dev.shop.charged().await, (21_000, 0));
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

/// An act with money: the page that asks for it, the sum that it shows, what a person fills in, and what comes of it.
struct MoneyAct {
    path: String,
    sum: &'static str,
    typed: &'static [(&'static str, &'static str)],
    outcome: &'static str,
}

fn money_acts(things: &BTreeMap<&'static str, String>) -> Vec<MoneyAct> {
    let act = |path: String, sum, typed, outcome| MoneyAct { path: format!("/console/{path}"), sum, typed, outcome };
    vec![
        act("payments/browser-open/cancel".to_owned(), "23,000 KRW", &[], "given-up"),
        act(format!("sellers/{SELLER}/holds/{}/lift", things["hold"]), "5,000 KRW", &[], "lifted"),
        act(format!("sellers/{SELLER}/hold"), "5,000 KRW", &[("amount", "2,000")], "held"),
        act(format!("payouts/{}/act/cancel", things["other payout"]), "20,000 KRW", &[], "payout-acted"),
        act(format!("payout-runs/new?sellers={NEXT_SELLER}"), "12,000 KRW", &[], "run-frozen"),
        act(format!("payout-runs/{}/approve", things["run"]), "15,000 KRW", &[], "run-approved"),
        act(format!("breaks/{}/resolve", things["break"]), "23,000 KRW", &[("template", "accept")], "break-proposed"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_with_money_show_the_sum_want_a_reason_and_are_done_once_in_a_browser() {
    let payers = Payers::start(Kind::Sqlite).await;
    let things = things_of_finance(&payers).await;
    let (dev, browser) = (&payers.dev, Browser::of_phone().await);
    dev.shop.create("browser-open").await;
    has_a_seller_to_pay(&payers).await;
    let api = &dev.shop.api;
    browser.has_size(Size::DESKTOP).await;
    browser.open(&format!("{api}/console/sign-in")).await;
    for role in [Role::Support, Role::Seller] {
        sign_in(&browser, api, &session(dev, role.as_str(), role, service::now()).await).await;
        for act in money_acts(&things) {
            browser.open(&format!("{api}{}", act.path)).await;
            browser.wait_for("main h1").await;
            let forms = browser.run("return document.querySelectorAll('main form, main textarea').length").await;
            assert_eq!(forms, 0, "{} at {}", role.as_str(), act.path);
        }
    }
    sign_in(&browser, api, &session(dev, "kim", Role::Admin, service::now()).await).await;
    for act in money_acts(&things) {
        browser.open(&format!("{api}{}", act.path)).await;
        browser.wait_for("#confirm").await;
        let page = browser.text().await;
        assert!(page.contains(act.sum), "{} does not show {}: {page}", act.path, act.sum);
        // The browser sends no form without a reason.
        browser.click("#confirm").await;
        assert_eq!(browser.run("return document.querySelectorAll('[data-outcome]').length").await, 0, "{}", act.path);
        for (field, value) in act.typed.iter().chain(&[("reason", "a test in a browser")]) {
            browser.run(&format!("document.querySelector('#{field}').value = '{value}'")).await;
        }
        browser.click("#confirm").await;
        let outcome = format!("[data-outcome={}]", act.outcome);
        browser.wait_for(&outcome).await;
        // The same form once more, as a reload sends it.
        browser.refresh().await;
        browser.wait_for(&outcome).await;
        assert_eq!(browser.run("return document.scripts.length").await, 0);
    }
    assert_eq!(payers.wallet(SELLER).await["held"], "2000", "held once");
    let runs = payers.maker.get("/v1/payout-runs").await;
    assert_eq!(runs["data"].as_array().unwrap().len(), 2, "frozen once: {runs}");
    payers.completed(&payers.maker.get(&format!("/v1/payout-runs/{}", things["run"])).await).await;
    payers.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_make_a_key_in_a_browser() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (api, browser) = (&dev.shop.api, Browser::of_phone().await);
    browser.open(&format!("{api}/console/sign-in")).await;
    let [kim, lee] = [
        session(&dev, "kim", Role::Admin, service::now()).await,
        session(&dev, "lee", Role::Admin, service::now()).await,
    ];
    sign_in(&browser, api, &kim).await;
    browser.open(&format!("{api}/console/api-keys")).await;
    browser.click("#ask").await;
    browser.click("input[name=scope_checkout]").await;
    for (field, value) in [("name", "shop backend"), ("lifetime", "90d"), ("reason", "the shop moves")] {
        browser.run(&format!("document.querySelector('#{field}').value = '{value}'")).await;
    }
    browser.click("#confirm").await;
    browser.wait_for("[data-outcome=key-asked-for]").await;
    browser.click("#back").await;
    browser.wait_for("#status [data-code=WAITING]").await;
    assert_eq!(browser.run("return document.querySelectorAll('#approve, #show').length").await, 0);
    sign_in(&browser, api, &lee).await;
    browser.refresh().await;
    browser.click("#approve").await;
    browser.run("document.querySelector('#reason').value = 'agreed'").await;
    browser.click("#confirm").await;
    browser.wait_for("[data-outcome=key-approved]").await;
    browser.click("#back").await;
    browser.wait_for("#status [data-code=APPROVED]").await;
    assert_eq!(browser.run("return document.querySelectorAll('#show').length").await, 0, "not for the approver");
    sign_in(&browser, api, &kim).await;
    browser.refresh().await;
    // A double click: the second answer is the one that stays.
    browser.run("const form = document.querySelector('#show').form; form.submit(); form.submit()").await;
    browser.wait_for("#secret").await;
    let key = browser.text_of("#secret").await;
    browser.refresh().await;
    browser.wait_for("#secret").await;
    assert_eq!(browser.text_of("#secret").await, key, "a reload shows the same key");
    let answer = dev.shop.http.get(format!("{api}/v1/payments")).bearer_auth(&key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    browser.click("#back").await;
    browser.wait_for("#ask").await;
    assert!(!browser.text().await.contains("dk_"), "the list shows no secret");
}
