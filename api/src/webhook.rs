//! The PSP's webhooks.
//!
//! A webhook is a hint: it is kept in the inbox and passed on as a nudge, and the workflow asks the PSP for the
//! truth. So a forged one costs a question, and a lost one a little time. Where nothing is asked, none is passed
//! on; and of many at once Temporal takes one, because each costs the workflow's history.
//!
//! Anybody can send one. What names no checkout of ours is not kept, and of one checkout only so many are.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Extension, Json, extract::State, http::HeaderMap};
use domain::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{CheckoutRecord, Noted, Webhook};
use temporalio_client::{WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::checkout::{CheckoutWorkflow, Nudge};

use crate::{
    Api, PspHint, body::RawBody, openapi::refusals::refusals, problem::Problem, requests::About, shapes::now, temporal,
};

refusals! { WebhookRefusals: DatabaseUnavailable, TemporalUnavailable; }

/// That a webhook came.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Received)]
pub(crate) struct ReceivedBody {
    received: bool,
}

/// How long Temporal may take to accept a nudge. The PSP waits 10 s for an answer.
const NUDGE_TIME: Duration = Duration::from_secs(5);
/// In how many seconds a workflow takes one nudge: the request id is the same for all of them.
const NUDGE_WINDOW_S: u64 = 10;
/// For how long the same webhook is not passed on again, in milliseconds. The PSP repeats one that was not answered
/// 200 after a minute at the earliest: by then the first may not have been passed on.
const REPEAT_WINDOW_MS: u64 = 10_000;

/// Tell that something happened
///
/// Toss Payments sends it: 200 for all that need not be sent again, 503 for what must. A webhook is a hint; what is true
/// is asked of Toss.
#[utoipa::path(
    post,
    path = "/v1/webhooks/toss",
    operation_id = "receive_webhook",
    extensions(("x-open-query" = json!(true))),
    tag = "Webhooks",
    request_body(content = Option<serde_json::Value>, content_type = "application/json"),
    responses((status = 200, description = "It need not be sent again", body = ReceivedBody), WebhookRefusals)
)]
pub(crate) async fn receive(
    State(api): State<Arc<Api>>,
    Extension(about): Extension<About>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Json<ReceivedBody>, Problem> {
    let Some(hint) = (api.read_psp_hint)(&headers, &body) else {
        tracing::debug!("a webhook concerns no checkout and is dropped");
        return Ok(received());
    };
    let Some(record) = api.reader.checkout(&hint.checkout_id).await? else {
        tracing::debug!("a webhook names a checkout that is not ours and is dropped");
        return Ok(received());
    };
    about.say(&record.checkout_id);
    let event = hint.event.clone();
    let noted = api.journal.note_webhook(&kept(hint, &body)).await?;
    if record.heeds_psp() && is_worth_a_nudge(noted, now()) {
        nudge(&api, &record, Nudge { event }).await?;
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

fn is_worth_a_nudge(noted: Noted, now: Timestamp) -> bool {
    match noted {
        Noted::New | Noted::Full => true,
        Noted::Again { since } => now.ms_since(since) >= REPEAT_WINDOW_MS,
    }
}

async fn nudge(api: &Api, record: &CheckoutRecord, nudge: Nudge) -> Result<(), Problem> {
    let checkout = api.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    let window = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs() / NUDGE_WINDOW_S;
    let options = WorkflowSignalOptions::builder()
        .request_id(format!("nudge.{window}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let sent = checkout.signal(CheckoutWorkflow::psp_nudge, nudge, options);
    match tokio::time::timeout(NUDGE_TIME, sent).await {
        // A workflow that has closed needs no nudge.
        Ok(Ok(()) | Err(WorkflowInteractionError::NotFound(_))) => Ok(()),
        Ok(Err(error)) => Err(Problem::temporal(&error)),
        Err(elapsed) => Err(Problem::temporal(&elapsed)),
    }
}

/// Tell that something happened, by the older path
#[utoipa::path(
    post,
    path = "/payments/webhook",
    operation_id = "receive_webhook_by_older_path",
    extensions(("x-open-query" = json!(true))),
    tag = "Older paths",
    request_body(content = Option<serde_json::Value>, content_type = "application/json"),
    responses((status = 200, description = "It need not be sent again", body = ReceivedBody), WebhookRefusals)
)]
pub(crate) async fn receive_by_older_path(
    state: State<Arc<Api>>,
    about: Extension<About>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<ReceivedBody>, Problem> {
    receive(state, about, headers, body).await
}

const fn received() -> Json<ReceivedBody> {
    Json(ReceivedBody { received: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_webhook_is_passed_on_again_only_after_a_while() {
        let first = Timestamp::from_epoch_ms(1_000_000);
        let again = |later_ms| is_worth_a_nudge(Noted::Again { since: first }, first.plus_ms(later_ms));
        assert!(is_worth_a_nudge(Noted::New, first) && is_worth_a_nudge(Noted::Full, first));
        assert!(!again(0) && !again(REPEAT_WINDOW_MS - 1));
        assert!(again(REPEAT_WINDOW_MS));
        assert!(!is_worth_a_nudge(Noted::Again { since: first.plus_ms(1) }, first), "clocks differ");
    }
}
