//! What daegeum remembers: every SQL statement, for SQLite and PostgreSQL alike.
//!
//! A [`Writer`] writes what a workflow decided; a [`Journal`] writes what came in at the door, which is never
//! money; a [`Reader`] reads and, as the database itself enforces, cannot write.
//!
//! # What this crate does not do
//!
//! It decides nothing: `domain` decides each status and makes each entry; this crate reads what the decision needs. It changes no schema; see
//! `migrations`.
//!
//! # Invariants
//!
//! * Every write is one transaction and safe to repeat: a key that stands in the statement makes the
//!   second one change nothing.
//! * Wallets, ledger, payment orders and status history of one step move together or not at all.
//! * A transaction begins as a writer, so that two of them wait for each other instead of failing.
//! * Every statement and every transaction has a deadline on our side; a connection that may stand inside of a transaction
//!   is closed, never used again.
//! * The time of money is one clock's: the database's.

mod api_keys;
mod books;
mod checkpoints;
mod clock;
mod confirm_tokens;
mod connection;
mod convert;
mod entities;
mod event;
mod holders;
mod journal;
mod keyring;
mod letters;
mod reader;
mod readiness;
mod reversal;
mod scopes;
mod transaction;
mod unavailable;
mod watch;
mod writer;

pub use api_keys::{ApiKey, Grant, Pepper, PepperError, Peppered, Secret};
pub use books::{BookedEntry, GENESIS, hash_of};
pub use checkpoints::{PublicKey, SignedCheckpoint, SigningError, SigningKey};
pub use clock::{CLOCK_LIMIT, Clock};
pub use confirm_tokens::{ConfirmToken, ConfirmTokens};
pub use connection::{Database, DatabaseUrl, DatabaseUrlError};
pub use event::{
    EventCursor, EventFigures, EventLogState, EventPage, EventQuery, EventRecord, EventRetention, EventsRead,
    MAX_EVENTS, Sequencer, Tail, Unsequenced,
};
pub use holders::{open_holder, seal_holder};
pub use journal::{
    Acted, Actor, ApprovalPosition, ApprovalRecord, ApprovalStanding, AuditEntry, Decision, Erased, Journal,
    MAX_KEPT_WEBHOOKS, NewApproval, Noted, Reservation, Reserved, Webhook,
};
pub use keyring::{Keyring, KeyringError, Sealed};
pub use letters::{ActionRecord, LetterRecord};
pub use reader::{
    AccountBalance, AccountFilter, AccountPosition, AsOf, Audit, BooksState, ChainEnd, Check, CheckoutFilter,
    CheckoutPosition, CheckoutRecord, CommissionRate, Counts, Disagreement, EntryFilter, EntryRecord, Findings, Flow,
    HistorySources, Inclusion, LetterFilter, LetterPosition, MAX_NAMED, Movement, MovementPosition, OnProgress,
    OperatorDecision, OrderRecord, Page, PaidBack, PastWallet, Progress, PspRecord, Reader, RefundRecord,
    RequestRecord, Side, StatusChange, WATCHED, WATCHED_REFUNDS, WalletRecord, Window,
};
pub use reversal::{OrderMove, Resting, ReversalPreview, WalletMove};
pub use scopes::{Scope, Scopes, ScopesError};
pub use watch::{Reading, Watch};
pub use writer::{Booked, CardNames, FRESH_LOOK_MS, Refusal, RiskDecision, Writer};

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
    /// Two clocks that differ by more than [`CLOCK_LIMIT`].
    #[error(
        "the clock of this machine is {off_s} s {direction}; set it, by NTP say, or start this process anew where the clock \
         is right: nothing that rests on the time is done"
    )]
    ClockOff {
        /// By how many seconds.
        off_s: u64,
        /// Which clock is ahead of which.
        direction: &'static str,
    },
    /// Money that the database has no room for.
    #[error("an amount does not fit the database")]
    Amount,
}
