//! Dead letters: steps that failed, and what operators do about them.

mod request;

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use domain::{
    dead_letter::{Awaits, DeclaredOutcome, LetterAction, LetterOutcome, LetterProposal, LetterRefusal, LetterStatus},
    id::DeadLetterId,
    reconciliation::Actor,
};
use serde::Serialize;
use serde_json::Value;
use store::{ActionRecord, LetterPosition, LetterRecord};

use service::dead_letter::{ActionRequest, DeadLetterError, DeadLetters, ShownLetters};

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::OpsCaller,
        marks::{Unchanged, is_about},
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        values::rfc3339,
    },
    openapi::{
        refusals::refusals,
        shapes::{CheckoutName, Instant, LetterName, LetterStatusName, OutcomeName},
    },
    routes::shapes::ui_url,
};

refusals! {
    ShowRefusals: DeadLetterNotFound;
    ActRefusals:
        DeadLetterNotActionable,
        DeadLetterNotFound,
        TemporalUnavailable,
        TooManySignals,
        ValidationFailed;
    ResolveRefusals:
        DeadLetterNotActionable,
        DeadLetterNotFound,
        FourEyes,
        TemporalUnavailable,
        TooManySignals,
        ValidationFailed;
    BulkRefusals: PreviewOutdated, TemporalUnavailable, ValidationFailed;
}

/// A dead letter.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct LetterBody {
    #[schema(value_type = LetterName)]
    dead_letter_id: String,
    #[schema(value_type = LetterStatusName)]
    status: &'static str,
    /// The step that failed.
    step: String,
    /// The error code of the step.
    code: String,
    message: String,
    /// What was asked of the step.
    #[schema(value_type = Object)]
    input: Value,
    #[schema(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    /// `person`: an operator must decide. `mending`: a step keeps failing and is retried until its cause is fixed.
    awaits: &'static str,
    /// What `resolve` takes.
    #[schema(value_type = Vec<OutcomeName>)]
    outcomes: Vec<&'static str>,
    /// A resolution that waits for a second principal.
    proposal: Option<LetterProposalBody>,
    workflow: LetterWorkflow,
    #[schema(value_type = Instant)]
    created_at: String,
    #[schema(value_type = Instant)]
    updated_at: String,
    /// The actions of operators, oldest first; where the letter is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<ActionBody>>,
}

/// A resolution that waits for a second principal.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetterProposal)]
struct LetterProposalBody {
    /// Its author: a key, a person or an operator.
    by: String,
    #[schema(value_type = OutcomeName)]
    outcome: &'static str,
    reason: String,
    #[schema(value_type = Instant)]
    proposed_at: String,
}

/// The workflow that wrote a dead letter.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetterWorkflow)]
struct LetterWorkflow {
    id: String,
    run_id: String,
    #[serde(rename = "type")]
    kind: String,
    ui_url: Option<String>,
}

/// What a person did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetterAction)]
struct ActionBody {
    /// From 1.
    number: u32,
    /// `retry`, `propose`, `resolve` or `discard`.
    action: String,
    /// The id of an API key, or a person's name.
    by: String,
    reason: String,
    #[schema(value_type = Option<OutcomeName>)]
    outcome: Option<&'static str>,
    #[schema(value_type = Instant)]
    acted_at: String,
}

/// The results, or the expected results, of an action on many letters.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = BulkResult)]
pub(crate) struct BulkBody {
    /// Whether nothing was done yet.
    preview: bool,
    count: usize,
    /// Repeat the request with it to act on these letters.
    token: String,
    items: Vec<BulkItem>,
}

/// One letter of many.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = BulkItem)]
struct BulkItem {
    #[schema(value_type = LetterName)]
    dead_letter_id: String,
    #[schema(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    /// `done`, `proposed`, `refused` or `failed`; in a preview `would_do`, `would_propose` or `would_refuse`.
    result: &'static str,
    #[schema(value_type = Option<LetterStatusName>)]
    status: Option<&'static str>,
    /// Why it was refused or failed.
    detail: Option<String>,
}

/// List dead letters
///
/// Steps that failed and need an operator, or needed one. Newest first.
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    operation_id = "list_dead_letters",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(request::LetterChoice, Paging),
    responses((status = 200, description = "A page", body = ListBody<LetterBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<LetterBody>>, Problem> {
    let filter = request::LetterChoice::of(&parameters)?.filter();
    let page = api.service.reader.dead_letters(&filter, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, |letter| LetterBody::new(letter, &api))))
}

