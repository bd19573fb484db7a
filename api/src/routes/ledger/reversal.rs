//! Taking an entry back: seen first, asked for by one principal, approved by another, undone by one request.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{principal::MAX_REASON_CHARS, reconciliation::Actor};
use serde::Serialize;
use serde_json::{Value, json};
use service::reversal::{ReversalState, ReversalStep, WantedStep, act, look};
use store::{OrderMove, ReversalRecord, SaidBy, WalletMove};

use super::entries::PostingBody;
use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::FinanceCaller,
        fields::FieldErrors,
        forms::{Shown, Text},
        marks::is_about,
        problem::Problem,
        table::body,
        values::rfc3339,
    },
    openapi::{
        examples,
        refusals::refusals,
        shapes::{Balance, Hash, Instant},
    },
};

refusals! {
    LookRefusals: NotFound;
    DigestRefusals:
        DigestMismatch, EntryNotReversible, FourEyes, NotFound, RequestInProgress, TemporalUnavailable,
        ValidationFailed;
    ReasonRefusals: EntryNotReversible, NotFound, RequestInProgress, TemporalUnavailable, ValidationFailed;
}

body! {
    /// A reversal that somebody asks for or approves, as its preview was read.
    pub(crate) struct ReversalRequestBody as "EntryReversalRequest" with example example_of_request {
        /// The digest of the preview.
        digest: required Text,
        /// The reason, which is kept with the reversal.
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// Why a reversal is dropped or undone.
    pub(crate) struct ReversalReasonBody as "EntryReversalReason" with example examples::undoing {
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

fn example_of_request() -> Value {
    json!({
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "reason": "Toss never had the payment",
    })
}

/// What a reversal of an entry would do now, and the last one that somebody asked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = EntryReversal)]
pub(crate) struct ReversalBody {
    entry_id: String,
    /// What a request and its approval name.
    #[schema(value_type = Hash)]
    digest: String,
    /// Why a reversal would be refused now, if it would.
    refused: Option<String>,
    /// The row whose status the entry brought about. The status stays, and the reconciliation names the difference.
    rests_on_it: Option<String>,
    /// What would be booked; empty where the entry is taken back already, or cannot be.
    would_book: Vec<PostingBody>,
    /// The entry that would be taken back with it: the other half of what the provider exchanged.
    other_half: Option<String>,
    wallets: Vec<WalletMoveBody>,
    payment_orders: Vec<OrderMoveBody>,
    /// The last reversal that somebody asked for.
    reversal: Option<RecordBody>,
}

/// What would become of a wallet.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WalletMove)]
struct WalletMoveBody {
    seller_account: String,
    #[schema(value_type = Balance)]
    pending_before: String,
    #[schema(value_type = Balance)]
    available_before: String,
    /// Nothing where a part of the wallet would fall below zero.
    #[schema(value_type = Option<Balance>)]
    pending_after: Option<String>,
    #[schema(value_type = Option<Balance>)]
    available_after: Option<String>,
}

/// What would become of a payment order, in minor units.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OrderMove)]
struct OrderMoveBody {
    payment_order_id: String,
    payment_order_status: &'static str,
    unreleased_minor: i64,
    commission_minor: i64,
    refunded_minor: i64,
}

/// A reversal that somebody asked for, and what became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = EntryReversalRecord)]
struct RecordBody {
    /// The number among the reversals of this entry, from 1.
    number: u32,
    /// `WAITING`, `APPROVED`, `REJECTED` or `UNDONE`.
    status: &'static str,
    #[schema(value_type = Hash)]
    digest: String,
    proposed: WordBody,
    decided: Option<WordBody>,
    undone: Option<WordBody>,
    /// The entry that undid the reversal.
    undo_entry: Option<String>,
}

/// The word of a principal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PrincipalWord)]
struct WordBody {
    by: String,
    #[schema(value_type = Instant)]
    at: String,
    reason: String,
}

/// Preview the reversal of an entry
///
/// What would be booked, what would move, and what would become untrue. Nothing is booked.
#[utoipa::path(
    get,
    path = "/v1/ledger/entries/{entry_id}/reversal",
    operation_id = "preview_reversal",
    tag = "Ledger",
    security(("bearer" = ["finance"])),
    params(("entry_id" = inline(crate::openapi::shapes::EntryName), Path, description = "The entry")),
    responses((status = 200, description = "The preview", body = ReversalBody), LookRefusals)
)]
pub(crate) async fn preview(
    State(api): State<Arc<Api>>,
    _: FinanceCaller,
    Path(entry_id): Path<String>,
) -> Result<Json<ReversalBody>, Problem> {
    Ok(Json(ReversalBody::new(entry_id.clone(), &look(&api.service.reader, &entry_id).await?)))
}

/// Ask for the reversal of an entry
///
/// By the digest of the preview. Nothing is booked until another principal approves the same digest.
#[utoipa::path(
    post,
    path = "/v1/ledger/entries/{entry_id}/reversal",
    operation_id = "ask_for_reversal",
    tag = "Ledger",
    security(("bearer" = ["finance"])),
    params(("entry_id" = inline(crate::openapi::shapes::EntryName), Path, description = "The entry")),
    request_body = ReversalRequestBody,
    responses((status = 200, description = "It waits for another principal", body = ReversalBody), DigestRefusals)
)]
pub(crate) async fn ask(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(entry_id): Path<String>,
    body: JsonBody,
) -> Result<Json<ReversalBody>, Problem> {
    let (digest, reason) = digest_and_reason(&body)?;
    carry_out(&api, &caller, entry_id, ReversalStep::Propose { digest }, reason).await
}

