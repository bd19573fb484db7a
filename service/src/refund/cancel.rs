//! Asking the workflows, and reading what came of it.

use domain::{
    charge::is_virtual_account,
    id::{CheckoutId, RefundId},
    refund::{RefundScope, RefundStatus},
};
use store::{CheckoutRecord, Decision, RefundRecord, Scope};
use temporalio_client::{
    WorkflowIdConflictPolicy, WorkflowStartOptions, WorkflowStartUpdateOptions, errors::WorkflowUpdateError,
};
use tokio::time::{Instant, timeout_at};
use workflows::{
    TASK_QUEUE,
    checkout::{Cancellation, CheckoutWorkflow},
    ports::RefundRequest,
    refunds::{self, RefundsInput, RefundsWorkflow},
};

use super::{
    approval::{Admitted, admit, decide, opened},
    terms::{CancelRequest, Canceled, RefundError, RefundKey, Target, Way},
};
use crate::{
    Caller, Fault, Service, temporal,
    waiting::{MAX_REQUESTS, Pauses, WORKER_LOOK},
};

/// Cancels for one caller: does what canceling means where the checkout stands. A checkout that is paid while it is
/// being given up is refunded.
pub async fn cancel(
    service: &Service,
    caller: &Caller,
    target: Target,
    key: &RefundKey,
    request: &CancelRequest,
) -> Result<Canceled, RefundError> {
    let by = Instant::now() + service.settings.confirm_wait;
    Refunding { service, caller, by }.cancel(target, key, request).await
}

/// Approves a refund that waits for a second principal, and carries it out.
pub async fn approve(service: &Service, caller: &Caller, id: &RefundId) -> Result<Canceled, RefundError> {
    let record = decide(service, caller, id, Decision::Approved).await?;
    let by = Instant::now() + service.settings.confirm_wait;
    Refunding { service, caller, by }.carry_out(opened(service, &record)?).await
}

/// One request of one caller, answered by an instant.
struct Refunding<'a> {
    service: &'a Service,
    caller: &'a Caller,
    by: Instant,
}

/// What a workflow did with a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    /// The workflow has closed, or does not take the cancellation.
    Over,
    /// The workflow took it and has not come to rest yet.
    UnderWay,
}

