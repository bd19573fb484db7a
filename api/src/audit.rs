//! The audit log: every change that a key asks for, written down once its answer is known.
//!
//! It is one layer around all routes. A route that changes something and asks for a key is in it by itself; one
//! that came without a key (a buyer's confirmation, a webhook) is not, for nobody is known to have called it.

use std::sync::{Arc, OnceLock};

use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    http::{Method, header},
    middleware::Next,
    response::Response,
};
use domain::id::ApiKeyId;
use serde::Serialize;
use serde_json::Value;
use store::{Actor, AuditEntry};

use crate::{
    Api,
    callers::OpsCaller,
    card_numbers,
    limits::origin,
    openapi::{
        parameters::{ChosenActor, Paging},
        shapes::Instant,
    },
    paging::{AuditPosition, ListBody, PAGING, window},
    parameters::Parameters,
    problem::{IDEMPOTENT_REPLAYED, Problem},
    requests::RequestId,
    shapes::{now, rfc3339},
};

/// The most bytes of an id that is written down as it came.
const MAX_OBJECT_BYTES: usize = 200;

/// Where the route leaves the key that it was called with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signature(Arc<OnceLock<ApiKeyId>>);

impl Signature {
    /// Says who calls.
    pub(crate) fn sign(&self, key: &ApiKeyId) {
        // A second key in one request there is not.
        let _ = self.0.set(key.clone());
    }
}

/// Marks an answer to a request that could have changed something and did not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unchanged;

/// Writes down what a key changed. What cannot be written is logged: the change itself has happened by then.
pub(crate) async fn record(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let signature = Signature::default();
    request.extensions_mut().insert(signature.clone());
    let asked = Asked::of(&request, &api);
    let response = next.run(request).await;
    let is_change =
        response.extensions().get::<Unchanged>().is_none() && !response.headers().contains_key(&IDEMPOTENT_REPLAYED);
    if let Some(key) = signature.0.get().filter(|_| is_change) {
        let entry = asked.entry(key, &response);
        if let Err(error) = api.journal.audit(&entry).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                actor = entry.actor.name(),
                action = entry.action,
                object = entry.object,
                result = entry.result,
                address = entry.address,
                request_id = entry.request_id,
                "a change could not be written to the audit log"
            );
        }
    }
    response
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

    fn entry(self, key: &ApiKeyId, response: &Response) -> AuditEntry {
        let status = response.status().as_u16();
        let code = response.extensions().get::<Problem>().map(|problem| problem.code().name());
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let made = location.and_then(|path| path.rsplit('/').next()).filter(|_| self.object.is_empty());
        AuditEntry {
            occurred_at: now(),
            actor: Actor::ApiKey(key.clone()),
            action: format!("{} {}", self.method, self.route),
            object: made.map_or(self.object, str::to_owned),
            result: code.map_or_else(|| status.to_string(), |code| format!("{status} {code}")),
            address: Some(self.address),
            request_id: self.request_id,
        }
    }
}

/// What stands in the variable parts of a route; nothing of what cannot be one of our ids, for that may be anything.
fn object(route: &str, path: &str) -> String {
    let variable = |(part, value): (&str, &str)| part.starts_with('{').then(|| value.to_owned());
    let object = route.split('/').zip(path.split('/')).filter_map(variable).collect::<Vec<_>>().join("/");
    let is_plain = object.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
    let is_card_number = card_numbers::stands_in(&Value::from(object.as_str()));
    if is_plain && !is_card_number && object.len() <= MAX_OBJECT_BYTES { object } else { String::new() }
}

/// A line of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditLine)]
pub(crate) struct AuditBody {
    sequence: u64,
    #[schema(value_type = Instant)]
    occurred_at: String,
    /// `api_key`, or `operator` for a person at the command line.
    actor_kind: &'static str,
    /// The id of the key, or the person's name.
    actor: String,
    /// The method and the route, or the command.
    action: String,
    /// The ids in the path, or of what was created; empty where there is none.
    object: String,
    /// The status and the code of the problem, if there was one.
    result: String,
    /// Where the request came from.
    address: Option<String>,
    request_id: Option<String>,
}

/// Read the audit log
///
/// Every change that an API key asked for and what came of it, newest first. Lines are only ever added.
#[utoipa::path(
    get,
    path = "/v1/audit-log",
    operation_id = "list_audit_log",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(ChosenActor, Paging),
    responses((status = 200, description = "A page", body = ListBody<AuditBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<AuditBody>>, Problem> {
    parameters.refuse_others(&[&PAGING[..], &["actor"]].concat())?;
    let actor = parameters.read("actor", Ok::<_, &str>)?;
    let window = window::<AuditPosition>(&parameters)?.map(|AuditPosition(sequence)| sequence);
    let page = api.reader.audit_log(actor, &window).await?;
    Ok(Json(ListBody::new(&page, |(sequence, _)| AuditPosition(*sequence), AuditBody::new)))
}

impl AuditBody {
    fn new((sequence, entry): &(u64, AuditEntry)) -> Self {
        Self {
            sequence: *sequence,
            occurred_at: rfc3339(entry.occurred_at),
            actor_kind: entry.actor.kind(),
            actor: entry.actor.name().to_owned(),
            action: entry.action.clone(),
            object: entry.object.clone(),
            result: entry.result.clone(),
            address: entry.address.clone(),
            request_id: entry.request_id.clone(),
        }
    }
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
