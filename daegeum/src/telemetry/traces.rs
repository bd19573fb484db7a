//! Traces, for who sets where they go: `OTEL_EXPORTER_OTLP_ENDPOINT` and its kin, as OpenTelemetry names them.
//!
//! Without such a setting there is no provider, no interceptor and no cost. With one, a request, what it asks of
//! Temporal, the workflow, its activities and the calls to Toss are one trace.

mod exporter;

use std::{sync::OnceLock, time::Duration};

use anyhow::Context as _;
use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_otlp::WithHttpConfig as _;
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchSpanProcessor, SdkTracerProvider},
};
use temporalio_client::ErasedClientPlugin;
use temporalio_sdk::opentelemetry::{INSTRUMENTATION_SCOPE, OpenTelemetryPlugin, WorkflowIdGenerator};
use tokio::runtime::Handle;

use exporter::{Discreet, Sender};

/// Any of these turns traces on. Source: OpenTelemetry, "OTLP exporter configuration".
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
/// Turns them off all the same when it is `true`. Source: OpenTelemetry, "General SDK configuration".
const DISABLED: &str = "OTEL_SDK_DISABLED";
/// The same when it is `none`.
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// How traces leave: the one protocol that this binary speaks.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"];
const PROTOCOL: &str = "http/protobuf";
/// What we are called when `OTEL_SERVICE_NAME` says nothing.
const SERVICE: &str = "daegeum";
/// How long the last spans may take to leave when the process ends.
const FLUSH_TIME: Duration = Duration::from_secs(2);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Traces, on until they are dropped: then what is left of them is sent.
pub(crate) struct Traces(Option<&'static SdkTracerProvider>);

/// Turns traces on if the environment says where they go.
pub(crate) fn start(runtime: &Handle) -> anyhow::Result<Traces> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_off = set(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || set(EXPORTER).is_some_and(|value| value == "none");
    if is_off || ENDPOINTS.iter().all(|name| set(name).is_none()) {
        return Ok(Traces(None));
    }
    for name in PROTOCOLS {
        let wanted = set(name).unwrap_or_else(|| PROTOCOL.to_owned());
        anyhow::ensure!(wanted == PROTOCOL, "{name} is {wanted}; daegeum sends traces by {PROTOCOL} only");
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(Sender::try_new(runtime.clone())?)
        .build()
        .context("the OTEL_EXPORTER_OTLP_… settings are malformed")?;
    let resource = match set("OTEL_SERVICE_NAME") {
        Some(_) => Resource::builder().build(),
        None => Resource::builder().with_service_name(SERVICE).build(),
    };
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(Discreet(exporter)).build())
        // So that a workflow's spans have the same ids when it is replayed.
        .with_id_generator(WorkflowIdGenerator::default())
        .with_resource(resource)
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(provider.clone());
    Ok(Traces(Some(PROVIDER.get_or_init(|| provider))))
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown_with_timeout(FLUSH_TIME)) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The plugins of a client of Temporal that follow what it asks for, and what the workers made of it do; none while
/// traces are off.
pub(crate) fn plugins() -> Vec<ErasedClientPlugin> {
    let Some(provider) = PROVIDER.get() else { return Vec::new() };
    // The SDK's own, and after it ours, whose calls to the outside are entered first.
    let spans = OpenTelemetryPlugin::builder()
        .tracer(provider.tracer(INSTRUMENTATION_SCOPE))
        // No baggage: it would put what strangers send into histories.
        .propagator(TraceContextPropagator::new())
        .build();
    vec![spans.into(), temporal::causes_plugin().into()]
}
