//! `GET /v1/payments/{id}/history`: every step of a checkout, with how much, by which method and by whom.
//!
//! The steps are read as they were written. Amount, method and actor are derived from the rows beside them when the
//! history is read; what no row knows is null.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    Money,
    checkout::Status,
    dead_letter::DeclaredOutcome,
    failure::{FailureCode, OurCode},
    id::CheckoutId,
};
use serde::Serialize;
use store::{Actor, CheckoutRecord, HistorySources, PaidBack, StatusChange};

use crate::{
    Api,
    http::{caller::ReadCaller, problem::Problem, values::rfc3339},
    openapi::{
        refusals::refusals,
        shapes::{Amount, CheckoutName, CurrencyCode, Instant, StatusName},
    },
    routes::shapes::FailureBody,
};

refusals! { HistoryRefusals: CheckoutNotFound; }

/// Every status that a checkout has had, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = History)]
pub(crate) struct HistoryBody {
    checkout_id: String,
    history: Vec<ChangeBody>,
}

/// One line of a checkout's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = StatusChange)]
struct ChangeBody {
    revision: u32,
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// What the step is about: the checkout's amount, and of a refund what went back.
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// How the buyer paid, in the payment provider's words, from the step on that captured the money.
    method: Option<String>,
    /// The author of the step, as far as it is known: `psp`, `daegeum`, `api_key:` and the id of the key, or
    /// `operator:` and a name.
    actor: Option<String>,
    failure: Option<FailureBody>,
    #[schema(value_type = Instant)]
    occurred_at: String,
    #[schema(value_type = Instant)]
    recorded_at: String,
}

/// Read the history of a checkout
///
/// Every status that it has had, oldest first. Lines are only ever added.
#[utoipa::path(
    get,
    path = "/{id}/history",
    operation_id = "read_history",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(("id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "The history", body = HistoryBody), HistoryRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<HistoryBody>, Problem> {
    let id = CheckoutId::parse(id).map_err(|_| Problem::no_checkout())?;
    let changes = api.service.reader.history(&id).await?;
    let record =
        api.service.reader.checkout(&id).await?.filter(|_| !changes.is_empty()).ok_or_else(Problem::no_checkout)?;
    let sources = api.service.reader.history_sources(&id, &record.workflow_id).await?;
    Ok(Json(HistoryBody { checkout_id: id.to_string(), history: told(changes, &record, &sources) }))
}

fn told(changes: Vec<StatusChange>, record: &CheckoutRecord, sources: &HistorySources) -> Vec<ChangeBody> {
    let mut paid_back = sources.paid_back.iter();
    let mut method = None;
    let mut body = |change: StatusChange| {
        let refund = if is_refund(change.status) { Some(paid_back.next()) } else { None };
        if change.status == Status::Success {
            method = record.psp.as_ref().and_then(|psp| psp.method.clone());
        }
        let amount = match refund {
            Some(refund) => refund.map(|refund| refund.amount),
            None => Some(record.total),
        };
        let actor = match refund {
            Some(refund) => refund.map(|PaidBack { requested_by, .. }| Who::Person(requested_by.clone().into())),
            None => actor(&change, sources),
        };
        ChangeBody {
            revision: change.revision,
            status: change.status.as_str(),
            amount: amount.map(Money::to_decimal_string),
            currency: record.total.currency().code(),
            method: method.clone(),
            actor: actor.map(|actor| actor.told()),
            failure: change.failure.as_ref().map(|failure| FailureBody::new(failure, false)),
            occurred_at: rfc3339(change.occurred_at),
            recorded_at: rfc3339(change.recorded_at),
        }
    };
    changes.into_iter().map(&mut body).collect()
}

const fn is_refund(status: Status) -> bool {
    match status {
        Status::PartiallyRefunded | Status::Refunded => true,
        Status::NotStarted
        | Status::Executing
        | Status::Unknown
        | Status::WaitingForDeposit
        | Status::Success
        | Status::Failed
        | Status::Expired
        | Status::Canceled
        | Status::Stuck => false,
    }
}

/// The author of a step.
enum Who {
    /// The payment provider: the step writes down what it said.
    Psp,
    /// A rule, a deadline, or the lack of an answer.
    Daegeum,
    /// An API key, or an operator at the command line.
    Person(Actor),
}

impl Who {
    fn told(&self) -> String {
        match self {
            Self::Psp => "psp".to_owned(),
            Self::Daegeum => "daegeum".to_owned(),
            Self::Person(Actor::ApiKey(id)) => format!("api_key:{id}"),
            Self::Person(Actor::Person(id)) => format!("person:{id}"),
            Self::Person(Actor::Operator(name)) => format!("operator:{name}"),
        }
    }
}

/// The author of a step that is no refund; none where no row knows. A confirmation may come from the buyer's browser or
/// from the marketplace, and of a cancellation only the workflow knows who asked.
fn actor(change: &StatusChange, sources: &HistorySources) -> Option<Who> {
    match change.status {
        Status::NotStarted => sources.created_by.clone().map(|id| Who::Person(Actor::ApiKey(id))),
        Status::WaitingForDeposit | Status::Success => Some(Who::Psp),
        Status::Unknown | Status::Stuck => Some(Who::Daegeum),
        Status::Failed | Status::Expired => ended_by(change, sources),
        Status::Executing | Status::Canceled | Status::PartiallyRefunded | Status::Refunded => None,
    }
}

fn ended_by(change: &StatusChange, sources: &HistorySources) -> Option<Who> {
    let Some(failure) = &change.failure else { return Some(Who::Daegeum) };
    match &failure.code {
        FailureCode::Psp(_) => Some(Who::Psp),
        FailureCode::Ours(OurCode::Canceled) => None,
        FailureCode::Ours(OurCode::ResolvedByOperator) => decided(DeclaredOutcome::NotPaid, change, sources),
        FailureCode::Ours(OurCode::RiskDenied) if sources.needed_operator => {
            decided(DeclaredOutcome::Denied, change, sources)
        }
        FailureCode::Ours(_) => Some(Who::Daegeum),
    }
}

/// The operator who declared an outcome last, before a step was written.
fn decided(outcome: DeclaredOutcome, change: &StatusChange, sources: &HistorySources) -> Option<Who> {
    let mut decisions = sources.decisions.iter().filter(|decision| decision.outcome == outcome);
    let last = decisions.rfind(|decision| decision.decided_at <= change.recorded_at)?;
    Some(Who::Person(last.by.clone()))
}
