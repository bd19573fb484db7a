//! Payouts and their statements. A key of a seller sees that seller's.

mod request;
mod statement;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use domain::{
    id::{PayoutId, SellerAccount},
    payout::PayoutKind,
};
use serde::Serialize;
use service::payout::{ActRequest, PayoutError, act};
use store::{NotedAnswer, PayoutPosition, PayoutRecord};
use workflows::ports::PayoutAct;

use self::request::{ActBody, AnswerBody, Chosen, why, why_of_attempt};
use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::{FinanceCaller, WalletCaller},
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        values::rfc3339,
    },
    openapi::{
        refusals::refusals,
        shapes::{
            Amount, BankAnswerName, CurrencyCode, Instant, PaidByName, PayoutKindName, PayoutName, PayoutRunName,
            PayoutStatusName, SellerName,
        },
    },
};

refusals! {
    FindRefusals: Forbidden, PayoutNotFound;
    ActRefusals:
        PayoutNotActionable, PayoutNotFound, RequestInProgress, TemporalUnavailable, ValidationFailed;
}

/// A payout.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Payout)]
pub(crate) struct PayoutBody {
    #[schema(value_type = PayoutName)]
    payout_id: String,
    #[schema(value_type = PayoutRunName)]
    payout_run_id: String,
    #[schema(value_type = PayoutKindName)]
    kind: &'static str,
    #[schema(value_type = PaidByName)]
    paid_by: &'static str,
    /// The marketplace's own account where the payout is a sweep.
    #[schema(value_type = SellerName)]
    seller_account: String,
    /// The day of the run in Korea.
    period: String,
    #[schema(value_type = PayoutStatusName)]
    status: &'static str,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// From 1; a new attempt begins only after the payment provider's word that the last one was not paid.
    attempt: u32,
    /// The name of the attempt at the payment provider.
    ref_payout_id: String,
    /// The day on which the payment provider pays.
    pays_on: Option<String>,
    failure: Option<PayoutFailure>,
    /// Where the statement is; a sweep has none.
    statement: Option<String>,
    #[schema(value_type = Instant)]
    frozen_at: String,
    #[schema(value_type = Option<Instant>)]
    sent_at: Option<String>,
    #[schema(value_type = Option<Instant>)]
    ended_at: Option<String>,
    /// When a bank statement showed a sweep, or a principal said so.
    #[schema(value_type = Option<Instant>)]
    received_at: Option<String>,
    /// What a principal said last of what a bank made of the payout.
    bank_answer: Option<NotedAnswerBody>,
}

/// A principal's word on what a bank made of a payout. Another principal has to say the same.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = NotedBankAnswer)]
struct NotedAnswerBody {
    #[schema(value_type = BankAnswerName)]
    answer: &'static str,
    answered_by: String,
    #[schema(value_type = Instant)]
    answered_at: String,
    reason: String,
    /// The principal who said the same: it is carried out.
    confirmed_by: Option<String>,
}

/// Why a payout is not paid, or not yet.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PayoutFailure)]
struct PayoutFailure {
    code: String,
    message: String,
}

impl PayoutBody {
    pub(crate) fn new(payout: &PayoutRecord) -> Self {
        let failure = |failure: &domain::failure::Failure| PayoutFailure {
            code: failure.code.to_string(),
            message: failure.message.clone(),
        };
        Self {
            payout_id: payout.payout_id.to_string(),
            payout_run_id: payout.run_id.to_string(),
            kind: payout.kind.as_str(),
            paid_by: payout.paid_by.as_str(),
            seller_account: payout.seller.to_string(),
            period: payout.period.to_string(),
            status: payout.status.as_str(),
            amount: payout.amount.to_decimal_string(),
            currency: payout.amount.currency().code(),
            attempt: payout.attempt,
            ref_payout_id: payout.ref_payout_id.clone(),
            pays_on: payout.pays_on.map(|day| day.to_string()),
            failure: payout.failure.as_ref().map(failure),
            statement: statement_of(payout),
            frozen_at: rfc3339(payout.frozen_at),
            sent_at: payout.sent_at.map(rfc3339),
            ended_at: payout.ended_at.map(rfc3339),
            received_at: payout.received_at.map(rfc3339),
            bank_answer: payout.answer.as_ref().map(NotedAnswerBody::new),
        }
    }
}

