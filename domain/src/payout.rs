//! Payouts: when a seller is paid.

pub mod schedule;
