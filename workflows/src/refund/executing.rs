//! Giving the money back: send, find out, book; or take the promise back.

use std::time::Duration;

use domain::{
    Money, Timestamp,
    charge::{Doubt, Failure},
    dead_letter::{Awaits, Outcome},
    refund::{self, Executed, Knowledge, Progress, RefundStatus, Step},
};
use temporalio_workflow::{
    ActivityCloseTimeouts, WorkflowCancellationToken, WorkflowTermination, common::ActivityDefinition as _,
};

use super::{
    Context,
    recording::{advance, fail, settle},
};
use crate::{
    checkout::{doubt_of, psp_call},
    operator::{self, Trouble, Word, facts_of},
    ports::{LookUpRefund, Refund, RefundCharge, RefundQuestion},
    task::readable,
    time::{detached, now, until},
};

/// How long one call to the PSP may take: its answer time and the way to it.
const PSP_CALL_TIME: Duration = Duration::from_secs(5);
/// How long all attempts under one idempotency key may take before the PSP is asked.
const SENDING_TIME: Duration = Duration::from_secs(8);
/// How often a request that was provably not carried out is sent before the PSP is asked about it.
const PSP_ATTEMPTS: u32 = 5;

/// The refund under way.
struct Inquiry {
    amount: Money,
    /// What we believed to be left at the PSP when the present idempotency key was new.
    held: Money,
    /// How many idempotency keys were used up before the present one.
    generation: u32,
    first_sent_at: Timestamp,
    progress: Progress,
}

/// Follows the refund until it is booked, or its promise is taken back.
pub(super) async fn execute(ctx: &Context, amount: Money, held: Money) -> Result<(), WorkflowTermination> {
    let mut inquiry = Inquiry::of(ctx, amount, held);
    let mut knowledge = inquiry.send(ctx, false).await;
    loop {
        match refund::next_step(amount, &knowledge, &inquiry.progress, now(ctx)) {
            Step::Settle(executed) => return settle(ctx, executed).await,
            Step::Fail(failure) => return fail(ctx, failure).await,
            Step::Send { new_key, left } => {
                if new_key {
                    inquiry.held = left;
                }
                knowledge = inquiry.send(ctx, new_key).await;
            }
            Step::Ask { pause_ms } => {
                stand_at_unknown(ctx, &knowledge).await?;
                knowledge = inquiry.ask_after(ctx, pause_ms).await;
            }
            Step::CallForHelp(failure) => match call_for_help(ctx, failure).await? {
                Help::GoOn => {
                    inquiry.progress.start_over(now(ctx));
                    knowledge = inquiry.look_up(ctx).await;
                }
                Help::Executed => {
                    let executed = Executed { amount, executed_at: now(ctx), transaction_key: None };
                    return settle(ctx, executed).await;
                }
                Help::NotExecuted(failure) => return fail(ctx, failure).await,
            },
        }
    }
}

impl Inquiry {
    fn of(ctx: &Context, amount: Money, held: Money) -> Self {
        let now = now(ctx);
        Self { amount, held, generation: 0, first_sent_at: now, progress: Progress::new(now) }
    }

