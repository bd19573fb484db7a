//! The PSP's webhooks.
//!
//! A webhook is a hint: it is passed on as a nudge, and the workflow asks the PSP for the truth. So a forged
//! one costs a question, and a lost one a little time. Where nothing is asked, none is passed on; and of many
//! at once Temporal takes one, because each costs the workflow's history.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Json, extract::State};
use serde_json::{Value, json};
use store::CheckoutRecord;
use temporalio_client::{WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::checkout::{CheckoutWorkflow, Nudge};

use crate::{Api, body::RawBody, problem::Problem, temporal};

/// How long Temporal may take to accept a nudge. The PSP waits 10 s for an answer.
const NUDGE_TIME: Duration = Duration::from_secs(5);
/// In how many seconds a workflow takes one nudge: the request id is the same for all of them.
const NUDGE_WINDOW_S: u64 = 10;

/// `POST /v1/webhooks/toss`: 200 for all that need not be sent again, 503 for what must.
pub(crate) async fn receive(State(api): State<Arc<Api>>, RawBody(body): RawBody) -> Result<Json<Value>, Problem> {
    let Some(hint) = (api.read_psp_hint)(&body) else {
        tracing::debug!("a webhook concerns no checkout and is dropped");
        return Ok(received());
    };
    let record = api.reader.checkout(&hint.checkout_id).await?.filter(CheckoutRecord::heeds_psp);
    let Some(record) = record else { return Ok(received()) };
    let checkout = api.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    let nudge = Nudge { event: hint.event };
    let window = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs() / NUDGE_WINDOW_S;
    let options = WorkflowSignalOptions::builder()
        .request_id(format!("nudge.{window}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let sent = checkout.signal(CheckoutWorkflow::psp_nudge, nudge, options);
    match tokio::time::timeout(NUDGE_TIME, sent).await {
        // A workflow that has closed needs no nudge.
        Ok(Ok(()) | Err(WorkflowInteractionError::NotFound(_))) => Ok(received()),
        Ok(Err(error)) => Err(Problem::temporal(&error)),
        Err(elapsed) => Err(Problem::temporal(&elapsed)),
    }
}

fn received() -> Json<Value> {
    Json(json!({ "received": true }))
}
