//! Dead letters: steps that came to nothing, put in front of a person.
//!
//! A letter is opened by a workflow and closed by it. Between the two a person may act on it once: whoever is first
//! wins, and everybody else is told who that was.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Limits, Money, Timestamp,
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
    reconciliation::Actor,
};

/// The most that one principal resolves alone, unless an operator says otherwise: of other currencies than won nothing.
pub const DEFAULT_ALONE_UP_TO: Limits = Limits::of_minor(1_000_000, 0, 0);

/// What a person may declare on evidence of their own. Nobody can declare that money came: that takes the PSP's
/// word, which is what a retry asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredOutcome {
    /// No money of the buyer is held.
    NotPaid,
    /// A payment that waits for a review may be charged.
    Approved,
    /// It may not.
    Denied,
    /// The buyer has the money of a refund back: from the PSP, or by hand.
    Refunded,
    /// The buyer does not get it back.
    NotRefunded,
}

impl DeclaredOutcome {
    /// Every outcome there is.
    pub const ALL: [Self; 5] = [Self::NotPaid, Self::Approved, Self::Denied, Self::Refunded, Self::NotRefunded];

    /// The outcome as it is written: `not_paid`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPaid => "not_paid",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Refunded => "refunded",
            Self::NotRefunded => "not_refunded",
        }
    }

    /// Whether it moves money or gives money up, on the word of a person. A review only lets a charge go on or stops
    /// it: the PSP says what came of the charge.
    pub const fn is_about_money(self) -> bool {
        match self {
            Self::NotPaid | Self::Refunded | Self::NotRefunded => true,
            Self::Approved | Self::Denied => false,
        }
    }

    /// All of them in one line, for messages.
    pub fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Reads an outcome.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// What a workflow waits for once it has written a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaits {
    /// Nothing: it repeats the step by itself until somebody has mended the cause.
    Mending,
    /// A person's word: try again, or one of these outcomes.
    Person {
        /// What may be declared.
        #[serde(default)]
        outcomes: Vec<DeclaredOutcome>,
    },
}

/// A letter to write. It stands in workflow histories: a field may be added with a default, and none is renamed or
/// removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The letter; minted by the workflow.
    pub letter_id: DeadLetterId,
    /// The workflow that writes it.
    pub workflow_id: String,
    /// The workflow's run.
    pub run_id: String,
    /// The workflow's type.
    pub workflow_type: String,
    /// The checkout that it is about.
    #[serde(default)]
    pub checkout_id: Option<CheckoutId>,
    /// The port that came to nothing.
    pub step: String,
    /// With what.
    pub failure: Failure,
    /// What was asked of the port, by name, without secrets and personal data.
    #[serde(default)]
    pub input: BTreeMap<String, String>,
    /// What the workflow waits for.
    pub awaits: Awaits,
    /// When it was written.
    pub opened_at: Timestamp,
    /// The letter in whose place it stands.
    #[serde(default)]
    pub replaces: Option<DeadLetterId>,
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LetterStatus {
    /// It waits for a person.
    Open,
    /// A person said: try again. The workflow has not gone on yet.
    Retrying,
    /// A person brought it on.
    Resolved,
    /// A person put it away, and no workflow waited for it.
    Discarded,
    /// The workflow went on by itself, or wrote another letter in its place.
    Closed,
}

impl LetterStatus {
    /// Every status there is.
    pub const ALL: [Self; 5] = [Self::Open, Self::Retrying, Self::Resolved, Self::Discarded, Self::Closed];

    /// The status as it is written: `OPEN`, `RETRYING` …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Retrying => "RETRYING",
            Self::Resolved => "RESOLVED",
            Self::Discarded => "DISCARDED",
            Self::Closed => "CLOSED",
        }
    }

    /// Reads a status.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing is to be done about it any more.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Resolved | Self::Discarded | Self::Closed => true,
            Self::Open | Self::Retrying => false,
        }
    }

    /// The status once the workflow has gone on.
    pub const fn gone_on(self) -> Self {
        match self {
            Self::Open => Self::Closed,
            Self::Retrying => Self::Resolved,
            Self::Resolved | Self::Discarded | Self::Closed => self,
        }
    }

    /// The status once the workflow has written another letter in its place.
    pub const fn replaced(self) -> Self {
        match self {
            Self::Open | Self::Retrying => Self::Closed,
            Self::Resolved | Self::Discarded | Self::Closed => self,
        }
    }
}

impl fmt::Display for LetterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a person does about a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterAction {
    /// Have the workflow try again.
    Retry,
    /// Declare what came of it.
    Resolve(DeclaredOutcome),
    /// Put it away.
    Discard,
}

