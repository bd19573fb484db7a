//! Refunds that wait for a second person.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::id::{CheckoutId, RefundId};
use service::refund::{self, RefundError};
use store::{ApprovalPosition, ApprovalRecord, ApprovalStanding, CheckoutRecord};
use web::console::{self, DecideRefundForm, MAX_ACT_REASON_CHARS, Outcome, RefundStep, Wrong};

use super::{
    acts::{came_of, outcome, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
    refund_waits::shown,
    story::record,
};
use crate::{
    Api,
    http::problem::{Code, Problem},
    routes::refund::approvals_list::position,
};

/// The list of refunds that wait for a second person, or waited.
pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let standing = ApprovalStanding::parse(asked.text("approval"));
    let page = api.service.reader.approvals(standing, &asked.window::<ApprovalPosition>()).await?;
    let next = asked.next(&page, position);
    Ok(person.answer(console::refund_approvals(&person.frame(), standing, &page, next.as_deref())))
}

/// A checkout, and a refund of it that needs, or needed, a second person.
async fn found(api: &Api, id: &str, refund: String) -> Result<(CheckoutRecord, ApprovalRecord), Problem> {
    let unknown = || Problem::from(RefundError::UnknownRefund);
    let record = record(api, id).await?;
    let refund = RefundId::parse(refund).map_err(|_| unknown())?;
    let of_checkout = |approval: &ApprovalRecord, id: &CheckoutId| approval.asked.checkout_id == *id;
    let approval = api.service.reader.approval(&refund).await?;
    let approval = approval.filter(|approval| of_checkout(approval, &record.checkout_id)).ok_or_else(unknown)?;
    Ok((record, approval))
}

fn step(text: &str) -> Result<RefundStep, Problem> {
    RefundStep::parse(text).ok_or_else(|| Problem::new(Code::NotFound, "There is no such decision on a refund."))
}

/// The page that decides.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, refund, named)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let step = step(&named)?;
    let (record, approval) = found(&api, &id, refund).await?;
    let refund = shown(&api, &person, approval).await?;
    let form = DecideRefundForm { record: &record, refund: &refund, step, wrong: None };
    Ok(person.answer(form.page(&person.frame())))
}

/// Decides, once however often the form is sent. An approved refund is carried out.
pub(super) async fn decide(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, refund, named)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let step = step(&named)?;
    let (record, approval) = found(&api, &id, refund).await?;
    if reason(&form, MAX_ACT_REASON_CHARS).is_none() {
        let refund = shown(&api, &person, approval).await?;
        let again = DecideRefundForm { record: &record, refund: &refund, step, wrong: Some(Wrong::Reason) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    }
    let (service, refund_id) = (&api.service, &approval.asked.refund_id);
    match step {
        RefundStep::Approve => {
            let canceled = refund::approve(service, &person.caller(), refund_id).await?;
            Ok(outcome(&person, &record, &canceled))
        }
        RefundStep::Reject => {
            refund::reject(service, &person.caller(), refund_id).await?;
            let back = format!("/console/payments/{}", record.checkout_id);
            Ok(came_of(&person, Outcome::RefundRejected, Some(approval.asked.amount), &back))
        }
    }
}
