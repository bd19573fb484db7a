//! Attempts to deliver: what came of them, and once more.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use domain::webhook_endpoint::{AttemptOutcome, DeliveryStatus};
use serde::Serialize;
use store::webhook_endpoint::{DeliveryFilter, DeliveryRecord};

use super::{EndpointName, asked, found, read_id};
use crate::{
    Api,
    http::{
        caller::OpsCaller,
        forms::{Text, none_of, text_form},
        paging::{ListBody, Paging, Position, window},
        parameters::Parameters,
        problem::{Code, Problem},
        table::parameters,
        values::rfc3339,
    },
    openapi::{refusals::refusals, shapes::Instant},
};

refusals! {
    ListRefusals: WebhookEndpointNotFound;
    RedeliverRefusals: DeliveryNotFound, WebhookEndpointDisabled, WebhookEndpointNotFound;
}

text_form! {
    /// What came of an attempt.
    pub(crate) StatusForm: DeliveryStatus = |text| {
        DeliveryStatus::parse(text).ok_or_else(|| none_of(DeliveryStatus::ALL.map(DeliveryStatus::as_str)))
    },
    |text| text
}

parameters! {
    /// Which deliveries.
    pub(crate) struct ChosenDeliveries {
        /// `DELIVERED`, `FAILED` (another attempt follows) or `UNDELIVERED` (none follows by itself).
        status: StatusForm,
        /// The attempts of one event.
        event_id: Text,
    }
}

/// An attempt to deliver an event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryBody {
    #[schema(pattern = "^[0-9]+$")]
    delivery_id: String,
    #[schema(value_type = EndpointName)]
    webhook_endpoint_id: String,
    event_id: String,
    event_type: String,
    /// Null for a test event.
    position: Option<u64>,
    /// What the event is about: its kind and its id.
    object: String,
    /// From 1.
    attempt: u32,
    #[schema(value_type = Instant)]
    attempted_at: String,
    latency_ms: u32,
    /// The status that the receiver answered with.
    http_status: Option<u16>,
    /// What the attempt came to.
    outcome: &'static str,
    /// Where the event stands after the attempt.
    status: &'static str,
    /// The beginning of the answer of an attempt that failed.
    answer: Option<String>,
}

/// A place in the list of attempts.
struct DeliveryPosition(u64);

impl Position for DeliveryPosition {
    const LIST: &'static str = "webhook-deliveries";
    type Written = u64;

    fn write(&self) -> u64 {
        self.0
    }

    fn read(written: u64) -> Option<Self> {
        Some(Self(written))
    }
}

/// List the deliveries of a webhook endpoint
///
/// Every attempt of the last fourteen days, the newest first.
#[utoipa::path(
    get,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint"), ChosenDeliveries, Paging),
    responses((status = 200, description = "A page", body = ListBody<DeliveryBody>), ListRefusals)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<ListBody<DeliveryBody>>, Problem> {
    let endpoint = found(&api, &read_id(id)?).await?;
    let ChosenDeliveries { status, event_id } = ChosenDeliveries::of(&parameters)?;
    let filter = DeliveryFilter { endpoint_id: endpoint.endpoint_id, status, event_id };
    let window = window::<DeliveryPosition>(&parameters)?.map(|DeliveryPosition(number)| number);
    let page = api.service.reader.webhook_deliveries(&filter, &window).await?;
    Ok(Json(ListBody::new(&page, |delivery| DeliveryPosition(delivery.number), DeliveryBody::new)))
}

/// Deliver an event once more
///
/// One attempt, of the event of an earlier attempt and under the same `webhook-id`.
#[utoipa::path(
    post,
    path = "/v1/webhook-endpoints/{webhook_endpoint_id}/deliveries/{delivery_id}/redeliver",
    operation_id = "redeliver_webhook",
    tag = "Events",
    security(("bearer" = ["ops"])),
    params(
        ("webhook_endpoint_id" = EndpointName, Path, description = "The endpoint"),
        ("delivery_id" = String, Path, description = "The attempt", example = "1", pattern = "^[0-9]+$")
    ),
    responses((status = 202, description = "It is sent soon", body = super::bodies::AskedBody), RedeliverRefusals)
)]
pub(crate) async fn redeliver(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::DeliveryNotFound, "No delivery of this endpoint has this id.");
    let endpoint = found(&api, &read_id(id)?).await?;
    let number: u64 = delivery.parse().map_err(|_| unknown())?;
    let delivery = api.service.reader.webhook_delivery(&endpoint.endpoint_id, number).await?.ok_or_else(unknown)?;
    asked(api.service.journal.ask_for_redelivery(&delivery).await?)
}

impl DeliveryBody {
    fn new(delivery: &DeliveryRecord) -> Self {
        let DeliveryRecord { number, endpoint_id, attempt } = delivery;
        Self {
            delivery_id: number.to_string(),
            webhook_endpoint_id: endpoint_id.to_string(),
            event_id: attempt.event_id.clone(),
            event_type: attempt.event_type.clone(),
            position: attempt.position,
            object: attempt.object.clone(),
            attempt: attempt.number,
            attempted_at: rfc3339(attempt.attempted_at),
            latency_ms: attempt.latency_ms,
            http_status: attempt.http_status,
            outcome: AttemptOutcome::as_str(attempt.outcome),
            status: attempt.status.as_str(),
            answer: attempt.answer.clone(),
        }
    }
}
