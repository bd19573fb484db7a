//! Payout runs: planned, frozen, decided on.

pub(crate) mod bank_file;
pub(crate) mod bodies;
mod request;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    id::PayoutRunId,
    payout::{Decision, plan::RunRequest},
};
use service::payout::{Frozen, PayoutError, decide_on, details, freeze, idle, preview};
use store::{RunPosition, RunRecord};
use uuid::Uuid;

use self::{
    bodies::{PreviewBody, RunBody},
    request::{ApprovalBody, NewRunBody, ReasonBody, RunParameters, approval, new_run, reason},
};
use crate::{
    Api,
    http::{
        body::{JsonBody, OptionalJsonBody},
        caller::{FinanceCaller, ReadCaller},
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
    },
    openapi::{refusals::refusals, shapes::PayoutRunName},
    routes::checkout::{IDEMPOTENCY_KEY, idempotency_key},
};

refusals! {
    FreezeRefusals:
        IdempotencyKeyInvalid, IdempotencyKeyReused, RequestInProgress, TemporalUnavailable, ValidationFailed;
    FindRefusals: PayoutRunNotFound;
    ApproveRefusals:
        DigestMismatch, FourEyes, PayoutRunDecided, PayoutRunNotFound, PayoutsStopped, RequestInProgress,
        TemporalUnavailable, ValidationFailed;
    DecideRefusals:
        FourEyes, PayoutRunDecided, PayoutRunNotFound, RequestInProgress, TemporalUnavailable, ValidationFailed;
}

/// Freeze a payout run
///
/// Reserves what each seller is paid and makes a statement for each. Nothing is sent before another principal approves
/// the run. Without `seller_accounts`, the sellers are those whose calendar has a payout on the day. With
/// `preview=true`, the run is computed and nothing is written. With an `Idempotency-Key`, the same request freezes one
/// run. Where nothing is due, no run is made, and the answer says why.
#[utoipa::path(
    post,
    path = "/v1/payout-runs",
    operation_id = "freeze_payout_run",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(RunParameters),
    request_body = Option<NewRunBody>,
    responses(
        (
            status = 200,
            description = "What would be frozen; or nothing is due, and no run was made",
            body = PreviewBody,
        ),
        (
            status = 201,
            description = "It is frozen",
            body = RunBody,
            headers(("Location" = String, description = "The run")),
        ),
        FreezeRefusals,
    )
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    parameters: Parameters,
    headers: HeaderMap,
    body: OptionalJsonBody,
) -> Result<Response, Problem> {
    let RunParameters { preview: is_preview } = RunParameters::of(&parameters)?;
    let request: RunRequest = new_run(&body.fields())?;
    if is_preview.unwrap_or(false) {
        let (date, plan) = preview(&api.service, &request).await?;
        let idle = idle(&api.service, &request).await?;
        return Ok(Json(PreviewBody::new(date, &plan, &idle).only_shown()).into_response());
    }
    let run_id = if headers.contains_key(IDEMPOTENCY_KEY) {
        PayoutRunId::of_request(&caller.key, &idempotency_key(&headers)?)
    } else {
        PayoutRunId::from_uuid(Uuid::new_v4())
    };
    let frozen = match freeze(&api.service, &caller.caller(), &run_id, request.clone()).await? {
        Frozen::Run(run) => *run,
        Frozen::NothingDue(date, plan) => {
            let idle = idle(&api.service, &request).await?;
            return Ok(Json(PreviewBody::new(date, &plan, &idle)).into_response());
        }
    };
    let location = [(header::LOCATION, format!("/v1/payout-runs/{run_id}"))];
    Ok((StatusCode::CREATED, location, Json(RunBody::whole(&frozen))).into_response())
}

/// List payout runs
///
/// Newest first, without their payouts.
#[utoipa::path(
    get,
    path = "/v1/payout-runs",
    operation_id = "list_payout_runs",
    tag = "Payouts",
    security(("bearer" = ["read"])),
    params(Paging),
    responses((status = 200, description = "A page", body = ListBody<RunBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<RunBody>>, Problem> {
    let page = api.service.reader.payout_runs(&window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, RunBody::new)))
}

/// Read a payout run
///
/// With its payouts, and what is carried over for which reason.
#[utoipa::path(
    get,
    path = "/v1/payout-runs/{id}",
    operation_id = "read_payout_run",
    tag = "Payouts",
    security(("bearer" = ["read"])),
    params(("id" = PayoutRunName, Path, description = "The run")),
    responses((status = 200, description = "The run", body = RunBody), FindRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<RunBody>, Problem> {
    let found = details(&api.service, &run_id(id)?).await?.ok_or(PayoutError::UnknownRun)?;
    Ok(Json(RunBody::whole(&found)))
}

/// Approve a payout run
///
/// Sends the payouts whose `digest` is named. The principal who froze the run does not approve it. If a payout was
/// taken back after the digest was read, the digest is another one. Sending the same approval again answers where the
/// run stands. A run that the calendar froze needs two principals: after the first it stays `FROZEN`, and
/// `approvals_missing` is 1. While the PSP lists a payout that nobody here asked for, no run is approved or sent:
/// `payouts_stopped` lasts until the break `payout_unknown_at_home` is resolved.
#[utoipa::path(
    post,
    path = "/v1/payout-runs/{id}/approve",
    operation_id = "approve_payout_run",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutRunName, Path, description = "The run")),
    request_body = ApprovalBody,
    responses(
        (status = 200, description = "It is approved, and being sent; or another approval is missing", body = RunBody),
        ApproveRefusals,
    )
)]
pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<RunBody>, Problem> {
    let (digest, reason) = approval(&body.fields())?;
    decide(&api, &caller, id, Decision::Approve { digest }, reason).await
}

/// Reject a payout run
///
/// Nothing of it is paid: the money is available again, and the statements are void. The principal who froze the run
/// cancels it instead.
#[utoipa::path(
    post,
    path = "/v1/payout-runs/{id}/reject",
    operation_id = "reject_payout_run",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutRunName, Path, description = "The run")),
    request_body = Option<ReasonBody>,
    responses((status = 200, description = "It is rejected", body = RunBody), DecideRefusals)
)]
pub(crate) async fn reject(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: OptionalJsonBody,
) -> Result<Json<RunBody>, Problem> {
    decide(&api, &caller, id, Decision::Reject, reason(&body.fields())?).await
}

/// Cancel a payout run
///
/// Takes a run back that nobody has approved. Nothing of it is paid, as with a rejection.
#[utoipa::path(
    post,
    path = "/v1/payout-runs/{id}/cancel",
    operation_id = "cancel_payout_run",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutRunName, Path, description = "The run")),
    request_body = Option<ReasonBody>,
    responses((status = 200, description = "It is canceled", body = RunBody), DecideRefusals)
)]
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: OptionalJsonBody,
) -> Result<Json<RunBody>, Problem> {
    decide(&api, &caller, id, Decision::Cancel, reason(&body.fields())?).await
}

async fn decide(
    api: &Api,
    caller: &FinanceCaller,
    id: String,
    decision: Decision,
    reason: Option<String>,
) -> Result<Json<RunBody>, Problem> {
    let decided = decide_on(&api.service, &caller.caller(), &run_id(id)?, decision, reason).await?;
    Ok(Json(RunBody::whole(&decided)))
}

pub(super) fn run_id(id: String) -> Result<PayoutRunId, Problem> {
    PayoutRunId::parse(id).map_err(|_| PayoutError::UnknownRun.into())
}

fn position(run: &RunRecord) -> RunPosition {
    RunPosition { frozen_at: run.frozen_at, run_id: run.run_id.clone() }
}
