//! The span of a request, in the trace that its sender names, if any. Source: W3C Trace Context.
//!
//! Without a tracer provider in the process, a span records nothing and has no id.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use opentelemetry::{
    Context, KeyValue, global,
    propagation::Extractor,
    trace::{SpanKind, Status, TraceContextExt as _, Tracer as _},
};

/// Answers in which trace a request was followed. Source: W3C Trace Context Level 2, a draft.
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// The most bytes of a `tracestate` that are passed on; a longer one is dropped. Source: W3C Trace Context, 3.3.1.5.
const MAX_TRACE_STATE_BYTES: usize = 512;

const SCOPE: &str = "daegeum-api";
/// Source: OpenTelemetry's semantic conventions for HTTP, like the next two.
const METHOD: &str = "http.request.method";
const ROUTE: &str = "http.route";
const STATUS: &str = "http.response.status_code";
/// The id by which the log names the request.
const REQUEST_ID: &str = "request.id";
/// The checkout or the order that the request is about.
const OBJECT: &str = "payment.id";

/// A request that is being followed.
pub(crate) struct Followed(Context);

impl Followed {
    /// Begins the span of a request. It says which route was asked for and never the path or the query.
    pub(crate) fn begin(request: &Request, route: &str, request_id: &HeaderValue) -> Self {
        let parent = global::get_text_map_propagator(|w3c| {
            w3c.extract_with_context(&Context::new(), &Headers(request.headers()))
        });
        let tracer = global::tracer(SCOPE);
        let span = tracer
            .span_builder(format!("{} {route}", request.method()))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new(METHOD, request.method().to_string()),
                KeyValue::new(ROUTE, route.to_owned()),
                KeyValue::new(REQUEST_ID, request_id.to_str().unwrap_or_default().to_owned()),
            ])
            .start_with_context(&tracer, &parent);
        Self(parent.with_span(span))
    }

    /// In which everything that the request causes happens.
    pub(crate) fn context(&self) -> Context {
        self.0.clone()
    }

    /// The id of the trace, if the request is in one.
    pub(crate) fn trace_id(&self) -> Option<String> {
        let span = self.0.span();
        let context = span.span_context();
        context.is_valid().then(|| context.trace_id().to_string())
    }

    /// Ends the span, and tells the sender its name.
    pub(crate) fn end(&self, response: &mut Response, object: Option<&str>) {
        let span = self.0.span();
        let status = response.status();
        span.set_attribute(KeyValue::new(STATUS, i64::from(status.as_u16())));
        if let Some(object) = object {
            span.set_attribute(KeyValue::new(OBJECT, object.to_owned()));
        }
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
        let name = span.span_context();
        if name.is_valid() {
            let flags = name.trace_flags().to_u8();
            let told = format!("00-{}-{}-{flags:02x}", name.trace_id(), name.span_id());
            if let Ok(told) = HeaderValue::try_from(told) {
                response.headers_mut().insert(TRACE_RESPONSE, told);
            }
        }
        span.end();
    }
}

/// The headers that name a trace. No other is read: `baggage` may hold anything, and what is passed on reaches
/// workflow histories.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.to_str().ok()?;
        match key {
            "traceparent" => Some(value),
            "tracestate" => Some(value).filter(|value| value.len() <= MAX_TRACE_STATE_BYTES),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_trace_is_read() {
        let long = "a=".to_owned() + &"b".repeat(MAX_TRACE_STATE_BYTES);
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static("00-1-2-01"));
        headers.insert("baggage", HeaderValue::from_static("name=Hong"));
        headers.insert("tracestate", HeaderValue::from_static("a=b"));
        assert_eq!(Headers(&headers).get("traceparent"), Some("00-1-2-01"));
        assert_eq!(Headers(&headers).get("tracestate"), Some("a=b"));
        assert_eq!(Headers(&headers).get("baggage"), None);
        headers.insert("tracestate", HeaderValue::try_from(long).unwrap());
        assert_eq!(Headers(&headers).get("tracestate"), None);
    }

    #[test]
    fn nothing_is_followed_without_a_tracer() {
        let request = Request::new(axum::body::Body::empty());
        let followed = Followed::begin(&request, "/v1/payments", &HeaderValue::from_static("r"));
        let mut response = Response::new(axum::body::Body::empty());
        followed.end(&mut response, Some("checkout-1"));
        assert_eq!(followed.trace_id(), None);
        assert!(response.headers().is_empty());
    }
}
