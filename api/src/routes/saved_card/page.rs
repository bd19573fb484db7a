//! The addresses of the pages on which a buyer registers a card. `web` makes the pages.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use domain::id::SavedCardId;
use store::{ConfirmToken, SavedCardRecord};
use web::saved_card::{self, Visit};

use crate::{
    Api,
    http::problem::{Code, Problem},
    openapi::{refusals::refusals, shapes::SavedCardName},
};

refusals! {
    PageRefusals: DatabaseUnavailable;
    ReturnRefusals: DatabaseUnavailable, EncryptionKeysMissing, TemporalUnavailable;
}

/// The page that registers a card
///
/// The button that opens the payment provider's window for cards that are kept.
#[utoipa::path(
    get,
    path = "/saved-cards/{saved_card_id}",
    operation_id = "show_card_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("saved_card_id" = SavedCardName, Path, description = "The saved card"),
        ("token" = Option<String>, Query, description = "What the address of the registration page carries"),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such page", body = String, content_type = "text/html"),
        PageRefusals,
    )
)]
pub(crate) async fn register(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some((record, token)) = found(&api, id, &parameters).await? else { return Ok(unknown(&headers)) };
    let is_open = record.takes_registration(service::now());
    Ok(saved_card::register(visit(&api, (&record, &token), &headers), is_open))
}

/// The page after the registration
///
/// The buyer is back from the payment provider's window with a consent, which registers the card.
#[utoipa::path(
    get,
    path = "/saved-cards/{saved_card_id}/success",
    operation_id = "show_card_success_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("saved_card_id" = SavedCardName, Path, description = "The saved card"),
        ("token" = Option<String>, Query, description = "What the address of the registration page carries"),
        ("authKey" = Option<String>, Query, description = "What the payment provider gave for the buyer's consent"),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 303, description = "Registered: back to the marketplace"),
        (status = 404, description = "There is no such page", body = String, content_type = "text/html"),
        ReturnRefusals,
    )
)]
pub(crate) async fn success(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some((record, token)) = found(&api, id, &parameters).await? else { return Ok(unknown(&headers)) };
    let consent = parameters.get("authKey").map_or("", String::as_str);
    let registered = service::saved_card::register(&api.service, &record, consent).await?;
    // What the page shows of the card came with the registration.
    let record = service::saved_card::show(&api.service, &record.saved_card_id).await?;
    Ok(saved_card::returned(visit(&api, (&record, &token), &headers), &registered))
}

/// The page of a registration that came to nothing
///
/// The window closed without a consent, and why.
#[utoipa::path(
    get,
    path = "/saved-cards/{saved_card_id}/fail",
    operation_id = "show_card_failure_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("saved_card_id" = SavedCardName, Path, description = "The saved card"),
        ("token" = Option<String>, Query, description = "What the address of the registration page carries"),
        ("code" = Option<String>, Query, description = "Why, in a code of the payment provider"),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such page", body = String, content_type = "text/html"),
        PageRefusals,
    )
)]
pub(crate) async fn fail(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some((record, token)) = found(&api, id, &parameters).await? else { return Ok(unknown(&headers)) };
    let code = parameters.get("code").map_or("", String::as_str);
    Ok(saved_card::failed(visit(&api, (&record, &token), &headers), code))
}

/// The card of the address, for a browser that proves to be its buyer's.
async fn found(
    api: &Api,
    id: String,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<(SavedCardRecord, ConfirmToken)>, Problem> {
    let (Ok(id), Some(token)) = (SavedCardId::parse(id), parameters.get("token").map(ConfirmToken::sent)) else {
        return Ok(None);
    };
    let record = service::saved_card::of_browser(&api.service, &id, Some(&token)).await?;
    Ok(record.map(|record| (record, token)))
}

fn visit<'a>(
    api: &'a Api,
    (record, token): (&'a SavedCardRecord, &'a ConfirmToken),
    headers: &'a HeaderMap,
) -> Visit<'a> {
    Visit { settings: &api.settings.buyer_pages, record, token, headers }
}

fn unknown(headers: &HeaderMap) -> Response {
    (Code::SavedCardNotFound.status(), saved_card::unknown(headers)).into_response()
}
