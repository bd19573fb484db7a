//! The store from outside, every behaviour on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod audit;
mod books;
mod connection;
mod database;
mod keys;
mod listing;
mod racing;
mod reading;
mod refusing;
mod sequences;
mod writing;
