//! Asking the workflows, and reading what came of it.

use std::time::Duration;

use domain::{
    Money,
    charge::is_virtual_account,
    id::{CheckoutId, RefundId},
    refund::{RefundStatus, Wanted},
};
use store::{ApprovalRecord, CheckoutRecord, OrderRecord, RefundRecord, Scope};
use temporalio_client::{
    WorkflowIdConflictPolicy, WorkflowStartOptions, WorkflowStartUpdateOptions,
    errors::{WorkflowStartError, WorkflowUpdateError},
};
use tokio::time::{Instant, sleep, timeout_at};
use workflows::{
    TASK_QUEUE,
    checkout::{Cancellation, CheckoutWorkflow},
    ports::RefundRequest,
    refunds::{self, RefundsInput, RefundsWorkflow},
};

use super::{
    Named, Target, Way,
    approval::{Admitted, admit},
    request::Wish,
};
use service::temporal;

use crate::{
    Api,
    http::{
        caller::CancelCaller,
        problem::{Code, FieldCode, Problem},
    },
};

/// How often a workflow is asked that refuses what the record allows: it is a moment ahead of the record or
/// behind it.
const ASKED_AT_MOST: u32 = 12;
/// The pause before something is looked at or asked again the first time; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// What came of canceling.
pub(super) enum Outcome {
    /// The checkout came to rest without money.
    GivenUp(CheckoutRecord),
    /// It was told to; where it will come to rest is not known yet.
    NotGivenUpYet(CheckoutRecord),
    /// The money went back.
    Refunded {
        /// The checkout.
        record: CheckoutRecord,
        /// The refund.
        refund: RefundRecord,
        /// Whether an earlier request had asked for it.
        replayed: bool,
    },
    /// Nothing is asked of the payment provider before a second principal has approved the refund.
    WaitsForApproval {
        /// The checkout.
        record: CheckoutRecord,
        /// What was asked for.
        request: Box<RefundRequest>,
        /// The request waits.
        approval: Box<ApprovalRecord>,
    },
    /// The refund goes on.
    NotRefundedYet {
        /// The checkout.
        record: CheckoutRecord,
        /// The refund.
        refund: RefundRecord,
    },
}

/// Cancels and refunds for one caller.
pub(super) struct Refunds<'a> {
    api: &'a Api,
    caller: &'a CancelCaller,
    deadline: Instant,
}

impl<'a> Refunds<'a> {
    /// With everything that it reaches.
    pub(super) fn new(api: &'a Api, caller: &'a CancelCaller) -> Self {
        Self { api, caller, deadline: Instant::now() + api.settings.confirm_wait }
    }

    /// Does what canceling means where the checkout stands. One that is paid while it is being given up is refunded.
    pub(super) async fn serve(&self, mut target: Target, named: &Named, wish: &Wish) -> Result<Outcome, Problem> {
        if let Some(outcome) = self.replay(&target, named, wish).await? {
            return Ok(outcome);
        }
        let mut pause = FIRST_PAUSE;
        for _ in 0..ASKED_AT_MOST {
            match target.way(wish.is_partial())? {
                Way::Refund => {
                    self.caller.demand(Scope::Refund)?;
                    return self.refund(&target, named, wish).await;
                }
                Way::Done => return Ok(Outcome::GivenUp(target.record)),
                Way::GiveUp => self.caller.demand(Scope::Checkout)?,
            }
            let was_closed = self.give_up(&target.record, wish).await?;
            target.record = self.record(&target.record.checkout_id).await?;
            if !was_closed && matches!(target.way(wish.is_partial()), Ok(Way::GiveUp)) {
                return Ok(Outcome::NotGivenUpYet(target.record));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        // The workflow is gone, and the record says that it is under way: an operator ended it.
        let detail = "The checkout is under way, and nobody answers for it. An operator has to look.";
        Err(Problem::new(Code::NotCancelable, detail).about(target.record.status))
    }

    /// Gives a checkout up and waits for where it comes to rest. Answers whether its workflow is closed, or does not
    /// take it.
    async fn give_up(&self, record: &CheckoutRecord, wish: &Wish) -> Result<bool, Problem> {
        let workflow = self.api.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
        // A checkout whose deposit was taken back can be given up anew; and a request that names an account says something new.
        let update_id = match &wish.account {
            Some(_) => format!("cancel-{}-{}", record.revision, wish.fingerprint),
            None => format!("cancel-{}", record.revision),
        };
        let options =
            WorkflowStartUpdateOptions::builder().update_id(update_id).rpc_options(temporal::rpc_options()).build();
        let cancellation = Cancellation {
            by: self.caller.key.to_string(),
            reason: wish.reason.clone(),
            account: wish.account.clone(),
        };
        let taking = workflow.start_update(CheckoutWorkflow::cancel, cancellation, options);
        let accepted = match timeout_at(self.deadline, taking).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(WorkflowUpdateError::NotFound(_) | WorkflowUpdateError::Failed(_))) => return Ok(true),
            Ok(Err(error @ WorkflowUpdateError::PayloadConversion(_))) => return Err(Problem::internal(&error)),
            Ok(Err(error)) => return Err(Problem::temporal(&error)),
            Err(_) => return Err(not_accepted().about(record.status)),
        };
        // It is written in the workflow's history: whatever the wait brings, the record tells.
        let ended = timeout_at(self.deadline, accepted.get_result(temporal::rpc_options())).await;
        Ok(matches!(ended, Ok(Ok(_) | Err(WorkflowUpdateError::NotFound(_) | WorkflowUpdateError::Failed(_)))))
    }

