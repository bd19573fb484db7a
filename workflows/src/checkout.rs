//! A checkout, from the request to the money on the sellers' accounts.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

mod charging;
mod recording;
mod waiting;

use std::time::Duration;

use charging::Charged;
use domain::{
    Timestamp,
    checkout::{
        ConfirmRefusal, Confirmable, Confirmation, Event, MAX_REJECTED_KEYS, Plan, REJECTION_PAUSE_MS, Status,
        check_confirmation,
    },
    commission::BasisPoints,
    id::{ApiKeyId, CheckoutId, PaymentKey},
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    SyncWorkflowContext, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, workflow, workflow_methods,
};
use waiting::Waited;

use crate::{
    operator::{CallsForHelp, HelpDesk, Resolve, Resume},
    ports::Recorded,
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "checkout";

/// What starts a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutInput {
    /// What the buyer is asked to pay.
    pub plan: Plan,
    /// The API key that created it.
    pub api_key_id: ApiKeyId,
    /// SHA-256 of the request's body in lower-case hex.
    pub fingerprint: String,
    /// How long the buyer may take, in milliseconds.
    pub deadline_ms: u64,
}

/// How a checkout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It was never recorded: its id, or one of its orders' ids, was taken.
    Refused,
    /// It came to rest.
    At(Status),
}

/// Where a running checkout stands, for whoever asks the workflow itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// Where it stands.
    pub status: Status,
    /// How many changes were written since it was recorded.
    pub revision: u32,
    /// Whether the buyer has come back with a payment.
    pub confirming: bool,
}

/// The PSP said that something may have changed. It is a hint: the workflow asks the PSP for the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nudge {
    /// What kind of event it was, in the PSP's words.
    #[serde(default)]
    pub event: Option<String>,
}

/// Somebody gives the checkout up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who: the id of an API key, or a name.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The durable life of one checkout.
#[workflow]
pub struct CheckoutWorkflow {
    input: CheckoutInput,
    status: Status,
    revision: u32,
    recorded: bool,
    rates: Vec<BasisPoints>,
    expires_at: Timestamp,
    confirmation: Option<Confirmation>,
    /// Whether the PSP knows the payment in `confirmation` as none of this checkout.
    rejected: bool,
    rejections: u32,
    nudges: u32,
    desk: HelpDesk,
    /// Whether somebody gave the checkout up.
    canceled: bool,
    /// Whether nothing happens to it any more.
    closed: bool,
}

type Context = WorkflowContext<CheckoutWorkflow>;
type Refusal = Box<dyn std::error::Error + Send + Sync>;