impl NotedAnswerBody {
    fn new(noted: &NotedAnswer) -> Self {
        Self {
            answer: noted.answer.as_str(),
            answered_by: noted.by.to_string(),
            answered_at: rfc3339(noted.at),
            reason: noted.reason.clone(),
            confirmed_by: noted.confirmed_by.as_ref().map(ToString::to_string),
        }
    }
}

fn statement_of(payout: &PayoutRecord) -> Option<String> {
    match payout.kind {
        PayoutKind::Seller => Some(format!("/v1/payouts/{}/statement", payout.payout_id)),
        PayoutKind::Sweep => None,
    }
}

/// List payouts
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/payouts",
    operation_id = "list_payouts",
    tag = "Payouts",
    security(("bearer" = ["read"])),
    params(Chosen, Paging),
    responses((status = 200, description = "A page", body = ListBody<PayoutBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<PayoutBody>>, Problem> {
    let mut filter = Chosen::of(&parameters)?.filter();
    if let Some(own) = caller.seller() {
        let wanted = filter.seller.get_or_insert_with(|| own.clone());
        caller.may_read(wanted)?;
    }
    let page = api.service.reader.payouts(&filter, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, PayoutBody::new)))
}

/// Read a payout
#[utoipa::path(
    get,
    path = "/v1/payouts/{id}",
    operation_id = "read_payout",
    tag = "Payouts",
    security(("bearer" = ["read"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    responses((status = 200, description = "The payout", body = PayoutBody), FindRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    Path(id): Path<String>,
) -> Result<Json<PayoutBody>, Problem> {
    Ok(Json(PayoutBody::new(&readable(&api, &caller, id).await?)))
}

/// Cancel a payout
///
/// Before it leaves, or while the payment provider waits for its day. The money is available again.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/cancel",
    operation_id = "cancel_payout",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    request_body = ActBody,
    responses((status = 200, description = "It is canceled", body = PayoutBody), ActRefusals)
)]
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    carry_out(&api, &caller, id, PayoutAct::Cancel, &body).await
}

/// Retry a payout
///
/// After the payment provider's word that the last attempt was not paid. Refused if the seller or the account changed
/// since the approval: then the money is in the next run.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/retry",
    operation_id = "retry_payout",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    request_body = ActBody,
    responses((status = 200, description = "A new attempt begins", body = PayoutBody), ActRefusals)
)]
pub(crate) async fn retry(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    carry_out(&api, &caller, id, PayoutAct::Retry, &body).await
}

/// Book a returned payout
///
/// For a paid payout whose money the bank sent back, which only the balance at the payment provider shows, or the
/// statement of the marketplace's own bank. After the first principal `bank_answer` names the word. Once another
/// principal says the same, the payout is `RETURNED`: the money is held until somebody releases the hold, and the
/// account is not verified any more.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/returned",
    operation_id = "return_payout",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    request_body = ActBody,
    responses((status = 200, description = "It is noted, or booked as returned", body = PayoutBody), ActRefusals)
)]
pub(crate) async fn returned(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    carry_out(&api, &caller, id, PayoutAct::Return, &body).await
}

/// Book a received sweep
///
/// For a sweep that is `PAID` and that no imported bank statement shows. A reconciliation books a sweep by itself where
/// one line of a bank statement shows it. After the first principal `bank_answer` names the word, and the sweep is
/// booked once another principal says the same.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/received",
    operation_id = "receive_sweep",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    request_body = ActBody,
    responses((status = 200, description = "It is noted, or booked as received", body = PayoutBody), ActRefusals)
)]
pub(crate) async fn received(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    carry_out(&api, &caller, id, PayoutAct::Receive, &body).await
}

