//! Asking the PSP now: for an operator who does not want to wait for the next question.

use std::time::Duration;

use domain::{Timestamp, refund::RefundStatus};
use store::CheckoutRecord;
use temporalio_client::{WorkflowQueryOptions, WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::{checkout::CheckoutWorkflow, dead_letter::AskPsp, refund::RefundWorkflow};

use crate::{Fault, Service, temporal};

/// How long Temporal may take to accept the signal.
const SIGNAL_TIME: Duration = Duration::from_secs(5);
/// How long a worker may take to say when the PSP is asked next. The reader of a checkout waits for the answer.
const QUERY_TIME: Duration = Duration::from_secs(2);

/// Whether a workflow was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It was.
    Somebody,
    /// There is none that asks.
    Nobody,
}

/// Tells the workflows of a checkout, and of its refunds, to ask the PSP now.
pub async fn ask(service: &Service, record: &CheckoutRecord, by: &str) -> Result<Asked, Fault> {
    let ask = AskPsp { by: by.to_owned() };
    let of_checkout = ask_about_payment(service, record, &ask).await?;
    let of_refunds = ask_about_refunds(service, record, &ask).await?;
    Ok(if of_checkout == Asked::Nobody { of_refunds } else { of_checkout })
}

async fn ask_about_payment(service: &Service, record: &CheckoutRecord, ask: &AskPsp) -> Result<Asked, Fault> {
    if !record.follows_psp() {
        return Ok(Asked::Nobody);
    }
    let checkout = service.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    told(checkout.signal(CheckoutWorkflow::ask_psp, ask.clone().into(), options())).await
}

async fn ask_about_refunds(service: &Service, record: &CheckoutRecord, ask: &AskPsp) -> Result<Asked, Fault> {
    let mut asked = Asked::Nobody;
    for refund in service.reader.refunds_of(&record.checkout_id).await? {
        match refund.status {
            RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => {}
            RefundStatus::Requested | RefundStatus::Succeeded | RefundStatus::Failed => continue,
        }
        let workflow = service.temporal.get_workflow_handle::<RefundWorkflow>(refund.workflow_id.as_str());
        if told(workflow.signal(RefundWorkflow::ask_psp, ask.clone().into(), options())).await? == Asked::Somebody {
            asked = Asked::Somebody;
        }
    }
    Ok(asked)
}

fn options() -> WorkflowSignalOptions {
    WorkflowSignalOptions::builder().rpc_options(temporal::rpc_options()).build()
}

async fn told(signal: impl Future<Output = Result<(), WorkflowInteractionError>>) -> Result<Asked, Fault> {
    match tokio::time::timeout(SIGNAL_TIME, signal).await {
        Ok(Ok(())) => Ok(Asked::Somebody),
        Ok(Err(WorkflowInteractionError::NotFound(_))) => Ok(Asked::Nobody),
        Ok(Err(error)) => Err(error.into()),
        Err(elapsed) => Err(Fault::temporal(elapsed)),
    }
}

/// When the workflow of a checkout asks the PSP next, where it does and a worker says so in time.
pub async fn next_question_at(service: &Service, record: &CheckoutRecord) -> Option<Timestamp> {
    if !record.follows_psp() {
        return None;
    }
    let checkout = service.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    let options = WorkflowQueryOptions::builder().rpc_options(temporal::rpc_options()).build();
    let standing = checkout.query(CheckoutWorkflow::standing, (), options);
    match tokio::time::timeout(QUERY_TIME, standing).await {
        Ok(Ok(standing)) => standing.next_question_at,
        Ok(Err(error)) => {
            tracing::debug!(
                checkout.id = %record.checkout_id,
                error = &error as &dyn std::error::Error,
                "no worker told when the PSP is asked next"
            );
            None
        }
        Err(_) => None,
    }
}
