//! A refund, from the promise to the money on the buyer's card.
//!
//! The promise is booked before the PSP is asked, so that nobody pays the money out meanwhile. Then the refund is
//! followed until it is proved that it happened or that it did not; `domain` decides what proves it.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

mod executing;
mod recording;
mod state;

use domain::refund::RefundStatus;
pub use state::{RefundStanding, RefundWorkflow};
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, workflow_methods,
};

use crate::{
    dead_letter::{AskPsp, HelpDesk, Resolve, Resume},
    ports::{Promise, RefundRequest},
    signal::{Received, SignalCount, read_signal},
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "refund";

#[workflow_methods]
impl RefundWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, request: RefundRequest) -> Self {
        Self {
            request,
            status: RefundStatus::Requested,
            failure: None,
            signals: SignalCount::default(),
            asks: 0,
            next_question_at: None,
            desk: HelpDesk::default(),
        }
    }

    /// The whole life, in one paragraph. It goes on when it is canceled: what was begun has to be known.
    #[run(name = "refund")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<RefundStatus> {
        if ctx.state(|refund| refund.request.sent_since.is_some()) {
            recording::recall(ctx).await?;
        }
        match recording::promise(ctx).await? {
            Promise::Given(promised) => executing::execute(ctx, &promised).await?,
            Promise::Refused(failure) => recording::fail(ctx, failure).await?,
        }
        Ok(ctx.state(|refund| refund.status))
    }

    /// An operator lets a refund try again at once.
    #[signal(name = "resume")]
    pub fn resume(&mut self, ctx: &mut SyncWorkflowContext<Self>, resume: Received<Resume>) {
        if let Some(resume) = read_signal(ctx, &mut self.signals, resume) {
            self.desk.resume(resume);
        }
    }

    /// An operator wants the PSP to be asked now. A stuck refund takes it as a `resume`.
    #[signal(name = "ask_psp")]
    pub fn ask_psp(&mut self, ctx: &mut SyncWorkflowContext<Self>, ask: Received<AskPsp>) {
        let Some(ask) = read_signal(ctx, &mut self.signals, ask) else { return };
        if self.status == RefundStatus::Stuck {
            self.desk.resume(ask.into());
        } else {
            self.asks = self.asks.saturating_add(1);
        }
    }

    /// An operator declares the outcome of a stuck refund. A refund that is not stuck finds out by itself.
    #[signal(name = "resolve")]
    pub fn resolve(&mut self, ctx: &mut SyncWorkflowContext<Self>, resolve: Received<Resolve>) {
        let Some(resolve) = read_signal(ctx, &mut self.signals, resolve) else { return };
        if self.status == RefundStatus::Stuck {
            self.desk.resolve(resolve);
        }
    }

    /// Where the refund stands.
    #[query(name = "standing")]
    pub fn standing(&self, _ctx: &WorkflowContextView) -> RefundStanding {
        RefundStanding { status: self.status, failure: self.failure.clone(), next_question_at: self.next_question_at }
    }
}