/// Say that the bank paid a transfer
///
/// Of a payout by bank file that is `IN_PROGRESS`, where no imported bank statement shows the transfer. After the first
/// principal `bank_answer` names the word, and the payout is `PAID` once another principal says the same. Another word
/// takes the place of a word that nobody confirmed.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/paid",
    operation_id = "confirm_payout",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    request_body = AnswerBody,
    responses((status = 200, description = "It is noted, or the payout is paid", body = PayoutBody), ActRefusals)
)]
pub(crate) async fn paid(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    carry_out(&api, &caller, id, PayoutAct::Paid, &body).await
}

/// Say that the bank did not pay a transfer
///
/// The same with the other outcome: once two principals say so, the payout is `FAILED`, and its money is available
/// again. Say it only with the bank's own answer: a new attempt may follow.
#[utoipa::path(
    post,
    path = "/v1/payouts/{id}/failed",
    operation_id = "fail_payout",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    request_body = AnswerBody,
    responses((status = 200, description = "It is noted, or the payout has failed", body = PayoutBody), ActRefusals)
)]
pub(crate) async fn failed(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    carry_out(&api, &caller, id, PayoutAct::Failed, &body).await
}

/// Read the statement of a payout
///
/// `Accept` chooses the form: `application/json`, `text/csv` or `text/html`. The page is in Korean or English, by
/// `Accept-Language`.
#[utoipa::path(
    get,
    path = "/v1/payouts/{id}/statement",
    operation_id = "read_payout_statement",
    tag = "Payouts",
    security(("bearer" = ["read"])),
    params(("id" = PayoutName, Path, description = "The payout")),
    responses(
        (
            status = 200,
            description = "The statement, as it was frozen",
            content(
                (statement::StatementBody = "application/json"),
                (String = "text/csv"),
                (String = "text/html"),
            ),
        ),
        FindRefusals,
    )
)]
pub(crate) async fn statement(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let payout = readable(&api, &caller, id).await?;
    let record = api.service.reader.statement(&payout.payout_id).await?.ok_or(PayoutError::UnknownPayout)?;
    Ok(statement::respond(&headers, &payout, &record))
}

/// A payout that the caller may read. Of others' payouts a seller learns nothing.
async fn readable(api: &Api, caller: &WalletCaller, id: String) -> Result<PayoutRecord, Problem> {
    let id = payout_id(id)?;
    let payout = api.service.reader.payout(&id).await?;
    let is_own = |payout: &PayoutRecord| caller.seller().is_none_or(|own: &SellerAccount| *own == payout.seller);
    match payout {
        Some(payout) if is_own(&payout) => Ok(payout),
        Some(_) | None if caller.seller().is_some() => Err(Problem::not_of_this_seller()),
        Some(_) | None => Err(PayoutError::UnknownPayout.into()),
    }
}

async fn carry_out(
    api: &Api,
    caller: &FinanceCaller,
    id: String,
    wanted: PayoutAct,
    body: &JsonBody,
) -> Result<Json<PayoutBody>, Problem> {
    let id = payout_id(id)?;
    let (reason, attempt) = match wanted {
        PayoutAct::Cancel | PayoutAct::Retry | PayoutAct::Return | PayoutAct::Receive => why(body)?,
        // After another attempt, a word that was sent for the former attempt would end the wrong transfer.
        PayoutAct::Paid | PayoutAct::Failed => why_of_attempt(body)?,
    };
    let request = ActRequest { act: wanted, attempt, reason };
    Ok(Json(PayoutBody::new(&act(&api.service, &caller.caller(), &id, request).await?)))
}

fn payout_id(id: String) -> Result<PayoutId, Problem> {
    PayoutId::parse(id).map_err(|_| PayoutError::UnknownPayout.into())
}

fn position(payout: &PayoutRecord) -> PayoutPosition {
    PayoutPosition { frozen_at: payout.frozen_at, payout_id: payout.payout_id.clone() }
}