/// Read a dead letter
///
/// With the actions of operators on it.
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{id}",
    operation_id = "read_dead_letter",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = LetterName, Path, description = "The dead letter", example = "checkout-6f2c5e0a.0198c1de.1")),
    responses((status = 200, description = "The dead letter", body = LetterBody), ShowRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    Path(id): Path<String>,
) -> Result<Json<LetterBody>, Problem> {
    whole(&api, &read_id(id)?).await
}

/// Retry a failed step
///
/// The waiting workflow goes on where it stopped. If several operators act, the first action wins. Sending the same
/// request again is safe.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{id}/retry",
    operation_id = "retry_dead_letter",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = LetterName, Path, description = "The dead letter", example = "checkout-6f2c5e0a.0198c1de.1")),
    request_body = request::ActBody,
    responses(
        (status = 200, description = "The action is recorded, and the workflow was notified", body = LetterBody),
        ActRefusals,
    )
)]
pub(crate) async fn retry(
    State(api): State<Arc<Api>>,
    caller: OpsCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    let id = read_id(id)?;
    let reason = request::reason(&body)?;
    let by = Actor::Principal(caller.principal());
    act(&api, &id, ActionRequest { action: LetterAction::Retry, by: &by, reason: &reason }).await
}

/// Resolve a dead letter by hand
///
/// For a fact that an operator knows and no program can find out: one of the `outcomes` of the letter. Above the limit
/// of the settings, an outcome that gives up money is a `proposal` first, and another principal resolves the letter by
/// the same request.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{id}/resolve",
    operation_id = "resolve_dead_letter",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = LetterName, Path, description = "The dead letter", example = "checkout-6f2c5e0a.0198c1de.1")),
    request_body = request::ResolveBody,
    responses(
        (
            status = 200,
            description = "The workflow was notified, or the letter is open with a proposal",
            body = LetterBody,
        ),
        ResolveRefusals,
    )
)]
pub(crate) async fn resolve(
    State(api): State<Arc<Api>>,
    caller: OpsCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    let id = read_id(id)?;
    let (action, reason) = request::resolution(&body)?;
    act(&api, &id, ActionRequest { action, by: &Actor::Principal(caller.principal()), reason: &reason }).await
}

/// Discard a dead letter
///
/// Only for a letter that no workflow waits for any more.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{id}/discard",
    operation_id = "discard_dead_letter",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = LetterName, Path, description = "The dead letter", example = "checkout-6f2c5e0a.0198c1de.1")),
    request_body = request::ActBody,
    responses(
        (status = 200, description = "The action is recorded, and the workflow was notified", body = LetterBody),
        ActRefusals,
    )
)]
pub(crate) async fn discard(
    State(api): State<Arc<Api>>,
    caller: OpsCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    let id = read_id(id)?;
    let reason = request::reason(&body)?;
    let by = Actor::Principal(caller.principal());
    act(&api, &id, ActionRequest { action: LetterAction::Discard, by: &by, reason: &reason }).await
}

async fn act(api: &Api, id: &DeadLetterId, request: ActionRequest<'_>) -> Result<Json<LetterBody>, Problem> {
    api.dead_letters().act(id, request).await?;
    whole(api, id).await
}

/// Act on many dead letters
///
/// Send a `preview` first, then the same request with the `token` that the preview answered. Each letter is acted on by
/// itself: a refusal of one letter does not stop the others. The limit of what one principal resolves alone is compared
/// with the sum of all letters.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/bulk",
    operation_id = "act_on_dead_letters",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    request_body = request::BulkRequestBody,
    responses((status = 200, description = "The results, or the expected results", body = BulkBody), BulkRefusals)
)]
pub(crate) async fn bulk(State(api): State<Arc<Api>>, caller: OpsCaller, body: JsonBody) -> Result<Response, Problem> {
    let request::Bulk { action, reason, filter, limit, token } = request::bulk(&body)?;
    let (dead_letters, by) = (api.dead_letters(), Actor::Principal(caller.principal()));
    let Some(token) = token else {
        let preview = dead_letters.preview(action, &by, &filter, limit).await?;
        let items: Vec<_> = preview.items.iter().map(|(letter, would)| BulkItem::of_preview(letter, would)).collect();
        let body = BulkBody { preview: true, count: items.len(), token: preview.token, items };
        return Ok((Extension(Unchanged), Json(body)).into_response());
    };
    let wish = ActionRequest { action, by: &by, reason: &reason };
    let results = dead_letters.act_on_all(wish, ShownLetters { filter: &filter, limit, token: &token }).await?;
    let items: Vec<_> = results.into_iter().map(|(id, acted)| BulkItem::of_result(&id, acted)).collect();
    Ok(Json(BulkBody { preview: false, count: items.len(), token, items }).into_response())
}

