//! Lists in pages: whole, or an error.

use chrono::{DateTime, NaiveDate};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use toss::{CashReceiptType, Client, DateType, Error, FeeType, PaymentStatus, ShapeError, UnreadableReason};

use crate::server::{Act, Outcome, Server, answer, first_line, key};

fn transaction(key: &str, status: &str, amount: &Value) -> Value {
    json!({"mId": "tosspayments", "transactionKey": key, "paymentKey": "pay-1", "orderId": "order-1",
        "method": "카드", "customerKey": "customer-1", "useEscrow": false, "receiptUrl": "https://receipt",
        "status": status, "transactionAt": "2022-06-08T15:40:09+09:00", "currency": "KRW", "amount": amount,
        "brandNew": {"amount": -0.5}})
}

fn settlement(key: &str) -> Value {
    json!({"mId": "tosspayments", "paymentKey": "pay-1", "transactionKey": key, "orderId": "order-1",
        "currency": "KRW", "method": "카드", "amount": 15000, "interestFee": 0,
        "fees": [{"type": "BASE", "fee": 405}, {"type": "TOMORROW", "fee": 1}],
        "supplyAmount": 406, "vat": 41, "payOutAmount": 14553,
        "approvedAt": "2022-06-08T15:40:49+09:00", "soldDate": "2022-06-09", "paidOutDate": "2022-06-13",
        "card": {"amount": 15000, "issuerCode": "61", "number": "43301234****123*"},
        "easyPay": null, "giftCertificate": null, "mobilePhone": null, "transfer": null, "virtualAccount": null,
        "cancel": null})
}

async fn pages(pages: &[Value]) -> Result<(Server, Client), Box<dyn std::error::Error>> {
    let acts = pages.iter().map(|page| Act::Answer(answer(200, "", &page.to_string()))).collect();
    let server = Server::start(acts).await?;
    let client = server.client()?;
    Ok((server, client))
}

fn is_shape<T: std::fmt::Debug>(outcome: &Result<T, Error>, expected: fn(&ShapeError) -> bool) -> bool {
    matches!(outcome, Err(Error::Unreadable { reason: UnreadableReason::Shape(shape), .. }) if expected(shape))
}

fn day(text: &str) -> Result<NaiveDate, chrono::ParseError> {
    text.parse()
}

#[tokio::test]
async fn transactions_are_read_to_the_empty_page() -> Outcome {
    let first = json!([transaction("t-1", "DONE", &json!(15000)), transaction("t-2", "CANCELED", &json!(-15000.0))]);
    let second = json!([transaction("t-3", "SOMETHING_NEW", &json!(1))]);
    let (mut server, client) = pages(&[first, second, json!([])]).await?;
    let start = DateTime::parse_from_rfc3339("2022-06-07T15:00:00Z")?;
    let end = DateTime::parse_from_rfc3339("2022-06-08T23:59:59+09:00")?;
    let rows: Vec<_> = client.transactions(start, end).try_collect().await?;

    let keys: Vec<&str> = rows.iter().map(|row| row.transaction_key.as_str()).collect();
    assert_eq!(keys, ["t-1", "t-2", "t-3"]);
    let amounts: Vec<i64> = rows.iter().map(|row| row.amount).collect();
    assert_eq!(amounts, [15_000, -15_000, 1], "with the sign Toss wrote");
    assert_eq!(rows[1].status, PaymentStatus::Canceled);
    assert_eq!(rows[2].status, PaymentStatus::Other("SOMETHING_NEW".into()));
    assert_eq!(rows[0].unknown.expose()["brandNew"], json!({"amount": -0.5}));
    assert!(!format!("{rows:?}").contains("customer-1"));

    let query = "startDate=2022-06-08T00%3A00%3A00&endDate=2022-06-08T23%3A59%3A59&limit=1000";
    for cursor in ["", "&startingAfter=t-2", "&startingAfter=t-3"] {
        let request = server.arrived().await?;
        assert_eq!(first_line(&request), format!("GET /v1/transactions?{query}{cursor} HTTP/1.1"));
    }
    assert_eq!(server.received(), None);
    Ok(())
}

