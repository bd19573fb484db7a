//! The seller's corner. Of others' data a seller learns nothing, not even that it is there.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::id::SellerAccount;
use store::PayoutRecord;
use web::console::{self, PayoutActs, PayoutPage};

use super::{
    frame::{Asked, Person},
    payouts::{found, position, statement_of},
    sellers::{facts_of, payouts_of},
};
use crate::{
    Api,
    http::problem::{Code, Problem},
};

/// The seller whose session it is.
fn own(person: &Person) -> Result<&SellerAccount, Problem> {
    let none = || Problem::new(Code::Forbidden, "The session is not one of a seller.");
    person.0.open.record.seller.as_ref().ok_or_else(none)
}

pub(super) async fn show(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let facts = facts_of(&api, own(&person)?).await?;
    Ok(person.answer(console::own(&person.frame(), &facts)))
}

pub(super) async fn payouts(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let page = api.service.reader.payouts(&payouts_of(own(&person)?), &asked.window()).await?;
    let next = asked.next(&page, position);
    Ok(person.answer(console::own_payouts(&person.frame(), &page, next.as_deref())))
}

/// A payout of this seller. A payout of another seller is not found.
async fn own_payout(api: &Api, person: &Person, id: String) -> Result<PayoutRecord, Problem> {
    let seller = own(person)?;
    let payout = found(api, id).await?;
    let unknown = || Problem::from(service::payout::PayoutError::UnknownPayout);
    Some(payout).filter(|payout| payout.seller == *seller).ok_or_else(unknown)
}

pub(super) async fn payout(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let payout = own_payout(&api, &person, id).await?;
    let view = PayoutPage { payout: &payout, acts: PayoutActs::default(), is_own: true };
    Ok(person.answer(console::payout(&person.frame(), &view)))
}

pub(super) async fn statement(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let payout = own_payout(&api, &person, id).await?;
    statement_of(&api, &person, &payout).await
}
