//! The worker of deliveries to webhook endpoints, and what keeps one workflow running for each enabled endpoint.

use std::time::{Duration, Instant};

use activities::delivery::Deliveries;
use domain::id::WebhookEndpointId;
use temporalio_client::{Client, WorkflowStartOptions, errors::WorkflowStartError};
use temporalio_sdk::{Runtime, WorkerOptions};
use tokio::time::timeout;
use workflows::delivery::{CarryEndpoint, DeliveryWorkflow, TASK_QUEUE, workflow_id};

use crate::{Cause, DeploymentVersion, TemporalError, attempts, deployment};

/// How many workflows this worker keeps in memory. Each goes on every few minutes.
const CACHED_WORKFLOWS: usize = 20;
/// How often a carrier's sign of life is passed on to Temporal at most.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// How often endpoints without a carrier are looked for though no endpoint has changed.
const LOOK_PAUSE: Duration = Duration::from_secs(15);
/// How long the start of a workflow may take.
const START_TIME: Duration = Duration::from_secs(5);

/// How the worker of deliveries runs.
pub(crate) struct WorkerTerms {
    /// How long running activities get to finish when the worker stops.
    pub(crate) stop_time: Duration,
    /// The version of its Worker Deployment.
    pub(crate) version: Option<DeploymentVersion>,
}

/// A worker that delivers. It has as many places for activities as there may be endpoints.
pub(crate) fn worker(
    client: &Client,
    runtime: &Runtime,
    deliveries: Deliveries,
    WorkerTerms { stop_time, version }: WorkerTerms,
) -> Result<temporalio_sdk::Worker, TemporalError> {
    let set_up = |error: Cause| TemporalError::WorkerSetUp(error);
    let mut options = WorkerOptions::new(TASK_QUEUE)
        .register_workflow::<DeliveryWorkflow>()
        .map_err(|error| set_up(error.into()))?
        .register_activities(deliveries)
        .worker_plugin(attempts::plugin())
        .max_cached_workflows(CACHED_WORKFLOWS)
        .max_heartbeat_throttle_interval(HEARTBEAT_INTERVAL)
        .graceful_shutdown_period(stop_time)
        .build();
    deployment::join(&mut options, version.as_ref());
    temporalio_sdk::Worker::new(runtime, client.clone(), options).map_err(|error| set_up(error.into()))
}

/// Starts the workflow of each enabled endpoint that this process does not carry, until deliveries stop. Of an
/// endpoint that another process carries, Temporal says that its workflow runs.
pub(crate) async fn keep_running(client: &Client, deliveries: &Deliveries) {
    let watcher = deliveries.watcher();
    let mut told = watcher.listen();
    let mut seen = None;
    // Events come all the time: that something was heard says nothing of a workflow that ended meanwhile.
    let mut look_at = Instant::now();
    while !watcher.is_stopped() {
        let changes = told.borrow_and_update().changes;
        let of_endpoints = (changes.endpoints, changes.versions);
        if changes.endpoints > 0 && (seen != Some(of_endpoints) || Instant::now() >= look_at) {
            match deliveries.without_carrier().await {
                Ok(endpoints) => {
                    for endpoint in endpoints {
                        start(client, &endpoint).await;
                    }
                    seen = Some(of_endpoints);
                    look_at = Instant::now() + LOOK_PAUSE;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not read the webhook endpoints");
                }
            }
        }
        let _heard_or_time = timeout(LOOK_PAUSE, told.changed()).await;
    }
}

async fn start(client: &Client, endpoint: &WebhookEndpointId) {
    let input = CarryEndpoint { endpoint_id: endpoint.clone() };
    let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id(endpoint))
        .static_summary(format!("deliver events to {endpoint}"))
        .build();
    match timeout(START_TIME, client.start_workflow(DeliveryWorkflow::run, input, options)).await {
        Ok(Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. })) => {}
        Ok(Err(error)) => tracing::warn!(
            webhook_endpoint.id = %endpoint,
            error = &error as &dyn std::error::Error,
            "could not start the delivery to {endpoint}"
        ),
        Err(_) => {
            tracing::warn!(webhook_endpoint.id = %endpoint, "the start of the delivery to {endpoint} took too long")
        }
    }
}
