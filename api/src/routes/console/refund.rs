//! Giving money back: what is wanted, the sum once more, and what came of it.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    Money,
    charge::is_virtual_account,
    id::{IdempotencyKey, PaymentOrderId},
    refund::MAX_REASON_CHARS,
};
use service::refund::{CancelRequest, RefundKey, Target, cancel as cancel_payment, left_of};
use store::CheckoutRecord;
use web::console::RefundForm;

use super::{
    acts::{fingerprint, new_key, outcome, reason, unchanged},
    frame::Person,
    guard::Form,
    story::record,
};
use crate::{
    Api,
    http::{
        marks::Unchanged,
        problem::{Code, Problem},
    },
};

/// What is wanted back, as the form says it.
struct Wanted {
    order: Option<PaymentOrderId>,
    /// Without the commas that a person types.
    amount: String,
    reason: String,
}

/// The page that asks for the refund.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = paid(&api, &id).await?;
    let form = RefundForm::of(&record);
    let frame = person.frame();
    let page = if needs_account(&record) { form.needs_account(&frame) } else { form.page(&frame) };
    Ok(person.answer(page))
}

/// The page that shows the sum and the reason once more.
pub(super) async fn review(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    sent: Form,
) -> Result<Response, Problem> {
    let record = paid(&api, &id).await?;
    let frame = person.frame();
    let page = match wanted(&record, &sent)? {
        Ok(wanted) => {
            let order = wanted.order.as_ref().map_or("", PaymentOrderId::as_str);
            let (amount, reason) = (wanted.amount.as_str(), wanted.reason.as_str());
            let form = RefundForm { order, amount, reason, ..RefundForm::of(&record) };
            form.review(&frame, sum(&record, &wanted)?, &new_key())
        }
        Err(again) => again.page(&frame),
    };
    let mut response = person.answer(page);
    // Nothing is asked for yet.
    response.extensions_mut().insert(Unchanged);
    Ok(response)
}

/// Carries the refund out, once however often the form is sent.
pub(super) async fn carry_out(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    sent: Form,
) -> Result<Response, Problem> {
    let record = paid(&api, &id).await?;
    let wanted = match wanted(&record, &sent)? {
        Ok(wanted) => wanted,
        Err(again) => return Ok(unchanged(person.answer(again.page(&person.frame())))),
    };
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the refund. Open it again.");
    let key = IdempotencyKey::parse(sent.text("key")).map_err(|_| malformed())?;
    let key = RefundKey::OfRequest(person.principal().refund(&key));
    let Wanted { order, amount, reason } = wanted;
    let named = order.as_ref().map_or("", PaymentOrderId::as_str);
    let request = CancelRequest {
        fingerprint: fingerprint(&id, named, &amount, &reason),
        amount: Some(amount).filter(|amount| !amount.is_empty()),
        reason,
        account: None,
    };
    let target = Target { record: record.clone(), order };
    let canceled = cancel_payment(&api.service, &person.caller(), target, &key, &request).await?;
    Ok(outcome(&person, &record, &canceled))
}

/// A checkout whose money is here, or was given back: what ended without money has its own page.
async fn paid(api: &Api, id: &str) -> Result<CheckoutRecord, Problem> {
    let record = record(api, id).await?;
    if record.status.is_payment_done() {
        return Ok(record);
    }
    Err(Problem::new(Code::NotPaid, "The checkout is not paid: there is nothing to give back.").about(record.status))
}

/// What came in by a virtual account goes back to an account that the buyer has to name.
fn needs_account(record: &CheckoutRecord) -> bool {
    is_virtual_account(record.psp.as_ref().and_then(|psp| psp.method.as_deref()))
}

/// What the form asks for, or the form again with what is wrong.
fn wanted<'a>(record: &'a CheckoutRecord, sent: &'a Form) -> Result<Result<Wanted, RefundForm<'a>>, Problem> {
    let named = sent.text("order");
    let unknown = || Problem::new(Code::CheckoutNotFound, "The checkout has no such payment order.");
    let order = match record.orders.iter().find(|order| order.order.id.as_str() == named) {
        Some(order) => Some(order.order.id.clone()),
        None if named.is_empty() => None,
        None => return Err(unknown()),
    };
    let amount = sent.text("amount").replace(',', "");
    let is_amount_wrong =
        !amount.is_empty() && Money::parse(&amount, record.total.currency()).map_or(true, Money::is_zero);
    let reason = reason(sent, MAX_REASON_CHARS);
    match reason {
        Some(reason) if !is_amount_wrong => Ok(Ok(Wanted { order, amount, reason })),
        reason => Ok(Err(RefundForm {
            is_amount_wrong,
            is_reason_missing: reason.is_none(),
            order: named,
            amount: sent.text("amount"),
            reason: sent.text("reason"),
            record,
        })),
    }
}

/// The sum that the person confirms: the amount, or all that is left now.
fn sum(record: &CheckoutRecord, wanted: &Wanted) -> Result<Option<Money>, Problem> {
    if let Ok(amount) = Money::parse(&wanted.amount, record.total.currency()) {
        return Ok(Some(amount));
    }
    let left = left_of(record, wanted.order.as_ref());
    Ok(Some(left.map_err(|error| Problem::internal(&error))?))
}
