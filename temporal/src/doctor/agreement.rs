//! Do the database and Temporal tell of the same checkouts and refunds? They do not when one of them was restored from an older
//! backup than the other: then a workflow waits for what has happened, or a row for what never will.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use domain::{
    checkout::Status,
    id::{CheckoutId, RefundId, WorkflowId},
    refund::RefundStatus,
};
use store::{CheckoutFilter, CheckoutRecord, Reader, RefundRecord, Window};
use temporalio_client::{
    Client, NamespacedClient as _,
    grpc::WorkflowService as _,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::WorkflowExecutionStatus,
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::{DescribeWorkflowExecutionRequest, ListWorkflowExecutionsRequest},
};
use workflows::{attributes, checkout::WORKFLOW_TYPE, refund, refunds};

use crate::ledger::now;

/// How many of the newest are compared, each way.
const NEWEST: u16 = 200;
/// How many that stand apart are named.
const MOST_NAMED: usize = 10;
/// How long a workflow may run before its row has to be there.
const RECORD_TIME: Duration = Duration::from_secs(60);
/// Temporal keeps a closed workflow at least so long; after that it may have forgotten it.
const SHORTEST_RETENTION_MS: u64 = 60 * 60 * 1_000;
/// A change is written to one before the other: what stands apart is looked at again after this.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// What was compared.
pub(super) struct Looked {
    pub(super) compared: usize,
    /// What does not stand alike, in sentences.
    pub(super) apart: Vec<String>,
}

/// Compares the newest of both, each way. What stands apart twice, stands apart.
pub(super) async fn look(client: &Client, reader: &Reader) -> anyhow::Result<Looked> {
    let first = look_once(client, reader).await?;
    if first.apart.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(SECOND_LOOK).await;
    let mut second = look_once(client, reader).await?;
    second.apart.retain(|apart| first.apart.contains(apart));
    let unnamed = second.apart.len().saturating_sub(MOST_NAMED);
    second.apart.truncate(MOST_NAMED);
    if unnamed > 0 {
        second.apart.push(format!("and {unnamed} more"));
    }
    Ok(second)
}

async fn look_once(client: &Client, reader: &Reader) -> anyhow::Result<Looked> {
    let (mut compared, mut apart) = (0, Vec::new());
    for execution in newest_workflows(client, WORKFLOW_TYPE).await? {
        compared += 1;
        apart.extend(workflow_without_row(reader, &execution).await?);
    }
    for execution in newest_workflows(client, refund::WORKFLOW_TYPE).await? {
        compared += 1;
        apart.extend(refund_without_row(reader, &execution).await?);
    }
    let window = Window { after: None, limit: u64::from(NEWEST) };
    for checkout in reader.checkouts(&CheckoutFilter::default(), &window).await?.items {
        compared += 1;
        apart.extend(row_without_workflow(client, &checkout).await?);
        if checkout.status.is_payment_done() {
            for refund in reader.refunds_of(&checkout.checkout_id).await? {
                compared += 1;
                apart.extend(refund_row_without_workflow(client, &checkout.checkout_id, &refund).await?);
            }
        }
    }
    Ok(Looked { compared, apart })
}

async fn newest_workflows(client: &Client, workflow_type: &str) -> anyhow::Result<Vec<WorkflowExecutionInfo>> {
    let request = ListWorkflowExecutionsRequest {
        namespace: client.namespace(),
        page_size: i32::from(NEWEST),
        query: format!("WorkflowType = '{workflow_type}'"),
        ..Default::default()
    };
    let listed = client.clone().list_workflow_executions(request.into_request()).await;
    Ok(listed.context("could not list workflows")?.into_inner().executions)
}

/// What Temporal knows of a checkout, and the database does not.
async fn workflow_without_row(reader: &Reader, execution: &WorkflowExecutionInfo) -> anyhow::Result<Option<String>> {
    let id = id_of(execution);
    let Ok(workflow) = WorkflowId::parse(id.clone()) else { return Ok(None) };
    let is_open = execution.status() == WorkflowExecutionStatus::Running;
    let Some(request) = reader.request(&workflow).await? else {
        let started = execution.start_time.and_then(|time| SystemTime::try_from(time).ok());
        let age = started.and_then(|started| started.elapsed().ok()).unwrap_or_default();
        let is_missing = execution.status() == WorkflowExecutionStatus::Completed || is_open && age > RECORD_TIME;
        return Ok(is_missing.then(|| has_no_row(&id)));
    };
    let checkout = if request.accepted { reader.checkout(&request.checkout_id).await? } else { None };
    let Some(checkout) = checkout else { return Ok(None) };
    let name = &checkout.checkout_id;
    if !is_open && execution.status() == WorkflowExecutionStatus::Completed && !has_ended(checkout.status) {
        let what = format!("{name} is {} and its workflow has ended", checkout.status);
        return Ok(Some(format!("{what}: the database is older than Temporal")));
    }
    let shown = shown_status(execution);
    Ok(match shown {
        Some(shown) if is_open && shown != checkout.status && shown != Status::Stuck => {
            Some(format!("{name} is {}, and its workflow is at {shown}", checkout.status))
        }
        Some(_) | None => None,
    })
}

