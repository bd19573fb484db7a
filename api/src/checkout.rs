//! Checkouts: creating one, confirming its payment, reading its history.

mod confirm;
mod create;
mod request;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::id::{CheckoutId, IdempotencyKey, WorkflowId};
use store::CheckoutRecord;

use crate::{
    Api,
    body::JsonBody,
    callers::{CheckoutCaller, ReadCaller},
    problem::{Code, IDEMPOTENT_REPLAYED, Problem},
    shapes::{ChangeBody, CheckoutBody, HistoryBody},
};
use confirm::{Confirmations, Outcome};
use create::{Checkouts, Made};

/// Makes a request safe to repeat.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// When to ask again for an outcome that is not known yet, in seconds.
pub(crate) const ASK_AGAIN_AFTER_S: u32 = 2;

/// `POST /v1/payments`.
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    caller: CheckoutCaller,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let workflow_id = WorkflowId::of_checkout(&caller.key, &key);
    let wanted = request::read(&body?)?;
    let made = Checkouts::new(&api).make(&workflow_id, caller.key, wanted).await?;
    Ok(created(&made, &api))
}

/// `GET /v1/payments/{checkout_id}/history`.
pub(crate) async fn history(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<HistoryBody>, Problem> {
    let id = CheckoutId::parse(id).map_err(|_| unknown())?;
    let changes = api.reader.history(&id).await?;
    if changes.is_empty() {
        return Err(unknown());
    }
    let history = changes.into_iter().map(ChangeBody::new).collect();
    Ok(Json(HistoryBody { checkout_id: id.to_string(), history }))
}

/// `POST /v1/payments/{checkout_id}/confirm`.
pub(crate) async fn confirm(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let claim = confirm::read(&body)?;
    let id = CheckoutId::parse(id).map_err(|_| unknown())?;
    let outcome = Confirmations::new(&api).confirm(&id, &claim).await?;
    Ok(confirmed(outcome, &api))
}

/// There is no checkout of this id.
pub(crate) fn unknown() -> Problem {
    Problem::new(Code::CheckoutNotFound, "No checkout has this id.")
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next().ok_or_else(|| {
        Problem::new(Code::IdempotencyKeyMissing, "Send the header `Idempotency-Key`, unique for each new request.")
    })?;
    let invalid = |detail: &dyn std::fmt::Display| {
        Problem::new(Code::IdempotencyKeyInvalid, format!("The header `Idempotency-Key` {detail}."))
    };
    if values.next().is_some() {
        return Err(invalid(&"must stand once"));
    }
    let value = value.to_str().map_err(|_| invalid(&"may hold only visible ASCII"))?;
    IdempotencyKey::from_header(value).map_err(|error| invalid(&error))
}

pub(crate) fn location(record: &CheckoutRecord) -> (HeaderName, String) {
    (header::LOCATION, format!("/v1/payments/{}", record.checkout_id))
}

fn created(made: &Made, api: &Api) -> Response {
    let record = made.record();
    let body = Json(CheckoutBody::first(record, &api.settings));
    let mut response = (StatusCode::CREATED, [location(record)], body).into_response();
    match made {
        Made::Now(_) => {}
        Made::Before(_) => {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
    }
    response
}

fn confirmed(outcome: Outcome, api: &Api) -> Response {
    match outcome {
        Outcome::Known(record) => Json(CheckoutBody::for_buyer(&record, &api.settings)).into_response(),
        Outcome::NotKnownYet(record) => {
            let again = [(header::RETRY_AFTER, ASK_AGAIN_AFTER_S.to_string()), location(&record)];
            let body = Json(CheckoutBody::for_buyer(&record, &api.settings));
            (StatusCode::ACCEPTED, again, body).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(values: &[&str]) -> Result<String, Code> {
        let headers = values.iter().map(|value| (IDEMPOTENCY_KEY, value.parse().unwrap())).collect();
        idempotency_key(&headers).map(|key| key.to_string()).map_err(|problem| problem.code())
    }

    #[test]
    fn an_idempotency_key_is_bare_or_quoted() {
        assert_eq!(key_of(&["order-1"]), Ok("order-1".to_owned()));
        assert_eq!(key_of(&["\"order-1\""]), Ok("order-1".to_owned()));
    }

    #[test]
    fn no_key_and_a_bad_key_are_told_apart() {
        assert_eq!(key_of(&[]), Err(Code::IdempotencyKeyMissing));
        for bad in [&[""][..], &["a b"], &["\"open"], &["키"], &["a", "a"], &[&"a".repeat(256)]] {
            assert_eq!(key_of(bad), Err(Code::IdempotencyKeyInvalid), "{bad:?}");
        }
    }
}