    /// What an earlier request under the same key was told, once that is known.
    async fn replay(&self, target: &Target, named: &Named, wish: &Wish) -> Result<Option<Outcome>, Problem> {
        let Named::ByKey(id) = named else { return Ok(None) };
        let Some(refund) = self.api.reader.refund(id).await? else { return Ok(None) };
        if refund.fingerprint != wish.fingerprint {
            return Err(reused());
        }
        if !refund.status.is_end() {
            return Ok(None);
        }
        let record = self.record(&target.record.checkout_id).await?;
        conclude(record, refund, true).map(Some)
    }

    async fn refund(&self, target: &Target, named: &Named, wish: &Wish) -> Result<Outcome, Problem> {
        let checkout = &target.record.checkout_id;
        let refund_id = match named {
            Named::ByKey(id) => id.clone(),
            Named::ByTarget => {
                let refunds = self.api.reader.refunds_of(checkout).await?;
                if target.is_all_promised() {
                    return self.join(target, &refunds).await;
                }
                let failed = |id: &RefundId| {
                    refunds.iter().any(|refund| refund.refund_id == *id && refund.status == RefundStatus::Failed)
                };
                let ids = (0..).map(|attempt| RefundId::of_rest(checkout, target.order.as_ref(), attempt));
                ids.into_iter().find(|id| !failed(id)).ok_or_else(in_progress)?
            }
        };
        let request = self.request(target, refund_id.clone(), wish)?;
        let was_there = self.api.reader.refund(&refund_id).await?.is_some();
        let request = if was_there {
            request
        } else {
            match admit(self.api, self.caller, target, request).await? {
                Admitted::Now(request) => *request,
                Admitted::Waits(request, approval) => {
                    return Ok(Outcome::WaitsForApproval { record: target.record.clone(), request, approval });
                }
            }
        };
        self.ask(request).await?;
        let refund = self.ended(&refund_id).await?.ok_or_else(in_progress)?;
        if matches!(named, Named::ByKey(_)) && refund.fingerprint != wish.fingerprint {
            return Err(reused());
        }
        conclude(self.record(checkout).await?, refund, was_there)
    }

    /// Carries out a refund that a second principal has approved, once however often it is asked for.
    pub(super) async fn carry_out(&self, request: RefundRequest) -> Result<Outcome, Problem> {
        let (refund_id, checkout) = (request.refund_id.clone(), request.checkout_id.clone());
        let before = self.api.reader.refund(&refund_id).await?;
        let replayed = before.as_ref().is_some_and(|refund| refund.status.is_end());
        if !replayed {
            self.ask(request).await?;
        }
        let refund = self.ended(&refund_id).await?.ok_or_else(in_progress)?;
        conclude(self.record(&checkout).await?, refund, replayed)
    }

    /// All that there was is promised or gone already: the last refund that did it is the answer.
    async fn join(&self, target: &Target, refunds: &[RefundRecord]) -> Result<Outcome, Problem> {
        let is_of = |refund: &&RefundRecord| match &target.order {
            Some(order) => refund.parts.iter().any(|part| part.order == *order),
            None => true,
        };
        let last = refunds.iter().rev().filter(is_of).find(|refund| refund.status != RefundStatus::Failed);
        let nothing_left =
            || Problem::new(Code::NotCancelable, "Nothing is left to refund.").about(target.record.status);
        let refund = self.ended(&last.ok_or_else(nothing_left)?.refund_id).await?.ok_or_else(nothing_left)?;
        conclude(self.record(&target.record.checkout_id).await?, refund, false)
    }

