//! What Prometheus reads at `GET /metrics`.
//!
//! They need a key of scope `ops`, except from an address that the settings name. A request that a proxy passed on
//! needs one always, and so does every request of a trusted proxy: not all proxies say whom they speak for, and behind
//! such a one everybody seems to be near. What the database knows is counted when it is asked for, at most every few
//! seconds.

mod money;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{FromRequestParts as _, MatchedPath, Request, State},
    http::{Method, request::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{checkout::Status, dead_letter::LetterStatus, refund::RefundStatus};
use store::{Counts, EventFigures, Watch};

use service::{
    now,
    readiness::{Polled, Readiness, Seals, State as ReadinessState, Writable},
};

use crate::{
    Api,
    http::{
        caller::OpsCaller,
        exposition::Exposition,
        limits::{Network, Peer, is_one_of, was_forwarded},
        problem::{self, Code, Problem},
    },
    openapi::refusals::refusals,
    routes::health,
};

/// The upper ends of the buckets of request times, in milliseconds.
const BUCKETS_MS: [u64; 12] = [2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
/// How long the database may take to count: Prometheus waits ten seconds for all of it, and readiness has its own time.
const COUNT_TIME: Duration = Duration::from_secs(2);
/// For how long a count from the database is shown again.
const COUNT_AGE: Duration = Duration::from_secs(5);

refusals! { MetricsRefusals: DatabaseUnavailable, Forbidden, Unauthorized; }

/// Writes what alerts on readiness are made of.
async fn write_readiness(readiness: &Readiness, text: &mut Exposition) {
    if let Some(state) = readiness.state().await {
        write_state(&state, text);
    }
    let readings: Vec<_> = readiness.watches().iter().map(Watch::read).collect();
    text.begin("daegeum_watch_waiting_seconds", "gauge", "How long the oldest work of a watched task waits.");
    for reading in &readings {
        let labels = [("watch", reading.name)];
        text.value("daegeum_watch_waiting_seconds", &labels, reading.waiting.as_secs());
    }
    text.begin("daegeum_watch_idle_seconds", "gauge", "How long ago a watched task last got on.");
    for reading in &readings {
        text.value("daegeum_watch_idle_seconds", &[("watch", reading.name)], reading.since_progress.as_secs());
    }
    text.begin("daegeum_watch_stuck", "gauge", "Whether a watched task stands still.");
    for reading in &readings {
        text.value("daegeum_watch_stuck", &[("watch", reading.name)], u8::from(reading.is_stuck));
    }
}

/// Writes which program this is.
fn write_build(text: &mut Exposition) {
    const BUILD: &str = "daegeum_build_info";
    text.begin(BUILD, "gauge", "The version of this process; the value is always 1.");
    text.value(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1);
}

fn write_state(state: &ReadinessState, text: &mut Exposition) {
    let gauges = [
        ("daegeum_database_writable", "Whether the database takes a write.", state.database != Writable::No),
        (
            "daegeum_clock_agrees",
            "Whether the clock of this machine agrees with the database's.",
            !matches!(state.database, Writable::ClockOff(_)),
        ),
        ("daegeum_temporal_reachable", "Whether Temporal answers.", state.temporal != Polled::Unknown),
    ];
    for (name, help, is_so) in gauges {
        text.begin(name, "gauge", help);
        text.value(name, &[], u8::from(is_so));
    }
    if let Polled::By(workers) = state.temporal {
        text.begin("daegeum_workers_polling", "gauge", "How many workers poll the task queue.");
        text.value("daegeum_workers_polling", &[], workers);
    }
    if let Some(seals) = &state.seals {
        let help = "Whether every worker that polls has the encryption key that seals here.";
        text.begin("daegeum_workers_open_seals", "gauge", help);
        text.value("daegeum_workers_open_seals", &[], u8::from(*seals == Seals::OpenedByAll));
    }
}

/// Adds what other rooms count.
pub type MoreMetrics = Arc<dyn Fn(&mut Exposition) + Send + Sync>;

/// What was counted in this process.
#[derive(Clone)]
pub struct Metrics(Arc<RequestCounts>);

struct RequestCounts {
    /// By route, method and status.
    requests: Mutex<BTreeMap<(String, Method, u16), Times>>,
    kept: tokio::sync::Mutex<Option<Kept>>,
    more: MoreMetrics,
}

/// What the database counted, and when.
struct Kept {
    counted: Instant,
    counts: Counts,
}

/// How long requests took.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    in_bucket: [u64; BUCKETS_MS.len()],
    requests: u64,
    spent: Duration,
}

impl Metrics {
    /// Nothing is counted yet; `more` is asked at each reading.
    pub fn new(more: MoreMetrics) -> Self {
        Self(Arc::new(RequestCounts { requests: Mutex::default(), kept: tokio::sync::Mutex::default(), more }))
    }

    fn count(&self, key: (String, Method, u16), took: Duration) {
        let mut requests = self.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let times = requests.entry(key).or_default();
        times.requests += 1;
        times.spent += took;
        if let Some(bucket) = BUCKETS_MS.iter().position(|end_ms| took <= Duration::from_millis(*end_ms)) {
            times.in_bucket[bucket] += 1;
        }
    }

    /// What the database counts.
    async fn counts(&self, api: &Api) -> Result<Counts, Problem> {
        let mut kept = self.0.kept.lock().await;
        match &*kept {
            Some(kept) if kept.counted.elapsed() < COUNT_AGE => Ok(kept.counts.clone()),
            Some(_) | None => {
                let counts = api.service.reader.counts().await?;
                *kept = Some(Kept { counted: Instant::now(), counts: counts.clone() });
                Ok(counts)
            }
        }
    }

    fn write_requests(&self, text: &mut Exposition) {
        const NAME: &str = "daegeum_http_request_duration_seconds";
        text.begin(NAME, "histogram", "How long requests took, by route, method and status.");
        for ((route, method, status), times) in &*self.0.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            let status = status.to_string();
            let labels = [("route", route.as_str()), ("method", method.as_str()), ("status", status.as_str())];
            text.histogram(NAME, &labels, BUCKETS_MS.iter().zip(&times.in_bucket), (times.requests, times.spent));
        }
    }
}

