//! What a readable answer becomes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use toss::{
    Card, CardType, Class, Currency, Error, Method, OwnerType, Payment, PaymentStatus, PaymentType, Private,
    RefundStatus,
};

use crate::CARD;
use crate::server::{Act, Outcome, Server, answer, key};

fn cancel() -> toss::CancelRequest {
    toss::CancelRequest {
        reason: "단순 변심".into(),
        amount: None,
        currency: Currency::Krw,
        refundable_amount: None,
        refund_account: None,
    }
}

#[tokio::test]
async fn the_card_example_is_read() -> Outcome {
    let server = Server::answering(200, CARD).await?;
    let payment = server.client()?.payment("payment-key").await?;
    assert_eq!(payment.order_id, "a4CWyWY5m89PNh7xJwhk1");
    assert_eq!(payment.status, PaymentStatus::Done);
    assert_eq!(payment.payment_type, Some(PaymentType::Normal));
    assert_eq!(payment.method, Some(Method::Card));
    assert_eq!(payment.currency, Currency::Krw);
    assert_eq!((payment.total_amount, payment.balance_amount), (15_000, 15_000));
    assert_eq!((payment.supplied_amount, payment.vat), (Some(13_636), Some(1_364)));
    let times = [payment.requested_at, payment.approved_at].map(|time| time.map(|time| time.to_rfc3339()));
    assert_eq!(times[0].as_deref(), Some("2022-06-08T15:40:09+09:00"));
    assert_eq!(times[1].as_deref(), Some("2022-06-08T15:40:49+09:00"));
    assert_eq!(payment.cancels, []);
    assert_eq!(payment.secret, None);
    assert!(!payment.is_fully_canceled());
    let card = Card {
        amount: Some(15_000),
        issuer_code: Some("61".into()),
        acquirer_code: Some("31".into()),
        number: Some("43301234****123*".into()),
        installment_plan_months: Some(0),
        approve_no: Some("00000000".into()),
        use_card_point: Some(false),
        card_type: Some(CardType::Credit),
        owner_type: Some(OwnerType::Person),
        acquire_status: Some("READY".into()),
        is_interest_free: Some(false),
        interest_payer: None,
        unknown: toss::Unknown::default(),
    };
    assert_eq!(payment.card, Some(card));
    Ok(())
}

