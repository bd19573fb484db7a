//! Traces as a collector receives them: from the request through Temporal to the call to Toss.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    trace::v1::Span,
};
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    secrecy,
    stack::{Dev, Shop, checkout, daegeum, until},
};

/// The trace that the shop has begun when it creates the checkout.
const CREATING: [&str; 2] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
/// The trace in which the buyer's browser confirms it.
const CONFIRMING: [&str; 2] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
/// How long a stack may take to end.
const STOP_TIME: Duration = Duration::from_secs(30);

/// What stands in the spans of a payment, from the call to Toss up to the request.
const UP_FROM_TOSS: [&str; 6] = [
    "toss payment.confirm",
    "RunActivity:psp.confirm",
    "StartActivity:psp.confirm",
    "HandleUpdate:confirm",
    "StartWorkflowUpdate:confirm",
    "POST /v1/payments/{id}/confirm",
];
/// The same from the workflow.
const UP_FROM_WORKFLOW: [&str; 3] = ["RunWorkflow:checkout", "StartWorkflow:checkout", "POST /v1/payments"];

/// Takes spans as a collector does: OTLP over HTTP, in protobuf.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Starts one, and answers where it listens.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let taking = collector.clone();
        let take = move |body: Bytes| async move {
            taking.take(&ExportTraceServiceRequest::decode(body).unwrap());
            ExportTraceServiceResponse::default().encode_to_vec()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, Router::new().route("/v1/traces", post(take))).into_future());
        (collector, address)
    }

    fn take(&self, request: &ExportTraceServiceRequest) {
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans.clone());
        self.0.lock().unwrap().extend(spans);
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().clone()
    }

    /// The spans of that name in a trace.
    fn named(&self, trace: &str, name: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| hex::encode(&span.trace_id) == trace && span.name == name).collect()
    }

    /// Waits for the span at the bottom, and follows its parents up to the one that the sender named.
    async fn follow(&self, [trace, sender]: [&str; 2], upwards: &[&str]) {
        for name in upwards {
            until(&format!("{name} is collected"), || async { !self.named(trace, name).is_empty() }).await;
        }
        let mut span = self.named(trace, upwards[0]).remove(0);
        for name in &upwards[1..] {
            let parents = self.named(trace, name);
            let parent = parents.into_iter().find(|parent| parent.span_id == span.parent_span_id);
            span = parent.unwrap_or_else(|| panic!("{} does not hang from {name}: {:?}", span.name, self.spans()));
        }
        assert_eq!(hex::encode(&span.parent_span_id), sender, "{} hangs from the sender's span", span.name);
    }
}

async fn traced(directory: TempDir, collector: &str) -> Dev {
    let mut command = daegeum();
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector).env("OTEL_BSP_SCHEDULE_DELAY", "100");
    command.arg("--data-dir").arg(directory.path()).args(["--log-format", "json", "dev", "--port", "0"]);
    command.args(["--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
    Dev::start_by(directory, command).await
}

fn traceparent([trace, span]: [&str; 2]) -> String {
    format!("00-{trace}-{span}-01")
}

#[tokio::test]
async fn a_payment_is_followed_from_the_request_to_toss_once() {
    let (collector, address) = Collector::start().await;
    let dev = traced(tempfile::tempdir().unwrap(), &address).await;
    create(&dev.shop, "traced-1").await;
    let recording = "StartActivity:checkout.record";
    until("it is recorded", || async { !collector.named(CREATING[0], recording).is_empty() }).await;

    // Another worker replays what this one has done.
    let Dev { mut process, directory, .. } = dev;
    process.signal(Signal::SIGTERM);
    assert!(process.wait(STOP_TIME));
    drop(process);
    let mut dev = traced(directory, &address).await;
    let key = confirm(&dev.shop, "traced-1").await;
    // The span of a workflow leaves when the workflow closes, where it began: that of the first was lost on the way.
    create(&dev.shop, "traced-2").await;
    let second = confirm(&dev.shop, "traced-2").await;

    collector.follow(CONFIRMING, &UP_FROM_TOSS).await;
    collector.follow(CREATING, &UP_FROM_WORKFLOW).await;
    let log = std::fs::read_to_string(dev.directory.path().join("log")).unwrap();
    dev.process.signal(Signal::SIGTERM);
    assert!(dev.process.wait(STOP_TIME));

    let spans = collector.spans();
    let ids: HashSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    assert_eq!(ids.len(), spans.len(), "a span was sent twice: {spans:?}");
    for step in [recording, "RunActivity:checkout.record"] {
        assert_eq!(collector.named(CREATING[0], step).len(), 2, "{step}, once for each checkout");
    }
    for span in &spans {
        let told = format!("{span:?}");
        secrecy::check("a span", &told);
        for secret in [key.as_str(), &second, &dev.shop.api_key, "buyer-1", "토스 티셔츠"] {
            assert!(!told.contains(secret), "a span tells {secret}: {told}");
        }
    }
    one_line_each(&log);
}

async fn create(shop: &Shop, id: &str) {
    let request = shop.http.post(format!("{}/v1/payments", shop.api)).bearer_auth(&shop.api_key);
    let request = request.header("Idempotency-Key", id).header("traceparent", traceparent(CREATING));
    let created = request.header("baggage", "buyer=buyer-1").json(&checkout(id)).send().await.unwrap();
    assert_eq!(created.status().as_u16(), 201);
}

/// Pays the checkout, and answers the payment key.
async fn confirm(shop: &Shop, id: &str) -> String {
    let key = shop.authorize(id).await;
    let body = json!({ "payment_key": key, "order_id": id, "amount": "23000" });
    let request =
        shop.http.post(format!("{}/v1/payments/{id}/confirm", shop.api)).bearer_auth(&shop.api_key).json(&body);
    let confirmed = request.header("traceparent", traceparent(CONFIRMING)).send().await.unwrap();
    assert_eq!(confirmed.status().as_u16(), 200);
    let told = confirmed.headers()["traceresponse"].to_str().unwrap();
    assert!(told.starts_with(&format!("00-{}-", CONFIRMING[0])) && told.ends_with("-01"), "{told}");
    key
}

/// The log names the same trace, on one line for each request and one for each attempt at an activity.
fn one_line_each(log: &str) {
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let fields = |message: &str, is_wanted: &dyn Fn(&Value) -> bool| {
        let told = lines.iter().map(|line| &line["fields"]);
        let of_message = told.filter(|fields| fields["message"].as_str().is_some_and(|text| text.starts_with(message)));
        let found: Vec<&Value> = of_message.filter(|fields| is_wanted(fields)).collect();
        assert_eq!(found.len(), 1, "{message}: {log}");
        found[0].clone()
    };
    let request = fields("POST /v1/payments/{id}/confirm", &|fields| fields["payment.id"] == "traced-1");
    assert_eq!(request["status"], 200);
    // Once a minute, workflows of schedules are told of, too.
    let told = lines.iter().filter_map(|line| line["fields"]["workflow.id"].as_str());
    let workflows: HashSet<String> = told.filter(|id| id.starts_with("checkout-")).map(str::to_owned).collect();
    assert_eq!(workflows.len(), 2, "{log}");
    for workflow in workflows {
        let attempt = fields("psp.confirm of ", &|fields| fields["workflow.id"] == workflow.as_str());
        assert_eq!((&attempt["attempt"], &attempt["outcome"]), (&json!(1), &json!("done")));
        for line in [&request, &attempt] {
            assert_eq!(line["trace_id"], CONFIRMING[0]);
            assert!(line["duration_ms"].is_u64());
        }
    }
}
