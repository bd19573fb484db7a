//! One charge at the PSP: what is known of it, and what to do next.
//!
//! The rule of this module: a charge of unknown outcome is asked about, never guessed. It ends only on
//! evidence: captured, or provably without money. When patience runs out a person is called.

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use crate::{Money, Timestamp, checkout::Status};

/// How often a charge is sent to the PSP again after it provably did not happen.
pub const MAX_CONFIRMS: u32 = 5;
/// First pause before asking the PSP what happened, in milliseconds. It doubles with each question.
pub const FIRST_PAUSE_MS: u64 = 1_000;
/// Longest pause between two questions about a charge of unknown outcome, in milliseconds.
pub const LONGEST_PAUSE_MS: u64 = 5 * 60 * 1_000;
/// Longest pause between two questions about an awaited deposit, in milliseconds; a webhook cuts it short.
pub const LONGEST_DEPOSIT_PAUSE_MS: u64 = 60 * 60 * 1_000;
/// How long an outcome may stay unknown before a person is called, in milliseconds: a day.
pub const PATIENCE_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long an undo may stay unfinished before a person is called, in milliseconds: an hour.
pub const UNDO_PATIENCE_MS: u64 = 60 * 60 * 1_000;
/// How long a virtual account may wait for its deposit before a person is called, in milliseconds: the
/// longest that the PSP lets one live (2,160 hours) and a day.
pub const DEPOSIT_PATIENCE_MS: u64 = 91 * 24 * 60 * 60 * 1_000;

/// Why an attempt ended without money, in the PSP's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The PSP's error code, or one of ours in lower case.
    pub code: String,
    /// A sentence for the buyer.
    pub message: String,
}

/// Money that the PSP holds for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// How much.
    pub amount: Money,
    /// When the PSP captured it.
    pub captured_at: Timestamp,
    /// How the buyer paid, in the PSP's words: `카드` …
    #[serde(default)]
    pub method: Option<String>,
    /// The buyer's receipt.
    #[serde(default)]
    pub receipt_url: Option<String>,
}

/// What the PSP says of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// The money is held for us.
    Captured(Capture),
    /// A virtual account waits for the buyer's deposit.
    AwaitingDeposit {
        /// Whether its due date has passed.
        #[serde(default)]
        overdue: bool,
    },
    /// It ended and no money was taken.
    Refused(Failure),
    /// Money was taken and all of it has been given back.
    Returned,
    /// Begun and not ended: no money is held now, but may be later.
    Open,
    /// The PSP does not know it.
    Absent,
}

/// Why we do not know what happened to a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Whether an answer came, though one that does not tell. Without an answer the same request may still
    /// be running, and only the same idempotency key is safe; with one, that key would replay it.
    pub answered: bool,
    /// The PSP's error code, or what failed.
    pub evidence: String,
}

/// What is known of a charge that was sent to the PSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knowledge {
    /// The PSP told.
    Told(Charge),
    /// The charge was sent and nobody knows what came of it.
    Lost(Doubt),
    /// We asked and did not learn anything.
    NotTold,
}

/// How far we are in finding out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How often the charge was sent, at least once.
    pub confirms: u32,
    /// How often we have asked since it last came to rest in a new status.
    pub asked: u32,
    /// Milliseconds since then.
    pub waited_ms: u64,
    /// Whether the last sending got an answer; see [`Doubt::answered`].
    pub answered: bool,
    /// Whether somebody asked to give the checkout up.
    pub given_up: bool,
    /// Whether a virtual account was issued and its deposit is awaited.
    pub awaits_deposit: bool,
}

/// What to do next with a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Book it: the money is held and it is the right amount.
    Settle(Capture),
    /// Close the checkout: no money is held.
    Fail(Failure),
    /// Make sure that no money is held, then close the checkout.
    Undo(Failure),
    /// Ask the PSP after a pause, or when it nudges us; meanwhile the checkout stands at `status`.
    Ask {
        /// Where the checkout stands while waiting.
        status: Status,
        /// How long to wait, in milliseconds.
        pause_ms: u64,
    },
    /// Send the charge again: it provably did not happen.
    Confirm {
        /// Whether under a new idempotency key, because the old one is bound to an answer.
        new_key: bool,
    },
    /// Call a person.
    CallForHelp(Failure),
}

