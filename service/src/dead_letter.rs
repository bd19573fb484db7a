//! Acting on dead letters, from a route or from the command line.
//!
//! An action is written down first, and its workflow is notified then. The first of several actions wins. A
//! notification that was lost is sent again when somebody asks for the same letter. Temporal takes it once, because its
//! request id is made of the letter's id.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Currency, Limits, Money,
    dead_letter::{
        DeclaredOutcome, LetterAction, LetterOutcome, LetterRefusal, LetterStake, LetterStatus, WorkflowRun, check,
        decide,
    },
    id::DeadLetterId,
    reconciliation::Actor,
};
use sha2::{Digest, Sha256};
use store::{Acted, ActionRecord, Journal, LetterFilter, LetterRecord, NewAction, Reader, StoreError};
use temporalio_client::{
    Client, WorkflowDescribeOptions, WorkflowExecutionStatus, WorkflowSignalOptions, errors::WorkflowInteractionError,
};
use workflows::{
    checkout::CheckoutWorkflow,
    dead_letter::{Resolve, Resume},
};

use crate::temporal::{self, is_signal_limit};

/// How long Temporal may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// The most letters that one action may be taken on.
pub const MAX_BULK: u64 = 100;

/// Acts on dead letters.
#[derive(Clone)]
pub struct DeadLetters {
    temporal: Client,
    reader: Reader,
    journal: Journal,
    alone_up_to: Limits,
}

/// The person who acts, and the reason.
#[derive(Debug, Clone, Copy)]
pub struct ActionRequest<'a> {
    /// What is to be done.
    pub action: LetterAction,
    /// The principal that asks.
    pub by: &'a Actor,
    /// Why.
    pub reason: &'a str,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is no such letter.
    #[error("there is no such dead letter")]
    Unknown,
    /// The letter does not take it.
    #[error("{}", sentence(.letter, *.refusal, .last.as_deref()))]
    Refused {
        /// The letter.
        letter: Box<LetterRecord>,
        /// Why.
        refusal: LetterRefusal,
        /// What was done about it last.
        last: Option<Box<ActionRecord>>,
    },
    /// Other letters are chosen now than were shown.
    #[error("other dead letters are chosen now than the preview showed; ask for another preview")]
    Outdated,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is written down, and the workflow takes no word any more.
    #[error(
        "the workflow has taken as many signals as Temporal allows; raise `history.maximumSignalsPerExecution` of the \
         Temporal server and ask for the same once more"
    )]
    TooManySignals(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is written down, if it was an action, and the workflow may not have been told.
    #[error("Temporal could not be reached; ask for the same once more")]
    Temporal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What an action on many letters would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Each letter, the oldest first, with what the action would come to, or why it would be refused.
    pub items: Vec<(LetterRecord, Result<LetterOutcome, LetterRefusal>)>,
    /// Stands for the action and these letters. The real call repeats it.
    pub token: String,
}

fn sentence(letter: &LetterRecord, refusal: LetterRefusal, last: Option<&ActionRecord>) -> String {
    let id = &letter.letter_id;
    match (refusal, last) {
        (LetterRefusal::TakenUp, Some(last)) => {
            format!("the dead letter {id} is {}: {} took {} on it first", letter.status, last.actor, last.action)
        }
        (LetterRefusal::TakenUp, None) => {
            format!("the dead letter {id} is {}: its workflow went on by itself", letter.status)
        }
        (
            LetterRefusal::Awaited
            | LetterRefusal::Ended
            | LetterRefusal::RepeatsItself
            | LetterRefusal::OtherOutcome
            | LetterRefusal::FourEyes,
            _,
        ) => format!("the dead letter {id}: {refusal}"),
    }
}

/// The letters that a preview showed.
#[derive(Debug, Clone, Copy)]
pub struct ShownLetters<'a> {
    pub filter: &'a LetterFilter,
    pub limit: u64,
    /// The token of the preview.
    pub token: &'a str,
}

impl DeadLetters {
    /// Dead letters over Temporal and a database. Above `alone_up_to`, two principals give up money.
    pub const fn new(temporal: Client, reader: Reader, journal: Journal, alone_up_to: Limits) -> Self {
        Self { temporal, reader, journal, alone_up_to }
    }

