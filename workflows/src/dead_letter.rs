//! When a workflow needs a person: the dead letter that it writes, and the replies that it takes.
//!
//! A workflow keeps a [`HelpDesk`] in its state and passes the signals `resume` and `resolve` on to it. To call a
//! person it notes [how many replies it took](HelpDesk::replies), writes a letter with [`call`], waits for a
//! [reply since then](HelpDesk::reply_since), and closes the letter with [`close_answered`] once it has gone on. A
//! step that is repeated by itself is shown by [`write()`] and [`close`].
//!
//! Letters are written on a best effort: what may fail is the database itself. The workflow never depends on them.

use std::{collections::VecDeque, time::Duration};

use domain::{
    dead_letter::{Awaits, DeclaredOutcome},
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    RetryPolicy, WorkflowContext,
    common::{ActivityDefinition, data_converters::TemporalSerializable},
};

use crate::{
    facts::Facts,
    ports::{CloseDeadLetter, CloseLetter, Letter, OpenDeadLetter},
    task::readable,
    time::now,
    write_options::{local_write, regular_write},
};

/// The most replies that are kept for letters that may turn out to be ours.
const MAX_EARLY: usize = 8;
/// How often a letter is tried as a regular activity; with the pauses it makes about a minute.
const ATTEMPTS: u32 = 6;

/// A person looked at a stuck workflow and says: try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The author: the id of an API key, or a name.
    pub by: String,
    /// Why it may go on.
    pub reason: String,
    /// The letter that they answer; a reply about another letter than the open one is not taken.
    #[serde(default)]
    pub letter: Option<DeadLetterId>,
}

/// A person wants the PSP to be asked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskPsp {
    /// The author: the id of an API key, or a name.
    pub by: String,
}

impl From<AskPsp> for Resume {
    fn from(ask: AskPsp) -> Self {
        Self { by: ask.by, reason: "the payment provider is asked again".to_owned(), letter: None }
    }
}

/// A person looked at a stuck workflow and says what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// The author: the id of an API key, or a name.
    pub by: String,
    /// What shows it.
    pub reason: String,
    /// What came of it.
    pub outcome: DeclaredOutcome,
    /// The letter that they answer; a reply about another letter than the open one is not taken.
    #[serde(default)]
    pub letter: Option<DeadLetterId>,
}

/// An operator's reply to a call for help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorReply {
    /// What is to be done.
    pub action: OperatorAction,
    /// Who: the id of an API key, or a name.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What an operator wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorAction {
    /// Try again.
    Resume,
    /// Conclude with this outcome, which the operator declares.
    Resolve(DeclaredOutcome),
}

/// What a workflow knows of its calls for help. It is a part of the workflow's state.
#[derive(Debug, Default)]
pub struct HelpDesk {
    /// How many replies were taken.
    replies: u32,
    last: Option<OperatorReply>,
    /// How many letters were written.
    letters: u32,
    /// The letter that waits for a person.
    open: Option<DeadLetterId>,
    /// Replies to letters that we do not know to have written, the newest last. A worker may have died between writing
    /// a letter and recording that, and somebody read the letter.
    early: VecDeque<(DeadLetterId, OperatorReply)>,
}

impl HelpDesk {
    /// Takes a `resume`.
    pub fn resume(&mut self, resume: Resume) {
        let Resume { by, reason, letter } = resume;
        self.receive(OperatorReply { action: OperatorAction::Resume, by, reason }, letter);
    }

    /// Takes a `resolve`.
    pub fn resolve(&mut self, resolve: Resolve) {
        let Resolve { by, reason, outcome, letter } = resolve;
        self.receive(OperatorReply { action: OperatorAction::Resolve(outcome), by, reason }, letter);
    }

    /// How many replies were taken so far. Read it before a letter is written, so that no reply is missed.
    pub const fn replies(&self) -> u32 {
        self.replies
    }

    /// The last reply, where one was taken since there were `before`.
    pub fn reply_since(&self, before: u32) -> Option<&OperatorReply> {
        self.last.as_ref().filter(|_| self.replies != before)
    }

    fn receive(&mut self, reply: OperatorReply, letter: Option<DeadLetterId>) {
        match letter {
            Some(letter) if Some(&letter) != self.open.as_ref() => {
                self.early.push_back((letter, reply));
                if self.early.len() > MAX_EARLY {
                    self.early.pop_front();
                }
            }
            Some(_) | None => self.take(reply),
        }
    }

    fn take(&mut self, reply: OperatorReply) {
        self.replies = self.replies.saturating_add(1);
        self.last = Some(reply);
    }

