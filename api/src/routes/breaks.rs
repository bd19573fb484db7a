//! Breaks of reconciliations: queues, and what people do about each.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    calendar::{Day, Holidays},
    id::BreakId,
    principal::MAX_REASON_CHARS,
    reconciliation::{Act, Actor, Age, ReasonCode, Template},
    settlement::Flow,
};
use serde::Serialize;
use serde_json::Value;
use service::{
    now,
    reconciliation::{BreakError, WantedAct, act as act_on_break},
};
use store::{BreakEvent, BreakFilter, BreakPosition, BreakRecord};

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::{FinanceCaller, ReadCaller},
        fields::FieldErrors,
        forms::{Number, Shown, Text, TrueOrFalse},
        marks::is_about,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        table::{body, parameters},
        values::rfc3339,
    },
    openapi::{
        examples,
        refusals::refusals,
        shapes::{
            Balance, BreakClassName, BreakName, BreakStatusName, BreakTypeName, CheckoutName, CurrencyCode, DayName,
            Instant, TemplateName,
        },
    },
};

/// The most characters of a name.
const MAX_NAME_CHARS: usize = 64;
/// The most business days that a list asks for.
const MAX_AGE_DAYS: u64 = 365;

refusals! {
    ShowRefusals: BreakNotFound;
    ActRefusals: BreakNotActionable, BreakNotFound, TemporalUnavailable, ValidationFailed;
    ResolveRefusals: BreakNotActionable, BreakNotFound, FourEyes, TemporalUnavailable, ValidationFailed;
}

parameters! {
    /// Which breaks.
    pub(crate) struct BreakChoice {
        class: BreakClassName,
        r#type: BreakTypeName,
        status: BreakStatusName,
        /// The person that sees to them.
        assignee: Text,
        /// Those whose fact was expected more business days ago than this.
        older_than: Number<0, MAX_AGE_DAYS>,
        /// `true`: only those that were escalated.
        escalated: TrueOrFalse,
    }
}