/// What the database knows of a checkout, and Temporal does not.
async fn row_without_workflow(client: &Client, checkout: &CheckoutRecord) -> anyhow::Result<Option<String>> {
    let now = now();
    let may_be_forgotten = has_ended(checkout.status) && now.ms_since(checkout.created_at) > SHORTEST_RETENTION_MS;
    let name = &checkout.checkout_id;
    if may_be_forgotten {
        return Ok(None);
    }
    let is_known = is_known(client, checkout.workflow_id.to_string()).await?;
    Ok((!is_known).then(|| has_no_workflow(name, checkout.status)))
}

/// What Temporal knows of a refund, and the database does not. It is recorded before its workflow begins.
async fn refund_without_row(reader: &Reader, execution: &WorkflowExecutionInfo) -> anyhow::Result<Option<String>> {
    let id = id_of(execution);
    let Ok(refund_id) = RefundId::parse(id.clone()) else { return Ok(None) };
    let Some(refund) = reader.refund(&refund_id).await? else { return Ok(Some(has_no_row(&id))) };
    let is_behind = execution.status() == WorkflowExecutionStatus::Completed && !refund.status.is_end();
    let what = format!("{id} is {} and its workflow has ended", refund.status);
    Ok(is_behind.then(|| format!("{what}: the database is older than Temporal, or its entry was reversed by hand")))
}

/// What the database knows of a refund, and Temporal does not. One that waits for its turn has no workflow of its own.
async fn refund_row_without_workflow(
    client: &Client,
    checkout: &CheckoutId,
    refund: &RefundRecord,
) -> anyhow::Result<Option<String>> {
    if refund.status.is_end() && now().ms_since(refund.requested_at) > SHORTEST_RETENTION_MS {
        return Ok(None);
    }
    let own = WorkflowId::of_refund(&refund.refund_id).to_string();
    let is_served = match refund.status {
        // Its own workflow may have begun a moment ago.
        RefundStatus::Requested => {
            let queue = described(client, refunds::workflow_id(checkout)).await?;
            queue == Some(WorkflowExecutionStatus::Running) || is_known(client, own).await?
        }
        RefundStatus::Executing
        | RefundStatus::Unknown
        | RefundStatus::Stuck
        | RefundStatus::Succeeded
        | RefundStatus::Failed => is_known(client, own).await?,
    };
    Ok((!is_served).then(|| has_no_workflow(&refund.refund_id, refund.status)))
}

async fn is_known(client: &Client, workflow_id: String) -> anyhow::Result<bool> {
    Ok(described(client, workflow_id).await?.is_some())
}

/// Where a workflow stands, if Temporal has it.
async fn described(client: &Client, workflow_id: String) -> anyhow::Result<Option<WorkflowExecutionStatus>> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: client.namespace(),
        execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
    };
    match client.clone().describe_workflow_execution(request.into_request()).await {
        Ok(told) => Ok(told.into_inner().workflow_execution_info.map(|info| info.status())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status).context("could not describe a workflow"),
    }
}

fn id_of(execution: &WorkflowExecutionInfo) -> String {
    execution.execution.as_ref().map(|execution| execution.workflow_id.clone()).unwrap_or_default()
}

fn has_no_row(workflow_id: &str) -> String {
    format!("the workflow {workflow_id} has no row: the database is older than Temporal")
}

fn has_no_workflow(name: &impl Display, status: impl Display) -> String {
    format!("{name} is {status}, and Temporal has no workflow of it: Temporal is older than the database")
}

/// Whether the workflow of a checkout that stands there has nothing left to do.
const fn has_ended(status: Status) -> bool {
    match status {
        Status::Success
        | Status::Failed
        | Status::Expired
        | Status::Canceled
        | Status::PartiallyRefunded
        | Status::Refunded => true,
        Status::NotStarted | Status::Executing | Status::Unknown | Status::WaitingForDeposit | Status::Stuck => false,
    }
}

/// Where the workflow says that it stands.
fn shown_status(execution: &WorkflowExecutionInfo) -> Option<Status> {
    let attributes = execution.search_attributes.as_ref()?;
    let payload = attributes.indexed_fields.get(attributes::PAYMENT_STATUS.name())?;
    Status::parse(&serde_json::from_slice::<String>(&payload.data).ok()?)
}
