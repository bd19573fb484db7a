//! Toss Payments' HTTP API in Toss's own words.
//!
//! A [`Client`] confirms, looks up and cancels payments. Its answers are [`Payment`]s with every
//! field Toss documents, or an [`Error`] that says how much is known about what happened, which is
//! what a caller that moves money has to know. [`webhook::parse`] reads what Toss sends by itself.
//!
//! # What this crate does not do
//!
//! It keeps nothing, repeats nothing and decides nothing: one method call is at most one request.
//! Whether to ask again is the caller's decision, and [`Error::class`] is the advice. It mints no
//! idempotency key: a key minted here would be a new key on every attempt, and a new key is a
//! second charge. It follows no redirect and reads no proxy from the environment.
//!
//! # Invariants
//!
//! * An amount is a `u64` of the currency's minor unit, on both sides; no float is ever computed.
//! * A request is called [`Error::NotSent`] only if no byte of it can have left. Every doubt is
//!   [`Error::NoAnswer`] or [`Error::Unreadable`], and both classify as [`Class::QueryFirst`].
//! * A refusal is classified by `(operation, code)` in [`codes`], never by HTTP status.
//! * New fields and new enum values are no error: Toss adds them without a new version.
//! * Neither a key nor a buyer's personal detail is printed by `Debug` or by an error text.
//!
//! Source: the core API reference at docs.tosspayments.com/reference and the pages beside it.

mod amounts;
mod breaker;
mod client;
pub mod codes;
mod config;
mod error;
mod gate;
mod jwe;
mod limits;
mod open_enum;
mod payment;
mod payments;
mod pins;
mod private;
mod requests;
mod shape;
mod times;
mod tls;
mod transport;
pub mod webhook;
mod words;

pub use amounts::{AmountError, Currency};
pub use breaker::{BreakerRule, BreakerState};
pub use client::Client;
pub use codes::{Class, Operation, Pause};
pub use config::{Config, ConfigError};
pub use error::{Call, Error, NotSentReason, UnreadableReason};
pub use gate::OperationMetrics;
pub use jwe::JweError;
pub use limits::{
    AMOUNT_LIMIT, IDEMPOTENCY_KEY_LIMIT, IdempotencyKey, LimitError, ORDER_ID_LIMIT, ORDER_ID_MINIMUM,
    PAYMENT_KEY_LIMIT, REASON_LIMIT,
};
pub use payment::{
    Cancel, Card, CashReceipt, CashReceiptRecord, Checkout, Discount, EasyPay, Failure, GiftCertificate, MobilePhone,
    Payment, Receipt, RefundReceiveAccount, Transfer, VirtualAccount,
};
pub use pins::{ENFORCED_PINS_MINIMUM, Pin, PinReport, Pinning};
pub use private::{Private, SecretKey, SecurityKey};
pub use requests::{CancelRequest, ConfirmRequest, RefundAccount};
pub use shape::{ShapeError, Unknown};
pub use transport::ANSWER_LIMIT_BYTES;
pub use words::{
    AccountType, AcquireStatus, CancelStatus, CardType, CashReceiptType, InterestPayer, IssueStatus, Method, OwnerType,
    PaymentStatus, PaymentType, RefundStatus, SettlementStatus, TransactionType,
};

/// Keeps the example of the README compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
