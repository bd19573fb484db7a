//! Refunds that wait for a second principal: four eyes on large amounts and on accounts that somebody names.
//!
//! The request is noted, sealed, before anything is asked of a workflow. The second principal's word is written down
//! first and carried out then; who repeats either request after a failure in between carries on.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{Money, id::RefundId};
use store::{ApprovalRecord, Decision, Keyring, KeyringError, NewApproval, Reservation, Reserved, Scope};
use workflows::ports::RefundRequest;

use super::{
    Target, answer,
    serving::{Refunds, in_progress, reused},
};
use service::now;

use crate::{
    Api,
    http::{
        caller::CancelCaller,
        problem::{Code, Problem},
    },
    openapi::{refusals::refusals, shapes::RefundName},
    routes::shapes::CheckoutBody,
};

refusals! {
    DecisionRefusals:
        FourEyes,
        RefundDecided,
        RefundExceedsPayment,
        RefundNotFound,
        RefundRefused,
        RequestInProgress,
        TemporalUnavailable;
}

/// What an operator demands of refunds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefundRules {
    /// The most that one principal asks back in a day, in Korea, unless its key has a limit of its own.
    pub limit_per_day: Option<Money>,
    /// A refund above it, or in another currency, needs a second principal.
    pub approval_above: Option<Money>,
    /// Whether a refund to an account that its sender names needs a second principal.
    pub approval_for_accounts: bool,
}

impl RefundRules {
    /// Whether any refund may wait for a second principal.
    pub const fn may_wait(&self) -> bool {
        self.approval_above.is_some() || self.approval_for_accounts
    }

    fn needs_approval(&self, amount: Money, names_account: bool) -> bool {
        let is_large = self
            .approval_above
            .is_some_and(|above| amount.currency() != above.currency() || amount.minor() > above.minor());
        is_large || (names_account && self.approval_for_accounts)
    }
}

/// Whether a refund is handed on.
pub(super) enum Admitted {
    /// It is, over this amount.
    Now(Box<RefundRequest>),
    /// Not before a second principal has approved it.
    Waits(Box<RefundRequest>, Box<ApprovalRecord>),
}

/// Holds a refund that nobody has recorded yet against the limit of the day and the rule of four eyes. One that either
/// is held against goes back over the amount that was held against it, whatever is left by then.
pub(super) async fn admit(
    api: &Api,
    caller: &CancelCaller,
    target: &Target,
    mut request: RefundRequest,
) -> Result<Admitted, Problem> {
    let rules = &api.settings.refund_rules;
    let limit = caller.refund_limit.or(rules.limit_per_day);
    if limit.is_none() && !rules.may_wait() {
        return Ok(Admitted::Now(Box::new(request)));
    }
    let amount = request.wanted.amount.map_or_else(|| target.rest(), Ok)?;
    request.wanted.amount = Some(amount);
    if let Some(limit) = limit {
        let (refund_id, principal) = (&request.refund_id, &caller.principal());
        let reservation = Reservation { refund_id, principal, amount, at: now() };
        match api.journal.reserve_refund(reservation, limit).await? {
            Reserved::Within => {}
            Reserved::Beyond => return Err(beyond(limit)),
        }
    }
    if !rules.needs_approval(amount, request.account.is_some()) {
        return Ok(Admitted::Now(Box::new(request)));
    }
    let record = noted(api, caller, &request, amount).await?;
    if record.asked.fingerprint != request.fingerprint {
        return Err(reused());
    }
    match record.decision {
        None => Ok(Admitted::Waits(Box::new(request), Box::new(record))),
        Some(Decision::Approved) => Ok(Admitted::Now(Box::new(opened(api, &record)?))),
        Some(Decision::Rejected) => Err(rejected(&record)),
    }
}

/// The note of a refund that waits: the one that stands there, or a new one.
async fn noted(
    api: &Api,
    caller: &CancelCaller,
    request: &RefundRequest,
    amount: Money,
) -> Result<ApprovalRecord, Problem> {
    if let Some(record) = api.reader.approval(&request.refund_id).await? {
        return Ok(record);
    }
    let text = serde_json::to_vec(request).map_err(|error| Problem::internal(&error))?;
    let sealed = keyring(api)?.seal(&text, &place(&request.refund_id)).map_err(|error| Problem::internal(&error))?;
    let asked = NewApproval {
        refund_id: request.refund_id.clone(),
        checkout_id: request.checkout_id.clone(),
        fingerprint: request.fingerprint.clone(),
        amount,
        requested_by: caller.principal(),
        requested_at: now(),
        request: sealed,
    };
    api.journal.await_approval(&asked).await?;
    api.reader.approval(&request.refund_id).await?.ok_or_else(in_progress)
}

