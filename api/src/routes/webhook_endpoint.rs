//! Webhook endpoints: where the marketplace hears of events.

mod bodies;
pub(crate) mod deliveries;
mod document;
mod request;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::id::WebhookEndpointId;
use store::{
    Keyring,
    webhook_endpoint::{Asked, EndpointRecord, Replayed},
};

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::OpsCaller,
        problem::{Code, Problem},
    },
    openapi::refusals::refusals,
};

pub(crate) use bodies::EndpointName;
use bodies::{AskedBody, EndpointBody, EndpointsBody, WithSecret};
pub(crate) use document::add_webhooks;
use request::{EndpointChange, NewEndpoint, ReplayRequest, read_change, read_new, read_replay};
use service::webhook_endpoint::{CreateError, create_endpoint, rotate_secret};

refusals! {
    CreateRefusals: EncryptionKeysMissing, TooManyWebhookEndpoints, ValidationFailed;
    FindRefusals: WebhookEndpointNotFound;
    ChangeRefusals: ValidationFailed, WebhookEndpointNotFound;
    RotateRefusals: EncryptionKeysMissing, WebhookEndpointNotFound;
    AskRefusals: WebhookEndpointDisabled, WebhookEndpointNotFound;
    ReplayRefusals: CursorUnknown, EventsExpired, ValidationFailed, WebhookEndpointNotFound;
}

/// Create a webhook endpoint
///
/// Events from now on are pushed to it, signed by Standard Webhooks 1.0. The answer shows the `secret`, once.
#[utoipa::path(
    post,
    path = "/v1/webhook-endpoints",
    operation_id = "create_webhook_endpoint",
    tag = "Events",
    security(("bearer" = ["ops"])),
    request_body = NewEndpoint,
    responses((status = 201, description = "It is created", body = WithSecret), CreateRefusals)
)]
pub(crate) async fn create(State(api): State<Arc<Api>>, _: OpsCaller, body: JsonBody) -> Result<Response, Problem> {
    let wanted = read_new(&api, &body)?;
    let (endpoint, secret) = create_endpoint(&api.service.journal, keys(&api)?, &wanted).await?;
    let location = format!("/v1/webhook-endpoints/{}", endpoint.endpoint_id);
    let body = WithSecret::new(&endpoint, &secret);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response())
}

/// List webhook endpoints
///
/// The oldest first.
#[utoipa::path(
    get,
    path = "/v1/webhook-endpoints",
    operation_id = "list_webhook_endpoints",
    tag = "Events",
    security(("bearer" = ["ops"])),
    responses((status = 200, description = "All of them", body = EndpointsBody))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, _: OpsCaller) -> Result<Json<EndpointsBody>, Problem> {
    let endpoints = api.service.reader.webhook_endpoints().await?;
    Ok(Json(EndpointsBody { data: endpoints.iter().map(EndpointBody::new).collect() }))
}

/// Read a webhook endpoint
#[utoipa::path(
    get,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}",
    operation_id = "read_webhook_endpoint",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint")),
    responses((status = 200, description = "The endpoint", body = EndpointBody), FindRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
) -> Result<Json<EndpointBody>, Problem> {
    let endpoint = found(&api, &read_id(id)?).await?;
    let mut body = EndpointBody::new(&endpoint);
    body.waiting = Some(api.service.reader.webhook_waiting_count(&endpoint.endpoint_id).await?);
    Ok(Json(body))
}

/// Change a webhook endpoint
///
/// What is absent stays. An endpoint that is enabled again goes on where it stood; nothing is lost meanwhile.
#[utoipa::path(
    patch,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}",
    operation_id = "change_webhook_endpoint",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint")),
    request_body = EndpointChange,
    responses((status = 200, description = "It is changed", body = EndpointBody), ChangeRefusals)
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<EndpointBody>, Problem> {
    let id = read_id(id)?;
    let change = read_change(&api, &body)?;
    let endpoint = api.service.journal.change_webhook_endpoint(&id, &change).await?.ok_or_else(unknown)?;
    Ok(Json(EndpointBody::new(&endpoint)))
}

