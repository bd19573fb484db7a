//! The PSP's webhooks.
//!
//! A webhook is a hint: it is kept in the inbox and passed on as a nudge, and the workflow asks the PSP for the
//! truth. So a forged one costs a question, and a lost one a little time. Where nothing is asked, none is passed
//! on; and of many in one window Temporal takes one, because each costs the workflow's history. The workflow asks when
//! that one comes, and again when the window is over: so no webhook is lost because another one came before.
//!
//! Anybody can send one. What names no checkout of ours is not kept, and of one checkout only so many are.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Json, extract::State, http::HeaderMap};
use domain::{Timestamp, charge::LONGEST_WINDOW_MS};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{CheckoutRecord, Webhook};
use temporalio_client::{WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::checkout::{CheckoutWorkflow, Nudge};

use service::{now, temporal};

use crate::{
    Api, PspHint,
    http::{body::RawBody, problem::Problem, request::About},
    openapi::refusals::refusals,
};

refusals! { WebhookRefusals: DatabaseUnavailable, TemporalUnavailable, TooManySignals; }

/// The acknowledgement of a webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Received)]
pub(crate) struct ReceivedBody {
    received: bool,
}

/// How long Temporal may take to accept a nudge. The PSP waits 10 s for an answer.
const NUDGE_TIME: Duration = Duration::from_secs(5);
/// For how long after the last change of a checkout its nudges have windows of which length, in milliseconds. Of one
/// window Temporal takes one nudge. They grow, because a real webhook comes soon after what it tells, and a workflow takes
/// at most 10,000 signals in its life, of which operators need some.
const NUDGE_WINDOWS_MS: [NudgeWindows; 4] = [
    NudgeWindows { until_ms: 5 * MINUTE_MS, length_ms: 10 * 1_000 },
    NudgeWindows { until_ms: HOUR_MS, length_ms: MINUTE_MS },
    NudgeWindows { until_ms: 6 * HOUR_MS, length_ms: 10 * MINUTE_MS },
    NudgeWindows { until_ms: 24 * HOUR_MS, length_ms: HOUR_MS },
];
/// The length of the windows after that, in milliseconds.
const LONGEST_NUDGE_WINDOW_MS: u64 = LONGEST_WINDOW_MS;
const MINUTE_MS: u64 = 60 * 1_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Windows of one length.
struct NudgeWindows {
    until_ms: u64,
    length_ms: u64,
}

/// A time in which Temporal takes one nudge of a checkout. The workflow asks once more when it is over, for those that
/// were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct NudgeWindow {
    length_ms: u64,
    number: u64,
}

impl NudgeWindow {
    /// The window of `now`, for a checkout that changed last at `changed_at`.
    fn at(now: Timestamp, changed_at: Timestamp) -> Self {
        let age_ms = now.ms_since(changed_at);
        let windows = NUDGE_WINDOWS_MS.iter().find(|windows| age_ms < windows.until_ms);
        let length_ms = windows.map_or(LONGEST_NUDGE_WINDOW_MS, |windows| windows.length_ms);
        Self { length_ms, number: now.ms_since(Timestamp::from_epoch_ms(0)) / length_ms }
    }

    fn ends_at(self) -> Timestamp {
        Timestamp::from_epoch_ms(0).plus_ms((self.number + 1).saturating_mul(self.length_ms))
    }

    /// The same for every nudge in it, and for no other change of the checkout.
    fn request_id(self, revision: u32) -> String {
        format!("nudge.{revision}.{}.{}", self.length_ms, self.number)
    }
}

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
    // The same webhook again may tell of something that came after the first.
    api.journal.note_webhook(&kept(hint, &body)).await?;
    if record.heeds_psp() {
        nudge(&api, &record, event).await?;
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

async fn nudge(api: &Api, record: &CheckoutRecord, event: Option<String>) -> Result<(), Problem> {
    let checkout = api.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    let changed_at = api.reader.changed_at(&record.checkout_id).await?.unwrap_or(record.created_at);
    let window = NudgeWindow::at(now(), changed_at);
    let nudge = Nudge { event, window_ends_at: Some(window.ends_at()) };
    let options = WorkflowSignalOptions::builder()
        .request_id(window.request_id(record.revision))
        .rpc_options(temporal::rpc_options())
        .build();
    let sent = checkout.signal(CheckoutWorkflow::psp_nudge, nudge.into(), options);
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
    use std::collections::BTreeSet;

    use domain::charge::DEPOSIT_PATIENCE_MS;

    use super::*;

    const CHANGED: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);

    #[test]
    fn a_nudge_names_when_its_window_ends() {
        let mut age_ms = 0;
        while age_ms < 2 * 24 * HOUR_MS {
            let now = CHANGED.plus_ms(age_ms);
            let window = NudgeWindow::at(now, CHANGED);
            assert!((1..=window.length_ms).contains(&window.ends_at().ms_since(now)), "{age_ms}: {window:?}");
            age_ms += 7_919;
        }
        assert_eq!(NudgeWindow::at(CHANGED, CHANGED.plus_ms(5_000)).length_ms, 10_000, "clocks differ");
    }

    /// Somebody forges a webhook every five seconds for as long as a virtual account may wait.
    #[test]
    fn forged_webhooks_use_up_few_of_the_signals_that_a_workflow_takes() {
        const MOST_SIGNALS: usize = 10_000;
        let ages = (0..DEPOSIT_PATIENCE_MS).step_by(5_000);
        let windows: BTreeSet<_> = ages.map(|age_ms| NudgeWindow::at(CHANGED.plus_ms(age_ms), CHANGED)).collect();
        assert!(windows.len() < MOST_SIGNALS / 10, "{} signals", windows.len());
        let first_day = windows.iter().filter(|window| window.ends_at() <= CHANGED.plus_ms(24 * HOUR_MS)).count();
        assert!((100..200).contains(&first_day), "{first_day} signals in a day");
    }
}
