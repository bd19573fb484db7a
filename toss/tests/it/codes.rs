//! The table of codes against a list kept apart from it.

use toss::codes::{TABLE, class, row};
use toss::{Class, Meaning, Operation, Pause};

/// Every code of the published tables, by class (outside the exceptions) and status.
const PUBLISHED: &[(Class, Option<u16>, &str)] = &[
    (
        Class::BuyerActs,
        Some(400),
        "ACCOUNT_OWNER_CHECK_FAILED ALREADY_REMOVED_BILLING_KEY \
         EXCEEDS_TRANSFER_AMOUNT_MAXIMUM EXCEED_MAX_AMOUNT EXCEED_MAX_CARD_INSTALLMENT_PLAN \
         EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT \
         EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT \
         EXCEED_MAX_PAYMENT_AMOUNT FORBIDDEN_BANK_REFUND_REQUEST \
         INVALID_ACCOUNT_INFO_RE_REGISTER INVALID_ACCOUNT_NUMBER INVALID_BANK \
         INVALID_BIRTH_DAY_FORMAT INVALID_BUSINESS_NUMBER INVALID_CARD_EXPIRATION \
         INVALID_CARD_IDENTITY INVALID_CARD_INSTALLMENT_PLAN INVALID_CARD_LOST_OR_STOLEN \
         INVALID_CARD_NUMBER INVALID_CARD_PASSWORD INVALID_REFUND_ACCOUNT_INFO \
         INVALID_REFUND_ACCOUNT_NUMBER INVALID_REJECT_CARD INVALID_STOPPED_CARD \
         NOT_ALLOWED_POINT_USE NOT_AVAILABLE_PAYMENT NOT_MATCH_PAYEE_NAME \
         NOT_REGISTERED_CARD_COMPANY NOT_SUPPORTED_CARD_TYPE \
         NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT \
         NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN \
         NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT PAY_PROCESS_ABORTED \
         PAY_PROCESS_CANCELED RESTRICTED_TRANSFER_ACCOUNT",
    ),
    (
        Class::BuyerActs,
        Some(403),
        "EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT FDS_ERROR INVALID_PASSWORD \
         NOT_AVAILABLE_BANK REJECT_ACCOUNT_PAYMENT REJECT_CARD_COMPANY REJECT_CARD_PAYMENT \
         REJECT_TOSSPAY_INVALID_ACCOUNT",
    ),
    (Class::BuyerActs, Some(404), "NOT_FOUND_PAYMENT_SESSION"),
    (
        Class::Permanent,
        Some(400),
        "API_VERSION_UPDATE_NEEDED BELOW_MINIMUM_AMOUNT BELOW_ZERO_AMOUNT \
         EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT EXCEED_MAX_DUE_DATE EXCEED_MAX_QUERY_LIMIT \
         EXCEED_MAX_VALID_HOURS INVALID_API_KEY INVALID_AUTHORIZE_AUTH INVALID_BILLING_AUTH \
         INVALID_BILL_KEY_REQUEST INVALID_CURRENCY INVALID_DATE INVALID_EMAIL \
         INVALID_IDEMPOTENCY_KEY INVALID_ISO_DATE_FORMAT INVALID_ORDER_ID \
         INVALID_ORDER_NAME INVALID_PAGING_KEY INVALID_PAYABLE_DATE INVALID_PAYMENT_KEY \
         INVALID_REFUND_AMOUNT INVALID_REGISTRATION_NUMBER_TYPE INVALID_REQUEST \
         INVALID_REQUIRED_PARAM INVALID_SUBMALL_ID INVALID_TEST_CODE \
         INVALID_UNREGISTERED_SUBMALL INVALID_VIRTUAL_ACCOUNT_TYPE NOT_ALLOWED_HOLIDAY \
         NOT_FOUND_TERMINAL_ID NOT_MATCHES_CUSTOMER_KEY NOT_REGISTERED_BUSINESS \
         NOT_SUPPORTED_METHOD REFUND_REJECTED REQUIRED_ACCOUNT_KEY REQUIRED_AMOUNT \
         UNAPPROVED_ORDER_ID",
    ),
    (Class::Permanent, Some(401), "UNAUTHORIZED_KEY"),
    (
        Class::Permanent,
        Some(403),
        "EXCEED_MAX_REFUND_DUE FORBIDDEN_REQUEST INCORRECT_BASIC_AUTH_FORMAT \
         NOT_ALLOWED_PARTIAL_REFUND NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT \
         NOT_ALLOWED_REFUND_BANK NOT_CANCELABLE_PAYMENT \
         NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER NOT_SUPPORTED_REFUND",
    ),
    (
        Class::Permanent,
        Some(404),
        "NOT_FOUND NOT_FOUND_BILLING NOT_FOUND_HTTP_METHOD NOT_FOUND_MERCHANT \
         NOT_FOUND_METHOD NOT_FOUND_PAYMENT NOT_FOUND_SUBMALL PAYOUT_NOT_FOUND",
    ),
    (
        Class::QueryFirst,
        Some(400),
        "ALREADY_CANCELED_PAYMENT ALREADY_COMPLETED_PAYMENT ALREADY_EXIST_SUBMALL \
         ALREADY_PROCESSED_PAYMENT ALREADY_REFUNDING_PAYMENT ALREADY_REFUND_PAYMENT \
         CARD_PROCESSING_ERROR DUPLICATED_CASH_RECEIPT DUPLICATED_ORDER_ID \
         DUPLICATED_REQUEST NOT_MATCHES_REFUNDABLE_AMOUNT PROVIDER_ERROR",
    ),
    (Class::QueryFirst, Some(403), "NOT_CANCELABLE_AMOUNT"),
    (
        Class::QueryFirst,
        Some(500),
        "COMMON_ERROR FAILED_BILLING_AUTO_CANCEL FAILED_CARD_COMPANY_RESPONSE \
         FAILED_DB_PROCESSING FAILED_INTERNAL_SYSTEM_PROCESSING \
         FAILED_METHOD_HANDLING_CANCEL FAILED_PARTIAL_REFUND \
         FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_REFUND_PROCESS UNKNOWN_ERROR \
         UNKNOWN_PAYMENT_ERROR",
    ),
    (Class::Permanent, None, "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE"),
    (Class::QueryFirst, None, "NTS_ERROR"),
    (Class::RetryLater, None, "FORBIDDEN_SELLER_PAYOUT"),
    (Class::RetryLater, Some(400), "MAINTAINED_METHOD NOT_ENOUGH_AMOUNT"),
    (Class::RetryLater, Some(403), "EXCEED_CANCEL_LIMIT EXCEED_MAX_REFUND_AMOUNT FORBIDDEN_CONSECUTIVE_REQUEST"),
    (Class::RetryLater, Some(409), "IDEMPOTENT_REQUEST_PROCESSING"),
    (Class::RetryLater, Some(500), "FAILED_BILL_KEY_AUTH_CREATION"),
];

