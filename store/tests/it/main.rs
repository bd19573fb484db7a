//! The store from outside, every behaviour on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod audit;
mod bank_files;
mod books;
mod breaks;
mod buyers;
mod cash_receipts;
mod connection;
mod deposits;
mod due;
mod events;
mod exchanges;
mod faults;
mod internal;
mod journal;
mod key_requests;
mod keys;
mod large_runs;
mod letters;
mod listing;
mod migrating;
mod payouts;
mod pgbouncer;
mod racing;
mod rates;
mod reading;
mod refusing;
mod risk;
mod saved_cards;
mod sellers;
mod sequences;
mod sequencing;
mod settlements;
mod sweeps;
mod writing;

use testkit::{database, on_both_databases};
