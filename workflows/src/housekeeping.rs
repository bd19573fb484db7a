//! Work that is due at a time, and rows that are too old to keep.
//!
//! A schedule starts each of the two workflows. What a worker writes that is due soon wakes [`HOUSEKEEPING_ID`] at
//! once, by a signal, so nothing waits for the schedule. The signal carries nothing that is believed: the workflow asks
//! what is due each time, and a lost signal costs a minute.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};

use crate::{
    ports::{DoWhatIsDue, DueDone, DueQuestion, RemoveWhatIsOld},
    signal::{Received, SignalCount, read_signal},
    task::readable,
    time::until,
    write_options::until_it_succeeds,
};

/// The type of the workflow that releases earnings and ends holds; permanent.
pub const HOUSEKEEPING_TYPE: &str = "housekeeping";
/// The type of the workflow that removes what is too old; permanent.
pub const RETENTION_TYPE: &str = "retention";
/// The id of the workflow that a worker wakes.
pub const HOUSEKEEPING_ID: &str = "housekeeping.woken";
/// How far ahead a run looks: until the schedule starts the next one.
pub const LOOK_AHEAD: Duration = Duration::from_secs(60);
/// How long what becomes due is gathered before it is done together.
const GATHER_TIME: Duration = Duration::from_millis(200);
/// How long one portion may take.
const PORTION_TIME: Duration = Duration::from_secs(60);
/// The first and the longest pause after a portion that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Something is due soon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueSoon {}

/// Releases earnings and ends holds whose time has come.
#[workflow]
pub struct HousekeepingWorkflow {
    /// How many signals were taken.
    news: u32,
    signals: SignalCount,
}

/// Removes what is too old to keep.
#[workflow]
pub struct RetentionWorkflow;

#[workflow_methods]
impl HousekeepingWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, (): ()) -> Self {
        Self { news: 0, signals: SignalCount::default() }
    }

    /// Does what is due, and waits for what is due before the next run of the schedule.
    #[run(name = "housekeeping")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        loop {
            let seen = ctx.state(|housekeeping| housekeeping.news);
            let question = DueQuestion { within_ms: u64::try_from(LOOK_AHEAD.as_millis()).unwrap_or(u64::MAX) };
            let options = portion("release earnings and end holds");
            let DueDone { is_unfinished, due_in_ms, .. } =
                readable(ctx.execute_activity(DoWhatIsDue, question, options).await)?;
            match due_in_ms {
                Some(due_in_ms) if !is_unfinished => {
                    let pause = Duration::from_millis(due_in_ms).saturating_add(GATHER_TIME);
                    let token = WorkflowCancellationToken::new();
                    until(ctx, move |housekeeping| housekeeping.news != seen, pause, "until something is due", token)
                        .await;
                }
                None if !is_unfinished && ctx.state(|housekeeping| housekeeping.news) == seen => return Ok(()),
                Some(_) | None => {}
            }
            if ctx.continue_as_new_suggested() {
                ctx.continue_as_new((), ContinueAsNewOptions::default())?;
            }
        }
    }

    /// A worker wrote something that is due soon.
    #[signal(name = "due")]
    pub fn due(&mut self, ctx: &mut SyncWorkflowContext<Self>, due: Received<DueSoon>) {
        if read_signal(ctx, &mut self.signals, due).is_some() {
            self.news = self.news.saturating_add(1);
        }
    }
}

#[workflow_methods]
impl RetentionWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, (): ()) -> Self {
        Self
    }

    /// Removes one portion after the other.
    #[run(name = "retention")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        while readable(ctx.execute_activity(RemoveWhatIsOld, (), portion("remove what is too old")).await)?
            .is_unfinished
        {
            if ctx.continue_as_new_suggested() {
                ctx.continue_as_new((), ContinueAsNewOptions::default())?;
            }
        }
        Ok(())
    }
}

fn portion(summary: &'static str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(PORTION_TIME)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary(summary.to_owned())
        .build()
}
