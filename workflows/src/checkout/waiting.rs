//! Waiting for the buyer, for the PSP or for an operator. Every wait has a timer or an open task.

use std::time::Duration;

use domain::{
    calendar::KoreanTime,
    checkout::{Confirmation, Status},
    dead_letter::DeclaredOutcome,
    refund::RefundAccount,
};
use temporalio_workflow::WorkflowCancellationToken;

use super::state::{CheckoutWorkflow, Context, Review, is_given_up};
use crate::{
    dead_letter::{OperatorAction, OperatorReply},
    time::{self, detached, now},
};

/// What ended the wait for the buyer.
pub(super) enum Waited {
    /// The buyer came back from the payment window.
    Buyer(Confirmation),
    /// The checkout expired.
    Deadline,
    /// Somebody canceled the workflow.
    Canceled,
}

/// Waits until the buyer confirms, or confirms again after a decline, the checkout expires or the workflow is canceled.
/// A confirmation at the same instant as the other two has precedence.
pub(super) async fn for_buyer(ctx: &Context) -> Waited {
    let expires_at = ctx.state(|checkout| checkout.expires_at);
    let left = Duration::from_millis(expires_at.ms_since(now(ctx)));
    let again = if ctx.state(|checkout| checkout.status) == Status::Failed { " to try again" } else { "" };
    ctx.set_current_details(format!("waiting for the buyer{again} until {}", KoreanTime(expires_at)));
    if !left.is_zero() {
        let over = |checkout: &CheckoutWorkflow| checkout.canceled || checkout.attempts.next().is_some();
        until(ctx, over, left, "the time to pay").await;
    }
    match ctx.state(|checkout| checkout.attempts.next().cloned()) {
        Some(confirmation) => Waited::Buyer(confirmation),
        None if is_given_up(ctx) => Waited::Canceled,
        None => Waited::Deadline,
    }
}

/// The nudges that a question to the PSP has answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// How many nudges.
    pub(super) nudges: u32,
    /// How many questions of operators.
    pub(super) asks: u32,
    /// Whether the budget of nudges without a window is spent: such nudges shorten no further pause.
    pub(super) is_budget_spent: bool,
}

impl Answered {
    /// Whether a further nudge or question of an operator has arrived.
    fn is_nudged(self, checkout: &CheckoutWorkflow) -> bool {
        let nudges = &checkout.nudges;
        let counts = !self.is_budget_spent || nudges.are_windowed;
        nudges.asks != self.asks || counts && nudges.count != self.nudges
    }
}

/// What shortens a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutBy {
    /// Nudges and operators' questions only. A checkout that is canceled already must not shorten every pause.
    Hints,
    /// A cancellation of the checkout too.
    HintsAndCancellation,
}

/// Pauses before a question to the PSP; a cancellation ends the pause. Answers whether a nudge or an operator shortened
/// the pause. A nudge that arrived after the `answered` nudges ends the pause at once.
pub(super) async fn for_psp(ctx: &Context, pause_ms: u64, answered: Answered, cut_by: CutBy) -> bool {
    let is_nudged = move |checkout: &CheckoutWorkflow| answered.is_nudged(checkout);
    let pause = Duration::from_millis(pause_ms);
    match cut_by {
        CutBy::Hints => until_detached(ctx, is_nudged, pause, "before asking the PSP").await,
        CutBy::HintsAndCancellation => {
            let is_cut = move |checkout: &CheckoutWorkflow| checkout.canceled || is_nudged(checkout);
            until(ctx, is_cut, pause, "before asking the PSP").await;
        }
    }
    ctx.state(is_nudged)
}

/// Waits for a time that nothing shortens.
pub(super) async fn let_pass(ctx: &Context, ms: u64, summary: &'static str) {
    if ms > 0 {
        until_detached(ctx, |_| false, Duration::from_millis(ms), summary).await;
    }
}

/// The state of a checkout at the moment when an operator was called.
#[derive(Debug, Clone)]
pub(super) struct Called {
    replies: u32,
    canceled: bool,
    refund_account: Option<RefundAccount>,
}

impl Called {
    /// The state at this moment.
    pub(super) fn of(ctx: &Context) -> Self {
        ctx.state(|checkout| Self {
            replies: checkout.desk.replies(),
            canceled: checkout.canceled,
            refund_account: checkout.refund_account.clone(),
        })
    }

    /// Whether the checkout was canceled since then, or another account for the money was named.
    fn is_given_up(&self, checkout: &CheckoutWorkflow) -> bool {
        checkout.canceled != self.canceled || checkout.refund_account != self.refund_account
    }
}

/// Waits for an operator's reply, or for a cancellation that differs from the last one. A reply or cancellation after
/// the operator was `called` ends the wait at once. A cancellation in the Temporal UI does not end the wait.
pub(super) async fn for_operator(ctx: &Context, called: Called) -> Option<OperatorReply> {
    let replies = called.replies;
    let over =
        move |checkout: &CheckoutWorkflow| checkout.desk.reply_since(replies).is_some() || called.is_given_up(checkout);
    // The token is detached, so nothing else ends this wait.
    let _ = ctx.wait_condition_with_options(over, detached()).await;
    ctx.state(|checkout| checkout.desk.reply_since(replies).cloned())
}

/// Waits for an operator's decision about the payment in review, until the limit or a cancellation of the checkout.
/// The decision arrives by the signal `review` or as an answer to the letter. A reply after the first `replies` ends
/// the wait at once.
pub(super) async fn for_review(ctx: &Context, limit_ms: u64, replies: u32) -> Option<Review> {
    let answered = move |checkout: &CheckoutWorkflow| checkout.desk.reply_since(replies).and_then(review_of);
    let over = move |checkout: &CheckoutWorkflow| {
        checkout.review.is_some() || checkout.canceled || answered(checkout).is_some()
    };
    until(ctx, over, Duration::from_millis(limit_ms), "the time to review the payment").await;
    ctx.state_mut(|checkout| checkout.review.take().or_else(|| answered(checkout)))
}

/// The decision in an answer to a letter; `None` for an answer that decides nothing.
fn review_of(reply: &OperatorReply) -> Option<Review> {
    let approve = match reply.action {
        OperatorAction::Resolve(DeclaredOutcome::Approved) => true,
        OperatorAction::Resolve(DeclaredOutcome::Denied) => false,
        OperatorAction::Resume
        | OperatorAction::Resolve(
            DeclaredOutcome::NotPaid | DeclaredOutcome::Refunded | DeclaredOutcome::NotRefunded,
        ) => return None,
    };
    Some(Review { by: reply.by.clone(), reason: reply.reason.clone(), approve })
}

async fn until(
    ctx: &Context,
    condition: impl FnMut(&CheckoutWorkflow) -> bool,
    limit: Duration,
    summary: &'static str,
) {
    time::until(ctx, condition, limit, summary, ctx.cancellation_token().child_token()).await;
}

async fn until_detached(
    ctx: &Context,
    condition: impl FnMut(&CheckoutWorkflow) -> bool,
    limit: Duration,
    summary: &'static str,
) {
    time::until(ctx, condition, limit, summary, WorkflowCancellationToken::new()).await;
}