/// Numbers for Prometheus
///
/// In its text format. It needs a key of scope `ops`, unless it is asked from an address that the setting
/// `metrics_from` names and no proxy stands between.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "read_metrics",
    tag = "Service",
    security(("bearer" = ["ops"])),
    responses((status = 200, description = "The numbers", body = String, content_type = "text/plain"), MetricsRefusals)
)]
pub(crate) async fn show(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    if !is_near(&parts, &api) {
        OpsCaller::from_request_parts(&mut parts, &api).await?;
    }
    let mut text = Exposition::default();
    // These numbers wake a person, who needs the other numbers most while the database is away or locked.
    if let Ok(Ok(counts)) = tokio::time::timeout(COUNT_TIME, api.metrics.counts(&api)).await {
        write_counts(&counts, &mut text);
    }
    write_build(&mut text);
    write_readiness(&api.service.readiness, &mut text).await;
    let pools = [("writing", api.service.journal.pool_use()), ("reading", api.service.reader.pool_use())];
    money::write_pools(&pools, &mut text);
    api.metrics.write_requests(&mut text);
    (api.metrics.0.more)(&mut text);
    Ok(text.into_response())
}

fn write_counts(counts: &Counts, text: &mut Exposition) {
    text.begin("daegeum_checkouts", "gauge", "How many checkouts stand at each status.");
    text.by_status("daegeum_checkouts", &Status::ALL, Status::as_str, &counts.checkouts);
    text.begin("daegeum_refunds", "gauge", "How many refunds stand at each status.");
    text.by_status("daegeum_refunds", &RefundStatus::ALL, RefundStatus::as_str, &counts.refunds);
    text.begin("daegeum_dead_letters", "gauge", "How many dead letters stand at each status.");
    text.by_status("daegeum_dead_letters", &LetterStatus::ALL, LetterStatus::as_str, &counts.letters);
    text.begin(
        "daegeum_oldest_checkout_seconds",
        "gauge",
        "How long the checkout that has stood longest has stood at each of these statuses; 0 where none does.",
    );
    text.ages("daegeum_oldest_checkout_seconds", &store::WATCHED, Status::as_str, &counts.oldest_checkouts);
    text.begin(
        "daegeum_oldest_refund_seconds",
        "gauge",
        "How long the refund that has stood longest has stood at each of these statuses; 0 where none does.",
    );
    text.ages("daegeum_oldest_refund_seconds", &store::WATCHED_REFUNDS, RefundStatus::as_str, &counts.oldest_refunds);
    text.begin("daegeum_declined_payments", "gauge", "How many payments were declined.");
    text.value("daegeum_declined_payments", &[], counts.declined);
    write_events(&counts.events, text);
    money::write(&counts.money, text);
}

