//! Checkouts.

use store::{CheckoutRecord, ConfirmToken};

/// Whether a token is that of a checkout. A checkout from before there were tokens has none: its buyer was given none.
pub fn proves(record: &CheckoutRecord, token: Option<&ConfirmToken>) -> bool {
    record.confirm_token_hash.as_ref().is_none_or(|hash| token.is_some_and(|token| token.has(hash)))
}