/// Decides what to do next with a charge over `total`.
pub fn next_step(total: Money, knowledge: &Knowledge, progress: Progress) -> Step {
    match knowledge {
        Knowledge::Told(Charge::Captured(capture)) => on_capture(total, capture, progress),
        Knowledge::Told(Charge::Refused(failure)) => Step::Fail(failure.clone()),
        Knowledge::Told(Charge::Returned) => {
            Step::Fail(failure("returned_at_psp", "The payment was canceled at the payment provider."))
        }
        Knowledge::Told(Charge::AwaitingDeposit { overdue }) if *overdue || progress.given_up => {
            Step::Undo(failure("deposit_expired", "The time to pay into the virtual account ran out."))
        }
        Knowledge::Told(Charge::AwaitingDeposit { .. }) => await_deposit(progress),
        Knowledge::Told(Charge::Open | Charge::Absent) if progress.given_up => Step::Undo(given_up()),
        // The PSP answered the charge without telling, and now says that it knows no such payment: twice no.
        Knowledge::Told(Charge::Absent) if progress.answered => {
            Step::Fail(failure("payment_not_found", "The payment provider does not know this payment."))
        }
        // Not captured. The PSP ends it by itself in time, and then says so; until then it may be sent again.
        Knowledge::Told(Charge::Open | Charge::Absent)
            if progress.confirms < MAX_CONFIRMS && !progress.awaits_deposit =>
        {
            Step::Confirm { new_key: progress.answered }
        }
        Knowledge::Told(Charge::Open | Charge::Absent) | Knowledge::Lost(_) | Knowledge::NotTold => {
            if progress.awaits_deposit { await_deposit(progress) } else { ask(progress) }
        }
    }
}

fn on_capture(total: Money, capture: &Capture, progress: Progress) -> Step {
    if capture.amount != total {
        return Step::Undo(failure("psp_amount_mismatch", "The payment provider captured another amount."));
    }
    if progress.given_up {
        return Step::Undo(given_up());
    }
    Step::Settle(capture.clone())
}

fn ask(progress: Progress) -> Step {
    if progress.waited_ms >= PATIENCE_MS {
        return Step::CallForHelp(failure("outcome_unknown", "Nobody could tell for a day whether this was paid."));
    }
    Step::Ask { status: Status::Unknown, pause_ms: pause_ms(progress.asked, LONGEST_PAUSE_MS) }
}

fn await_deposit(progress: Progress) -> Step {
    if progress.waited_ms >= DEPOSIT_PATIENCE_MS {
        return Step::CallForHelp(failure("deposit_unresolved", "The virtual account outlived every due date."));
    }
    Step::Ask { status: Status::WaitingForDeposit, pause_ms: pause_ms(progress.asked, LONGEST_DEPOSIT_PAUSE_MS) }
}

/// What to do next to make sure that no money is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UndoStep {
    /// No money is held, and none can be any more.
    Done,
    /// Tell the PSP to give it back.
    Cancel,
    /// Ask the PSP after a pause, in milliseconds.
    Ask {
        /// How long to wait.
        pause_ms: u64,
    },
    /// Call a person.
    CallForHelp(Failure),
}

/// Decides what to do next to make sure that no money is held. `asked` counts the questions so far and
/// `waited_ms` the time since the first.
pub fn next_undo_step(knowledge: &Knowledge, asked: u32, waited_ms: u64) -> UndoStep {
    match knowledge {
        // Ended, or never known to the PSP: nothing can come of it any more.
        Knowledge::Told(Charge::Refused(_) | Charge::Returned | Charge::Absent) => UndoStep::Done,
        _ if waited_ms >= UNDO_PATIENCE_MS => {
            UndoStep::CallForHelp(failure("undo_unfinished", "The payment could not be undone for an hour."))
        }
        Knowledge::Told(Charge::Captured(_) | Charge::AwaitingDeposit { .. }) => UndoStep::Cancel,
        // Open: it cannot be canceled yet, and a late answer may still capture it. The PSP ends it in time.
        Knowledge::Told(Charge::Open) | Knowledge::Lost(_) | Knowledge::NotTold => {
            UndoStep::Ask { pause_ms: pause_ms(asked, LONGEST_PAUSE_MS) }
        }
    }
}

/// The pause before question number `asked` (from zero): 1 s, 2 s, 4 s … up to `longest_ms`.
pub fn pause_ms(asked: u32, longest_ms: u64) -> u64 {
    FIRST_PAUSE_MS.checked_shl(asked.min(40)).unwrap_or(longest_ms).min(longest_ms)
}

/// A checkout that was given up while its payment was under way.
pub fn given_up() -> Failure {
    failure("canceled", "The checkout was canceled.")
}

fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_string(), message: message.to_string() }
}