impl LetterAction {
    /// The action as it is written: `retry`, `resolve`, `discard`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Resolve(_) => "resolve",
            Self::Discard => "discard",
        }
    }

    /// What is declared with it.
    pub const fn outcome(self) -> Option<DeclaredOutcome> {
        match self {
            Self::Resolve(outcome) => Some(outcome),
            Self::Retry | Self::Discard => None,
        }
    }
}

/// Why an action on a letter is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LetterRefusal {
    /// Somebody was first, or the workflow went on by itself.
    #[error("it is no longer open")]
    TakenUp,
    /// A workflow waits for it.
    #[error("its workflow waits for it; retry it or resolve it, or cancel the workflow")]
    Awaited,
    /// No workflow waits for it any more.
    #[error("its workflow has ended and cannot be told anything; discard it")]
    Ended,
    /// The workflow repeats the step by itself.
    #[error("its workflow repeats the step by itself, every five minutes at the latest; mend what the error names")]
    RepeatsItself,
    /// The workflow does not take this outcome.
    #[error("its workflow does not take this outcome; see `outcomes`")]
    OtherOutcome,
    /// The same principal cannot decide twice.
    #[error("it is about more money than one principal decides about; another one has to resolve it in the same way")]
    FourEyes,
}

/// A resolution that waits for a second principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterProposal {
    /// Its author.
    pub by: Actor,
    pub outcome: DeclaredOutcome,
    /// What shows it, in the author's words.
    pub reason: String,
    pub proposed_at: Timestamp,
}

/// What a resolution decides about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterStake {
    /// The money; nothing where it is not known.
    pub at_stake: Option<Money>,
    /// The most that one principal decides about alone.
    pub alone_up_to: Limits,
}

impl LetterStake {
    /// Whether one principal decides about it.
    pub fn is_for_one(self) -> bool {
        self.at_stake.is_some_and(|money| self.alone_up_to.allow(money))
    }
}

/// What an action on a letter comes to, where it may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterOutcome {
    /// The letter moves to a status.
    Taken(LetterStatus),
    /// A second principal has to resolve it in the same way.
    Proposed(DeclaredOutcome),
}

/// The run of the workflow that opened a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowRun {
    Running,
    Ended,
}

/// Whether an action may be taken, and where the letter stands then.
pub fn check(
    action: LetterAction,
    status: LetterStatus,
    awaits: &Awaits,
    run: WorkflowRun,
) -> Result<LetterStatus, LetterRefusal> {
    match (action, status) {
        (_, LetterStatus::Open) => {}
        // The operator's "try again" went to a workflow that has ended since.
        (LetterAction::Discard, LetterStatus::Retrying) if run == WorkflowRun::Ended => {}
        (_, LetterStatus::Retrying | LetterStatus::Resolved | LetterStatus::Discarded | LetterStatus::Closed) => {
            return Err(LetterRefusal::TakenUp);
        }
    }
    match (action, awaits) {
        (LetterAction::Discard, _) if run == WorkflowRun::Running => Err(LetterRefusal::Awaited),
        (LetterAction::Discard, _) => Ok(LetterStatus::Discarded),
        (LetterAction::Retry | LetterAction::Resolve(_), _) if run == WorkflowRun::Ended => Err(LetterRefusal::Ended),
        (LetterAction::Retry | LetterAction::Resolve(_), Awaits::Mending) => Err(LetterRefusal::RepeatsItself),
        (LetterAction::Retry, Awaits::Person { .. }) => Ok(LetterStatus::Retrying),
        (LetterAction::Resolve(outcome), Awaits::Person { outcomes }) if outcomes.contains(&outcome) => {
            Ok(LetterStatus::Resolved)
        }
        (LetterAction::Resolve(_), Awaits::Person { .. }) => Err(LetterRefusal::OtherOutcome),
    }
}

/// What a principal's action comes to, once [`check`] has said where the letter would stand. Above the limit, a
/// resolution that is about money is first proposed, and another principal resolves the letter with the same outcome.
/// Another outcome takes the place of what was proposed before.
pub fn decide(
    action: LetterAction,
    would_be: LetterStatus,
    by: &Actor,
    proposal: Option<&LetterProposal>,
    stake: LetterStake,
) -> Result<LetterOutcome, LetterRefusal> {
    let outcome = match action {
        LetterAction::Resolve(outcome) if outcome.is_about_money() && !stake.is_for_one() => outcome,
        LetterAction::Resolve(_) | LetterAction::Retry | LetterAction::Discard => {
            return Ok(LetterOutcome::Taken(would_be));
        }
    };
    match proposal.filter(|proposal| proposal.outcome == outcome) {
        Some(proposal) if proposal.by.is_another_than(by) => Ok(LetterOutcome::Taken(would_be)),
        Some(_) => Err(LetterRefusal::FourEyes),
        None => Ok(LetterOutcome::Proposed(outcome)),
    }
}
