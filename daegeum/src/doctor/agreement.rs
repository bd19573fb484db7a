//! Whether the database and Temporal agree about checkouts and refunds. They disagree after one of them was restored
//! from an older backup. Then a workflow waits for an event that has happened, or a row for an event that never will.

use std::{
    collections::HashSet,
    fmt::Display,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use domain::{
    Timestamp,
    charge::DEPOSIT_WATCH_MS,
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

use crate::values::now;

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
    /// How many checkouts and refunds, each once.
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
    let (mut compared, mut apart) = (HashSet::new(), Vec::new());
    for execution in newest_workflows(client, WORKFLOW_TYPE).await? {
        compared.insert(id_of(&execution));
        apart.extend(workflow_without_row(reader, &execution).await?);
    }
    for execution in newest_workflows(client, refund::WORKFLOW_TYPE).await? {
        compared.insert(id_of(&execution));
        apart.extend(refund_without_row(reader, &execution).await?);
    }
    let window = Window { after: None, limit: u64::from(NEWEST) };
    for checkout in reader.checkouts(&CheckoutFilter::default(), &window).await?.items {
        compared.insert(checkout.workflow_id.to_string());
        apart.extend(row_without_workflow(client, &checkout).await?);
        if checkout.status.is_payment_done() {
            for refund in reader.refunds_of(&checkout.checkout_id).await? {
                compared.insert(WorkflowId::of_refund(&refund.refund_id).to_string());
                apart.extend(refund_row_without_workflow(client, &checkout.checkout_id, &refund).await?);
            }
        }
    }
    Ok(Looked { compared: compared.len(), apart })
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
    if !is_open && execution.status() == WorkflowExecutionStatus::Completed && !checkout.status.phase().is_end() {
        let what = format!("{name} is {} and its workflow has ended", checkout.status);
        return Ok(Some(format!("{what}: the database is older than Temporal")));
    }
    let shown = shown_status(execution);
    Ok(match shown {
        Some(shown) if is_open && shown != Status::Stuck && !is_alike(shown, checkout.status) => {
            Some(format!("{name} is {}, and its workflow is at {shown}", checkout.status))
        }
        Some(_) | None => None,
    })
}

/// A refund is no matter of the checkout's workflow, which may still watch a deposit.
fn is_alike(shown: Status, recorded: Status) -> bool {
    shown == recorded || shown.is_payment_done() && recorded.is_payment_done()
}

/// What the database knows of a checkout, and Temporal does not.
async fn row_without_workflow(client: &Client, checkout: &CheckoutRecord) -> anyhow::Result<Option<String>> {
    let now = now();
    let has_more_to_do = has_more_to_do(checkout, now);
    if !has_more_to_do && now.ms_since(checkout.created_at) > SHORTEST_RETENTION_MS {
        return Ok(None);
    }
    let found = described(client, checkout.workflow_id.to_string()).await?;
    Ok(unserved(&checkout.checkout_id, checkout.status, has_more_to_do, found))
}

/// Whether the workflow of a checkout has to be there: it waits for money or for a person, for another attempt of the
/// buyer's, or for a bank that may take a deposit back.
fn has_more_to_do(checkout: &CheckoutRecord, now: Timestamp) -> bool {
    let approved_at = checkout.psp.as_ref().and_then(|psp| psp.approved_at);
    let is_watched = checkout.status.is_payment_done() && checkout.follows_psp();
    !checkout.status.phase().is_end()
        || checkout.takes_retry(now)
        || is_watched && approved_at.is_some_and(|approved_at| now.ms_since(approved_at) < DEPOSIT_WATCH_MS)
}

/// What is wrong with where Temporal has the workflow of a row, if anything is.
fn unserved(
    name: &impl Display,
    status: impl Display,
    has_more_to_do: bool,
    found: Option<WorkflowExecutionStatus>,
) -> Option<String> {
    match found {
        None => Some(has_no_workflow(name, status)),
        Some(WorkflowExecutionStatus::Running) => None,
        Some(_) if !has_more_to_do => None,
        Some(ended) => {
            let ended = ended.as_str_name().trim_start_matches("WORKFLOW_EXECUTION_STATUS_");
            Some(format!("{name} is {status}, and its workflow is over ({ended}): nobody carries it on"))
        }
    }
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
    // Its own workflow may have begun a moment ago.
    if refund.status == RefundStatus::Requested
        && described(client, refunds::workflow_id(checkout)).await? == Some(WorkflowExecutionStatus::Running)
    {
        return Ok(None);
    }
    let found = described(client, WorkflowId::of_refund(&refund.refund_id).to_string()).await?;
    Ok(unserved(&refund.refund_id, refund.status, !refund.status.is_end(), found))
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

/// Where the workflow says that it stands.
fn shown_status(execution: &WorkflowExecutionInfo) -> Option<Status> {
    let attributes = execution.search_attributes.as_ref()?;
    let payload = attributes.indexed_fields.get(attributes::PAYMENT_STATUS.name())?;
    Status::parse(&serde_json::from_slice::<String>(&payload.data).ok()?)
}
