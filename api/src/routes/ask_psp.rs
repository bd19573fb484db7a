//! Asking the PSP now: for an operator who does not want to wait for the next question.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use service::{
    ask_psp::{Asked, ask as ask_workflows},
    checkout::{Named, find},
};

use crate::{
    Api,
    http::{
        caller::OpsCaller,
        marks::is_about,
        problem::{Code, Problem},
    },
    openapi::{refusals::refusals, shapes::PaymentOrderName},
    routes::{
        checkout::{ASK_AGAIN_AFTER_S, location},
        shapes::CheckoutBody,
    },
};

refusals! { AskRefusals: AmbiguousId, CheckoutNotFound, NothingToAsk, TemporalUnavailable, TooManySignals; }

/// Ask the payment provider now
///
/// For a payment whose outcome is not known, a deposit that is awaited or watched, or a refund that is under way. The
/// workflow asks at once and not at its `next_question_at`. A stuck workflow tries again. Read the checkout again after
/// a moment.
#[utoipa::path(
    post,
    path = "/{id}/ask-psp",
    operation_id = "ask_payment_provider",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or one of its payment orders")),
    responses(
        (
            status = 202,
            description = "The payment provider is being asked",
            body = CheckoutBody,
            headers(("Location" = String, description = "Where to read what came of it")),
        ),
        AskRefusals,
    )
)]
pub(crate) async fn ask(
    State(api): State<Arc<Api>>,
    caller: OpsCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (Named::Checkout(record) | Named::Order { record, .. }) = find(&api.service, &id, None).await?;
    is_about(&record.checkout_id);
    if ask_workflows(&api.service, &record, caller.key.as_str()).await? == Asked::Nobody {
        let detail = "Nothing of this checkout is under way: there is nothing to ask the payment provider.";
        return Err(Problem::new(Code::NothingToAsk, detail).about(record.status));
    }
    let again = [(header::RETRY_AFTER, ASK_AGAIN_AFTER_S.to_string()), location(&record)];
    let body = CheckoutBody::for_scopes(caller.scopes, &record, &api);
    Ok((StatusCode::ACCEPTED, again, Json(body)).into_response())
}
