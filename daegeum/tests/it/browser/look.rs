//! How the pages look and whom they shut out: every page and state, in both languages, by day and by night, held
//! against the rules of axe-core.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use testkit::browser::Size;

use super::{Browser, PRICE, page_of, way_back};
use crate::{
    database::Kind,
    stack::{Dev, Shop, checkout, until},
};

/// What finds barriers in a page. Fetched for the test; nothing of it is kept.
const AXE: &str = "axe-core@4.14.1";
/// The rules: those of WCAG 2.2, levels A and AA, and what is good practice besides.
const RULES: &str =
    r#"{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }"#;
/// The rules that look at colors: a color scheme changes nothing else of a page whose style says so.
const RULES_OF_COLOR: &str = r#"{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }"#;
/// Names a folder for pictures of every page, for a person to look at.
pub(super) const PICTURES: &str = "TEST_SCREENSHOTS";
const CLOSED_WINDOW: &str = "&code=PAY_PROCESS_CANCELED";

/// A page to look at.
struct View {
    name: &'static str,
    address: String,
    /// What is there when it has come up.
    ready: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shuts_anybody_out() {
    let axe = axe();
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    let views = views(shop).await;
    let pictures = std::env::var_os(PICTURES).map(PathBuf::from);
    for view in &views {
        for language in ["en", "ko"] {
            browser.reads(language).await;
            for (place, size) in [("phone", Size::PHONE), ("desktop", Size::DESKTOP)] {
                browser.has_size(size).await;
                browser.open(&view.address).await;
                browser.wait_for(&view.ready).await;
                assert_eq!(browser.run("return document.documentElement.lang").await, language);
                let is_narrow = "return document.documentElement.scrollWidth <= window.innerWidth";
                assert_eq!(browser.run(is_narrow).await, true, "{} sticks out of a {place}", view.name);
                for scheme in ["light", "dark"] {
                    let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                    browser.command("Emulation.setEmulatedMedia", media).await;
                    let what = format!("{}-{language}-{place}-{scheme}", view.name);
                    has_no_barrier(&browser, &axe, &what).await;
                    picture(&browser, pictures.as_deref(), &what).await;
                }
            }
        }
    }
}

/// The script, from the package registry.
pub(super) fn axe() -> String {
    let folder = tempfile::tempdir().unwrap();
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"])
        .arg(folder.path())
        .arg(AXE)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    std::fs::read_to_string(folder.path().join("node_modules/axe-core/axe.min.js")).unwrap()
}

/// The driver's scripts run beside the page's policy, not under it: nothing of the page has to give way.
pub(super) async fn has_no_barrier(browser: &Browser, axe: &str, what: &str) {
    found_nothing(browser, axe, RULES, what).await;
}

/// The same of the colors alone, on a page that was looked at whole in another color scheme.
pub(super) async fn has_no_barrier_of_color(browser: &Browser, axe: &str, what: &str) {
    found_nothing(browser, axe, RULES_OF_COLOR, what).await;
}

async fn found_nothing(browser: &Browser, axe: &str, rules: &str, what: &str) {
    let run = format!(
        "{axe}; const told = arguments[0]; const rules = {rules};
         axe.run(document, {{ runOnly: rules, resultTypes: ['violations'] }}).then(
           found => told(found.violations.map(each => ({{
             rule: each.id, nodes: each.nodes.map(node => node.failureSummary)
           }}))),
           error => told(String(error)));"
    );
    let found = browser.run_async(&run).await;
    assert_eq!(found, json!([]), "{what}");
}

pub(super) async fn picture(browser: &Browser, folder: Option<&Path>, name: &str) {
    let Some(folder) = folder else { return };
    let whole = json!({ "format": "png", "captureBeyondViewport": true });
    let taken = browser.command("Page.captureScreenshot", whole).await;
    let png = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
}

/// Every page and state, each made by living through it.
async fn views(shop: &Shop) -> Vec<View> {
    let at =
        async |name, id: &str, ready: &str| View { name, address: page_of(shop, id).await, ready: ready.to_owned() };
    let state = |status: &str| format!("[data-for=\"{status}\"]:not([hidden])");
    let mut views = vec![
        at("new", make(shop, "look-new").await, "#pay").await,
        at("one-seller", one_seller(shop).await, "#pay").await,
        at("declined", declined(shop, "look-declined", "REJECT_CARD_PAYMENT").await, "#pay").await,
        at("maintenance", declined(shop, "look-maintenance", "NOT_AVAILABLE_BANK").await, "#come-back").await,
        at("waiting-for-deposit", paid_by(shop, "look-deposit", "가상계좌").await, "#copy:not([hidden])").await,
        at("success", paid_by(shop, "look-paid", "카드").await, "#receipt:not([hidden])").await,
        at("stuck", stuck(shop).await, &state("STUCK")).await,
        at("pending", pending(shop).await, "[data-watch=always]").await,
        at("canceled", canceled(shop).await, &state("CANCELED")).await,
        at("failed", failed(shop).await, &state("FAILED")).await,
        at("partly-refunded", refunded(shop, "look-part", Some("5000")).await, "#refunded").await,
        at("refunded", refunded(shop, "look-whole", None).await, "#refunded").await,
        at("unknown", "look-nowhere", "[data-status=NOT_FOUND]").await,
    ];
    let closed = format!("{}{CLOSED_WINDOW}", shop.page_at("look-new", "/fail").await);
    views.push(View { name: "window-closed", address: closed, ready: "[data-code]".to_owned() });
    let key = shop.authorize("look-new").await;
    let tampered = way_back(shop, "look-new", &key, PRICE - 1).await;
    views.push(View { name: "tampered", address: tampered, ready: state("REFUSED") });
    let key = shop.authorize("look-paid").await;
    let second = way_back(shop, "look-paid", &key, PRICE).await;
    views.push(View { name: "already-paid", address: second, ready: state("ALREADY_PAID") });
    let done = shop.page_at("look-paid", "/success").await;
    let nobody = format!("{}/checkout/look-new", shop.api);
    views.push(View { name: "incomplete", address: nobody, ready: state("INCOMPLETE") });
    views.push(View { name: "back-and-paid", address: done, ready: state("SUCCESS") });
    views
}

async fn make<'a>(shop: &Shop, id: &'a str) -> &'a str {
    let mut body = checkout(id);
    body["success_url"] = "https://shop.example/done".into();
    body["fail_url"] = "https://shop.example/basket".into();
    until("the checkout is created", || async { shop.post(id, &body).await.status() == 201 }).await;
    id
}