#[test]
fn every_documented_object_is_read() -> Outcome {
    let text = r#"{
        "paymentKey":"k","orderId":"order-1","status":"PARTIAL_CANCELED","currency":"USD",
        "totalAmount":10.5,"balanceAmount":0,"method":"가상계좌","useEscrow":null,
        "secret":"ps_secret","metadata":{"amount":0.125},
        "virtualAccount":{"accountType":"일반","accountNumber":"X6505636518308","bankCode":"20",
            "customerName":"김토스","depositorName":"이토스","dueDate":"2022-06-16T21:05:09",
            "refundStatus":"COMPLETED","expired":false,"settlementStatus":"INCOMPLETED",
            "refundReceiveAccount":{"bankCode":"20","accountNumber":"110","holderName":"김토스"}},
        "cancels":[{"cancelAmount":10.50,"cancelReason":"r","taxFreeAmount":0,"refundableAmount":0.0,
            "canceledAt":"2022-06-08T15:40:09+09:00","transactionKey":"t","receiptKey":null,
            "cancelStatus":"DONE","cancelRequestId":null,"easyPayDiscountAmount":0}],
        "easyPay":{"provider":"토스페이","amount":1,"discountAmount":0.01},
        "mobilePhone":{"customerMobilePhone":"01012345678","settlementStatus":"COMPLETED"},
        "transfer":{"bankCode":"20","settlementStatus":"COMPLETED"},
        "giftCertificate":{"approveNo":"1","settlementStatus":"COMPLETED"},
        "failure":{"code":"EXPIRED_PAYMENT","message":"결제가 만료되었습니다. 다시 시도해주세요."},
        "cashReceipt":{"type":"소득공제","receiptKey":"r","issueNumber":"1","amount":3,"taxFreeAmount":0},
        "cashReceipts":[{"receiptKey":"r","issueStatus":"IN_PROGRESS","transactionType":"CONFIRM",
            "amount":3,"customerIdentityNumber":"8001011","requestedAt":"2022-06-08T15:40:09+09:00"}],
        "discount":{"amount":2}}"#;
    let payment = Payment::parse(text.as_bytes())?;
    assert_eq!(payment.total_amount, 1_050);
    assert!(payment.is_fully_canceled(), "the balance decides");
    let half = text.replace(r#""balanceAmount":0"#, r#""balanceAmount":5"#);
    assert!(!Payment::parse(half.as_bytes())?.is_fully_canceled());
    let expired = text.replace("PARTIAL_CANCELED", "EXPIRED");
    assert!(!Payment::parse(expired.as_bytes())?.is_fully_canceled());
    assert_eq!(payment.cancels[0].cancel_amount, 1_050);
    assert_eq!(payment.cancels[0].refundable_amount, Some(0));
    assert_eq!(payment.discount.as_ref().and_then(|discount| discount.amount), Some(200));
    let easy_pay = payment.easy_pay.as_ref().ok_or("no wallet")?;
    assert_eq!((easy_pay.amount, easy_pay.discount_amount), (Some(100), Some(1)));
    let account = payment.virtual_account.as_ref().ok_or("no account")?;
    assert_eq!(account.refund_status, Some(RefundStatus::Completed));
    assert_eq!(
        account.due_date.map(|time| time.to_rfc3339()).as_deref(),
        Some("2022-06-16T21:05:09+09:00"),
        "a due date is Korean time"
    );
    assert_eq!(payment.cash_receipts.len(), 1);
    assert!(payment.secret.as_ref().is_some_and(|secret| secret.matches("ps_secret")));
    assert!(!payment.secret.as_ref().is_some_and(|secret| secret.matches("ps_secreT")));

    let printed = format!("{payment:?}");
    for hidden in ["ps_secret", "X6505636518308", "김토스", "이토스", "01012345678", "8001011"] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    Ok(())
}

