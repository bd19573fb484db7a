//! The gate, with a small router behind it.

use axum::{
    Router,
    body::Body,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::http::problem;

fn limits() -> Limits {
    let window = Duration::from_secs(3600);
    Limits {
        per_address: Rate { quota: 3, window },
        concurrent: 1,
        deadline: Duration::from_millis(20),
        ..Limits::default()
    }
}

fn router(limits: Limits) -> Router {
    let gate = Gate::new(limits);
    Router::new()
        .route("/quick", get(async || "done"))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(3600)).await))
        .route("/body", post(async |body: String| body))
        .route("/healthz", get(async || "alive"))
        .route("/readyz", get(async || "ready"))
        .layer(from_fn(admit))
        .layer(from_fn_with_state(gate, guard))
        .layer(from_fn(problem::render))
}

fn request(path: &str) -> Request {
    Request::builder().uri(path).extension(Peer(([203, 0, 113, 9], 5_000).into())).body(Body::empty()).unwrap()
}

async fn status(router: &Router, request: Request) -> (u16, HeaderMap) {
    let response = router.clone().oneshot(request).await.unwrap();
    (response.status().as_u16(), response.headers().clone())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn an_address_has_a_quota_and_is_told_what_is_left() {
    let router = router(limits());
    let (first, headers) = status(&router, request("/quick")).await;
    assert_eq!((first, text(&headers, "ratelimit-policy")), (200, "\"address\";q=3;w=3600"));
    assert_eq!(headers[RATE_LIMIT], "\"address\";r=2;t=1200");
    for _ in 0..2 {
        assert_eq!(status(&router, request("/quick")).await.0, 200);
    }
    let (refused, headers) = status(&router, request("/quick")).await;
    assert_eq!((refused, text(&headers, "retry-after")), (429, "1200"));
    assert!(headers[RATE_LIMIT].to_str().unwrap().starts_with("\"address\";r=0;"));
    assert_eq!(status(&router, request("/healthz")).await.0, 200, "whoever watches still sees it");
    let mut other = request("/quick");
    other.extensions_mut().insert(Peer(([203, 0, 113, 10], 5_000).into()));
    assert_eq!(status(&router, other).await.0, 200);
}

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_and_not_queued() {
    let defaults = Limits::default();
    let router = router(Limits { concurrent: 1, ..defaults });
    let slow = tokio::spawn({
        let router = router.clone();
        async move { status(&router, request("/slow")).await }
    });
    // The slow one is under way as soon as the runtime has turned to it.
    let refused = loop {
        match status(&router, request("/quick")).await {
            (200, _) => tokio::task::yield_now().await,
            refused => break refused,
        }
    };
    assert_eq!((refused.0, text(&refused.1, "retry-after")), (503, "1"));
    slow.abort();
    let _ = slow.await;
    assert_eq!(status(&router, request("/quick")).await.0, 200, "whoever hangs up makes room");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let (late, headers) = status(&router(limits()), request("/slow")).await;
    assert_eq!((late, text(&headers, "retry-after")), (503, "1"));
}

#[tokio::test]
async fn long_addresses_and_large_headers_are_refused() {
    let router = router(limits());
    let long = format!("/quick?{}", "a".repeat(MAX_ADDRESS_BYTES));
    assert_eq!(status(&router, request(&long)).await.0, 414);
    let mut large = request("/quick");
    large.headers_mut().insert("x-large", "a".repeat(MAX_HEADER_BYTES).parse().unwrap());
    assert_eq!(status(&router, large).await.0, 431);
}

/// A request whose body never comes.
fn without_its_body(from: u8) -> Request {
    let builder = Request::builder().method("POST").uri("/body").extension(Peer(([203, 0, 113, from], 5_000).into()));
    builder.body(Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>())).unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_come_takes_no_place_and_an_address_has_few_of_them() {
    let router = router(Limits { concurrent: 1, open_per_address: 2, ..Limits::default() });
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let router = router.clone();
            tokio::spawn(async move { status(&router, without_its_body(9)).await })
        })
        .collect();
    // Both are under way as soon as the runtime has turned to them.
    let refused = loop {
        match status(&router, request("/quick")).await {
            (200, _) => tokio::task::yield_now().await,
            refused => break refused,
        }
    };
    assert_eq!((refused.0, text(&refused.1, "retry-after")), (429, "1"));
    let mut other = request("/quick");
    other.extensions_mut().insert(Peer(([203, 0, 113, 10], 5_000).into()));
    assert_eq!(status(&router, other).await.0, 200, "no place is taken, and another address has its own");
    for waiting in waiting {
        waiting.abort();
        let _ = waiting.await;
    }
    assert_eq!(status(&router, request("/quick")).await.0, 200);
}

#[tokio::test]
async fn probes_of_an_address_have_a_quota_and_a_process_that_stops_is_not_ready() {
    let router = router(Limits::default());
    let mut statuses = Vec::new();
    for _ in 0..=PROBES.quota {
        statuses.push(status(&router, request("/readyz")).await.0);
    }
    assert_eq!((statuses[0], statuses.last()), (200, Some(&429)));
    assert_eq!(status(&router, request("/quick")).await.0, 200, "other requests are counted apart");
    let probe = |path: &str, stopping: &CancellationToken| {
        let mut probe = request(path);
        probe.extensions_mut().insert(Peer(([203, 0, 113, 10], 5_000).into()));
        probe.extensions_mut().insert(Lifecycle { stopping: stopping.clone(), ..Lifecycle::default() });
        probe
    };
    let stopping = CancellationToken::new();
    assert_eq!(status(&router, probe("/readyz", &stopping)).await.0, 200);
    stopping.cancel();
    assert_eq!(status(&router, probe("/readyz", &stopping)).await.0, 503);
    assert_eq!(status(&router, probe("/healthz", &stopping)).await.0, 200);
    assert_eq!(status(&router, probe("/quick", &stopping)).await.0, 200, "it still serves");
}
