//! The PSP's webhooks.
//!
//! A webhook is a hint: it is kept in the inbox and passed on as a nudge, and the workflow asks the PSP for the
//! truth. So a forged one costs a question, and a lost one a little time. Where nothing is asked, none is passed
//! on; and of many in one window Temporal takes one, because each costs the workflow's history. The workflow asks when
//! that one comes, and again when the window is over: so no webhook is lost because another one came before.
//!
//! Anybody can send one. What names no checkout of ours is not kept, and of one checkout only so many are.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use serde::Serialize;
use service::webhook::nudge;
use sha2::{Digest, Sha256};
use store::Webhook;

use crate::{
    Api, PspHint,
    http::{body::RawBody, marks::is_about, problem::Problem},
    openapi::refusals::refusals,
};

refusals! { WebhookRefusals: DatabaseUnavailable, TemporalUnavailable, TooManySignals; }

/// The acknowledgement of a webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Received)]
pub(crate) struct ReceivedBody {
    received: bool,
}

/// Receive a webhook
///
/// Toss Payments sends it. The answer is 200 if the webhook need not be sent again, and 503 if it must. A webhook is a
/// hint: the workflow asks Toss for the truth.
#[utoipa::path(
    post,
    path = "/v1/webhooks/toss",
    operation_id = "receive_webhook",
    extensions(("x-open-query" = json!(true))),
    tag = "Webhooks",
    request_body(content = Option<serde_json::Value>, content_type = "application/json"),
    responses((status = 200, description = "The webhook need not be sent again", body = ReceivedBody), WebhookRefusals)
)]
pub(crate) async fn receive(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Json<ReceivedBody>, Problem> {
    let Some(hint) = (api.read_psp_hint)(&headers, &body) else {
        if let Some(name) = (api.read_psp_payout)(&body) {
            if let Some(payout) = api.service.reader.payout_called(&name).await? {
                service::payout::nudge(&api.service, &payout).await?;
            }
            return Ok(received());
        }
        if let Some(seller) = (api.read_psp_seller)(&body) {
            service::seller::psp_said(&api.service, &seller).await?;
            return Ok(received());
        }
        tracing::debug!("a webhook concerns no checkout and is dropped");
        return Ok(received());
    };
    let Some(record) = api.service.reader.checkout(&hint.checkout_id).await? else {
        tracing::debug!("a webhook names a checkout that is not ours and is dropped");
        return Ok(received());
    };
    is_about(&record.checkout_id);
    let event = hint.event.clone();
    // The same webhook again may tell of something that came after the first.
    api.service.journal.note_webhook(&kept(hint, &body)).await?;
    if record.follows_psp() {
        nudge(&api.service, &record, event).await?;
    }
    Ok(received())
}

fn kept(hint: PspHint, body: &[u8]) -> Webhook {
    Webhook {
        digest: hex::encode(Sha256::digest(body)),
        event: hint.event,
        checkout_id: hint.checkout_id,
        delivery_id: hint.delivery_id,
        sent_at: hint.sent_at,
        retries: hint.retries,
    }
}

/// Receive a webhook, by the older path
#[utoipa::path(
    post,
    path = "/payments/webhook",
    operation_id = "receive_webhook_by_older_path",
    extensions(("x-open-query" = json!(true))),
    tag = "Older paths",
    request_body(content = Option<serde_json::Value>, content_type = "application/json"),
    responses((status = 200, description = "The webhook need not be sent again", body = ReceivedBody), WebhookRefusals)
)]
pub(crate) async fn receive_by_older_path(
    state: State<Arc<Api>>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<ReceivedBody>, Problem> {
    receive(state, headers, body).await
}

const fn received() -> Json<ReceivedBody> {
    Json(ReceivedBody { received: true })
}
