//! The order of steps in a payment.
//!
//! A workflow here says what happens next; it never does it. Whatever touches the world is a row in
//! [`ports`], and another crate fills it in. What is decided, `domain` decides.
//!
//! # What this crate does not do
//!
//! It has no clock, no randomness, no I/O and no task runtime. It cannot: none of them is reachable from
//! its manifest, and `clippy.toml` bans what `std` would still allow. The reason is replay: a worker that
//! restarts runs this code again and must arrive at the same step.
//!
//! # Invariants
//!
//! * A type that enters a workflow history is a promise to every running checkout: fields are added with
//!   defaults, never renamed or removed.
//! * Refunds of one checkout follow one another ([`refunds`]).
//! * A charge or a refund is sent only with a [`Request`](domain::inquiry::Request), which its inquiry alone makes. The
//!   inquiry holds the undo, so the undo is promised before the request leaves.
//! * No workflow waits without a timer or an open task for a person.
//! * No signal stops a workflow (`signal.rs`), and no answer that a worker cannot read is taken for another one.

pub mod attributes;
pub mod cash_receipt;
pub mod checkout;
pub mod dead_letter;
pub mod delivery;
mod echo;
pub mod facts;
pub mod housekeeping;
pub mod inquiry;
pub mod patches;
pub mod payout_calendar;
pub mod payout_run;
pub mod ports;
pub mod reconciliation;
pub mod refund;
pub mod refunds;
pub mod reversal;
pub mod saved_card;
pub mod seller;
pub mod seller_account;
pub mod seller_hold;
pub mod signal;
mod task;
mod time;
mod write_options;
mod writing;

/// The task queue that workflows and activities share.
pub const TASK_QUEUE: &str = "daegeum";

pub use temporalio_workflow::common::ActivityDefinition;
