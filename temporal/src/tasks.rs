//! Workflows whose tasks fail: they stand still, whatever their row says, until a worker can carry them out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use temporalio_client::{
    Client, NamespacedClient as _,
    grpc::WorkflowService as _,
    tonic::{Code, IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    history::v1::history_event::Attributes,
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryReverseRequest,
        ListWorkflowExecutionsRequest,
    },
};
use tokio_util::sync::CancellationToken;

use crate::TemporalError;

/// A task that was tried more often fails: a worker that ended in the middle of it costs one more try.
const MOST_ATTEMPTS: i32 = 2;
/// How many of the newest open workflows are looked at one by one.
const NEWEST: i32 = 200;
/// How many are looked at at once.
const AT_ONCE: usize = 16;
/// How many events from the end are searched for what went wrong.
const LAST_EVENTS: i32 = 10;
/// What Temporal knows by itself of open workflows whose task failed five times in a row. Since its server 1.30.
const REPORTED: &str = "ExecutionStatus = 'Running' AND TemporalReportedProblems IN \
                        ('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')";
/// How often the metric asks.
const PAUSE: Duration = Duration::from_secs(30);
/// The metric where Temporal did not say.
const NOT_KNOWN: i64 = -1;

/// Names the open workflows whose task fails, each with the reason, of those that Temporal reports and of the newest.
pub async fn failing_tasks(client: &Client) -> Result<Vec<String>, TemporalError> {
    // A server that reports none of it does not know the attribute.
    let mut found = listed(client, REPORTED).await.unwrap_or_default();
    let open = listed(client, "ExecutionStatus = 'Running'").await?;
    let looked: Vec<Option<WorkflowExecution>> =
        stream::iter(open.into_iter().filter_map(|info| info.execution).map(|execution| async {
            Ok::<_, TemporalError>(is_failing(client, &execution).await?.then_some(execution))
        }))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for execution in looked.into_iter().flatten() {
        if !found.iter().any(|info| info.execution.as_ref() == Some(&execution)) {
            found.push(WorkflowExecutionInfo { execution: Some(execution), ..Default::default() });
        }
    }
    let mut named = Vec::new();
    for execution in found.into_iter().filter_map(|info| info.execution) {
        let reason = reason(client, &execution).await.unwrap_or_default();
        named.push(format!("the workflow {} stands still: {reason}", execution.workflow_id));
    }
    named.sort();
    Ok(named)
}

async fn listed(client: &Client, query: &str) -> Result<Vec<WorkflowExecutionInfo>, TemporalError> {
    let request = ListWorkflowExecutionsRequest {
        namespace: client.namespace(),
        page_size: NEWEST,
        query: query.to_owned(),
        ..Default::default()
    };
    let listed = client.clone().list_workflow_executions(request.into_request()).await;
    Ok(listed.map_err(|source| call("list workflows", source))?.into_inner().executions)
}

fn call(call: &str, source: Status) -> TemporalError {
    TemporalError::Call { call: call.to_owned(), source }
}

async fn is_failing(client: &Client, execution: &WorkflowExecution) -> Result<bool, TemporalError> {
    let request =
        DescribeWorkflowExecutionRequest { namespace: client.namespace(), execution: Some(execution.clone()) };
    match client.clone().describe_workflow_execution(request.into_request()).await {
        Ok(told) => {
            let pending = told.into_inner().pending_workflow_task;
            Ok(pending.is_some_and(|task| task.attempt > MOST_ATTEMPTS))
        }
        Err(status) if status.code() == Code::NotFound => Ok(false),
        Err(status) => Err(call("describe a workflow", status)),
    }
}

/// The last failure of the task. Temporal keeps the first failure of a sequence.
async fn reason(client: &Client, execution: &WorkflowExecution) -> Result<String, Status> {
    let request = GetWorkflowExecutionHistoryReverseRequest {
        namespace: client.namespace(),
        execution: Some(execution.clone()),
        maximum_page_size: LAST_EVENTS,
        ..Default::default()
    };
    let told = client.clone().get_workflow_execution_history_reverse(request.into_request()).await?;
    let events = told.into_inner().history.unwrap_or_default().events;
    let failed = events.into_iter().find_map(|event| match event.attributes {
        Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) => Some(failed),
        _ => None,
    });
    let message = failed.and_then(|failed| failed.failure).map(|failure| failure.message);
    Ok(message.unwrap_or_else(|| "no worker finishes its task".to_owned()))
}

/// How many open workflows have a task that fails, as Temporal reports it.
#[derive(Debug, Clone)]
pub struct FailingTasks(Arc<AtomicI64>);

impl Default for FailingTasks {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NOT_KNOWN)))
    }
}

impl FailingTasks {
    /// The number, if Temporal said it.
    pub fn number(&self) -> Option<u64> {
        u64::try_from(self.0.load(Ordering::Relaxed)).ok()
    }

    /// Asks until the token is canceled. While Temporal does not say, the number is not known.
    pub async fn watch(self, client: Client, stop: CancellationToken) {
        loop {
            let request = CountWorkflowExecutionsRequest { namespace: client.namespace(), query: REPORTED.to_owned() };
            let mut client = client.clone();
            let counting = client.count_workflow_executions(request.into_request());
            let number = match tokio::time::timeout(PAUSE, counting).await {
                Ok(Ok(counted)) => counted.into_inner().count,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "Temporal does not say how many workflow tasks fail");
                    NOT_KNOWN
                }
                Err(_elapsed) => NOT_KNOWN,
            };
            if number > 0 && self.0.load(Ordering::Relaxed) <= 0 {
                tracing::error!(
                    number,
                    "workflow tasks fail: these workflows stand still; `daegeum doctor` names them"
                );
            }
            self.0.store(number, Ordering::Relaxed);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}
