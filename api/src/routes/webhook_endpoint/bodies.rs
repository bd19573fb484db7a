//! What is answered about webhook endpoints.

use std::borrow::Cow;

use domain::webhook_endpoint::{DisabledReason, EndpointStatus};
use serde::Serialize;
use store::webhook_endpoint::{EndpointRecord, WebhookSecret};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    http::{forms::none_of, values::rfc3339},
    openapi::{
        readers::named_form,
        shapes::{EventTypeName, Instant, text_of_a_list},
    },
};

/// The id of a webhook endpoint.
pub(crate) struct EndpointName;

impl PartialSchema for EndpointName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[a-z0-9_]{4,40}$"))
            .description(Some("The id of a webhook endpoint."))
            .examples(["we_6f2c5e0a7d0b4c7e9a55d2c034b8a1f7"])
            .into()
    }
}

impl ToSchema for EndpointName {
    fn name() -> Cow<'static, str> {
        "WebhookEndpointId".into()
    }
}

text_of_a_list! {
    /// Whether events are pushed.
    EndpointStatusName, "WebhookEndpointStatus", EndpointStatus::ALL.map(EndpointStatus::as_str)
}
text_of_a_list! {
    /// Why an endpoint is disabled: a principal asked for it, the receiver answered 410, or it failed for five days.
    DisabledReasonName, "WebhookDisabledReason", DisabledReason::ALL.map(DisabledReason::as_str)
}

named_form! {
    EndpointStatusName: EndpointStatus =
        |text| EndpointStatus::parse(text).ok_or_else(|| none_of(EndpointStatus::ALL.map(EndpointStatus::as_str)));
}

/// A webhook endpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub(crate) struct EndpointBody {
    #[schema(value_type = EndpointName)]
    webhook_endpoint_id: String,
    url: String,
    /// Null for all types.
    #[schema(value_type = Option<Vec<EventTypeName>>)]
    types: Option<Vec<String>>,
    description: String,
    #[schema(value_type = EndpointStatusName)]
    status: &'static str,
    #[schema(value_type = Option<DisabledReasonName>)]
    disabled_reason: Option<&'static str>,
    /// Up to which position of the log events are delivered, wait, or are of other types.
    position: u64,
    /// Where a replay ends, and where the cursor goes on then.
    replay: Option<ReplayBody>,
    /// How many events wait for another attempt, or for an earlier event of their object; where the endpoint is read by
    /// itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<u64>,
    /// Since when every attempt has failed.
    #[schema(value_type = Option<Instant>)]
    failing_since: Option<String>,
    /// Until when nothing is sent, because the receiver asked for a pause.
    #[schema(value_type = Option<Instant>)]
    paused_until: Option<String>,
    /// Until when the secret before the current one signs along.
    #[schema(value_type = Option<Instant>)]
    previous_secret_until: Option<String>,
    version: u32,
    #[schema(value_type = Instant)]
    created_at: String,
    #[schema(value_type = Instant)]
    updated_at: String,
}

/// The rest of a replay.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookReplayState)]
struct ReplayBody {
    to_position: u64,
    resume_at: u64,
}

/// A webhook endpoint with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpointWithSecret)]
pub(crate) struct WithSecret {
    #[serde(flatten)]
    endpoint: EndpointBody,
    /// Shown here and never again.
    #[schema(pattern = "^whsec_", examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    secret: String,
}

/// Every webhook endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoints)]
pub(crate) struct EndpointsBody {
    pub(crate) data: Vec<EndpointBody>,
}

/// A single delivery that is made soon.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestedDelivery)]
pub(crate) struct AskedBody {
    /// The event: `GET /v1/webhook-endpoints/{webhook_endpoint_id}/deliveries?event_id=` shows what came of it.
    pub(crate) event_id: String,
}

impl EndpointBody {
    pub(crate) fn new(endpoint: &EndpointRecord) -> Self {
        Self {
            webhook_endpoint_id: endpoint.endpoint_id.to_string(),
            url: endpoint.url.clone(),
            types: endpoint.types.clone(),
            description: endpoint.description.clone(),
            status: endpoint.status.as_str(),
            disabled_reason: endpoint.disabled_reason.map(DisabledReason::as_str),
            position: endpoint.position,
            replay: endpoint.replay.map(|replay| ReplayBody { to_position: replay.until, resume_at: replay.resume_at }),
            waiting: None,
            failing_since: endpoint.failing_since.map(rfc3339),
            paused_until: endpoint.paused_until.map(rfc3339),
            previous_secret_until: endpoint.previous_until.map(rfc3339),
            version: endpoint.version,
            created_at: rfc3339(endpoint.created_at),
            updated_at: rfc3339(endpoint.updated_at),
        }
    }
}

impl WithSecret {
    pub(crate) fn new(endpoint: &EndpointRecord, secret: &WebhookSecret) -> Self {
        Self { endpoint: EndpointBody::new(endpoint), secret: secret.reveal() }
    }
}
