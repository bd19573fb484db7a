//! Confirm, look-up, cancel, authorization, the clocks and reconciliation.

use reqwest::Method;
use serde_json::{Value, json};
use toss_sim::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY};

use crate::support::{send, start};

/// Every field of the Payment object.
const FIELDS: [&str; 40] = [
    "version",
    "paymentKey",
    "type",
    "orderId",
    "orderName",
    "mId",
    "currency",
    "method",
    "totalAmount",
    "balanceAmount",
    "status",
    "requestedAt",
    "approvedAt",
    "useEscrow",
    "lastTransactionKey",
    "transactionKey",
    "suppliedAmount",
    "vat",
    "cultureExpense",
    "taxFreeAmount",
    "taxExemptionAmount",
    "cancels",
    "isPartialCancelable",
    "card",
    "virtualAccount",
    "secret",
    "mobilePhone",
    "giftCertificate",
    "transfer",
    "metadata",
    "receipt",
    "checkout",
    "easyPay",
    "easyPayAmount",
    "easyPayDiscountAmount",
    "country",
    "failure",
    "cashReceipt",
    "cashReceipts",
    "discount",
];

#[tokio::test]
async fn a_card_payment_is_confirmed_once_and_looked_up() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 15_000).await;
    assert_eq!(sim.look_up(&key).await.json["status"], "IN_PROGRESS");

    let confirmed = sim.confirm(&key, "order-0001", 15_000).await;
    assert_eq!(confirmed.status, 200);
    let payment = confirmed.json;
    let mut names: Vec<&str> = payment.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = FIELDS.to_vec();
    names.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(payment["status"], "DONE");
    assert_eq!(payment["method"], "카드");
    assert_eq!((&payment["totalAmount"], &payment["balanceAmount"]), (&json!(15_000), &json!(15_000)));
    assert_eq!((&payment["suppliedAmount"], &payment["vat"]), (&json!(13_636), &json!(1_364)));
    assert_eq!(payment["card"]["acquireStatus"], "READY");
    assert!(payment["approvedAt"].as_str().unwrap().ends_with("+09:00"));
    assert!(payment["receipt"]["url"].as_str().unwrap().starts_with(&sim.url));
    assert!(payment["secret"].as_str().unwrap().starts_with("ps_"), "a card payment has one, too");

    assert_eq!(sim.look_up(&key).await.json, payment);
    assert_eq!(sim.look_up_order("order-0001").await.json, payment);
    let again = sim.confirm(&key, "order-0001", 15_000).await;
    assert_eq!(again.refusal(), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(again.json["message"], "이미 처리된 결제 입니다.");

    let totals = sim.ask("/_sim/totals").await;
    let wanted = json!({ "charged": 15_000, "canceled": 0, "net": 15_000, "payments": 1, "double_charged_orders": 0 });
    assert_eq!(totals, wanted);
    let calls = sim.ask("/_sim/calls").await;
    let effects: Vec<&Value> = calls.as_array().unwrap().iter().map(|call| &call["took_effect"]).collect();
    assert_eq!(effects, [false, true, false, false, false]);
    assert_eq!(calls[1]["orderId"], "order-0001");
    assert_eq!(calls[1]["paymentKey"], key);
    assert_eq!(calls[1]["status"], 200);
}

#[tokio::test]
async fn a_confirm_that_does_not_match_is_refused() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 15_000).await;
    let forbidden = (403, "FORBIDDEN_REQUEST");
    assert_eq!(sim.confirm(&key, "order-0001", 14_999).await.refusal(), forbidden);
    assert_eq!(sim.confirm(&key, "order-0002", 15_000).await.refusal(), forbidden);
    assert_eq!(sim.confirm("nobody", "order-0001", 15_000).await.refusal(), (404, "NOT_FOUND_PAYMENT"));
    assert_eq!(sim.look_up_order("order-none").await.refusal(), (404, "NOT_FOUND_PAYMENT"));

    let confirm = || sim.toss(Method::POST, "/v1/payments/confirm");
    for body in ["", "[]", "{}", r#"{"paymentKey":"a","orderId":"order-0001","amount":"won"}"#] {
        assert_eq!(send(confirm().body(body)).await.refusal(), (400, "INVALID_REQUEST"), "{body}");
    }
    let large = "x".repeat(65 * 1_024);
    assert_eq!(send(confirm().body(large)).await.refusal(), (400, "INVALID_REQUEST"));
    assert_eq!(send(sim.toss(Method::GET, "/v1/nothing")).await.refusal(), (404, "NOT_FOUND"));
    assert_eq!(send(sim.toss(Method::DELETE, "/v1/payments/a")).await.refusal(), (404, "NOT_FOUND_HTTP_METHOD"));
    assert_eq!(sim.look_up(&key).await.json["status"], "IN_PROGRESS");
}

