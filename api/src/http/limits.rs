//! How much may come in: for each address, for each API key, and at once.
//!
//! An address is counted before anything is done for it, a key after it is proved to be one: whoever knows only the
//! public name of a key cannot use up its requests. Failed authentications have a quota of their own, and a key
//! that is valid passes whatever came from its address before: a shop with one worker of an outdated key goes on
//! selling with the others. What is too much is refused at once and never queued.
//!
//! A request takes a place among those that are worked on only when its key is proved and its body is here. Callers
//! with a key, callers without one and the PSP's webhooks have places of their own, so none of them can shut out
//! another; and one address has only so many open requests without a key.

mod bucket;
mod client;
mod connection_use;
mod slots;

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

use crate::http::{
    body,
    key_use::Uses,
    lifecycle::Lifecycle,
    marks::Introduced,
    problem::{Code, Problem},
    values::whole_seconds,
};
pub use bucket::Rate;
use bucket::{Buckets, Left};
pub use client::{Network, NetworkError, Peer};
pub(crate) use client::{is_one_of, origin, was_forwarded};
pub use connection_use::ConnectionUse;
use slots::{Class, OpenRequests, Slots};

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
/// Whether the process is alive.
const LIVENESS: &str = "/healthz";
/// Whether the process can take work.
const READINESS: &str = "/readyz";
/// Probes from one address. They have a quota of their own, so that a busy address is still watched.
const PROBES: Rate = Rate { quota: 100, window: Duration::from_secs(10) };
/// What is served in any crowd, and counted.
const METRICS: &str = "/metrics";
/// Where the PSP's webhooks come in.
const WEBHOOKS: [&str; 2] = ["/v1/webhooks/toss", "/payments/webhook"];
/// When an address with too many open requests may send another one.
const OPEN_REQUESTS_WAIT: Duration = Duration::from_secs(1);
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
    /// Confirmations of one checkout by a caller who proves to be its buyer.
    pub confirmations_per_checkout: Rate,
    /// Requests at once of callers with a valid API key. Callers without one have half as many places beside them, the
    /// PSP's webhooks a tenth.
    pub concurrent: usize,
    /// Open requests of one address at once, without a valid API key.
    pub open_per_address: usize,
    /// Connections at once. The server that accepts them holds to it, and to the next.
    pub connections: usize,
    /// Connections of one address at once.
    pub connections_per_address: usize,
    /// How long an answer may take.
    pub deadline: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// From where the PSP sends its webhooks.
    pub webhook_senders: Vec<Network>,
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
            open_per_address: 200,
            connections: 4_000,
            connections_per_address: 500,
            deadline: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            webhook_senders: Vec::new(),
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
    probes: Buckets<IpAddr>,
    confirmations: Buckets<IpAddr>,
    confirmed: Buckets<CheckoutId>,
    slots: Slots,
    open: Arc<OpenRequests>,
    uses: Uses,
}

/// One request at the gate: where it comes from, and what it was counted as.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    gate: Arc<Gate>,
    client: IpAddr,
    /// Where the request comes from, as an address and not as a customer's network.
    origin: IpAddr,
    connection: ConnectionUse,
    counted: Arc<Mutex<Vec<(&'static str, Left)>>>,
}

/// A request that may be worked on, with what it takes up meanwhile.
struct Admitted {
    request: Request,
    open: Option<slots::OpenRequest>,
    slot: Option<tokio::sync::OwnedSemaphorePermit>,
    served: connection_use::Served,
}

impl Gate {
    /// With nothing counted yet.
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            keys: Buckets::new(limits.per_key, MAX_KEYS),
            addresses: Buckets::new(limits.per_address, MAX_ADDRESSES),
            failures: Buckets::new(limits.failed_authentications, MAX_ADDRESSES),
            probes: Buckets::new(PROBES, MAX_ADDRESSES),
            confirmations: Buckets::new(limits.confirmations_per_address, MAX_ADDRESSES),
            confirmed: Buckets::new(limits.confirmations_per_checkout, MAX_CHECKOUTS),
            slots: Slots::new(limits.concurrent),
            open: OpenRequests::new(limits.open_per_address),
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

