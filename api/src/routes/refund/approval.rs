//! The decision of a second principal on a refund.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::id::RefundId;
use service::refund::RefundError;
use store::Scope;

use crate::{
    Api,
    http::{caller::CancelCaller, marks::is_about, problem::Problem},
    openapi::{refusals::refusals, shapes::RefundName},
    routes::{refund::answer, shapes::CheckoutBody},
};

refusals! {
    DecisionRefusals:
        FourEyes,
        NoWorker,
        RefundDecided,
        RefundExceedsPayment,
        RefundNotFound,
        RefundRefused,
        RequestInProgress,
        TemporalUnavailable,
        TooManySignals;
}

/// Approve a refund
///
/// A refund that waits for a second principal is carried out. The key that asked for it, and every key in its line, is
/// the same principal. Sending it again answers where the refund stands.
#[utoipa::path(
    post,
    path = "/v1/refunds/{id}/approve",
    operation_id = "approve_refund",
    tag = "Payments",
    security(("bearer" = ["refund"])),
    params(("id" = RefundName, Path, description = "The refund")),
    responses(
        (status = 200, description = "Refunded", body = CheckoutBody),
        (
            status = 202,
            description = "Not known yet; ask again",
            body = CheckoutBody,
            headers(("Location" = String, description = "Where to ask")),
        ),
        DecisionRefusals,
    )
)]
pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let canceled = service::refund::approve(&api.service, &caller.caller(), &refund_id(&caller, id)?).await?;
    is_about(&canceled.record().checkout_id);
    Ok(answer(&canceled, &caller, &api))
}

/// Reject a refund
///
/// A refund that waits for a second principal is not carried out. Its sender asks for another one with a new key.
#[utoipa::path(
    post,
    path = "/v1/refunds/{id}/reject",
    operation_id = "reject_refund",
    tag = "Payments",
    security(("bearer" = ["refund"])),
    params(("id" = RefundName, Path, description = "The refund")),
    responses((status = 200, description = "Rejected", body = CheckoutBody), DecisionRefusals)
)]
pub(crate) async fn reject(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let refused = service::refund::reject(&api.service, &caller.caller(), &refund_id(&caller, id)?).await?;
    is_about(&refused.record.checkout_id);
    let body = CheckoutBody::for_scopes(caller.scopes, &refused.record, &api);
    Ok((StatusCode::OK, Json(body.with_approval(&refused.request, &refused.approval))).into_response())
}

/// The refund that a caller decides on, once it may decide on refunds.
fn refund_id(caller: &CancelCaller, id: String) -> Result<RefundId, Problem> {
    caller.demand(Scope::Refund)?;
    RefundId::parse(id).map_err(|_| RefundError::UnknownRefund.into())
}