/// Toss writes names of transactions in two forms.
#[tokio::test]
async fn a_transaction_is_named_in_either_form() {
    let sim = start().await;
    let (mut old, mut new) = (0, 0);
    for number in 0..40 {
        let order = format!("order-{number:04}");
        let key = sim.paid(&order, 1_000).await;
        let payment = sim.look_up(&key).await.json;
        let name = payment["lastTransactionKey"].as_str().unwrap();
        match name.strip_prefix("txrd_a01") {
            Some(rest) => {
                assert!(
                    rest.len() == 24 && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z')),
                    "{name}"
                );
                new += 1;
            }
            None => {
                assert!(
                    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')),
                    "{name}"
                );
                old += 1;
            }
        }
    }
    assert!(old > 0 && new > 0, "{old} and {new}");
}

#[tokio::test]
async fn numbers_may_be_texts_and_an_order_id_a_number() {
    let sim = start().await;
    let key = sim.authorize("202611270001", 50_000).await;
    let confirm = json!({ "paymentKey": key, "orderId": 202_611_270_001_u64, "amount": "50000" });
    let paid = send(sim.toss(Method::POST, "/v1/payments/confirm").json(&confirm)).await;
    assert_eq!((paid.status, &paid.json["totalAmount"]), (200, &json!(50_000)), "{}", paid.text);
    assert_eq!(sim.last_call().await["orderId"], "202611270001");
    let part = json!({ "cancelReason": "변심", "cancelAmount": "20000", "refundableAmount": "50000" });
    assert_eq!(sim.cancel(&key, part).await.json["balanceAmount"], 30_000);
    let account = json!({ "amount": "5000", "orderId": 202_611_270_002_u64, "orderName": "책", "customerName": "김토스",
                          "bank": "20", "validHours": "24" });
    let issued = send(sim.toss(Method::POST, "/v1/virtual-accounts").json(&account)).await;
    assert_eq!((issued.status, &issued.json["orderId"]), (200, &json!("202611270002")), "{}", issued.text);
}

#[tokio::test]
async fn an_order_is_paid_once() {
    let sim = start().await;
    sim.paid("order-0001", 1_000).await;
    let second = sim.authorize("order-0001", 1_000).await;
    let answer = sim.confirm(&second, "order-0001", 1_000).await;
    assert_eq!(answer.refusal(), (400, "DUPLICATED_ORDER_ID"));
    let order = sim.ask("/_sim/payments/order-0001").await;
    assert_eq!((&order["status"], &order["charges"], &order["charged"]), (&json!("DONE"), &json!(1), &json!(1_000)));
    assert_eq!(order["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(order["calls"].as_array().unwrap().len(), 2);
    assert_eq!(sim.ask("/_sim/totals").await["double_charged_orders"], 0);
}

#[tokio::test]
async fn a_declined_confirm_aborts_the_payment() {
    let sim = start().await;
    let key = sim.authorize("order-0001", 1_000).await;
    sim.mischief(json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })).await;
    let declined = sim.confirm(&key, "order-0001", 1_000).await;
    assert_eq!(declined.refusal(), (403, "REJECT_CARD_PAYMENT"));
    let payment = sim.look_up(&key).await.json;
    assert_eq!(payment["status"], "ABORTED");
    assert_eq!(payment["failure"]["code"], "REJECT_CARD_PAYMENT");
    let totals = sim.ask("/_sim/totals").await;
    assert_eq!((&totals["charged"], &totals["payments"]), (&json!(0), &json!(0)));

    // A new attempt on the same order may still succeed: the first one used nothing up.
    sim.paid("order-0001", 1_000).await;
}

#[tokio::test]
async fn the_three_authorization_errors() {
    let sim = start().await;
    let look_up = || sim.bare(Method::GET, "/v1/payments/orders/order-0001");
    let unauthorized = (401, "UNAUTHORIZED_KEY");
    assert_eq!(send(look_up()).await.refusal(), unauthorized);
    assert_eq!(send(look_up().basic_auth("test_sk_unknown", Some(""))).await.refusal(), unauthorized);
    let no_colon = look_up().header("authorization", "Basic dGVzdF9za19kYWVnZXVt");
    assert_eq!(send(no_colon).await.refusal(), (403, "INCORRECT_BASIC_AUTH_FORMAT"));
    let client_key = look_up().basic_auth(DEFAULT_CLIENT_KEY, Some(""));
    assert_eq!(send(client_key).await.refusal(), (400, "INVALID_API_KEY"));

    // "test_sk_daegeum:" with and without its padding, and the widget's secret key.
    for header in ["Basic dGVzdF9za19kYWVnZXVtOg==", "Basic dGVzdF9za19kYWVnZXVtOg", "basic dGVzdF9za19kYWVnZXVtOg=="] {
        assert_eq!(send(look_up().header("authorization", header)).await.status, 404, "{header}");
    }
    assert_eq!(send(look_up().basic_auth(DEFAULT_WIDGET_SECRET_KEY, Some(""))).await.status, 404);
}