/// The request as it was sealed.
pub(super) fn opened(api: &Api, record: &ApprovalRecord) -> Result<RefundRequest, Problem> {
    let text = keyring(api)?.open(&record.asked.request, &place(&record.asked.refund_id));
    let text = text.map_err(|error| Problem::internal(&error))?;
    serde_json::from_slice(&text).map_err(|error| Problem::internal(&error))
}

/// Where approvals are demanded, the start demands encryption keys.
fn keyring(api: &Api) -> Result<&Keyring, Problem> {
    api.keyring.as_deref().ok_or_else(|| Problem::internal(&KeyringError::Malformed))
}

/// A sealed request opens for its own refund only.
fn place(refund_id: &RefundId) -> Vec<u8> {
    format!("refund approval\n{refund_id}").into_bytes()
}

/// Approve a refund
///
/// A refund that waits for a second principal is carried out. The key that asked for it, and every key in its line, is
/// the same principal. Sending it again answers where the refund stands.
#[utoipa::path(
    post,
    path = "/v1/refunds/{id}/approve",
    operation_id = "approve_refund",
    tag = "Payments",
    security(("bearer" = ["refund"])),
    params(("id" = RefundName, Path, description = "The refund")),
    responses((status = 200, description = "Refunded", body = CheckoutBody), (status = 202, description = "Not known yet; ask again", body = CheckoutBody, headers(("Location" = String, description = "Where to ask"))), DecisionRefusals)
)]
pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = decide(&api, &caller, id, Decision::Approved).await?;
    let outcome = Refunds::new(&api, &caller).carry_out(opened(&api, &record)?).await?;
    Ok(answer(&outcome, &caller, &api))
}

/// Reject a refund
///
/// A refund that waits for a second principal is not carried out. Its sender asks for another one with a new key.
#[utoipa::path(
    post,
    path = "/v1/refunds/{id}/reject",
    operation_id = "reject_refund",
    tag = "Payments",
    security(("bearer" = ["refund"])),
    params(("id" = RefundName, Path, description = "The refund")),
    responses((status = 200, description = "Rejected", body = CheckoutBody), DecisionRefusals)
)]
pub(crate) async fn reject(
    State(api): State<Arc<Api>>,
    caller: CancelCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = decide(&api, &caller, id, Decision::Rejected).await?;
    let checkout = api.reader.checkout(&record.asked.checkout_id).await?.ok_or_else(unknown)?;
    let body = CheckoutBody::for_scopes(caller.scopes, &checkout, &api);
    let body = body.with_approval(&opened(&api, &record)?, &record);
    Ok((StatusCode::OK, Json(body)).into_response())
}

/// Writes down what a second principal says, and answers what stands there. The first word stays.
async fn decide(api: &Api, caller: &CancelCaller, id: String, decision: Decision) -> Result<ApprovalRecord, Problem> {
    caller.demand(Scope::Refund)?;
    let id = RefundId::parse(id).map_err(|_| unknown())?;
    let record = api.reader.approval(&id).await?.ok_or_else(unknown)?;
    if record.asked.requested_by == caller.principal() {
        let detail = "The API key that asked for a refund does not decide on it; another one has to.";
        return Err(Problem::new(Code::FourEyes, detail));
    }
    api.journal.decide_refund(&id, decision, &caller.principal()).await?;
    let record = api.reader.approval(&id).await?.ok_or_else(unknown)?;
    if record.decision != Some(decision) {
        let decided = record.decision.map_or("not decided", Decision::as_str);
        return Err(Problem::new(Code::RefundDecided, format!("The refund is {decided} already.")));
    }
    Ok(record)
}

fn beyond(limit: Money) -> Problem {
    let detail =
        format!("This API key gives back at most {limit} in a day, in Korea; with this refund it would be more.");
    Problem::new(Code::RefundLimitExceeded, detail)
}

fn rejected(record: &ApprovalRecord) -> Problem {
    let by = record.decided_by.as_ref().map(ToString::to_string).unwrap_or_default();
    Problem::new(Code::RefundRefused, format!("{by} rejected the refund; ask for another one with a new key."))
}

fn unknown() -> Problem {
    Problem::new(Code::RefundNotFound, "No refund of this id waits or waited for a second principal.")
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;

    fn won(minor: u64) -> Money {
        Money::try_from_minor(minor, Currency::Krw).unwrap()
    }

    #[test]
    fn large_amounts_other_currencies_and_named_accounts_need_a_second_principal() {
        let rules = RefundRules { approval_above: Some(won(10_000)), ..RefundRules::default() };
        assert!(!rules.needs_approval(won(10_000), true));
        assert!(rules.needs_approval(won(10_001), false));
        assert!(rules.needs_approval(Money::try_from_minor(1, Currency::Usd).unwrap(), false));
        let accounts = RefundRules { approval_for_accounts: true, ..RefundRules::default() };
        assert!(accounts.needs_approval(won(1), true) && !accounts.needs_approval(won(1_000_000), false));
        assert!(!RefundRules::default().may_wait() && accounts.may_wait() && rules.may_wait());
    }
}