/// A reading of marks and a reading of rows say the same of one list, also of amounts in quotes and other currencies.
#[tokio::test]
async fn marks_are_the_keys_and_amounts_of_the_rows() -> Outcome {
    let time = DateTime::parse_from_rfc3339("2022-06-08T00:00:00+09:00")?;
    let mut dollars = transaction("t-2", "CANCELED", &json!("-10.5"));
    dollars["currency"] = json!("USD");
    let page = json!([transaction("t-1", "DONE", &json!(15_000)), dollars]);
    let (_server, client) = pages(&[page.clone(), json!([])]).await?;
    let marks: Vec<_> = client.transaction_marks(time, time).try_collect().await?;
    let (_server, client) = pages(&[page, json!([])]).await?;
    let rows: Vec<_> = client.transactions(time, time).try_collect().await?;
    let of_marks: Vec<_> =
        marks.iter().map(|mark| (&*mark.transaction_key, mark.amount, mark.transaction_at)).collect();
    let of_rows: Vec<_> = rows.iter().map(|row| (&*row.transaction_key, row.amount, row.transaction_at)).collect();
    assert_eq!(of_marks, of_rows);
    assert_eq!((of_marks[0].0, of_marks[0].1, of_marks[1].1), ("t-1", 15_000, -1_050));
    assert_eq!(marks[0].pay_out_amount, None);

    let mut quoted = settlement("t-4");
    quoted["payOutAmount"] = json!("-97550.0");
    let (_server, client) = pages(&[json!([settlement("t-3"), quoted]), json!([])]).await?;
    let (start, end) = (day("2022-06-01")?, day("2022-06-30")?);
    let marks: Vec<_> = client.settlement_marks(start, end, DateType::Sold).try_collect().await?;
    let amounts: Vec<_> = marks.iter().map(|mark| (&*mark.transaction_key, mark.amount, mark.pay_out_amount)).collect();
    assert_eq!(amounts, [("t-3", 15_000, Some(14_553)), ("t-4", 15_000, Some(-97_550))]);
    Ok(())
}

