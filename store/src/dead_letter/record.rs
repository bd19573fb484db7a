//! Between the columns of a dead letter and its types.

use domain::{
    Timestamp,
    dead_letter::{Awaits, DeclaredOutcome, LetterProposal, LetterStatus},
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
    reconciliation::Actor,
};

use crate::{
    StoreError,
    convert::{corrupt, from_column_time},
    entities::{dead_letter_actions, dead_letters},
};

const MENDING: &str = "mending";
const PERSON: &str = "person";

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRecord {
    pub letter_id: DeadLetterId,
    /// The workflow that wrote it.
    pub workflow_id: String,
    pub run_id: String,
    pub workflow_type: String,
    /// The checkout that it is about.
    pub checkout_id: Option<CheckoutId>,
    /// The step that failed.
    pub step: String,
    pub failure: Failure,
    /// What was asked of the step, as a JSON object.
    pub input: String,
    /// What the workflow waits for.
    pub awaits: Awaits,
    pub status: LetterStatus,
    /// A resolution that waits for a second principal, while the letter is open.
    pub proposal: Option<LetterProposal>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a person did about a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRecord {
    /// Its number, from 1.
    pub number: u32,
    /// `retry`, `propose`, `resolve` or `discard`.
    pub action: String,
    /// Who: the id of an API key, or a name.
    pub actor: String,
    pub reason: String,
    /// What was declared.
    pub outcome: Option<DeclaredOutcome>,
    pub acted_at: Timestamp,
}

/// What a workflow waits for, and the outcomes it takes.
pub(crate) fn to_columns(awaits: &Awaits) -> (&'static str, String) {
    match awaits {
        Awaits::Mending => (MENDING, String::new()),
        Awaits::Person { outcomes } => {
            (PERSON, outcomes.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>().join(" "))
        }
    }
}

fn from_columns(awaits: &str, outcomes: &str) -> Result<Awaits, StoreError> {
    match awaits {
        MENDING => Ok(Awaits::Mending),
        PERSON => {
            let outcomes = outcomes.split_whitespace().map(outcome).collect::<Result<_, _>>()?;
            Ok(Awaits::Person { outcomes })
        }
        other => Err(corrupt("what a letter waits for", other)),
    }
}

fn outcome(text: &str) -> Result<DeclaredOutcome, StoreError> {
    DeclaredOutcome::parse(text).ok_or_else(|| corrupt("an outcome", text))
}

pub(crate) fn status(text: &str) -> Result<LetterStatus, StoreError> {
    LetterStatus::parse(text).ok_or_else(|| corrupt("a letter's status", text))
}

fn proposal(row: &dead_letters::Model) -> Result<Option<LetterProposal>, StoreError> {
    let proposed = (&row.proposed_by, &row.proposed_outcome, &row.proposed_reason, row.proposed_at);
    let (Some(by), Some(declared), Some(reason), Some(at)) = proposed else { return Ok(None) };
    Ok(Some(LetterProposal {
        by: Actor::parse(by).map_err(|_| corrupt("an author", by))?,
        outcome: outcome(declared)?,
        reason: reason.clone(),
        proposed_at: from_column_time(at),
    }))
}

pub(crate) fn letter(row: dead_letters::Model) -> Result<LetterRecord, StoreError> {
    let proposal = proposal(&row)?;
    let checkout_id = row.checkout_id.map(CheckoutId::parse).transpose();
    let letter_status = status(&row.status)?;
    Ok(LetterRecord {
        proposal: proposal.filter(|_| letter_status == LetterStatus::Open),
        letter_id: DeadLetterId::parse(row.letter_id).map_err(|error| corrupt("an id", error))?,
        workflow_id: row.workflow_id,
        run_id: row.run_id,
        workflow_type: row.workflow_type,
        checkout_id: checkout_id.map_err(|error| corrupt("an id", error))?,
        step: row.step,
        failure: Failure::new(row.code, row.message),
        input: row.input,
        awaits: from_columns(&row.awaits, &row.outcomes)?,
        status: letter_status,
        created_at: from_column_time(row.created_at),
        updated_at: from_column_time(row.updated_at),
    })
}

pub(crate) fn action(row: dead_letter_actions::Model) -> Result<ActionRecord, StoreError> {
    Ok(ActionRecord {
        number: u32::try_from(row.number).map_err(|_| corrupt("a number", row.number))?,
        action: row.action,
        actor: row.actor,
        reason: row.reason,
        outcome: row.outcome.as_deref().map(outcome).transpose()?,
        acted_at: from_column_time(row.acted_at),
    })
}
