//! Reconciliations: started by day, and read.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::calendar::Day;
use serde::Serialize;
use service::reconciliation::{DayToReconcile, start as start_reconciliation};
use store::{LayerSummary, ReconciliationPosition, ReconciliationRecord};

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::{FinanceCaller, ReadCaller},
        fields::FieldErrors,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::{Code, Problem},
        table::body,
        values::rfc3339,
    },
    openapi::{
        examples,
        refusals::refusals,
        shapes::{DayName, Instant, ReconciliationStatusName},
    },
};

refusals! {
    StartRefusals: NoWorker, TemporalUnavailable, ValidationFailed;
    ShowRefusals: ReconciliationNotFound;
}

body! {
    /// The reconciliation of a day.
    pub(crate) struct StartBody as "NewReconciliation" with example examples::reconciliation {
        /// The day in Korea; not one that has not begun.
        date: required DayName,
        /// The day on which deadlines are judged; today by default.
        as_of: optional DayName,
    }
}

/// A run of the reconciliation of a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Reconciliation)]
pub(crate) struct RunBody {
    run_id: String,
    #[schema(value_type = DayName)]
    date: String,
    /// The number of the run of its day, from 1.
    number: u32,
    #[schema(value_type = DayName)]
    as_of: String,
    #[schema(value_type = ReconciliationStatusName)]
    status: &'static str,
    /// Why there is no verdict.
    reason: Option<String>,
    progress: ProgressBody,
    /// Counts and sums by layer, once the run has ended.
    layers: BTreeMap<String, LayerBody>,
    #[schema(value_type = Instant)]
    started_at: String,
    #[schema(value_type = Option<Instant>)]
    ended_at: Option<String>,
}

/// How far a run has come.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciliationProgress)]
struct ProgressBody {
    step: String,
    done: u64,
}

/// What one layer of a run came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciliationLayer)]
struct LayerBody {
    /// Counts, and sums in minor units.
    figures: BTreeMap<String, String>,
    /// Why the layer was not compared.
    left_out: Option<String>,
    /// The number of breaks by type.
    #[schema(value_type = BTreeMap<String, u64>)]
    breaks: BTreeMap<String, u64>,
}

/// Reconcile a day
///
/// Starts the workflow of the day, or finds the one that runs. Read `Location` to follow it.
#[utoipa::path(
    post,
    path = "/v1/reconciliations",
    operation_id = "start_reconciliation",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    request_body = StartBody,
    responses((status = 202, description = "The run, which goes on", body = RunBody), StartRefusals)
)]
pub(crate) async fn start(State(api): State<Arc<Api>>, _: FinanceCaller, body: JsonBody) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    let StartBody { date, as_of } = StartBody::read(&body.fields(), &mut errors);
    let day = errors.finish(date)?;
    let wanted = DayToReconcile { day, as_of, grace_ms: None };
    let run = start_reconciliation(&api.service.temporal, &api.service.reader, wanted).await?;
    let location = [(header::LOCATION, format!("/v1/reconciliations/{day}"))];
    Ok((StatusCode::ACCEPTED, location, Json(RunBody::new(&run))).into_response())
}

/// List reconciliations
///
/// Each run of each day, the newest day first.
#[utoipa::path(
    get,
    path = "/v1/reconciliations",
    operation_id = "list_reconciliations",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(Paging),
    responses((status = 200, description = "A page", body = ListBody<RunBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<RunBody>>, Problem> {
    let page = api.service.reader.reconciliations(&window(&parameters)?).await?;
    let position = |run: &ReconciliationRecord| ReconciliationPosition { day: run.day, number: run.number };
    Ok(Json(ListBody::new(&page, position, RunBody::new)))
}

/// Read the last reconciliation of a day
#[utoipa::path(
    get,
    path = "/v1/reconciliations/{date}",
    operation_id = "read_reconciliation",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(("date" = DayName, Path, description = "The day in Korea", example = "2026-11-21")),
    responses((status = 200, description = "The run", body = RunBody), ShowRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(date): Path<String>,
) -> Result<Json<RunBody>, Problem> {
    let unknown = || Problem::new(Code::ReconciliationNotFound, "The day was never reconciled.");
    let day: Day = date.parse().map_err(|_| unknown())?;
    let run = api.service.reader.reconciliation_of(day).await?.ok_or_else(unknown)?;
    Ok(Json(RunBody::new(&run)))
}

impl RunBody {
    fn new(run: &ReconciliationRecord) -> Self {
        let layer = |(name, summary): (&String, &LayerSummary)| {
            let LayerSummary { figures, left_out, breaks } = summary.clone();
            (name.clone(), LayerBody { figures, left_out, breaks })
        };
        Self {
            run_id: run.run_id.clone(),
            date: run.day.to_string(),
            number: run.number,
            as_of: run.as_of.to_string(),
            status: run.status.as_str(),
            reason: run.reason.clone(),
            progress: ProgressBody { step: run.progress.step.clone(), done: run.progress.done },
            layers: run.summary.iter().map(layer).collect(),
            started_at: rfc3339(run.started_at),
            ended_at: run.ended_at.map(rfc3339),
        }
    }
}