    /// Opens a letter in place of the one before, which it answers. A reply that came before is taken now.
    pub fn open(&mut self, letter: DeadLetterId) -> Option<DeadLetterId> {
        let early =
            self.early.iter().position(|(about, _)| *about == letter).and_then(|index| self.early.remove(index));
        if let Some((_, reply)) = early {
            self.take(reply);
        }
        self.open.replace(letter)
    }
}

/// A workflow that can call a person.
pub trait CallsForHelp: 'static {
    /// Its desk.
    fn desk(&self) -> &HelpDesk;
    /// Its desk, to change.
    fn desk_mut(&mut self) -> &mut HelpDesk;
    /// The checkout that it is about, where it is about one.
    fn checkout_id(&self) -> Option<&CheckoutId>;
}

/// A step that came to nothing, as a letter tells it.
#[derive(Debug, Clone)]
pub struct FailedStep {
    /// The port that came to nothing.
    pub step: String,
    /// With what.
    pub failure: Failure,
    /// What was asked of the port.
    pub input: Facts,
    /// What the workflow waits for.
    pub awaits: Awaits,
}

/// Writes a letter that waits for a person. It takes the place of one that still does.
pub async fn call<W: CallsForHelp>(ctx: &WorkflowContext<W>, failed: FailedStep) {
    let letter_id = mint(ctx);
    // An operator may answer the letter before we know that it is written.
    let replaced = ctx.state_mut(|workflow| workflow.desk_mut().open(letter_id.clone()));
    open(ctx, failed, letter_id, replaced).await;
}

/// Closes the letter that waits for a person, if there is one: the workflow has gone on.
pub async fn close_answered<W: CallsForHelp>(ctx: &WorkflowContext<W>) {
    if let Some(letter_id) = ctx.state_mut(|workflow| workflow.desk_mut().open.take()) {
        close(ctx, letter_id).await;
    }
}

/// Writes a letter about a step that is repeated by itself, and answers its id.
pub async fn write<W: CallsForHelp>(ctx: &WorkflowContext<W>, failed: FailedStep) -> DeadLetterId {
    let letter_id = mint(ctx);
    open(ctx, failed, letter_id.clone(), None).await;
    letter_id
}

/// Closes a letter. That it may never have been written is no matter.
pub async fn close<W: CallsForHelp>(ctx: &WorkflowContext<W>, letter_id: DeadLetterId) {
    let checkout_id = ctx.state(|workflow| workflow.checkout_id().cloned());
    attempt(ctx, CloseDeadLetter, CloseLetter { letter_id, checkout_id, closed_at: now(ctx) }).await;
}

async fn open<W: CallsForHelp>(
    ctx: &WorkflowContext<W>,
    failed: FailedStep,
    letter_id: DeadLetterId,
    replaces: Option<DeadLetterId>,
) {
    let FailedStep { step, failure, input, awaits } = failed;
    let letter = Letter {
        letter_id,
        workflow_id: ctx.workflow_id().to_owned(),
        run_id: ctx.run_id().to_owned(),
        workflow_type: ctx.info().workflow_type().to_owned(),
        checkout_id: ctx.state(|workflow| workflow.checkout_id().cloned()),
        step,
        failure,
        input,
        awaits,
        opened_at: now(ctx),
        replaces,
    };
    attempt(ctx, OpenDeadLetter, letter).await;
}

/// The id of the next letter: the same on every replay, and no other workflow's.
fn mint<W: CallsForHelp>(ctx: &WorkflowContext<W>) -> DeadLetterId {
    let number = ctx.state_mut(|workflow| {
        let desk = workflow.desk_mut();
        desk.letters = desk.letters.saturating_add(1);
        desk.letters
    });
    let (workflow_id, run_id) = (ctx.workflow_id(), ctx.run_id());
    DeadLetterId::of_workflow(workflow_id, run_id, number)
}

/// Asks a port, locally and then as a regular activity. What does not succeed is given up.
async fn attempt<W, P>(ctx: &WorkflowContext<W>, port: P, input: P::Input)
where
    W: CallsForHelp,
    P: ActivityDefinition<Output = ()> + Copy + 'static,
    P::Input: Clone + TemporalSerializable,
{
    if readable(ctx.execute_local_activity(port, input.clone(), local_write()).await).is_ok() {
        return;
    }
    let patiently = RetryPolicy::builder().initial_interval(Duration::from_secs(1)).maximum_attempts(ATTEMPTS).build();
    let _given_up = readable(ctx.execute_activity(port, input, regular_write(patiently, "a dead letter")).await);
}
