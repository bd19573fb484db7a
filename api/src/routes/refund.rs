//! Canceling and refunding: one question, answered by where the checkout stands.
//!
//! Before it is paid a checkout is given up, by its own workflow; paid, its money goes back, by a workflow of the
//! refund's own. The record decides which, and what is answered: so a repeated request gets the same answer, also
//! when Temporal has long forgotten the workflow.

pub(crate) mod approval;
pub(crate) mod approvals_list;
mod request;
mod serving;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    checkout::Status,
    id::{PaymentOrderId, RefundId},
};
use store::{CheckoutRecord, RefundRecord};

use service::now;

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::CancelCaller,
        parameters::Parameters,
        problem::{Code, IDEMPOTENT_REPLAYED, Problem},
    },
    openapi::{
        bodies::CancellationShape,
        parameters::{ChosenKind, Idempotent},
        refusals::refusals,
        shapes::PaymentOrderName,
    },
    routes::{
        checkout::{ASK_AGAIN_AFTER_S, idempotency_key, location},
        payment_order::{self, Kind},
        shapes::CheckoutBody,
    },
};
use request::Wish;
use serving::{Outcome, Refunds};

refusals! {
    DeleteRefusals:
        AmbiguousId,
        CancelNotAccepted,
        CheckoutNotFound,
        NotCancelable,
        NotPaid,
        RefundAccountRequired,
        RefundExceedsPayment,
        RefundLimitExceeded,
        RefundRefused,
        RequestInProgress,
        TemporalUnavailable;
    CancelRefusals:
        AmbiguousId,
        CancelNotAccepted,
        CardNumberRefused,
        CheckoutNotFound,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        NotCancelable,
        NotPaid,
        RefundAccountRequired,
        RefundExceedsPayment,
        RefundLimitExceeded,
        RefundRefused,
        RequestInProgress,
        TemporalUnavailable,
        ValidationFailed;
}

/// What is to be canceled: a whole checkout, or one of its orders.
#[derive(Debug, Clone)]
struct Target {
    record: CheckoutRecord,
    order: Option<PaymentOrderId>,
}

/// Under which id money goes back.
#[derive(Debug, Clone)]
enum Named {
    /// By the request's own key.
    ByKey(RefundId),
    /// By what it is of: however often it is asked for, all that is left goes back once.
    ByTarget,
}

/// What canceling means where a checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is paid: money goes back.
    Refund,
    /// It is not paid yet: it is given up.
    GiveUp,
    /// It was given up before.
    Done,
}