/// What cannot be read of a mark is an error as it is in a row: a reading that skips a row would prove nothing.
#[tokio::test]
async fn a_mark_that_cannot_be_read_is_an_error() -> Outcome {
    for (field, value) in [("amount", json!(0.5)), ("amount", json!(null)), ("currency", json!("KRWX"))] {
        let mut row = settlement("t-1");
        row[field] = value;
        let (_server, client) = pages(&[json!([row])]).await?;
        let marks: Vec<_> =
            client.settlement_marks(day("2022-06-01")?, day("2022-06-01")?, DateType::Sold).collect().await;
        assert!(is_shape(&marks[0], |_| true) && marks.len() == 1, "{field}: {marks:?}");
    }
    let time = DateTime::parse_from_rfc3339("2022-06-08T00:00:00+09:00")?;
    let (_server, client) = pages(&[json!([transaction("t-1", "DONE", &json!(1))])]).await?;
    let marks: Vec<_> = client.transaction_marks(time, time).collect().await;
    assert!(marks.len() == 2 && is_shape(&marks[1], |shape| matches!(shape, ShapeError::Loop)), "{marks:?}");
    Ok(())
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_stream_visibly() -> Outcome {
    let first = answer(200, "", &json!([transaction("t-1", "DONE", &json!(1))]).to_string());
    let refusal = answer(400, "", r#"{"code":"INVALID_PAGING_KEY","message":"m"}"#);
    let mut server = Server::start(vec![Act::Answer(first), Act::Answer(refusal)]).await?;
    let client = server.client()?;
    let time = DateTime::parse_from_rfc3339("2022-06-08T00:00:00+09:00")?;
    let rows: Vec<_> = client.transactions(time, time).collect().await;
    assert_eq!(rows.len(), 2);
    assert!(rows[0].is_ok());
    assert!(matches!(&rows[1], Err(Error::Refused { code, .. }) if code == "INVALID_PAGING_KEY"), "{rows:?}");
    assert!(server.received().is_some() && server.received().is_some());
    assert_eq!(server.received(), None, "nothing is asked after an error");
    Ok(())
}

#[tokio::test]
async fn a_list_that_repeats_itself_is_an_error_and_not_endless() -> Outcome {
    let is_loop = |shape: &ShapeError| matches!(shape, ShapeError::Loop);
    let time = DateTime::parse_from_rfc3339("2022-06-08T00:00:00+09:00")?;
    let (_server, client) = pages(&[json!([transaction("t-1", "DONE", &json!(1))])]).await?;
    let rows: Vec<_> = client.transactions(time, time).collect().await;
    assert_eq!(rows.len(), 2);
    assert!(is_shape(&rows[1], is_loop), "{rows:?}");

    let (_server, client) = pages(&[json!([settlement("t-1")])]).await?;
    let rows: Vec<_> = client.settlements(day("2022-06-01")?, day("2022-06-30")?, DateType::Sold).collect().await;
    assert_eq!(rows.len(), 2);
    assert!(is_shape(&rows[1], is_loop), "{rows:?}");

    // One that says it goes on without saying where would be passed for whole.
    let (_server, client) = pages(&[json!({"hasNext": true, "lastCursor": null, "data": []})]).await?;
    let rows: Vec<_> = client.cash_receipts(day("2022-06-08")?).collect().await;
    assert!(rows.len() == 1 && is_shape(&rows[0], is_loop), "{rows:?}");
    Ok(())
}

#[tokio::test]
async fn settlements_are_read_with_every_field() -> Outcome {
    let mut cancelled = settlement("t-2");
    cancelled["amount"] = json!(-15000);
    cancelled["payOutAmount"] = json!(-14553);
    cancelled["cancel"] = json!({"cancelAmount": 15000, "cancelStatus": "DONE", "transactionKey": "t-2"});
    let (mut server, client) = pages(&[json!([settlement("t-1"), cancelled]), json!([])]).await?;
    let rows: Vec<_> =
        client.settlements(day("2022-06-01")?, day("2022-06-30")?, DateType::PaidOut).try_collect().await?;
    assert_eq!(rows.len(), 2);
    let row = &rows[0];
    assert_eq!((row.amount, row.pay_out_amount, row.supply_amount, row.vat), (15_000, 14_553, Some(406), Some(41)));
    assert_eq!((&row.fees[0].fee_type, row.fees[0].fee), (&Some(FeeType::Base), 405));
    assert_eq!(row.fees[1].fee_type, Some(FeeType::Other("TOMORROW".into())));
    assert_eq!((row.sold_date, row.paid_out_date), (Some(day("2022-06-09")?), Some(day("2022-06-13")?)));
    assert_eq!(row.card.as_ref().and_then(|card| card.amount), Some(15_000));
    assert_eq!(row.cancel, None);
    assert_eq!((rows[1].amount, rows[1].pay_out_amount), (-15_000, -14_553));
    assert_eq!(rows[1].cancel.as_ref().map(|cancel| cancel.cancel_amount), Some(15_000));

    for page in [1, 2] {
        let request = server.arrived().await?;
        let query = "startDate=2022-06-01&endDate=2022-06-30&dateType=paidOutDate";
        let expected = format!("GET /v1/settlements?{query}&page={page}&size=1000 HTTP/1.1");
        assert_eq!(first_line(&request), expected);
    }
    Ok(())
}

/// The recorded cancellation, with its amounts as Toss's documents print them: in quotes.
#[tokio::test]
async fn numbers_in_quotes_are_numbers() -> Outcome {
    let mut quoted = settlement("t-1");
    quoted["amount"] = json!("-99800");
    quoted["fees"] = json!([{"type": "BASE", "fee": "-2250"}, {"type": "ETC", "fee": "0"}]);
    quoted["payOutAmount"] = json!("-97550.0");
    let (_server, client) = pages(&[json!([quoted]), json!([])]).await?;
    let rows: Vec<_> = client.settlements(day("2022-06-01")?, day("2022-06-30")?, DateType::Sold).try_collect().await?;
    assert_eq!((rows[0].amount, rows[0].pay_out_amount), (-99_800, -97_550));
    assert_eq!(rows[0].fees.iter().map(|fee| fee.fee).collect::<Vec<_>>(), [-2_250, 0]);
    for text in ["", "2,250", "+5", " 5", "five", "0x10"] {
        let mut row = settlement("t-1");
        row["fees"] = json!([{"type": "BASE", "fee": text}]);
        let (_server, client) = pages(&[json!([row])]).await?;
        let rows: Vec<_> = client.settlements(day("2022-06-01")?, day("2022-06-01")?, DateType::Sold).collect().await;
        assert!(is_shape(&rows[0], |shape| matches!(shape, ShapeError::Field { .. })), "{text}: {rows:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_amount_that_cannot_be_read_exactly_is_an_error() -> Outcome {
    let is_amount = |shape: &ShapeError| matches!(shape, ShapeError::Amount { .. });
    for (field, value) in [("payOutAmount", json!(0.5)), ("vat", json!(1e300)), ("amount", json!(-0.1))] {
        let mut row = settlement("t-1");
        row[field] = value;
        let (_server, client) = pages(&[json!([row])]).await?;
        let rows: Vec<_> = client.settlements(day("2022-06-01")?, day("2022-06-01")?, DateType::Sold).collect().await;
        assert!(is_shape(&rows[0], is_amount), "{field}: {rows:?}");
    }
    Ok(())
}

#[tokio::test]
async fn cash_receipts_are_read_by_cursor() -> Outcome {
    let receipt = |key: &str| {
        json!({"receiptKey": key, "issueNumber": "1", "issueStatus": "COMPLETED", "amount": 1000.0,
            "orderId": "order-1", "type": "소득공제", "approvalNumber": "2", "transactionType": "CONFIRM",
            "customerIdentityNumber": "01012345678",
            "requestedAt": "2022-06-08T15:40:09+09:00", "approvedAt": "2022-06-08T15:40:10+09:00", "canceledAt": null})
    };
    let first = json!({"hasNext": true, "lastCursor": 7, "data": [receipt("r-1")]});
    let last = json!({"hasNext": false, "lastCursor": 9, "data": [receipt("r-2")]});
    let (mut server, client) = pages(&[first, last]).await?;
    let rows: Vec<_> = client.cash_receipts(day("2022-06-08")?).try_collect().await?;
    assert_eq!(rows.iter().map(|row| row.amount).collect::<Vec<_>>(), [Some(1_000), Some(1_000)]);
    assert_eq!(rows[1].receipt_key.as_deref(), Some("r-2"));
    assert_eq!(rows[0].receipt_type, Some(CashReceiptType::IncomeDeduction));
    assert_eq!(rows[0].approval_number.as_deref(), Some("2"));
    assert!(!format!("{rows:?}").contains("01012345678"));
    for cursor in ["", "&cursor=7"] {
        let request = server.arrived().await?;
        let expected = format!("GET /v1/cash-receipts?requestDate=2022-06-08&limit=1000{cursor} HTTP/1.1");
        assert_eq!(first_line(&request), expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_period_that_ends_before_it_begins_is_not_asked_for() -> Outcome {
    let (mut server, client) = pages(&[json!([])]).await?;
    let rows: Vec<_> = client.settlements(day("2022-06-02")?, day("2022-06-01")?, DateType::Sold).collect().await;
    assert!(matches!(rows[..], [Err(Error::Limit(_))]), "{rows:?}");
    assert_eq!(server.received(), None);
    Ok(())
}

#[tokio::test]
async fn a_page_may_be_larger_than_a_payment() -> Outcome {
    let rows: Vec<Value> = (0..1_000)
        .map(|row| {
            let mut row = transaction(&format!("t-{row}"), "DONE", &json!(1));
            row["padding"] = json!("x".repeat(2_000));
            row
        })
        .collect();
    let (_server, client) = pages(&[json!(rows), json!([])]).await?;
    let time = DateTime::parse_from_rfc3339("2022-06-08T00:00:00+09:00")?;
    let read: Vec<_> = client.transactions(time, time).try_collect().await?;
    assert_eq!(read.len(), 1_000);
    Ok(())
}

#[tokio::test]
async fn a_settlement_may_be_asked_for() -> Outcome {
    let (mut server, client) = pages(&[json!({"result": true})]).await?;
    assert!(client.request_settlement("pay-1", &key()?).await?);
    let request = server.arrived().await?;
    assert_eq!(first_line(&request), "POST /v1/settlements HTTP/1.1");
    assert_eq!(crate::server::body(&request), r#"{"paymentKey":"pay-1"}"#);
    Ok(())
}

#[test]
fn a_stream_may_travel_between_threads() -> Outcome {
    fn is_send<T: Send>(_: &T) {}
    let client = crate::server::client("http://127.0.0.1:9")?;
    is_send(&client.settlements(day("2022-06-01")?, day("2022-06-30")?, DateType::Sold));
    is_send(&client.sellers());
    Ok(())
}
