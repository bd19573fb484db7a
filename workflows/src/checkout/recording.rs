//! Writing down where a checkout stands.
//!
//! A write is a local activity first: it costs the Temporal server nothing. If that fails, the same port
//! is asked again as a regular activity, which an operator can see and which is tried for as long as it
//! takes: what happened has to be written.

use std::time::Duration;

use domain::{
    charge::{Capture, Failure},
    checkout::Event,
    id::{PaymentKey, WorkflowId},
    ledger::Entry,
};
use temporalio_workflow::{
    ActivityOptions, LocalActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowTermination,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
        error::ApplicationFailure,
    },
};

use super::{Context, now};
use crate::{
    attributes,
    ports::{Advance, Change, Post, Posted, Record, RecordCheckout, Recorded},
};

/// How long one local write may take.
const LOCAL_WRITE_TIME: Duration = Duration::from_secs(2);
/// How often a write is tried locally before it becomes a regular activity.
const LOCAL_ATTEMPTS: u32 = 3;
/// How long one write as a regular activity may take.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// The longest pause between two tries of a regular write; there is no last try.
const LONGEST_WRITE_PAUSE: Duration = Duration::from_secs(60);

/// Records the checkout and shows it in the Temporal UI.
pub(super) async fn record(ctx: &Context) -> Result<Recorded, WorkflowTermination> {
    let input = ctx.state(|checkout| checkout.input.clone());
    let created_at = now(ctx);
    let workflow_id = WorkflowId::parse(ctx.workflow_id()).map_err(ApplicationFailure::non_retryable)?;
    let request = RecordCheckout {
        workflow_id,
        api_key_id: input.api_key_id,
        fingerprint: input.fingerprint,
        plan: input.plan,
        created_at,
        expires_at: created_at.plus_ms(input.deadline_ms),
    };
    let recorded = write(ctx, Record, request).await?;
    if let Recorded::Accepted { rates } = &recorded {
        ctx.state_mut(|checkout| {
            checkout.recorded = true;
            checkout.rates.clone_from(rates);
        });
    }
    Ok(recorded)
}

/// Writes the next status of the checkout.
pub(super) async fn advance(ctx: &Context, event: Event, failure: Option<Failure>) -> Result<(), WorkflowTermination> {
    let change = Change { failure, ..next_change(ctx, event)? };
    write_change(ctx, Advance, change.clone(), change).await
}

/// Writes that the payment has begun, and under which key the PSP knows it.
pub(super) async fn begin(ctx: &Context, payment_key: PaymentKey) -> Result<(), WorkflowTermination> {
    let change = Change { payment_key: Some(payment_key), ..next_change(ctx, Event::ConfirmRequested)? };
    write_change(ctx, Advance, change.clone(), change).await
}

/// Books a captured payment and writes that the checkout is paid, in one transaction.
pub(super) async fn settle(ctx: &Context, capture: Capture) -> Result<(), WorkflowTermination> {
    let change = next_change(ctx, Event::Paid)?;
    let entry = ctx
        .state(|checkout| Entry::of_captured_payment(&checkout.input.plan, &checkout.rates, capture.captured_at))
        .map_err(ApplicationFailure::non_retryable)?;
    let posted = Posted { change: change.clone(), entry, method: capture.method, receipt_url: capture.receipt_url };
    write_change(ctx, Post, posted, change).await
}

fn next_change(ctx: &Context, event: Event) -> Result<Change, WorkflowTermination> {
    let occurred_at = now(ctx);
    ctx.state(|checkout| {
        Ok(Change {
            checkout_id: checkout.input.plan.checkout_id().clone(),
            revision: checkout.revision + 1,
            status: checkout.status.after(event).map_err(ApplicationFailure::non_retryable)?,
            occurred_at,
            payment_key: None,
            failure: None,
        })
    })
}

async fn write_change<P>(ctx: &Context, port: P, input: P::Input, change: Change) -> Result<(), WorkflowTermination>
where
    P: ActivityDefinition<Output = ()> + Copy + 'static,
    P::Input: Clone + TemporalSerializable,
{
    ctx.set_current_details(format!("**{}**, change {}", change.status, change.revision));
    ctx.upsert_search_attributes([attributes::PAYMENT_STATUS.value_set(change.status.to_string())]);
    write(ctx, port, input).await?;
    ctx.state_mut(|checkout| {
        checkout.status = change.status;
        checkout.revision = change.revision;
    });
    Ok(())
}

/// Asks a port of the store: locally, then as a regular activity for as long as it takes. It goes on when
/// the workflow is canceled.
async fn write<P>(ctx: &Context, port: P, input: P::Input) -> Result<P::Output, WorkflowTermination>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    let locally = LocalActivityOptions::builder()
        .start_to_close_timeout(LOCAL_WRITE_TIME)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(50))
                .backoff_coefficient(2.0)
                .maximum_attempts(LOCAL_ATTEMPTS)
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    if let Ok(output) = ctx.execute_local_activity(port, input.clone(), locally).await {
        return Ok(output);
    }
    let patiently = ActivityOptions::with_start_to_close_timeout(WRITE_TIME)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_secs(1))
                .backoff_coefficient(2.0)
                .maximum_interval(LONGEST_WRITE_PAUSE)
                .build(),
        )
        .summary("the local write failed; trying until it succeeds")
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    Ok(ctx.execute_activity(port, input, patiently).await?)
}
