//! A span around each call, for whoever traces: which operation, which status, which code. Nothing of what was sent or
//! answered is in it, and no context is sent along: Toss is another company.
//!
//! Without a tracer provider in the process, a span records nothing.

use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};

use crate::codes::Operation;
use crate::error::Error;

const SCOPE: &str = "toss";
const OPERATION: &str = "toss.operation";
/// Source: OpenTelemetry's semantic conventions for HTTP, like the next.
const STATUS: &str = "http.response.status_code";
const ERROR_TYPE: &str = "error.type";

/// Makes the call inside a span of its own.
pub(crate) async fn around<T>(operation: Operation, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let tracer = global::tracer(SCOPE);
    let span = tracer
        .span_builder(format!("toss {}", operation.name()))
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new(OPERATION, operation.name())])
        .start(&tracer);
    let context = Context::current_with_span(span);
    let outcome = call.with_context(context.clone()).await;
    let span = context.span();
    if let Err(error) = &outcome {
        span.set_attribute(KeyValue::new(ERROR_TYPE, error_type(error)));
        span.set_status(Status::error(""));
    }
    span.end();
    outcome
}

/// Notes the status of the answer in the span of the call under way.
pub(crate) fn answered(status: u16) {
    Context::map_current(|context| context.span().set_attribute(KeyValue::new(STATUS, i64::from(status))));
}

fn error_type(error: &Error) -> String {
    match error {
        Error::Refused { code, .. } => code.clone(),
        Error::NotSent { .. } => "not_sent".to_owned(),
        Error::NoAnswer { .. } => "no_answer".to_owned(),
        Error::Unreadable { .. } => "unreadable".to_owned(),
        Error::Limit(_) => "limit".to_owned(),
    }
}