fn write_events(events: &EventFigures, text: &mut Exposition) {
    let oldest = events.unsequenced.oldest.map_or(0, |since| now().ms_since(since) / 1_000);
    let gauges = [
        ("daegeum_events_unsequenced", "How many events have no position yet.", events.unsequenced.facts),
        ("daegeum_events_unsequenced_oldest_seconds", "How long the oldest event without a position waits.", oldest),
        ("daegeum_events_last_position", "The last position of the event log.", events.last_position),
        ("daegeum_events_oldest_position", "The oldest position of the event log that is kept.", events.floor),
        (
            "daegeum_event_cursors_passed",
            "How many cursors have not read what was removed from the event log.",
            events.passed_cursors,
        ),
        (
            "daegeum_event_cursor_lag_max",
            "How many positions the slowest cursor lies behind the end of the event log.",
            events.slowest_cursor_lag,
        ),
    ];
    for (name, help, value) in gauges {
        text.begin(name, "gauge", help);
        text.value(name, &[], value);
    }
}

/// Serves `GET /metrics` with what one process counts, for a process that has no API: to whoever asks from these
/// networks, and to nobody else. `GET /healthz` and `GET /readyz` answer everybody.
pub fn metrics_router(from: Vec<Network>, more: MoreMetrics, readiness: Readiness) -> Router {
    let known = readiness.clone();
    let show = move |request: Request| async move {
        let peer = request.extensions().get::<Peer>();
        if !peer.is_some_and(|peer| is_one_of(peer.0.ip(), &from)) {
            return Problem::new(Code::Forbidden, "The setting `metrics_from` does not name this address.")
                .into_response();
        }
        let mut text = Exposition::default();
        write_build(&mut text);
        write_readiness(&known, &mut text).await;
        money::write_pools(&[("writing", known.pool_use())], &mut text);
        more(&mut text);
        text.into_response()
    };
    Router::new()
        .route("/metrics", get(show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::worker_ready))
        .with_state(readiness)
        .fallback(problem::no_such_route)
        .layer(from_fn(problem::render))
}

fn is_near(parts: &Parts, api: &Api) -> bool {
    let Some(Peer(peer)) = parts.extensions.get::<Peer>() else { return false };
    let settings = &api.settings;
    let is_proxy = is_one_of(peer.ip(), &settings.limits.trusted_proxies);
    is_one_of(peer.ip(), &settings.metrics_from) && !is_proxy && !was_forwarded(&parts.headers)
}

/// Counts a request.
pub(crate) async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let response = next.run(request).await;
    metrics.count((route, method, response.status().as_u16()), began.elapsed());
    response
}

/// Unknown methods are counted as `OPTIONS`, to bound the number of labels.
fn known(method: &Method) -> Method {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    known.into_iter().find(|known| known == method).unwrap_or(Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_buckets_that_add_up() {
        let metrics = Metrics::new(Arc::new(|_| {}));
        for ms in [1, 30, 40, 60_000] {
            metrics.count(("/v1/payments".to_owned(), Method::GET, 200), Duration::from_millis(ms));
        }
        let mut text = Exposition::default();
        metrics.write_requests(&mut text);
        let line =
            |what: &str| text.as_str().lines().find(|line| line.contains(what)).unwrap().rsplit_once(' ').unwrap().1;
        assert_eq!((line("le=\"0.025\""), line("le=\"0.05\""), line("le=\"10\"")), ("1", "3", "3"));
        assert_eq!((line("le=\"+Inf\""), line("_count"), line("_sum")), ("4", "4", "60.071"));
    }

    #[test]
    fn a_method_that_somebody_made_up_makes_no_label() {
        assert_eq!(known(&Method::from_bytes(b"X-1").unwrap()), Method::OPTIONS);
        assert_eq!(known(&Method::DELETE), Method::DELETE);
    }
}
