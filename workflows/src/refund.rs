//! A refund, from the promise to the money on the buyer's card.
//!
//! The promise is booked before the PSP is asked, so that nobody pays the money out meanwhile. Then the refund is
//! followed until it is proved that it happened or that it did not; `domain` decides what proves it.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

mod executing;
mod recording;

use domain::{charge::Failure, id::CheckoutId, refund::RefundStatus};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};

use crate::{
    operator::{CallsForHelp, HelpDesk, Resolve, Resume},
    ports::{Promise, RefundRequest},
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "refund";

/// Where a running refund stands, for whoever asks the workflow itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundStanding {
    /// Where it stands.
    pub status: RefundStatus,
    /// Why it does not go on, where it does not.
    pub failure: Option<Failure>,
}

/// The durable life of one refund.
#[workflow]
pub struct RefundWorkflow {
    request: RefundRequest,
    status: RefundStatus,
    failure: Option<Failure>,
    desk: HelpDesk,
}

type Context = WorkflowContext<RefundWorkflow>;

#[workflow_methods]
impl RefundWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, request: RefundRequest) -> Self {
        Self { request, status: RefundStatus::Requested, failure: None, desk: HelpDesk::default() }
    }

    /// The whole life, in one paragraph. It goes on when it is canceled: what was begun has to be known.
    #[run(name = "refund")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<RefundStatus> {
        match recording::promise(ctx).await? {
            Promise::Given { amount, held, parts: _ } => executing::execute(ctx, amount, held).await?,
            Promise::Refused(failure) => recording::fail(ctx, failure).await?,
        }
        Ok(ctx.state(|refund| refund.status))
    }

    /// An operator's word that a refund may try again at once.
    #[signal(name = "resume")]
    pub fn resume(&mut self, _ctx: &mut SyncWorkflowContext<Self>, resume: Resume) {
        self.desk.resume(resume);
    }

    /// An operator's word on what came of a stuck refund. One that is not stuck finds out by itself.
    #[signal(name = "resolve")]
    pub fn resolve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, resolve: Resolve) {
        if self.status == RefundStatus::Stuck {
            self.desk.resolve(resolve);
        }
    }

    /// Where the refund stands.
    #[query(name = "standing")]
    pub fn standing(&self, _ctx: &WorkflowContextView) -> RefundStanding {
        RefundStanding { status: self.status, failure: self.failure.clone() }
    }
}

impl CallsForHelp for RefundWorkflow {
    fn desk(&self) -> &HelpDesk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut HelpDesk {
        &mut self.desk
    }

    fn checkout_id(&self) -> &CheckoutId {
        &self.request.checkout_id
    }
}
