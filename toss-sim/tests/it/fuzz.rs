//! Bytes from outside: whatever they are, the simulator answers, and not with a fault of its own.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use toss_sim::{DEFAULT_SECRET_KEY, Options};
use tower::ServiceExt;

const POSTS: [&str; 16] = [
    "/v1/billing/authorizations/card",
    "/v1/billing/any",
    "/v1/payments/confirm",
    "/v1/payments/any/cancel",
    "/v1/virtual-accounts",
    "/v2/sellers",
    "/v2/sellers/any",
    "/v2/payouts",
    "/v2/payouts/any/cancel",
    "/_sim/authorize",
    "/_sim/mischief",
    "/_sim/clock",
    "/_sim/bank",
    "/_sim/balance",
    "/_sim/webhooks",
    "/_window/any/pay",
];
const GETS: [&str; 6] =
    ["/v1/transactions", "/v1/settlements", "/v2/sellers", "/v2/payouts", "/_window/open", "/_window/any"];

/// The status of an answer; a panic on the way fails the test.
fn status(router: &Router, request: Request<Body>) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(router.clone().oneshot(request)).unwrap().status().as_u16()
}

fn authorized(method: &str, path: &str) -> axum::http::request::Builder {
    let basic = format!("Basic {}", STANDARD.encode(format!("{DEFAULT_SECRET_KEY}:")));
    Request::builder().method(method).uri(path).header("Authorization", basic)
}

/// A body with every field the API knows, one of them replaced.
fn body(field: &str, value: Value) -> Value {
    let mut body = json!({
        "paymentKey": "key", "orderId": "order-0001", "amount": 1_000, "orderName": "책", "customerName": "김토스",
        "bank": "20", "validHours": 24, "cancelReason": "변심", "cancelAmount": 1, "refundableAmount": 1,
        "currency": "KRW", "refundReceiveAccount": { "bank": "20", "accountNumber": "1", "holderName": "김" },
    });
    body[field] = value;
    body
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        ".{0,300}".prop_map(|value| json!(value)),
        Just(json!([[[{}]]])),
    ]
}

fn field() -> impl Strategy<Value = String> {
    let whole = body("dueDate", Value::Null);
    proptest::sample::select(whole.as_object().unwrap().keys().cloned().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_as_a_body(bytes in proptest::collection::vec(any::<u8>(), 0..400), encrypted: bool) {
        let router = toss_sim::router(Options::default()).unwrap();
        for path in POSTS {
            let mut request = authorized("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
            if encrypted {
                request = request.header("TossPayments-api-security-mode", "ENCRYPTION");
            }
            let answered = status(&router, request.body(Body::from(bytes.clone())).unwrap());
            prop_assert!((400..500).contains(&answered) || answered == 200, "{} {}", path, answered);
        }
    }

    #[test]
    fn any_value_in_a_body(field in field(), value in leaf()) {
        let router = toss_sim::router(Options::default()).unwrap();
        for path in ["/v1/payments/confirm", "/v1/payments/any/cancel", "/v1/virtual-accounts", "/_sim/authorize"] {
            let body = body(&field, value.clone()).to_string();
            let answered = status(&router, authorized("POST", path).body(Body::from(body)).unwrap());
            prop_assert!(answered < 500, "{} {}", path, answered);
        }
    }

    #[test]
    fn any_authorization_is_unknown(bytes in proptest::collection::vec(any::<u8>(), 0..80), is_encoded: bool) {
        let router = toss_sim::router(Options::default()).unwrap();
        let written = if is_encoded { format!("Basic {}", STANDARD.encode(&bytes)).into_bytes() } else { bytes };
        let header = HeaderValue::from_bytes(&written).ok();
        prop_assume!(header.is_some());
        for path in ["/v1/payments/key", "/v2/balances"] {
            let request = Request::builder().uri(path).header("Authorization", header.clone().unwrap());
            let answered = status(&router, request.body(Body::empty()).unwrap());
            prop_assert!([401, 403].contains(&answered), "{} {}", path, answered);
        }
    }

    #[test]
    fn any_query(
        name in "(startDate|endDate|limit|page|size|dateType|startingAfter|amount|method)", value in ".{0,60}",
    ) {
        let router = toss_sim::router(Options::default()).unwrap();
        let mut address = reqwest::Url::parse("http://sim/").unwrap();
        address.query_pairs_mut().append_pair("startDate", "2026-01-01").append_pair("endDate", "2026-01-02");
        let valid = address.query().unwrap().to_owned();
        address.set_query(None);
        address.query_pairs_mut().append_pair(&name, &value);
        let query = format!("{}&{valid}", address.query().unwrap());
        for path in GETS {
            let request = authorized("GET", &format!("{path}?{query}")).body(Body::empty()).unwrap();
            let answered = status(&router, request);
            prop_assert!(answered < 500, "{} {} {}", path, query, answered);
        }
    }
}
