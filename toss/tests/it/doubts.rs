//! How much is known after each way of failing.

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Instant, timeout};
use toss::{Class, Client, ConfirmRequest, Currency, Error, Payment, UnreadableReason};

use crate::CARD;
use crate::server::{ANSWER_TIME, Act, Outcome, PATIENCE, Server, answer, client, key};

async fn confirm(client: &Client) -> Result<Result<Payment, Error>, Box<dyn std::error::Error>> {
    let request = ConfirmRequest {
        payment_key: "payment-key".into(),
        order_id: "a4CWyWY5m89PNh7xJwhk1".into(),
        amount: 15_000,
        currency: Currency::Krw,
    };
    Ok(timeout(PATIENCE, client.confirm(&request, &key()?)).await?)
}

fn is_not_sent(outcome: &Result<Payment, Error>) -> bool {
    matches!(outcome, Err(error @ Error::NotSent { .. })
        if error.class() == Class::RetryLater && !error.was_answered() && !error.spent_key())
}

fn is_no_answer(outcome: &Result<Payment, Error>) -> bool {
    matches!(outcome, Err(error @ Error::NoAnswer { .. })
        if error.class() == Class::QueryFirst && !error.was_answered() && !error.spent_key())
}

fn is_unreadable(outcome: &Result<Payment, Error>, expected: u16) -> bool {
    matches!(outcome, Err(error @ Error::Unreadable { status, .. })
        if *status == expected && error.class() == Class::QueryFirst && error.was_answered())
}

