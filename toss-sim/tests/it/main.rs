//! The simulator from outside: real HTTP on port 0, one simulator per test.
#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

mod billing;
mod browser;
mod cash_receipts;
mod contract;
mod currencies;
mod files;
mod fuzz;
mod key_in;
mod lifecycle;
mod mischief;
mod payments;
mod payouts;
mod repeats;
mod settlements;
mod support;
mod virtual_accounts;
mod webhooks;
mod window;
