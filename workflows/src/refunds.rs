//! The refunds of one checkout, one after the other.
//!
//! Each is a child workflow under its own id. Two at once could each find enough left and together give back too much
//! at the PSP, which answers in its own time; so the next one begins when the one before has ended. One that waits for
//! a person keeps the others waiting: until it is known what was given back, nobody knows what is left.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::{
    id::{CheckoutId, WorkflowId},
    refund::{Crowded, MAX_WAITING, RefundStatus},
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ChildWorkflowOptions, ParentClosePolicy, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowIdReusePolicy, WorkflowResult, common::search_attributes::SearchAttributes, workflow, workflow_methods,
};

use crate::{
    attributes,
    ports::{NewRefund, RecordRefund, RefundRecorded, RefundRequest},
    refund::RefundWorkflow,
    time::{detached, now, until},
    writing::{self, Alarm},
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "refunds";
/// How long it waits for the request that started it, which comes with the start.
const FIRST_REQUEST_TIME: Duration = Duration::from_secs(60);

/// The id of the workflow that serialises the refunds of a checkout.
pub fn workflow_id(checkout: &CheckoutId) -> String {
    format!("refunds.{checkout}")
}

/// What starts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundsInput {
    /// The checkout.
    pub checkout_id: CheckoutId,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// The refund has ended.
    Ended(RefundStatus),
    /// Another request came under the same id before; its record says what came of it.
    Others,
    /// The refund was begun before, or was ended by hand; its record says where it stands.
    Elsewhere,
}

/// The queue of refunds of one checkout. It closes when nobody waits.
#[workflow]
pub struct RefundsWorkflow {
    checkout_id: CheckoutId,
    /// How many requests were taken; each gets the number before it as its turn.
    taken: usize,
    /// How many were served.
    served: usize,
}

type Refusal = Box<dyn std::error::Error + Send + Sync>;

#[workflow_methods]
impl RefundsWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: RefundsInput) -> Self {
        Self { checkout_id: input.checkout_id, taken: 0, served: 0 }
    }

    /// Serves the requests there are. Answers how many it was.
    #[run(name = "refunds")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<usize> {
        ctx.set_current_details(format!("the refunds of {}", ctx.state(|refunds| refunds.checkout_id.clone())));
        if ctx.state(|refunds| refunds.taken) == 0 {
            let token = WorkflowCancellationToken::new();
            until(ctx, |refunds| refunds.taken > 0, FIRST_REQUEST_TIME, "the first request", token).await;
        }
        ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached()).await?;
        Ok(ctx.state(|refunds| refunds.served))
    }

    #[update_validator(refund)]
    fn validate_refund(&self, _ctx: &WorkflowContextView, _request: &RefundRequest) -> Result<(), Refusal> {
        if self.taken - self.served < MAX_WAITING { Ok(()) } else { Err(Crowded.into()) }
    }

    /// Refunds, when its turn has come. Answers once the refund has ended.
    #[update(name = "refund")]
    pub async fn refund(ctx: &mut WorkflowContext<Self>, request: RefundRequest) -> Result<Served, Refusal> {
        let turn = ctx.state_mut(|refunds| {
            refunds.taken += 1;
            refunds.taken - 1
        });
        let recorded = record(ctx, &request).await;
        ctx.wait_condition_with_options(|refunds| refunds.served == turn, detached()).await?;
        let served = match recorded {
            Ok(RefundRecorded::Ours) => Ok(carry_out(ctx, request).await),
            Ok(RefundRecorded::Others) => Ok(Served::Others),
            Err(error) => Err(error),
        };
        ctx.state_mut(|refunds| refunds.served += 1);
        served
    }
}

/// Records the request before it waits for its turn: whoever asks again is told of it.
async fn record(ctx: &WorkflowContext<RefundsWorkflow>, request: &RefundRequest) -> Result<RefundRecorded, Refusal> {
    let RefundRequest { refund_id, checkout_id, wanted, reason, api_key_id, fingerprint, .. } = request.clone();
    let new = NewRefund { refund_id, checkout_id, wanted, reason, api_key_id, fingerprint, requested_at: now(ctx) };
    let alarm = |alarm| match alarm {
        Alarm::Raised => ctx.set_current_details("**STUCK**: a refund cannot be recorded; its activity says why"),
        Alarm::Over => ctx.set_current_details("the refund that could not be recorded is recorded"),
    };
    Ok(writing::write(ctx, RecordRefund, new, alarm).await?)
}

/// Begins the refund's own workflow and waits for its end. It outlives this one.
async fn carry_out(ctx: &WorkflowContext<RefundsWorkflow>, request: RefundRequest) -> Served {
    let options = ChildWorkflowOptions::builder()
        .workflow_id(WorkflowId::of_refund(&request.refund_id).to_string())
        .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
        .parent_close_policy(ParentClosePolicy::Abandon)
        .cancellation_token(WorkflowCancellationToken::new())
        .static_summary(summary(&request))
        .search_attributes(SearchAttributes::new([attributes::ORDER_ID.value_set(request.checkout_id.to_string())]))
        .build();
    match ctx.start_child_workflow(RefundWorkflow::run, request, options).await {
        Ok(child) => child.result().await.map_or(Served::Elsewhere, Served::Ended),
        // Its id is taken: it was begun before.
        Err(_) => Served::Elsewhere,
    }
}

/// One line for the list of workflows: `refund of order-2026-1 · 5000 KRW`.
fn summary(request: &RefundRequest) -> String {
    let of = match &request.wanted.order {
        Some(order) => format!("refund of {order}, a part of {}", request.checkout_id),
        None => format!("refund of {}", request.checkout_id),
    };
    match request.wanted.amount {
        Some(amount) => format!("{of} · {amount}"),
        None => format!("{of} · all that is left"),
    }
}
