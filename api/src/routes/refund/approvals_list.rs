//! `GET /v1/refunds`: the refunds that wait, or waited, for a second principal.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::principal::Principal;
use serde::Serialize;
use service::refund::opened;
use store::{ApprovalPosition, ApprovalRecord};
use workflows::ports::RefundRequest;

use crate::{
    Api,
    http::{
        caller::RefundsCaller,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        table::parameters,
        values::rfc3339,
    },
    openapi::shapes::{Amount, ApprovalName, CheckoutName, CurrencyCode, Instant, PaymentOrderName, RefundName},
};

/// A refund that waits, or waited, for a second principal.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = RefundApproval)]
pub(crate) struct ApprovalBody {
    #[schema(value_type = RefundName)]
    refund_id: String,
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    #[schema(value_type = ApprovalName)]
    approval: &'static str,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// What else was asked for; null where its encryption key is missing.
    request: Option<RequestBody>,
    /// `api_key:` and the id of the key that asked.
    requested_by: String,
    #[schema(value_type = Instant)]
    requested_at: String,
    /// `api_key:` and the id of the key that decided.
    decided_by: Option<String>,
    #[schema(value_type = Option<Instant>)]
    decided_at: Option<String>,
}

/// What was asked for, as far as the second principal needs it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = RefundApprovalRequest)]
struct RequestBody {
    /// The one payment order it is of; null for the whole checkout.
    #[schema(value_type = Option<PaymentOrderName>)]
    payment_order_id: Option<String>,
    /// What the buyer reads.
    reason: String,
    /// Whether the money goes to an account that the sender of the request named.
    names_account: bool,
}

parameters! {
    /// Which refunds.
    pub(crate) struct ChosenApprovals {
        /// Those that stand there; without it, all that wait or waited for a second principal.
        approval: ApprovalName,
    }
}

/// List refunds that need a second principal
///
/// Those that wait for one, or waited. Newest first. A principal finds here what it may approve or reject.
#[utoipa::path(
    get,
    path = "/v1/refunds",
    operation_id = "list_refund_approvals",
    tag = "Payments",
    security(("bearer" = ["read"]), ("bearer" = ["refund"])),
    params(ChosenApprovals, Paging),
    responses((status = 200, description = "A page", body = ListBody<ApprovalBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: RefundsCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<ApprovalBody>>, Problem> {
    let ChosenApprovals { approval } = ChosenApprovals::of(&parameters)?;
    let page = api.service.reader.approvals(approval, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, |record| ApprovalBody::new(&api, record))))
}

/// The place of a refund in the list.
pub(crate) fn position(record: &ApprovalRecord) -> ApprovalPosition {
    ApprovalPosition { requested_at: record.asked.requested_at, refund_id: record.asked.refund_id.clone() }
}

impl ApprovalBody {
    fn new(api: &Api, record: &ApprovalRecord) -> Self {
        let asked = &record.asked;
        Self {
            refund_id: asked.refund_id.to_string(),
            checkout_id: asked.checkout_id.to_string(),
            approval: record.standing().as_str(),
            amount: asked.amount.to_decimal_string(),
            currency: asked.amount.currency().code(),
            request: RequestBody::of(api, record),
            requested_by: told(&asked.requested_by),
            requested_at: rfc3339(asked.requested_at),
            decided_by: record.decided_by.as_ref().map(told),
            decided_at: record.decided_at.map(rfc3339),
        }
    }
}

impl RequestBody {
    fn of(api: &Api, record: &ApprovalRecord) -> Option<Self> {
        opened_or_logged(api, record).map(|request| Self {
            payment_order_id: request.wanted.order.as_ref().map(ToString::to_string),
            reason: request.reason,
            names_account: request.account.is_some(),
        })
    }
}

/// What was asked for. What cannot be opened is logged and not shown: a missing key must not hide the refunds of
/// others.
pub(crate) fn opened_or_logged(api: &Api, record: &ApprovalRecord) -> Option<RefundRequest> {
    let request = opened(&api.service, record);
    if request.is_err() {
        let refund_id = &record.asked.refund_id;
        tracing::error!(
            checkout.id = %record.asked.checkout_id,
            refund.id = %refund_id,
            "what was asked for as the refund {refund_id} stays closed"
        );
    }
    request.ok()
}

fn told(principal: &Principal) -> String {
    match principal {
        Principal::Key(id) => format!("api_key:{id}"),
        Principal::Person(id) => format!("person:{id}"),
    }
}
