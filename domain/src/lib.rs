//! What daegeum decides: money, ledger entries and the life of a checkout.
//!
//! Everything here is a pure function of its arguments. A workflow asks this crate what is true and what
//! to do next; it never decides for itself.
//!
//! # What this crate does not do
//!
//! It reads no clock, no environment and no file, starts no thread and draws no random number. It cannot:
//! it is `no_std`. Whoever calls it brings the time and the ids along.
//!
//! # Invariants
//!
//! * An amount is an unsigned integer of minor units with a currency ([`Money`]); direction is structure.
//! * A ledger entry is a non-empty list of postings, each one debit and one credit of the same money
//!   ([`ledger::Entry`]), so the sum over the books is zero by construction.
//! * A checkout's status changes only through [`checkout::Status::after`], and a hold's through
//!   [`hold::HoldState::after`].
//! * A charge or a refund of unknown outcome never becomes a failure by running out of patience ([`inquiry`]).
#![no_std]

extern crate alloc;

pub mod calendar;
pub mod cash_receipt;
pub mod charge;
pub mod checkout;
pub mod commission;
pub mod csv;
pub mod dead_letter;
pub mod event;
pub mod failure;
pub mod hold;
pub mod id;
pub mod inquiry;
pub mod ledger;
pub mod merkle;
pub mod money;
pub mod payment_method;
pub mod payout;
pub mod plan;
pub mod principal;
pub mod psp_payment;
pub mod purchase;
pub mod rate;
pub mod reconciliation;
pub mod refund;
pub mod risk;
pub mod saved_card;
pub mod seller;
pub mod settlement;
pub mod tax;
pub mod time;
pub mod wallet;
pub mod webhook_endpoint;

pub use money::{Currency, Limits, Money};
pub use time::Timestamp;