    /// Acts on one letter. Repeating it is safe: the workflow is told once. A letter that is open afterwards has a
    /// proposal, which another principal carries out by the same action.
    pub async fn act(&self, id: &DeadLetterId, wish: ActionRequest<'_>) -> Result<LetterRecord, DeadLetterError> {
        self.act_up_to(self.alone_up_to, id, wish).await
    }

    async fn act_up_to(
        &self,
        alone_up_to: Limits,
        id: &DeadLetterId,
        wish: ActionRequest<'_>,
    ) -> Result<LetterRecord, DeadLetterError> {
        let letter = self.reader.dead_letter(id).await?.ok_or(DeadLetterError::Unknown)?;
        let run = self.run_of(&letter).await?;
        let new = NewAction { action: wish.action, by: wish.by, reason: wish.reason, run, alone_up_to };
        match self.journal.act_on_dead_letter(id, new).await? {
            Acted::Now(letter) | Acted::Before(letter) => {
                self.notify(&letter, wish).await?;
                Ok(letter)
            }
            // Nobody tells the workflow of one principal's word.
            Acted::Proposed(letter) => Ok(letter),
            Acted::Refused { letter, refusal, last } => {
                if let (LetterStatus::Retrying, Some(last)) = (letter.status, &last) {
                    self.notify_as(&letter, LetterAction::Retry, &last.actor, &last.reason).await?;
                }
                let (letter, last) = (Box::new(letter), last.map(Box::new));
                Err(DeadLetterError::Refused { letter, refusal, last })
            }
            Acted::Unknown => Err(DeadLetterError::Unknown),
        }
    }

    /// What an action would do to the letters of a filter that have waited longest, at most [`MAX_BULK`].
    pub async fn preview(
        &self,
        action: LetterAction,
        by: &Actor,
        filter: &LetterFilter,
        limit: u64,
    ) -> Result<Preview, DeadLetterError> {
        let letters = self.reader.oldest_dead_letters(filter, limit.min(MAX_BULK)).await?;
        let (token, alone_up_to) = (token(action, &letters), self.limit_of_all(&letters).await?);
        let mut items = Vec::with_capacity(letters.len());
        for letter in letters {
            let run = self.run_of(&letter).await?;
            let stake = LetterStake { at_stake: self.reader.money_of_letter(&letter).await?, alone_up_to };
            let would = check(action, letter.status, &letter.awaits, run)
                .and_then(|would_be| decide(action, would_be, by, letter.proposal.as_ref(), stake));
            items.push((letter, would));
        }
        Ok(Preview { items, token })
    }

    /// What one principal decides about in each of many letters: nothing of a currency of which they are together about
    /// more than its limit. Many small sums are a large one.
    async fn limit_of_all(&self, letters: &[LetterRecord]) -> Result<Limits, DeadLetterError> {
        let mut sums: BTreeMap<Currency, Option<Money>> = BTreeMap::new();
        for letter in letters {
            let Some(money) = self.reader.money_of_letter(letter).await? else { continue };
            let sum = sums.entry(money.currency()).or_insert(Some(Money::zero(money.currency())));
            // A sum beyond what money can be is above every limit.
            *sum = sum.and_then(|sum| sum.plus(money).ok());
        }
        let above = |(currency, sum): (Currency, Option<Money>)| {
            sum.is_none_or(|sum| !self.alone_up_to.allow(sum)).then_some(currency)
        };
        let above = sums.into_iter().filter_map(above);
        Ok(above.fold(self.alone_up_to, |limits, currency| limits.with(Money::zero(currency))))
    }

    /// Acts on the letters that a preview showed, each by itself. What one is refused does not hold up the others.
    pub async fn act_on_all(
        &self,
        wish: ActionRequest<'_>,
        shown: ShownLetters<'_>,
    ) -> Result<Vec<(DeadLetterId, Result<LetterRecord, DeadLetterError>)>, DeadLetterError> {
        let letters = self.reader.oldest_dead_letters(shown.filter, shown.limit.min(MAX_BULK)).await?;
        if token(wish.action, &letters) != shown.token {
            return Err(DeadLetterError::Outdated);
        }
        let alone_up_to = self.limit_of_all(&letters).await?;
        let mut results = Vec::with_capacity(letters.len());
        for letter in letters {
            let acted = self.act_up_to(alone_up_to, &letter.letter_id, wish).await;
            results.push((letter.letter_id, acted));
        }
        Ok(results)
    }

