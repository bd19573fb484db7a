//! A payout run: frozen, decided on, sent in batches, and followed to the end of its last payout.
//!
//! The rows say where a run stands, and the workflow goes by them: started again for a run, it goes on where the rows
//! are. A run that waits for its second principal is an open task of the finance people; it needs no timer.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

mod sending;
mod state;

use std::{collections::BTreeSet, time::Duration};

use domain::{
    Timestamp,
    id::PayoutRunId,
    payout::{PaidBy, RunStatus, plan::RunRequest},
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, workflow_methods,
};

use crate::{
    dead_letter::{HelpDesk, Resume},
    ports::{
        ActOnPayout, ActOnPayouts, BankFileAsked, BankFileTaken, CompletePayouts, DecideOnRun, DecidePayouts,
        FollowPayouts, FreezePayouts, FreezeRun, PayoutActed, PayoutWork, RunDecided, RunToFollow, TakeBankFile,
        WorkOfRun,
    },
    signal::{Received, SignalCount, read_signal},
    time::{detached, now, until},
    writing::{self, Alarm},
};

use state::{Context, run_id};
pub use state::{FreezeAsked, PayoutRunInput, PayoutRunWorkflow, SweepAsked};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "payout_run";
/// The first and the longest pause before the PSP is asked about payouts that it has taken.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10 * 60)];
/// The longest pause before the rows of a run that is paid by bank file are read again: a person or a line of our bank
/// says what came of it.
const ROWS_PAUSE: Duration = Duration::from_secs(60 * 60);
/// How long the workflow of a run that is over waits for somebody who acts on a payout.
const LAST_MOMENT: Duration = Duration::from_secs(15);
/// Pauses double no more often than this.
const MAX_DOUBLINGS: u32 = 16;

/// The id of the workflow of a run.
pub fn workflow_id(run: &PayoutRunId) -> String {
    format!("payout_run.{run}")
}

/// The PSP said something of a payout of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutNews {
    /// Our name of it.
    pub ref_payout_id: String,
    /// Until when further news of the run is left out; the PSP is asked once more after that.
    #[serde(default)]
    pub window_ends_at: Option<Timestamp>,
}

