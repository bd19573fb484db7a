//! Dead letters: steps that failed, and what operators do about them.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use domain::{
    dead_letter::{Awaits, LetterAction, LetterRefusal, LetterStatus, Outcome},
    id::{CheckoutId, DeadLetterId},
};
use serde::Serialize;
use serde_json::Value;
use store::{ActionRecord, LetterFilter, LetterPosition, LetterRecord};

use service::dead_letter::{ActionRequest, DeadLetterError, DeadLetters, MAX_BULK, ShownLetters, read_action};

use crate::{
    Api,
    http::{
        body::{FieldErrors, Fields, JsonBody},
        caller::OpsCaller,
        marks::Unchanged,
        paging::{ListBody, window},
        parameters::{self, Parameters},
        problem::{FieldCode, Problem},
        text,
        values::rfc3339,
    },
    openapi::{
        bodies::{ActionShape, BulkShape, ResolutionShape},
        parameters::{ChosenLetters, Paging},
        refusals::refusals,
        shapes::{CheckoutName, Instant, LetterName, LetterStatusName, OutcomeName},
    },
    routes::shapes::ui_url,
};

/// The parameters that choose among letters.
const CHOICE: [&str; 6] = ["status", "step", "code", "checkout_id", "created_from", "created_to"];
/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 500;

refusals! {
    ShowRefusals: DeadLetterNotFound;
    ActRefusals: DeadLetterNotActionable, DeadLetterNotFound, TemporalUnavailable, ValidationFailed;
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
    workflow: LetterWorkflow,
    #[schema(value_type = Instant)]
    created_at: String,
    #[schema(value_type = Instant)]
    updated_at: String,
    /// The actions of operators, oldest first; where the letter is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<ActionBody>>,
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
    /// `retry`, `resolve` or `discard`.
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
    /// `done`, `refused` or `failed`; in a preview `would_do` or `would_refuse`.
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
    params(ChosenLetters, Paging),
    responses((status = 200, description = "A page", body = ListBody<LetterBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<LetterBody>>, Problem> {
    let filter = LetterFilter {
        status: parameters.read("status", |text| LetterStatus::parse(text).ok_or(NO_STATUS))?,
        step: parameters.read("step", |text| Ok::<_, &str>(text.to_owned()))?,
        code: parameters.read("code", |text| Ok::<_, &str>(text.to_owned()))?,
        checkout_id: parameters.read("checkout_id", CheckoutId::parse)?,
        created_from: parameters.border("created_from")?,
        created_to: parameters.border("created_to")?,
    };
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
    request_body = ActionShape,
    responses(
        (status = 200, description = "The action is recorded, and the workflow was notified", body = LetterBody),
        ActRefusals,
    )
)]
pub(crate) async fn retry(
    api: State<Arc<Api>>,
    caller: OpsCaller,
    id: Path<String>,
    body: JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    act("retry", api, &caller, id, &body).await
}

/// Resolve a dead letter by hand
///
/// For a fact that an operator knows and no program can find out: one of the `outcomes` of the letter.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/{id}/resolve",
    operation_id = "resolve_dead_letter",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = LetterName, Path, description = "The dead letter", example = "checkout-6f2c5e0a.0198c1de.1")),
    request_body = ResolutionShape,
    responses(
        (status = 200, description = "The action is recorded, and the workflow was notified", body = LetterBody),
        ActRefusals,
    )
)]
pub(crate) async fn resolve(
    api: State<Arc<Api>>,
    caller: OpsCaller,
    id: Path<String>,
    body: JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    act("resolve", api, &caller, id, &body).await
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
    request_body = ActionShape,
    responses(
        (status = 200, description = "The action is recorded, and the workflow was notified", body = LetterBody),
        ActRefusals,
    )
)]
pub(crate) async fn discard(
    api: State<Arc<Api>>,
    caller: OpsCaller,
    id: Path<String>,
    body: JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    act("discard", api, &caller, id, &body).await
}

async fn act(
    action: &'static str,
    State(api): State<Arc<Api>>,
    caller: &OpsCaller,
    Path(id): Path<String>,
    body: &JsonBody,
) -> Result<Json<LetterBody>, Problem> {
    let id = read_id(id)?;
    let mut errors = FieldErrors::default();
    let fields = body.fields();
    fields.refuse_others(&["reason", "outcome"], &mut errors);
    let reason = fields.required("reason", reason, &mut errors);
    let action = read_wish(&fields, action, "outcome", &mut errors);
    let (action, reason) = errors.finish(action.zip(reason))?;
    api.dead_letters().act(&id, ActionRequest { action, by: caller.key.as_str(), reason }).await?;
    whole(&api, &id).await
}

/// Act on many dead letters
///
/// Send a `preview` first, then the same request with the `token` that the preview answered. Each letter is acted on by
/// itself: a refusal of one letter does not stop the others.
#[utoipa::path(
    post,
    path = "/v1/dead-letters/bulk",
    operation_id = "act_on_dead_letters",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    request_body = BulkShape,
    responses((status = 200, description = "The results, or the expected results", body = BulkBody), BulkRefusals)
)]
pub(crate) async fn bulk(State(api): State<Arc<Api>>, caller: OpsCaller, body: JsonBody) -> Result<Response, Problem> {
    let Bulk { action, reason, filter, limit, token } = read_bulk(&body)?;
    let dead_letters = api.dead_letters();
    let Some(token) = token else {
        let preview = dead_letters.preview(action, &filter, limit).await?;
        let items: Vec<_> = preview.items.iter().map(|(letter, would)| BulkItem::of_preview(letter, would)).collect();
        let body = BulkBody { preview: true, count: items.len(), token: preview.token, items };
        return Ok((Extension(Unchanged), Json(body)).into_response());
    };
    let wish = ActionRequest { action, by: caller.key.as_str(), reason: &reason };
    let results = dead_letters.act_on_all(wish, ShownLetters { filter: &filter, limit, token: &token }).await?;
    let items: Vec<_> = results.into_iter().map(|(id, acted)| BulkItem::of_result(&id, acted)).collect();
    Ok(Json(BulkBody { preview: false, count: items.len(), token, items }).into_response())
}