/// Cancel all of it
///
/// Before it is paid, a checkout is given up; paid, all that is left of its money goes back, once however often this is
/// sent. Of one payment order of a paid checkout, that order's money goes back. Giving up needs the scope `checkout`, and
/// giving money back the scope `refund`. Where the settings demand a second principal, the answer is 202, and `approval` of
/// the refund is `WAITING`.
#[utoipa::path(
    delete,
    path = "/{id}",
    operation_id = "cancel_all",
    tag = "Payments",
    security(("bearer" = ["checkout"]), ("bearer" = ["refund"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order"), ChosenKind),
    responses((status = 200, description = "Given up, or refunded", body = CheckoutBody), (status = 202, description = "Not known yet; ask again", body = CheckoutBody, headers(("Location" = String, description = "Where to ask"))), DeleteRefusals)
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let target = find(&api, &id, Kind::of(&parameters)?).await?;
    let outcome = Refunds::new(&api, &caller).serve(target, &Named::ByTarget, &Wish::of_rest(&id)).await?;
    Ok(answer(&outcome, &caller, &api))
}

/// Cancel, or refund a part
///
/// Before it is paid, a checkout is given up; paid, the money goes back: `amount`, or all that is left. Of a whole checkout
/// a part is taken from its payment orders in proportion to what is left of each. Giving up needs the scope `checkout`, and
/// giving money back the scope `refund`. Where the settings demand a second principal, the answer is 202, and `approval` of
/// the refund is `WAITING`.
#[utoipa::path(
    post,
    path = "/{id}/cancel",
    operation_id = "cancel_payment",
    tag = "Payments",
    security(("bearer" = ["checkout"]), ("bearer" = ["refund"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order"), ChosenKind, Idempotent),
    request_body = CancellationShape,
    responses((status = 200, description = "Given up, or refunded", body = CheckoutBody, headers(("Idempotent-Replayed" = String, description = "`true` on the answer to a request that was sent before"))), (status = 202, description = "Not known yet; ask again", body = CheckoutBody, headers(("Location" = String, description = "Where to ask"))), CancelRefusals)
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
    let kind = Kind::of(&parameters)?;
    let wish = request::read(&said_target(&id, kind), &body?)?;
    let target = find(&api, &id, kind).await?;
    let named = Named::ByKey(RefundId::of_request(&caller.key, &key));
    let outcome = Refunds::new(&api, &caller).serve(target, &named, &wish).await?;
    Ok(answer(&outcome, &caller, &api))
}

/// What a request is about, as it says it. The same body about another thing is another request.
fn said_target(id: &str, kind: Option<Kind>) -> String {
    match kind {
        None => id.to_owned(),
        Some(Kind::Checkout) => format!("checkout:{id}"),
        Some(Kind::PaymentOrder) => format!("payment_order:{id}"),
    }
}

async fn find(api: &Api, id: &str, kind: Option<Kind>) -> Result<Target, Problem> {
    Ok(match payment_order::find(api, id, kind).await? {
        payment_order::Named::Checkout(record) => Target { record, order: None },
        payment_order::Named::Order { record, order } => Target { record, order: Some(order) },
    })
}

impl Target {
    /// What canceling means here.
    fn way(&self, is_partial: bool) -> Result<Way, Problem> {
        let status = self.record.status;
        let refuse = |code, detail: &'static str| Err(Problem::new(code, detail).about(status));
        if self.is_open() {
            return match (is_partial, &self.order) {
                (true, _) => {
                    let detail = "A part can be given back once the checkout is paid; until then cancel it whole.";
                    refuse(Code::NotPaid, detail)
                }
                (false, Some(_)) => {
                    let detail = "One payment order cannot be canceled by itself before the checkout is paid: the \
                                  buyer pays for all of them at once. Cancel the whole checkout.";
                    refuse(Code::NotCancelable, detail)
                }
                (false, None) => Ok(Way::GiveUp),
            };
        }
        match status {
            Status::Success | Status::PartiallyRefunded | Status::Refunded => Ok(Way::Refund),
            Status::Canceled if !is_partial => Ok(Way::Done),
            Status::Failed | Status::Expired if self.was_given_up() && !is_partial => Ok(Way::Done),
            Status::Canceled
            | Status::Failed
            | Status::Expired
            | Status::NotStarted
            | Status::Executing
            | Status::Unknown
            | Status::WaitingForDeposit
            | Status::Stuck => refuse(
                Code::NotCancelable,
                "The checkout was never paid, and no money is held: there is nothing to cancel.",
            ),
        }
    }

    /// Whether it waits for a payment, or for what comes of one.
    fn is_open(&self) -> bool {
        match self.record.status {
            Status::NotStarted | Status::Executing | Status::Unknown | Status::WaitingForDeposit | Status::Stuck => {
                true
            }
            Status::Failed => self.record.takes_retry(now()),
            Status::Success | Status::Expired | Status::Canceled | Status::PartiallyRefunded | Status::Refunded => {
                false
            }
        }
    }

    /// Whether it ended because somebody gave it up while its payment was under way.
    fn was_given_up(&self) -> bool {
        self.record.failure.as_ref().is_some_and(|failure| failure.code == "canceled")
    }
}

fn answer(outcome: &Outcome, caller: &CancelCaller, api: &Api) -> Response {
    let body = |record: &CheckoutRecord| CheckoutBody::for_scopes(caller.scopes, record, api);
    let with_refund = |record: &CheckoutRecord, refund: &RefundRecord| Json(body(record).with_refund(refund));
    let not_yet = |record: &CheckoutRecord| [(header::RETRY_AFTER, ASK_AGAIN_AFTER_S.to_string()), location(record)];
    match outcome {
        Outcome::GivenUp(record) => Json(body(record)).into_response(),
        Outcome::NotGivenUpYet(record) => (StatusCode::ACCEPTED, not_yet(record), Json(body(record))).into_response(),
        Outcome::Refunded { record, refund, replayed } => {
            let mut response = with_refund(record, refund).into_response();
            if *replayed {
                response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
            }
            response
        }
        Outcome::WaitsForApproval { record, request, approval } => {
            let body = Json(body(record).with_approval(request, approval));
            (StatusCode::ACCEPTED, not_yet(record), body).into_response()
        }
        Outcome::NotRefundedYet { record, refund } => {
            (StatusCode::ACCEPTED, not_yet(record), with_refund(record, refund)).into_response()
        }
    }
}
