//! Payout runs and payouts: freeze, decide, cancel, retry; each through the workflow of the run.
//!
//! The workflow goes by the rows, so a run whose workflow has ended is taken up by another one.

use domain::{
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
    payout::{
        Decidable, Decision, PayoutStatus, Taken, Undecidable, decide,
        plan::{Plan, RunRequest},
    },
    principal::Principal,
};
use store::{PayoutRecord, PlanRequest, RunRecord, StoreError};
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowSignalOptions,
    WorkflowStartOptions, errors::WorkflowInteractionError,
};
use tokio::time::{Instant, timeout_at};
use workflows::{
    TASK_QUEUE,
    payout_run::{self, FreezeAsked, PayoutNews, PayoutRunInput, PayoutRunWorkflow},
    ports::{ActOnPayout, DecideOnRun, PayoutAct, PayoutActed, RunDecided},
};

use crate::{Caller, Fault, Service, now, temporal, waiting::Pauses, webhook::NudgeWindow};

/// Of one run, Temporal takes one nudge in so many milliseconds.
const NUDGE_WINDOW_MS: u64 = 10 * 1_000;

/// Why nothing is done about a run or a payout.
#[derive(Debug, thiserror::Error)]
pub enum PayoutError {
    /// There is no such run.
    #[error("There is no such payout run.")]
    UnknownRun,
    /// There is no such payout.
    #[error("There is no such payout.")]
    UnknownPayout,
    /// The decision is not taken.
    #[error("{0}.")]
    Undecidable(Undecidable),
    /// The payout does not take the act.
    #[error("The payout does not take this: {detail}.")]
    NotTaken {
        /// Where it stands.
        status: Option<PayoutStatus>,
        /// Why.
        detail: String,
    },
    /// The workflow did not answer in time; the same request may be sent again.
    #[error("The request is under way; send it again to see what came of it.")]
    UnderWay,
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for PayoutError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A run with its payouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetails {
    /// The run.
    pub run: RunRecord,
    /// Its payouts, in the order of the sellers.
    pub payouts: Vec<PayoutRecord>,
}

/// Plans a run, and writes nothing.
pub async fn preview(service: &Service, request: &RunRequest) -> Result<(Day, Plan), PayoutError> {
    let now = now();
    let date = request.date.map_or_else(|| Day::of(now), |date| date.0);
    let sellers: Option<&[SellerAccount]> = request.sellers.as_deref();
    let rules = &service.settings.plan_rules;
    let plan = service.reader.plan_payouts(PlanRequest { date, sellers, rules, now }).await?;
    Ok((date, plan))
}

/// Freezes a run under an id, and waits for its rows. The same id answers the same run.
pub async fn freeze(
    service: &Service,
    caller: &Caller,
    run_id: &PayoutRunId,
    request: RunRequest,
) -> Result<RunDetails, PayoutError> {
    let by = Instant::now() + service.settings.confirm_wait;
    if let Some(details) = details(service, run_id).await? {
        return Ok(details);
    }
    let freeze = Some(FreezeAsked { request, by: caller.principal.clone() });
    timeout_at(by, workflow(service, run_id, freeze)).await.map_err(|_| PayoutError::UnderWay)??;
    let mut pauses = Pauses::new();
    while pauses.next_end() < by {
        pauses.pause().await;
        if let Some(details) = details(service, run_id).await? {
            return Ok(details);
        }
    }
    Err(PayoutError::UnderWay)
}

/// A run with its payouts.
pub async fn details(service: &Service, run_id: &PayoutRunId) -> Result<Option<RunDetails>, PayoutError> {
    let Some(run) = service.reader.payout_run(run_id).await? else { return Ok(None) };
    let payouts = service.reader.payouts_of_run(run_id).await?;
    Ok(Some(RunDetails { run, payouts }))
}

/// Decides on a run. The transaction that writes the decision checks it again.
pub async fn decide_on(
    service: &Service,
    caller: &Caller,
    run_id: &PayoutRunId,
    decision: Decision,
    reason: Option<String>,
) -> Result<RunDetails, PayoutError> {
    let deadline = Instant::now() + service.settings.confirm_wait;
    let run = service.reader.payout_run(run_id).await?.ok_or(PayoutError::UnknownRun)?;
    let by: Principal = caller.principal.clone();
    let decidable = Decidable {
        status: run.status,
        digest: &run.digest,
        frozen_by: &run.frozen_by,
        decided_by: run.decided_by.as_ref(),
        is_stopped: service.reader.are_payouts_stopped().await?,
        approvals_needed: run.approvals_needed,
        first_approval_by: run.valid_first_approval().map(|first| &first.by),
    };
    let taken = decide(&decidable, &decision, &by).map_err(PayoutError::Undecidable)?;
    if taken != Taken::Before {
        let asked = DecideOnRun { run_id: run_id.clone(), decision, by, reason };
        let deciding = async {
            let handle = workflow(service, run_id, None).await?;
            let options = WorkflowExecuteUpdateOptions::builder().rpc_options(temporal::rpc_options()).build();
            handle.execute_update(PayoutRunWorkflow::decide, asked, options).await.map_err(Fault::from)
        };
        match timeout_at(deadline, deciding).await.map_err(|_| PayoutError::UnderWay)?? {
            RunDecided::Done(_) => {}
            RunDecided::Refused(undecidable) => return Err(PayoutError::Undecidable(undecidable)),
            RunDecided::Unknown => return Err(PayoutError::UnknownRun),
        }
    }
    details(service, run_id).await?.ok_or(PayoutError::UnknownRun)
}

/// Takes a payout back, begins a new attempt, or books a return.
pub async fn act(
    service: &Service,
    caller: &Caller,
    payout_id: &PayoutId,
    act: PayoutAct,
    reason: String,
) -> Result<PayoutRecord, PayoutError> {
    let deadline = Instant::now() + service.settings.confirm_wait;
    let payout = service.reader.payout(payout_id).await?.ok_or(PayoutError::UnknownPayout)?;
    let asked = ActOnPayout { payout_id: payout_id.clone(), act, by: caller.principal.clone(), reason };
    let acting = async {
        let handle = workflow(service, &payout.run_id, None).await?;
        let options = WorkflowExecuteUpdateOptions::builder().rpc_options(temporal::rpc_options()).build();
        handle.execute_update(PayoutRunWorkflow::act, asked, options).await.map_err(Fault::from)
    };
    match timeout_at(deadline, acting).await.map_err(|_| PayoutError::UnderWay)?? {
        PayoutActed::Done(_) => {}
        PayoutActed::Refused { status, detail } => return Err(PayoutError::NotTaken { status, detail }),
    }
    service.reader.payout(payout_id).await?.ok_or(PayoutError::UnknownPayout)
}

/// Passes on that the PSP says something of a payout. What it says is not believed: the PSP is asked.
pub async fn nudge(service: &Service, payout: &PayoutRecord) -> Result<(), Fault> {
    if payout.status.is_end() {
        return Ok(());
    }
    // Of many webhooks in a moment Temporal takes one, because each costs the workflow's history.
    let window = NudgeWindow::of(now(), NUDGE_WINDOW_MS);
    let news = PayoutNews { ref_payout_id: payout.ref_payout_id.clone(), window_ends_at: Some(window.ends_at()) };
    let request_id = format!("payout_nudge.{}.{}", payout.run_id, window.number());
    let options = WorkflowSignalOptions::builder().request_id(request_id).rpc_options(temporal::rpc_options()).build();
    let id = payout_run::workflow_id(&payout.run_id);
    let running = service.temporal.get_workflow_handle::<PayoutRunWorkflow>(id.as_str());
    match running.signal(PayoutRunWorkflow::psp_nudge, news.into(), options).await {
        // A payout that is open is followed, whatever became of the workflow before. A new one asks by itself.
        Err(WorkflowInteractionError::NotFound(_)) => workflow(service, &payout.run_id, None).await.map(|_| ()),
        signaled => Ok(signaled?),
    }
}

/// The workflow of a run: the one that is open, or a new one that goes by the rows.
async fn workflow(
    service: &Service,
    run_id: &PayoutRunId,
    freeze: Option<FreezeAsked>,
) -> Result<WorkflowHandle<Client, PayoutRunWorkflow>, Fault> {
    let options = WorkflowStartOptions::new(TASK_QUEUE, payout_run::workflow_id(run_id))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary(format!("the payout run {run_id}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let input = PayoutRunInput::new(run_id.clone(), freeze);
    service.temporal.start_workflow(PayoutRunWorkflow::run, input, options).await?;
    // Whichever run of the workflow is open under the id.
    Ok(service.temporal.get_workflow_handle::<PayoutRunWorkflow>(payout_run::workflow_id(run_id)))
}