body! {
    /// A person sees to the break.
    pub(crate) struct AssignBody as "BreakAssignment" with example examples::assignment {
        /// The person.
        to: required Shown<MAX_NAME_CHARS>,
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// What a person says about a break.
    pub(crate) struct CommentBody as "BreakComment" with example examples::comment {
        /// It stays for as long as the break: put no personal data into it.
        text: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// Nothing is done until a day.
    pub(crate) struct WaitBody as "BreakWait" with example examples::waiting {
        until: required DayName,
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// How the break is resolved, and why.
    pub(crate) struct ResolveBreakBody as "BreakResolution" with example examples::break_resolution {
        template: required TemplateName,
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// Why the last act is taken back.
    pub(crate) struct UndoBody as "BreakUndo" with example examples::undoing {
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

/// A break.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Break)]
pub(crate) struct BreakBody {
    #[schema(value_type = BreakName)]
    break_id: String,
    #[schema(value_type = BreakTypeName)]
    r#type: &'static str,
    /// The number in the catalogue: `B-14`.
    code: &'static str,
    #[schema(value_type = BreakClassName)]
    class: &'static str,
    /// Which keepers of the fact differ: `internal`, `transactions`, `settlements`, `payout_balance` or `bank`.
    layer: &'static str,
    /// What it is about, such as an order or a transaction key.
    subject: String,
    #[schema(value_type = BreakStatusName)]
    status: &'static str,
    /// The first to look at it: `machine`, `finance`, `investigation` or `developers`. What was escalated has left the
    /// machine.
    owner: &'static str,
    /// The day on which the fact was expected.
    #[schema(value_type = DayName)]
    date: String,
    age: AgeBody,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = Option<Balance>)]
    ours: Option<String>,
    #[schema(value_type = Option<Balance>)]
    theirs: Option<String>,
    /// What is in suspense for it; below zero where money is missing.
    #[schema(value_type = Balance)]
    suspense: String,
    #[schema(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    assignee: Option<String>,
    #[schema(value_type = Option<DayName>)]
    wait_until: Option<String>,
    proposal: Option<ProposalBody>,
    reason_code: Option<String>,
    /// The reason code that the catalogue gives this type.
    usual_reason_code: &'static str,
    resolved_by: Option<String>,
    #[schema(value_type = Option<TemplateName>)]
    template: Option<&'static str>,
    #[schema(value_type = Instant)]
    opened_at: String,
    #[schema(value_type = Instant)]
    last_seen_at: String,
    #[schema(value_type = Option<Instant>)]
    resolved_at: Option<String>,
    version: u32,
    /// The step that it was escalated to, because it grew too old; 0 before the first.
    escalation: u32,
    #[schema(value_type = Option<Instant>)]
    escalated_at: Option<String>,
    /// The rows of both sides; where the break is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceBody>,
    /// Everything that happened to it, oldest first; where the break is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<BreakEventBody>>,
}

/// How long a break has been expected to be settled.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BreakAge)]
struct AgeBody {
    business_days: u32,
    #[schema(value_type = Option<DayName>)]
    due_on: Option<String>,
    is_overdue: bool,
}

/// A resolution that waits for a second principal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BreakProposal)]
struct ProposalBody {
    by: String,
    #[schema(value_type = TemplateName)]
    template: &'static str,
}

/// What both sides say, as it was received.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BreakEvidence)]
struct EvidenceBody {
    #[schema(value_type = Object)]
    ours: Value,
    #[schema(value_type = Object)]
    theirs: Value,
}

/// Something that happened to a break.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BreakEvent)]
struct BreakEventBody {
    /// From 1.
    number: u32,
    /// `open`, `change`, `reopen`, `escalate`, `repair`, `leave_out`, `comment`, `assign`, `wait`, `resolve` or `undo`.
    act: String,
    /// A key, an operator, or a rule of the machine with its version.
    by: String,
    /// The reason, or the text of a comment.
    reason: String,
    reason_code: Option<String>,
    detail: Option<String>,
    #[schema(value_type = Instant)]
    acted_at: String,
}

/// List breaks
///
/// The newest first. Breaks are never deleted.
#[utoipa::path(
    get,
    path = "/v1/breaks",
    operation_id = "list_breaks",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(BreakChoice, Paging),
    responses((status = 200, description = "A page", body = ListBody<BreakBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<BreakBody>>, Problem> {
    let BreakChoice { class, r#type, status, assignee, older_than, escalated } = BreakChoice::of(&parameters)?;
    let today = Day::of(now());
    // Older than n business days: expected before the n-th business day before today.
    let oldest = older_than.and_then(|days| u16::try_from(days).ok());
    let holidays = &api.service.settings.release_rule.holidays;
    let expected_by = oldest.map(|days| holidays.business_days_before(today, days).before());
    let filter =
        BreakFilter { class, break_type: r#type, status, assignee, expected_by, escalated: escalated.unwrap_or(false) };
    let page = api.service.reader.breaks(&filter, &window(&parameters)?).await?;
    let position =
        |record: &BreakRecord| BreakPosition { opened_at: record.opened_at, break_id: record.break_id.clone() };
    Ok(Json(ListBody::new(&page, position, |record| BreakBody::new(record, today, holidays))))
}

/// Read a break
///
/// With the rows of both sides and its history.
#[utoipa::path(
    get,
    path = "/v1/breaks/{break_id}",
    operation_id = "read_break",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(("break_id" = BreakName, Path, description = "The break", example = "brk_5d41402abc4b2a76b9719d91")),
    responses((status = 200, description = "The break", body = BreakBody), ShowRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<BreakBody>, Problem> {
    let record = api.service.reader.break_record(&read_id(id)?).await?.ok_or(BreakError::Unknown)?;
    whole(&api, &record).await
}

/// Assign a break to a person
#[utoipa::path(
    post,
    path = "/v1/breaks/{break_id}/assign",
    operation_id = "assign_break",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    params(("break_id" = BreakName, Path, description = "The break", example = "brk_5d41402abc4b2a76b9719d91")),
    request_body = AssignBody,
    responses((status = 200, description = "The break", body = BreakBody), ActRefusals)
)]
pub(crate) async fn assign(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<BreakBody>, Problem> {
    let mut errors = FieldErrors::default();
    let AssignBody { to, reason } = AssignBody::read(&body.fields(), &mut errors);
    let (to, reason) = errors.finish(to.zip(reason))?;
    carry_out(&api, &caller, id, Act::Assign { to }, reason).await
}

/// Comment on a break
///
/// The text joins the history, also of a break that is resolved. Nothing else changes.
#[utoipa::path(
    post,
    path = "/v1/breaks/{break_id}/comment",
    operation_id = "comment_on_break",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    params(("break_id" = BreakName, Path, description = "The break", example = "brk_5d41402abc4b2a76b9719d91")),
    request_body = CommentBody,
    responses((status = 200, description = "The break", body = BreakBody), ActRefusals)
)]
pub(crate) async fn comment(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<BreakBody>, Problem> {
    let mut errors = FieldErrors::default();
    let CommentBody { text } = CommentBody::read(&body.fields(), &mut errors);
    let text = errors.finish(text)?;
    carry_out(&api, &caller, id, Act::Comment, text).await
}

/// Leave a break alone until a day
#[utoipa::path(
    post,
    path = "/v1/breaks/{break_id}/wait",
    operation_id = "wait_for_break",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    params(("break_id" = BreakName, Path, description = "The break", example = "brk_5d41402abc4b2a76b9719d91")),
    request_body = WaitBody,
    responses((status = 200, description = "The break", body = BreakBody), ActRefusals)
)]
pub(crate) async fn wait(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<BreakBody>, Problem> {
    let mut errors = FieldErrors::default();
    let WaitBody { until, reason } = WaitBody::read(&body.fields(), &mut errors);
    let (until, reason) = errors.finish(until.zip(reason))?;
    carry_out(&api, &caller, id, Act::Wait { until: until.to_string() }, reason).await
}

/// Resolve a break by a template
///
/// Above the limit of the settings the first request proposes the resolution, and another principal resolves the break
/// by the same request. What is in suspense moves to the account of the template in the same transaction.
#[utoipa::path(
    post,
    path = "/v1/breaks/{break_id}/resolve",
    operation_id = "resolve_break",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    params(("break_id" = BreakName, Path, description = "The break", example = "brk_5d41402abc4b2a76b9719d91")),
    request_body = ResolveBreakBody,
    responses(
        (status = 200, description = "The break: resolved, or with a proposal", body = BreakBody),
        ResolveRefusals,
    )
)]
pub(crate) async fn resolve(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<BreakBody>, Problem> {
    let mut errors = FieldErrors::default();
    let ResolveBreakBody { template, reason } = ResolveBreakBody::read(&body.fields(), &mut errors);
    let (template, reason) = errors.finish(template.zip(reason))?;
    carry_out(&api, &caller, id, Act::Resolve { template }, reason).await
}

/// Take the last act on a break back
///
/// With the entry that it booked. Where no person has acted on an open break, what rules did about it is undone: held
/// money is free again, and the rules leave the break alone.
#[utoipa::path(
    post,
    path = "/v1/breaks/{break_id}/undo",
    operation_id = "undo_break",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    params(("break_id" = BreakName, Path, description = "The break", example = "brk_5d41402abc4b2a76b9719d91")),
    request_body = UndoBody,
    responses((status = 200, description = "The break", body = BreakBody), ActRefusals)
)]
pub(crate) async fn undo(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<BreakBody>, Problem> {
    let mut errors = FieldErrors::default();
    let UndoBody { reason } = UndoBody::read(&body.fields(), &mut errors);
    let reason = errors.finish(reason)?;
    carry_out(&api, &caller, id, Act::Undo, reason).await
}

async fn carry_out(
    api: &Api,
    caller: &FinanceCaller,
    id: String,
    act: Act,
    reason: String,
) -> Result<Json<BreakBody>, Problem> {
    let id = read_id(id)?;
    let by = Actor::Principal(caller.principal());
    let wanted = WantedAct { act, by, reason, seen: None };
    let record = act_on_break(&api.service.temporal, &api.service.reader, &id, wanted).await?;
    whole(api, &record).await
}

fn read_id(id: String) -> Result<BreakId, Problem> {
    BreakId::parse(id).map_err(|_| BreakError::Unknown.into())
}

async fn whole(api: &Api, record: &BreakRecord) -> Result<Json<BreakBody>, Problem> {
    record.checkout_id.iter().for_each(is_about);
    let history = api.service.reader.break_history(&record.break_id).await?;
    let mut body = BreakBody::new(record, Day::of(now()), &api.service.settings.release_rule.holidays);
    let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
    body.evidence = Some(EvidenceBody { ours: json(&record.evidence_ours), theirs: json(&record.evidence_theirs) });
    body.history = Some(history.into_iter().map(BreakEventBody::new).collect());
    Ok(Json(body))
}

impl BreakBody {
    fn new(record: &BreakRecord, today: Day, holidays: &Holidays) -> Self {
        let age = Age::of(record.break_type, record.day, today, holidays);
        Self {
            break_id: record.break_id.to_string(),
            r#type: record.break_type.as_str(),
            code: record.break_type.code(),
            class: record.class.as_str(),
            layer: record.layer.as_str(),
            subject: record.subject.clone(),
            status: record.status.as_str(),
            owner: record.owner().as_str(),
            date: record.day.to_string(),
            age: AgeBody {
                business_days: age.business_days,
                due_on: age.due_on.map(|day| day.to_string()),
                is_overdue: age.is_overdue,
            },
            currency: record.currency.code(),
            ours: record.ours.map(Flow::to_decimal_string),
            theirs: record.theirs.map(Flow::to_decimal_string),
            suspense: record.suspense.to_decimal_string(),
            checkout_id: record.checkout_id.as_ref().map(ToString::to_string),
            assignee: record.assignee.clone(),
            wait_until: record.wait_until.map(|day| day.to_string()),
            proposal: record
                .proposal
                .as_ref()
                .map(|proposal| ProposalBody { by: proposal.by.to_string(), template: proposal.template.as_str() }),
            reason_code: record.reason_code.clone(),
            usual_reason_code: ReasonCode::as_str(record.break_type.reason_code()),
            resolved_by: record.resolved_by.clone(),
            template: record.resolved_template.map(Template::as_str),
            opened_at: rfc3339(record.opened_at),
            last_seen_at: rfc3339(record.last_seen_at),
            resolved_at: record.resolved_at.map(rfc3339),
            version: record.version,
            escalation: record.escalation,
            escalated_at: record.escalated_at.map(rfc3339),
            evidence: None,
            history: None,
        }
    }
}

impl BreakEventBody {
    fn new(event: BreakEvent) -> Self {
        let BreakEvent { number, act, actor, reason, reason_code, detail, acted_at } = event;
        Self { number, act, by: actor, reason, reason_code, detail, acted_at: rfc3339(acted_at) }
    }
}
