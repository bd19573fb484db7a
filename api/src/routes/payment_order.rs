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
use store::{CheckoutRecord, LetterFilter, Scope, Scopes, Window};

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        parameters::Parameters,
        problem::{Code, Problem},
        reading::Reading,
    },
    openapi::{parameters::ChosenKind, refusals::refusals, shapes::PaymentOrderName},
    routes::{
        ask_psp, buyer,
        shapes::{CheckoutBody, OrderBody},
    },
};

refusals! { ShowRefusals: AmbiguousId, CheckoutNotFound; }

/// What an id names: a whole checkout, or one of its payment orders.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    Checkout(CheckoutRecord),
    Order { record: CheckoutRecord, order: PaymentOrderId },
}

/// What kind of thing a caller says that an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Checkout,
    PaymentOrder,
}

impl Kind {
    /// Reads the parameter `kind`.
    pub(crate) fn of(parameters: &Parameters) -> Result<Option<Self>, Problem> {
        parameters.read("kind", |text| match text {
            "checkout" => Ok(Self::Checkout),
            "payment_order" => Ok(Self::PaymentOrder),
            _ => Err("must be `checkout` or `payment_order`"),
        })
    }
}

/// A whole checkout, or one payment order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum Shown {
    Checkout(Box<CheckoutBody>),
    Order(OrderBody),
}

/// Read a checkout or a payment order
///
/// The ids of checkouts and of payment orders are one set. An id of older data that names both is refused with 409
/// `ambiguous_id` unless `kind` says which is meant. Keys of scope `checkout` and `ops` are shown the buyer's details and the
/// name on a virtual account, and each time a line of the audit log is written: ask for a status again and again with a key of scope `read`.
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
    match find(&api, &id, Kind::of(&parameters)?).await? {
        Named::Checkout(record) => {
            let refunds = api.reader.refunds_of(&record.checkout_id).await?;
            let letter = letter(&api, caller.scopes, &record).await?;
            let body = CheckoutBody::for_scopes(caller.scopes, &record, &api).with_refunds(&refunds);
            let body = body.with_letter(letter.as_ref());
            let is_operator = caller.scopes.includes(Scope::Ops);
            let next = if is_operator { ask_psp::next_question_at(&api, &record).await } else { None };
            let body = body.with_next_question(next);
            let may_see_buyer = caller.scopes.includes(Scope::Checkout);
            let buyer = if may_see_buyer { buyer::kept(&api, &record).await? } else { None };
            let holder = if may_see_buyer { buyer::account_holder(&api, &record) } else { None };
            let shown = [buyer.as_ref().map(|_| "buyer_info"), holder.as_ref().map(|_| "account_holder")];
            let shown: Vec<_> = shown.into_iter().flatten().collect();
            if !shown.is_empty() {
                reading.write_down(&api, &shown.join(" ")).await?;
            }
            Ok(Json(Shown::Checkout(Box::new(body.with_buyer(buyer).with_holder(holder)))))
        }
        Named::Order { record, order } => {
            let order = record.orders.iter().find(|line| line.order.id == order).ok_or_else(unknown)?;
            Ok(Json(Shown::Order(OrderBody::alone(order, &record.checkout_id))))
        }
    }
}

/// Finds what an id names. New ids name one thing; of older data, an id may name a checkout and a payment order of
/// another one, and then nothing is guessed.
pub(crate) async fn find(api: &Api, id: &str, kind: Option<Kind>) -> Result<Named, Problem> {
    let checkout = match CheckoutId::parse(id) {
        Ok(id) if kind != Some(Kind::PaymentOrder) => api.reader.checkout(&id).await?,
        Ok(_) | Err(_) => None,
    };
    let order = match PaymentOrderId::parse(id) {
        Ok(order) if kind != Some(Kind::Checkout) => {
            api.reader.checkout_of_order(&order).await?.map(|checkout_id| (order, checkout_id))
        }
        Ok(_) | Err(_) => None,
    };
    match (checkout, order) {
        (Some(record), None) => Ok(Named::Checkout(record)),
        // The whole and its only part are the same money.
        (Some(record), Some((_, of))) if of == record.checkout_id && record.orders.len() == 1 => {
            Ok(Named::Checkout(record))
        }
        (Some(_), Some(_)) => {
            let detail = "The id names a checkout and a payment order. Add the parameter `kind=checkout` or \
                          `kind=payment_order`.";
            Err(Problem::new(Code::AmbiguousId, detail))
        }
        (None, Some((order, checkout_id))) => {
            let record = api.reader.checkout(&checkout_id).await?.ok_or_else(unknown)?;
            Ok(Named::Order { record, order })
        }
        (None, None) => Err(unknown()),
    }
}

/// What a stuck checkout needs of an operator.
async fn letter(api: &Api, scopes: Scopes, record: &CheckoutRecord) -> Result<Option<DeadLetterId>, Problem> {
    if !scopes.includes(Scope::Ops) || record.status != Status::Stuck {
        return Ok(None);
    }
    let filter = LetterFilter { checkout_id: Some(record.checkout_id.clone()), ..LetterFilter::default() };
    let newest = api.reader.dead_letters(&filter, &Window { after: None, limit: 1 }).await?;
    Ok(newest.items.into_iter().next().map(|letter| letter.letter_id))
}

pub(crate) fn unknown() -> Problem {
    Problem::new(Code::CheckoutNotFound, "Neither a checkout nor a payment order has this id.")
}
