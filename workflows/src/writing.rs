//! Writing what a workflow decided.
//!
//! A write is a local activity first: it costs the Temporal server nothing. If that fails, the same port
//! is asked again as a regular activity, which an operator can see and which is tried for as long as it
//! takes: what happened has to be written. What keeps failing is shown to a person meanwhile: in the Temporal UI,
//! since it cannot be shown in the row, and by a dead letter.

use std::time::Duration;

use domain::{
    dead_letter::Awaits,
    failure::{Failure, FailureCode, OurCode},
};
use temporalio_workflow::{
    ActivityExecutionError, ActivityOptions, RetryPolicy, WorkflowContext, WorkflowTermination,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
        error::IncomingError,
    },
};

use crate::{
    dead_letter::{self, CallsForHelp, FailedStep},
    facts::HasFacts,
    task::readable,
    write_options::{listed_write, local_write, regular_write},
};

/// How often a write is tried as a regular activity before a person is shown that it does not succeed.
const ATTEMPTS_BEFORE_ALARM: u32 = 8;
/// The longest pause between these tries; with the others it makes about two minutes.
const LONGEST_WRITE_PAUSE: Duration = Duration::from_secs(60);
/// The failures that no repetition mends: a person is shown them at once.
const PERMANENT_FAILURES: [OurCode; 4] =
    [OurCode::StoreAmount, OurCode::StoreCorrupt, OurCode::StoreOutOfStep, OurCode::StoreRefused];
/// The pause between two tries after that, first and longest. There is no last try.
const ALARMED_PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];

/// What a person is shown of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The write does not succeed.
    Raised,
    /// The write succeeded after all.
    Over,
}

/// Asks a port of the store: locally, then as a regular activity, then as one that a person is shown, for as
/// long as it takes. It goes on when the workflow is canceled.
pub(crate) async fn write<W, P>(
    ctx: &WorkflowContext<W>,
    port: P,
    input: P::Input,
    alarm: impl Fn(Alarm),
) -> Result<P::Output, WorkflowTermination>
where
    W: CallsForHelp,
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    match readable(ctx.execute_local_activity(port, input.clone(), local_write()).await) {
        Ok(output) => Ok(output),
        Err(_) => write_decided(ctx, port, input, "the local write failed", alarm).await,
    }
}

/// Asks a port of the store locally, and answers whether that succeeded.
pub(crate) async fn write_at_once<W, P>(ctx: &WorkflowContext<W>, port: P, input: P::Input) -> bool
where
    P: ActivityDefinition<Output = ()> + Copy + 'static,
    P::Input: Clone + TemporalSerializable,
{
    readable(ctx.execute_local_activity(port, input, local_write()).await).is_ok()
}

/// Asks a port of the store by a regular activity: the history holds the decision before the write is carried out.
///
/// A local activity runs before its command is recorded. If the worker dies in between, the replay may see newer events
/// first and decide differently. So a write that a newer event can change is written here.
pub(crate) async fn write_decided<W, P>(
    ctx: &WorkflowContext<W>,
    port: P,
    input: P::Input,
    summary: &'static str,
    alarm: impl Fn(Alarm),
) -> Result<P::Output, WorkflowTermination>
where
    W: CallsForHelp,
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    write_with(ctx, port, input, Activity { options: regular_write, summary }, alarm).await
}

/// The same, by a port that reads a list, of the PSP or of our own rows, which takes as long as the list is.
pub(crate) async fn write_listed<W, P>(
    ctx: &WorkflowContext<W>,
    port: P,
    input: P::Input,
    summary: &'static str,
) -> Result<P::Output, WorkflowTermination>
where
    W: CallsForHelp,
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    write_with(ctx, port, input, Activity { options: listed_write, summary }, |_: Alarm| {}).await
}

/// The activity that carries a write out.
#[derive(Clone, Copy)]
struct Activity {
    options: fn(RetryPolicy, &'static str) -> ActivityOptions,
    summary: &'static str,
}

async fn write_with<W, P>(
    ctx: &WorkflowContext<W>,
    port: P,
    input: P::Input,
    activity: Activity,
    alarm: impl Fn(Alarm),
) -> Result<P::Output, WorkflowTermination>
where
    W: CallsForHelp,
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    let Activity { options: options_of, summary } = activity;
    let patiently = RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .maximum_interval(LONGEST_WRITE_PAUSE)
        .maximum_attempts(ATTEMPTS_BEFORE_ALARM)
        .non_retryable_error_types(PERMANENT_FAILURES.map(OurCode::as_str));
    let options = options_of(patiently.build(), summary);
    let failure = match readable(ctx.execute_activity(port, input.clone(), options).await) {
        Ok(output) => return Ok(output),
        Err(error) => failure_of(&error),
    };
    let [first, longest] = ALARMED_PAUSES;
    alarm(Alarm::Raised);
    let (step, facts) = (port.name().to_owned(), input.facts());
    let letter_id = dead_letter::write(ctx, FailedStep { step, failure, input: facts, awaits: Awaits::Mending }).await;
    let slowly = RetryPolicy::builder().initial_interval(first).maximum_interval(longest);
    let options = options_of(slowly.build(), "a write does not succeed: a person is needed");
    let output = readable(ctx.execute_activity(port, input, options).await)?;
    dead_letter::close(ctx, letter_id).await;
    alarm(Alarm::Over);
    Ok(output)
}

/// Why a write did not succeed, in the words of the activities.
fn failure_of(error: &ActivityExecutionError) -> Failure {
    match error.cause() {
        Some(IncomingError::Application(told)) => {
            let code = told.type_name().map_or(OurCode::WriteFailed.into(), FailureCode::from);
            Failure::new(code, told.source_error().to_string())
        }
        _ => Failure::new(OurCode::WriteFailed, "the write did not return in time"),
    }
}
