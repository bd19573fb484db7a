//! Canceling and refunding: one question, answered by where the checkout stands.
//!
//! Before it is paid a checkout is given up, by its own workflow; paid, its money goes back, by a workflow of the
//! refund's own. The record decides which, and what is answered: so a repeated request gets the same answer, also
//! when Temporal has long forgotten the workflow.

pub(crate) mod approval;
pub(crate) mod approvals_list;
mod request;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::{
    checkout::{Kind, Named, find},
    refund::{Canceled, RefundKey, Target},
};
use store::{CheckoutRecord, RefundRecord};

use crate::{
    Api,
    http::{body::JsonBody, caller::CancelCaller, marks::is_about, parameters::Parameters, problem::Problem, replay},
    openapi::{refusals::refusals, shapes::PaymentOrderName},
    routes::{
        checkout::{ASK_AGAIN_AFTER_S, Idempotent, idempotency_key, location},
        payment_order::{ChosenKind, kind},
        shapes::CheckoutBody,
    },
};

refusals! {
    DeleteRefusals:
        AmbiguousId,
        CancelNotAccepted,
        CheckoutNotFound,
        NoWorker,
        NotCancelable,
        NotPaid,
        RefundAccountRequired,
        RefundExceedsPayment,
        RefundLimitExceeded,
        RefundRefused,
        RequestInProgress,
        TemporalUnavailable,
        TooManySignals;
    CancelRefusals:
        AmbiguousId,
        CancelNotAccepted,
        CardNumberRefused,
        CheckoutNotFound,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        NoWorker,
        NotCancelable,
        NotPaid,
        RefundAccountRequired,
        RefundExceedsPayment,
        RefundLimitExceeded,
        RefundRefused,
        RequestInProgress,
        TemporalUnavailable,
        TooManySignals,
        ValidationFailed;
}

/// Cancel or refund in full
///
/// Before payment, the checkout is canceled. After payment, all that is left of its money is refunded, once, however
/// often the request is sent. For one payment order of a paid checkout, the money of that order is refunded. Canceling
/// needs the scope `checkout`, and refunding the scope `refund`. Where the settings demand a second principal, the
/// answer is 202, and `approval` of the refund is `WAITING`.
#[utoipa::path(
    delete,
    path = "/{id}",
    operation_id = "cancel_all",
    tag = "Payments",
    security(("bearer" = ["checkout"]), ("bearer" = ["refund"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order"), ChosenKind),
    responses(
        (status = 200, description = "Canceled, or refunded", body = CheckoutBody),
        (
            status = 202,
            description = "Not known yet; ask again",
            body = CheckoutBody,
            headers(("Location" = String, description = "Where to ask")),
        ),
        DeleteRefusals,
    )
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let target = target(&api, &id, kind(&parameters)?).await?;
    let request = request::of_rest(&id);
    let canceled =
        service::refund::cancel(&api.service, &caller.caller(), target, &RefundKey::OfTarget, &request).await?;
    Ok(answer(&canceled, &caller, &api))
}

/// Cancel or refund in part
///
/// Before payment, the checkout is canceled. After payment, money is refunded: `amount`, or all that is left. A part of
/// a whole checkout is taken from its payment orders in proportion to what is left of each. Canceling needs the scope
/// `checkout`, and refunding the scope `refund`. Where the settings demand a second principal, the answer is 202, and
/// `approval` of the refund is `WAITING`.
#[utoipa::path(
    post,
    path = "/{id}/cancel",
    operation_id = "cancel_payment",
    tag = "Payments",
    security(("bearer" = ["checkout"]), ("bearer" = ["refund"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order"), ChosenKind, Idempotent),
    request_body = request::CancellationBody,
    responses(
        (
            status = 200,
            description = "Canceled, or refunded",
            body = CheckoutBody,
            headers(
                (
                    "Idempotent-Replayed" = String,
                    description = "`true` on the answer to a request that was sent before"
                ),
            ),
        ),
        (
            status = 202,
            description = "Not known yet; ask again",
            body = CheckoutBody,
            headers(("Location" = String, description = "Where to ask")),
        ),
        CancelRefusals,
    )
)]
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let kind = kind(&parameters)?;
    let request = request::read(&named_target(&id, kind), &body?)?;
    let target = target(&api, &id, kind).await?;
    let key = RefundKey::OfRequest(caller.principal().refund(&key));
    let canceled = service::refund::cancel(&api.service, &caller.caller(), target, &key, &request).await?;
    Ok(answer(&canceled, &caller, &api))
}

/// What a request is about, as it says it. The same body about another thing is another request.
fn named_target(id: &str, kind: Option<Kind>) -> String {
    match kind {
        None => id.to_owned(),
        Some(Kind::Checkout) => format!("checkout:{id}"),
        Some(Kind::PaymentOrder) => format!("payment_order:{id}"),
    }
}

async fn target(api: &Api, id: &str, kind: Option<Kind>) -> Result<Target, Problem> {
    let target = match find(&api.service, id, kind).await? {
        Named::Checkout(record) => Target { record, order: None },
        Named::Order { record, order } => Target { record, order: Some(order) },
    };
    is_about(&target.record.checkout_id);
    Ok(target)
}

pub(super) fn answer(canceled: &Canceled, caller: &CancelCaller, api: &Api) -> Response {
    let body = |record: &CheckoutRecord| CheckoutBody::for_scopes(caller.scopes, record, api);
    let with_refund = |record: &CheckoutRecord, refund: &RefundRecord| Json(body(record).with_refund(refund));
    let not_yet = |record: &CheckoutRecord| [(header::RETRY_AFTER, ASK_AGAIN_AFTER_S.to_string()), location(record)];
    match canceled {
        Canceled::GivenUp(record) => Json(body(record)).into_response(),
        Canceled::NotGivenUpYet(record) => (StatusCode::ACCEPTED, not_yet(record), Json(body(record))).into_response(),
        Canceled::Refunded { record, refund, replayed } => {
            replay::replayed(with_refund(record, refund).into_response(), *replayed)
        }
        Canceled::WaitsForApproval { record, request, approval } => {
            let body = Json(body(record).with_approval(request, approval));
            (StatusCode::ACCEPTED, not_yet(record), body).into_response()
        }
        Canceled::NotRefundedYet { record, refund } => {
            (StatusCode::ACCEPTED, not_yet(record), with_refund(record, refund)).into_response()
        }
    }
}
