//! What a running refund knows.

use domain::{Timestamp, failure::Failure, id::CheckoutId, refund::RefundStatus};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{WorkflowContext, workflow};

use crate::{
    dead_letter::{CallsForHelp, HelpDesk},
    ports::RefundRequest,
    signal::SignalCount,
};

/// The state of a running refund, as its workflow answers the query `standing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundStanding {
    /// Where it stands.
    pub status: RefundStatus,
    /// Why it does not go on, where it does not.
    pub failure: Option<Failure>,
    /// When the PSP is asked next, if nothing happens before; `None` while it is asked, and where nothing is asked.
    #[serde(default)]
    pub next_question_at: Option<Timestamp>,
}

/// The durable life of one refund.
#[workflow]
pub struct RefundWorkflow {
    pub(super) request: RefundRequest,
    pub(super) status: RefundStatus,
    pub(super) failure: Option<Failure>,
    pub(super) signals: SignalCount,
    /// How often an operator wanted the PSP to be asked.
    pub(super) asks: u32,
    /// When the PSP is asked next.
    pub(super) next_question_at: Option<Timestamp>,
    pub(super) desk: HelpDesk,
}

pub(super) type Context = WorkflowContext<RefundWorkflow>;

/// How often operators wanted the PSP to be asked. A change ends a pause before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestsToAsk {
    pub(super) replies: u32,
    pub(super) asks: u32,
}

impl RefundWorkflow {
    /// The requests so far.
    pub(super) const fn requests_to_ask(&self) -> RequestsToAsk {
        RequestsToAsk { replies: self.desk.replies(), asks: self.asks }
    }
}

impl CallsForHelp for RefundWorkflow {
    fn desk(&self) -> &HelpDesk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut HelpDesk {
        &mut self.desk
    }

    fn checkout_id(&self) -> Option<&CheckoutId> {
        Some(&self.request.checkout_id)
    }
}
