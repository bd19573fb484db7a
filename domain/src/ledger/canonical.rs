//! The bytes of an entry over which the hash chain runs, one text for one entry for all time.
//!
//! Every field stands on a line of its own as `name length:value`, the length in bytes and decimal; so no
//! value can pretend to be the next field. In this order:
//!
//! ```text
//! daegeum-entry 1
//! sequence 1:7
//! previous 64:<SHA-256 of the entry before, in lower-case hex; 64 zeros before the first>
//! key 31:payment_captured:checkout-00001
//! reason 16:payment_captured
//! checkout 14:checkout-00001        (0: when there is none)
//! reverses 0:
//! occurred 13:1700000000000          (milliseconds since 1970-01-01T00:00:00Z)
//! booked 13:1700000000123
//! currency 3:KRW
//! postings 1:2
//! debit 14:psp:receivable
//! credit 23:seller:seller-a:pending
//! amount 5:15000                     (minor units)
//! order 7:order-1                    (0: when there is none)
//! …
//! ```

use alloc::{string::String, string::ToString};
use core::fmt::{Display, Write as _};

use super::Entry;
use crate::Timestamp;

/// The first line; a change of the encoding changes its number.
const HEADER: &str = "daegeum-entry 1\n";

/// Where an entry stands in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Its number, from 1 without a gap.
    pub sequence: u64,
    /// The hash of the entry before it, in lower-case hex.
    pub previous: &'a str,
    /// When it was booked; never before the entry before it.
    pub booked_at: Timestamp,
}

/// The number of the entry whose canonical text this is; `None` when it begins like no such text.
pub fn sequence_of(canonical: &str) -> Option<u64> {
    let first = canonical.strip_prefix(HEADER)?.lines().next()?;
    let sequence: u64 = first.split_once(':')?.1.parse().ok()?;
    let mut written = String::new();
    line(&mut written, "sequence", &sequence);
    (written.trim_end() == first).then_some(sequence)
}

impl Entry {
    /// The bytes that are hashed for an entry at a place in the books.
    pub fn canonical(&self, place: Place<'_>) -> String {
        let fields = self.fields();
        let mut text = String::from(HEADER);
        line(&mut text, "sequence", &place.sequence);
        line(&mut text, "previous", &place.previous);
        line(&mut text, "key", &fields.key);
        line(&mut text, "reason", &fields.reason.as_str());
        line(&mut text, "checkout", &fields.checkout_id.as_ref().map_or("", |id| id.as_str()));
        line(&mut text, "reverses", &fields.reverses.as_deref().unwrap_or_default());
        line(&mut text, "occurred", &fields.occurred_at.epoch_ms());
        line(&mut text, "booked", &place.booked_at.epoch_ms());
        line(&mut text, "currency", &self.currency());
        line(&mut text, "postings", &fields.postings.len());
        for posting in &fields.postings {
            let posting = posting.fields();
            line(&mut text, "debit", &posting.debit);
            line(&mut text, "credit", &posting.credit);
            line(&mut text, "amount", &posting.amount.minor());
            line(&mut text, "order", &posting.order.as_ref().map_or("", |id| id.as_str()));
        }
        text
    }
}

pub(super) fn line(text: &mut String, name: &str, value: &impl Display) {
    let value = value.to_string();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name} {}:{value}", value.len());
}
