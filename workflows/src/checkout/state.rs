//! What a running checkout knows, and what it is told.

use domain::{
    Timestamp,
    checkout::{ConfirmRefusal, Confirmable, Confirmation, Plan, Status},
    commission::BasisPoints,
    id::{ApiKeyId, CheckoutId, SavedCardId},
    refund::RefundAccount,
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{WorkflowContext, workflow};

use super::attempts::Attempts;
use crate::{
    dead_letter::{CallsForHelp, HelpDesk},
    echo::Echo,
    signal::SignalCount,
};

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
    /// Set where it takes the place of a workflow that was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The saved card that is charged at once, where one is; then no buyer is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_card: Option<SavedCardId>,
}

/// A workflow takes the place of one that was lost. It goes on from the record, and begins with a question to the PSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Until when a payment that no record names may still be captured, because the lost workflow may have sent it.
    /// Until then no other payment is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<Timestamp>,
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

/// How a workflow begins.
pub(super) enum Begun {
    /// The buyer may pay.
    Open,
    /// A workflow before this one was lost, and the checkout has come to rest.
    Over,
    /// No checkout is recorded.
    Unrecorded,
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
    pub(super) input: CheckoutInput,
    pub(super) status: Status,
    pub(super) revision: u32,
    pub(super) recorded: bool,
    pub(super) rates: Vec<BasisPoints>,
    pub(super) expires_at: Timestamp,
    pub(super) attempts: Attempts,
    /// How often a payment of it was booked: again where the bank took the deposit before back.
    pub(super) captures: u32,
    pub(super) signals: SignalCount,
    pub(super) nudges: Nudges,
    /// When the PSP is asked next.
    pub(super) next_question_at: Option<Timestamp>,
    pub(super) desk: HelpDesk,
    /// A person's decision about the payment in review.
    pub(super) review: Option<Review>,
    /// Whether somebody gave the checkout up.
    pub(super) canceled: bool,
    /// The account of the buyer's that was named with the last cancellation that named one.
    pub(super) refund_account: Option<RefundAccount>,
    /// True while a decline is being written.
    pub(super) declining: bool,
    /// True while a booked deposit is being taken back.
    pub(super) taking_back: bool,
    /// True while the expiry or the cancellation is being written.
    pub(super) ending: bool,
    /// True once nothing happens to the checkout any more.
    pub(super) closed: bool,
}

/// The nudges of the PSP and the questions of operators that came so far.
#[derive(Debug, Default)]
pub(super) struct Nudges {
    /// How many nudges came.
    pub(super) count: u32,
    /// Whether one of them named its window.
    pub(super) are_windowed: bool,
    /// When to ask for the nudges that were left out.
    pub(super) echo: Echo,
    /// How often an operator wanted the PSP to be asked.
    pub(super) asks: u32,
}

pub(super) type Context = WorkflowContext<CheckoutWorkflow>;

impl CallsForHelp for CheckoutWorkflow {
    fn desk(&self) -> &HelpDesk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut HelpDesk {
        &mut self.desk
    }

    fn checkout_id(&self) -> Option<&CheckoutId> {
        Some(self.input.plan.checkout_id())
    }
}

impl Nudges {
    pub(super) fn add(&mut self, nudge: &Nudge) {
        self.count = self.count.saturating_add(1);
        self.are_windowed |= nudge.window_ends_at.is_some();
        self.echo.add(nudge.window_ends_at);
    }
}

impl CheckoutWorkflow {
    /// Whether the PSP is asked here. Paid and still open, the bank may take the deposit back.
    pub(super) const fn asks_psp(&self) -> bool {
        self.status.phase().follows_psp() || self.status.is_payment_done()
    }

    pub(super) fn give_up(&mut self, account: Option<RefundAccount>) {
        if !self.status.is_payment_done() {
            self.canceled = true;
            self.refund_account = account.or(self.refund_account.take());
        }
    }

    pub(super) fn check(&self, confirmation: &Confirmation) -> Result<Confirmable, ConfirmRefusal> {
        if self.ending || self.input.saved_card.is_some() {
            return Err(ConfirmRefusal::NotConfirmable);
        }
        if self.closed && self.attempts.answer(&confirmation.payment_key, self.status) == Some(Status::NotStarted) {
            return Err(ConfirmRefusal::NotConfirmable);
        }
        self.attempts.check(&self.input.plan, self.status, confirmation)
    }
}

/// Whether somebody gave the checkout up: by the `cancel` update, or by canceling the workflow.
pub(super) fn is_given_up(ctx: &Context) -> bool {
    ctx.cancellation_token().is_cancelled() || ctx.state(|checkout| checkout.canceled)
}
