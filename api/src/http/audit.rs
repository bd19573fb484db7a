//! The audit log: every change that a key asks for, written down once its answer is known. Readings of personal data
//! are in it too; see [`crate::http::reading`].
//!
//! A change and its line run to their end whether the client waits for the answer or not: the server that accepts
//! connections runs each change as a task of its own, and the line is another one. An answer waits for its line a
//! moment and no longer; the line is tried on, and what cannot be written is logged with everything that it says.
//!
//! It is one layer around all routes. A route that changes something and asks for a key is in it by itself; one
//! that came without a key (a buyer's confirmation, a webhook) is not, for nobody is known to have called it.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, header},
    middleware::Next,
    response::Response,
};
use domain::principal::Principal;
use serde_json::Value;
use store::{Actor, AuditEntry, Journal};
use tokio::{
    sync::Semaphore,
    time::{self, sleep, timeout, timeout_at},
};
use uuid::Uuid;

use service::now;

use crate::{
    Api,
    http::{
        card_numbers,
        lifecycle::Lifecycle,
        limits::origin,
        marks::{Because, RequestId, Signature, Unchanged},
        problem::Problem,
        replay::IDEMPOTENT_REPLAYED,
        values::rfc3339,
    },
};

/// The most bytes of an id that is written down as it came.
const MAX_OBJECT_BYTES: usize = 200;
/// How long an answer waits for its line.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// How long one try to write a line may take.
const TRY_TIME: Duration = Duration::from_secs(15);
/// How long a line is tried.
const LINE_TIME: Duration = Duration::from_secs(120);
/// How long a line is still tried when the process ends.
const LAST_TIME: Duration = Duration::from_millis(300);
/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The most lines that are tried at once. Each takes about a kilobyte.
const MAX_PENDING_LINES: usize = 10_000;

/// Writes the lines of all changes.
#[derive(Debug, Clone)]
pub(crate) struct Auditor {
    api: Arc<Api>,
    pending: Arc<Semaphore>,
}

