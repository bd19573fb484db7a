//! The store from outside, every behaviour on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod database;
mod writing;
