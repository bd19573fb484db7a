//! The browser's side: the script, the payment window and the way back.

use reqwest::{Method, Url};
use serde_json::{Value, json};
use toss_sim::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY};

use crate::support::{Answer, Simulator, send, start};

/// Opens a window as the script does, with some fields changed.
async fn open(sim: &Simulator, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("clientKey", DEFAULT_CLIENT_KEY),
        ("orderId", "order-0001"),
        ("orderName", "토스 티셔츠 <외 2건>"),
        ("amount", "15000"),
        ("currency", "KRW"),
        ("method", "CARD"),
        ("successUrl", "https://shop.example/success?tab=1"),
        ("failUrl", "https://shop.example/fail"),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.push((name, value));
    }
    send(sim.bare(Method::GET, "/_window/open").query(&fields)).await
}

/// The window's address, without the method it prefers.
async fn opened(sim: &Simulator, changes: &[(&str, &str)]) -> String {
    let answer = open(sim, changes).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").unwrap().split('?').next().unwrap().to_owned()
}

async fn submit(sim: &Simulator, path: &str, fields: &[(&str, &str)]) -> Answer {
    send(sim.bare(Method::POST, path).form(fields)).await
}

fn way_back(answer: &Answer) -> (String, Vec<(String, String)>) {
    let url = Url::parse(answer.header("location").unwrap()).unwrap();
    let pairs = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    (url.path().to_owned(), pairs)
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn the_script_knows_its_keys() {
    let sim = start().await;
    let script = send(sim.bare(Method::GET, "/v2/standard")).await;
    assert_eq!(script.status, 200);
    assert!(script.header("content-type").unwrap().starts_with("text/javascript"));
    for part in [
        "window.TossPayments",
        "@@ANONYMOUS",
        DEFAULT_CLIENT_KEY,
        DEFAULT_WIDGET_CLIENT_KEY,
        "document.currentScript.src",
    ] {
        assert!(script.text.contains(part), "{part}");
    }
    assert!(!script.text.contains("__CLIENT_KEYS__") && !script.text.contains("test_sk"));
}

#[tokio::test]
async fn the_window_shows_the_order_and_pays_it() {
    let sim = start().await;
    let address = open(&sim, &[]).await.header("location").unwrap().to_owned();
    let window = send(sim.bare(Method::GET, &address)).await;
    assert_eq!(window.status, 200);
    for part in [
        r#"id="pay""#,
        r#"id="decline""#,
        r#"id="close""#,
        r#"id="decline-on-confirm""#,
        r#"name="method""#,
        "테스트 결제창",
        "15,000원",
        "토스 티셔츠 &lt;외 2건&gt;",
        r#"value="CARD" checked"#,
    ] {
        assert!(window.text.contains(part), "{part}");
    }
    assert_eq!(sim.look_up_order("order-0001").await.json["status"], "READY");

    let path = address.split('?').next().unwrap();
    let paid = submit(&sim, &format!("{path}/pay"), &[("method", "CARD")]).await;
    let (back, pairs) = way_back(&paid);
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((paid.status, back.as_str()), (303, "/success"));
    assert_eq!(names, ["tab", "paymentType", "orderId", "paymentKey", "amount"]);
    assert_eq!((value(&pairs, "paymentType"), value(&pairs, "amount")), (Some("NORMAL"), Some("15000")));
    let key = value(&pairs, "paymentKey").unwrap();
    let payment = sim.confirm(key, "order-0001", 15_000).await.json;
    assert_eq!((&payment["status"], &payment["orderName"]), (&json!("DONE"), &json!("토스 티셔츠 <외 2건>")));
    assert_eq!(submit(&sim, &format!("{path}/pay"), &[("method", "CARD")]).await.status, 400);
    let receipt = send(sim.bare(Method::GET, &format!("/_window/receipts/{key}"))).await;
    assert_eq!(receipt.status, 200);
}

#[tokio::test]
async fn a_declined_or_closed_window_goes_to_the_fail_address() {
    let sim = start().await;
    let path = opened(&sim, &[]).await;
    let (back, pairs) = way_back(&submit(&sim, &format!("{path}/decline"), &[]).await);
    assert_eq!(back, "/fail");
    assert_eq!(value(&pairs, "code"), Some("REJECT_CARD_COMPANY"));
    assert_eq!(value(&pairs, "orderId"), Some("order-0001"));
    let (_, pairs) = way_back(&submit(&sim, &format!("{path}/close"), &[]).await);
    assert_eq!(value(&pairs, "code"), Some("PAY_PROCESS_CANCELED"));
    assert_eq!(value(&pairs, "orderId"), None);
    assert_eq!(sim.look_up_order("order-0001").await.json["status"], "READY");
    sim.advance(30 * 60).await;
    assert_eq!(sim.look_up_order("order-0001").await.json["status"], "EXPIRED");
    assert_eq!(send(sim.bare(Method::GET, &path)).await.status, 404);
}

#[tokio::test]
async fn the_buyer_may_choose_a_decline_at_confirm() {
    let sim = start().await;
    let path = opened(&sim, &[]).await;
    let fields = [("method", "CARD"), ("decline_on_confirm", "REJECT_CARD_PAYMENT")];
    let (_, pairs) = way_back(&submit(&sim, &format!("{path}/pay"), &fields).await);
    let key = value(&pairs, "paymentKey").unwrap();
    assert_eq!(sim.confirm(key, "order-0001", 15_000).await.refusal(), (403, "REJECT_CARD_PAYMENT"));
    assert_eq!(sim.look_up(key).await.json["status"], "ABORTED");
}

#[tokio::test]
async fn a_window_of_one_pair_of_keys_is_confirmed_with_its_secret() {
    let sim = start().await;
    let path = opened(&sim, &[("clientKey", DEFAULT_WIDGET_CLIENT_KEY)]).await;
    let (_, pairs) = way_back(&submit(&sim, &format!("{path}/pay"), &[("method", "CARD")]).await);
    let key = value(&pairs, "paymentKey").unwrap();
    assert_eq!(sim.confirm(key, "order-0001", 15_000).await.refusal(), (400, "INVALID_API_KEY"));
    let body = json!({ "paymentKey": key, "orderId": "order-0001", "amount": 15_000 });
    let confirm = sim.bare(Method::POST, "/v1/payments/confirm").basic_auth(DEFAULT_WIDGET_SECRET_KEY, Some(""));
    assert_eq!(send(confirm.json(&body)).await.status, 200);
}

#[tokio::test]
async fn a_window_that_makes_no_sense_leads_back_to_the_shop() {
    let sim = start().await;
    let too_long = "이".repeat(101);
    let cases = [
        ("orderId", "short", "INVALID_ORDER_ID"),
        ("orderId", "", "INVALID_ORDER_ID"),
        ("orderName", "", "INVALID_ORDER_NAME"),
        ("orderName", &too_long, "INVALID_ORDER_NAME"),
        ("amount", "0", "BELOW_ZERO_AMOUNT"),
        ("amount", "", "REQUIRED_AMOUNT"),
        ("amount", "1000.5", "INVALID_REQUEST"),
        ("amount", "many", "INVALID_REQUEST"),
        ("currency", "USD", "INVALID_CURRENCY"),
        ("method", "", "NOT_FOUND_METHOD"),
        ("method", "BITCOIN", "NOT_FOUND_METHOD"),
        ("method", "EASY_PAY", "NOT_FOUND_METHOD"),
        ("method", "FOREIGN_EASY_PAY", "NOT_SUPPORTED_METHOD"),
        ("successUrl", "javascript:alert(1)", "INCORRECT_SUCCESS_URL_FORMAT"),
        ("wishes", "{", "INVALID_REQUEST"),
        ("wishes", r#"{"customerEmail":"nobody"}"#, "INVALID_EMAIL"),
        ("wishes", r#"{"taxFreeAmount":15001}"#, "INVALID_REQUEST"),
        ("wishes", r#"{"card":{"flowMode":"DIRECT"}}"#, "INVALID_REQUEST"),
        ("wishes", r#"{"card":{"cardInstallmentPlan":3}}"#, "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT"),
    ];
    for (field, value, code) in cases {
        let answer = open(&sim, &[(field, value)]).await;
        assert_eq!(answer.status, 303, "{field}={value}: {}", answer.text);
        let (path, pairs) = way_back(&answer);
        assert_eq!((path.as_str(), self::value(&pairs, "code")), ("/fail", Some(code)), "{field}={value}");
        let order_id = if field == "orderId" { Some(value).filter(|id| !id.is_empty()) } else { Some("order-0001") };
        assert_eq!(self::value(&pairs, "orderId"), order_id, "{field}={value}");
    }
    // In a frame there is nowhere to go: the page around it is told.
    let framed = open(&sim, &[("amount", "0"), ("opener", "https://shop.example")]).await;
    assert!(framed.status == 200 && framed.text.contains("BELOW_ZERO_AMOUNT"), "{}", framed.text);
    // A shop that is not known, or has no address to go to, leaves the buyer on the simulator's own page.
    for (field, value, code) in [
        ("clientKey", "test_ck_unknown", "INVALID_CLIENT_KEY"),
        ("failUrl", "data:text/html,x", "INCORRECT_FAIL_URL_FORMAT"),
    ] {
        let answer = open(&sim, &[(field, value)]).await;
        assert!(answer.status == 400 && answer.text.contains(code), "{field}={value}: {}", answer.text);
    }
    assert_eq!(send(sim.bare(Method::GET, "/_window/open")).await.status, 400);
    assert_eq!(send(sim.bare(Method::GET, "/_window/nobody")).await.status, 404);
    assert_eq!(sim.ask("/_sim/payments").await, json!([]));
}

/// Opens a window with these wishes, pays in it with these choices, and confirms.
async fn bought(sim: &Simulator, method: &str, wishes: Value, choices: &[(&str, &str)]) -> Value {
    let wishes = wishes.to_string();
    let changes = [("method", method), ("amount", "60000"), ("wishes", wishes.as_str())];
    let path = opened(sim, &changes).await;
    let shown = if choices.iter().any(|(name, _)| *name == "method") { vec![] } else { vec![("method", method)] };
    let fields: Vec<_> = shown.into_iter().chain(choices.iter().copied()).collect();
    let paid = submit(sim, &format!("{path}/pay"), &fields).await;
    assert_eq!(paid.status, 303, "{}", paid.text);
    let (_, pairs) = way_back(&paid);
    let confirmed = sim.confirm(value(&pairs, "paymentKey").unwrap(), "order-0001", 60_000).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    confirmed.json
}

#[tokio::test]
async fn what_the_shop_asks_for_is_in_the_payment() {
    let wishes = json!({
        "taxFreeAmount": 27_000, "metadata": { "cart": "7" }, "customerEmail": "a@example.com",
        "customerMobilePhone": "01099998888",
        "card": {
            "useEscrow": true, "useCardPoint": true, "cardCompany": "SHINHAN", "maxCardInstallmentPlan": 6,
            "freeInstallmentPlans": [{ "company": "SHINHAN", "months": [3] }],
        },
    });
    let paid = bought(&start().await, "CARD", wishes, &[("installment", "3")]).await;
    // (60000 - 27000) / 11.
    let tax = ["suppliedAmount", "vat", "taxFreeAmount"].map(|name| paid[name].as_u64().unwrap());
    assert_eq!(tax, [30_000, 3_000, 27_000]);
    assert_eq!((&paid["metadata"], &paid["useEscrow"]), (&json!({ "cart": "7" }), &json!(true)));
    let card = &paid["card"];
    assert_eq!((&card["issuerCode"], &card["acquirerCode"]), (&json!("41"), &json!("41")));
    assert_eq!((&card["installmentPlanMonths"], &card["isInterestFree"]), (&json!(3), &json!(true)));
    assert_eq!((&card["interestPayer"], &card["useCardPoint"]), (&json!("MERCHANT"), &json!(true)));

    let wishes = json!({ "card": { "flowMode": "DIRECT", "easyPay": "KAKAOPAY" } });
    let paid = bought(&start().await, "CARD", wishes, &[("method", "EASY_PAY")]).await;
    assert_eq!((&paid["method"], &paid["easyPay"]["provider"]), (&json!("간편결제"), &json!("카카오페이")));
    let paid = bought(&start().await, "CARD", json!({}), &[("method", "EASY_PAY"), ("easy_pay", "NAVERPAY")]).await;
    assert_eq!(paid["easyPay"]["provider"], "네이버페이");
    let wishes = json!({ "customerMobilePhone": "01099998888" });
    let paid = bought(&start().await, "MOBILE_PHONE", wishes, &[]).await;
    assert_eq!(paid["mobilePhone"]["customerMobilePhone"], "01099998888");
    let sim = start().await;
    bought(&sim, "CARD", json!({ "customerEmail": "a@example.com" }), &[]).await;
    assert_eq!(sim.ask("/_sim/payments/order-0001").await["customerEmail"], "a@example.com");
}

#[tokio::test]
async fn an_account_of_the_window_waits_as_long_as_the_shop_says() {
    for (wishes, seconds) in [
        (json!({ "virtualAccount": { "validHours": 24 } }), 24 * 60 * 60),
        (json!({ "virtualAccount": { "dueDate": "2126-01-02T03:04:05" } }), 0),
        (json!({}), 168 * 60 * 60),
    ] {
        let sim = start().await;
        if seconds == 0 {
            // A date further away than 90 days.
            let answer = open(&sim, &[("method", "VIRTUAL_ACCOUNT"), ("wishes", &wishes.to_string())]).await;
            assert_eq!(value(&way_back(&answer).1, "code"), Some("EXCEED_MAX_DUE_DATE"));
            continue;
        }
        let paid = bought(&sim, "VIRTUAL_ACCOUNT", wishes, &[("bank", "88")]).await;
        sim.advance(seconds - 60).await;
        assert_eq!(sim.look_up_order("order-0001").await.json["virtualAccount"]["expired"], false);
        sim.advance(60).await;
        assert_eq!(sim.look_up_order("order-0001").await.json["virtualAccount"]["expired"], true);
        assert_eq!(paid["virtualAccount"]["bankCode"], "88");
    }
}

#[tokio::test]
async fn a_window_takes_no_choice_that_it_does_not_offer() {
    let sim = start().await;
    let path = opened(&sim, &[("wishes", r#"{"card":{"cardCompany":"41"}}"#)]).await;
    let window = send(sim.bare(Method::GET, &path)).await.text;
    assert!(window.contains("신한 카드") && !window.contains("name=\"method\" value=\"EASY_PAY\""), "{window}");
    for (fields, code) in [
        (vec![("method", "EASY_PAY")], "NOT_FOUND_METHOD"),
        (vec![("method", "CARD"), ("installment", "6")], "INVALID_CARD_INSTALLMENT_PLAN"),
        (vec![("method", "CARD"), ("easy_pay", "KAKAOPAY")], "NOT_FOUND_METHOD"),
        (
            vec![("method", "CARD"), ("cash_receipt", "소득공제"), ("receipt_number", "1")],
            "INVALID_REGISTRATION_NUMBER_TYPE",
        ),
    ] {
        let refused = submit(&sim, &format!("{path}/pay"), &fields).await;
        assert!(refused.text.contains(code), "{fields:?}: {}", refused.text);
    }
    assert_eq!(sim.look_up_order("order-0001").await.json["status"], "READY");
}

#[tokio::test]
async fn the_older_scripts_say_that_they_are_not_simulated() {
    let sim = start().await;
    for path in ["/v1/payment", "/v1/payment-widget", "/v1/brandpay"] {
        let script = send(sim.bare(Method::GET, path)).await.text;
        assert!(
            script.starts_with("throw") && script.contains("toss-sim") && script.contains("NOT_SIMULATED"),
            "{script}"
        );
    }
}

#[tokio::test]
async fn a_window_offers_what_was_asked_for_and_nothing_else() {
    let sim = start().await;
    for (asked, offered) in [
        ("CARD", vec!["CARD", "EASY_PAY"]),
        ("VIRTUAL_ACCOUNT", vec!["VIRTUAL_ACCOUNT"]),
        ("TRANSFER", vec!["TRANSFER"]),
        ("MOBILE_PHONE", vec!["MOBILE_PHONE"]),
        ("CULTURE_GIFT_CERTIFICATE", vec!["CULTURE_GIFT_CERTIFICATE"]),
    ] {
        let path = opened(&sim, &[("method", asked)]).await;
        let window = send(sim.bare(Method::GET, &path)).await.text;
        let rows = window.split("name=\"method\" value=\"").skip(1);
        let shown: Vec<&str> = rows.map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(shown, offered);
        let other = if asked == "CARD" { "VIRTUAL_ACCOUNT" } else { "CARD" };
        let refused = submit(&sim, &format!("{path}/pay"), &[("method", other)]).await;
        assert_eq!(refused.status, 404, "{asked}");
        assert!(refused.text.contains("NOT_FOUND_METHOD"), "{asked}: {}", refused.text);
        assert_eq!(submit(&sim, &format!("{path}/pay"), &[("method", asked)]).await.status, 303, "{asked}");
    }
}
