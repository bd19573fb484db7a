//! Waiting: for the buyer, for the PSP, for a person. Never without a timer or an open task.

use std::time::Duration;

use domain::checkout::Confirmation;
use temporalio_workflow::{TimerOptions, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext, workflows};

use super::{CheckoutWorkflow, Context, detached, is_given_up, now};
use crate::operator::Word;

/// What ended the wait for the buyer.
pub(super) enum Waited {
    /// The buyer came back from the payment window.
    Buyer(Confirmation),
    /// The time to pay ran out.
    Deadline,
    /// Somebody canceled the workflow.
    Canceled,
}

/// Waits until the buyer comes back, the checkout expires or the workflow is canceled. A buyer who came back
/// in the same instant wins.
pub(super) async fn for_buyer(ctx: &Context) -> Waited {
    let left = Duration::from_millis(ctx.state(|checkout| checkout.expires_at).ms_since(now(ctx)));
    ctx.set_current_details(format!("waiting for the buyer, at most {} s", left.as_secs()));
    if !left.is_zero() {
        let over =
            |checkout: &CheckoutWorkflow| checkout.canceled || checkout.confirmation.is_some() && !checkout.rejected;
        until(ctx, over, left, "the time to pay").await;
    }
    match ctx.state(|checkout| checkout.confirmation.clone().filter(|_| !checkout.rejected)) {
        Some(confirmation) => Waited::Buyer(confirmation),
        None if is_given_up(ctx) => Waited::Canceled,
        None => Waited::Deadline,
    }
}

/// Pauses before the PSP is asked; giving the checkout up ends the pause. Answers whether a nudge of the PSP
/// cut it short; one that came since `nudges_seen` does so at once.
pub(super) async fn for_psp(ctx: &Context, pause_ms: u64, nudges_seen: Option<u32>, given_up: bool) -> bool {
    let is_nudged = move |checkout: &CheckoutWorkflow| nudges_seen.is_some_and(|seen| checkout.nudges != seen);
    let pause = Duration::from_millis(pause_ms);
    if given_up {
        // Canceled already: the cancellation must not cut short every pause from here on.
        until_detached(ctx, is_nudged, pause, "before asking the PSP").await;
    } else {
        until(ctx, move |checkout| checkout.canceled || is_nudged(checkout), pause, "before asking the PSP").await;
    }
    ctx.state(is_nudged)
}

/// Lets time pass, whatever happens.
pub(super) async fn out(ctx: &Context, ms: u64, summary: &'static str) {
    if ms > 0 {
        until_detached(ctx, |_| false, Duration::from_millis(ms), summary).await;
    }
}

/// Waits for a person's word, or for somebody to give the checkout up. A word since `heeded` ends it at once.
pub(super) async fn for_operator(ctx: &Context, heeded: u32) -> Option<Word> {
    let canceled = ctx.state(|checkout| checkout.canceled);
    let over =
        move |checkout: &CheckoutWorkflow| checkout.desk.said_since(heeded).is_some() || checkout.canceled != canceled;
    // The token is detached, so this wait has no other end.
    let _ = ctx.wait_condition_with_options(over, detached()).await;
    ctx.state(|checkout| checkout.desk.said_since(heeded))
}

async fn until(
    ctx: &Context,
    condition: impl FnMut(&CheckoutWorkflow) -> bool,
    limit: Duration,
    summary: &'static str,
) {
    until_on(ctx, condition, limit, summary, ctx.cancellation_token().child_token()).await;
}

async fn until_detached(
    ctx: &Context,
    condition: impl FnMut(&CheckoutWorkflow) -> bool,
    limit: Duration,
    summary: &'static str,
) {
    until_on(ctx, condition, limit, summary, WorkflowCancellationToken::new()).await;
}

async fn until_on(
    ctx: &WorkflowContext<CheckoutWorkflow>,
    condition: impl FnMut(&CheckoutWorkflow) -> bool,
    limit: Duration,
    summary: &'static str,
    token: WorkflowCancellationToken,
) {
    {
        let options = WaitConditionOptions::builder().cancellation_token(token.clone()).build();
        let mut met = std::pin::pin!(ctx.wait_condition_with_options(condition, options));
        let timer = TimerOptions::builder(limit).summary(summary.to_owned()).cancellation_token(token.clone());
        let mut passed = std::pin::pin!(ctx.timer(timer.build()));
        workflows::select! {
            _ = met => {}
            _ = passed => {}
        }
    }
    // Dropping a timer's future does not cancel the timer.
    token.cancel();
}
