//! Saved cards: registering one, charging it, deleting it.

mod bodies;
pub(crate) mod page;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    id::{SavedCardId, WorkflowId},
    payment_method::PaymentMethod,
};
use service::saved_card::{Charged, SavedCardError};
use store::{CheckoutRecord, Scope};

use crate::{
    Api, Settings,
    http::{
        body::JsonBody,
        caller::{CheckoutCaller, ReadCaller},
        parameters::Parameters,
        problem::{Code, FieldCode, Problem},
        replay::replayed,
        table::parameters,
    },
    openapi::{
        refusals::refusals,
        shapes::{BuyerName, SavedCardName},
    },
    routes::{
        checkout::{Idempotent, idempotency_key, outcome, request},
        shapes::CheckoutBody,
    },
};

use bodies::{NewSavedCardBody, SavedCardBody, SavedCardsBody, read_new};

refusals! {
    AskRefusals:
        EncryptionKeysMissing,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        ValidationFailed;
    FindRefusals: SavedCardNotFound;
    ListRefusals: ValidationFailed;
    DeleteRefusals: RequestInProgress, SavedCardNotFound, TemporalUnavailable;
    ChargeRefusals:
        CardNumberRefused,
        CheckoutExists,
        DatabaseUnavailable,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        NoWorker,
        NotConfirmable,
        PaymentDeclined,
        RequestInProgress,
        SavedCardNotActive,
        SavedCardNotFound,
        TemporalUnavailable,
        ValidationFailed;
}

parameters! {
    /// Which saved cards.
    pub(crate) struct ChosenCards {
        /// The buyer whose cards they are; required.
        buyer_id: BuyerName,
    }
}

/// Ask for a saved card
///
/// The buyer registers a card on its `registration_page`, within a day: the card is entered in the payment provider's
/// window. After that it is `ACTIVE`, and can be charged without the window. Answers 201 to the first request and to
/// every repetition of it.
#[utoipa::path(
    post,
    path = "/v1/saved-cards",
    operation_id = "create_saved_card",
    tag = "Saved cards",
    security(("bearer" = ["checkout"])),
    params(Idempotent),
    request_body = NewSavedCardBody,
    responses(
        (
            status = 201,
            description = "The saved card as it began",
            body = SavedCardBody,
            headers(
                ("Location" = String, description = "Where to read it"),
                (
                    "Idempotent-Replayed" = String,
                    description = "`true` on the answer to a request that was sent before"
                ),
            ),
        ),
        AskRefusals,
    )
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    caller: CheckoutCaller,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let request = read_new(&body?, &api.settings)?;
    let saved = service::saved_card::ask(&api.service, &caller.caller(), (&caller.key, &key), request).await?;
    let location = format!("/v1/saved-cards/{}", saved.record.saved_card_id);
    let body = Json(SavedCardBody::first(&saved.record, &api));
    let response = (StatusCode::CREATED, [(header::LOCATION, location)], body).into_response();
    Ok(replayed(response, saved.is_replayed))
}

/// List a buyer's saved cards
///
/// The newest first; at most a hundred.
#[utoipa::path(
    get,
    path = "/v1/saved-cards",
    operation_id = "list_saved_cards",
    tag = "Saved cards",
    security(("bearer" = ["read"])),
    params(ChosenCards),
    responses((status = 200, description = "The cards", body = SavedCardsBody), ListRefusals)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<SavedCardsBody>, Problem> {
    let ChosenCards { buyer_id } = ChosenCards::of(&parameters)?;
    let buyer = buyer_id.ok_or_else(|| Problem::of_field("buyer_id", FieldCode::Required, "is required"))?;
    let cards = api.service.reader.saved_cards_of(&buyer).await?;
    Ok(Json(SavedCardsBody { data: cards.iter().map(SavedCardBody::new).collect() }))
}

/// Read a saved card
///
/// What the payment provider shows of the card: its issuer, and its number with most digits hidden. For scope
/// `checkout`, the address of its registration page while it takes a registration.
#[utoipa::path(
    get,
    path = "/v1/saved-cards/{saved_card_id}",
    operation_id = "read_saved_card",
    tag = "Saved cards",
    security(("bearer" = ["read"])),
    params(("saved_card_id" = SavedCardName, Path, description = "The saved card")),
    responses((status = 200, description = "The saved card", body = SavedCardBody), FindRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<SavedCardBody>, Problem> {
    let record = service::saved_card::show(&api.service, &read_id(id)?).await?;
    let body = SavedCardBody::new(&record);
    let is_told = caller.scopes.includes(Scope::Checkout) && record.takes_registration(service::now());
    Ok(Json(if is_told { body.with_page(&record, &api) } else { body }))
}

/// Charge a saved card
///
/// With the buyer present, or by the marketplace: a subscription, a top-up. The body is that of a new checkout, of the
/// buyer of the card, in KRW; it is paid at once, without the payment window. The checkout is read, refunded and told
/// of in events as any other. Sent again with the same key, the same charge is answered as it stands: a card is charged
/// once for one key. While the outcome is not known the answer is 202, and no other charge should be sent for the same
/// order.
#[utoipa::path(
    post,
    path = "/v1/saved-cards/{saved_card_id}/charges",
    operation_id = "charge_saved_card",
    tag = "Saved cards",
    security(("bearer" = ["checkout"])),
    params(("saved_card_id" = SavedCardName, Path, description = "The saved card"), Idempotent),
    request_body = request::NewCheckoutBody,
    responses(
        (
            status = 200,
            description = "Paid",
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
        ChargeRefusals,
    )
)]
pub(crate) async fn charge(
    State(api): State<Arc<Api>>,
    caller: CheckoutCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let id = read_id(id)?;
    let key = idempotency_key(&headers)?;
    let workflow_id = WorkflowId::of_checkout(&caller.key, &key);
    let Settings { return_hosts, buyer_pages, .. } = &api.settings;
    let accepted =
        request::Accepted { return_hosts, currencies: &buyer_pages.currencies(), methods: &[PaymentMethod::Card] };
    let new = request::read(&body?, &accepted)?;
    let charged = service::saved_card::charge(&api.service, &workflow_id, caller.key.clone(), (&id, new)).await;
    match charged {
        Ok(charged) => Ok(answer(&charged, &caller, &api)),
        Err(SavedCardError::NotPaid(error)) => Err(Problem::of_confirmation(error, api.is_for_buyer)),
        Err(error) => Err(error.into()),
    }
}

/// Delete a saved card
///
/// The payment provider charges it no more, and its key is forgotten. A charge that is under way may still succeed. To
/// delete it again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/saved-cards/{saved_card_id}",
    operation_id = "delete_saved_card",
    tag = "Saved cards",
    security(("bearer" = ["checkout"])),
    params(("saved_card_id" = SavedCardName, Path, description = "The saved card")),
    responses((status = 200, description = "It is deleted", body = SavedCardBody), DeleteRefusals)
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    _: CheckoutCaller,
    Path(id): Path<String>,
) -> Result<Json<SavedCardBody>, Problem> {
    let record = service::saved_card::delete(&api.service, &read_id(id)?).await?;
    Ok(Json(SavedCardBody::new(&record)))
}

fn answer(charged: &Charged, caller: &CheckoutCaller, api: &Api) -> Response {
    let body = |record: &CheckoutRecord| CheckoutBody::for_scopes(caller.scopes, record, api);
    replayed(outcome(&charged.outcome, body), charged.is_replayed)
}

fn read_id(text: String) -> Result<SavedCardId, Problem> {
    SavedCardId::parse(text).map_err(|_| Problem::new(Code::SavedCardNotFound, "This is no id of a saved card."))
}