async fn one_seller(shop: &Shop) -> &'static str {
    let id = "look-one-seller";
    let mut body = checkout(id);
    body["payment_orders"].as_array_mut().unwrap().truncate(1);
    body["order_name"] =
        "이름이 아주 길어서 휴대전화의 한 줄에는 도무지 들어가지 않는 한정판 수제 도자기 찻잔 세트".into();
    until("the checkout is created", || async { shop.post(id, &body).await.status() == 201 }).await;
    id
}

async fn confirm(shop: &Shop, id: &str, key: &str) -> (u16, Value) {
    shop.confirm(id, key, &PRICE.to_string()).await
}

async fn paid_by<'a>(shop: &Shop, id: &'a str, method: &str) -> &'a str {
    make(shop, id).await;
    let key = shop.authorize_by(id, method).await;
    assert_eq!(confirm(shop, id, &key).await.0, 200);
    id
}

async fn declined<'a>(shop: &Shop, id: &'a str, code: &str) -> &'a str {
    make(shop, id).await;
    let refusal = json!({ "on": "confirm", "kind": "error_before", "code": code, "orderId": id });
    shop.simulate("mischief", &refusal).await;
    let key = shop.authorize(id).await;
    assert_eq!(confirm(shop, id, &key).await.0, 402);
    id
}

async fn failed(shop: &Shop) -> &'static str {
    let id = make(shop, "look-failed").await;
    shop.simulate("mischief", &json!({ "on": "confirm", "kind": "wrong_amount", "orderId": id })).await;
    let key = shop.authorize(id).await;
    assert_eq!(confirm(shop, id, &key).await.0, 402);
    id
}

async fn stuck(shop: &Shop) -> &'static str {
    let id = make(shop, "look-stuck").await;
    shop.lock_out(id, 3).await;
    let key = shop.authorize(id).await;
    assert_eq!(confirm(shop, id, &key).await.0, 202);
    until("a person is asked", || async { shop.status(id).await == "STUCK" }).await;
    id
}

/// The answer is lost, and so is the answer to every question after it.
async fn pending(shop: &Shop) -> &'static str {
    let id = make(shop, "look-pending").await;
    for (on, kind) in [("confirm", "garbage_after"), ("lookup", "garbage_after")] {
        shop.simulate("mischief", &json!({ "on": on, "kind": kind, "orderId": id, "times": 0 })).await;
    }
    let key = shop.authorize(id).await;
    assert_eq!(confirm(shop, id, &key).await.0, 202);
    until("nobody knows", || async { shop.status(id).await == "UNKNOWN" }).await;
    id
}

async fn canceled(shop: &Shop) -> &'static str {
    let id = make(shop, "look-canceled").await;
    shop.delete(id).await;
    until("it is canceled", || async { shop.status(id).await == "CANCELED" }).await;
    id
}

async fn refunded<'a>(shop: &Shop, id: &'a str, amount: Option<&str>) -> &'a str {
    paid_by(shop, id, "카드").await;
    until("the books have it", || async {
        shop.get(&format!("/v1/payments/{id}")).await["payment_orders"][0]["ledger_updated"] == true
    })
    .await;
    let expected = if amount.is_some() { "PARTIALLY_REFUNDED" } else { "REFUNDED" };
    let wanted = amount.map_or(json!({ "reason": "흠집" }), |amount| json!({ "amount": amount, "reason": "흠집" }));
    until("it is refunded", || async {
        shop.cancel(id, id, &wanted).await;
        shop.status(id).await == expected
    })
    .await;
    id
}
