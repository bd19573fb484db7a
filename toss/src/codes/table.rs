//! The table. Source: docs.tosspayments.com/reference/error-codes and the per-API tables of the
//! core API reference; the class is this crate's reading of each sentence.
//!
//! Five rows read a sentence that could be read otherwise:
//!
//! * `NOT_AVAILABLE_BANK` ("the bank is closed"): the buyer of a confirmation cannot wait for the
//!   morning, since the session lasts 10 minutes; a cancellation can.
//! * `NOT_FOUND_PAYMENT`: final when looking up. After a confirmation or a cancellation an earlier
//!   attempt may have moved the payment, and a table has no memory, so the look-up decides.
//! * `MAINTAINED_METHOD`: nothing was done and the maintenance ends.
//! * `NTS_ERROR`: the tax office forwards its own sentence, which may or may not mean that a receipt
//!   was issued.
//! * `INVALID_BANK`: a cancellation names the buyer's bank, an issue names the merchant's choice.

use super::Class::{self, BuyerActs, Permanent, QueryFirst, RetryLater};
use super::Meaning::{self, AnotherPayment, Denied, NothingLeft, StillRunning, UnknownPayment};
use super::Operation::{
    self, Balance, BillingCharge, BillingIssue, Cancel, CashReceiptCancel, CashReceiptIssue, Confirm, KeyIn, LookUp,
    PayoutCancel, PayoutLookUp, PayoutRequest, SellerDelete, SellerLookUp, SellerRegister, SellerUpdate,
    SettlementRequest, Settlements, Transactions, VirtualAccount,
};
use super::Pause::{self, BankHours, Maintenance, Moment, NextDay};
use super::Row;

/// Codes that any API may answer.
const EVERY: &[Operation] = &Operation::ALL;
/// Codes that any POST may answer.
const POSTS: &[Operation] = &[
    Confirm,
    Cancel,
    KeyIn,
    VirtualAccount,
    BillingIssue,
    BillingCharge,
    SettlementRequest,
    CashReceiptIssue,
    CashReceiptCancel,
    SellerRegister,
    SellerUpdate,
    PayoutRequest,
    PayoutCancel,
];
/// Codes of the payout service, whose tables do not say which of its calls answers which.
const PAYOUTS: &[Operation] =
    &[Balance, SellerRegister, SellerUpdate, SellerDelete, SellerLookUp, PayoutRequest, PayoutCancel, PayoutLookUp];
/// Codes of the full list that no per-API table claims.
const UNSTATED: &[Operation] = &[];
/// Codes seen without their status.
const UNSHOWN: u16 = 0;

const fn row(code: &'static str, http_status: u16, class: Class, operations: &'static [Operation]) -> Row {
    Row {
        code,
        http_status: if http_status == UNSHOWN { None } else { Some(http_status) },
        class,
        operations,
        exceptions: &[],
        pause: None,
        means: None,
    }
}

impl Row {
    const fn except(self, exceptions: &'static [(Operation, Class)]) -> Self {
        Self { exceptions, ..self }
    }

    const fn until(self, pause: Pause) -> Self {
        Self { pause: Some(pause), ..self }
    }

    const fn means(self, meaning: Meaning) -> Self {
        Self { means: Some(meaning), ..self }
    }
}