#[tokio::test]
async fn cancels_and_what_is_left() {
    let sim = start().await;
    let key = sim.paid("order-0001", 10_000).await;
    let reason = |body: Value| {
        let mut body = body;
        body["cancelReason"] = json!("고객 변심");
        body
    };
    let part = sim.cancel(&key, reason(json!({ "cancelAmount": 4_000, "refundableAmount": 10_000 }))).await.json;
    assert_eq!((&part["status"], &part["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(6_000)));
    assert_eq!(part["cancels"][0]["refundableAmount"], 6_000);
    assert_eq!(part["cancels"][0]["cancelReason"], "고객 변심");
    assert_eq!(part["totalAmount"], 10_000);

    let wrong_belief = sim.cancel(&key, reason(json!({ "cancelAmount": 1, "refundableAmount": 10_000 }))).await;
    assert_eq!(wrong_belief.refusal(), (400, "NOT_MATCHES_REFUNDABLE_AMOUNT"));
    let too_much = sim.cancel(&key, reason(json!({ "cancelAmount": 6_001 }))).await;
    assert_eq!(too_much.refusal(), (403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!(sim.cancel(&key, json!({})).await.refusal(), (400, "INVALID_REQUEST"));

    let rest = sim.cancel(&key, reason(json!({}))).await.json;
    assert_eq!((&rest["status"], &rest["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(0)));
    let beyond = sim.cancel(&key, reason(json!({}))).await;
    assert_eq!(beyond.refusal(), (403, "NOT_CANCELABLE_AMOUNT"), "balance 0 after a partial cancel");

    let whole = sim.paid("order-0002", 5_000).await;
    assert_eq!(sim.cancel(&whole, reason(json!({}))).await.json["status"], "CANCELED");
    let beyond = sim.cancel(&whole, reason(json!({}))).await;
    assert_eq!(beyond.refusal(), (400, "ALREADY_CANCELED_PAYMENT"));
    assert_eq!(sim.cancel("nobody", reason(json!({}))).await.refusal(), (404, "NOT_FOUND_PAYMENT"));

    let totals = sim.ask("/_sim/totals").await;
    let wanted = json!({ "charged": 15_000, "canceled": 15_000, "net": 0, "payments": 2, "double_charged_orders": 0 });
    assert_eq!(totals, wanted);
}

#[tokio::test]
async fn a_payment_expires_ten_minutes_after_authentication() {
    let sim = start().await;
    let (early, late) = (sim.authorize("order-0001", 1_000).await, sim.authorize("order-0002", 1_000).await);
    sim.advance(9 * 60).await;
    assert_eq!(sim.confirm(&early, "order-0001", 1_000).await.status, 200);
    sim.advance(60).await;
    let answer = sim.confirm(&late, "order-0002", 1_000).await;
    assert_eq!(answer.refusal(), (404, "NOT_FOUND_PAYMENT_SESSION"));
    let payment = sim.look_up(&late).await.json;
    assert_eq!((&payment["status"], &payment["failure"]["code"]), (&json!("EXPIRED"), &json!("EXPIRED_PAYMENT")));
}

#[tokio::test]
async fn messages_and_methods_in_english() {
    let sim = start().await;
    let key = sim.paid("order-0001", 1_000).await;
    let english = sim.toss(Method::GET, &format!("/v1/payments/{key}")).header("accept-language", "en-US");
    assert_eq!(send(english).await.json["method"], "CARD");
    let again = sim.confirm_request(&key, "order-0001", 1_000).header("accept-language", "en-US");
    assert_eq!(send(again).await.json["message"], "This is a payment that has already been processed.");
}

#[tokio::test]
async fn a_test_code_answers_before_anything_is_read() {
    let sim = start().await;
    let with_code = |code: &str| sim.toss(Method::POST, "/v1/payments/confirm").header("TossPayments-Test-Code", code);
    let cases = [
        ("REJECT_CARD_PAYMENT", 403),
        ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500),
        ("IDEMPOTENT_REQUEST_PROCESSING", 409),
        ("COMMON_ERROR", 500),
    ];
    for (code, status) in cases {
        assert_eq!(send(with_code(code)).await.refusal(), (status, code));
    }
    assert_eq!(send(with_code("NO_SUCH_CODE")).await.refusal(), (400, "INVALID_TEST_CODE"));
}

#[tokio::test]
async fn transactions_today_and_settlements_tomorrow() {
    let sim = start().await;
    let key = sim.paid("order-0001", 10_000).await;
    sim.cancel(&key, json!({ "cancelReason": "변심", "cancelAmount": 4_000 })).await;
    let query = "startDate=2020-01-01&endDate=2100-01-01";
    let list = async |path: String| send(sim.toss(Method::GET, &path)).await;

    let rows = list(format!("/v1/transactions?{query}")).await.json;
    let amounts: Vec<(&Value, &Value)> =
        rows.as_array().unwrap().iter().map(|row| (&row["status"], &row["amount"])).collect();
    assert_eq!(amounts, [(&json!("DONE"), &json!(10_000)), (&json!("PARTIAL_CANCELED"), &json!(4_000))]);
    let first = rows[0]["transactionKey"].as_str().unwrap();
    let rest = list(format!("/v1/transactions?{query}&startingAfter={first}&limit=1")).await.json;
    assert_eq!(rest, json!([rows[1]]));

    assert_eq!(list(format!("/v1/transactions/?{query}")).await.json, rows, "with a slash at the end");

    assert_eq!(list(format!("/v1/settlements?{query}")).await.json, json!([]));
    sim.advance(24 * 60 * 60).await;
    let rows = list(format!("/v1/settlements?{query}")).await.json;
    let paid_out: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["payOutAmount"]).collect();
    assert_eq!(paid_out, [&json!(9_703), &json!(-3_882)]);
    assert_eq!((&rows[0]["fee"], &rows[1]["fee"]), (&json!(297), &json!(-118)), "VAT included");
    assert_eq!(rows[0]["card"]["amount"], 10_000);
    assert!(rows[0]["easyPay"].is_null() && rows[0]["virtualAccount"].is_null());

    let refusals = [
        ("/v1/transactions".to_owned(), "INVALID_REQUEST"),
        ("/v1/transactions?startDate=soon&endDate=2100-01-01".to_owned(), "INVALID_ISO_DATE_FORMAT"),
        (format!("/v1/transactions?{query}&limit=5001"), "EXCEED_MAX_QUERY_LIMIT"),
        (format!("/v1/transactions?{query}&startingAfter=x"), "INVALID_PAGING_KEY"),
        (format!("/v1/settlements?{query}&dateType=x"), "INVALID_REQUEST"),
    ];
    for (path, code) in refusals {
        assert_eq!(list(path.clone()).await.refusal(), (400, code), "{path}");
    }
}

#[tokio::test]
async fn the_control_plane_says_what_it_does_not_understand() {
    let sim = start().await;
    let cases = [
        ("/_sim/authorize", "", 400, "malformed_body"),
        ("/_sim/authorize", r#"{"orderId":"order-0001"}"#, 400, "malformed_body"),
        ("/_sim/authorize", r#"{"orderId":"order-0001","amount":1,"colour":1}"#, 400, "malformed_body"),
        ("/_sim/authorize", r#"{"orderId":"short","amount":1}"#, 400, "invalid_value"),
        ("/_sim/authorize", r#"{"orderId":"order-0001","amount":0}"#, 400, "invalid_value"),
        ("/_sim/authorize", r#"{"orderId":"order-0001","amount":1,"method":"현금"}"#, 400, "invalid_value"),
        ("/_sim/mischief", r#"{"on":"confirm","kind":"explode"}"#, 400, "malformed_body"),
        ("/_sim/mischief", r#"{"on":"confirm","kind":"duplicate"}"#, 400, "invalid_value"),
        ("/_sim/mischief", r#"{"on":"webhook","kind":"rate_limit"}"#, 400, "invalid_value"),
        ("/_sim/mischief", r#"{"on":"confirm","kind":"error_before","code":"NOPE"}"#, 400, "invalid_value"),
        ("/_sim/deposit", r#"{"orderId":"order-none"}"#, 404, "unknown_order"),
        ("/_sim/clock", r#"{"advance_s":18446744073709551615}"#, 400, "invalid_value"),
        ("/_sim/webhooks", r#"{"urls":["javascript:alert(1)"]}"#, 400, "invalid_value"),
    ];
    for (path, body, status, code) in cases {
        assert_eq!(send(sim.bare(Method::POST, path).body(body)).await.refusal(), (status, code), "{path} {body}");
    }
    let unknown = send(sim.bare(Method::GET, "/_sim/payments/order-none")).await;
    assert_eq!(unknown.refusal(), (404, "unknown_order"));
}