async fn after(act: Act) -> Result<Result<Payment, Error>, Box<dyn std::error::Error>> {
    let server = Server::start(vec![act]).await?;
    confirm(&server.client()?).await
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() -> Outcome {
    // Bound and not listening: nobody else can take the port, and connecting is refused.
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let outcome = confirm(&client(&format!("http://{}", socket.local_addr()?))?).await?;
    assert!(is_not_sent(&outcome), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_host_was_not_sent() -> Outcome {
    let outcome = confirm(&client("http://toss.invalid")?).await?;
    assert!(is_not_sent(&outcome), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_failed_or_stalled_tls_handshake_was_not_sent() -> Outcome {
    let plain = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", plain.local_addr()?);
    // Nobody accepts, yet the system completes the TCP handshake: TLS waits until time is up.
    let stalled = confirm(&client(&url)?).await?;
    assert!(is_not_sent(&stalled), "{stalled:?}");

    let closing = tokio::spawn(async move {
        while let Ok((stream, _)) = plain.accept().await {
            drop(stream);
        }
    });
    let failed = confirm(&client(&url)?).await?;
    closing.abort();
    assert!(is_not_sent(&failed), "{failed:?}");
    Ok(())
}

#[tokio::test]
async fn silence_is_no_answer_within_the_deadline() -> Outcome {
    let started = Instant::now();
    let outcome = after(Act::AnswerAndStall(Vec::new())).await?;
    assert!(is_no_answer(&outcome), "{outcome:?}");
    assert!(started.elapsed() >= ANSWER_TIME);
    assert!(started.elapsed() < PATIENCE / 2);
    Ok(())
}

#[tokio::test]
async fn an_end_before_the_status_is_no_answer() -> Outcome {
    for bytes in ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\ncontent-le", "220 smtp ready\r\n"] {
        let outcome = after(Act::AnswerAndClose(bytes.into())).await?;
        assert!(is_no_answer(&outcome), "{bytes:?}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn half_a_body_is_unreadable() -> Outcome {
    let whole = answer(200, "", CARD);
    let half = whole.get(..whole.len() / 2).unwrap_or_default().to_vec();
    for act in [Act::AnswerAndClose(half.clone()), Act::AnswerAndStall(half)] {
        let outcome = after(act).await?;
        assert!(is_unreadable(&outcome, 200), "{outcome:?}");
        let reason = matches!(outcome, Err(Error::Unreadable { reason: UnreadableReason::CutOff(_), .. }));
        assert!(reason);
    }
    Ok(())
}

#[tokio::test]
async fn a_success_that_is_no_payment_is_unreadable() -> Outcome {
    let refusal = r#"{"code":"REJECT_CARD_PAYMENT","message":"no"}"#;
    let euro = CARD.replace("KRW", "EUR");
    let negative = CARD.replace(r#""totalAmount":15000"#, r#""totalAmount":-15000"#);
    let fraction = CARD.replace(r#""totalAmount":15000"#, r#""totalAmount":150.5"#);
    let keyless = CARD.replace(r#""paymentKey""#, r#""paymentkey""#);
    for body in ["", "<html>", "[]", "{}", "null", refusal, &euro, &negative, &fraction, &keyless] {
        let outcome = after(Act::Answer(answer(200, "", body))).await?;
        assert!(is_unreadable(&outcome, 200), "{body}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_without_a_code_is_unreadable() -> Outcome {
    let long = format!(r#"{{"code":"{}","message":""}}"#, "A".repeat(101));
    for body in ["", "<html>502</html>", "{}", r#"{"code":""}"#, r#"{"code":7}"#, &long] {
        for status in [400, 404, 500, 502, 504] {
            let outcome = after(Act::Answer(answer(status, "", body))).await?;
            assert!(is_unreadable(&outcome, status), "{status} {body}: {outcome:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_flood_is_unreadable_and_not_kept() -> Outcome {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000)).into_bytes();
    let sized = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    for act in [Act::Flood(chunked, chunk), Act::Flood(sized, vec![b' '; 4096])] {
        let outcome = after(act).await?;
        assert!(is_unreadable(&outcome, 200), "{outcome:?}");
        let reason = matches!(outcome, Err(Error::Unreadable { reason: UnreadableReason::TooLarge, .. }));
        assert!(reason);
    }
    // A payment with spaces around it is read up to the limit and no further.
    let room = toss::ANSWER_LIMIT_BYTES - CARD.len();
    let fits = format!("{CARD}{}", " ".repeat(room));
    let outcome = after(Act::Answer(answer(200, "", &fits))).await?;
    assert!(outcome.is_ok(), "{outcome:?}");
    let outcome = after(Act::Answer(answer(200, "", &format!("{fits} ")))).await?;
    assert!(is_unreadable(&outcome, 200), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Outcome {
    for status in [301, 302, 303, 307, 308] {
        let mut elsewhere = Server::answering(200, CARD).await?;
        let location = format!("location: {}/v1/payments/confirm\r\n", elsewhere.url());
        // Even a code in the body does not make a redirect an answer of Toss.
        let body = r#"{"code":"REJECT_CARD_PAYMENT","message":"m"}"#;
        let outcome = after(Act::Answer(answer(status, &location, body))).await?;
        assert!(is_unreadable(&outcome, status), "{outcome:?}");
        assert_eq!(elsewhere.received(), None);
    }
    Ok(())
}

#[tokio::test]
async fn a_pooled_connection_that_closes_is_no_answer_and_asks_once() -> Outcome {
    let mut server = Server::start(vec![Act::Answer(answer(200, "", CARD)), Act::AnswerAndClose(Vec::new())]).await?;
    let client = server.client()?;
    assert!(confirm(&client).await?.is_ok());
    let outcome = confirm(&client).await?;
    assert!(is_no_answer(&outcome), "{outcome:?}");
    assert!(server.received().is_some(), "the first");
    assert!(server.received().is_some(), "the second");
    assert_eq!(server.received(), None, "nothing was repeated");
    Ok(())
}

#[tokio::test]
async fn an_error_names_the_call_and_keeps_its_cause_apart() -> Outcome {
    let outcome = after(Act::AnswerAndClose(Vec::new())).await?;
    let Err(error) = outcome else {
        return Err("the call succeeded".into());
    };
    assert_eq!(error.to_string(), "Toss did not answer the request to confirm order a4CWyWY5m89PNh7xJwhk1");
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert!(cause.is_some_and(|cause| !cause.contains("http://")));
    Ok(())
}
