//! The breaker and the limit of concurrency: what they stop, what they must not stop, what is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use futures::StreamExt;
use tokio::time::timeout;
use toss::{
    BillingChargeRequest, BreakerRule, BreakerState, Class, Client, Config, ConfigError, ConfirmRequest, Currency,
    Error, NotSentReason, Operation, OperationMetrics, Payment, UNKNOWN_CODE,
};

use crate::CARD;
use crate::server::{ANSWER_TIME, Act, Outcome, PATIENCE, SECRET, Server, answer, key};

const LONG_REST: Duration = Duration::from_secs(600);

async fn confirm(client: &Client) -> Result<Result<Payment, Error>, Box<dyn std::error::Error>> {
    let request = ConfirmRequest {
        payment_key: "payment-key".into(),
        order_id: "a4CWyWY5m89PNh7xJwhk1".into(),
        amount: 15_000,
        currency: Currency::Krw,
    };
    Ok(timeout(PATIENCE, client.confirm(&request, &key()?)).await?)
}

fn client(server: &Server, failures: u32, rest: Duration, limit: u32) -> Result<Client, ConfigError> {
    Client::try_new(Config {
        answer_time: ANSWER_TIME,
        breaker: BreakerRule { failures, rest },
        concurrency_limit: limit,
        ..Config::new(server.url(), SECRET)
    })
}

fn metrics(client: &Client, operation: Operation) -> Result<OperationMetrics, &'static str> {
    client.metrics().into_iter().find(|row| row.operation == operation).ok_or("no such row")
}

fn silence() -> Act {
    Act::AnswerAndClose(Vec::new())
}

fn is_kept_by_breaker(outcome: &Result<Payment, Error>) -> bool {
    matches!(outcome, Err(error @ Error::NotSent { reason: NotSentReason::BreakerOpen { again_in }, .. })
        if !again_in.is_zero() && error.class() == Class::RetryLater
            && !error.was_answered() && !error.spent_key())
}

#[tokio::test]
async fn failing_confirmations_are_not_sent_and_the_look_up_that_clears_them_up_is() -> Outcome {
    let mut server = Server::start(vec![silence(), silence(), Act::Answer(answer(200, "", CARD))]).await?;
    let client = client(&server, 2, LONG_REST, 64)?;
    for _ in 0..2 {
        let unknown = confirm(&client).await?;
        assert!(matches!(unknown, Err(Error::NoAnswer { .. })), "what happened stays unknown: {unknown:?}");
        assert!(server.arrived().await?.starts_with("POST /v1/payments/confirm"));
    }
    for _ in 0..3 {
        let kept = confirm(&client).await?;
        assert!(is_kept_by_breaker(&kept), "{kept:?}");
        let again = kept.err().and_then(|error| error.again_at(DateTime::UNIX_EPOCH)).map(|time| time.timestamp());
        assert!(again.is_some_and(|again| (590..=600).contains(&again)), "{again:?}");
    }
    assert_eq!(server.received(), None, "not a byte of them was sent");

    let found = client.payment_by_order("a4CWyWY5m89PNh7xJwhk1").await?;
    assert_eq!(found.total_amount, 15_000);

    let row = metrics(&client, Operation::Confirm)?;
    assert_eq!((row.breaker, row.openings), (BreakerState::Open, 1));
    assert_eq!((row.no_answer, row.turned_away_by_breaker, row.in_flight), (2, 3, 0));
    let row = metrics(&client, Operation::LookUp)?;
    assert_eq!((row.breaker, row.succeeded), (BreakerState::Closed, 1));
    assert!(row.time_spent > Duration::ZERO);
    assert_eq!((row.ended(), row.answer_times.iter().sum::<u64>()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_an_answer_whatever_its_status() -> Outcome {
    let refusal = r#"{"code":"FAILED_INTERNAL_SYSTEM_PROCESSING","message":"m"}"#;
    let server = Server::answering(500, refusal).await?;
    let client = client(&server, 1, LONG_REST, 64)?;
    for _ in 0..3 {
        let refused = confirm(&client).await?;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }
    let row = metrics(&client, Operation::Confirm)?;
    assert_eq!((row.refused, row.openings, row.breaker), (3, 0, BreakerState::Closed));
    assert_eq!(row.refusals, BTreeMap::from([("FAILED_INTERNAL_SYSTEM_PROCESSING", 3)]));
    let server = Server::answering(400, r#"{"code":"A_CODE_OF_TOMORROW","message":"m"}"#).await?;
    let client = self::client(&server, 1, LONG_REST, 64)?;
    confirm(&client).await?.err().ok_or("it was refused")?;
    assert_eq!(metrics(&client, Operation::Confirm)?.refusals, BTreeMap::from([(UNKNOWN_CODE, 1)]));
    Ok(())
}

#[tokio::test]
async fn a_gateway_page_and_a_refused_connection_open_it() -> Outcome {
    let server = Server::answering(502, "<html>bad gateway</html>").await?;
    let gateway = client(&server, 1, LONG_REST, 64)?;
    assert!(matches!(confirm(&gateway).await?, Err(Error::Unreadable { .. })));
    assert!(is_kept_by_breaker(&confirm(&gateway).await?));
    assert_eq!(metrics(&gateway, Operation::Confirm)?.unreadable, 1);

    // Bound and not listening, so that nobody else can take the port.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let nobody = Client::try_new(Config {
        breaker: BreakerRule { failures: 1, rest: LONG_REST },
        ..Config::new(format!("http://{}", socket.local_addr()?), SECRET)
    })?;
    let refused = confirm(&nobody).await?;
    assert!(matches!(refused, Err(Error::NotSent { reason: NotSentReason::NoConnection(_), .. })), "{refused:?}");
    assert!(is_kept_by_breaker(&confirm(&nobody).await?));
    assert_eq!(metrics(&nobody, Operation::Confirm)?.not_connected, 1);
    Ok(())
}

#[tokio::test]
async fn after_its_rest_an_answer_closes_it() -> Outcome {
    let server = Server::start(vec![silence(), Act::Answer(answer(200, "", CARD))]).await?;
    let client = client(&server, 1, Duration::from_millis(1), 64)?;
    assert!(confirm(&client).await?.is_err());
    let tried = timeout(PATIENCE, async {
        loop {
            match confirm(&client).await {
                Ok(outcome) if is_kept_by_breaker(&outcome) => tokio::task::yield_now().await,
                other => return other,
            }
        }
    });
    assert!(tried.await??.is_ok());
    let row = metrics(&client, Operation::Confirm)?;
    assert_eq!((row.breaker, row.openings, row.succeeded), (BreakerState::Closed, 1, 1));
    Ok(())
}

#[tokio::test]
async fn one_call_too_many_is_not_sent_and_leaves_room_when_others_end() -> Outcome {
    let mut server = Server::start(vec![Act::AnswerAndStall(Vec::new()), Act::Answer(answer(200, "", CARD))]).await?;
    let client = client(&server, 10, LONG_REST, 1)?;
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.payment("pay-1").await }
    });
    server.arrived().await?;
    assert_eq!(metrics(&client, Operation::LookUp)?.in_flight, 1);

    let crowded = client.payment("pay-2").await;
    let is_crowded = matches!(&crowded, Err(error @ Error::NotSent { reason: NotSentReason::Crowded { limit: 1 }, .. })
        if error.class() == Class::RetryLater);
    assert!(is_crowded, "{crowded:?}");
    assert_eq!(server.received(), None);

    // A caller who stops waiting makes room, and is counted as neither success nor failure.
    slow.abort();
    assert!(slow.await.is_err_and(|error| error.is_cancelled()));
    let row = metrics(&client, Operation::LookUp)?;
    assert_eq!((row.in_flight, row.abandoned, row.turned_away_by_crowd, row.no_answer), (0, 1, 1, 0));
    Ok(())
}