    /// Sends the refund.
    async fn send(&mut self, ctx: &Context, new_key: bool) -> Knowledge {
        self.generation += u32::from(new_key);
        self.progress.send(new_key, now(ctx));
        let charge = ctx.state(|refund| RefundCharge {
            refund_id: refund.request.refund_id.clone(),
            checkout_id: refund.request.checkout_id.clone(),
            payment_key: refund.request.payment_key.clone(),
            amount: self.amount,
            held: self.held,
            reason: refund.request.reason.clone(),
            account: refund.request.account.clone(),
            idempotency_key: format!("{}.{}", refund.request.refund_id, self.generation),
        });
        let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: SENDING_TIME,
            start_to_close: PSP_CALL_TIME,
        };
        let options = psp_call(timeouts, PSP_ATTEMPTS, "giving money back");
        let knowledge = match readable(ctx.execute_activity(Refund, charge, options).await) {
            Ok(answer) => Knowledge::Answered(answer),
            Err(error) => Knowledge::Lost(doubt_of(&error)),
        };
        self.progress.learn(&knowledge);
        knowledge
    }

    /// Asks the PSP after a pause, which an operator may cut short.
    async fn ask_after(&mut self, ctx: &Context, pause_ms: u64) -> Knowledge {
        let next_question_at = now(ctx).plus_ms(pause_ms);
        let before = ctx.state_mut(|refund| {
            refund.next_question_at = Some(next_question_at);
            refund.wishes()
        });
        let pause = Duration::from_millis(pause_ms);
        let token = WorkflowCancellationToken::new();
        until(ctx, move |refund| refund.wishes() != before, pause, "before asking the PSP", token).await;
        self.progress.asked += 1;
        ctx.state_mut(|refund| refund.next_question_at = None);
        self.look_up(ctx).await
    }

    /// Asks the PSP.
    async fn look_up(&self, ctx: &Context) -> Knowledge {
        let question = ctx.state(|refund| RefundQuestion {
            refund_id: refund.request.refund_id.clone(),
            checkout_id: refund.request.checkout_id.clone(),
            payment_key: refund.request.payment_key.clone(),
            amount: self.amount,
            first_sent_at: self.first_sent_at,
        });
        let options = psp_call(ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME), 1, "asking what happened");
        match readable(ctx.execute_activity(LookUpRefund, question, options).await) {
            Ok(sight) => Knowledge::Told(sight),
            Err(_) => Knowledge::NotTold,
        }
    }
}

/// Writes down that the outcome is not known, once, and why.
async fn stand_at_unknown(ctx: &Context, knowledge: &Knowledge) -> Result<(), WorkflowTermination> {
    if ctx.state(|refund| refund.status) == RefundStatus::Unknown {
        return Ok(());
    }
    let evidence = match knowledge {
        Knowledge::Lost(Doubt { evidence, .. }) => Some(evidence.clone()),
        Knowledge::Answered(_) | Knowledge::Told(_) | Knowledge::NotTold => None,
    };
    let failure = evidence.map(|message| Failure::new("outcome_unknown", message));
    advance(ctx, RefundStatus::Unknown, failure).await
}

/// What a person said.
enum Help {
    /// Try again.
    GoOn,
    /// The buyer has the money back.
    Executed,
    /// The buyer does not get it back.
    NotExecuted(Failure),
}

/// Puts the refund in front of a person and waits for their word.
async fn call_for_help(ctx: &Context, failure: Failure) -> Result<Help, WorkflowTermination> {
    let heeded = ctx.state(|refund| refund.desk.heeded());
    if ctx.state(|refund| refund.status) != RefundStatus::Stuck {
        advance(ctx, RefundStatus::Stuck, Some(failure.clone())).await?;
    }
    let input = ctx.state(|refund| {
        let request = &refund.request;
        facts_of([("refund_id", &request.refund_id), ("checkout_id", &request.checkout_id)])
    });
    let awaits = Awaits::Person { outcomes: vec![Outcome::Refunded, Outcome::NotRefunded] };
    let details = format!(
        "**STUCK**: {} See the dead letter, or send the signal `resume` to try again or `resolve` with what came of it.",
        failure.message
    );
    operator::call(ctx, Trouble { step: Refund.name().to_owned(), failure, input, awaits }).await;
    ctx.set_current_details(details);
    let is_helped = move |refund: &super::RefundWorkflow| refund.desk.said_since(heeded).is_some();
    // The token is detached, so this wait has no other end.
    let _ = ctx.wait_condition_with_options(is_helped, detached()).await;
    let said = ctx.state(|refund| refund.desk.said_since(heeded).cloned());
    Ok(match said.map(|said| (said.word, said.reason)) {
        Some((Word::Resolve(Outcome::Refunded), _)) => Help::Executed,
        Some((Word::Resolve(Outcome::NotRefunded), reason)) => {
            Help::NotExecuted(Failure::new("resolved_not_refunded", reason))
        }
        Some((Word::Resume | Word::Resolve(Outcome::NotPaid | Outcome::Approved | Outcome::Denied), _)) | None => {
            Help::GoOn
        }
    })
}
