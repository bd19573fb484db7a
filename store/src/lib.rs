//! What daegeum remembers: every SQL statement, for SQLite and PostgreSQL alike.
//!
//! A [`Writer`] writes what a workflow decided; a [`Journal`] writes what came in at the door, which is never
//! money; a [`Reader`] reads and, as the database itself enforces, cannot write.
//!
//! # What this crate does not do
//!
//! It decides nothing: statuses and entries come from `domain`, ready made. It changes no schema; see
//! `migrations`.
//!
//! # Invariants
//!
//! * Every write is one transaction and safe to repeat: a key that stands in the statement makes the
//!   second one change nothing.
//! * Wallets, ledger, payment orders and status history of one step move together or not at all.
//! * A transaction begins as a writer, so that two of them wait for each other instead of failing.

mod api_keys;
mod books;
mod checkpoints;
mod connection;
mod convert;
mod entities;
mod journal;
mod keyring;
mod letters;
mod reader;
mod reversal;
mod unavailable;
mod writer;

pub use api_keys::{ApiKey, Grant, Pepper, PepperError, Peppered, Scope, Secret};
pub use books::{BookedEntry, GENESIS, hash_of};
pub use checkpoints::{PublicKey, SignedCheckpoint, SigningError, SigningKey};
pub use connection::{Database, DatabaseUrl, DatabaseUrlError};
pub use journal::{Acted, Actor, AuditEntry, Journal, MAX_KEPT_WEBHOOKS, Noted, Webhook};
pub use keyring::{Keyring, KeyringError, Sealed};
pub use letters::{ActionRecord, LetterRecord};
pub use reader::{
    AccountBalance, AccountFilter, AccountPosition, AsOf, Audit, BooksState, ChainEnd, Check, CheckoutFilter,
    CheckoutPosition, CheckoutRecord, CommissionRate, Counts, Disagreement, EntryFilter, EntryRecord, Findings, Flow,
    Inclusion, LetterFilter, LetterPosition, MAX_NAMED, Movement, MovementPosition, OnProgress, OrderRecord, Page,
    PastWallet, Progress, PspRecord, Reader, RefundRecord, RequestRecord, Side, StatusChange, WalletRecord, Window,
};
pub use reversal::{OrderMove, Resting, ReversalPreview, WalletMove};
pub use writer::{Began, Booked, HoldStatus, NewLetter, NewRefund, PromisedRefund, Refusal, Writer};

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("the database did not answer as it should")]
    Database(#[from] sea_orm::DbErr),
    /// What was read is nothing that daegeum writes.
    #[error("the database holds {what} that daegeum cannot have written: {value}")]
    Corrupt {
        /// Which kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A change whose number is not the next one.
    #[error("checkout {checkout_id}: change {revision} does not follow what is written")]
    OutOfStep {
        /// The checkout.
        checkout_id: String,
        /// The number of the change that was to be written.
        revision: u32,
    },
    /// What the rules of the books forbid; nothing of it was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The writer is being stopped, or the database is away.
    #[error("the booking was not carried out, or its answer was lost; ask again")]
    Stopped,
    /// Money that the database has no room for.
    #[error("an amount does not fit the database")]
    Amount,
}
