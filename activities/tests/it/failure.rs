//! The classifier, error by error: only what provably did nothing is a refusal or tried again.

use std::time::Duration;

use activities::failure::{PspErrorClass, after_attempt, classify};
use domain::{failure::Failure, inquiry::Doubt};
use tokio::net::TcpListener;
use toss::{Call, Class, Error, LimitError, Operation, UnreadableReason, codes};

use crate::simulator::{ANSWER_TIME, PATIENCE, client_of, nobody};

fn call(operation: Operation) -> Call {
    Call { operation, subject: "checkout-1".to_owned() }
}

fn refused(operation: Operation, status: u16, code: &str) -> Error {
    Error::Refused {
        call: call(operation),
        status,
        code: code.to_owned(),
        message: "안 됩니다.".to_owned(),
        trace_id: None,
        retry_after: Some(Duration::from_secs(1)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Refused,
    NotOurs,
    TryAgain,
    Ask {
        answered: bool,
    },
    /// A person has to mend our key or our settings.
    NotLetIn,
}

fn check(error: &Error, expected: &Expected) {
    let verdict = match classify(error) {
        PspErrorClass::Refused(_) => Expected::Refused,
        PspErrorClass::NotOurs(_) => Expected::NotOurs,
        PspErrorClass::Ask(doubt) if doubt.locked_out => Expected::NotLetIn,
        PspErrorClass::TryAgain => Expected::TryAgain,
        PspErrorClass::Ask(doubt) => Expected::Ask { answered: doubt.answered },
    };
    assert_eq!(&verdict, expected, "{error}");
}

#[test]
fn what_was_refused_is_decided_by_operation_and_code() {
    use Operation::{Cancel, Confirm};
    let ask = || Expected::Ask { answered: true };
    let table = [
        (Confirm, 403, "REJECT_CARD_PAYMENT", Expected::Refused),
        (Confirm, 400, "INVALID_REQUEST", Expected::Refused),
        (Confirm, 401, "UNAUTHORIZED_KEY", Expected::NotLetIn),
        (Cancel, 401, "UNAUTHORIZED_KEY", Expected::NotLetIn),
        (Confirm, 400, "INVALID_API_KEY", Expected::NotLetIn),
        (Confirm, 403, "INCORRECT_BASIC_AUTH_FORMAT", Expected::NotLetIn),
        (Confirm, 403, "FORBIDDEN_REQUEST", Expected::NotOurs),
        (Confirm, 400, "INVALID_PAYMENT_KEY", Expected::NotOurs),
        (Cancel, 403, "FORBIDDEN_REQUEST", Expected::Refused),
        (Cancel, 404, "NOT_FOUND_PAYMENT", ask()),
        (Confirm, 403, "NOT_AVAILABLE_BANK", Expected::Refused),
        (Confirm, 400, "MAINTAINED_METHOD", Expected::Refused),
        (Cancel, 403, "NOT_AVAILABLE_BANK", ask()),
        (Confirm, 400, "PROVIDER_ERROR", ask()),
        (Confirm, 400, "ALREADY_PROCESSED_PAYMENT", ask()),
        (Confirm, 404, "NOT_FOUND_PAYMENT", Expected::NotOurs),
        (Cancel, 400, "ALREADY_CANCELED_PAYMENT", ask()),
        // Still running under the same key, which is not spent on this answer.
        (Confirm, 409, "IDEMPOTENT_REQUEST_PROCESSING", Expected::TryAgain),
        // Codes of tomorrow, and answers without one.
        (Confirm, 400, "A_CODE_OF_TOMORROW", ask()),
        (Confirm, 500, "A_CODE_OF_TOMORROW", ask()),
        (Confirm, 429, "", ask()),
    ];
    for (operation, status, code, expected) in table {
        check(&refused(operation, status, code), &expected);
    }
}

#[test]
fn a_refusal_carries_the_words_of_the_psp() {
    let failure = Failure::new("REJECT_CARD_PAYMENT", "안 됩니다.");
    assert_eq!(classify(&refused(Operation::Confirm, 403, "REJECT_CARD_PAYMENT")), PspErrorClass::Refused(failure));
}

/// A control character of others reaches neither a history nor a row nor a page.
#[test]
fn the_words_of_the_psp_hold_no_control_characters() {
    let mut error = refused(Operation::Confirm, 403, "REJECT_CARD_PAYMENT");
    if let Error::Refused { message, .. } = &mut error {
        *message = "카드\0사에서\u{1b}[31m 거절\n했습니다.".to_owned();
    }
    let failure = Failure::new("REJECT_CARD_PAYMENT", "카드사에서[31m 거절 했습니다.");
    assert_eq!(classify(&error), PspErrorClass::Refused(failure));
}

#[test]
fn a_closed_bank_and_a_maintained_method_say_when_to_come_back() {
    for (code, comes_back) in
        [("NOT_AVAILABLE_BANK", true), ("MAINTAINED_METHOD", true), ("REJECT_CARD_PAYMENT", false)]
    {
        match classify(&refused(Operation::Confirm, 403, code)) {
            PspErrorClass::Refused(failure) => assert_eq!(failure.retry_at.is_some(), comes_back, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

/// The worker of the first attempt may have died with the PSP's answer that it captured.
#[test]
fn only_the_first_attempt_is_refused() {
    for code in ["REJECT_CARD_PAYMENT", "NOT_FOUND_PAYMENT", "FORBIDDEN_REQUEST"] {
        let verdict = || classify(&refused(Operation::Confirm, 403, code));
        assert_eq!(after_attempt(1, verdict()), verdict(), "{code}");
        let failure = Failure::new(code, "안 됩니다.");
        let doubt = Doubt { refusal: Some(failure), ..Doubt::answered(format!("the PSP answered {code}")) };
        assert_eq!(after_attempt(2, verdict()), PspErrorClass::Ask(doubt));
    }
    let verdict = || classify(&refused(Operation::Confirm, 401, "UNAUTHORIZED_KEY"));
    for attempt in [1, 2] {
        match after_attempt(attempt, verdict()) {
            PspErrorClass::Ask(doubt) => assert_eq!((doubt.locked_out, doubt.answered), (true, attempt == 1)),
            other => panic!("{other:?}"),
        }
    }
    let again = classify(&refused(Operation::Confirm, 409, "IDEMPOTENT_REQUEST_PROCESSING"));
    assert_eq!(after_attempt(2, again), PspErrorClass::TryAgain);
}

#[test]
fn no_documented_code_that_leaves_a_doubt_is_a_refusal_whatever_its_status() {
    for operation in [Operation::Confirm, Operation::Cancel] {
        let in_doubt = |row: &&codes::Row| row.class_after(operation) == Class::QueryFirst;
        // Told to capture what it does not know, the PSP did nothing: see `not_ours` in the table above.
        let told = |row: &&codes::Row| operation == Operation::Confirm && row.code == "NOT_FOUND_PAYMENT";
        for row in codes::TABLE.iter().filter(in_doubt).filter(|row| !told(row)) {
            for status in [400, 403, 404, 429, 500, 503] {
                check(&refused(operation, status, row.code), &Expected::Ask { answered: true });
            }
        }
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_a_doubt_with_an_answer() {
    for reason in [UnreadableReason::NotAnError, UnreadableReason::TooLarge] {
        let error = Error::Unreadable { call: call(Operation::Confirm), status: 200, trace_id: None, reason };
        check(&error, &Expected::Ask { answered: true });
    }
}

#[test]
fn what_our_own_limits_stop_was_not_sent() {
    match classify(&Error::Limit(LimitError::Amount)) {
        PspErrorClass::Refused(failure) => assert_eq!(failure.code.as_str(), "not_sent"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_a_connection_the_same_request_may_be_sent_again() {
    let error = client_of(&nobody().await, PATIENCE).payment("payment-key").await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    check(&error, &Expected::TryAgain);
}

#[tokio::test]
async fn silence_is_a_doubt_without_an_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let error = client_of(&url, ANSWER_TIME).payment("payment-key").await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    check(&error, &Expected::Ask { answered: false });
}
