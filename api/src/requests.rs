//! What happens around every request: an id, one line in the log, headers that no route may forget.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

use crate::problem::Problem;

/// Names a request in the log, in the answer and, if the caller sent one, in the caller's log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The name of a request, for whoever is inside of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// The most characters of a request id that is taken over from the caller.
const MAX_REQUEST_ID_CHARS: usize = 64;

/// Gives the request an id, logs one line about it and finishes the answer's headers. No body and no query
/// is logged: either may hold what must not be read in a log.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request.headers().get(&REQUEST_ID).and_then(taken_over).unwrap_or_else(mint);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;

    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let request_id = id.to_str().unwrap_or_default();
    match response.extensions().get::<Problem>().and_then(Problem::cause) {
        Some(cause) => tracing::error!(%method, route, status, duration_ms, request_id, cause, "{method} {route}"),
        None => tracing::info!(%method, route, status, duration_ms, request_id, "{method} {route}"),
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn taken_over(id: &HeaderValue) -> Option<HeaderValue> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=MAX_REQUEST_ID_CHARS).contains(&id.len()).then_some(())?;
    id.as_bytes().iter().all(plain).then(|| id.clone())
}

fn mint() -> HeaderValue {
    HeaderValue::try_from(Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_taken_over_only_when_it_is_harmless() {
        let taken = |text: &str| taken_over(&HeaderValue::from_str(text).unwrap()).is_some();
        assert!(taken("req-1.A_b"));
        assert!(!taken(""));
        assert!(!taken("a b"));
        assert!(!taken("a=\"b\""));
        assert!(!taken(&"a".repeat(65)));
    }
}
