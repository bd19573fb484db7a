//! Every dialect of webhook, and bytes that are none.

use toss::webhook::{PaymentNews, WEBHOOK_LIMIT_BYTES, Webhook, WebhookError, parse};
use toss::{CancelStatus, PaymentStatus, PayoutStatus, SellerStatus};

use crate::CARD;
use crate::server::Outcome;

const CREATED_AT: i64 = 1_654_670_409;

fn payment_changed(data: &str) -> String {
    format!(r#"{{"eventType":"PAYMENT_STATUS_CHANGED","createdAt":"2022-06-08T15:40:09.000000","data":{data}}}"#)
}

#[test]
fn a_changed_payment_is_read_in_full() -> Outcome {
    let data = CARD.replace(r#""secret":null"#, r#""secret":"ps_1""#);
    let webhook = parse(payment_changed(&data).as_bytes())?;
    assert_eq!(webhook.order_id(), Some("a4CWyWY5m89PNh7xJwhk1"));
    assert_eq!(webhook.payment_key(), Some("5zJ4xY7m0kODnyRpQWGrN2xqGlNvLrKwv1M9ENjbeoPaZdL6"));
    assert!(webhook.secret().is_some_and(|secret| secret.matches("ps_1")));
    let Webhook::PaymentStatusChanged { created_at, news: PaymentNews::Full(payment) } = webhook else {
        return Err("not a full payment".into());
    };
    assert_eq!(created_at.map(|time| time.timestamp()), Some(CREATED_AT));
    assert_eq!(payment.total_amount, 15_000);
    Ok(())
}

#[test]
fn a_changed_payment_may_be_brief_or_unreadable() -> Outcome {
    let brief = r#"{"paymentKey":"pay-1","status":"DONE","orderId":"order-1"}"#;
    let odd_currency = CARD.replace("KRW", "XYZ").replace("a4CWyWY5m89PNh7xJwhk1", "order-1");
    for data in [brief, &odd_currency] {
        let webhook = parse(payment_changed(data).as_bytes())?;
        assert_eq!(webhook.order_id(), Some("order-1"));
        let is_brief = matches!(
            &webhook,
            Webhook::PaymentStatusChanged { news: PaymentNews::Brief { status: PaymentStatus::Done, .. }, .. }
        );
        assert!(is_brief, "{webhook:?}");
    }
    Ok(())
}

#[test]
fn a_deposit_is_told_by_its_shape_in_every_form_of_time() -> Outcome {
    for time in ["2022-06-08T15:40:09.000000", "2022-06-08T15:40:09+09:00", "2022-06-08T15:40:09.000000+09:00"] {
        for event_type in ["", r#""eventType":null,"#, r#""eventType":"DEPOSIT_CALLBACK","#] {
            let body = format!(
                r#"{{{event_type}"createdAt":"{time}","secret":"ps_1","status":"DONE",
                    "transactionKey":"t-1","orderId":"order-1"}}"#
            );
            let webhook = parse(body.as_bytes())?;
            assert_eq!(webhook.order_id(), Some("order-1"));
            assert_eq!(webhook.payment_key(), None);
            assert!(webhook.secret().is_some_and(|secret| secret.matches("ps_1")));
            assert!(!format!("{webhook:?}").contains("ps_1"));
            let Webhook::DepositCallback { created_at, status, transaction_key, .. } = webhook else {
                return Err("not a deposit".into());
            };
            assert_eq!(created_at.map(|time| time.timestamp()), Some(CREATED_AT), "{time}");
            assert_eq!(status, PaymentStatus::Done);
            assert_eq!(transaction_key.as_deref(), Some("t-1"));
        }
    }
    Ok(())
}

