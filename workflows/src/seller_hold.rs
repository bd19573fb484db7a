//! An amount of a seller's money is held back, or given free again: one booking, carried out once however often it is
//! asked for.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::id::HoldId;
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult,
    workflow, workflow_methods,
};

use crate::{
    ports::{HoldAnswer, LiftHold, LiftSellerHold, LiftedHold, NewHold, PlaceHold, PlaceSellerHold},
    task::readable,
    time::now,
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "seller_hold";
/// How long one booking may take.
const BOOKING_TIME: Duration = Duration::from_secs(30);
/// The longest pause after a booking that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is done about a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SellerHoldAct {
    /// It is placed.
    Place(NewHold),
    /// It is lifted.
    Lift(LiftedHold),
}

impl SellerHoldAct {
    /// The id of the workflow that does it.
    pub fn workflow_id(&self) -> String {
        match self {
            Self::Place(NewHold { hold_id, .. }) => of_hold(hold_id, "place"),
            Self::Lift(LiftedHold { hold_id, .. }) => of_hold(hold_id, "lift"),
        }
    }
}

fn of_hold(hold: &HoldId, act: &str) -> String {
    format!("seller_hold.{hold}.{act}")
}

/// One act about a hold.
#[workflow]
pub struct SellerHoldWorkflow {
    act: SellerHoldAct,
}

#[workflow_methods]
impl SellerHoldWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, act: SellerHoldAct) -> Self {
        Self { act }
    }

    /// Books it, and answers what the wallet said.
    #[run(name = "seller_hold")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<HoldAnswer> {
        let at = now(ctx);
        let options = || {
            ActivityOptions::with_start_to_close_timeout(BOOKING_TIME)
                .retry_policy(RetryPolicy::builder().maximum_interval(LONGEST_PAUSE).build())
                .cancellation_token(WorkflowCancellationToken::new())
                .summary("book the hold")
                .build()
        };
        let answer = match ctx.state(|hold| hold.act.clone()) {
            SellerHoldAct::Place(hold) => {
                ctx.execute_activity(PlaceSellerHold, PlaceHold { hold, at }, options()).await
            }
            SellerHoldAct::Lift(hold) => ctx.execute_activity(LiftSellerHold, LiftHold { hold, at }, options()).await,
        };
        Ok(readable(answer)?)
    }
}
