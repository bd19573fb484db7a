//! Starting the workflows of checkouts, refunds and payout runs again that Temporal has lost.
//!
//! Temporal may be lost, or set back to an older state, and a workflow may be ended by hand. The database still says
//! what is not over. A new workflow goes on from the record, and begins with a question to the PSP; see
//! `workflows::checkout`. To recover twice is safe: a workflow that runs is not started again, and a new one reads the
//! record by itself, whatever was read here.

use domain::{
    Timestamp,
    charge::SESSION_MS,
    checkout::Phase,
    id::{CheckoutId, PayoutRunId, RefundId, WorkflowId},
    refund::RefundScope,
};
use store::{CheckoutRecord, LostCheckout, LostRefund, Reader, RunRecord};
use temporalio_client::{
    Client, NamespacedClient as _, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions,
    errors::WorkflowStartError,
    grpc::WorkflowService as _,
    tonic::{Code, IntoRequest as _},
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::WorkflowExecutionStatus,
    history::v1::history_event::Attributes,
    workflowservice::v1::{DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryRequest},
};
use workflows::{
    TASK_QUEUE,
    checkout::{CheckoutInput, CheckoutWorkflow, Recovery},
    payout_run::{self, PayoutRunInput, PayoutRunWorkflow},
    ports::{ChargeSavedCard, Confirm, RefundRequest},
    refunds::{self, RefundsInput, RefundsWorkflow},
};

use crate::{Fault, Histories, checkout::create, temporal};

/// How many rows are read at once.
const PAGE: u64 = 200;

/// Finds what was lost, and starts it again.
#[derive(Clone, Copy)]
pub struct Recoverer<'a> {
    pub client: &'a Client,
    pub reader: &'a Reader,
    pub histories: Histories,
}

/// What Temporal has in the place of a workflow that should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// It knows no such workflow.
    Nothing,
    /// The workflow has ended, and how: `TERMINATED`, `COMPLETED` …
    Ended(&'static str),
}

impl Instead {
    /// As it is told: `MISSING`, `TERMINATED` …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "MISSING",
            Self::Ended(how) => how,
        }
    }
}

/// A checkout, a refund or a payout run that is not over, and whose workflow does not run.
#[derive(Debug, Clone)]
pub struct Lost {
    pub work: LostWork,
    pub workflow_id: String,
    pub instead: Instead,
}

/// What was lost.
#[derive(Debug, Clone)]
pub enum LostWork {
    Checkout(Box<LostCheckout>),
    Refund(Box<LostRefund>),
    PayoutRun(Box<RunRecord>),
}

impl LostWork {
    /// `checkout`, `refund` or `payout_run`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Checkout(_) => "checkout",
            Self::Refund(_) => "refund",
            Self::PayoutRun(_) => "payout_run",
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Checkout(lost) => lost.record.checkout_id.as_str(),
            Self::Refund(lost) => lost.record.refund_id.as_str(),
            Self::PayoutRun(run) => run.run_id.as_str(),
        }
    }

    /// Where it stands.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Checkout(lost) => lost.record.status.as_str(),
            Self::Refund(lost) => lost.record.status.as_str(),
            Self::PayoutRun(run) => run.status.as_str(),
        }
    }
}

/// What came of starting a workflow again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarted {
    /// It runs.
    Now,
    /// Another process came first.
    Before,
    /// Another refund of the checkout runs: refunds of a checkout follow each other.
    InTurn,
}

impl Restarted {
    /// As it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "restarted",
            Self::Before => "running",
            Self::InTurn => "waits for another refund of its checkout",
        }
    }
}

