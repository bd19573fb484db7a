//! Toss's own view of a payment, on request.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use service::psp_view::PspQuestion;
use web::console::psp_view;

use super::{frame::Person, guard::Form, story::record};
use crate::{Api, http::problem::Problem};

/// The page that asks.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    Ok(person.answer(psp_view(&person.frame(), &record, None)))
}

/// Asks Toss and shows the answer. The request has a line in the audit log like every form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    let payment_key = record.psp.as_ref().map(|psp| psp.payment_key.clone());
    let currency = record.total.currency();
    let question = PspQuestion { checkout_id: record.checkout_id.clone(), currency, payment_key };
    let answer = (api.service.psp)(question).await;
    Ok(person.answer(psp_view(&person.frame(), &record, Some(&answer))))
}
