//! Whether this process is alive, and whether it can take work.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use service::readiness::Readiness;

use crate::{
    Api,
    http::problem::{Code, Problem},
    openapi::refusals::refusals,
};

refusals! { ReadyRefusals: NotReady; }

/// How it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    status: &'static str,
}

/// Whether it is alive
///
/// The process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "read_liveness",
    tag = "Service",
    responses((status = 200, description = "It is alive", body = HealthBody))
)]
pub(crate) async fn alive() -> Json<HealthBody> {
    Json(HealthBody { status: "alive" })
}

/// Whether it can take work
///
/// The database takes a write, Temporal answers, a worker polls the task queue, the clocks agree, and nothing in this
/// process stands still. `detail` says what is the matter. However many ask, it is looked at most every second.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "read_readiness",
    tag = "Service",
    responses((status = 200, description = "It can take work", body = HealthBody), ReadyRefusals)
)]
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<HealthBody>, Problem> {
    check(&api.service.readiness).await?;
    Ok(Json(HealthBody { status: "ready" }))
}

/// The same for a process that has no API.
pub(crate) async fn worker_ready(State(readiness): State<Readiness>) -> Result<Json<HealthBody>, Problem> {
    check(&readiness).await?;
    Ok(Json(HealthBody { status: "ready" }))
}

async fn check(readiness: &Readiness) -> Result<(), Problem> {
    let problems = readiness.problems().await;
    if problems.is_empty() { Ok(()) } else { Err(Problem::new(Code::NotReady, problems.join(" "))) }
}
