//! Acts on a payment: asking Toss, and ending a checkout that is not paid.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{Money, checkout::Status, refund::MAX_REASON_CHARS};
use service::{
    ask_psp::{self, Asked},
    refund::{CancelRequest, Canceled, RefundKey, Target, cancel as cancel_payment, is_open},
};
use sha2::{Digest, Sha256};
use store::CheckoutRecord;
use uuid::Uuid;
use web::console::{Asking, Confirming, MAX_ACT_REASON_CHARS, Outcome, Told};

use super::{frame::Person, guard::Form, reason::reason_in, story::record};
use crate::{
    Api,
    http::{
        marks::Unchanged,
        problem::{Code, Problem},
    },
};

/// The page that confirms an act on a payment.
pub(super) async fn ask_toss(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    Ok(confirming(&person, Asking::AskToss, &record, false))
}

pub(super) async fn do_ask_toss(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    if reason(&form, MAX_ACT_REASON_CHARS).is_none() {
        return Ok(unchanged(confirming(&person, Asking::AskToss, &record, true)));
    }
    match ask_psp::ask(&api.service, &record, &person.principal().bare()).await? {
        Asked::Somebody => Ok(told(&person, Outcome::Asked, &record)),
        Asked::Nobody => {
            let detail = "Nothing of this checkout is under way: there is nothing to ask Toss.";
            Err(Problem::new(Code::NothingToAsk, detail).about(record.status))
        }
    }
}

/// The page that confirms the end of a checkout.
pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    refuse_ended(&record)?;
    Ok(confirming(&person, Asking::Cancel, &record, false))
}

pub(super) async fn do_cancel(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    let Some(reason) = reason(&form, MAX_REASON_CHARS) else {
        return Ok(unchanged(confirming(&person, Asking::Cancel, &record, true)));
    };
    // The second click of a double click finds what the first one did.
    if record.status == Status::Canceled {
        return Ok(told(&person, Outcome::GivenUp, &record));
    }
    refuse_ended(&record)?;
    let request = CancelRequest { amount: None, fingerprint: fingerprint(&id, "", "", &reason), reason, account: None };
    let target = Target { record: record.clone(), order: None };
    let canceled = cancel_payment(&api.service, &person.caller(), target, &RefundKey::OfTarget, &request).await?;
    Ok(outcome(&person, &record, &canceled))
}

/// A paid checkout is refunded by its own page, which shows the sum.
fn refuse_ended(record: &CheckoutRecord) -> Result<(), Problem> {
    if is_open(record) {
        return Ok(());
    }
    let detail = "The checkout does not wait for a payment any more: there is nothing to end.";
    Err(Problem::new(Code::NotCancelable, detail).about(record.status))
}

fn confirming(person: &Person, asking: Asking, record: &CheckoutRecord, is_reason_missing: bool) -> Response {
    let act = match asking {
        Asking::AskToss => "ask-toss",
        Asking::Cancel | Asking::Retry | Asking::Discard | Asking::Redeliver => "cancel",
    };
    let back = address(record);
    let confirming = Confirming {
        asking,
        action: &format!("{back}/{act}"),
        back: &back,
        object: record.checkout_id.as_str(),
        record: Some(record),
        key: &new_key(),
        is_reason_missing,
    };
    person.answer(confirming.page(&person.frame()))
}

/// The page that says what came of canceling or refunding.
pub(super) fn outcome(person: &Person, record: &CheckoutRecord, canceled: &Canceled) -> Response {
    let (outcome, amount) = match canceled {
        Canceled::GivenUp(_) => (Outcome::GivenUp, None),
        Canceled::NotGivenUpYet(_) => (Outcome::NotGivenUpYet, None),
        Canceled::Refunded { refund, replayed: true, .. } => (Outcome::RefundedBefore, refund.amount),
        Canceled::Refunded { refund, replayed: false, .. } => (Outcome::Refunded, refund.amount),
        Canceled::WaitsForApproval { approval, .. } => (Outcome::RefundWaits, Some(approval.asked.amount)),
        Canceled::NotRefundedYet { refund, .. } => (Outcome::RefundGoesOn, refund.amount),
    };
    came_of(person, outcome, amount, &address(record))
}

fn told(person: &Person, outcome: Outcome, record: &CheckoutRecord) -> Response {
    came_of(person, outcome, None, &address(record))
}

/// Marks the page of a form that could not be taken: nothing was asked for.
pub(super) fn unchanged(mut response: Response) -> Response {
    response.extensions_mut().insert(Unchanged);
    response
}

/// The page that says what came of an act.
pub(super) fn came_of(person: &Person, outcome: Outcome, amount: Option<Money>, back: &str) -> Response {
    person.answer(Told { outcome, amount, back }.page(&person.frame()))
}

fn address(record: &CheckoutRecord) -> String {
    format!("/console/payments/{}", record.checkout_id)
}

/// Names an act before it is confirmed: sent twice, it is one act.
pub(super) fn new_key() -> String {
    Uuid::new_v4().to_string()
}

/// The reason of a form, if it may be written down.
pub(super) fn reason(form: &Form, limit: usize) -> Option<String> {
    reason_in(form.text("reason"), limit)
}

/// The same key with other fields is another request.
pub(super) fn fingerprint(id: &str, order: &str, amount: &str, reason: &str) -> String {
    hex::encode(Sha256::digest(["console", id, order, amount, reason].join("\n").as_bytes()))
}