/// Approve the reversal of an entry
///
/// By another principal than the one that asked. Refused where what the entry moved has changed since the preview.
#[utoipa::path(
    post,
    path = "/v1/ledger/entries/{entry_id}/reversal/approve",
    operation_id = "approve_reversal",
    tag = "Ledger",
    security(("bearer" = ["finance"])),
    params(("entry_id" = inline(crate::openapi::shapes::EntryName), Path, description = "The entry")),
    request_body = ReversalRequestBody,
    responses((status = 200, description = "The reversal is booked", body = ReversalBody), DigestRefusals)
)]
pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(entry_id): Path<String>,
    body: JsonBody,
) -> Result<Json<ReversalBody>, Problem> {
    let (digest, reason) = digest_and_reason(&body)?;
    carry_out(&api, &caller, entry_id, ReversalStep::Approve { digest }, reason).await
}

/// Drop a reversal that waits
#[utoipa::path(
    post,
    path = "/v1/ledger/entries/{entry_id}/reversal/reject",
    operation_id = "reject_reversal",
    tag = "Ledger",
    security(("bearer" = ["finance"])),
    params(("entry_id" = inline(crate::openapi::shapes::EntryName), Path, description = "The entry")),
    request_body = ReversalReasonBody,
    responses((status = 200, description = "The reversal is dropped", body = ReversalBody), ReasonRefusals)
)]
pub(crate) async fn reject(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(entry_id): Path<String>,
    body: JsonBody,
) -> Result<Json<ReversalBody>, Problem> {
    let reason = reason(&body)?;
    carry_out(&api, &caller, entry_id, ReversalStep::Reject, reason).await
}

/// Undo the reversal of an entry
///
/// Books the same movement again, under a key of its own.
#[utoipa::path(
    post,
    path = "/v1/ledger/entries/{entry_id}/reversal/undo",
    operation_id = "undo_reversal",
    tag = "Ledger",
    security(("bearer" = ["finance"])),
    params(("entry_id" = inline(crate::openapi::shapes::EntryName), Path, description = "The entry")),
    request_body = ReversalReasonBody,
    responses((status = 200, description = "The entry is booked again", body = ReversalBody), ReasonRefusals)
)]
pub(crate) async fn undo(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(entry_id): Path<String>,
    body: JsonBody,
) -> Result<Json<ReversalBody>, Problem> {
    let reason = reason(&body)?;
    carry_out(&api, &caller, entry_id, ReversalStep::Undo, reason).await
}

fn digest_and_reason(body: &JsonBody) -> Result<(String, String), Problem> {
    let mut errors = FieldErrors::default();
    let ReversalRequestBody { digest, reason } = ReversalRequestBody::read(&body.fields(), &mut errors);
    errors.finish(digest.zip(reason))
}

fn reason(body: &JsonBody) -> Result<String, Problem> {
    let mut errors = FieldErrors::default();
    let ReversalReasonBody { reason } = ReversalReasonBody::read(&body.fields(), &mut errors);
    errors.finish(reason)
}

async fn carry_out(
    api: &Api,
    caller: &FinanceCaller,
    entry_id: String,
    step: ReversalStep,
    reason: String,
) -> Result<Json<ReversalBody>, Problem> {
    let wanted = WantedStep { step, by: Actor::Principal(caller.principal()), reason };
    let state = act(&api.service.temporal, &api.service.reader, &entry_id, wanted).await?;
    Ok(Json(ReversalBody::new(entry_id, &state)))
}

impl ReversalBody {
    fn new(entry_id: String, state: &ReversalState) -> Self {
        let ReversalState { preview, last } = state;
        preview.mistake.entry.fields().checkout_id.iter().for_each(is_about);
        let would_book = preview.reversal.as_ref().filter(|_| preview.booked.is_none());
        let postings = would_book.map(|entry| entry.fields().postings.iter().map(PostingBody::new).collect());
        Self {
            entry_id,
            digest: preview.digest.clone(),
            refused: preview.refusal.as_ref().map(ToString::to_string),
            rests_on_it: preview.resting.as_ref().map(ToString::to_string),
            would_book: postings.unwrap_or_default(),
            other_half: preview.other_half.clone(),
            wallets: preview.wallets.iter().map(WalletMoveBody::new).collect(),
            payment_orders: preview.orders.iter().map(OrderMoveBody::new).collect(),
            reversal: last.as_ref().map(RecordBody::new),
        }
    }
}

impl WalletMoveBody {
    fn new(moved: &WalletMove) -> Self {
        let WalletMove { seller, before, after } = moved;
        Self {
            seller_account: seller.to_string(),
            pending_before: before.pending.to_decimal_string(),
            available_before: before.available.to_decimal_string(),
            pending_after: after.as_ref().map(|after| after.pending.to_decimal_string()),
            available_after: after.as_ref().map(|after| after.available.to_decimal_string()),
        }
    }
}

impl OrderMoveBody {
    fn new(moved: &OrderMove) -> Self {
        let OrderMove { order, status, change } = moved;
        Self {
            payment_order_id: order.to_string(),
            payment_order_status: status.as_str(),
            unreleased_minor: change.unreleased,
            commission_minor: change.commission,
            refunded_minor: change.refunded,
        }
    }
}

impl RecordBody {
    fn new(record: &ReversalRecord) -> Self {
        Self {
            number: record.number,
            status: record.status(),
            digest: record.digest.clone(),
            proposed: WordBody::new(&record.proposed),
            decided: record.decided.as_ref().map(|(_, said)| WordBody::new(said)),
            undone: record.undone.as_ref().map(WordBody::new),
            undo_entry: record.undo_entry.clone(),
        }
    }
}

impl WordBody {
    fn new(said: &SaidBy) -> Self {
        Self { by: said.by.to_string(), at: rfc3339(said.at), reason: said.reason.clone() }
    }
}