/// Why a line was not written.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error("too many lines wait for the database already")]
    TooMany,
    #[error("the process ended")]
    Ended,
    #[error("the database took too long")]
    TooSlow(#[source] tokio::time::error::Elapsed),
    #[error("the database refused it")]
    Refused(#[source] store::StoreError),
}

/// Writes down what a key changed. The change itself has happened by then.
pub(crate) async fn record(State(auditor): State<Auditor>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let signature = request.extensions_mut().get_or_insert_default::<Signature>().clone();
    let lifecycle = Lifecycle::of(request.extensions());
    let asked = Asked::of(&request, &auditor.api);
    let response = next.run(request).await;
    let is_change =
        response.extensions().get::<Unchanged>().is_none() && !response.headers().contains_key(&IDEMPOTENT_REPLAYED);
    if let Some(principal) = signature.principal().filter(|_| is_change) {
        let entry = asked.entry(principal, &response);
        let line = lifecycle.tasks.spawn(auditor.write(entry, lifecycle.clone()));
        // Written or not, the answer goes out; the task goes on.
        let _ = timeout(ANSWER_WAIT, line).await;
    }
    response
}

impl Auditor {
    /// With no line waiting.
    pub(crate) fn new(api: &Arc<Api>) -> Self {
        Self { api: Arc::clone(api), pending: Arc::new(Semaphore::new(MAX_PENDING_LINES)) }
    }

    /// Writes a line, or logs it: one of them happens.
    async fn write(self, entry: AuditEntry, lifecycle: Lifecycle) {
        let last_moment = async {
            lifecycle.ending.cancelled().await;
            sleep(LAST_TIME).await;
        };
        let written = match self.pending.try_acquire() {
            Err(_) => Err(Unwritten::TooMany),
            Ok(_pending) => tokio::select! {
                written = persist(&self.api.service.journal, &entry) => written,
                () = last_moment => Err(Unwritten::Ended),
            },
        };
        if let Err(error) = written {
            log_unwritten(&entry, &error);
        }
    }
}

/// Tries to write a line until it stands in the audit log or its time is up. Its id makes it stand there once.
async fn persist(journal: &Journal, entry: &AuditEntry) -> Result<(), Unwritten> {
    let line_id = Uuid::new_v4();
    let give_up_at = time::Instant::now() + LINE_TIME;
    let mut pause = FIRST_PAUSE;
    loop {
        let try_until = give_up_at.min(time::Instant::now() + TRY_TIME);
        let unwritten = match timeout_at(try_until, journal.audit_once(line_id, entry)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Unwritten::Refused(error),
            Err(elapsed) => Unwritten::TooSlow(elapsed),
        };
        if time::Instant::now() + pause >= give_up_at {
            return Err(unwritten);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn log_unwritten(entry: &AuditEntry, error: &Unwritten) {
    tracing::error!(
        error = error as &dyn Error,
        occurred_at = rfc3339(entry.occurred_at),
        actor_kind = entry.actor.kind(),
        actor = entry.actor.name(),
        action = entry.action,
        object = entry.object,
        result = entry.result,
        address = entry.address,
        request_id = entry.request_id,
        "a change could not be written to the audit log"
    );
}

/// What is known of a request before it is answered.
struct Asked {
    method: Method,
    route: String,
    object: String,
    address: String,
    request_id: Option<String>,
}

impl Asked {
    fn of(request: &Request, api: &Api) -> Self {
        let extensions = request.extensions();
        let route = extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        Self {
            method: request.method().clone(),
            object: object(&route, request.uri().path()),
            route,
            address: origin(request, &api.settings.limits.trusted_proxies).to_string(),
            request_id: extensions.get::<RequestId>().map(|id| id.0.to_str().unwrap_or_default().to_owned()),
        }
    }

    fn entry(self, principal: &Principal, response: &Response) -> AuditEntry {
        let status = response.status().as_u16();
        let code = response.extensions().get::<Problem>().map(|problem| problem.code().name());
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let made = location.and_then(|path| path.rsplit('/').next()).filter(|_| self.object.is_empty());
        AuditEntry {
            occurred_at: now(),
            actor: Actor::from(principal.clone()),
            action: format!("{} {}", self.method, self.route),
            object: made.map_or(self.object, str::to_owned),
            result: match (code, response.extensions().get::<Because>()) {
                (Some(code), _) => format!("{status} {code}"),
                (None, Some(Because(reason))) => format!("{status} {reason}"),
                (None, None) => status.to_string(),
            },
            address: Some(self.address),
            request_id: self.request_id,
        }
    }
}

/// What stands in the variable parts of a route; nothing of what cannot be one of our ids, for that may be anything.
pub(crate) fn object(route: &str, path: &str) -> String {
    let variable = |(part, value): (&str, &str)| part.starts_with('{').then(|| value.to_owned());
    let object = route.split('/').zip(path.split('/')).filter_map(variable).collect::<Vec<_>>().join("/");
    let is_plain = object.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
    let is_card_number = card_numbers::stands_in(&Value::from(object.as_str()));
    if is_plain && !is_card_number && object.len() <= MAX_OBJECT_BYTES { object } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn an_object_is_what_stands_in_the_route_if_it_can_be_an_id() {
        assert_eq!(object("/v1/payments/{id}/cancel", "/v1/payments/checkout-1/cancel"), "checkout-1");
        assert_eq!(object("/v1/payments/", "/v1/payments/"), "");
        assert_eq!(object("/v1/a/{b}/c/{d}", "/v1/a/1/c/2"), "1/2");
        assert_eq!(object("/v1/payments/{id}", "/v1/payments/%ED%99%8D"), "");
        assert_eq!(object("/v1/payments/{id}", "/v1/payments/4111111111111111"), "");
        assert_eq!(object("/v1/payments/{id}", &format!("/v1/payments/{}", "a".repeat(300))), "");
    }
}
