//! The refunds of one checkout, one after the other.
//!
//! Each is a child workflow under its own id. Two at once could each find enough left and together give back too much
//! at the PSP, which answers in its own time; so the next one begins when the one before has ended. One that waits for
//! a person keeps the others waiting: until it is known what was given back, nobody knows what is left.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::{collections::BTreeSet, time::Duration};

use domain::{
    id::{CheckoutId, RefundId, WorkflowId},
    refund::MAX_WAITING,
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ChildWorkflowOptions, ParentClosePolicy, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowIdReusePolicy, WorkflowResult, WorkflowTermination, common::search_attributes::SearchAttributes, workflow,
    workflow_methods,
};

use crate::{
    attributes,
    dead_letter::{CallsForHelp, HelpDesk},
    ports::{NewRefund, RecordRefund, RefundRecorded, RefundRequest},
    refund::RefundWorkflow,
    signal::{Received, SignalCount, read_signal},
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

/// The queue of refunds of one checkout. It closes when nobody waits.
#[workflow]
pub struct RefundsWorkflow {
    checkout_id: CheckoutId,
    /// The requests that were taken; each has as its turn how many there were before it.
    requests: BTreeSet<RefundId>,
    /// How many were served.
    served: usize,
    signals: SignalCount,
    desk: HelpDesk,
}

#[workflow_methods]
impl RefundsWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: RefundsInput) -> Self {
        Self {
            checkout_id: input.checkout_id,
            requests: BTreeSet::new(),
            served: 0,
            signals: SignalCount::default(),
            desk: HelpDesk::default(),
        }
    }

    /// Serves the requests there are. Answers how many it was.
    #[run(name = "refunds")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<usize> {
        ctx.set_current_details(format!("the refunds of {}", ctx.state(|refunds| refunds.checkout_id.clone())));
        if ctx.state(|refunds| refunds.requests.is_empty()) {
            let token = WorkflowCancellationToken::new();
            until(ctx, |refunds| !refunds.requests.is_empty(), FIRST_REQUEST_TIME, "the first request", token).await;
        }
        ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached()).await?;
        Ok(ctx.state(|refunds| refunds.served))
    }

    /// Refunds, when its turn has come. Asked again under the same id, it does nothing more; nor does it when too many
    /// wait: then nothing is recorded, and whoever asks is told so.
    #[signal(name = "refund")]
    pub async fn refund(ctx: &mut WorkflowContext<Self>, request: Received<RefundRequest>) {
        let mut signals = ctx.state_mut(|refunds| std::mem::take(&mut refunds.signals));
        let request = read_signal(&*ctx, &mut signals, request);
        ctx.state_mut(|refunds| refunds.signals = signals);
        let Some(request) = request else { return };
        let Some(turn) = ctx.state_mut(|refunds| refunds.take(&request.refund_id)) else { return };
        let recorded = record(ctx, &request).await;
        // The token is detached, so this wait has no other end.
        let _ = ctx.wait_condition_with_options(|refunds| refunds.served == turn, detached()).await;
        match recorded {
            Ok(RefundRecorded::Ours) => carry_out(ctx, request).await,
            // Its record says what came of the other one; a write that nobody can do was shown.
            Ok(RefundRecorded::Others) | Err(_) => {}
        }
        ctx.state_mut(|refunds| refunds.served += 1);
    }
}

impl RefundsWorkflow {
    /// The turn of a request that is new, if there is room for it.
    fn take(&mut self, refund: &RefundId) -> Option<usize> {
        let turn = self.requests.len();
        if turn - self.served >= MAX_WAITING || !self.requests.insert(refund.clone()) {
            return None;
        }
        Some(turn)
    }
}

impl CallsForHelp for RefundsWorkflow {
    fn desk(&self) -> &HelpDesk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut HelpDesk {
        &mut self.desk
    }

    fn checkout_id(&self) -> Option<&CheckoutId> {
        Some(&self.checkout_id)
    }
}

/// Records the request before it waits for its turn: whoever asks again is told of it.
async fn record(
    ctx: &WorkflowContext<RefundsWorkflow>,
    request: &RefundRequest,
) -> Result<RefundRecorded, WorkflowTermination> {
    let RefundRequest { refund_id, checkout_id, wanted, reason, requested_by, fingerprint, .. } = request.clone();
    let new = NewRefund { refund_id, checkout_id, wanted, reason, requested_by, fingerprint, requested_at: now(ctx) };
    let alarm = |alarm| match alarm {
        Alarm::Raised => ctx.set_current_details("**STUCK**: a refund cannot be recorded; its activity says why"),
        Alarm::Over => ctx.set_current_details("the refund that could not be recorded is recorded"),
    };
    writing::write(ctx, RecordRefund, new, alarm).await
}

/// Begins the refund's own workflow and waits for its end. It outlives this one.
async fn carry_out(ctx: &WorkflowContext<RefundsWorkflow>, request: RefundRequest) {
    let options = ChildWorkflowOptions::builder()
        .workflow_id(WorkflowId::of_refund(&request.refund_id).to_string())
        .id_reuse_policy(match request.sent_since {
            None => WorkflowIdReusePolicy::RejectDuplicate,
            // The workflow before was lost; one that runs is not started twice.
            Some(_) => WorkflowIdReusePolicy::AllowDuplicate,
        })
        .parent_close_policy(ParentClosePolicy::Abandon)
        .cancellation_token(WorkflowCancellationToken::new())
        .static_summary(summary(&request))
        .search_attributes(SearchAttributes::new([attributes::ORDER_ID.value_set(request.checkout_id.to_string())]))
        .build();
    // Where its id is taken it was begun before; and one that was ended by hand has no result. Its record tells.
    if let Ok(child) = ctx.start_child_workflow(RefundWorkflow::run, request, options).await {
        let _ = child.result().await;
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