impl Refunding<'_> {
    async fn cancel(
        &self,
        mut target: Target,
        key: &RefundKey,
        request: &CancelRequest,
    ) -> Result<Canceled, RefundError> {
        if let Some(outcome) = self.replay(&target, key, request).await? {
            return Ok(outcome);
        }
        let mut pauses = Pauses::new();
        for _ in 0..MAX_REQUESTS {
            match target.way(request.is_partial())? {
                Way::Refund => {
                    self.demand(Scope::Refund)?;
                    return self.refund(&target, key, request).await;
                }
                Way::Done => return Ok(Canceled::GivenUp(target.record)),
                Way::GiveUp => self.demand(Scope::Checkout)?,
            }
            let cancelling = self.give_up(&target.record, request).await?;
            target.record = self.record(&target.record.checkout_id).await?;
            if cancelling == Cancelling::UnderWay && matches!(target.way(request.is_partial()), Ok(Way::GiveUp)) {
                return Ok(Canceled::NotGivenUpYet(target.record));
            }
            pauses.pause().await;
        }
        Err(RefundError::Unanswered(target.record.status))
    }

    /// Gives a checkout up and waits for where it comes to rest.
    async fn give_up(&self, record: &CheckoutRecord, request: &CancelRequest) -> Result<Cancelling, RefundError> {
        let workflow = self.service.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
        // A checkout whose deposit was taken back can be given up anew; and a request that names an account says
        // something new.
        let update_id = match &request.account {
            Some(_) => format!("cancel-{}-{}", record.revision, request.fingerprint),
            None => format!("cancel-{}", record.revision),
        };
        let options =
            WorkflowStartUpdateOptions::builder().update_id(update_id).rpc_options(temporal::rpc_options()).build();
        let cancellation = Cancellation {
            by: self.caller.principal.bare(),
            reason: request.reason.clone(),
            account: request.account.clone(),
        };
        let taking = workflow.start_update(CheckoutWorkflow::cancel, cancellation, options);
        let accepted = match timeout_at(self.by, taking).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(WorkflowUpdateError::NotFound(_) | WorkflowUpdateError::Failed(_))) => return Ok(Cancelling::Over),
            Ok(Err(error)) => return Err(Fault::from(error).into()),
            Err(_) => return Err(RefundError::NotAccepted(record.status)),
        };
        // It is written in the workflow's history: whatever the wait brings, the record tells.
        let ended = timeout_at(self.by, accepted.get_result(temporal::rpc_options())).await;
        Ok(match ended {
            Ok(Ok(_) | Err(WorkflowUpdateError::NotFound(_) | WorkflowUpdateError::Failed(_))) => Cancelling::Over,
            Ok(Err(_)) | Err(_) => Cancelling::UnderWay,
        })
    }

    /// What an earlier request under the same key was told, once that is known.
    async fn replay(
        &self,
        target: &Target,
        key: &RefundKey,
        request: &CancelRequest,
    ) -> Result<Option<Canceled>, RefundError> {
        let RefundKey::OfRequest(id) = key else { return Ok(None) };
        let Some(refund) = self.service.reader.refund(id).await? else { return Ok(None) };
        if refund.fingerprint != request.fingerprint {
            return Err(RefundError::KeyReused);
        }
        if !refund.status.is_end() {
            return Ok(None);
        }
        let record = self.record(&target.record.checkout_id).await?;
        conclude(record, refund, true).map(Some)
    }

    async fn refund(&self, target: &Target, key: &RefundKey, request: &CancelRequest) -> Result<Canceled, RefundError> {
        let checkout = &target.record.checkout_id;
        let refund_id = match key {
            RefundKey::OfRequest(id) => id.clone(),
            RefundKey::OfTarget => {
                let refunds = self.service.reader.refunds_of(checkout).await?;
                if target.is_all_promised() {
                    return self.join(target, &refunds).await;
                }
                let failed = |id: &RefundId| {
                    refunds.iter().any(|refund| refund.refund_id == *id && refund.status == RefundStatus::Failed)
                };
                let ids = (0..).map(|attempt| RefundId::of_rest(checkout, target.order.as_ref(), attempt));
                ids.into_iter().find(|id| !failed(id)).ok_or_else(|| RefundError::InProgress)?
            }
        };
        let ordered = self.request(target, refund_id.clone(), request)?;
        let was_there = self.service.reader.refund(&refund_id).await?.is_some();
        let ordered = if was_there {
            ordered
        } else {
            match admit(self.service, self.caller, target, ordered).await? {
                Admitted::Now(ordered) => *ordered,
                Admitted::Waits(ordered, approval) => {
                    let record = target.record.clone();
                    return Ok(Canceled::WaitsForApproval { record, request: ordered, approval });
                }
            }
        };
        self.ask(ordered).await?;
        let refund = self.ended(&refund_id).await?.ok_or_else(|| RefundError::InProgress)?;
        if matches!(key, RefundKey::OfRequest(_)) && refund.fingerprint != request.fingerprint {
            return Err(RefundError::KeyReused);
        }
        conclude(self.record(checkout).await?, refund, was_there)
    }

    /// Carries out a refund that a second principal has approved, once however often it is asked for.
    async fn carry_out(&self, request: RefundRequest) -> Result<Canceled, RefundError> {
        let (refund_id, checkout) = (request.refund_id.clone(), request.checkout_id.clone());
        let before = self.service.reader.refund(&refund_id).await?;
        let replayed = before.as_ref().is_some_and(|refund| refund.status.is_end());
        if !replayed {
            self.ask(request).await?;
        }
        let refund = self.ended(&refund_id).await?.ok_or_else(|| RefundError::InProgress)?;
        conclude(self.record(&checkout).await?, refund, replayed)
    }

    /// All that there was is promised or gone already: the last refund that did it is the answer.
    async fn join(&self, target: &Target, refunds: &[RefundRecord]) -> Result<Canceled, RefundError> {
        let is_of = |refund: &&RefundRecord| match &target.order {
            Some(order) => refund.parts.iter().any(|part| part.order == *order),
            None => true,
        };
        let last = refunds.iter().rev().filter(is_of).find(|refund| refund.status != RefundStatus::Failed);
        let nothing_left = || RefundError::AllRefunded(target.record.status);
        let refund = self.ended(&last.ok_or_else(nothing_left)?.refund_id).await?.ok_or_else(nothing_left)?;
        conclude(self.record(&target.record.checkout_id).await?, refund, false)
    }

    fn request(
        &self,
        target: &Target,
        refund_id: RefundId,
        request: &CancelRequest,
    ) -> Result<RefundRequest, RefundError> {
        let record = &target.record;
        let unpaid = || RefundError::NoPayment(record.status);
        let psp = record.psp.as_ref().ok_or_else(unpaid)?;
        let needs_account = is_virtual_account(psp.method.as_deref());
        if needs_account && request.account.is_none() {
            return Err(RefundError::AccountRequired(record.status));
        }
        if !needs_account && request.account.is_some() {
            return Err(RefundError::AccountNotTaken);
        }
        Ok(RefundRequest {
            refund_id,
            checkout_id: record.checkout_id.clone(),
            payment_key: psp.payment_key.clone(),
            wanted: RefundScope { order: target.order.clone(), amount: request.amount(record.total.currency())? },
            reason: request.reason.clone(),
            account: request.account.clone(),
            requested_by: self.caller.principal.clone(),
            fingerprint: request.fingerprint.clone(),
            sent_since: None,
        })
    }

    /// Hands a request to the workflow that serves the checkout's refunds one after the other. Once Temporal has taken
    /// it, it is served, also if no worker runs now.
    async fn ask(&self, request: RefundRequest) -> Result<(), RefundError> {
        let checkout_id = request.checkout_id.clone();
        let options = WorkflowStartOptions::new(TASK_QUEUE, refunds::workflow_id(&checkout_id))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .static_summary(format!("the refunds of {checkout_id}"))
            .rpc_options(temporal::rpc_options())
            .build();
        let taking = self.service.temporal.signal_with_start_workflow(
            RefundsWorkflow::run,
            RefundsInput { checkout_id },
            RefundsWorkflow::refund,
            request.into(),
            options,
        );
        match timeout_at(self.by, taking).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Fault::from(error).into()),
            Err(elapsed) => Err(Fault::temporal(elapsed).into()),
        }
    }

    /// The refund once it has ended, or as it stands when the time is up; none when nobody has recorded it.
    async fn ended(&self, id: &RefundId) -> Result<Option<RefundRecord>, RefundError> {
        let (mut pauses, look) = (Pauses::new(), Instant::now() + WORKER_LOOK);
        loop {
            let refund = self.service.reader.refund(id).await?;
            let has_ended = refund.as_ref().is_some_and(|refund| refund.status.is_end());
            let next = pauses.next_end();
            if has_ended || next > self.by {
                return Ok(refund);
            }
            if refund.is_none() && next > look && self.service.readiness.has_no_worker().await {
                return Err(RefundError::NoWorker);
            }
            pauses.pause().await;
        }
    }

    /// Refuses a caller whose key has not a scope.
    fn demand(&self, needed: Scope) -> Result<(), RefundError> {
        if self.caller.scopes.includes(needed) { Ok(()) } else { Err(RefundError::Forbidden(needed)) }
    }

    async fn record(&self, id: &CheckoutId) -> Result<CheckoutRecord, RefundError> {
        self.service.reader.checkout(id).await?.ok_or_else(|| RefundError::UnknownCheckout)
    }
}

/// What a refund's record says to whoever asked for it.
fn conclude(record: CheckoutRecord, refund: RefundRecord, replayed: bool) -> Result<Canceled, RefundError> {
    match refund.status {
        RefundStatus::Succeeded => Ok(Canceled::Refunded { record, refund, replayed }),
        RefundStatus::Failed => Err(RefundError::Failed { failure: refund.failure, status: record.status, replayed }),
        RefundStatus::Requested | RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => {
            Ok(Canceled::NotRefundedYet { record, refund })
        }
    }
}