/// Remove a webhook endpoint
///
/// With the events that wait there.
#[utoipa::path(
    delete,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}",
    operation_id = "remove_webhook_endpoint",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint")),
    responses((status = 204, description = "It is removed"), FindRefusals)
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let is_removed = api.service.journal.remove_webhook_endpoint(&read_id(id)?).await?;
    if is_removed { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

/// Give a webhook endpoint a new secret
///
/// The answer shows the new `secret`, once. For 24 hours messages are signed with the current secret and the new one; a
/// secret before the current one signs no more.
#[utoipa::path(
    post,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}/rotate-secret",
    operation_id = "rotate_webhook_secret",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint")),
    responses((status = 200, description = "The new secret signs", body = WithSecret), RotateRefusals)
)]
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
) -> Result<Json<WithSecret>, Problem> {
    let rotated = rotate_secret(&api.service.journal, keys(&api)?, &read_id(id)?).await?;
    let (endpoint, secret) = rotated.ok_or_else(unknown)?;
    Ok(Json(WithSecret::new(&endpoint, &secret)))
}

/// Send a test event
///
/// One attempt, of type `webhook_endpoint.test`; what came of it stands among the deliveries.
#[utoipa::path(
    post,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}/test",
    operation_id = "test_webhook_endpoint",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint")),
    responses((status = 202, description = "It is sent soon", body = AskedBody), AskRefusals)
)]
pub(crate) async fn test(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    asked(api.service.journal.ask_for_webhook_test(&read_id(id)?).await?)
}

/// Send a part of the log again
///
/// The cursor of the endpoint moves to `from_position`. With `to_position` it goes on afterwards where it stood.
#[utoipa::path(
    post,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}/replay",
    operation_id = "replay_webhook_endpoint",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint")),
    request_body = ReplayRequest,
    responses((status = 200, description = "The cursor is moved", body = EndpointBody), ReplayRefusals)
)]
pub(crate) async fn replay(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<EndpointBody>, Problem> {
    let id = read_id(id)?;
    match api.service.journal.replay_webhook_endpoint(&id, read_replay(&body)?).await? {
        Replayed::Moved(endpoint) => Ok(Json(EndpointBody::new(&endpoint))),
        Replayed::NoSuchEndpoint => Err(unknown()),
        Replayed::Beyond { last_position } => {
            Err(Problem::new(Code::CursorUnknown, format!("The log ends at position {last_position}.")))
        }
        Replayed::Expired { floor } => {
            Err(Problem::new(Code::EventsExpired, format!("The oldest position that is kept is {floor}.")))
        }
    }
}

pub(crate) fn read_id(id: String) -> Result<WebhookEndpointId, Problem> {
    WebhookEndpointId::parse(id).map_err(|_| unknown())
}

pub(crate) fn unknown() -> Problem {
    Problem::new(Code::WebhookEndpointNotFound, "No webhook endpoint has this id.")
}

pub(crate) async fn found(api: &Api, id: &WebhookEndpointId) -> Result<EndpointRecord, Problem> {
    api.service.reader.webhook_endpoint(id).await?.ok_or_else(unknown)
}

/// The answer to a request for a single delivery.
pub(crate) fn asked(asked: Asked) -> Result<Response, Problem> {
    match asked {
        Asked::Soon { event_id } => Ok((StatusCode::ACCEPTED, Json(AskedBody { event_id })).into_response()),
        Asked::NoSuchEndpoint => Err(unknown()),
        Asked::Disabled => {
            Err(Problem::new(Code::WebhookEndpointDisabled, "Nothing is sent to it until it is enabled."))
        }
        Asked::TooMany => {
            Err(Problem::new(Code::RateLimited, "Too many single deliveries of this endpoint wait already."))
        }
    }
}

fn keys(api: &Api) -> Result<&Keyring, Problem> {
    let missing =
        || Problem::new(Code::EncryptionKeysMissing, "Set encryption_keys: secrets of endpoints are kept sealed.");
    api.service.keyring.as_deref().ok_or_else(missing)
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::TooMany => Self::new(Code::TooManyWebhookEndpoints, format!("{error}.")),
            CreateError::Secret(error) => Self::internal(&error),
            CreateError::Store(error) => error.into(),
        }
    }
}