#[test]
fn what_toss_adds_later_survives() -> Outcome {
    let text = CARD
        .replace(r#""status":"DONE""#, r#""status":"ON_HOLD","brandNew":{"amount":"ten"}"#)
        .replace(r#""method":"카드""#, r#""method":"암호화폐""#)
        .replace(r#""cardType":"신용""#, r#""cardType":"선불","chip":[1.5]"#);
    let payment = Payment::parse(text.as_bytes())?;
    assert_eq!(payment.status, PaymentStatus::Other("ON_HOLD".into()));
    assert_eq!(payment.status.to_string(), "ON_HOLD");
    assert_eq!(payment.method.as_ref().map(Method::as_str), Some("암호화폐"));
    let card_type = payment.card.and_then(|card| card.card_type);
    assert_eq!(card_type, Some(CardType::Other("선불".into())));
    Ok(())
}

#[test]
fn six_fields_are_enough() -> Outcome {
    let text = r#"{"paymentKey":"k","orderId":"o","status":"DONE","currency":"KRW",
        "totalAmount":1,"balanceAmount":1}"#;
    let whole: serde_json::Value = serde_json::from_str(text)?;
    Payment::parse(text.as_bytes())?;
    let names: Vec<String> = whole.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    for name in names {
        let mut lacking = whole.clone();
        if let Some(fields) = lacking.as_object_mut() {
            fields.remove(&name);
        }
        let read = Payment::parse(lacking.to_string().as_bytes());
        assert!(read.is_err(), "{name} is required");
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_keeps_everything_toss_said() -> Outcome {
    let headers = "x-tosspayments-trace-id: new, old\r\nretry-after: 7\r\n";
    let body = r#"{"code":"NOT_AVAILABLE_BANK","message":"은행 서비스 시간이 아닙니다."}"#;
    let server = Server::start(vec![Act::Answer(answer(403, headers, body))]).await?;
    let outcome = server.client()?.cancel("payment-key", &cancel(), &key()?).await;
    let Err(error) = outcome else {
        return Err("the call succeeded".into());
    };
    assert_eq!(error.to_string(), "Toss refused to cancel payment payment-key: NOT_AVAILABLE_BANK (403)");
    assert_eq!(error.class(), Class::RetryLater);
    assert!(error.was_answered() && error.spent_key());
    let Error::Refused { status, code, message, trace_id, retry_after, .. } = error else {
        return Err("not a refusal".into());
    };
    assert_eq!((status, code.as_str()), (403, "NOT_AVAILABLE_BANK"));
    assert_eq!(message, "은행 서비스 시간이 아닙니다.");
    assert_eq!(trace_id.as_deref(), Some("new, old"));
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_classified_by_code_and_operation_and_not_by_status() -> Outcome {
    use Class::{BuyerActs, Permanent, QueryFirst, RetryLater};
    // status, code, class after a look-up, class after a cancellation
    let rows = [
        (404, "NOT_FOUND_PAYMENT", Permanent, QueryFirst),
        (403, "NOT_AVAILABLE_BANK", BuyerActs, RetryLater),
        (400, "PROVIDER_ERROR", QueryFirst, QueryFirst),
        (500, "PROVIDER_ERROR", QueryFirst, QueryFirst),
        (400, "REFUND_REJECTED", Permanent, Permanent),
        (500, "REFUND_REJECTED", Permanent, Permanent),
        (409, "IDEMPOTENT_REQUEST_PROCESSING", RetryLater, RetryLater),
        (403, "REJECT_CARD_PAYMENT", BuyerActs, BuyerActs),
        (429, "REJECT_CARD_PAYMENT", BuyerActs, BuyerActs),
        (400, "A_CODE_OF_TOMORROW", QueryFirst, QueryFirst),
        (500, "A_CODE_OF_TOMORROW", QueryFirst, QueryFirst),
        (429, "A_CODE_OF_TOMORROW", RetryLater, RetryLater),
    ];
    for (status, code, looking, cancelling) in rows {
        let v1 = format!(r#"{{"code":"{code}","message":"m"}}"#);
        let v2 = format!(r#"{{"version":"2022-11-16","traceId":"t","entityBody":null,"error":{v1}}}"#);
        for body in [v1, v2] {
            let server = Server::answering(status, &body).await?;
            let client = server.client()?;
            let looked = client.payment("payment-key").await;
            assert_eq!(looked.map_err(|error| error.class()), Err(looking), "{status} {code}");
            let cancelled = client.cancel("payment-key", &cancel(), &key()?).await;
            assert_eq!(cancelled.map_err(|error| error.class()), Err(cancelling), "{status} {code}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_long_message_is_cut() -> Outcome {
    let body = format!(r#"{{"code":"UNKNOWN_ERROR","message":"{}"}}"#, "가".repeat(1_000));
    let server = Server::answering(500, &body).await?;
    let outcome = server.client()?.payment("payment-key").await;
    let is_cut = matches!(&outcome, Err(Error::Refused { message, .. })
        if *message == "가".repeat(510));
    assert!(is_cut, "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_429_needs_no_body() -> Outcome {
    for body in ["", "<html>slow down</html>"] {
        let server = Server::start(vec![Act::Answer(answer(429, "retry-after: 999999\r\n", body))]);
        let server = server.await?;
        let outcome = server.client()?.payment("payment-key").await;
        let is_refusal = matches!(&outcome, Err(error @ Error::Refused { code, retry_after, .. })
            if code.is_empty() && *retry_after == Some(Duration::from_secs(86_400))
                && error.class() == Class::RetryLater);
        assert!(is_refusal, "{outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_says_when_asking_again_makes_sense() -> Outcome {
    let midnight: DateTime<Utc> = "2026-01-02T14:30:00Z".parse()?;
    let noon: DateTime<Utc> = "2026-01-02T03:00:00Z".parse()?;
    for (code, retry_after, now, expected) in [
        ("NOT_AVAILABLE_BANK", "7", midnight, Some("2026-01-03T01:00:00+09:00")),
        ("NOT_AVAILABLE_BANK", "7", noon, Some("2026-01-02T12:30:00+09:00")),
        ("MAINTAINED_METHOD", "x", midnight, Some("2026-01-03T00:00:00+09:00")),
        ("EXCEED_MAX_REFUND_AMOUNT", "x", noon, Some("2026-01-03T00:00:00+09:00")),
        ("FORBIDDEN_CONSECUTIVE_REQUEST", "60", noon, Some("2026-01-02T12:01:00+09:00")),
        ("A_CODE_OF_TOMORROW", "60", noon, Some("2026-01-02T12:01:00+09:00")),
        ("A_CODE_OF_TOMORROW", "x", noon, None),
        ("REJECT_CARD_PAYMENT", "x", noon, None),
    ] {
        let body = format!(r#"{{"code":"{code}","message":"m"}}"#);
        let headers = format!("retry-after: {retry_after}\r\n");
        let server = Server::start(vec![Act::Answer(answer(403, &headers, &body))]).await?;
        let outcome = server.client()?.cancel("payment-key", &cancel(), &key()?).await;
        let again = outcome.err().and_then(|error| error.again_at(now)).map(|time| time.to_rfc3339());
        assert_eq!(again.as_deref(), expected, "{code} {retry_after}");
    }
    Ok(())
}

#[test]
fn unknown_fields_are_kept_as_written_everywhere() -> Outcome {
    let mut document: Value = serde_json::from_str(CARD)?;
    document["brandNew"] = json!({"amount": -5, "name": "김토스"});
    document["card"]["chip"] = json!([1.5]);
    document["cancels"] = json!([{"cancelAmount": 1, "by": "buyer"}]);
    document["cashReceipts"] = json!([{"amount": 1, "paper": true}]);
    document["receipt"]["pages"] = json!(2);
    let payment = Payment::parse(document.to_string().as_bytes())?;
    assert_eq!(payment.unknown.expose()["brandNew"], json!({"amount": -5, "name": "김토스"}));
    assert_eq!(payment.unknown.expose().len(), 1, "what is known is not repeated");
    assert_eq!(payment.card.as_ref().map(|card| &card.unknown.expose()["chip"]), Some(&json!([1.5])));
    assert_eq!(payment.cancels[0].unknown.expose()["by"], "buyer");
    assert_eq!(payment.cash_receipts[0].unknown.expose()["paper"], true);
    assert_eq!(payment.receipt.as_ref().map(|receipt| &receipt.unknown.expose()["pages"]), Some(&json!(2)));
    assert!(!format!("{payment:?}").contains("김토스"));
    Ok(())
}

#[tokio::test]
async fn a_running_twin_does_not_spend_the_key() -> Outcome {
    let body = r#"{"code":"IDEMPOTENT_REQUEST_PROCESSING","message":"m"}"#;
    let server = Server::answering(409, body).await?;
    let outcome = server.client()?.cancel("payment-key", &cancel(), &key()?).await;
    assert!(outcome.is_err_and(|error| !error.spent_key() && error.was_answered()));
    Ok(())
}

#[test]
fn a_private_value_is_not_printed() {
    let secret = Private::new("ps_secret".to_owned());
    assert_eq!(format!("{secret:?}"), "Private(..)");
    assert_eq!(secret.expose(), "ps_secret");
}