/// Every documented code, sorted.
pub const TABLE: &[Row] = &[
    row("ACCOUNT_OWNER_CHECK_FAILED", 400, BuyerActs, PAYOUTS),
    row("ALREADY_CANCELED_PAYMENT", 400, QueryFirst, &[Cancel]).means(NothingLeft),
    row("ALREADY_COMPLETED_PAYMENT", 400, QueryFirst, UNSTATED),
    row("ALREADY_EXIST_SUBMALL", 400, QueryFirst, PAYOUTS),
    row("ALREADY_PROCESSED_PAYMENT", 400, QueryFirst, &[Confirm]),
    row("ALREADY_REFUNDING_PAYMENT", 400, QueryFirst, &[Cancel]),
    row("ALREADY_REFUND_PAYMENT", 400, QueryFirst, &[Cancel]).means(NothingLeft),
    row("ALREADY_REMOVED_BILLING_KEY", 400, BuyerActs, &[BillingCharge]),
    row("API_VERSION_UPDATE_NEEDED", 400, Permanent, UNSTATED).means(Denied),
    row("BELOW_MINIMUM_AMOUNT", 400, Permanent, &[Confirm, KeyIn, BillingCharge]),
    row("BELOW_ZERO_AMOUNT", 400, Permanent, &[KeyIn]),
    row("CARD_PROCESSING_ERROR", 400, QueryFirst, &[Confirm]),
    row("COMMON_ERROR", 500, QueryFirst, &[Cancel, BillingIssue]),
    row("DUPLICATED_CASH_RECEIPT", 400, QueryFirst, &[CashReceiptIssue]),
    row("DUPLICATED_ORDER_ID", 400, QueryFirst, &[Confirm, KeyIn, VirtualAccount, BillingCharge]),
    row("DUPLICATED_REQUEST", 400, QueryFirst, UNSTATED),
    row("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", 400, BuyerActs, UNSTATED),
    row("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", 400, Permanent, &[Cancel]),
    row("EXCEED_CANCEL_LIMIT", 403, RetryLater, &[Cancel]).until(NextDay),
    row("EXCEED_MAX_AMOUNT", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_AUTH_COUNT", 403, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("EXCEED_MAX_CARD_INSTALLMENT_PLAN", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_DAILY_PAYMENT_COUNT", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_DUE_DATE", 400, Permanent, &[VirtualAccount]),
    row("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_ONE_DAY_AMOUNT", 403, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_PAYMENT_AMOUNT", 400, BuyerActs, &[Confirm]),
    row("EXCEED_MAX_QUERY_LIMIT", 400, Permanent, &[Transactions, Settlements]),
    row("EXCEED_MAX_REFUND_AMOUNT", 403, RetryLater, &[Cancel]).until(NextDay),
    row("EXCEED_MAX_REFUND_DUE", 403, Permanent, &[Cancel]),
    row("EXCEED_MAX_VALID_HOURS", 400, Permanent, &[VirtualAccount]),
    row("FAILED_BILLING_AUTO_CANCEL", 500, QueryFirst, &[BillingCharge]),
    row("FAILED_BILL_KEY_AUTH_CREATION", 500, RetryLater, &[BillingIssue]),
    row("FAILED_CARD_COMPANY_RESPONSE", 500, QueryFirst, &[KeyIn, BillingCharge]),
    row("FAILED_DB_PROCESSING", 500, QueryFirst, &[KeyIn, VirtualAccount, BillingCharge, BillingIssue]),
    row("FAILED_INTERNAL_SYSTEM_PROCESSING", 500, QueryFirst, &[Confirm, Cancel, KeyIn, VirtualAccount, BillingCharge]),
    row("FAILED_METHOD_HANDLING_CANCEL", 500, QueryFirst, &[Cancel]),
    row("FAILED_PARTIAL_REFUND", 500, QueryFirst, &[Cancel]),
    row("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, QueryFirst, &[Confirm, LookUp, Cancel, KeyIn]),
    row("FAILED_REFUND_PROCESS", 500, QueryFirst, &[Cancel]),
    row("FDS_ERROR", 403, BuyerActs, &[Confirm]),
    row("FORBIDDEN_BANK_REFUND_REQUEST", 400, BuyerActs, &[Cancel]),
    row("FORBIDDEN_CONSECUTIVE_REQUEST", 403, RetryLater, &[LookUp, Cancel]).until(Moment),
    row("FORBIDDEN_REQUEST", 403, Permanent, &[Confirm, Cancel]).means(AnotherPayment),
    row("FORBIDDEN_SELLER_PAYOUT", UNSHOWN, RetryLater, PAYOUTS),
    row("IDEMPOTENT_REQUEST_PROCESSING", 409, RetryLater, POSTS).until(Moment).means(StillRunning),
    row("INCORRECT_BASIC_AUTH_FORMAT", 403, Permanent, EVERY).means(Denied),
    row("INVALID_ACCOUNT_INFO_RE_REGISTER", 400, BuyerActs, &[Confirm]),
    row("INVALID_ACCOUNT_NUMBER", 400, BuyerActs, PAYOUTS),
    row("INVALID_API_KEY", 400, Permanent, &[Confirm]).means(Denied),
    row("INVALID_AUTHORIZE_AUTH", 400, Permanent, &[Confirm]),
    row("INVALID_BANK", 400, BuyerActs, &[Cancel, VirtualAccount]).except(&[(VirtualAccount, Permanent)]),
    row("INVALID_BILLING_AUTH", 400, Permanent, &[BillingIssue]),
    row("INVALID_BILL_KEY_REQUEST", 400, Permanent, &[BillingCharge]),
    row("INVALID_BIRTH_DAY_FORMAT", 400, BuyerActs, &[KeyIn, BillingIssue]),
    row("INVALID_BUSINESS_NUMBER", 400, BuyerActs, PAYOUTS),
    row("INVALID_CARD_EXPIRATION", 400, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("INVALID_CARD_IDENTITY", 400, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("INVALID_CARD_INSTALLMENT_PLAN", 400, BuyerActs, &[Confirm, KeyIn, BillingCharge]),
    row("INVALID_CARD_LOST_OR_STOLEN", 400, BuyerActs, &[Confirm, BillingCharge]),
    row("INVALID_CARD_NUMBER", 400, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("INVALID_CARD_PASSWORD", 400, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("INVALID_CURRENCY", 400, Permanent, &[KeyIn]),
    row("INVALID_DATE", 400, Permanent, &[VirtualAccount]),
    row("INVALID_EMAIL", 400, Permanent, &[KeyIn]),
    row("INVALID_IDEMPOTENCY_KEY", 400, Permanent, POSTS),
    row("INVALID_ISO_DATE_FORMAT", 400, Permanent, &[Transactions, Settlements]),
    row("INVALID_ORDER_ID", 400, Permanent, &[KeyIn]),
    row("INVALID_ORDER_NAME", 400, Permanent, &[KeyIn]),
    row("INVALID_PAGING_KEY", 400, Permanent, &[Transactions, Settlements]),
    row("INVALID_PASSWORD", 403, BuyerActs, &[Confirm]),
    row("INVALID_PAYABLE_DATE", 400, Permanent, PAYOUTS),
    row("INVALID_PAYMENT_KEY", 400, Permanent, UNSTATED).means(UnknownPayment),
    row("INVALID_REFUND_ACCOUNT_INFO", 400, BuyerActs, &[Cancel]),
    row("INVALID_REFUND_ACCOUNT_NUMBER", 400, BuyerActs, &[Cancel]),
    row("INVALID_REFUND_AMOUNT", 400, Permanent, UNSTATED),
    row("INVALID_REGISTRATION_NUMBER_TYPE", 400, Permanent, &[VirtualAccount]),
    row("INVALID_REJECT_CARD", 400, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("INVALID_REQUEST", 400, Permanent, EVERY),
    row("INVALID_REQUIRED_PARAM", 400, Permanent, &[KeyIn]),
    row("INVALID_STOPPED_CARD", 400, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("INVALID_SUBMALL_ID", 400, Permanent, PAYOUTS),
    row("INVALID_TEST_CODE", 400, Permanent, EVERY),
    row("INVALID_UNREGISTERED_SUBMALL", 400, Permanent, &[Confirm]),
    row("INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE", UNSHOWN, Permanent, &[VirtualAccount]),
    row("INVALID_VIRTUAL_ACCOUNT_TYPE", 400, Permanent, &[VirtualAccount]),
    row("MAINTAINED_METHOD", 400, RetryLater, UNSTATED).until(Maintenance),
    row("NOT_ALLOWED_HOLIDAY", 400, Permanent, PAYOUTS),
    row("NOT_ALLOWED_PARTIAL_REFUND", 403, Permanent, &[Cancel]),
    row("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", 403, Permanent, &[Cancel]),
    row("NOT_ALLOWED_POINT_USE", 400, BuyerActs, &[Confirm, KeyIn]),
    row("NOT_ALLOWED_REFUND_BANK", 403, Permanent, UNSTATED),
    row("NOT_AVAILABLE_BANK", 403, BuyerActs, &[Confirm, Cancel]).except(&[(Cancel, RetryLater)]).until(BankHours),
    row("NOT_AVAILABLE_PAYMENT", 400, BuyerActs, &[Confirm]).until(BankHours),
    row("NOT_CANCELABLE_AMOUNT", 403, QueryFirst, &[Cancel]).means(NothingLeft),
    row("NOT_CANCELABLE_PAYMENT", 403, Permanent, &[Cancel]),
    row("NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", 403, Permanent, &[Cancel]),
    row("NOT_ENOUGH_AMOUNT", 400, RetryLater, PAYOUTS),
    row("NOT_FOUND", 404, Permanent, UNSTATED).means(Denied),
    row("NOT_FOUND_BILLING", 404, Permanent, UNSTATED),
    row("NOT_FOUND_HTTP_METHOD", 404, Permanent, UNSTATED).means(Denied),
    row("NOT_FOUND_MERCHANT", 404, Permanent, UNSTATED).means(Denied),
    row("NOT_FOUND_METHOD", 404, Permanent, UNSTATED),
    row("NOT_FOUND_PAYMENT", 404, Permanent, &[Confirm, LookUp, Cancel])
        .except(&[(Confirm, QueryFirst), (Cancel, QueryFirst)])
        .means(UnknownPayment),
    row("NOT_FOUND_PAYMENT_SESSION", 404, BuyerActs, &[Confirm]),
    row("NOT_FOUND_SUBMALL", 404, Permanent, PAYOUTS),
    row("NOT_FOUND_TERMINAL_ID", 400, Permanent, &[Confirm]),
    row("NOT_MATCHES_CUSTOMER_KEY", 400, Permanent, &[BillingCharge]),
    row("NOT_MATCHES_REFUNDABLE_AMOUNT", 400, QueryFirst, &[Cancel]),
    row("NOT_MATCH_PAYEE_NAME", 400, BuyerActs, PAYOUTS),
    row("NOT_REGISTERED_BUSINESS", 400, Permanent, &[Confirm]),
    row("NOT_REGISTERED_CARD_COMPANY", 400, BuyerActs, &[KeyIn, BillingIssue, BillingCharge]),
    row("NOT_SUPPORTED_CARD_TYPE", 400, BuyerActs, &[KeyIn, BillingIssue, BillingCharge]),
    row("NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", 400, BuyerActs, &[Confirm, KeyIn, BillingCharge]),
    row("NOT_SUPPORTED_METHOD", 400, Permanent, &[BillingIssue]),
    row("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", 400, BuyerActs, &[Confirm, KeyIn, BillingCharge]),
    row("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", 400, BuyerActs, &[LookUp, KeyIn]),
    row("NOT_SUPPORTED_REFUND", 403, Permanent, UNSTATED),
    row("NTS_ERROR", UNSHOWN, QueryFirst, &[CashReceiptIssue]),
    row("PAYOUT_NOT_FOUND", 404, Permanent, PAYOUTS),
    row("PAY_PROCESS_ABORTED", 400, BuyerActs, &[Confirm]),
    row("PAY_PROCESS_CANCELED", 400, BuyerActs, &[Confirm]),
    row("PROVIDER_ERROR", 400, QueryFirst, &[Confirm, Cancel]),
    row("REFUND_REJECTED", 400, Permanent, &[Cancel]),
    row("REJECT_ACCOUNT_PAYMENT", 403, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("REJECT_CARD_COMPANY", 403, BuyerActs, &[Confirm, KeyIn, BillingIssue, BillingCharge]),
    row("REJECT_CARD_PAYMENT", 403, BuyerActs, &[Confirm, KeyIn, BillingCharge]),
    row("REJECT_TOSSPAY_INVALID_ACCOUNT", 403, BuyerActs, &[Confirm]),
    row("REQUIRED_ACCOUNT_KEY", 400, Permanent, &[VirtualAccount]),
    row("REQUIRED_AMOUNT", 400, Permanent, &[KeyIn]),
    row("RESTRICTED_TRANSFER_ACCOUNT", 400, BuyerActs, &[Confirm]),
    row("UNAPPROVED_ORDER_ID", 400, Permanent, &[Confirm]),
    row("UNAUTHORIZED_KEY", 401, Permanent, EVERY).means(Denied),
    row("UNKNOWN_ERROR", 500, QueryFirst, UNSTATED),
    row("UNKNOWN_PAYMENT_ERROR", 500, QueryFirst, &[Confirm]),
];
