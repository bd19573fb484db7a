//! Taking an entry of the books back by hand, through the workflow that books it.

use std::time::Duration;

use domain::reconciliation::Actor;
use store::{Reader, ReversalPreview, ReversalRecord, StoreError};
use temporalio_client::{Client, WorkflowGetResultOptions, WorkflowStartOptions, errors::WorkflowStartError};
use tokio::time::timeout;
use workflows::{
    TASK_QUEUE,
    reversal::{ReversalAct, ReversalActWorkflow, ReversalActed, workflow_id},
};

pub use workflows::reversal::ReversalStep;

use crate::{Fault, temporal};

/// How long an act is waited for before the answer is "not known yet".
const ACT_TIME: Duration = Duration::from_secs(10);

/// Why nothing was done about the reversal of an entry.
#[derive(Debug, thiserror::Error)]
pub enum ReversalError {
    #[error("the books have no entry of this id")]
    Unknown,
    /// A second principal has to decide.
    #[error("{0}")]
    FourEyes(String),
    /// What was seen is not what would happen now.
    #[error("{0}")]
    Outdated(String),
    #[error("{0}")]
    Refused(String),
    #[error("another act on the reversal of the entry is under way")]
    UnderWay,
    /// It is asked for, and was not carried out in time. The same request finds it done.
    #[error("the act is not carried out yet; ask for the same once more")]
    NotYet,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ReversalError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// What a reversal of an entry would do now, and the last one that somebody asked for.
#[derive(Debug, Clone)]
pub struct ReversalState {
    pub preview: ReversalPreview,
    pub last: Option<ReversalRecord>,
}

/// An act that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedStep {
    pub step: ReversalStep,
    pub by: Actor,
    pub reason: String,
}

/// Reads what a reversal of the entry would do. Nothing is booked.
pub async fn look(reader: &Reader, entry_key: &str) -> Result<ReversalState, ReversalError> {
    let preview = reader.reversal_preview(entry_key, crate::now()).await?.ok_or(ReversalError::Unknown)?;
    Ok(ReversalState { preview, last: reader.last_reversal(entry_key).await? })
}

/// Acts on the reversal of an entry. The same word of the same principal is carried out once.
pub async fn act(
    temporal: &Client,
    reader: &Reader,
    entry_key: &str,
    wanted: WantedStep,
) -> Result<ReversalState, ReversalError> {
    reader.booked_entry(entry_key).await?.ok_or(ReversalError::Unknown)?;
    let WantedStep { step, by, reason } = wanted;
    let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id(entry_key))
        .static_summary(format!("{} the reversal of {entry_key}", step.as_str()))
        .rpc_options(temporal::rpc_options())
        .build();
    let input = ReversalAct { entry_key: entry_key.to_owned(), step, by, reason };
    let handle = match temporal.start_workflow(ReversalActWorkflow::run, input, options).await {
        Ok(handle) => handle,
        Err(WorkflowStartError::AlreadyStarted { .. }) => return Err(ReversalError::UnderWay),
        Err(error) => return Err(Fault::from(error).into()),
    };
    match timeout(ACT_TIME, handle.get_result(WorkflowGetResultOptions::default())).await {
        Ok(Ok(ReversalActed::Done)) => look(reader, entry_key).await,
        Ok(Ok(ReversalActed::FourEyes { detail })) => Err(ReversalError::FourEyes(detail)),
        Ok(Ok(ReversalActed::Outdated { detail })) => Err(ReversalError::Outdated(detail)),
        Ok(Ok(ReversalActed::Refused { detail })) => Err(ReversalError::Refused(detail)),
        Ok(Err(error)) => Err(Fault::temporal(error).into()),
        Err(_) => Err(ReversalError::NotYet),
    }
}
