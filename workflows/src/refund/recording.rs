//! Writing down where a refund stands.

use domain::{
    Money,
    failure::Failure,
    id::WorkflowId,
    refund::{Executed, RefundStatus},
};
use temporalio_workflow::{
    WorkflowTermination,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
        error::ApplicationFailure,
    },
};

use super::state::Context;
use crate::{
    attributes, dead_letter,
    facts::HasFacts,
    ports::{
        AdvanceRefund, ExecuteRefund, FailRefund, Promise, PromiseRefund, Recall, RecallCheckout, RefundChange,
        RefundExecution, RefundFailure, RefundPromise,
    },
    time::now,
    writing::{self, Alarm},
};

/// Books the promise.
pub(super) async fn promise(ctx: &Context) -> Result<Promise, WorkflowTermination> {
    let promise = ctx.state(|refund| RefundPromise {
        refund_id: refund.request.refund_id.clone(),
        checkout_id: refund.request.checkout_id.clone(),
        wanted: refund.request.wanted.clone(),
        promised_at: now(ctx),
    });
    let promise = write(ctx, PromiseRefund, promise).await?;
    if let Promise::Given(promised) = &promise {
        stand(ctx, RefundStatus::Executing, None, Some(promised.amount)).await;
    }
    Ok(promise)
}

/// Closes the dead letters of a workflow that was lost: nobody waits for their answers.
pub(super) async fn recall(ctx: &Context) -> Result<(), WorkflowTermination> {
    let workflow_id = WorkflowId::parse(ctx.workflow_id()).map_err(ApplicationFailure::non_retryable)?;
    let checkout_id = ctx.state(|refund| refund.request.checkout_id.clone());
    let request = RecallCheckout { checkout_id, workflow_id, run_id: ctx.run_id().to_owned() };
    write(ctx, Recall, request).await.map(|_| ())
}

/// Writes that the outcome is not known, or that a person is needed.
pub(super) async fn advance(
    ctx: &Context,
    status: RefundStatus,
    failure: Option<Failure>,
) -> Result<(), WorkflowTermination> {
    let change = ctx.state(|refund| RefundChange {
        refund_id: refund.request.refund_id.clone(),
        checkout_id: refund.request.checkout_id.clone(),
        status,
        failure: failure.clone(),
    });
    write(ctx, AdvanceRefund, change).await?;
    stand(ctx, status, failure, None).await;
    Ok(())
}

/// Books that the money went back.
pub(super) async fn settle(ctx: &Context, executed: Executed) -> Result<(), WorkflowTermination> {
    let amount = executed.amount;
    let execution = ctx.state(|refund| RefundExecution {
        refund_id: refund.request.refund_id.clone(),
        checkout_id: refund.request.checkout_id.clone(),
        executed,
        learned_at: now(ctx),
    });
    write(ctx, ExecuteRefund, execution).await?;
    stand(ctx, RefundStatus::Succeeded, None, Some(amount)).await;
    Ok(())
}

/// Writes that the money does not go back; what was promised is taken back.
pub(super) async fn fail(ctx: &Context, failure: Failure) -> Result<(), WorkflowTermination> {
    let failed = ctx.state(|refund| RefundFailure {
        refund_id: refund.request.refund_id.clone(),
        checkout_id: refund.request.checkout_id.clone(),
        failure: failure.clone(),
        failed_at: now(ctx),
    });
    write(ctx, FailRefund, failed).await?;
    stand(ctx, RefundStatus::Failed, Some(failure), None).await;
    Ok(())
}

async fn stand(ctx: &Context, status: RefundStatus, failure: Option<Failure>, amount: Option<Money>) {
    let was_stuck = ctx.state(|refund| refund.status == RefundStatus::Stuck);
    let mut details = format!("**{status}**");
    if let Some(amount) = amount {
        details = format!("{details}, {amount}");
    }
    if let Some(failure) = &failure {
        details = format!("{details}: {}", failure.message);
    }
    ctx.set_current_details(details);
    // Each costs an event, so that only who needs a person is shown in the list, and who needs none any more.
    if was_stuck || status == RefundStatus::Stuck {
        show(ctx, status);
    }
    ctx.state_mut(|refund| {
        refund.status = status;
        refund.failure = failure;
    });
    if status != RefundStatus::Stuck {
        dead_letter::close_answered(ctx).await;
    }
}

fn show(ctx: &Context, status: RefundStatus) {
    ctx.upsert_search_attributes([attributes::PAYMENT_STATUS.value_set(status.to_string())]);
}

async fn write<P>(ctx: &Context, port: P, input: P::Input) -> Result<P::Output, WorkflowTermination>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    let alarm = |alarm| match alarm {
        Alarm::Raised => {
            ctx.set_current_details("**STUCK**: a write does not succeed; its activity says why. It is repeated.");
            show(ctx, RefundStatus::Stuck);
        }
        Alarm::Over => show(ctx, ctx.state(|refund| refund.status)),
    };
    writing::write(ctx, port, input, alarm).await
}