#[test]
fn the_table_is_sorted_and_unique() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} then {}", pair[0].code, pair[1].code);
    }
}

#[test]
fn the_table_is_what_is_published() {
    let mut count = 0;
    for (class, status, codes) in PUBLISHED {
        for code in codes.split_whitespace() {
            let found = row(code).map(|row| (row.class, row.http_status));
            assert_eq!(found, Some((*class, *status)), "{code}");
            count += 1;
        }
    }
    assert_eq!(count, TABLE.len(), "a code in the table is not in the list");
}

#[test]
fn an_operation_may_differ() {
    use Class::{BuyerActs, Permanent, QueryFirst, RetryLater};
    let differing = [
        ("INVALID_BANK", Operation::Cancel, BuyerActs),
        ("INVALID_BANK", Operation::VirtualAccount, Permanent),
        ("NOT_AVAILABLE_BANK", Operation::Confirm, BuyerActs),
        ("NOT_AVAILABLE_BANK", Operation::Cancel, RetryLater),
        ("NOT_FOUND_PAYMENT", Operation::LookUp, Permanent),
        ("NOT_FOUND_PAYMENT", Operation::Confirm, QueryFirst),
        ("NOT_FOUND_PAYMENT", Operation::Cancel, QueryFirst),
    ];
    for (code, operation, expected) in differing {
        assert_eq!(class(operation, code), Some(expected), "{code} after {operation:?}");
    }
    let rows_that_differ: Vec<&str> =
        TABLE.iter().filter(|row| !row.exceptions.is_empty()).map(|row| row.code).collect();
    assert_eq!(rows_that_differ, ["INVALID_BANK", "NOT_AVAILABLE_BANK", "NOT_FOUND_PAYMENT"]);
}

#[test]
fn a_pause_is_named_where_the_code_names_a_time() {
    let pauses: Vec<(&str, Pause)> = TABLE.iter().filter_map(|row| Some((row.code, row.pause?))).collect();
    let expected = [
        ("EXCEED_CANCEL_LIMIT", Pause::NextDay),
        ("EXCEED_MAX_REFUND_AMOUNT", Pause::NextDay),
        ("FORBIDDEN_CONSECUTIVE_REQUEST", Pause::Moment),
        ("IDEMPOTENT_REQUEST_PROCESSING", Pause::Moment),
        ("MAINTAINED_METHOD", Pause::Maintenance),
        ("NOT_AVAILABLE_BANK", Pause::BankHours),
        ("NOT_AVAILABLE_PAYMENT", Pause::BankHours),
    ];
    assert_eq!(pauses, expected);
}

#[test]
fn a_meaning_is_named_where_a_caller_acts_on_it() {
    let meanings: Vec<(&str, Meaning)> = TABLE.iter().filter_map(|row| Some((row.code, row.means?))).collect();
    let expected = [
        ("ALREADY_CANCELED_PAYMENT", Meaning::NothingLeft),
        ("ALREADY_REFUND_PAYMENT", Meaning::NothingLeft),
        ("API_VERSION_UPDATE_NEEDED", Meaning::Denied),
        ("FORBIDDEN_REQUEST", Meaning::AnotherPayment),
        ("IDEMPOTENT_REQUEST_PROCESSING", Meaning::StillRunning),
        ("INCORRECT_BASIC_AUTH_FORMAT", Meaning::Denied),
        ("INVALID_API_KEY", Meaning::Denied),
        ("INVALID_PAYMENT_KEY", Meaning::UnknownPayment),
        ("NOT_CANCELABLE_AMOUNT", Meaning::NothingLeft),
        ("NOT_FOUND", Meaning::Denied),
        ("NOT_FOUND_HTTP_METHOD", Meaning::Denied),
        ("NOT_FOUND_MERCHANT", Meaning::Denied),
        ("NOT_FOUND_PAYMENT", Meaning::UnknownPayment),
        ("UNAUTHORIZED_KEY", Meaning::Denied),
    ];
    assert_eq!(meanings, expected);
}

#[test]
fn an_unlisted_code_has_no_class() {
    for code in ["", "A_CODE_OF_TOMORROW", "reject_card_payment", "REJECT_CARD_PAYMENT "] {
        assert_eq!(class(Operation::Confirm, code), None, "{code:?}");
    }
}