#[workflow_methods]
impl CheckoutWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: CheckoutInput) -> Self {
        Self {
            input,
            status: Status::NotStarted,
            revision: 0,
            recorded: false,
            rates: Vec::new(),
            expires_at: Timestamp::from_epoch_ms(0),
            confirmation: None,
            rejected: false,
            rejections: 0,
            nudges: 0,
            desk: HelpDesk::default(),
            canceled: false,
            closed: false,
        }
    }

    /// The whole life, in one paragraph.
    #[run(name = "checkout")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Ended> {
        if recording::record(ctx).await? == Recorded::Exists {
            return Ok(Ended::Refused);
        }
        loop {
            match waiting::for_buyer(ctx).await {
                Waited::Buyer(confirmation) => match charging::charge(ctx, confirmation).await? {
                    Charged::Closed => break,
                    Charged::Rejected => forget_buyer(ctx).await,
                },
                Waited::Deadline => break recording::advance(ctx, Event::DeadlinePassed, None).await?,
                Waited::Canceled => break recording::advance(ctx, Event::Canceled, None).await?,
            }
        }
        ctx.state_mut(|checkout| checkout.closed = true);
        ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached()).await?;
        let status = ctx.state(|checkout| checkout.status);
        if ctx.cancellation_token().is_cancelled() && status != Status::Success {
            return Err(WorkflowTermination::cancelled_with_details(Ended::At(status)));
        }
        Ok(Ended::At(status))
    }

    #[update_validator(confirm)]
    fn validate_confirm(&self, _ctx: &WorkflowContextView, confirmation: &Confirmation) -> Result<(), Refusal> {
        if !self.recorded {
            return Err(ConfirmRefusal::NotConfirmable.into());
        }
        self.check(confirmation).map(|_| ()).map_err(Into::into)
    }

    /// The buyer came back. Answers with the status once the payment has come to rest; that is `NOT_STARTED`
    /// when the PSP knows the payment as none of this checkout, which goes on waiting for the buyer.
    #[update(name = "confirm")]
    pub async fn confirm(ctx: &mut WorkflowContext<Self>, confirmation: Confirmation) -> Result<Status, Refusal> {
        // The validator saw an older state if two confirmations came in one workflow task.
        let payment_key = confirmation.payment_key.clone();
        match ctx.state(|checkout| checkout.check(&confirmation))? {
            Confirmable::Begins => ctx.state_mut(|checkout| checkout.confirmation = Some(confirmation)),
            Confirmable::Joins => {}
        }
        ctx.wait_condition_with_options(|checkout| checkout.answer(&payment_key).is_some(), detached()).await?;
        Ok(ctx.state(|checkout| checkout.answer(&payment_key)).unwrap_or(Status::NotStarted))
    }

    #[update_validator(cancel)]
    fn validate_cancel(&self, _ctx: &WorkflowContextView, _cancellation: &Cancellation) -> Result<(), Refusal> {
        if self.recorded { Ok(()) } else { Err(ConfirmRefusal::NotConfirmable.into()) }
    }

    /// Gives the checkout up. Answers with where it came to rest: without money held, or paid after all.
    #[update(name = "cancel")]
    pub async fn cancel(ctx: &mut WorkflowContext<Self>, _cancellation: Cancellation) -> Result<Status, Refusal> {
        ctx.state_mut(|checkout| checkout.canceled = true);
        ctx.wait_condition_with_options(|checkout| checkout.closed, detached()).await?;
        Ok(ctx.state(|checkout| checkout.status))
    }

    /// The PSP's webhook, passed on. Before a charge and after it there is nothing to ask.
    #[signal(name = "psp_nudge")]
    pub fn psp_nudge(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _nudge: Nudge) {
        if self.status.heeds_psp() {
            self.nudges = self.nudges.saturating_add(1);
        }
    }

    /// An operator's word that a stuck checkout may go on.
    #[signal(name = "resume")]
    pub fn resume(&mut self, _ctx: &mut SyncWorkflowContext<Self>, resume: Resume) {
        self.desk.resume(&resume);
    }

    /// An operator's word on what came of a stuck checkout.
    #[signal(name = "resolve")]
    pub fn resolve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, resolve: Resolve) {
        self.desk.resolve(&resolve);
    }

    /// Where the checkout stands.
    #[query(name = "standing")]
    pub fn standing(&self, _ctx: &WorkflowContextView) -> Standing {
        Standing {
            checkout_id: self.input.plan.checkout_id().clone(),
            status: self.status,
            revision: self.revision,
            confirming: self.confirmation.is_some(),
        }
    }
}

impl CallsForHelp for CheckoutWorkflow {
    fn desk(&self) -> &HelpDesk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut HelpDesk {
        &mut self.desk
    }
}

impl CheckoutWorkflow {
    fn check(&self, confirmation: &Confirmation) -> Result<Confirmable, ConfirmRefusal> {
        let plan = &self.input.plan;
        let bound = self.confirmation.as_ref().map(|confirmation| &confirmation.payment_key);
        check_confirmation((plan.checkout_id(), plan.total()), self.status, bound, confirmation)
    }

    /// What came of a payment; `None` while nothing has.
    fn answer(&self, payment_key: &PaymentKey) -> Option<Status> {
        let is_taken = |bound: &Confirmation| bound.payment_key == *payment_key && !self.rejected;
        if !self.confirmation.as_ref().is_some_and(is_taken) {
            return Some(Status::NotStarted);
        }
        self.status.is_answer().then_some(self.status)
    }
}

/// Forgets a payment that is none of this checkout, and after a pause takes another one. After too many it
/// takes none.
async fn forget_buyer(ctx: &Context) {
    ctx.state_mut(|checkout| {
        checkout.rejected = true;
        checkout.rejections += 1;
    });
    if ctx.state(|checkout| checkout.rejections) >= MAX_REJECTED_KEYS {
        return;
    }
    waiting::out(ctx, REJECTION_PAUSE_MS, "before another payment is taken").await;
    ctx.state_mut(|checkout| (checkout.rejected, checkout.confirmation) = (false, None));
}

/// Whether somebody gave the checkout up: by the `cancel` update, or by canceling the workflow.
fn is_given_up(ctx: &Context) -> bool {
    ctx.cancellation_token().is_cancelled() || ctx.state(|checkout| checkout.canceled)
}

/// A wait that goes on when the workflow is canceled.
fn detached() -> WaitConditionOptions {
    WaitConditionOptions::builder().cancellation_token(WorkflowCancellationToken::new()).build()
}

/// The workflow's time: the same on every replay.
fn now(ctx: &Context) -> Timestamp {
    let since_epoch = ctx
        .workflow_time()
        .and_then(|time| time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok())
        .unwrap_or(Duration::ZERO);
    Timestamp::from_epoch_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
