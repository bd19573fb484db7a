//! `GET /v1/payments/{id}`: one address for a whole checkout and for one payment order.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{checkout::Status, id::DeadLetterId};
use serde::Serialize;
use service::{
    ask_psp, buyer,
    checkout::{FindError, Kind, Named, find},
};
use store::{CheckoutRecord, LetterFilter, Scope, Scopes, Window};

use crate::{
    Api,
    http::{
        caller::ReadCaller, forms::text_form, marks::is_about, parameters::Parameters, problem::Problem,
        reading::Reading, table::parameters,
    },
    openapi::{refusals::refusals, shapes::PaymentOrderName},
    routes::shapes::{CheckoutBody, OrderBody},
};

refusals! { ShowRefusals: AmbiguousId, CheckoutNotFound; }

parameters! {
    /// Which of two things of one id.
    pub(crate) struct ChosenKind {
        /// Whether the id names a checkout or a payment order. Needed for an id of older data that names both.
        kind: KindName,
    }
}

text_form! {
    /// A checkout or a payment order.
    pub(crate) KindName: Kind = |text| match text {
        "checkout" => Ok(Kind::Checkout),
        "payment_order" => Ok(Kind::PaymentOrder),
        _ => Err("must be `checkout` or `payment_order`"),
    },
    |text| text.enum_values(Some(["checkout", "payment_order"])).description(Some("A checkout or a payment order."))
}

/// Reads the parameter `kind`.
pub(crate) fn kind(parameters: &Parameters) -> Result<Option<Kind>, Problem> {
    ChosenKind::of(parameters).map(|chosen| chosen.kind)
}

/// A whole checkout, or one payment order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum Shown {
    Checkout(Box<CheckoutBody>),
    Order(Box<OrderBody>),
}

/// Read a checkout or a payment order
///
/// The ids of checkouts and of payment orders are one set. An id of older data that names both is refused with 409
/// `ambiguous_id` unless `kind` says which is meant. Keys of scope `checkout` and `ops` are shown the buyer's details
/// and the name on a virtual account, and each time a line of the audit log is written: ask for a status again and
/// again with a key of scope `read`.
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "read_payment",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order"), ChosenKind),
    responses((status = 200, description = "The checkout, or the payment order", body = Shown), ShowRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: ReadCaller,
    reading: Reading,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Shown>, Problem> {
    let named = find(&api.service, &id, kind(&parameters)?).await?;
    let (Named::Checkout(record) | Named::Order { record, .. }) = &named;
    is_about(&record.checkout_id);
    match named {
        Named::Checkout(record) => {
            let refunds = api.service.reader.refunds_of(&record.checkout_id).await?;
            let letter = letter(&api, caller.scopes, &record).await?;
            let body = CheckoutBody::for_scopes(caller.scopes, &record, &api).with_refunds(&refunds);
            let body = body.with_letter(letter.as_ref());
            let is_operator = caller.scopes.includes(Scope::Ops);
            let next = if is_operator { ask_psp::next_question_at(&api.service, &record).await } else { None };
            let body = body.with_next_question(next);
            let may_see_buyer = caller.scopes.includes(Scope::Checkout);
            let buyer = if may_see_buyer { buyer::kept(&api.service, &record).await? } else { None };
            let holder = if may_see_buyer { buyer::account_holder(&api.service, &record) } else { None };
            let shown = [buyer.as_ref().map(|_| "buyer_info"), holder.as_ref().map(|_| "account_holder")];
            let shown: Vec<_> = shown.into_iter().flatten().collect();
            if !shown.is_empty() {
                reading.write_down(&api, &shown.join(" ")).await?;
            }
            Ok(Json(Shown::Checkout(Box::new(body.with_buyer(buyer).with_holder(holder)))))
        }
        Named::Order { record, order } => {
            let order = record.orders.iter().find(|line| line.order.id == order).ok_or(FindError::Unknown)?;
            Ok(Json(Shown::Order(Box::new(OrderBody::alone(order, &record.checkout_id)))))
        }
    }
}

/// What a stuck checkout needs of an operator.
async fn letter(api: &Api, scopes: Scopes, record: &CheckoutRecord) -> Result<Option<DeadLetterId>, Problem> {
    if !scopes.includes(Scope::Ops) || record.status != Status::Stuck {
        return Ok(None);
    }
    let filter = LetterFilter { checkout_id: Some(record.checkout_id.clone()), ..LetterFilter::default() };
    let newest = api.service.reader.dead_letters(&filter, &Window { after: None, limit: 1 }).await?;
    Ok(newest.items.into_iter().next().map(|letter| letter.letter_id))
}
