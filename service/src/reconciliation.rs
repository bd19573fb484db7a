//! Starting the reconciliation of a day, and acting on breaks.

use std::time::Duration;

use domain::{
    calendar::Day,
    id::BreakId,
    reconciliation::{Act, Actor, RunStatus},
};
use store::{BreakRecord, Reader, ReconciliationRecord, StoreError};
use temporalio_client::{
    Client, WorkflowGetResultOptions, WorkflowIdConflictPolicy, WorkflowStartOptions, errors::WorkflowStartError,
};
use tokio::time::{Instant, timeout};
use workflows::{
    TASK_QUEUE,
    reconciliation::{
        BreakAct, BreakActWorkflow, BreakActed, ReconciliationInput, ReconciliationWorkflow, act_workflow_id,
        workflow_id,
    },
};

use crate::{Fault, temporal, waiting::Pauses};

/// How long an act is waited for before the answer is "not known yet".
const ACT_TIME: Duration = Duration::from_secs(10);
/// How long a run that begins is waited for.
const BEGIN_TIME: Duration = Duration::from_secs(10);

/// A reconciliation that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayToReconcile {
    pub day: Day,
    /// The day on which deadlines are judged; today by default.
    pub as_of: Option<Day>,
    /// How old a movement must be before it counts as late.
    pub grace_ms: Option<u64>,
}

/// Why a reconciliation did not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The day has not begun.
    #[error("{0} has not begun")]
    NotBegun(Day),
    /// No worker took it up in time. It begins when one does.
    #[error("no worker has taken the reconciliation up yet")]
    NoWorker,
    /// The run before has its verdict, and its workflow is open: a worker may have died before the last step. A new run
    /// begins when that one has closed.
    #[error("the run of {0} before this one has its verdict, and its workflow has not closed yet")]
    Closing(Day),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// Starts the reconciliation of a day, or finds the one that runs. Answers its run once a worker has taken it up.
pub async fn start(
    temporal: &Client,
    reader: &Reader,
    wanted: DayToReconcile,
) -> Result<ReconciliationRecord, StartError> {
    if wanted.day > Day::of(crate::now()) {
        return Err(StartError::NotBegun(wanted.day));
    }
    let input = ReconciliationInput {
        day: wanted.day.to_string(),
        as_of: wanted.as_of.map(|day| day.to_string()),
        grace_ms: wanted.grace_ms,
        silence_ms: None,
    };
    let (by, mut pauses, mut is_first_look) = (Instant::now() + BEGIN_TIME, Pauses::new(), true);
    let mut run_id = begin(temporal, wanted.day, input.clone()).await?;
    loop {
        let run = reader.reconciliation_run(&run_id).await?;
        let is_late = pauses.next_end() > by;
        match run {
            // A run that had its verdict before we asked says nothing of now: its workflow is about to close.
            Some(run) if is_first_look && run.status != RunStatus::Running => {
                if is_late {
                    return Err(StartError::Closing(wanted.day));
                }
                pauses.pause().await;
                run_id = begin(temporal, wanted.day, input.clone()).await?;
                continue;
            }
            Some(run) => return Ok(run),
            None if is_late => return Err(StartError::NoWorker),
            None => {}
        }
        is_first_look = false;
        pauses.pause().await;
    }
}

/// Answers the run that began, or that runs.
async fn begin(temporal: &Client, day: Day, input: ReconciliationInput) -> Result<String, Fault> {
    let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id(day))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary(format!("the reconciliation of {day}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let handle = temporal.start_workflow(ReconciliationWorkflow::run, input, options).await?;
    Ok(handle.info().run_id.clone().unwrap_or_default())
}

/// Why nothing was done about a break.
#[derive(Debug, thiserror::Error)]
pub enum BreakError {
    #[error("there is no such break")]
    Unknown,
    /// The break does not take it.
    #[error("{0}")]
    Refused(String),
    /// A second principal has to decide.
    #[error("{0}")]
    FourEyes(String),
    /// It is asked for, and was not carried out in time. The same request finds it again.
    #[error("the act is not carried out yet; ask for the same once more")]
    NotYet,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for BreakError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// An act that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAct {
    pub act: Act,
    pub by: Actor,
    pub reason: String,
    /// The version that the author saw, where the author named one: asked again, the act is carried out once.
    pub seen: Option<u32>,
}

/// Acts on a break, through the workflow that books what the act moves. The first of two acts wins.
pub async fn act(
    temporal: &Client,
    reader: &Reader,
    break_id: &BreakId,
    wanted: WantedAct,
) -> Result<BreakRecord, BreakError> {
    let record = reader.break_record(break_id).await?.ok_or(BreakError::Unknown)?;
    let WantedAct { act, by, reason, seen } = wanted;
    let input = BreakAct { break_id: break_id.clone(), version: seen.unwrap_or(record.version), act, by, reason };
    // The same act may be under way: it is waited for, and then found done.
    let until = Instant::now() + if seen.is_some() { ACT_TIME } else { Duration::ZERO };
    let mut pauses = Pauses::new();
    let handle = loop {
        let options = WorkflowStartOptions::new(TASK_QUEUE, act_workflow_id(break_id, input.version))
            .static_summary(format!("{} the break {break_id}", input.act.as_str()))
            .rpc_options(temporal::rpc_options())
            .build();
        match temporal.start_workflow(BreakActWorkflow::run, input.clone(), options).await {
            Ok(handle) => break handle,
            Err(WorkflowStartError::AlreadyStarted { .. }) if pauses.next_end() < until => pauses.pause().await,
            Err(WorkflowStartError::AlreadyStarted { .. }) => {
                return Err(BreakError::Refused("another act on the break is under way".to_owned()));
            }
            Err(error) => return Err(Fault::from(error).into()),
        }
    };
    match timeout(ACT_TIME, handle.get_result(WorkflowGetResultOptions::default())).await {
        Ok(Ok(BreakActed::Done)) => reader.break_record(break_id).await?.ok_or(BreakError::Unknown),
        Ok(Ok(BreakActed::FourEyes { detail })) => Err(BreakError::FourEyes(detail)),
        Ok(Ok(BreakActed::Refused { detail })) => Err(BreakError::Refused(detail)),
        Ok(Err(error)) => Err(Fault::temporal(error).into()),
        Err(_) => Err(BreakError::NotYet),
    }
}
