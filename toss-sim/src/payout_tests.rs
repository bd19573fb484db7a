//! The state machine of a payout by table, and what is wrong with a request by itself.

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use super::{Payout, PayoutBody, PayoutStatus, payable};
use crate::codes::Code;
use crate::time::Instant;

/// A Friday, 09:00 in Korea.
fn friday() -> Instant {
    DateTime::from_timestamp(1_767_312_000, 0).unwrap()
}

fn body(changes: &serde_json::Value) -> PayoutBody {
    let mut body = json!({
        "refPayoutId": "payout-1", "destination": "seller", "scheduleType": "EXPRESS",
        "amount": { "currency": "KRW", "value": 5000.0 }, "transactionDescription": "정산",
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    serde_json::from_value(body).unwrap()
}

fn requested(changes: &serde_json::Value) -> Result<Payout, Code> {
    Payout::requested("FPA_1".to_owned(), 0, body(changes), true, friday())
}

fn scheduled() -> Payout {
    requested(&json!({ "scheduleType": "SCHEDULED", "payoutDate": "2026-01-05" })).unwrap()
}

#[test]
fn an_express_payout_goes_at_once_and_a_scheduled_one_on_its_day() {
    let mut express = requested(&json!({})).unwrap();
    assert_eq!((express.status, express.next()), (PayoutStatus::InProgress, Some(friday() + TimeDelta::minutes(1))));
    express.go_on();
    assert_eq!((express.status, express.next()), (PayoutStatus::Completed, None));

    let mut scheduled = scheduled();
    let monday = friday() + TimeDelta::hours(2 * 24 + 15);
    assert_eq!((scheduled.status, scheduled.next()), (PayoutStatus::Requested, Some(monday)));
    scheduled.go_on();
    let in_progress = (PayoutStatus::InProgress, Some(monday + TimeDelta::hours(10)));
    assert_eq!((scheduled.status, scheduled.next()), in_progress);
    scheduled.go_on();
    assert_eq!(scheduled.status, PayoutStatus::Completed);
}

#[test]
fn only_a_requested_payout_is_canceled_and_only_an_open_one_fails() {
    let mut canceled = scheduled();
    assert_eq!(canceled.cancel(), Ok(()));
    assert_eq!(canceled.cancel(), Err(Code::InvalidRequest));
    assert!(canceled.fail(Code::InvalidAccountNumber).is_err());
    let mut failed = requested(&json!({})).unwrap();
    assert_eq!(failed.cancel(), Err(Code::InvalidRequest));
    assert_eq!(failed.fail(Code::InvalidAccountNumber), Ok(()));
    assert_eq!(failed.json()["error"]["code"], "INVALID_ACCOUNT_NUMBER");
    failed.go_on();
    assert_eq!(failed.status, PayoutStatus::Failed);
}

#[test]
fn a_request_is_refused_for_what_is_wrong_with_it() {
    let cases = [
        (json!({ "transactionDescription": "여덟글자이다정말" }), Code::InvalidRequest),
        (json!({ "refPayoutId": "r".repeat(51) }), Code::InvalidRequest),
        (json!({ "amount": { "currency": "USD", "value": 1 } }), Code::InvalidCurrency),
        (json!({ "amount": { "currency": "KRW", "value": 0 } }), Code::BelowZeroAmount),
        (json!({ "amount": { "currency": "KRW", "value": 1_000_000_000 } }), Code::ExceedMaxAmount),
        (json!({ "scheduleType": "SCHEDULED" }), Code::InvalidPayableDate),
        (json!({ "metadata": { "a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6" } }), Code::InvalidRequest),
        (json!({ "metadata": { "a[0]": "1" } }), Code::InvalidRequest),
    ];
    for (changes, code) in cases {
        assert_eq!(requested(&changes).map(|_| ()), Err(code), "{changes}");
    }
    assert!(requested(&json!({ "amount": { "currency": "KRW", "value": 999_999_999 } })).is_ok());
    let in_the_evening =
        Payout::requested("FPA_1".to_owned(), 0, body(&json!({})), true, friday() + TimeDelta::hours(6));
    assert_eq!(in_the_evening.map(|_| ()), Err(Code::InvalidPayableDate));
}

#[test]
fn a_day_is_a_business_day_from_tomorrow_within_a_year() {
    let today = crate::time::korean_date(friday());
    let cases = [
        ("2026-01-05", Ok(())),
        ("2026-01-02", Err(Code::InvalidPayableDate)),
        ("2026-01-03", Err(Code::NotAllowedHoliday)),
        ("2027-01-01", Ok(())),
        ("2027-01-04", Err(Code::InvalidPayableDate)),
        ("soon", Err(Code::InvalidPayableDate)),
    ];
    for (text, wanted) in cases {
        assert_eq!(payable(Some(text), today).map(|_| ()), wanted, "{text}");
    }
}
