//! `GET /v1/payments/{id}`: one address for a whole checkout and for one payment order.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    checkout::Status,
    id::{CheckoutId, DeadLetterId, PaymentOrderId},
};
use serde::Serialize;
use store::{CheckoutRecord, LetterFilter, Scope, Window};

use crate::{
    Api, ask_psp, buyers,
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
        let refunds = api.reader.refunds_of(&record.checkout_id).await?;
        let letter = letter(&api, caller.scope, &record).await?;
        let body = CheckoutBody::for_scope(caller.scope, &record, &api).with_refunds(&refunds);
        let body = body.with_letter(letter.as_ref());
        let is_operator = caller.scope.includes(Scope::Ops);
        let next = if is_operator { ask_psp::next_question_at(&api, &record).await } else { None };
        let body = body.with_next_question(next);
        let buyer =
            if caller.scope.includes(Scope::Checkout) { buyers::kept(&api, &record.workflow_id).await? } else { None };
        return Ok(Json(Shown::Checkout(Box::new(body.with_buyer(buyer)))));
    }
    let order = order(&api, &id).await?.ok_or_else(unknown)?;
    Ok(Json(Shown::Order(order)))
}

pub(crate) async fn checkout(api: &Api, id: &str) -> Result<Option<CheckoutRecord>, Problem> {
    let Ok(id) = CheckoutId::parse(id) else { return Ok(None) };
    Ok(api.reader.checkout(&id).await?)
}

/// What a stuck checkout needs of an operator.
async fn letter(api: &Api, scope: Scope, record: &CheckoutRecord) -> Result<Option<DeadLetterId>, Problem> {
    if scope != Scope::Ops || record.status != Status::Stuck {
        return Ok(None);
    }
    let filter = LetterFilter { checkout_id: Some(record.checkout_id.clone()), ..LetterFilter::default() };
    let newest = api.reader.dead_letters(&filter, &Window { after: None, limit: 1 }).await?;
    Ok(newest.items.into_iter().next().map(|letter| letter.letter_id))
}

async fn order(api: &Api, id: &str) -> Result<Option<OrderBody>, Problem> {
    let Ok(id) = PaymentOrderId::parse(id) else { return Ok(None) };
    let Some(checkout_id) = api.reader.checkout_of_order(&id).await? else { return Ok(None) };
    let Some(record) = api.reader.checkout(&checkout_id).await? else { return Ok(None) };
    let order = record.orders.iter().find(|order| order.order.id == id);
    Ok(order.map(|order| OrderBody::alone(order, &checkout_id)))
}

pub(crate) fn unknown() -> Problem {
    Problem::new(Code::CheckoutNotFound, "Neither a checkout nor a payment order has this id.")
}
