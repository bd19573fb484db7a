//! Cash receipts: the PSP is asked how they stand. A schedule starts the workflow.
//!
//! A receipt follows from money that was booked. So no payment and no refund waits for this workflow, and nothing that
//! it learns moves money.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityOptions, ContinueAsNewOptions, WorkflowContext, WorkflowContextView, WorkflowResult,
    common::ActivityDefinition, workflow, workflow_methods,
};

use crate::{ports::ports, task::readable, write_options::until_it_succeeds};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "cash_receipts";
/// How often the schedule starts the workflow.
pub const EVERY: Duration = Duration::from_secs(60);
/// How long one portion may take: the PSP may need a minute for each answer.
const PORTION_TIME: Duration = Duration::from_secs(5 * 60);
/// The first and the longest pause after a portion that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

ports! {
    /// The name of every port of cash receipts.
    list OF_CASH_RECEIPTS:
    /// Asks the PSP about the receipts that are due, and writes what it says. Safe to repeat: the key of a receipt is
    /// its row.
    FollowCashReceipts = "cash_receipt.follow": () => ReceiptsFollowed;
}

/// What a portion came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsFollowed {
    /// Of how many payments the PSP told the receipts.
    #[serde(default)]
    pub told: u64,
    /// Whether more is due at once.
    #[serde(default)]
    pub is_unfinished: bool,
}

/// Asks the PSP about the receipts that are due.
#[workflow]
pub struct CashReceiptsWorkflow;

#[workflow_methods]
impl CashReceiptsWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, (): ()) -> Self {
        Self
    }

    /// Asks one portion after the other.
    #[run(name = "cash_receipts")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        while readable(ctx.execute_activity(FollowCashReceipts, (), portion()).await)?.is_unfinished {
            if ctx.continue_as_new_suggested() {
                ctx.continue_as_new((), ContinueAsNewOptions::default())?;
            }
        }
        Ok(())
    }
}

fn portion() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(PORTION_TIME)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary("ask about cash receipts".to_owned())
        .build()
}
