//! Logs one line for each attempt at an activity. A failure is logged once, here, where Temporal receives it.

use std::{error::Error, sync::Arc, time::Instant};

use domain::id::CheckoutId;
use opentelemetry::{Context, KeyValue, trace::TraceContextExt as _};
use temporalio_sdk::{
    SimplePlugin,
    activities::{ActivityError, ActivityInfo},
    interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next},
};
use tracing::{Instrument as _, Span};
use workflows::ports::{
    AssessRisk, CancelCharge, Change, CloseLetter, ConfirmCharge, DepositReturn, DepositSeen, FindCharge, Letter,
    LookUpCharge, NewCheckout, NewRefund, Payment, RecallCheckout, RefundChange, RefundCharge, RefundExecution,
    RefundFailure, RefundPromise, RefundQuestion,
};

/// The plugin of a worker that logs the result of each attempt.
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
            let attempt = Attempt::of(input.activity_info(), checkout_of(&input));
            let outcome = next.run(input).instrument(attempt.span()).await;
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
    checkout_id: Option<CheckoutId>,
    trace_id: Option<String>,
}

impl Attempt {
    fn of(info: &ActivityInfo, checkout_id: Option<CheckoutId>) -> Self {
        Context::map_current(|context| {
            let span = context.span();
            span.set_attribute(KeyValue::new("activity.attempt", i64::from(info.attempt)));
            let context = span.span_context();
            Self {
                began: Instant::now(),
                step: info.activity_type.clone(),
                attempt: info.attempt,
                workflow_id: info.workflow_id.clone().unwrap_or_default(),
                checkout_id,
                trace_id: context.is_valid().then(|| context.trace_id().to_string()),
            }
        })
    }

    /// In which everything happens that the attempt does: what is logged there carries the checkout.
    fn span(&self) -> Span {
        match &self.checkout_id {
            Some(id) => tracing::error_span!("attempt", checkout.id = id.as_str()),
            None => Span::none(),
        }
    }

    fn log(&self, failed: Option<&ActivityError>) {
        let Self { step, attempt, workflow_id, .. } = self;
        let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let trace_id = self.trace_id.as_deref();
        let checkout_id = self.checkout_id.as_ref().map(CheckoutId::as_str);
        match failed {
            None => tracing::debug!(
                workflow.id = workflow_id,
                checkout.id = checkout_id,
                step,
                attempt,
                duration_ms,
                outcome = "done",
                trace_id,
                "{step} of {workflow_id}"
            ),
            Some(ActivityError::Application(failure)) => tracing::warn!(
                workflow.id = workflow_id,
                checkout.id = checkout_id,
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
                checkout.id = checkout_id,
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

/// The checkout that a step is about.
fn checkout_of(input: &ExecuteActivityInput) -> Option<CheckoutId> {
    macro_rules! first_of {
        ($($input:ty: $checkout_id:expr;)+) => {
            $(if let Some(asked) = input.args_ref::<$input>() {
                let checkout_id: fn(&$input) -> &CheckoutId = $checkout_id;
                return Some(checkout_id(asked).clone());
            })+
        };
    }
    first_of! {
        NewCheckout: |asked| asked.plan.checkout_id();
        Change: |asked| &asked.checkout_id;
        Payment: |asked| &asked.change.checkout_id;
        DepositReturn: |asked| &asked.change.checkout_id;
        DepositSeen: |asked| &asked.checkout_id;
        AssessRisk: |asked| asked.plan.checkout_id();
        ConfirmCharge: |asked| &asked.checkout_id;
        LookUpCharge: |asked| &asked.checkout_id;
        FindCharge: |asked| &asked.checkout_id;
        RecallCheckout: |asked| &asked.checkout_id;
        CancelCharge: |asked| &asked.checkout_id;
        NewRefund: |asked| &asked.checkout_id;
        RefundPromise: |asked| &asked.checkout_id;
        RefundChange: |asked| &asked.checkout_id;
        RefundExecution: |asked| &asked.checkout_id;
        RefundFailure: |asked| &asked.checkout_id;
        RefundCharge: |asked| &asked.checkout_id;
        RefundQuestion: |asked| &asked.checkout_id;
    }
    let letter = input.args_ref::<Letter>().and_then(|letter| letter.checkout_id.clone());
    letter.or_else(|| input.args_ref::<CloseLetter>().and_then(|letter| letter.checkout_id.clone()))
}
