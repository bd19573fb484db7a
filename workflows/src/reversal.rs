//! Taking an entry of the books back by hand: what a person says about it is carried out once, by a workflow.
//!
//! One principal asks by the digest of a preview, another approves the same digest, and one act undoes it. Of each
//! entry one act is under way at a time.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::reconciliation::Actor;
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    WorkflowContext, WorkflowContextView, WorkflowResult, common::ActivityDefinition, workflow, workflow_methods,
};

use crate::{
    ports::ports,
    task::readable,
    write_options::{regular_write, until_it_succeeds},
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "reversal_act";
/// The first and the longest pause after an activity that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

ports! {
    /// The name of every port of reversals by hand. Tests count their steps by it.
    list OF_REVERSALS:
    /// Carries out an act on the reversal of an entry. Safe to repeat: the same word of the same principal changes
    /// nothing.
    ActOnReversal = "ledger.act_on_reversal": ReversalAct => ReversalActed;
}

/// What is done about the reversal of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversalStep {
    /// It is asked for, by the digest of the preview.
    Propose { digest: String },
    /// A second principal has seen the same preview.
    Approve { digest: String },
    /// What was asked for is dropped.
    Reject,
    /// The entry is booked again.
    Undo,
}

impl ReversalStep {
    /// The verb of the step.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Propose { .. } => "propose",
            Self::Approve { .. } => "approve",
            Self::Reject => "reject",
            Self::Undo => "undo",
        }
    }
}

/// An act of a person on the reversal of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReversalAct {
    /// The key of the entry.
    pub entry_key: String,
    pub step: ReversalStep,
    pub by: Actor,
    pub reason: String,
}

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversalActed {
    Done,
    /// A second principal has to decide.
    FourEyes {
        detail: String,
    },
    /// What was seen is not what would happen now.
    Outdated {
        detail: String,
    },
    Refused {
        detail: String,
    },
}

/// An act on the reversal of an entry.
#[workflow]
pub struct ReversalActWorkflow {
    input: ReversalAct,
}

/// The id of the workflow of an act on the reversal of an entry.
pub fn workflow_id(entry_key: &str) -> String {
    format!("reversal.{entry_key}")
}

#[workflow_methods]
impl ReversalActWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: ReversalAct) -> Self {
        Self { input }
    }

    /// Carries the act out once.
    #[run(name = "reversal_act")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<ReversalActed> {
        let input = ctx.state(|act| act.input.clone());
        let options = regular_write(until_it_succeeds(PAUSES), "act on the reversal of an entry");
        Ok(readable(ctx.execute_activity(ActOnReversal, input, options).await)?)
    }
}
