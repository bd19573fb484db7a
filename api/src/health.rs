//! Whether this process is alive, and whether it can take work.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use serde::Serialize;
use temporalio_client::{
    Client,
    grpc::WorkflowService,
    tonic::{IntoRequest, Request},
};
use temporalio_common::protos::temporal::api::workflowservice::v1::GetSystemInfoRequest;

use crate::{
    Api,
    openapi::refusals::refusals,
    problem::{Code, Problem},
};

refusals! { ReadyRefusals: NotReady; }

/// How it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    status: &'static str,
}

/// How long the database and Temporal may each take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(2);

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
/// The database and Temporal answer too.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "read_readiness",
    tag = "Service",
    responses((status = 200, description = "It can take work", body = HealthBody), ReadyRefusals)
)]
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<HealthBody>, Problem> {
    let database = tokio::time::timeout(ANSWER_TIME, api.reader.ping());
    let temporal = tokio::time::timeout(ANSWER_TIME, temporal_answers(&api.temporal));
    let (database, temporal) = tokio::join!(database, temporal);
    match (matches!(database, Ok(Ok(()))), matches!(temporal, Ok(true))) {
        (true, true) => Ok(Json(HealthBody { status: "ready" })),
        (true, false) => Err(Problem::new(Code::NotReady, "Temporal does not answer.")),
        (false, true) => Err(Problem::new(Code::NotReady, "The database does not answer.")),
        (false, false) => Err(Problem::new(Code::NotReady, "Neither the database nor Temporal answers.")),
    }
}

async fn temporal_answers(client: &Client) -> bool {
    let mut client = client.clone();
    let question: Request<GetSystemInfoRequest> = GetSystemInfoRequest::default().into_request();
    client.get_system_info(question).await.is_ok()
}
