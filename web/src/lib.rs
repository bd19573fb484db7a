//! Pages for people, as HTML: the buyer's, a seller's statements, and the console of operations, finance and support.
//!
//! # What this crate does not do
//!
//! It serves no address and decides no status of HTTP: `api` does. It reads nothing by itself: a page is made of a
//! record and the settings. It books nothing, and it never calls the PSP; the buyer's browser does.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed"))]

mod amount;
pub mod buyer;
pub mod console;
pub mod language;
pub mod policy;
pub mod purchase_statement;
pub mod saved_card;
pub mod statement;