/// What is asked of many letters; a preview where there is no token.
struct Bulk {
    action: LetterAction,
    reason: String,
    filter: LetterFilter,
    limit: u64,
    token: Option<String>,
}

fn read_bulk(body: &JsonBody) -> Result<Bulk, Problem> {
    let mut errors = FieldErrors::default();
    let fields = body.fields();
    let known = ["action", "outcome", "filter", "reason", "preview", "limit", "token"];
    fields.refuse_others(&known, &mut errors);
    let reason = fields.required("reason", reason, &mut errors);
    let action = fields.text("action", &mut errors);
    let action = match action {
        Some(action) => read_wish(&fields, action, "action", &mut errors),
        None => fields.optional_text("outcome", &mut errors).and(None),
    };
    let chosen = fields.object("filter", &mut errors).map(|filter| read_filter(&filter, &mut errors));
    let preview = fields.flag("preview", &mut errors).unwrap_or(false);
    let limit = fields.count("limit", MAX_BULK, &mut errors).unwrap_or(MAX_BULK);
    let token = fields.optional_text("token", &mut errors).map(str::to_owned);
    if preview == token.is_some() {
        let detail = "is what a preview answers: either ask for a `preview`, or repeat the `token` of one";
        errors.add("token".to_owned(), FieldCode::Invalid, detail);
    }
    let read = action.zip(reason).zip(chosen);
    let ((action, reason), filter) = errors.finish(read)?;
    Ok(Bulk { action, reason: reason.to_owned(), filter, limit, token })
}

/// The letters that are meant; those that wait for a person unless a status is named.
fn read_filter(fields: &Fields<'_>, errors: &mut FieldErrors) -> LetterFilter {
    fields.refuse_others(&CHOICE, errors);
    let status = fields.optional("status", |text| LetterStatus::parse(text).ok_or(NO_STATUS), errors);
    LetterFilter {
        status: Some(status.unwrap_or(LetterStatus::Open)),
        step: fields.optional_text("step", errors).map(str::to_owned),
        code: fields.optional_text("code", errors).map(str::to_owned),
        checkout_id: fields.optional("checkout_id", CheckoutId::parse, errors),
        created_from: fields.optional("created_from", parameters::border, errors),
        created_to: fields.optional("created_to", parameters::border, errors),
    }
}

fn read_wish(
    fields: &Fields<'_>,
    action: &str,
    blamed: &'static str,
    errors: &mut FieldErrors,
) -> Option<LetterAction> {
    let outcome = fields.optional(
        "outcome",
        |text| Outcome::parse(text).ok_or_else(|| format!("is none of: {}", Outcome::list())),
        errors,
    );
    read_action(action, outcome)
        .map_err(|detail| errors.add(fields.path(blamed), FieldCode::Invalid, format!("{action} {detail}")))
        .ok()
}

/// What a status must be.
const NO_STATUS: &str = "is none of: OPEN, RETRYING, RESOLVED, DISCARDED, CLOSED";

fn reason(reason: &str) -> Result<&str, String> {
    text::shown(reason, MAX_REASON_CHARS).map(|_| reason)
}

fn read_id(id: String) -> Result<DeadLetterId, Problem> {
    DeadLetterId::parse(id).map_err(|_| DeadLetterError::Unknown.into())
}

fn position(letter: &LetterRecord) -> LetterPosition {
    LetterPosition { created_at: letter.created_at, letter_id: letter.letter_id.clone() }
}

async fn whole(api: &Api, id: &DeadLetterId) -> Result<Json<LetterBody>, Problem> {
    let letter = api.service.reader.dead_letter(id).await?.ok_or(DeadLetterError::Unknown)?;
    let actions = api.service.reader.dead_letter_actions(id).await?;
    let mut body = LetterBody::new(&letter, api);
    body.actions = Some(actions.into_iter().map(ActionBody::new).collect());
    Ok(Json(body))
}

impl Api {
    fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.service.temporal.clone(), self.service.reader.clone(), self.service.journal.clone())
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

impl ActionBody {
    fn new(action: ActionRecord) -> Self {
        Self {
            number: action.number,
            action: action.action,
            by: action.actor,
            reason: action.reason,
            outcome: action.outcome.map(Outcome::as_str),
            acted_at: rfc3339(action.acted_at),
        }
    }
}

impl BulkItem {
    fn of_preview(letter: &LetterRecord, would: &Result<(), LetterRefusal>) -> Self {
        Self {
            dead_letter_id: letter.letter_id.to_string(),
            checkout_id: letter.checkout_id.as_ref().map(ToString::to_string),
            result: if would.is_ok() { "would_do" } else { "would_refuse" },
            status: Some(letter.status.as_str()),
            detail: would.as_ref().err().map(ToString::to_string),
        }
    }

    fn of_result(id: &DeadLetterId, acted: Result<LetterRecord, DeadLetterError>) -> Self {
        let dead_letter_id = id.to_string();
        let (result, letter, detail) = match acted {
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