#[test]
fn the_other_events_are_read() -> Outcome {
    let canceled = parse(
        br#"{"eventType":"CANCEL_STATUS_CHANGED","createdAt":"2022-06-08T15:40:09.000000",
            "data":{"cancelStatus":"IN_PROGRESS","transactionKey":"t-1","cancelAmount":10.5,
            "cancelRequestId":"c-1"}}"#,
    )?;
    let is_canceled = matches!(&canceled, Webhook::CancelStatusChanged { news, .. }
        if news.cancel_status == CancelStatus::InProgress
            && news.cancel_request_id.as_deref() == Some("c-1"));
    assert!(is_canceled, "{canceled:?}");

    let deleted =
        parse(br#"{"eventType":"BILLING_DELETED","createdAt":"odd","data":{"billingKey":"bk","reason":null}}"#)?;
    let is_deleted = matches!(&deleted, Webhook::BillingDeleted { created_at: None, billing_key, .. }
        if billing_key.expose() == "bk");
    assert!(is_deleted, "{deleted:?}");

    for event_type in ["payout.changed", "seller.changed"] {
        let body = format!(
            r#"{{"eventType":"{event_type}","createdAt":"2022-06-08T15:40:09+09:00","version":"2022-11-16",
                "eventId":"e-1","entityType":"payout","entityBody":{{"id":"FPA_1","amount":{{"value":5000.0}}}}}}"#
        );
        let entity = match parse(body.as_bytes())? {
            Webhook::PayoutChanged(entity) if event_type == "payout.changed" => entity,
            Webhook::SellerChanged(entity) if event_type == "seller.changed" => entity,
            other => return Err(format!("{other:?}").into()),
        };
        assert_eq!(entity.event_id.as_deref(), Some("e-1"));
        assert_eq!(entity.created_at.map(|time| time.timestamp()), Some(CREATED_AT));
        assert_eq!(entity.entity_body.expose()["id"], "FPA_1");
    }

    let other = parse(br#"{"eventType":"METHOD_UPDATED","data":{"status":"ENABLE"}}"#)?;
    assert_eq!(other.order_id(), None);
    let is_other = matches!(&other, Webhook::Other { event_type, .. } if event_type == "METHOD_UPDATED");
    assert!(is_other, "{other:?}");
    Ok(())
}

#[test]
fn what_is_no_webhook_is_refused() {
    for body in ["", "x", "{", "\u{feff}{}"] {
        assert!(matches!(parse(body.as_bytes()), Err(WebhookError::Json(_))), "{body}");
    }
    for body in ["null", "[]", "1", "{}", r#"{"eventType":7}"#, r#"{"secret":"s","status":"DONE"}"#] {
        assert!(matches!(parse(body.as_bytes()), Err(WebhookError::NoEvent)), "{body}");
    }
    for body in [
        r#"{"eventType":"PAYMENT_STATUS_CHANGED"}"#,
        r#"{"eventType":"PAYMENT_STATUS_CHANGED","data":{"paymentKey":"k"}}"#,
        r#"{"eventType":"CANCEL_STATUS_CHANGED","data":{}}"#,
        r#"{"eventType":"BILLING_DELETED","data":[]}"#,
        r#"{"eventType":"payout.changed","entityBody":"x"}"#,
        r#"{"secret":"s","status":1,"orderId":"order-1"}"#,
    ] {
        assert!(matches!(parse(body.as_bytes()), Err(WebhookError::Fields { .. })), "{body}");
    }
    let large = vec![b' '; WEBHOOK_LIMIT_BYTES + 1];
    assert!(matches!(parse(&large), Err(WebhookError::TooLarge)));
    let deep = "[".repeat(100_000);
    assert!(parse(deep.as_bytes()).is_err());
}

#[test]
fn the_entity_of_a_signed_event_is_read() -> Outcome {
    let payout = parse(
        r#"{"eventType":"payout.changed","createdAt":"2026-01-02T03:04:05.123456+09:00","version":"2022-11-16",
            "eventId":"e-1","entityType":"payout","entityBody":{"id":"FPA_1","refPayoutId":"p-1","destination":"s-1",
            "scheduleType":"EXPRESS","amount":{"currency":"KRW","value":1111},"transactionDescription":"정산",
            "requestedAt":"2026-01-02T03:04:05+09:00","status":"FAILED",
            "error":{"code":"NOT_MATCH_PAYEE_NAME","message":"m"},"metadata":{"who":"김토스"}}}"#
            .as_bytes(),
    )?;
    let Webhook::PayoutChanged(entity) = &payout else { return Err("no payout".into()) };
    let read = entity.payout()?;
    assert_eq!((read.status, read.amount.minor), (PayoutStatus::Failed, 1_111));
    assert_eq!(read.error.and_then(|error| error.code).as_deref(), Some("NOT_MATCH_PAYEE_NAME"));
    assert!(entity.seller().is_err() && !format!("{payout:?}").contains("김토스"));

    let seller = parse(
        br#"{"eventType":"seller.changed","entityType":"seller","entityBody":{"id":"s-1","status":"KYC_REQUIRED",
            "individual":{"name":"n"},"account":{"bankCode":"092"}}}"#,
    )?;
    let Webhook::SellerChanged(entity) = &seller else { return Err("no seller".into()) };
    assert_eq!(entity.seller()?.status, SellerStatus::KycRequired);
    assert!(entity.payout().is_err());
    Ok(())
}