    fn request(&self, target: &Target, refund_id: RefundId, wish: &Wish) -> Result<RefundRequest, Problem> {
        let record = &target.record;
        let unpaid = || Problem::new(Code::NotPaid, "Nothing is known of a payment.").about(record.status);
        let psp = record.psp.as_ref().ok_or_else(unpaid)?;
        let needs_account = is_virtual_account(psp.method.as_deref());
        if needs_account && wish.account.is_none() {
            let detail = "The buyer paid into a virtual account, so an account of the buyer's is needed. Send \
                          `POST …/cancel` with `refund_account`.";
            return Err(Problem::new(Code::RefundAccountRequired, detail).about(record.status));
        }
        if !needs_account && wish.account.is_some() {
            let detail = "is for what was paid into a virtual account; this money goes back the way it came";
            return Err(Problem::of_field("refund_account", FieldCode::Invalid, detail));
        }
        Ok(RefundRequest {
            refund_id,
            checkout_id: record.checkout_id.clone(),
            payment_key: psp.payment_key.clone(),
            wanted: Wanted { order: target.order.clone(), amount: wish.amount(record.total.currency())? },
            reason: wish.reason.clone(),
            account: wish.account.clone(),
            api_key_id: self.caller.key.clone(),
            fingerprint: wish.fingerprint.clone(),
        })
    }

    /// Hands a request to the workflow that serves the checkout's refunds one after the other. Once Temporal has taken
    /// it, it is served, also if no worker runs now.
    async fn ask(&self, request: RefundRequest) -> Result<(), Problem> {
        let checkout_id = request.checkout_id.clone();
        let options = WorkflowStartOptions::new(TASK_QUEUE, refunds::workflow_id(&checkout_id))
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .static_summary(format!("the refunds of {checkout_id}"))
            .rpc_options(temporal::rpc_options())
            .build();
        let taking = self.api.temporal.signal_with_start_workflow(
            RefundsWorkflow::run,
            RefundsInput { checkout_id },
            RefundsWorkflow::refund,
            request.into(),
            options,
        );
        match timeout_at(self.deadline, taking).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error @ WorkflowStartError::PayloadConversion(_))) => Err(Problem::internal(&error)),
            Ok(Err(error)) => Err(Problem::temporal(&error)),
            Err(elapsed) => Err(Problem::temporal(&elapsed)),
        }
    }

    /// The refund once it has ended, or as it stands when the time is up; none when nobody has recorded it.
    async fn ended(&self, id: &RefundId) -> Result<Option<RefundRecord>, Problem> {
        let mut pause = FIRST_PAUSE;
        loop {
            let refund = self.api.reader.refund(id).await?;
            let has_ended = refund.as_ref().is_some_and(|refund| refund.status.is_end());
            if has_ended || Instant::now() + pause > self.deadline {
                return Ok(refund);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn record(&self, id: &CheckoutId) -> Result<CheckoutRecord, Problem> {
        self.api.reader.checkout(id).await?.ok_or_else(crate::routes::payment_order::unknown)
    }
}

impl Target {
    /// All that is left to refund of it.
    pub(super) fn rest(&self) -> Result<Money, Problem> {
        let nothing_left = || Problem::new(Code::RefundExceedsPayment, "Nothing is left to refund.");
        let is_meant = |order: &&OrderRecord| self.order.as_ref().is_none_or(|id| *id == order.order.id);
        let none = Money::zero(self.record.total.currency());
        let left = self
            .record
            .orders
            .iter()
            .filter(is_meant)
            .try_fold(none, |sum, order| order.order.amount.minus(order.refunded).and_then(|left| sum.plus(left)));
        let left = left.map_err(|error| Problem::internal(&error))?;
        if left.is_zero() { Err(nothing_left().about(self.record.status)) } else { Ok(left) }
    }

    /// Whether all of it is promised back, or gone.
    fn is_all_promised(&self) -> bool {
        let mut orders = self.record.orders.iter();
        orders.all(|order| {
            let is_meant = self.order.as_ref().is_none_or(|id| *id == order.order.id);
            !is_meant || order.order.amount.minus(order.refunded).is_ok_and(Money::is_zero)
        })
    }
}

/// What a refund's record says to whoever asked for it.
fn conclude(record: CheckoutRecord, refund: RefundRecord, replayed: bool) -> Result<Outcome, Problem> {
    match refund.status {
        RefundStatus::Succeeded => Ok(Outcome::Refunded { record, refund, replayed }),
        RefundStatus::Failed => {
            let problem = match &refund.failure {
                Some(failure) => Problem::refund_failed(failure),
                None => Problem::new(Code::RefundRefused, "The refund did not happen."),
            };
            let problem = problem.about(record.status);
            Err(if replayed { problem.replayed() } else { problem })
        }
        RefundStatus::Requested | RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => {
            Ok(Outcome::NotRefundedYet { record, refund })
        }
    }
}

/// A request that was taken and will be recorded.
pub(super) fn in_progress() -> Problem {
    let detail = "The request is being recorded. Send it again with the same key.";
    Problem::new(Code::RequestInProgress, detail)
}

pub(super) fn reused() -> Problem {
    let detail = "This idempotency key came with another request before. Use a new key for a new refund.";
    Problem::new(Code::IdempotencyKeyReused, detail)
}

fn not_accepted() -> Problem {
    let detail = "Nobody took it up in time, and nothing is known to have been canceled. Send the same request again.";
    Problem::new(Code::CancelNotAccepted, detail)
}
