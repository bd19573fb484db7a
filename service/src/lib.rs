//! What a caller can ask for, without HTTP: the use cases of the API, the pages and the command line.
//!
//! A use case starts, updates or signals a workflow, and reads what workflows have written.
//!
//! # What this crate does not do
//!
//! It knows no request, no answer and no status of HTTP. It decides nothing about money: `domain` decides whether
//! something is allowed, and a workflow does it. It has a [`Reader`](store::Reader) and a [`Journal`](store::Journal), and
//! no writer of the books; it never talks to the PSP.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed"))]

pub mod api_key;
pub mod checkout;
pub mod dead_letter;
pub mod return_hosts;
pub mod temporal;

use chrono::Utc;
use domain::Timestamp;

/// Whether the PSP means what it says under an error code for the buyer. What it says under the others is about
/// us: a wrong key, a missing contract.
pub type IsForBuyer = fn(&str) -> bool;

/// Whether the Temporal server sees what stands in workflow histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Histories {
    /// Payloads are sealed before they are sent to the server.
    Sealed,
    /// Payloads are sent as they are.
    InTheClear,
}

/// This instant.
pub fn now() -> Timestamp {
    Timestamp::from_epoch_ms(Utc::now().timestamp_millis())
}
