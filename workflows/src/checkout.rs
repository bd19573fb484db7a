//! A checkout, from the request to the money on the sellers' accounts.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

pub mod attempts;
mod charging;
mod deposits;
mod inquiry;
mod recording;
mod risk;
mod waiting;

use attempts::Attempts;
use charging::Charged;
use domain::{
    Timestamp,
    charge::WINDOW_SLACK_MS,
    checkout::{ConfirmRefusal, Confirmable, Confirmation, Plan, REJECTION_PAUSE_MS, Status},
    commission::BasisPoints,
    id::{ApiKeyId, CheckoutId},
    refund::RefundAccount,
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination, workflow,
    workflow_methods,
};
use waiting::Waited;

use crate::{
    dead_letter::{AskPsp, CallsForHelp, HelpDesk, Resolve, Resume},
    ports::Recorded,
    signal::{Received, SignalCount, read_signal},
    time::{detached, now},
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

/// The state of a running checkout, as its workflow answers the query `standing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutStanding {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// Where it stands.
    pub status: Status,
    /// How many changes were written since it was recorded.
    pub revision: u32,
    /// Whether the buyer has come back with a payment.
    pub confirming: bool,
    /// When the PSP is asked next, if nothing happens before; `None` while it is asked, and where nothing is asked.
    #[serde(default)]
    pub next_question_at: Option<Timestamp>,
}

/// The PSP said that something may have changed. It is a hint: the workflow asks the PSP for the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nudge {
    /// What kind of event it was, in the PSP's words.
    #[serde(default)]
    pub event: Option<String>,
    /// Until when further nudges are left out; the workflow asks once more after that.
    #[serde(default)]
    pub window_ends_at: Option<Timestamp>,
}

/// Somebody gives the checkout up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who: the id of an API key, or a name.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Where a deposit goes back to that comes meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<RefundAccount>,
}

/// A person decides about a payment that waits for a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The person who decides.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Whether it is charged.
    pub approve: bool,
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
    attempts: Attempts,
    /// How often a payment of it was booked: again where the bank took the deposit before back.
    captures: u32,
    signals: SignalCount,
    nudges: Nudges,
    /// When the PSP is asked next.
    next_question_at: Option<Timestamp>,
    desk: HelpDesk,
    /// A person's decision about the payment in review.
    review: Option<Review>,
    /// Whether somebody gave the checkout up.
    canceled: bool,
    /// The account of the buyer's that was named with the last cancellation that named one.
    refund_account: Option<RefundAccount>,
    /// True while a decline is being written.
    declining: bool,
    /// True while a booked deposit is being taken back.
    taking_back: bool,
    /// True while the expiry or the cancellation is being written.
    ending: bool,
    /// True once nothing happens to the checkout any more.
    closed: bool,
}

/// The nudges of the PSP and the questions of operators that came so far.
#[derive(Debug, Default)]
struct Nudges {
    /// How many nudges came.
    count: u32,
    /// Whether one of them named its window.
    are_windowed: bool,
    /// When to ask for the nudges that were left out.
    echo_at: Option<Timestamp>,
    /// How often an operator wanted the PSP to be asked.
    asks: u32,
}