impl Recoverer<'_> {
    /// Everything that is not over and whose workflow does not run.
    pub async fn find(&self, now: Timestamp) -> Result<Vec<Lost>, Fault> {
        let mut lost = self.find_checkouts(now).await?;
        lost.extend(self.find_refunds().await?);
        lost.extend(self.find_payout_runs().await?);
        Ok(lost)
    }

    async fn find_payout_runs(&self) -> Result<Vec<Lost>, Fault> {
        let (mut lost, mut after) = (Vec::new(), None::<PayoutRunId>);
        loop {
            let page = self.reader.unfinished_payout_runs(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(lost) };
            after = Some(last.run_id.clone());
            for run in page {
                let workflow_id = payout_run::workflow_id(&run.run_id);
                let Some(instead) = self.instead_of(&workflow_id).await? else { continue };
                // Its workflow may have written more since it was read, and then ended.
                let stands = self.reader.payout_run(&run.run_id).await?.map(|now| now.version);
                if stands == Some(run.version) {
                    lost.push(Lost { work: LostWork::PayoutRun(Box::new(run)), workflow_id, instead });
                }
            }
        }
    }

    async fn find_checkouts(&self, now: Timestamp) -> Result<Vec<Lost>, Fault> {
        let (mut lost, mut after) = (Vec::new(), None::<CheckoutId>);
        loop {
            let page = self.reader.unfinished_checkouts(after.as_ref(), PAGE, now).await?;
            let Some(last) = page.last() else { return Ok(lost) };
            after = Some(last.record.checkout_id.clone());
            for checkout in page {
                if is_over(&checkout.record, now) {
                    continue;
                }
                let workflow_id = checkout.record.workflow_id.to_string();
                let Some(instead) = self.instead_of(&workflow_id).await? else { continue };
                // Its workflow may have written more since it was read, and then ended.
                let stands = self.reader.checkout(&checkout.record.checkout_id).await?.map(|now| now.revision);
                if stands == Some(checkout.record.revision) {
                    let work = LostWork::Checkout(Box::new(checkout));
                    lost.push(Lost { work, workflow_id, instead });
                }
            }
        }
    }

    /// The refunds in the order in which they were asked for.
    async fn find_refunds(&self) -> Result<Vec<Lost>, Fault> {
        let (mut found, mut after) = (Vec::new(), None::<RefundId>);
        loop {
            let page = self.reader.unfinished_refunds(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.refund_id.clone());
            found.extend(page);
        }
        found.sort_by_key(|refund| refund.record.requested_at);
        let mut lost = Vec::new();
        for refund in found {
            let record = &refund.record;
            let workflow_id = WorkflowId::of_refund(&record.refund_id).to_string();
            // A queue that runs serves the refund in its turn, or has just begun its workflow.
            if self.serves_refunds(&record.checkout_id).await? {
                continue;
            }
            let Some(instead) = self.instead_of(&workflow_id).await? else { continue };
            // It may have ended since it was read.
            let is_over = self.reader.refund(&record.refund_id).await?.is_none_or(|now| now.status.is_end());
            if !is_over {
                lost.push(Lost { work: LostWork::Refund(Box::new(refund)), workflow_id, instead });
            }
        }
        Ok(lost)
    }

    async fn serves_refunds(&self, checkout: &CheckoutId) -> Result<bool, Fault> {
        Ok(self.instead_of(&refunds::workflow_id(checkout)).await?.is_none())
    }

    /// What Temporal has in the place of a running workflow; nothing where it runs.
    async fn instead_of(&self, workflow_id: &str) -> Result<Option<Instead>, Fault> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            execution: Some(execution(workflow_id)),
        };
        match self.client.clone().describe_workflow_execution(request.into_request()).await {
            Ok(told) => {
                let status = told.into_inner().workflow_execution_info.map(|info| info.status());
                Ok(match status.unwrap_or(WorkflowExecutionStatus::Unspecified) {
                    WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused => None,
                    ended => Some(Instead::Ended(ended.as_str_name().trim_start_matches("WORKFLOW_EXECUTION_STATUS_"))),
                })
            }
            Err(status) if status.code() == Code::NotFound => Ok(Some(Instead::Nothing)),
            Err(status) => Err(Fault::temporal(status)),
        }
    }

    /// Starts a workflow in the place of a lost one. No workflow of daegeum has run since `lost_at`, or it still may
    /// have sent something until then.
    pub async fn restart(&self, lost: &Lost, lost_at: Timestamp) -> Result<Restarted, Fault> {
        match &lost.work {
            LostWork::Checkout(checkout) => self.restart_checkout(checkout, lost, lost_at).await,
            LostWork::Refund(refund) => self.restart_refund(refund).await,
            LostWork::PayoutRun(run) => self.restart_payout_run(run, lost).await,
        }
    }

    /// The new workflow goes by the rows: of what may have left, the PSP is asked first.
    async fn restart_payout_run(&self, run: &RunRecord, lost: &Lost) -> Result<Restarted, Fault> {
        let options = WorkflowStartOptions::new(TASK_QUEUE, lost.workflow_id.as_str())
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
            .static_summary(format!("the payout run {}", run.run_id))
            .rpc_options(temporal::rpc_options())
            .build();
        let input = PayoutRunInput::new(run.run_id.clone(), None);
        match self.client.start_workflow(PayoutRunWorkflow::run, input, options).await {
            Ok(_) => Ok(Restarted::Now),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(Restarted::Before),
            Err(error) => Err(error.into()),
        }
    }

    async fn restart_checkout(
        &self,
        checkout: &LostCheckout,
        lost: &Lost,
        lost_at: Timestamp,
    ) -> Result<Restarted, Fault> {
        let LostCheckout { record, plan, api_key_id, fingerprint } = checkout;
        let quiet_until = match record.status.phase() {
            Phase::Open | Phase::Declined if self.may_have_sent(lost).await? => Some(lost_at.plus_ms(SESSION_MS)),
            Phase::Open
            | Phase::Declined
            | Phase::Moving
            | Phase::Held
            | Phase::Deposit
            | Phase::Paid
            | Phase::Closed => None,
        };
        let options = WorkflowStartOptions::new(TASK_QUEUE, lost.workflow_id.as_str())
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
            .static_summary(create::summary(plan, self.histories))
            .search_attributes(create::search_attributes(plan, record.status))
            .rpc_options(temporal::rpc_options())
            .build();
        let input = CheckoutInput {
            plan: plan.clone(),
            api_key_id: api_key_id.clone(),
            fingerprint: fingerprint.clone(),
            deadline_ms: record.expires_at.ms_since(record.created_at),
            recovery: Some(Recovery { quiet_until }),
            saved_card: record.saved_card.clone(),
        };
        match self.client.start_workflow(CheckoutWorkflow::run, input, options).await {
            Ok(_) => Ok(Restarted::Now),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(Restarted::Before),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the lost workflow may have sent a payment that no record names. The history of an ended workflow tells:
    /// each request to confirm was answered, or may still be under way.
    async fn may_have_sent(&self, lost: &Lost) -> Result<bool, Fault> {
        if lost.instead == Instead::Nothing {
            return Ok(true);
        }
        let (mut sent, mut answered, mut next_page_token) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let request = GetWorkflowExecutionHistoryRequest {
                namespace: self.client.namespace(),
                execution: Some(execution(&lost.workflow_id)),
                next_page_token,
                ..Default::default()
            };
            let told = match self.client.clone().get_workflow_execution_history(request.into_request()).await {
                Ok(told) => told.into_inner(),
                // Forgotten since it was described.
                Err(status) if status.code() == Code::NotFound => return Ok(true),
                Err(status) => return Err(Fault::temporal(status)),
            };
            for event in told.history.into_iter().flat_map(|history| history.events) {
                match event.attributes {
                    Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                        let name = scheduled.activity_type.map(|activity| activity.name).unwrap_or_default();
                        sent.extend(is_charge(&name).then_some(event.event_id));
                    }
                    Some(Attributes::ActivityTaskCompletedEventAttributes(done)) => {
                        answered.push(done.scheduled_event_id);
                    }
                    Some(_) | None => {}
                }
            }
            next_page_token = told.next_page_token;
            if next_page_token.is_empty() {
                return Ok(sent.iter().any(|scheduled| !answered.contains(scheduled)));
            }
        }
    }

    async fn restart_refund(&self, lost: &LostRefund) -> Result<Restarted, Fault> {
        let LostRefund { record, requested_by } = lost;
        let checkout_id = &record.checkout_id;
        // A queue that runs serves this refund after those before it. Without a queue, one may still run by itself.
        let others = if self.serves_refunds(checkout_id).await? {
            Vec::new()
        } else {
            self.reader.refunds_of(checkout_id).await?
        };
        for other in others {
            let is_promised = other.refund_id != record.refund_id && other.status.is_promised();
            let workflow_id = WorkflowId::of_refund(&other.refund_id).to_string();
            if is_promised && self.instead_of(&workflow_id).await?.is_none() {
                return Ok(Restarted::InTurn);
            }
        }
        let Some(payment_key) =
            self.reader.checkout(checkout_id).await?.and_then(|of| of.psp).map(|psp| psp.payment_key)
        else {
            return Err(Fault::internal(Unpaid));
        };
        let request = RefundRequest {
            refund_id: record.refund_id.clone(),
            checkout_id: checkout_id.clone(),
            payment_key,
            wanted: RefundScope { order: record.order.clone(), amount: record.amount },
            reason: record.reason.clone(),
            // Accounts of buyers are kept nowhere: a refund that needs one and was not sent ends as refused.
            account: None,
            requested_by: requested_by.clone(),
            fingerprint: record.fingerprint.clone(),
            sent_since: Some(record.requested_at),
        };
        let options = WorkflowStartOptions::new(TASK_QUEUE, refunds::workflow_id(checkout_id))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .static_summary(format!("the refunds of {checkout_id}"))
            .rpc_options(temporal::rpc_options())
            .build();
        let input = RefundsInput { checkout_id: checkout_id.clone() };
        let asked = self.client.signal_with_start_workflow(
            RefundsWorkflow::run,
            input,
            RefundsWorkflow::refund,
            request.into(),
            options,
        );
        asked.await?;
        Ok(Restarted::Now)
    }
}

/// Whether a checkout came to rest after its id was listed, and needs no workflow any more.
fn is_over(record: &CheckoutRecord, now: Timestamp) -> bool {
    match record.status.phase() {
        Phase::Open | Phase::Moving | Phase::Held | Phase::Deposit => false,
        Phase::Paid => !record.is_by_deposit(),
        Phase::Declined => !record.takes_retry(now),
        Phase::Closed => true,
    }
}

/// A refund of a checkout without a payment.
#[derive(Debug, thiserror::Error)]
#[error("a refund of a checkout that has no payment")]
struct Unpaid;

/// Whether an activity of this name sends a payment.
fn is_charge(name: &str) -> bool {
    use temporalio_common::ActivityDefinition as _;
    [Confirm.name(), ChargeSavedCard.name()].contains(&name)
}

fn execution(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() }
}
