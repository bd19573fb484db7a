//! The payout run of each business day: a schedule starts this workflow each morning, and it has the run of the day
//! frozen once sellers are due.
//!
//! The day is that of the schedule's time, whenever the workflow runs: a morning that was missed is made up for as the
//! run of its own day. The run has the id of its day, so it is frozen once, however often the day is started. It waits
//! for two principals. One schedule serves the calendars of all sellers: the plan of the day says whose day it is.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::{
    calendar::Day,
    id::{ApiKeyId, PayoutRunId},
    payout::{
        CALENDAR,
        plan::{DayText, RunRequest},
    },
    principal::Principal,
};
use temporalio_workflow::{
    ActivityOptions, ChildWorkflowOptions, ParentClosePolicy, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};

use crate::{
    payout_run::{self, FreezeAsked, PayoutRunInput, PayoutRunWorkflow},
    ports::{DueDay, LookWhoIsDue},
    task::{fail, readable},
    time::nominal,
    write_options::until_it_succeeds,
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "payout_calendar";
/// How long it may take to look who is due.
const LOOK_TIME: Duration = Duration::from_secs(5 * 60);
/// The first and the longest pause after a look that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// A morning of the calendar.
#[workflow]
pub struct PayoutCalendarWorkflow;

#[workflow_methods]
impl PayoutCalendarWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, (): ()) -> Self {
        Self
    }

    /// Has the run of the day frozen, by a workflow that has the id of the day.
    #[run(name = "payout_calendar")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let day = Day::of(nominal(ctx));
        let due = DueDay { day: DayText(day) };
        if !readable(ctx.execute_activity(LookWhoIsDue, due, look_options(day)).await)? {
            return Ok(());
        }
        let by = ApiKeyId::parse(CALENDAR.to_owned()).map(Principal::Key);
        let by = by.unwrap_or_else(|error| fail(format!("the principal of the calendar: {error}")));
        let run_id = PayoutRunId::of_day(day);
        let options = ChildWorkflowOptions::builder()
            .workflow_id(payout_run::workflow_id(&run_id))
            .parent_close_policy(ParentClosePolicy::Abandon)
            .cancellation_token(WorkflowCancellationToken::new())
            .static_summary(format!("the payout run of {day}"))
            .build();
        let request = RunRequest { date: Some(DayText(day)), sellers: None };
        let input = PayoutRunInput::new(run_id, Some(FreezeAsked { request, by }));
        // Where the run of the day is under way already, it is the day's.
        let _ = ctx.start_child_workflow(PayoutRunWorkflow::run, input, options).await;
        Ok(())
    }
}

fn look_options(day: Day) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(LOOK_TIME)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary(format!("who is due on {day}"))
        .build()
}
