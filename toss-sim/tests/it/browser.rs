//! The browser's side in a real browser: Toss's own loader, the script, the window, a shop's page.

use std::process::Command;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use testkit::browser::{Browser, Size};
use tokio::net::TcpListener;
use toss_sim::{DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY};

use crate::support::{Simulator, send, start};

/// The loader a shop installs. Fetched for the test; nothing of it is kept.
const LOADER: &str = "@tosspayments/tosspayments-sdk@2.8.1";

/// A shop: one page with the script of a test, and the two addresses a window leads back to.
struct Shop {
    url: String,
}

fn loader() -> String {
    let folder = tempfile::tempdir().unwrap();
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"])
        .arg(folder.path())
        .arg(LOADER)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let module = folder.path().join("node_modules/@tosspayments/tosspayments-sdk/dist/index.esm.js");
    std::fs::read_to_string(module).unwrap()
}

impl Shop {
    /// A page whose script has `tossPayments` of that client key, got through Toss's own loader.
    async fn open(sim: &Simulator, client_key: &str, script: &str) -> Self {
        let page = format!(
            r#"<!doctype html><html lang="ko"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>상점</title><h1>상점</h1><div id="methods"></div><div id="agreement"></div><button id="buy">사기</button>
            <script type="module">
            import {{ loadTossPayments, ANONYMOUS }} from "/loader.js";
            const told = window.told = {{}};
            const order = {{ orderId: "order-0001", orderName: "토스 티셔츠 외 2건" }};
            const returns = {{ successUrl: location.origin + "/success", failUrl: location.origin + "/fail?tab=1" }};
            const note = promise => promise.then(
              value => {{ told.paid = value ?? "nothing"; }},
              error => {{ told.code = error.code; told.message = error.message; }});
            const tossPayments = await loadTossPayments({client_key}, {{ src: {src} }});
            {script}
            told.ready = true;
            </script></html>"#,
            client_key = json!(client_key),
            src = json!(format!("{}/v2/standard", sim.url)),
        );
        let (page, loader) = (Html(page), loader());
        let routes = Router::new()
            .route("/", get(|| async { page }))
            .route("/loader.js", get(|| async { ([(CONTENT_TYPE, "text/javascript")], loader) }))
            .route("/success", get(|| async { Html("<p id=success>고맙습니다</p>") }))
            .route("/fail", get(|| async { Html("<p id=fail>괜찮습니다</p>") }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { url }
    }

    /// A browser of that size in the shop, the page's script through.
    async fn enter(&self, size: Size) -> Browser {
        let browser = Browser::start(size).await;
        if size == Size::PHONE {
            browser.claims_to_be_a_phone().await;
        }
        browser.open(&self.url).await;
        browser.wait_for_value("return window.told && window.told.ready").await;
        browser
    }
}

async fn confirmed(sim: &Simulator, secret: &str, payment_key: &str) -> Value {
    let body = json!({ "paymentKey": payment_key, "orderId": "order-0001", "amount": 15_000 });
    let confirm = sim.bare(reqwest::Method::POST, "/v1/payments/confirm").basic_auth(secret, Some("")).json(&body);
    let answer = send(confirm).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

fn query(address: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

const PAYMENT: &str = r#"
    const payment = tossPayments.payment({ customerKey: ANONYMOUS });
    const request = { method: "CARD", amount: { currency: "KRW", value: 15000 }, ...order };
    "#;

#[tokio::test]
async fn browser_pays_by_virtual_account_on_a_phone_and_comes_back() {
    let sim = start().await;
    let asked = "{ ...request, ...returns, method: 'VIRTUAL_ACCOUNT' }";
    let script = format!("{PAYMENT} buy.onclick = () => note(payment.requestPayment({asked}));");
    let browser = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await.enter(Size::PHONE).await;
    browser.click("#buy").await;
    browser.wait_for("#pay").await;
    browser.picture("phone-window").await;
    let is_narrow = "return document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.run(is_narrow).await, true, "nothing sticks out of a phone");
    browser.click("input[value=VIRTUAL_ACCOUNT]").await;
    browser.run("document.querySelector('select[name=bank]').value = '88'").await;
    browser.picture("phone-virtual-account").await;
    browser.click("#pay").await;
    browser.wait_for("#success").await;
    let address = browser.address().await;
    assert_eq!(query(&address, "paymentType").as_deref(), Some("NORMAL"));
    let key = query(&address, "paymentKey").unwrap();
    let payment = confirmed(&sim, DEFAULT_SECRET_KEY, &key).await;
    assert_eq!(payment["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!(payment["virtualAccount"]["bankCode"], "88");
    browser.open(payment["receipt"]["url"].as_str().unwrap()).await;
    let shown = browser.run("return document.querySelector('#account').textContent").await;
    assert_eq!(shown, format!("신한은행 {}", payment["virtualAccount"]["accountNumber"].as_str().unwrap()));
    browser.picture("phone-receipt").await;
    browser.close().await;
}

#[tokio::test]
async fn browser_declines_and_closes_on_the_way_to_the_fail_address() {
    let sim = start().await;
    let script = format!("{PAYMENT} buy.onclick = () => note(payment.requestPayment({{ ...request, ...returns }}));");
    let shop = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await;
    let browser = shop.enter(Size::DESKTOP).await;
    for (button, code, order_id) in
        [("#decline", "REJECT_CARD_COMPANY", Some("order-0001")), ("#close", "PAY_PROCESS_CANCELED", None)]
    {
        browser.open(&shop.url).await;
        browser.wait_for_value("return window.told && window.told.ready").await;
        browser.click("#buy").await;
        browser.wait_for("#pay").await;
        browser.picture("desktop-window").await;
        browser.click(button).await;
        browser.wait_for("#fail").await;
        let address = browser.address().await;
        assert_eq!(query(&address, "code").as_deref(), Some(code));
        assert_eq!((query(&address, "orderId").as_deref(), query(&address, "tab").as_deref()), (order_id, Some("1")));
    }
    browser.close().await;
}

#[tokio::test]
async fn browser_is_promised_a_payment_without_leaving_the_shop() {
    let sim = start().await;
    let script = format!("{PAYMENT} buy.onclick = () => note(payment.requestPayment(request));");
    let shop = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await;
    let browser = shop.enter(Size::DESKTOP).await;
    let frame = "#__tosspayments_frame__";
    for (button, code) in [("#close", "USER_CANCEL"), ("#decline", "REJECT_CARD_COMPANY")] {
        browser.click("#buy").await;
        browser.enter_frame(frame).await;
        browser.click(button).await;
        browser.leave_frame().await;
        assert_eq!(browser.wait_for_value("return window.told.code").await, code);
        browser.run("window.told.code = null").await;
        assert_eq!(browser.run("return document.querySelector('iframe')").await, Value::Null);
    }
    browser.click("#buy").await;
    browser.enter_frame(frame).await;
    browser.wait_for("#pay").await;
    browser.leave_frame().await;
    browser.picture("desktop-promise").await;
    browser.enter_frame(frame).await;
    browser.click("#pay").await;
    browser.leave_frame().await;
    let paid = browser.wait_for_value("return window.told.paid").await;
    assert_eq!(
        (&paid["orderId"], &paid["amount"]),
        (&json!("order-0001"), &json!({ "currency": "KRW", "value": 15_000 }))
    );
    assert_eq!(browser.address().await.trim_end_matches('/'), shop.url, "the shop's page never went away");
    let payment = confirmed(&sim, DEFAULT_SECRET_KEY, paid["paymentKey"].as_str().unwrap()).await;
    assert_eq!((&payment["status"], &payment["method"]), (&json!("DONE"), &json!("카드")));
    browser.close().await;
}

#[tokio::test]
async fn browser_of_a_phone_is_promised_nothing() {
    let sim = start().await;
    let script = format!("{PAYMENT} note(payment.requestPayment(request));");
    let browser = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await.enter(Size::PHONE).await;
    assert_eq!(browser.wait_for_value("return window.told.code").await, "NOT_SUPPORTED_PROMISE");
    browser.close().await;
}

const WIDGETS: &str = r##"
    const widgets = tossPayments.widgets({ customerKey: "customer-1" });
    told.refusals = [];
    const add = refusal => told.refusals.push(refusal);
    const refused = promise => promise.then(() => add("nothing"), error => add(error.code));
    await refused(widgets.renderPaymentMethods({ selector: "#methods" }));
    await refused(widgets.requestPayment({ ...order, ...returns }));
    await widgets.setAmount({ currency: "KRW", value: 15000 });
    await refused(widgets.requestPayment({ ...order, ...returns }));
    await refused(widgets.renderPaymentMethods({ selector: "#nowhere" }));
    const methods = await widgets.renderPaymentMethods({ selector: "#methods", variantKey: "DEFAULT" });
    await refused(widgets.renderPaymentMethods({ selector: "#methods" }));
    const agreement = await widgets.renderAgreement({ selector: "#agreement", variantKey: "AGREEMENT" });
    methods.on("paymentMethodSelect", selected => { told.selected = selected.code; });
    agreement.on("agreementStatusChange", status => { told.agreed = status.agreedRequiredTerms; });
    "##;

/// Clicks in the shadow tree of a widget.
fn tick(host: &str, selector: &str) -> String {
    format!("document.querySelector('{host} > div').shadowRoot.querySelector('{selector}').click()")
}

#[tokio::test]
async fn browser_chooses_in_the_widgets_and_pays() {
    let sim = start().await;
    let script = format!("{WIDGETS} buy.onclick = () => note(widgets.requestPayment({{ ...order, ...returns }}));");
    let browser = Shop::open(&sim, DEFAULT_WIDGET_CLIENT_KEY, &script).await.enter(Size::DESKTOP).await;
    let refusals = [
        "NOT_SETUP_AMOUNT",
        "NOT_SETUP_AMOUNT",
        "NOT_SELECTED_PAYMENT_METHOD",
        "INVALID_SELECTOR",
        "PAYMENT_METHODS_WIDGET_ALREADY_RENDERED",
    ];
    assert_eq!(browser.run("return told.refusals").await, json!(refusals));
    browser.picture("desktop-widgets").await;
    browser.run(&tick("#agreement", "input")).await;
    assert_eq!(browser.run("return told.agreed").await, false);
    browser.click("#buy").await;
    assert_eq!(browser.wait_for_value("return told.code").await, "NEED_AGREEMENT_WITH_REQUIRED_TERMS");
    browser.run(&tick("#agreement", "input")).await;
    browser.run(&tick("#methods", "input[value=TRANSFER]")).await;
    assert_eq!(browser.run("return told.selected").await, "TRANSFER");
    browser.click("#buy").await;
    browser.click("#pay").await;
    browser.wait_for("#success").await;
    let key = query(&browser.address().await, "paymentKey").unwrap();
    let payment = confirmed(&sim, DEFAULT_WIDGET_SECRET_KEY, &key).await;
    assert_eq!((&payment["status"], &payment["method"]), (&json!("DONE"), &json!("계좌이체")));
    browser.close().await;
}

#[tokio::test]
async fn browser_sees_keys_used_in_the_wrong_place() {
    let sim = start().await;
    let cases = [
        (DEFAULT_WIDGET_CLIENT_KEY, "payment({}).requestPayment({})", "NOT_SUPPORTED_WIDGET_KEY"),
        (DEFAULT_SECRET_KEY, "payment({}).requestPayment({})", "INSECURE_KEY_USAGE"),
        ("test_ck_unknown", "payment({}).requestPayment({})", "INVALID_CLIENT_KEY"),
        (DEFAULT_CLIENT_KEY, "widgets({}).requestPayment({})", "INVALID_CLIENT_KEY"),
    ];
    let browser = Browser::start(Size::DESKTOP).await;
    for (key, call, code) in cases {
        let shop = Shop::open(&sim, key, &format!("await note(tossPayments.{call});")).await;
        browser.open(&shop.url).await;
        assert_eq!(browser.wait_for_value("return window.told && window.told.code").await, code);
    }
    browser.close().await;
}

#[tokio::test]
async fn browser_script_honours_or_rejects_what_the_shop_asks_for() {
    let sim = start().await;
    let script = format!(
        r#"{PAYMENT}
        told.refusals = [];
        const add = refusal => told.refusals.push(refusal);
        const refused = change => payment.requestPayment({{ ...request, ...returns, ...change }})
          .then(() => add("nothing"), error => add(error.code));
        await refused({{ method: undefined }});
        await refused({{ method: "FOREIGN_EASY_PAY" }});
        await refused({{ orderName: "" }});
        await refused({{ orderName: "이".repeat(101) }});
        await refused({{ amount: {{ currency: "KRW", value: 1000.5 }} }});
        await refused({{ amount: {{ currency: "KRW", value: "15000" }} }});
        await refused({{ amount: {{ currency: "USD", value: 15 }} }});
        await refused({{ metadata: {{ "a[0]": "b" }} }});
        await payment.requestPayment({{ ...request, taxFreeAmount: 15001 }}).catch(error => add(error.code));
        const brandpay = tossPayments.brandpay({{ customerKey: "customer-1" }});
        await brandpay.requestPayment({{}}).catch(error => add(error.code));
        const card = {{ flowMode: "DIRECT", easyPay: "KAKAOPAY" }};
        const asked = {{ taxFreeAmount: 4000, metadata: {{ cart: "7" }}, customerEmail: "a@example.com" }};
        buy.onclick = () => note(payment.requestPayment({{ ...request, ...returns, ...asked, card }}));"#
    );
    let browser = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await.enter(Size::PHONE).await;
    let refusals = [
        "NOT_SUPPORTED_METHOD",
        "NOT_SUPPORTED_METHOD",
        "INVALID_ORDER_NAME",
        "INVALID_ORDER_NAME",
        "INVALID_AMOUNT_VALUE",
        "INVALID_AMOUNT_VALUE",
        "INVALID_AMOUNT_CURRENCY",
        "INVALID_METADATA",
        "NOT_SUPPORTED_PROMISE",
        "NOT_SIMULATED",
    ];
    assert_eq!(browser.run("return told.refusals").await, json!(refusals));
    browser.click("#buy").await;
    browser.wait_for("#tax-free").await;
    browser.picture("phone-easy-pay").await;
    browser.click("#pay").await;
    browser.wait_for("#success").await;
    let key = query(&browser.address().await, "paymentKey").unwrap();
    let payment = confirmed(&sim, DEFAULT_SECRET_KEY, &key).await;
    assert_eq!((&payment["easyPay"]["provider"], &payment["taxFreeAmount"]), (&json!("카카오페이"), &json!(4_000)));
    assert_eq!(payment["metadata"], json!({ "cart": "7" }));
    browser.close().await;
}

#[tokio::test]
async fn browser_is_told_by_its_promise_what_the_window_refuses() {
    let sim = start().await;
    let script = format!(
        "{PAYMENT} const wrong = {{ taxFreeAmount: 15001 }};
        buy.onclick = () => note(payment.requestPayment({{ ...request, ...wrong }}));"
    );
    let browser = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await.enter(Size::DESKTOP).await;
    browser.click("#buy").await;
    assert_eq!(browser.wait_for_value("return window.told.code").await, "INVALID_REQUEST");
    assert_eq!(browser.run("return document.querySelector('iframe')").await, Value::Null);
    browser.close().await;
}

#[tokio::test]
async fn browser_asks_for_a_receipt_in_the_window() {
    let sim = start().await;
    let asked = "{ ...request, ...returns, method: 'TRANSFER', transfer: { cashReceipt: { type: '소득공제' } } }";
    let script = format!("{PAYMENT} buy.onclick = () => note(payment.requestPayment({asked}));");
    let browser = Shop::open(&sim, DEFAULT_CLIENT_KEY, &script).await.enter(Size::DESKTOP).await;
    browser.click("#buy").await;
    browser.wait_for("#pay").await;
    assert_eq!(browser.run("return document.querySelector('select[name=cash_receipt]').value").await, "소득공제");
    browser.run("document.querySelector('input[name=receipt_number]').value = '01099998888'").await;
    browser.picture("desktop-receipt-choice").await;
    browser.click("#pay").await;
    browser.wait_for("#success").await;
    let key = query(&browser.address().await, "paymentKey").unwrap();
    let payment = confirmed(&sim, DEFAULT_SECRET_KEY, &key).await;
    assert_eq!(payment["cashReceipts"][0]["customerIdentityNumber"], "0109999****");
    browser.close().await;
}

#[tokio::test]
async fn browser_registers_a_card_for_billing() {
    let sim = start().await;
    let script = r#"
        const named = tossPayments.payment({ customerKey: "customer-1" });
        const anonymous = tossPayments.payment({ customerKey: ANONYMOUS });
        const asked = { method: "CARD", ...returns, windowTarget: "iframe" };
        await anonymous.requestBillingAuth(asked).catch(error => { told.refusal = error.code; });
        buy.onclick = () => note(named.requestBillingAuth(asked));"#;
    for size in [Size::PHONE, Size::DESKTOP] {
        let browser = Shop::open(&sim, DEFAULT_CLIENT_KEY, script).await.enter(size).await;
        assert_eq!(browser.run("return told.refusal").await, "INVALID_CUSTOMER_KEY");
        browser.click("#buy").await;
        // A phone has no frame.
        if size == Size::DESKTOP {
            browser.enter_frame("#__tosspayments_frame__").await;
        }
        browser.wait_for("#agree").await;
        browser.click("#agree").await;
        if size == Size::DESKTOP {
            browser.leave_frame().await;
        }
        browser.wait_for("#success").await;
        let address = browser.address().await;
        assert_eq!(query(&address, "customerKey").as_deref(), Some("customer-1"));
        let body = json!({ "authKey": query(&address, "authKey"), "customerKey": "customer-1" });
        let issued = send(sim.toss(reqwest::Method::POST, "/v1/billing/authorizations/issue").json(&body)).await;
        assert!(issued.status == 200 && issued.json["billingKey"].is_string(), "{}", issued.text);
        browser.close().await;
    }
}
