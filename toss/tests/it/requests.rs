//! What leaves, to the byte, and what does not leave at all.

use std::time::Duration;

use toss::{
    CancelRequest, Client, Config, ConfigError, ConfirmRequest, Currency, Error, IdempotencyKey, LimitError, SecretKey,
};

use crate::CARD;
use crate::server::{Outcome, SECRET, Server, client, key};

fn request(payment_key: &str, order_id: &str, amount: u64) -> ConfirmRequest {
    ConfirmRequest { payment_key: payment_key.into(), order_id: order_id.into(), amount, currency: Currency::Krw }
}

fn cancel(reason: &str) -> CancelRequest {
    CancelRequest {
        reason: reason.into(),
        amount: Some(1_000),
        currency: Currency::Krw,
        refundable_amount: Some(15_000),
        refund_account: None,
    }
}

/// First line, the headers that matter, and the body.
fn shape(text: &str) -> (String, Vec<String>, String) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines().map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    let named = ["authorization", "content-type", "idempotency-key", "accept-language"];
    let mut headers: Vec<String> = lines.filter(|line| named.iter().any(|name| line.starts_with(name))).collect();
    headers.sort();
    (first, headers, body.to_owned())
}

#[tokio::test]
async fn each_call_is_one_request_in_toss_words() -> Outcome {
    let mut server = Server::answering(200, CARD).await?;
    let client = server.client()?;
    // base64("test_sk_abc:")
    let basic = "authorization: Basic dGVzdF9za19hYmM6".to_owned();
    let posted =
        vec![basic.clone(), "content-type: application/json".to_owned(), "idempotency-key: attempt-1".to_owned()];

    client.confirm(&request("pay-1", "order-1", 15_000), &key()?).await?;
    let body = r#"{"paymentKey":"pay-1","orderId":"order-1","amount":15000}"#;
    assert_eq!(
        server.received().as_deref().map(shape),
        Some(("POST /v1/payments/confirm HTTP/1.1".into(), posted.clone(), body.into()))
    );

    client.cancel("pay-1", &cancel("변심"), &key()?).await?;
    let body = r#"{"cancelReason":"변심","cancelAmount":1000,"currency":"KRW","refundableAmount":15000}"#;
    assert_eq!(
        server.received().as_deref().map(shape),
        Some(("POST /v1/payments/pay-1/cancel HTTP/1.1".into(), posted, body.into()))
    );

    client.payment("pay-1").await?;
    assert_eq!(
        server.received().as_deref().map(shape),
        Some(("GET /v1/payments/pay-1 HTTP/1.1".into(), vec![basic.clone()], String::new()))
    );

    client.payment_by_order("order-1=").await?;
    assert_eq!(
        server.received().as_deref().map(shape),
        Some(("GET /v1/payments/orders/order-1= HTTP/1.1".into(), vec![basic], String::new()))
    );
    assert_eq!(server.received(), None);
    Ok(())
}

#[tokio::test]
async fn a_key_stays_inside_its_segment() -> Outcome {
    let mut server = Server::answering(200, CARD).await?;
    let client = server.client()?;
    for (payment_key, path) in [
        ("a/../b", "/v1/payments/a%2F..%2Fb"),
        ("a?b#c", "/v1/payments/a%3Fb%23c"),
        ("%2e%2e", "/v1/payments/%252e%252e"),
    ] {
        client.payment(payment_key).await?;
        let first = server.received().map(|text| shape(&text).0);
        assert_eq!(first, Some(format!("GET {path} HTTP/1.1")));
    }
    Ok(())
}

#[tokio::test]
async fn a_base_url_may_have_a_path() -> Outcome {
    let mut server = Server::answering(200, CARD).await?;
    for path in ["/sim", "/sim/"] {
        client(&format!("{}{path}", server.url()))?.payment("pay-1").await?;
        let first = server.received().map(|text| shape(&text).0);
        assert_eq!(first.as_deref(), Some("GET /sim/v1/payments/pay-1 HTTP/1.1"));
    }
    Ok(())
}

#[tokio::test]
async fn what_breaks_a_limit_is_not_sent() -> Outcome {
    let mut server = Server::answering(200, CARD).await?;
    let client = server.client()?;
    let key = key()?;
    let long = "k".repeat(201);
    let outcomes = [
        (client.confirm(&request("", "order-1", 1), &key).await, LimitError::PaymentKey),
        (client.confirm(&request(&long, "order-1", 1), &key).await, LimitError::PaymentKey),
        (client.confirm(&request("pay-1", "short", 1), &key).await, LimitError::OrderId),
        (client.confirm(&request("pay-1", "order/1", 1), &key).await, LimitError::OrderId),
        (client.confirm(&request("pay-1", "order-1", 0), &key).await, LimitError::Amount),
        (client.payment("..").await, LimitError::PaymentKey),
        (client.payment("한글").await, LimitError::PaymentKey),
        (client.payment_by_order("../../x").await, LimitError::OrderId),
        (client.cancel("..", &cancel("r"), &key).await, LimitError::PaymentKey),
        (client.cancel("pay-1", &cancel(""), &key).await, LimitError::Reason),
        (client.cancel("pay-1", &cancel(&long), &key).await, LimitError::Reason),
    ];
    for (outcome, expected) in outcomes {
        let refused = matches!(&outcome, Err(error @ Error::Limit(limit))
            if *limit == expected && error.class() == toss::Class::Permanent
                && !error.was_answered() && !error.spent_key());
        assert!(refused, "{expected:?}: {outcome:?}");
    }
    assert_eq!(server.received(), None);
    Ok(())
}

#[test]
fn a_config_that_cannot_work_is_refused_at_once() -> Outcome {
    for url in [
        "",
        "api.tosspayments.com",
        "ftp://toss",
        "https://",
        "http://user@toss",
        "http://u:p@toss",
        "http://toss?a=b",
        "http://toss#a",
        "data:text/plain,x",
    ] {
        let made = Client::try_new(Config::new(url, SECRET));
        assert!(matches!(made, Err(ConfigError::BaseUrl)), "{url}: {made:?}");
    }
    for secret in ["", "test_sk\n", "\u{feff}test_sk", "test sk"] {
        let made = Client::try_new(Config::new("http://toss", secret));
        assert!(matches!(made, Err(ConfigError::SecretKey)), "{secret:?}: {made:?}");
    }
    let mut config = Config::new("http://toss", SECRET);
    config.answer_time = Duration::ZERO;
    assert!(matches!(Client::try_new(config), Err(ConfigError::Time)));
    assert!(Client::try_new(Config::new("https://api.tosspayments.com", SECRET)).is_ok());
    Ok(())
}

#[tokio::test]
async fn no_debug_prints_the_secret() -> Outcome {
    let config = Config::new("http://127.0.0.1:9", SECRET);
    let secret = SecretKey::from(SECRET.to_owned());
    let made = Client::try_new(config.clone())?;
    let failed = made.payment("pay-1").await;
    let printed = format!("{config:?} {secret:?} {made:?} {failed:?}");
    assert!(!printed.contains(SECRET), "{printed}");
    assert!(!printed.contains("dGVzdF9za19hYmM6"), "{printed}");
    assert!(IdempotencyKey::parse("a".repeat(300)).is_ok());
    Ok(())
}
