//! What a running payout run knows.

use std::collections::BTreeSet;

use domain::{
    id::{CheckoutId, PayoutRunId},
    payout::plan::RunRequest,
    principal::Principal,
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{WorkflowContext, workflow};

use crate::{
    dead_letter::{CallsForHelp, HelpDesk},
    echo::Echo,
    ports::{BatchNumber, SweepRequest},
    signal::SignalCount,
};

/// What starts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRunInput {
    /// The run.
    pub run_id: PayoutRunId,
    /// What is frozen first; nothing where the run exists.
    #[serde(default)]
    pub freeze: Option<FreezeAsked>,
    /// A sweep that is frozen first; nothing where the run exists or pays sellers.
    #[serde(default)]
    pub sweep: Option<SweepAsked>,
    /// When the PSP is asked for news that Temporal left out.
    #[serde(default)]
    pub echo: Echo,
}

impl PayoutRunInput {
    /// The beginning.
    pub fn new(run_id: PayoutRunId, freeze: Option<FreezeAsked>) -> Self {
        Self { run_id, freeze, sweep: None, echo: Echo::default() }
    }

    /// The beginning of a sweep.
    pub fn of_sweep(run_id: PayoutRunId, sweep: SweepAsked) -> Self {
        Self { sweep: Some(sweep), ..Self::new(run_id, None) }
    }

    /// The same run, whose rows exist.
    pub(super) fn frozen(&self) -> Self {
        Self { freeze: None, sweep: None, ..self.clone() }
    }
}

/// What somebody wants frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeAsked {
    /// Which day and sellers.
    pub request: RunRequest,
    /// The author.
    pub by: Principal,
}

/// What somebody wants swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepAsked {
    /// How much.
    pub request: SweepRequest,
    /// The author.
    pub by: Principal,
}

/// The durable life of a run.
#[workflow]
pub struct PayoutRunWorkflow {
    pub(super) input: PayoutRunInput,
    /// How often something happened that the loop has to look at.
    pub(super) events: u32,
    /// Whether a lane asks for its next batch.
    pub(super) beginning: bool,
    /// The batches that are under way.
    pub(super) busy: BTreeSet<BatchNumber>,
    pub(super) signals: SignalCount,
    pub(super) desk: HelpDesk,
}

pub(super) type Context = WorkflowContext<PayoutRunWorkflow>;

impl CallsForHelp for PayoutRunWorkflow {
    fn desk(&self) -> &HelpDesk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut HelpDesk {
        &mut self.desk
    }

    fn checkout_id(&self) -> Option<&CheckoutId> {
        None
    }
}

pub(super) fn run_id(ctx: &Context) -> PayoutRunId {
    ctx.state(|run| run.input.run_id.clone())
}
