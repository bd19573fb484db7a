//! How spans leave: without what they need not say, by our own HTTP client.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use opentelemetry::{KeyValue, trace::Status};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanEvents, SpanExporter},
};
use tokio::runtime::Handle;

/// All that a span may say: names of ours, ids, statuses and codes.
const TOLD: [&str; 13] = [
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "error.type",
    "request.id",
    "payment.id",
    "toss.operation",
    "temporalWorkflowID",
    "temporalRunID",
    "temporalActivityID",
    "temporalActivityType",
    "temporalUpdateID",
    "activity.attempt",
];
/// How long a collector may take.
const SEND_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a collector's answer that are read.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// Exports spans without what they need not say. The SDK puts the text of an error into a span, and that may quote
/// anything; the log has it, where we wrote it.
#[derive(Debug)]
pub(super) struct Discreet<E>(pub(super) E);

impl<E: SpanExporter> SpanExporter for Discreet<E> {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.export(batch.into_iter().map(discreet).collect())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn discreet(mut span: SpanData) -> SpanData {
    span.attributes.retain(|KeyValue { key, .. }| TOLD.contains(&key.as_str()));
    span.events = SpanEvents::default();
    if let Status::Error { .. } = span.status {
        span.status = Status::error("");
    }
    span
}

/// Sends by our HTTP client, which has the one TLS provider of the process. The exporter calls from a thread of its
/// own, so the request runs on our runtime.
#[derive(Debug)]
pub(super) struct Sender {
    runtime: Handle,
    http: reqwest::Client,
}

impl Sender {
    pub(super) fn try_new(runtime: Handle) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(SEND_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("could not set up the HTTP client that sends traces")?;
        Ok(Self { runtime, http })
    }
}

// The trait is declared with `async_trait`; this is what that expands to.
impl HttpClient for Sender {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> BoxFuture<'b, Result<Response<Bytes>, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        let sent = self.runtime.spawn(send(self.http.clone(), request));
        Box::pin(async move { sent.await? })
    }
}

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = http.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT_BYTES {
            return Err("the collector's answer is too long".into());
        }
    }
    Ok(Response::builder().status(answer.status()).body(body.into())?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Memory(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Memory {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    #[test]
    fn a_span_says_only_what_it_may() {
        let memory = Memory::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(Discreet(memory.clone())).build();
        let mut span = provider.tracer("test").start("RunActivity:psp.confirm");
        span.set_attribute(KeyValue::new("temporalWorkflowID", "w"));
        span.set_attribute(KeyValue::new("paid.by", "Hong"));
        span.add_event("exception", vec![KeyValue::new("exception.message", "Hong")]);
        span.set_status(Status::error("Hong"));
        span.end();
        let spans = memory.0.lock().unwrap();
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].attributes, [KeyValue::new("temporalWorkflowID", "w")]);
        assert_eq!((spans[0].events.len(), &spans[0].status), (0, &Status::error("")));
    }
}