#[tokio::test]
async fn a_protection_that_lets_nothing_through_is_refused() -> Outcome {
    let server = Server::answering(200, CARD).await?;
    for (failures, limit) in [(0, 1), (1, 0)] {
        let made = client(&server, failures, LONG_REST, limit);
        assert!(matches!(made, Err(ConfigError::Protection)), "{made:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_call_may_have_a_deadline_of_its_own() -> Outcome {
    let server = Server::start(vec![Act::AnswerAndStall(Vec::new())]).await?;
    let patient = Client::try_new(Config { answer_time: LONG_REST, ..Config::new(server.url(), SECRET) })?;
    let outcome = timeout(PATIENCE, patient.within(ANSWER_TIME).payment("pay-1")).await?;
    assert!(matches!(outcome, Err(Error::NoAnswer { .. })), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn what_toss_is_slow_at_has_the_long_deadline() -> Outcome {
    let server = Server::start(vec![Act::AnswerAndStall(Vec::new())]).await?;
    // The other way round than usual, so that the wrong one would wait for ever.
    let client = Client::try_new(Config {
        answer_time: LONG_REST,
        long_answer_time: ANSWER_TIME,
        ..Config::new(server.url(), SECRET)
    })?;
    let charge = BillingChargeRequest {
        customer_key: "customer-1".into(),
        amount: 1_000,
        order_id: "order-1".into(),
        order_name: "구독".into(),
        customer_email: None,
        customer_name: None,
        customer_ip: None,
        tax_free_amount: None,
        tax_exemption_amount: None,
    };
    let charged = timeout(PATIENCE, client.charge_billing_key(&"bk".into(), &charge, &key()?)).await?;
    assert!(matches!(charged, Err(Error::NoAnswer { .. })), "{charged:?}");
    let time = DateTime::UNIX_EPOCH.fixed_offset();
    let rows: Vec<_> = timeout(PATIENCE, client.transactions(time, time).collect()).await?;
    assert!(matches!(rows[..], [Err(Error::NoAnswer { .. })]), "{rows:?}");
    Ok(())
}
