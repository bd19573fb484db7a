//! Checkouts: creating one, confirming its payment.

mod confirm;
mod metadata;
pub(crate) mod request;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::id::{CheckoutId, IdempotencyKey, WorkflowId};
use service::checkout::{
    confirm::Confirmed,
    create::{self, Created},
};
use store::CheckoutRecord;
use utoipa::{
    IntoParams,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::{
    Api, Settings,
    http::{
        body::JsonBody,
        caller::{CheckoutCaller, Confirmer},
        forms::any_text,
        problem::{Code, Problem},
        replay::replayed,
    },
    openapi::{refusals::refusals, shapes::CheckoutName},
    routes::shapes::CheckoutBody,
};

refusals! {
    CreateRefusals:
        CardNumberRefused,
        CheckoutExists,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        NoWorker,
        RequestInProgress,
        TemporalUnavailable,
        ValidationFailed;
    ConfirmRefusals:
        AmountMismatch,
        CheckoutNotFound,
        ConfirmNotAccepted,
        ConfirmTokenInvalid,
        ConfirmationUnderWay,
        DatabaseUnavailable,
        NotConfirmable,
        OrderMismatch,
        PaymentDeclined,
        TemporalUnavailable,
        ValidationFailed;
}

/// Makes a request safe to repeat.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// When to ask again for an outcome that is not known yet, in seconds.
pub(crate) const ASK_AGAIN_AFTER_S: u32 = 2;

/// Create a checkout
///
/// The buyer pays it on its `payment_page`, before `expires_at`. Answers 201 to the first request and to every
/// repetition of it.
#[utoipa::path(
    post,
    path = "",
    operation_id = "create_checkout",
    tag = "Payments",
    security(("bearer" = ["checkout"])),
    params(Idempotent),
    request_body = request::NewCheckoutBody,
    responses(
        (
            status = 201,
            description = "The checkout as it began",
            body = CheckoutBody,
            headers(
                ("Location" = String, description = "Where to read it"),
                (
                    "Idempotent-Replayed" = String,
                    description = "`true` on the answer to a request that was sent before"
                ),
            ),
        ),
        CreateRefusals,
    )
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    caller: CheckoutCaller,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let workflow_id = WorkflowId::of_checkout(&caller.key, &key);
    let Settings { return_hosts, buyer_pages, .. } = &api.settings;
    let accepted =
        request::Accepted { return_hosts, currencies: &buyer_pages.currencies(), methods: &buyer_pages.methods };
    let new = request::read(&body?, &accepted)?;
    let checkout = create::create(&api.service, &workflow_id, caller.key, new).await?;
    Ok(created(&checkout, &api))
}

/// Confirm a payment
///
/// The success page calls it when the buyer is back from the payment provider's window. It needs the `token` that the
/// creation of the checkout answered as `confirm_token`, or an API key of scope `checkout`. Calling it again with the
/// same body gives the same answer; while another payment of the checkout is being confirmed that is 429, and the same
/// request may be sent again.
#[utoipa::path(
    post,
    path = "/{id}/confirm",
    operation_id = "confirm_payment",
    tag = "Payments",
    security((), ("bearer" = ["checkout"])),
    params(("id" = CheckoutName, Path, description = "The checkout")),
    request_body = confirm::ConfirmationBody,
    responses(
        (status = 200, description = "Paid, or waiting for a deposit", body = CheckoutBody),
        (
            status = 202,
            description = "Not known yet; ask again",
            body = CheckoutBody,
            headers(("Location" = String, description = "Where to ask")),
        ),
        ConfirmRefusals,
    )
)]
pub(crate) async fn confirm(
    State(api): State<Arc<Api>>,
    confirmer: Confirmer,
    Path(id): Path<String>,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let sent = confirm::read(&body?)?;
    let id = CheckoutId::parse(id).map_err(|_| Problem::no_checkout())?;
    confirm::admit(&api, &confirmer, &id, sent.token.as_ref()).await?;
    let confirmed = service::checkout::confirm::confirm(&api.service, &id, &sent.claim).await;
    let confirmed = confirmed.map_err(|error| Problem::of_confirmation(error, api.is_for_buyer))?;
    Ok(outcome(&confirmed, |record| CheckoutBody::for_buyer(record, &api.settings)))
}

/// The header `Idempotency-Key`, for the document.
pub(crate) struct Idempotent;

impl IntoParams for Idempotent {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        // One character less than the most stands behind the first in the bare form.
        let (most, more) = (IdempotencyKey::MAX_CHARS, IdempotencyKey::MAX_CHARS - 1);
        let pattern = format!(r#"^([!#-~][!-~]{{0,{more}}}|"([!#-\[\]-~]|\\["\\]){{1,{most}}}")$"#);
        let description = "\
Unique for each new thing that is asked for: 1 to 255 visible ASCII characters, bare or in quotes. The same
request with the same key is answered as the first time, with `Idempotent-Replayed: true`. Keys are honoured
for at least 24 hours.";
        let header = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(any_text().pattern(Some(pattern))))
            .example(Some("order-2026-1".into()));
        vec![header.build()]
    }
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next().ok_or_else(|| {
        Problem::new(Code::IdempotencyKeyMissing, "Send the header `Idempotency-Key`, unique for each new request.")
    })?;
    let invalid = |detail: &dyn std::fmt::Display| {
        Problem::new(Code::IdempotencyKeyInvalid, format!("The header `Idempotency-Key` {detail}."))
    };
    if values.next().is_some() {
        return Err(invalid(&"must stand once"));
    }
    let value = value.to_str().map_err(|_| invalid(&"may hold only visible ASCII"))?;
    IdempotencyKey::from_header(value).map_err(|error| invalid(&error))
}

pub(crate) fn location(record: &CheckoutRecord) -> (HeaderName, String) {
    (header::LOCATION, format!("/v1/payments/{}", record.checkout_id))
}

fn created(checkout: &Created, api: &Api) -> Response {
    let record = checkout.record();
    let body = Json(CheckoutBody::first(record, api));
    let response = (StatusCode::CREATED, [location(record)], body).into_response();
    replayed(response, matches!(checkout, Created::Before(_)))
}

/// The outcome of a payment, or where to ask for it.
pub(crate) fn outcome(confirmed: &Confirmed, body: impl Fn(&CheckoutRecord) -> CheckoutBody) -> Response {
    match confirmed {
        Confirmed::Known(record) => Json(body(record)).into_response(),
        Confirmed::NotKnownYet(record) => {
            let again = [(header::RETRY_AFTER, ASK_AGAIN_AFTER_S.to_string()), location(record)];
            (StatusCode::ACCEPTED, again, Json(body(record))).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(values: &[&str]) -> Result<String, Code> {
        let headers = values.iter().map(|value| (IDEMPOTENCY_KEY, value.parse().unwrap())).collect();
        idempotency_key(&headers).map(|key| key.to_string()).map_err(|problem| problem.code())
    }

    #[test]
    fn an_idempotency_key_is_bare_or_quoted() {
        assert_eq!(key_of(&["order-1"]), Ok("order-1".to_owned()));
        assert_eq!(key_of(&["\"order-1\""]), Ok("order-1".to_owned()));
    }

    #[test]
    fn no_key_and_a_bad_key_are_told_apart() {
        assert_eq!(key_of(&[]), Err(Code::IdempotencyKeyMissing));
        for bad in [&[""][..], &["a b"], &["\"open"], &["키"], &["a", "a"], &[&"a".repeat(256)]] {
            assert_eq!(key_of(bad), Err(Code::IdempotencyKeyInvalid), "{bad:?}");
        }
    }
}
