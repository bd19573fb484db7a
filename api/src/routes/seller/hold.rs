//! Holds on sellers.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    id::HoldId,
    seller::{LiftedHold, NewHold},
};

use super::{
    bodies::HoldBody,
    request::{NewHoldBody, WantedHold, read_hold},
    seller_of,
};
use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::FinanceCaller,
        problem::{Code, Problem},
        replay::replayed,
    },
    openapi::{
        refusals::refusals,
        shapes::{HoldName, SellerName},
    },
    routes::checkout::{Idempotent, idempotency_key},
};

refusals! {
    PlaceRefusals:
        HoldRefused,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        RequestInProgress,
        SellerNotFound,
        TemporalUnavailable,
        ValidationFailed;
    LiftRefusals: HoldNotFound, HoldRefused, RequestInProgress, SellerNotFound, TemporalUnavailable;
}

/// Hold a seller's money back
///
/// An `amount` of what is available now, or all payouts. A hold ends when it is lifted, or at `until`.
#[utoipa::path(
    post,
    path = "/v1/sellers/{seller_account}/holds",
    operation_id = "hold_seller",
    tag = "Sellers",
    security(("bearer" = ["finance"])),
    params(("seller_account" = SellerName, Path, description = "The seller"), Idempotent),
    request_body = NewHoldBody,
    responses((status = 201, description = "It is held back", body = HoldBody), PlaceRefusals)
)]
pub(crate) async fn place(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(seller): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let seller = seller_of(seller)?;
    let WantedHold { amount, reason, until } = read_hold(&body?)?;
    service::seller::show(&api.service, &seller).await?;
    let hold_id = HoldId::of_request(&caller.key, &key);
    let placed_by = caller.principal();
    let new = NewHold { hold_id, seller, amount, reason, until, placed_by };
    let held = service::seller::hold(&api.service, new).await?;
    let body = HoldBody::new(&held.record);
    let location = format!("/v1/sellers/{}", held.record.hold.seller);
    let response = (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response();
    Ok(replayed(response, held.is_replayed))
}

/// Lift a hold
///
/// The amount is available again, or payouts go on. A hold that was lifted before is answered alike.
#[utoipa::path(
    delete,
    path = "/v1/sellers/{seller_account}/holds/{hold_id}",
    operation_id = "lift_seller_hold",
    tag = "Sellers",
    security(("bearer" = ["finance"])),
    params(
        ("seller_account" = SellerName, Path, description = "The seller"),
        ("hold_id" = HoldName, Path, description = "The hold"),
    ),
    responses((status = 200, description = "It is lifted", body = HoldBody), LiftRefusals)
)]
pub(crate) async fn lift(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path((seller, hold)): Path<(String, String)>,
) -> Result<Json<HoldBody>, Problem> {
    let seller = seller_of(seller)?;
    let hold_id = HoldId::parse(hold).map_err(|_| Problem::new(Code::HoldNotFound, "This is no id of a hold."))?;
    let lifted = LiftedHold { hold_id, seller, lifted_by: caller.principal() };
    Ok(Json(HoldBody::new(&service::seller::lift(&api.service, lifted).await?)))
}
