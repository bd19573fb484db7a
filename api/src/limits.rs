//! How much may come in: for each address, for each API key, and at once.
//!
//! An address is counted before anything is done for it, a key after it is proved to be one: whoever knows only the
//! public name of a key cannot use up its requests. Failed authentications have a quota of their own, and a key
//! that is valid passes whatever came from its address before: a shop with one worker of an outdated key goes on
//! selling with the others. What is too much is refused at once and never queued.

mod bucket;
mod client;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::id::{ApiKeyId, CheckoutId};
use tokio::sync::Semaphore;

use crate::{
    callers::Uses,
    problem::{Code, Problem},
};
pub use bucket::Rate;
use bucket::{Buckets, Left};
pub use client::{Network, NetworkError, Peer};
pub(crate) use client::{origin, was_forwarded};

/// The most addresses that are remembered. Each takes less than 100 bytes.
const MAX_ADDRESSES: usize = 100_000;
/// The most checkouts whose confirmations are remembered.
const MAX_CHECKOUTS: usize = 100_000;
/// The most API keys that are remembered.
const MAX_KEYS: usize = 10_000;
/// The most bytes of a path and its query.
pub(crate) const MAX_ADDRESS_BYTES: usize = 8 * 1024;
/// The most bytes of all headers, names and values.
pub(crate) const MAX_HEADER_BYTES: usize = 16 * 1024;
/// What answers even when nothing else does: whoever watches must see it.
const ALWAYS_SERVED: [&str; 2] = ["/healthz", "/readyz"];
/// What is served in any crowd, and counted.
const METRICS: &str = "/metrics";
/// Says how many requests there may be.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Says how many are left.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How much may come in.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests of one API key.
    pub per_key: Rate,
    /// Requests from one address.
    pub per_address: Rate,
    /// Failed authentications from one address: keys and confirmation tokens that are none.
    pub failed_authentications: Rate,
    /// Confirmations by buyers from one address.
    pub confirmations_per_address: Rate,
    /// Confirmations of one checkout by whoever proves to be its buyer.
    pub confirmations_per_checkout: Rate,
    /// Requests at once.
    pub concurrent: usize,
    /// How long an answer may take.
    pub deadline: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Limits {
    fn default() -> Self {
        let window = Duration::from_secs(10);
        Self {
            per_key: Rate { quota: 2_000, window },
            per_address: Rate { quota: 4_000, window },
            failed_authentications: Rate { quota: 30, window: Duration::from_secs(60) },
            // Many buyers of one mobile network share an address.
            confirmations_per_address: Rate { quota: 600, window: Duration::from_secs(60) },
            confirmations_per_checkout: Rate { quota: 60, window: Duration::from_secs(60) },
            concurrent: 1_000,
            deadline: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
        }
    }
}

/// The counters behind the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: Limits,
    began: Instant,
    keys: Buckets<ApiKeyId>,
    addresses: Buckets<IpAddr>,
    failures: Buckets<IpAddr>,
    confirmations: Buckets<IpAddr>,
    confirmed: Buckets<CheckoutId>,
    free: Semaphore,
    uses: Uses,
}

/// One request at the gate: where it comes from, and what it was counted as.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    gate: Arc<Gate>,
    client: IpAddr,
    counted: Arc<Mutex<Vec<(&'static str, Left)>>>,
}

impl Gate {
    /// With nothing counted yet.
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            keys: Buckets::new(limits.per_key, MAX_KEYS),
            addresses: Buckets::new(limits.per_address, MAX_ADDRESSES),
            failures: Buckets::new(limits.failed_authentications, MAX_ADDRESSES),
            confirmations: Buckets::new(limits.confirmations_per_address, MAX_ADDRESSES),
            confirmed: Buckets::new(limits.confirmations_per_checkout, MAX_CHECKOUTS),
            free: Semaphore::new(limits.concurrent),
            uses: Uses::default(),
            limits,
        })
    }
}

impl Visit {
    /// The visit that a request is.
    pub(crate) fn of(parts: &Parts) -> Option<&Self> {
        parts.extensions.get()
    }

    /// When keys were used.
    pub(crate) fn uses(&self) -> &Uses {
        &self.gate.uses
    }

    /// Counts a request of a key that is proved.
    pub(crate) fn count_key(&self, key: &ApiKeyId) -> Result<(), Problem> {
        self.count("key", self.gate.keys.take(key.clone(), self.gate.began.elapsed()))
    }

    /// Counts a confirmation by the buyer of a checkout, who has proved to be it: for the checkout, and for the address.
    pub(crate) fn count_confirmation(&self, checkout: &CheckoutId) -> Result<(), Problem> {
        let now = self.gate.began.elapsed();
        self.count("checkout", self.gate.confirmed.take(checkout.clone(), now))?;
        self.count("confirmation", self.gate.confirmations.take(self.client, now))
    }

    /// Counts a failed authentication; the refusal that it is answered with.
    pub(crate) fn count_failure(&self, refusal: Problem) -> Problem {
        let left = self.gate.failures.take(self.client, self.gate.began.elapsed());
        self.count("authentication", left).err().unwrap_or(refusal)
    }

    fn count(&self, name: &'static str, left: Left) -> Result<(), Problem> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).push((name, left));
        match left.refused_for {
            None => Ok(()),
            Some(wait) => Err(Problem::rate_limited(wait)),
        }
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let list = |one: fn(&(&'static str, Left)) -> String| counted.iter().map(one).collect::<Vec<_>>().join(", ");
        let policies =
            list(|(name, left)| format!("\"{name}\";q={};w={}", left.rate.quota, left.rate.window.as_secs()));
        let left = list(|(name, left)| format!("\"{name}\";r={};t={}", left.requests, whole_seconds(left.whole_in)));
        for (name, value) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Seconds, rounded up: who waits that long does not come too early.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Lets a request in, or refuses it; and bounds the time it may take.
pub(crate) async fn guard(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    if ALWAYS_SERVED.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let client = client::address(&request, &gate.limits.trusted_proxies);
    let visit = Visit { gate: Arc::clone(&gate), client, counted: Arc::default() };
    request.extensions_mut().insert(visit.clone());
    let mut response = match admit(&visit, &request) {
        Ok(_permit) => match tokio::time::timeout(gate.limits.deadline, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(Code::DeadlineExceeded, "The same request may be sent again.").into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    visit.write_headers(response.headers_mut());
    response
}

fn admit<'g>(visit: &'g Visit, request: &Request) -> Result<Option<tokio::sync::SemaphorePermit<'g>>, Problem> {
    let gate = &visit.gate;
    visit.count("address", gate.addresses.take(visit.client, gate.began.elapsed()))?;
    let address_bytes = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if address_bytes > MAX_ADDRESS_BYTES {
        let detail = format!("Path and query have at most {MAX_ADDRESS_BYTES} bytes.");
        return Err(Problem::new(Code::AddressTooLong, detail));
    }
    let header_bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header_bytes > MAX_HEADER_BYTES {
        let detail = format!("All headers together have at most {MAX_HEADER_BYTES} bytes.");
        return Err(Problem::new(Code::HeadersTooLarge, detail));
    }
    if request.uri().path() == METRICS {
        return Ok(None);
    }
    let permit = gate.free.try_acquire().map(Some);
    permit.map_err(|_| Problem::new(Code::Overloaded, "Send the same request again in a moment."))
}

#[cfg(test)]
mod tests;
