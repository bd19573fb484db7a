//! What `domain` decides, in tables and properties.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bank_file;
mod breaks;
mod calendar;
mod cash_receipt;
mod charge;
mod checkout;
mod dead_letter;
mod hold;
mod id;
mod ledger;
mod merkle;
mod model;
mod money;
mod payment_method;
mod payout;
mod payout_schedule;
mod payout_year;
mod rate;
mod reconciliation;
mod refund;
mod risk;
mod seller;
mod settlement;
mod sweep;
mod tax;
mod webhook_endpoint;
