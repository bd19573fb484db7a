//! Toss Payments' HTTP API in Toss's own words.
//!
//! A [`Client`] confirms, looks up and cancels payments, issues virtual accounts, billing keys and cash
//! receipts, reads transactions and settlements, and pays sellers out. Its answers are objects with
//! every field Toss documents, or an [`Error`] that says how much is known about what happened, which is
//! what a caller that moves money has to know. [`webhook::parse`] reads what Toss sends by itself.
//!
//! # What this crate does not do
//!
//! It keeps nothing, repeats nothing and decides nothing: one method call is at most one request, and
//! one for each page of a stream.
//! Whether to ask again is the caller's decision, and [`Error::class`] is the advice. It mints no
//! idempotency key: a key minted here would be a new key on every attempt, and a new key is a
//! second charge. It touches no card number. It follows no redirect and reads no proxy from the
//! environment.
//!
//! # Invariants
//!
//! * An amount is an integer of the currency's minor unit, on both sides; no float is ever computed.
//! * A request is called [`Error::NotSent`] only if no byte of it can have left: an open breaker and a
//!   full gate refuse before sending. Every doubt is [`Error::NoAnswer`] or [`Error::Unreadable`], and
//!   both classify as [`Class::QueryFirst`].
//! * A stream that ends without an error has given the whole list.
//! * A refusal is classified by `(operation, code)` in [`codes`], never by HTTP status.
//! * New fields and new enum values are no error, and are kept: Toss adds them without a new version. So is a field
//!   of another type than documented, unless it says whose money moved or how much.
//! * Neither a key nor a buyer's personal detail is printed by `Debug` or by an error text.
//!
//! Source: the core API reference at docs.tosspayments.com/reference and the pages beside it.
#![warn(missing_docs)]

mod amounts;
mod billing;
mod breaker;
mod cash_receipt;
mod client;
pub mod codes;
mod config;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod jwe;
mod limits;
mod money;
mod object;
mod open_enum;
mod pages;
mod payment;
mod payments;
mod payout;
mod pins;
mod private;
mod requests;
mod seller;
mod settlement;
mod shape;
mod span;
mod times;
mod tls;
mod transaction;
mod transport;
mod virtual_account;
pub mod webhook;
mod words;

pub use amounts::{AmountError, Currency};
pub use billing::{
    AUTH_KEY_LIMIT, Billing, BillingAccount, BillingChargeRequest, BillingIssueRequest, CUSTOMER_KEY_LIMIT,
};
pub use breaker::{BreakerRule, BreakerState};
pub use cash_receipt::CashReceiptRequest;
pub use client::Client;
pub use codes::{Class, Meaning, Operation, Pause};
pub use config::{Config, ConfigError};
pub use error::{Call, Error, NotSentReason, UnreadableReason};
pub use gate::{ANSWER_TIME_ENDS_MS, OperationMetrics, UNKNOWN_CODE};
pub use jwe::JweError;
pub use limits::{
    AMOUNT_LIMIT, IDEMPOTENCY_KEY_LIMIT, IdempotencyKey, LimitError, ORDER_ID_LIMIT, ORDER_ID_MINIMUM,
    PAYMENT_KEY_LIMIT, REASON_LIMIT,
};
pub use money::Money;
pub use pages::RowMark;
pub use payment::{
    Cancel, Card, CashReceipt, CashReceiptRecord, Checkout, Discount, EasyPay, Failure, GiftCertificate, MobilePhone,
    Payment, Receipt, RefundReceiveAccount, Transfer, VirtualAccount,
};
pub use payout::{
    Balance, DESCRIPTION_LIMIT, PAYOUT_AMOUNT_BOUND, PAYOUT_COUNT_LIMIT, Payout, PayoutRequest, Schedule,
};
pub use pins::{ENFORCED_PINS_MINIMUM, Pin, PinReport, Pinning};
pub use private::{Private, SecretKey, SecurityKey};
pub use requests::{CancelDetails, CancelRequest, ConfirmRequest, RefundAccount};
pub use seller::{
    AccountDetails, Company, CompanyDetails, Individual, IndividualDetails, Seller, SellerAccount, SellerDetails,
    SellerRequest,
};
pub use settlement::{DateType, Exchange, ExchangeFields, Fee, Settlement};
pub use shape::{ShapeError, Unknown};
pub use transaction::Transaction;
pub use transport::ANSWER_LIMIT_BYTES;
pub use virtual_account::{DepositReceipt, Due, EscrowProduct, VALID_HOURS_LIMIT, VirtualAccountRequest};
pub use words::{
    AccountType, AcquireStatus, BusinessType, CancelStatus, CardType, CashReceiptType, FeeType, InterestPayer,
    IssueStatus, Method, OwnerType, PaymentStatus, PaymentType, PayoutStatus, RefundStatus, ScheduleType, SellerStatus,
    SettlementStatus, TransactionType,
};

/// Keeps the example of the README compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