fn read_id(id: String) -> Result<DeadLetterId, Problem> {
    DeadLetterId::parse(id).map_err(|_| DeadLetterError::Unknown.into())
}

fn position(letter: &LetterRecord) -> LetterPosition {
    LetterPosition { created_at: letter.created_at, letter_id: letter.letter_id.clone() }
}

async fn whole(api: &Api, id: &DeadLetterId) -> Result<Json<LetterBody>, Problem> {
    let letter = api.service.reader.dead_letter(id).await?.ok_or(DeadLetterError::Unknown)?;
    letter.checkout_id.iter().for_each(is_about);
    let actions = api.service.reader.dead_letter_actions(id).await?;
    let mut body = LetterBody::new(&letter, api);
    body.actions = Some(actions.into_iter().map(ActionBody::new).collect());
    Ok(Json(body))
}

impl Api {
    pub(super) fn dead_letters(&self) -> DeadLetters {
        let service = &self.service;
        let alone_up_to = service.settings.letters_alone_up_to;
        DeadLetters::new(service.temporal.clone(), service.reader.clone(), service.journal.clone(), alone_up_to)
    }
}

impl LetterBody {
    fn new(letter: &LetterRecord, api: &Api) -> Self {
        let (awaits, outcomes) = match &letter.awaits {
            Awaits::Mending => ("mending", Vec::new()),
            Awaits::Person { outcomes } => ("person", outcomes.iter().map(|outcome| outcome.as_str()).collect()),
        };
        Self {
            dead_letter_id: letter.letter_id.to_string(),
            status: letter.status.as_str(),
            step: letter.step.clone(),
            code: letter.failure.code.clone().into(),
            message: letter.failure.message.clone(),
            input: serde_json::from_str(&letter.input).unwrap_or_default(),
            checkout_id: letter.checkout_id.as_ref().map(ToString::to_string),
            awaits,
            outcomes,
            proposal: letter.proposal.as_ref().map(LetterProposalBody::new),
            workflow: LetterWorkflow {
                id: letter.workflow_id.clone(),
                run_id: letter.run_id.clone(),
                kind: letter.workflow_type.clone(),
                ui_url: ui_url(api, &letter.workflow_id).map(|url| format!("{url}/{}", letter.run_id)),
            },
            created_at: rfc3339(letter.created_at),
            updated_at: rfc3339(letter.updated_at),
            actions: None,
        }
    }
}

impl LetterProposalBody {
    fn new(proposal: &LetterProposal) -> Self {
        Self {
            by: proposal.by.to_string(),
            outcome: proposal.outcome.as_str(),
            reason: proposal.reason.clone(),
            proposed_at: rfc3339(proposal.proposed_at),
        }
    }
}

impl ActionBody {
    fn new(action: ActionRecord) -> Self {
        Self {
            number: action.number,
            action: action.action,
            by: action.actor,
            reason: action.reason,
            outcome: action.outcome.map(DeclaredOutcome::as_str),
            acted_at: rfc3339(action.acted_at),
        }
    }
}

impl BulkItem {
    fn of_preview(letter: &LetterRecord, would: &Result<LetterOutcome, LetterRefusal>) -> Self {
        Self {
            dead_letter_id: letter.letter_id.to_string(),
            checkout_id: letter.checkout_id.as_ref().map(ToString::to_string),
            result: match would {
                Ok(LetterOutcome::Taken(_)) => "would_do",
                Ok(LetterOutcome::Proposed(_)) => "would_propose",
                Err(_) => "would_refuse",
            },
            status: Some(letter.status.as_str()),
            detail: would.as_ref().err().map(ToString::to_string),
        }
    }

    fn of_result(id: &DeadLetterId, acted: Result<LetterRecord, DeadLetterError>) -> Self {
        let dead_letter_id = id.to_string();
        let (result, letter, detail) = match acted {
            Ok(letter) if letter.status == LetterStatus::Open => ("proposed", Some(Box::new(letter)), None),
            Ok(letter) => ("done", Some(Box::new(letter)), None),
            Err(error) => {
                let told = Some(error.to_string());
                match error {
                    DeadLetterError::Refused { letter, .. } => ("refused", Some(letter), told),
                    DeadLetterError::Unknown
                    | DeadLetterError::Outdated
                    | DeadLetterError::TooManySignals(_)
                    | DeadLetterError::Temporal(_) => ("failed", None, told),
                    DeadLetterError::Store(_) => ("failed", None, Some("the database did not do it".to_owned())),
                }
            }
        };
        let checkout_id = letter.as_ref().and_then(|letter| letter.checkout_id.as_ref()).map(ToString::to_string);
        Self { dead_letter_id, checkout_id, result, status: letter.map(|letter| letter.status.as_str()), detail }
    }
}
