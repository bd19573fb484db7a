//! What a person is told of a refund that waits for a second person.

use service::refund;
use store::{ApprovalRecord, ApprovalStanding, Scope};
use web::console::{AskedRefund, WaitingRefund};

use super::frame::Person;
use crate::{Api, http::problem::Problem, routes::refund::approvals_list::opened_or_logged};

/// The refunds of a checkout that wait, with what the person may say of each.
pub(super) async fn waiting(
    api: &Api,
    person: &Person,
    approvals: &[ApprovalRecord],
) -> Result<Vec<WaitingRefund>, Problem> {
    let mut waiting = Vec::new();
    for approval in approvals.iter().filter(|approval| approval.standing() == ApprovalStanding::Waiting) {
        waiting.push(shown(api, person, approval.clone()).await?);
    }
    Ok(waiting)
}

/// A refund that waits, with what the person may say of it.
pub(super) async fn shown(api: &Api, person: &Person, approval: ApprovalRecord) -> Result<WaitingRefund, Problem> {
    let is_second = refund::is_second(&api.service, &approval, &person.principal()).await?;
    let asked = opened_or_logged(api, &approval).map(|request| AskedRefund {
        order: request.wanted.order.map(|order| order.to_string()),
        names_account: request.account.is_some(),
        reason: request.reason,
    });
    Ok(WaitingRefund { asked, may_decide: is_second && person.may(Scope::Refund), approval })
}