    /// Counts a request of a key that is proved, whose connection stays whatever else comes in.
    pub(crate) fn count_key(&self, key: &ApiKeyId) -> Result<(), Problem> {
        self.connection.prove();
        self.count("key", self.gate.keys.take(key.clone(), self.gate.began.elapsed()))
    }

    /// Counts a confirmation by the buyer of a checkout, who has proved to be it: for the checkout, and for the
    /// address.
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

/// Lets a request in, or refuses it; and bounds the time until its answer.
pub(crate) async fn guard(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let trusted = &gate.limits.trusted_proxies;
    let visit = Visit {
        client: client::address(&request, trusted),
        origin: origin(&request, trusted),
        connection: request.extensions().get::<ConnectionUse>().cloned().unwrap_or_default(),
        counted: Arc::default(),
        gate: Arc::clone(&gate),
    };
    request.extensions_mut().insert(visit.clone());
    let lifecycle = Lifecycle::of(request.extensions());
    let mut response = match visit.examine(&request, &lifecycle) {
        Ok(()) => tokio::select! {
            answered = tokio::time::timeout(gate.limits.deadline, next.run(request)) => {
                answered.unwrap_or_else(|_| given_up("The same request may be sent again."))
            }
            () = lifecycle.ending.cancelled() => given_up("The server stops. The same request may be sent again."),
        },
        Err(problem) => problem.into_response(),
    };
    visit.write_headers(response.headers_mut());
    response
}

fn given_up(detail: &'static str) -> Response {
    Problem::new(Code::DeadlineExceeded, detail).into_response()
}

/// Has a request wait for its body and then for nothing: it gets a place at once, or is refused.
pub(crate) async fn admit(request: Request, next: Next) -> Response {
    let Some(visit) = request.extensions().get::<Visit>().cloned() else { return next.run(request).await };
    if is_probe(&request) {
        return next.run(request).await;
    }
    match visit.admit(request).await {
        Ok(Admitted { request, open, slot, served }) => {
            let response = next.run(request).await;
            drop((open, slot, served));
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Whether somebody asks how the process is.
pub(crate) fn is_probe(request: &Request) -> bool {
    [LIVENESS, READINESS].contains(&request.uri().path())
}

impl Visit {
    /// Refuses what is known to be too much before anything is done for it.
    fn examine(&self, request: &Request, lifecycle: &Lifecycle) -> Result<(), Problem> {
        let gate = &self.gate;
        let now = gate.began.elapsed();
        if is_probe(request) {
            self.count("probe", gate.probes.take(self.client, now))?;
            if request.uri().path() == READINESS && lifecycle.stopping.is_cancelled() {
                return Err(Problem::new(
                    Code::NotReady,
                    "The process was told to stop, and finishes what it has begun.",
                ));
            }
            return Ok(());
        }
        self.count("address", gate.addresses.take(self.client, now))?;
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
        Ok(())
    }

    async fn admit(&self, request: Request) -> Result<Admitted, Problem> {
        let gate = &self.gate;
        let class = self.class(&request);
        let open = match class {
            Class::Keyed | Class::Psp => None,
            Class::Anonymous => {
                let entered = gate.open.enter(self.client);
                Some(entered.ok_or_else(|| Problem::rate_limited(OPEN_REQUESTS_WAIT))?)
            }
        };
        let request = body::buffered(request).await?;
        let overloaded = || Problem::new(Code::Overloaded, "Send the same request again in a moment.");
        let slot = match request.uri().path() {
            METRICS => None,
            _ => Some(gate.slots.take(class).ok_or_else(overloaded)?),
        };
        Ok(Admitted { request, open, slot, served: self.connection.serve() })
    }

    fn class(&self, request: &Request) -> Class {
        if request.extensions().get().is_some_and(Introduced::is_proved) {
            return Class::Keyed;
        }
        let is_webhook = WEBHOOKS.contains(&request.uri().path());
        if is_webhook && is_one_of(self.origin, &self.gate.limits.webhook_senders) {
            Class::Psp
        } else {
            Class::Anonymous
        }
    }
}

#[cfg(test)]
mod tests;
