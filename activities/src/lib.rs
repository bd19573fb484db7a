//! What workflows ask for, done: one function per row of [`workflows::ports`].
//!
//! An activity is a sentence: translate in, one outside call, translate out, classify.
//!
//! # What this crate does not do
//!
//! It decides nothing and keeps nothing: no status is chosen here, no id or idempotency key is minted here.
//! It speaks to no client of ours; see `api`.
//!
//! # Invariants
//!
//! * Every activity may run twice, also at once: the key that makes it safe comes in with its input.
//! * A refusal of the PSP is a value; an error means that we do not know, or cannot go on.
//! * Whether Temporal tries again is decided in [`failure::classify`] and nowhere else.

pub mod cash_receipt;
pub mod checkout;
pub mod dead_letter;
pub mod delivery;
pub mod failure;
mod heartbeat;
pub mod housekeeping;
pub mod ledger;
pub mod paid;
pub mod payout;
pub mod psp;
pub mod psp_refund;
pub mod psp_view;
pub mod reconciliation;
pub mod refund;
pub mod risk;
pub mod saved_card;
pub mod seller;
mod words;