    /// The run that wrote the letter.
    async fn run_of(&self, letter: &LetterRecord) -> Result<WorkflowRun, DeadLetterError> {
        let workflow = self.temporal.get_workflow_handle::<CheckoutWorkflow>(letter.workflow_id.as_str());
        let options = WorkflowDescribeOptions::builder().rpc_options(temporal::rpc_options()).build();
        match tokio::time::timeout(ANSWER_TIME, workflow.describe(options)).await {
            Ok(Ok(described)) => {
                let is_running =
                    described.run_id() == letter.run_id && described.status() == WorkflowExecutionStatus::Running;
                Ok(if is_running { WorkflowRun::Running } else { WorkflowRun::Ended })
            }
            Ok(Err(WorkflowInteractionError::NotFound(_))) => Ok(WorkflowRun::Ended),
            Ok(Err(error)) => Err(DeadLetterError::Temporal(error.into())),
            Err(elapsed) => Err(DeadLetterError::Temporal(elapsed.into())),
        }
    }

    /// Notifies the workflow. Every workflow that calls for help takes signals of these two names, and handles a signal
    /// that names its open letter. One that has closed needs no word any more.
    async fn notify(&self, letter: &LetterRecord, wish: ActionRequest<'_>) -> Result<(), DeadLetterError> {
        self.notify_as(letter, wish.action, &wish.by.bare(), wish.reason).await
    }

    async fn notify_as(
        &self,
        letter: &LetterRecord,
        action: LetterAction,
        by: &str,
        reason: &str,
    ) -> Result<(), DeadLetterError> {
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let id = Some(letter.letter_id.clone());
        let workflow = self.temporal.get_workflow_handle::<CheckoutWorkflow>(letter.workflow_id.as_str());
        let options = WorkflowSignalOptions::builder()
            .request_id(format!("{}.{}", letter.letter_id, action.as_str()))
            .rpc_options(temporal::rpc_options())
            .build();
        let sent = async {
            match action {
                LetterAction::Retry => {
                    let resume = Resume { by, reason, letter: id };
                    workflow.signal(CheckoutWorkflow::resume, resume.into(), options).await
                }
                LetterAction::Resolve(outcome) => {
                    let resolve = Resolve { by, reason, outcome, letter: id };
                    workflow.signal(CheckoutWorkflow::resolve, resolve.into(), options).await
                }
                LetterAction::Discard => Ok(()),
            }
        };
        match tokio::time::timeout(ANSWER_TIME, sent).await {
            Ok(Ok(()) | Err(WorkflowInteractionError::NotFound(_))) => Ok(()),
            Ok(Err(error)) if is_signal_limit(&error) => Err(DeadLetterError::TooManySignals(error.into())),
            Ok(Err(error)) => Err(DeadLetterError::Temporal(error.into())),
            Err(elapsed) => Err(DeadLetterError::Temporal(elapsed.into())),
        }
    }
}

/// Reads an action: `outcome` belongs to `resolve`, and to nothing else.
pub fn read_action(action: &str, outcome: Option<DeclaredOutcome>) -> Result<LetterAction, &'static str> {
    match (action, outcome) {
        ("retry", None) => Ok(LetterAction::Retry),
        ("discard", None) => Ok(LetterAction::Discard),
        ("resolve", Some(outcome)) => Ok(LetterAction::Resolve(outcome)),
        ("resolve", None) => Err("needs an outcome; see `outcomes` of the letter"),
        ("retry" | "discard", Some(_)) => Err("takes no outcome"),
        _ => Err("is none of: retry, resolve, discard"),
    }
}

/// Stands for an action and the letters that it is about.
fn token(action: LetterAction, letters: &[LetterRecord]) -> String {
    let mut hash = Sha256::new();
    hash.update(action.as_str());
    hash.update(action.outcome().map_or("", DeclaredOutcome::as_str));
    for letter in letters {
        hash.update("\n");
        hash.update(letter.letter_id.as_str());
        // Another principal's word is a part of what was shown.
        if let Some(proposal) = letter.proposal.as_ref().filter(|_| action.outcome().is_some()) {
            hash.update(format!("\n{}\n{}", proposal.by, proposal.outcome.as_str()));
        }
    }
    format!("{}-{}", letters.len(), &hex::encode(hash.finalize())[..TOKEN_CHARS])
}

/// How many characters of the hash a token has.
const TOKEN_CHARS: usize = 32;
