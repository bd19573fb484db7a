//! A checkout, from the request to the money on the sellers' accounts.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

pub mod attempts;
mod charging;
mod deposits;
mod inquiry;
mod recording;
mod recovery;
mod risk;
mod state;
mod unconfirmed;
mod waiting;

use attempts::Attempts;
use charging::Charged;
use domain::{
    Timestamp,
    checkout::{ConfirmRefusal, Confirmable, Confirmation, REJECTION_PAUSE_MS, Status},
    id::SavedCardId,
};
use state::{Begun, Context, Nudges, is_given_up};
pub use state::{Cancellation, CheckoutInput, CheckoutStanding, CheckoutWorkflow, Ended, Nudge, Recovery, Review};
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination, workflow_methods,
};
use waiting::Waited;

use crate::{
    dead_letter::{AskPsp, HelpDesk, Resolve, Resume},
    ports::Recorded,
    signal::{Received, SignalCount, read_signal},
    time::{detached, now},
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "checkout";

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
        let begun = match ctx.state(|checkout| checkout.input.recovery) {
            None if recording::record(ctx).await? == Recorded::Exists => return Ok(Ended::Refused),
            None => Begun::Open,
            Some(recovery) => recovery::resume(ctx, recovery).await?,
        };
        match begun {
            Begun::Open => live(ctx).await?,
            Begun::Over => {}
            Begun::Unrecorded => return Ok(Ended::Refused),
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

/// Takes one payment after the other, until the checkout has come to rest.
async fn live(ctx: &Context) -> Result<(), WorkflowTermination> {
    if let Some(id) = ctx.state(|checkout| checkout.input.saved_card.clone()) {
        return live_by_saved_card(ctx, id).await;
    }
    loop {
        match waiting::for_buyer(ctx).await {
            Waited::Buyer(confirmation) => match charging::charge(ctx, confirmation).await? {
                Charged::Closed => return Ok(()),
                Charged::Declined => {}
                Charged::Rejected => forget_buyer(ctx).await,
            },
            Waited::Deadline => {
                let found = unconfirmed::ask(ctx).await;
                // A buyer, or somebody who cancels, that came during the question goes first.
                let is_moved = ctx.state(|checkout| checkout.canceled || checkout.attempts.next().is_some());
                if !is_moved {
                    return recording::expire(ctx, found).await;
                }
            }
            Waited::Canceled => return recording::give_up(ctx).await,
        }
    }
}

/// Charges a saved card, unless the checkout was given up before, or nobody was there to charge it in time.
async fn live_by_saved_card(ctx: &Context, id: SavedCardId) -> Result<(), WorkflowTermination> {
    if is_given_up(ctx) {
        return recording::give_up(ctx).await;
    }
    if ctx.state(|checkout| checkout.expires_at) <= now(ctx) {
        return recording::expire(ctx, None).await;
    }
    charging::charge_saved_card(ctx, id).await
}

/// Forgets a payment that is none of this checkout, and after a pause takes another one. After too many it
/// takes none.
async fn forget_buyer(ctx: &Context) {
    if ctx.state_mut(|checkout| checkout.attempts.reject()) {
        waiting::let_pass(ctx, REJECTION_PAUSE_MS, "before another payment is taken").await;
        ctx.state_mut(|checkout| checkout.attempts.forget());
    }
}
