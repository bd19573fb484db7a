//! One line in the log for each attempt at an activity, and a failure told once: here, where it is handed to Temporal.

use std::{error::Error, sync::Arc, time::Instant};

use opentelemetry::{Context, KeyValue, trace::TraceContextExt as _};
use temporalio_sdk::{
    SimplePlugin,
    activities::{ActivityError, ActivityInfo},
    interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next},
};

/// What a worker needs to log what came of each attempt.
pub(crate) fn plugin() -> SimplePlugin {
    let attempts: Arc<dyn ActivityInboundInterceptor> = Arc::new(Attempts);
    SimplePlugin::builder("attempts").activity_inbound_interceptors(vec![attempts]).build()
}

struct Attempts;

impl ActivityInboundInterceptor for Attempts {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        Box::pin(async move {
            // Not before: the span of the attempt is entered when this is polled.
            let attempt = Attempt::of(input.activity_info());
            let outcome = next.run(input).await;
            attempt.log(outcome.as_ref().err());
            outcome
        })
    }
}

/// An attempt under way. Inputs and results are not logged: they may hold what must not be read in a log.
struct Attempt {
    began: Instant,
    step: String,
    attempt: u32,
    workflow_id: String,
    trace_id: Option<String>,
}

impl Attempt {
    fn of(info: &ActivityInfo) -> Self {
        Context::map_current(|context| {
            let span = context.span();
            span.set_attribute(KeyValue::new("activity.attempt", i64::from(info.attempt)));
            let context = span.span_context();
            Self {
                began: Instant::now(),
                step: info.activity_type.clone(),
                attempt: info.attempt,
                workflow_id: info.workflow_id.clone().unwrap_or_default(),
                trace_id: context.is_valid().then(|| context.trace_id().to_string()),
            }
        })
    }

    fn log(&self, failed: Option<&ActivityError>) {
        let Self { step, attempt, workflow_id, .. } = self;
        let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let trace_id = self.trace_id.as_deref();
        match failed {
            None => tracing::debug!(
                workflow.id = workflow_id,
                step,
                attempt,
                duration_ms,
                outcome = "done",
                trace_id,
                "{step} of {workflow_id}"
            ),
            Some(ActivityError::Application(failure)) => tracing::warn!(
                workflow.id = workflow_id,
                step,
                attempt,
                duration_ms,
                outcome = failure.type_name().unwrap_or("failed"),
                error = failure.source_error() as &dyn Error,
                trace_id,
                "{step} of {workflow_id}"
            ),
            Some(_) => tracing::info!(
                workflow.id = workflow_id,
                step,
                attempt,
                duration_ms,
                outcome = "canceled",
                trace_id,
                "{step} of {workflow_id}"
            ),
        }
    }
}
