//! `GET /v1/audit-log`: who changed what, and who read personal data.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use store::AuditEntry;

use crate::{
    Api,
    http::{
        caller::OpsCaller,
        forms::Text,
        paging::{AuditPosition, ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        table::parameters,
        values::rfc3339,
    },
    openapi::shapes::Instant,
};

/// A line of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditLine)]
pub(crate) struct AuditBody {
    sequence: u64,
    #[schema(value_type = Instant)]
    occurred_at: String,
    /// `api_key`, or `operator` for a person at the command line.
    actor_kind: &'static str,
    /// The id of the key, or the person's name.
    actor: String,
    /// The method and the route, or the command.
    action: String,
    /// The ids in the path, or of what was created; empty where there is none.
    object: String,
    /// The status and the code of the problem, if there was one.
    result: String,
    /// Where the request came from.
    address: Option<String>,
    request_id: Option<String>,
}

parameters! {
    /// The author of a change.
    pub(crate) struct ChosenActor {
        /// The id of an API key, or the name of a person.
        actor: Text,
    }
}

/// Read the audit log
///
/// Every change that an API key asked for and what came of it, and every reading of personal data (`200 buyer_info`,
/// `200 opened payloads`), newest first. Lines are only ever added.
#[utoipa::path(
    get,
    path = "/v1/audit-log",
    operation_id = "list_audit_log",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(ChosenActor, Paging),
    responses((status = 200, description = "A page", body = ListBody<AuditBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: OpsCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<AuditBody>>, Problem> {
    let ChosenActor { actor } = ChosenActor::of(&parameters)?;
    let window = window::<AuditPosition>(&parameters)?.map(|AuditPosition(sequence)| sequence);
    let page = api.service.reader.audit_log(actor.as_deref(), &window).await?;
    Ok(Json(ListBody::new(&page, |(sequence, _)| AuditPosition(*sequence), AuditBody::new)))
}

impl AuditBody {
    fn new((sequence, entry): &(u64, AuditEntry)) -> Self {
        Self {
            sequence: *sequence,
            occurred_at: rfc3339(entry.occurred_at),
            actor_kind: entry.actor.kind(),
            actor: entry.actor.name().to_owned(),
            action: entry.action.clone(),
            object: entry.object.clone(),
            result: entry.result.clone(),
            address: entry.address.clone(),
            request_id: entry.request_id.clone(),
        }
    }
}
