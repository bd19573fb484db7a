//! The browser's side: the script, the payment window and the way back.

use reqwest::{Method, Url};
use serde_json::json;
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
async fn a_window_that_makes_no_sense_does_not_open() {
    let sim = start().await;
    let cases = [
        ("clientKey", "test_ck_unknown", "INVALID_CLIENT_KEY"),
        ("orderId", "short", "INVALID_ORDER_ID"),
        ("orderName", "", "INVALID_ORDER_NAME"),
        ("amount", "0", "BELOW_ZERO_AMOUNT"),
        ("amount", "many", "INVALID_REQUEST"),
        ("currency", "USD", "INVALID_CURRENCY"),
        ("method", "", "NOT_FOUND_METHOD"),
        ("method", "BITCOIN", "NOT_FOUND_METHOD"),
        ("method", "EASY_PAY", "NOT_FOUND_METHOD"),
        ("successUrl", "javascript:alert(1)", "INCORRECT_SUCCESS_URL_FORMAT"),
        ("failUrl", "data:text/html,x", "INCORRECT_FAIL_URL_FORMAT"),
    ];
    for (field, value, code) in cases {
        let answer = open(&sim, &[(field, value)]).await;
        assert!(matches!(answer.status, 400 | 404), "{field}={value}: {}", answer.status);
        assert!(answer.text.contains(code), "{field}={value}");
    }
    assert_eq!(send(sim.bare(Method::GET, "/_window/open")).await.status, 400);
    assert_eq!(send(sim.bare(Method::GET, "/_window/nobody")).await.status, 404);
    assert_eq!(sim.ask("/_sim/payments").await, json!([]));
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
