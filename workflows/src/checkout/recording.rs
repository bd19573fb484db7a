//! Writing down where a checkout stands.
//!
//! A write is a local activity first: it costs the Temporal server nothing. If that fails, the same port
//! is asked again as a regular activity, which an operator can see and which is tried for as long as it
//! takes: what happened has to be written. What keeps failing is shown to a person meanwhile, in the
//! Temporal UI, since it cannot be shown in the row.

use std::time::Duration;

use domain::{
    Timestamp,
    charge::{Capture, Failure},
    checkout::{Event, Status},
    dead_letter::Awaits,
    id::{PaymentKey, WorkflowId},
    ledger::Entry,
};
use temporalio_workflow::{
    ActivityExecutionError, ActivityOptions, LocalActivityOptions, RetryPolicy, WorkflowCancellationToken,
    WorkflowTermination,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
        error::{ApplicationFailure, IncomingError},
    },
};

use super::{Context, now};
use crate::{
    attributes,
    operator::{self, Facing, Trouble},
    ports::{Advance, Change, Post, Posted, Record, RecordCheckout, Recorded},
};

/// How long one local write may take.
const LOCAL_WRITE_TIME: Duration = Duration::from_secs(2);
/// How often a write is tried locally before it becomes a regular activity.
const LOCAL_ATTEMPTS: u32 = 3;
/// How long one write as a regular activity may take.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How often a write is tried as a regular activity before a person is shown that it does not succeed.
const ATTEMPTS_BEFORE_ALARM: u32 = 8;
/// The longest pause between these tries; with the others it makes about two minutes.
const LONGEST_WRITE_PAUSE: Duration = Duration::from_secs(60);
/// What no repetition mends, in the words of the activities: a person is shown it at once.
const PERMANENT_FAILURES: [&str; 4] = ["store.amount", "store.corrupt", "store.out_of_step", "store.refused"];
/// The pause between two tries after that, first and longest. There is no last try.
const ALARMED_PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];

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
    let expires_at = request.expires_at;
    let recorded = write(ctx, Record, request).await?;
    if let Recorded::Accepted { rates } = &recorded {
        ctx.state_mut(|checkout| {
            checkout.recorded = true;
            checkout.rates.clone_from(rates);
            checkout.expires_at = expires_at;
        });
    }
    Ok(recorded)
}

/// Writes the next status of the checkout.
pub(super) async fn advance(ctx: &Context, event: Event, failure: Option<Failure>) -> Result<(), WorkflowTermination> {
    let change = Change { failure, ..next_change(ctx, event)? };
    write_change(ctx, Advance, change.clone(), change).await
}

/// Writes when the payment began, and under which key the PSP knows it.
pub(super) async fn begin(
    ctx: &Context,
    payment_key: PaymentKey,
    began_at: Timestamp,
) -> Result<(), WorkflowTermination> {
    let change =
        Change { payment_key: Some(payment_key), occurred_at: began_at, ..next_change(ctx, Event::ConfirmRequested)? };
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
    P::Input: Clone + TemporalSerializable + Facing,
{
    write(ctx, port, input).await?;
    show(ctx, change.status, format!("**{}**, change {}", change.status, change.revision));
    ctx.state_mut(|checkout| {
        checkout.status = change.status;
        checkout.revision = change.revision;
    });
    if change.status != Status::Stuck {
        operator::went_on(ctx, Some(change.checkout_id)).await;
    }
    Ok(())
}

/// Asks a port of the store: locally, then as a regular activity, then as one that a person is shown, for as
/// long as it takes. It goes on when the workflow is canceled.
async fn write<P>(ctx: &Context, port: P, input: P::Input) -> Result<P::Output, WorkflowTermination>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + Facing,
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
    let patiently = RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .maximum_interval(LONGEST_WRITE_PAUSE)
        .maximum_attempts(ATTEMPTS_BEFORE_ALARM)
        .non_retryable_error_types(PERMANENT_FAILURES);
    let options = regular_write(patiently.build(), "the local write failed");
    let failure = match ctx.execute_activity(port, input.clone(), options).await {
        Ok(output) => return Ok(output),
        Err(error) => failure_of(&error),
    };
    let [first, longest] = ALARMED_PAUSES;
    show(ctx, Status::Stuck, "**STUCK**: a write does not succeed; its activity says why. It is repeated.".to_owned());
    let checkout_id = Some(ctx.state(|checkout| checkout.input.plan.checkout_id().clone()));
    let (step, facts) = (port.name().to_owned(), input.facts());
    let trouble = Trouble { step, failure, checkout_id: checkout_id.clone(), input: facts, awaits: Awaits::Mending };
    let letter_id = operator::write(ctx, trouble).await;
    let slowly = RetryPolicy::builder().initial_interval(first).maximum_interval(longest);
    let options = regular_write(slowly.build(), "a write does not succeed: a person is needed");
    let output = ctx.execute_activity(port, input, options).await?;
    operator::close(ctx, letter_id, checkout_id).await;
    let status = ctx.state(|checkout| checkout.status);
    show(ctx, status, format!("**{status}**, the write that did not succeed is written"));
    Ok(output)
}

/// Why a write did not succeed, in the words of the activities.
fn failure_of(error: &ActivityExecutionError) -> Failure {
    match error.cause() {
        Some(IncomingError::Application(told)) => Failure {
            code: told.type_name().unwrap_or("write_failed").to_owned(),
            message: told.source_error().to_string(),
        },
        _ => Failure { code: "write_failed".to_owned(), message: "the write did not return in time".to_owned() },
    }
}

/// A write that an operator can see. It goes on when the workflow is canceled.
fn regular_write(policy: RetryPolicy, summary: &'static str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(WRITE_TIME)
        .retry_policy(policy)
        .summary(summary)
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// Shows in the Temporal UI where the checkout stands.
fn show(ctx: &Context, status: Status, details: String) {
    ctx.set_current_details(details);
    ctx.upsert_search_attributes([attributes::PAYMENT_STATUS.value_set(status.to_string())]);
}