#[workflow_methods]
impl PayoutRunWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: PayoutRunInput) -> Self {
        Self {
            input,
            events: 0,
            beginning: false,
            busy: BTreeSet::new(),
            signals: SignalCount::default(),
            desk: HelpDesk::default(),
        }
    }

    /// The whole life, in one paragraph.
    #[run(name = "payout_run")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        freeze(ctx).await?;
        let mut rounds = 0;
        loop {
            let seen = ctx.state(|run| run.events);
            let work = work(ctx).await?;
            match next(&work) {
                Next::Wait => {
                    ctx.wait_condition_with_options(move |run| run.events != seen, detached()).await?;
                }
                Next::Withdraw => complete(ctx).await?,
                Next::Send => {
                    rounds = 0;
                    sending::send_all(ctx).await?;
                    if sending::is_too_long(ctx) {
                        start_over(ctx)?;
                    }
                }
                Next::Follow => {
                    if ctx.continue_as_new_suggested() {
                        start_over(ctx)?;
                    }
                    rounds = follow(ctx, seen, rounds).await?;
                }
                Next::WaitForBank => {
                    if ctx.continue_as_new_suggested() {
                        start_over(ctx)?;
                    }
                    rounds = wait_for_bank(ctx, seen, rounds).await;
                }
                Next::Complete => {
                    complete(ctx).await?;
                    if is_over(ctx, seen).await? {
                        return Ok(());
                    }
                }
                Next::End => {
                    if is_over(ctx, seen).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// A principal decides on the run.
    #[update(name = "decide")]
    pub async fn decide(ctx: &mut WorkflowContext<Self>, asked: DecideOnRun) -> RunDecided {
        let decided = writing::write_listed(ctx, DecidePayouts, asked, "a decision on the run").await;
        ctx.state_mut(|run| run.events = run.events.saturating_add(1));
        decided.unwrap_or(RunDecided::Unknown)
    }

    /// A principal acts on a payout of the run.
    #[update(name = "act")]
    pub async fn act(ctx: &mut WorkflowContext<Self>, asked: ActOnPayout) -> PayoutActed {
        let acted = writing::write_decided(ctx, ActOnPayouts, asked, "an act on a payout", |_: Alarm| {}).await;
        ctx.state_mut(|run| run.events = run.events.saturating_add(1));
        let unknown = |_| PayoutActed::Refused { status: None, detail: "The act was not carried out.".to_owned() };
        acted.unwrap_or_else(unknown)
    }

    /// A principal takes a file of transfers to our bank.
    #[update(name = "take_file")]
    pub async fn take_file(ctx: &mut WorkflowContext<Self>, asked: BankFileAsked) -> BankFileTaken {
        let taken = writing::write_decided(ctx, TakeBankFile, asked, "a file of transfers", |_: Alarm| {}).await;
        ctx.state_mut(|run| run.events = run.events.saturating_add(1));
        taken.unwrap_or_else(|_| BankFileTaken::Refused { detail: "The file was not made.".to_owned() })
    }

    /// The PSP said something of a payout: it is asked now. Anybody can send a webhook, so what it says is not
    /// believed.
    #[signal(name = "psp_nudge")]
    pub fn psp_nudge(&mut self, ctx: &mut SyncWorkflowContext<Self>, news: Received<PayoutNews>) {
        if let Some(news) = read_signal(ctx, &mut self.signals, news) {
            self.input.echo.add(news.window_ends_at);
            self.events = self.events.saturating_add(1);
        }
    }

    /// An operator lets a stuck batch try again at once.
    #[signal(name = "resume")]
    pub fn resume(&mut self, ctx: &mut SyncWorkflowContext<Self>, resume: Received<Resume>) {
        if let Some(resume) = read_signal(ctx, &mut self.signals, resume) {
            self.desk.resume(resume);
        }
    }
}

/// What a run needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A decision.
    Wait,
    /// Payouts are to be sent, or sent again.
    Send,
    /// The PSP is to be asked.
    Follow,
    /// A person takes the file to our bank, and the bank says what came of it. The PSP is not asked.
    WaitForBank,
    /// The money of payouts that nobody approved is to be let go.
    Withdraw,
    /// Nothing but to be called complete.
    Complete,
    /// Nothing.
    End,
}

const fn next(work: &WorkOfRun) -> Next {
    match work.status {
        Some(RunStatus::Rejected | RunStatus::Canceled) if work.frozen > 0 => Next::Withdraw,
        None | Some(RunStatus::Rejected | RunStatus::Canceled) => Next::End,
        Some(RunStatus::Frozen) => Next::Wait,
        Some(RunStatus::Approved | RunStatus::Sending | RunStatus::Completed) => {
            let waits = work.approved > 0;
            let is_open = work.unanswered > 0 || work.open > 0 || waits;
            if matches!(work.paid_by, PaidBy::BankFile) {
                return if is_open { Next::WaitForBank } else { Next::Complete };
            }
            if work.unanswered > 0 || (waits && !work.is_stopped) {
                Next::Send
            } else if work.open > 0 || waits {
                // While payouts are stopped, a pause comes before the next look.
                Next::Follow
            } else {
                Next::Complete
            }
        }
    }
}

async fn freeze(ctx: &Context) -> Result<(), WorkflowTermination> {
    let input = ctx.state(|run| run.input.clone());
    let (request, by, sweep) = match (input.freeze, input.sweep) {
        (_, Some(SweepAsked { request, by })) => (RunRequest::default(), by, Some(request)),
        (Some(FreezeAsked { request, by }), None) => (request, by, None),
        (None, None) => return Ok(()),
    };
    let freeze = FreezeRun { run_id: input.run_id, request, by, sweep };
    loop {
        let freeze = freeze.clone();
        let frozen = writing::write_decided(ctx, FreezePayouts, freeze, "freezing the run", |_: Alarm| {}).await?;
        if !frozen.is_unfinished {
            return Ok(());
        }
    }
}

/// Goes on with an empty history, once nobody waits for an answer.
fn start_over(ctx: &Context) -> Result<(), WorkflowTermination> {
    if ctx.all_handlers_finished() {
        let input = ctx.state(|run| run.input.frozen());
        ctx.continue_as_new(input, ContinueAsNewOptions::default())?;
    }
    Ok(())
}

async fn work(ctx: &Context) -> Result<WorkOfRun, WorkflowTermination> {
    let run = RunToFollow { run_id: run_id(ctx) };
    writing::write_decided(ctx, PayoutWork, run, "what is left to do", |_: Alarm| {}).await
}

/// Asks the PSP after a pause, which news cut short. Answers how many rounds went by without a change.
async fn follow(ctx: &Context, seen: u32, rounds: u32) -> Result<u32, WorkflowTermination> {
    let [first, longest] = PAUSES;
    let pause = first.saturating_mul(1 << rounds.min(MAX_DOUBLINGS)).min(longest);
    let pause = ctx.state(|run| run.input.echo.shortens(pause, now(ctx)));
    let token = WorkflowCancellationToken::new();
    until(ctx, move |run| run.events != seen, pause, "before asking about the payouts", token).await;
    // Only a pause that passed makes the next one longer: news, which anybody can send, would do so otherwise.
    let passed = u32::from(ctx.state(|run| run.events == seen));
    ctx.state_mut(|run| run.input.echo.asked_at(now(ctx)));
    let run = RunToFollow { run_id: run_id(ctx) };
    let changed = writing::write_listed(ctx, FollowPayouts, run, "asking about the payouts").await?;
    Ok(if changed > 0 { 0 } else { rounds.saturating_add(passed) })
}

/// Waits until somebody acts, or a pause has passed: a line of our bank ends payouts without the workflow. Answers how
/// many pauses passed.
async fn wait_for_bank(ctx: &Context, seen: u32, rounds: u32) -> u32 {
    let pause = PAUSES[0].saturating_mul(1 << rounds.min(MAX_DOUBLINGS)).min(ROWS_PAUSE);
    let token = WorkflowCancellationToken::new();
    until(ctx, move |run| run.events != seen, pause, "before the rows are read again", token).await;
    rounds.saturating_add(u32::from(ctx.state(|run| run.events == seen)))
}

/// Whether nobody asked for anything more since `seen`, and for a moment after that: who starts the workflow anew to
/// act on a payout acts on it a moment later.
async fn is_over(ctx: &Context, seen: u32) -> Result<bool, WorkflowTermination> {
    let token = WorkflowCancellationToken::new();
    until(ctx, move |run| run.events != seen, LAST_MOMENT, "before the run ends", token).await;
    ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached()).await?;
    Ok(ctx.state(|run| run.events) == seen)
}

async fn complete(ctx: &Context) -> Result<(), WorkflowTermination> {
    let run = RunToFollow { run_id: run_id(ctx) };
    writing::write_decided(ctx, CompletePayouts, run, "the run is complete", |_: Alarm| {}).await?;
    Ok(())
}
