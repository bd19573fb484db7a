//! Asking the PSP now: for an operator who does not want to wait for the next question.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::{Timestamp, refund::RefundStatus};
use store::CheckoutRecord;
use temporalio_client::{WorkflowQueryOptions, WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::{checkout::CheckoutWorkflow, operator::AskPsp, refund::RefundWorkflow};

use service::temporal;

use crate::{
    Api,
    http::{
        caller::OpsCaller,
        problem::{Code, Problem},
    },
    openapi::{refusals::refusals, shapes::PaymentOrderName},
    routes::{
        checkout::{ASK_AGAIN_AFTER_S, location},
        payment_order::{self, Named},
        shapes::CheckoutBody,
    },
};

refusals! { AskRefusals: AmbiguousId, CheckoutNotFound, NothingToAsk, TemporalUnavailable, TooManySignals; }

/// How long Temporal may take to accept the signal.
const SIGNAL_TIME: Duration = Duration::from_secs(5);
/// How long a worker may take to say when the PSP is asked next. The reader of a checkout waits for the answer.
const QUERY_TIME: Duration = Duration::from_secs(2);

/// Ask the payment provider now
///
/// For what is under way: a payment whose outcome is not known, a deposit that is awaited or watched, a refund. The
/// workflow asks at once and not at its `next_question_at`. One that is stuck takes it as the word to try again. Read the
/// checkout again after a moment.
#[utoipa::path(
    post,
    path = "/{id}/ask-psp",
    operation_id = "ask_payment_provider",
    tag = "Operators",
    security(("bearer" = ["ops"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or one of its payment orders")),
    responses((status = 202, description = "It is asked", body = CheckoutBody, headers(("Location" = String, description = "Where to read what came of it"))), AskRefusals)
)]
pub(crate) async fn ask(
    State(api): State<Arc<Api>>,
    caller: OpsCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (Named::Checkout(record) | Named::Order { record, .. }) = payment_order::find(&api, &id, None).await?;
    let ask = AskPsp { by: caller.key.to_string() };
    let of_checkout = ask_about_payment(&api, &record, &ask).await?;
    let of_refunds = ask_about_refunds(&api, &record, &ask).await?;
    if of_checkout == Asked::Nobody && of_refunds == Asked::Nobody {
        let detail = "Nothing of this checkout is under way: there is nothing to ask the payment provider.";
        return Err(Problem::new(Code::NothingToAsk, detail).about(record.status));
    }
    let again = [(header::RETRY_AFTER, ASK_AGAIN_AFTER_S.to_string()), location(&record)];
    let body = CheckoutBody::for_scopes(caller.scopes, &record, &api);
    Ok((StatusCode::ACCEPTED, again, Json(body)).into_response())
}

/// Whether a workflow was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It was.
    Somebody,
    /// There is none that asks.
    Nobody,
}

async fn ask_about_payment(api: &Api, record: &CheckoutRecord, ask: &AskPsp) -> Result<Asked, Problem> {
    if !record.heeds_psp() {
        return Ok(Asked::Nobody);
    }
    let checkout = api.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    told(checkout.signal(CheckoutWorkflow::ask_psp, ask.clone().into(), options())).await
}

async fn ask_about_refunds(api: &Api, record: &CheckoutRecord, ask: &AskPsp) -> Result<Asked, Problem> {
    let mut asked = Asked::Nobody;
    for refund in api.reader.refunds_of(&record.checkout_id).await? {
        match refund.status {
            RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => {}
            RefundStatus::Requested | RefundStatus::Succeeded | RefundStatus::Failed => continue,
        }
        let workflow = api.temporal.get_workflow_handle::<RefundWorkflow>(refund.workflow_id.as_str());
        if told(workflow.signal(RefundWorkflow::ask_psp, ask.clone().into(), options())).await? == Asked::Somebody {
            asked = Asked::Somebody;
        }
    }
    Ok(asked)
}

fn options() -> WorkflowSignalOptions {
    WorkflowSignalOptions::builder().rpc_options(temporal::rpc_options()).build()
}

async fn told(signal: impl Future<Output = Result<(), WorkflowInteractionError>>) -> Result<Asked, Problem> {
    match tokio::time::timeout(SIGNAL_TIME, signal).await {
        Ok(Ok(())) => Ok(Asked::Somebody),
        Ok(Err(WorkflowInteractionError::NotFound(_))) => Ok(Asked::Nobody),
        Ok(Err(error)) => Err(Problem::temporal(&error)),
        Err(elapsed) => Err(Problem::temporal(&elapsed)),
    }
}

/// When the workflow of a checkout asks the PSP next, where it does and a worker says so in time.
pub(crate) async fn next_question_at(api: &Api, record: &CheckoutRecord) -> Option<Timestamp> {
    if !record.heeds_psp() {
        return None;
    }
    let checkout = api.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    let options = WorkflowQueryOptions::builder().rpc_options(temporal::rpc_options()).build();
    let standing = checkout.query(CheckoutWorkflow::standing, (), options);
    match tokio::time::timeout(QUERY_TIME, standing).await {
        Ok(Ok(standing)) => standing.next_question_at,
        Ok(Err(error)) => {
            tracing::debug!(checkout.id = %record.checkout_id, error = &error as &dyn std::error::Error, "no worker told when the PSP is asked next");
            None
        }
        Err(_) => None,
    }
}
