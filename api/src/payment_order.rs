//! `GET /v1/payments/{id}`: one address for a whole checkout and for one payment order.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::id::{CheckoutId, PaymentOrderId};
use serde::Serialize;
use store::CheckoutRecord;

use crate::{
    Api,
    callers::ReadCaller,
    openapi::{refusals::refusals, shapes::PaymentOrderName},
    problem::{Code, Problem},
    shapes::{CheckoutBody, OrderBody},
};

refusals! { ShowRefusals: CheckoutNotFound; }

/// A whole checkout, or one payment order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum Shown {
    Checkout(Box<CheckoutBody>),
    Order(OrderBody),
}

/// Read a checkout or a payment order
///
/// A checkout id wins over a payment order id of the same text.
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "read_payment",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order")),
    responses((status = 200, description = "The checkout, or the payment order", body = Shown), ShowRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    if let Some(record) = checkout(&api, &id).await? {
        return Ok(Json(Shown::Checkout(Box::new(CheckoutBody::for_scope(caller.scope, &record, &api)))));
    }
    let order = order(&api, &id).await?.ok_or_else(unknown)?;
    Ok(Json(Shown::Order(order)))
}

async fn checkout(api: &Api, id: &str) -> Result<Option<CheckoutRecord>, Problem> {
    let Ok(id) = CheckoutId::parse(id) else { return Ok(None) };
    Ok(api.reader.checkout(&id).await?)
}

async fn order(api: &Api, id: &str) -> Result<Option<OrderBody>, Problem> {
    let Ok(id) = PaymentOrderId::parse(id) else { return Ok(None) };
    let Some(checkout_id) = api.reader.checkout_of_order(&id).await? else { return Ok(None) };
    let Some(record) = api.reader.checkout(&checkout_id).await? else { return Ok(None) };
    let order = record.orders.iter().find(|order| order.order.id == id);
    Ok(order.map(|order| OrderBody::alone(order, &checkout_id)))
}

fn unknown() -> Problem {
    Problem::new(Code::CheckoutNotFound, "Neither a checkout nor a payment order has this id.")
}