type Context = WorkflowContext<CheckoutWorkflow>;
type HandlerError = Box<dyn std::error::Error + Send + Sync>;

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
            attempts: Attempts::default(),
            captures: 0,
            signals: SignalCount::default(),
            nudges: Nudges::default(),
            next_question_at: None,
            desk: HelpDesk::default(),
            review: None,
            canceled: false,
            refund_account: None,
            declining: false,
            taking_back: false,
            ending: false,
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
                    Charged::Declined => {}
                    Charged::Rejected => forget_buyer(ctx).await,
                },
                Waited::Deadline => break recording::expire(ctx).await?,
                Waited::Canceled => break recording::give_up(ctx).await?,
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
    fn validate_confirm(&self, _ctx: &WorkflowContextView, confirmation: &Confirmation) -> Result<(), HandlerError> {
        if !self.recorded {
            return Err(ConfirmRefusal::NotConfirmable.into());
        }
        if self.declining {
            return Ok(());
        }
        self.check(confirmation).map(|_| ()).map_err(Into::into)
    }

    /// The buyer came back. Answers with the status once the payment has come to rest, or waits for a person's
    /// review; that is `NOT_STARTED` when the PSP knows the payment as none of this checkout, which goes on waiting
    /// for the buyer.
    #[update(name = "confirm")]
    pub async fn confirm(ctx: &mut WorkflowContext<Self>, confirmation: Confirmation) -> Result<Status, HandlerError> {
        // The row may show a decline before the workflow does. A retry that arrives in between waits here.
        ctx.wait_condition_with_options(|checkout| !checkout.declining, detached()).await?;
        // The validator saw an older state if two confirmations came in one workflow task.
        let payment_key = confirmation.payment_key.clone();
        match ctx.state(|checkout| checkout.check(&confirmation))? {
            Confirmable::Begins => ctx.state_mut(|checkout| checkout.attempts.begin(confirmation)),
            Confirmable::Joins => {}
        }
        let answer = |checkout: &Self| checkout.attempts.answer(&payment_key, checkout.status);
        ctx.wait_condition_with_options(|checkout| answer(checkout).is_some(), detached()).await?;
        Ok(ctx.state(answer).unwrap_or(Status::NotStarted))
    }

    #[update_validator(cancel)]
    fn validate_cancel(&self, _ctx: &WorkflowContextView, _cancellation: &Cancellation) -> Result<(), HandlerError> {
        if self.recorded { Ok(()) } else { Err(ConfirmRefusal::NotConfirmable.into()) }
    }

    /// Gives the checkout up. Answers with where it came to rest: without money held, or paid after all. One that is
    /// paid stays paid, also while a deposit is watched.
    #[update(name = "cancel")]
    pub async fn cancel(ctx: &mut WorkflowContext<Self>, cancellation: Cancellation) -> Result<Status, HandlerError> {
        // The row may show that the deposit is awaited before the workflow does. A cancellation in between waits here.
        ctx.wait_condition_with_options(|checkout| !checkout.taking_back, detached()).await?;
        ctx.state_mut(|checkout| checkout.give_up(cancellation.account));
        let is_over = |checkout: &Self| checkout.closed || checkout.status.is_payment_done();
        ctx.wait_condition_with_options(is_over, detached()).await?;
        Ok(ctx.state(|checkout| checkout.status))
    }

    /// The PSP's webhook, passed on. Before a charge and after it there is nothing to ask.
    #[signal(name = "psp_nudge")]
    pub fn psp_nudge(&mut self, ctx: &mut SyncWorkflowContext<Self>, nudge: Received<Nudge>) {
        let Some(nudge) = read_signal(ctx, &mut self.signals, nudge) else { return };
        if self.asks_psp() {
            self.nudges.add(&nudge);
        }
    }

    /// An operator wants the PSP to be asked now. A stuck checkout takes it as a `resume`.
    #[signal(name = "ask_psp")]
    pub fn ask_psp(&mut self, ctx: &mut SyncWorkflowContext<Self>, ask: Received<AskPsp>) {
        let Some(ask) = read_signal(ctx, &mut self.signals, ask) else { return };
        if self.status == Status::Stuck && !self.attempts.in_review {
            self.desk.resume(ask.into());
        } else if self.asks_psp() {
            self.nudges.asks = self.nudges.asks.saturating_add(1);
        }
    }

    /// An operator lets a stuck checkout go on.
    #[signal(name = "resume")]
    pub fn resume(&mut self, ctx: &mut SyncWorkflowContext<Self>, resume: Received<Resume>) {
        if let Some(resume) = read_signal(ctx, &mut self.signals, resume) {
            self.desk.resume(resume);
        }
    }

    /// An operator declares the outcome of a stuck checkout.
    #[signal(name = "resolve")]
    pub fn resolve(&mut self, ctx: &mut SyncWorkflowContext<Self>, resolve: Received<Resolve>) {
        if let Some(resolve) = read_signal(ctx, &mut self.signals, resolve) {
            self.desk.resolve(resolve);
        }
    }

    /// An operator decides about a payment that waits for a review. Without such a payment the signal is ignored.
    #[signal(name = "review")]
    pub fn review(&mut self, ctx: &mut SyncWorkflowContext<Self>, review: Received<Review>) {
        let Some(review) = read_signal(ctx, &mut self.signals, review) else { return };
        if self.attempts.in_review {
            self.review.get_or_insert(review);
        }
    }

    /// Where the checkout stands.
    #[query(name = "standing")]
    pub fn standing(&self, _ctx: &WorkflowContextView) -> CheckoutStanding {
        CheckoutStanding {
            checkout_id: self.input.plan.checkout_id().clone(),
            status: self.status,
            revision: self.revision,
            confirming: self.attempts.is_any_under_way(),
            next_question_at: self.next_question_at,
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

    fn checkout_id(&self) -> &CheckoutId {
        self.input.plan.checkout_id()
    }
}

impl Nudges {
    fn add(&mut self, nudge: &Nudge) {
        self.count = self.count.saturating_add(1);
        if let Some(window_ends_at) = nudge.window_ends_at {
            self.are_windowed = true;
            self.echo_at = self.echo_at.max(Some(window_ends_at.plus_ms(WINDOW_SLACK_MS)));
        }
    }
}

impl CheckoutWorkflow {
    /// Whether the PSP is asked here. Paid and still open, the bank may take the deposit back.
    const fn asks_psp(&self) -> bool {
        self.status.phase().follows_psp() || self.status.is_payment_done()
    }

    fn give_up(&mut self, account: Option<RefundAccount>) {
        if !self.status.is_payment_done() {
            self.canceled = true;
            self.refund_account = account.or(self.refund_account.take());
        }
    }

    fn check(&self, confirmation: &Confirmation) -> Result<Confirmable, ConfirmRefusal> {
        if self.ending {
            return Err(ConfirmRefusal::NotConfirmable);
        }
        if self.closed && self.attempts.answer(&confirmation.payment_key, self.status) == Some(Status::NotStarted) {
            return Err(ConfirmRefusal::NotConfirmable);
        }
        self.attempts.check(&self.input.plan, self.status, confirmation)
    }
}

/// Forgets a payment that is none of this checkout, and after a pause takes another one. After too many it
/// takes none.
async fn forget_buyer(ctx: &Context) {
    if ctx.state_mut(|checkout| checkout.attempts.reject()) {
        waiting::let_pass(ctx, REJECTION_PAUSE_MS, "before another payment is taken").await;
        ctx.state_mut(|checkout| checkout.attempts.forget());
    }
}

/// Whether somebody gave the checkout up: by the `cancel` update, or by canceling the workflow.
fn is_given_up(ctx: &Context) -> bool {
    ctx.cancellation_token().is_cancelled() || ctx.state(|checkout| checkout.canceled)
}
