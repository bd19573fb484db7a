//! Giving the money back: send, find out, book; or take the promise back.

use std::{convert::Infallible, time::Duration};

use domain::{
    Money, Timestamp,
    dead_letter::{Awaits, DeclaredOutcome},
    failure::{Failure, OurCode},
    inquiry::{Inquiry, Request},
    refund::{Conclusion, Executed, Knowledge, PromisedRefund, RefundStatus, Refunding, Wait},
};
use temporalio_workflow::{WorkflowCancellationToken, WorkflowTermination, common::ActivityDefinition as _};

use super::{
    recording::{advance, fail, settle},
    state::{Context, RefundWorkflow},
};
use crate::{
    dead_letter::{self, FailedStep, OperatorAction},
    facts::facts_of,
    inquiry::{self, Driver, Next, PspCall},
    ports::{LookUpRefund, Refund, RefundCharge, RefundQuestion},
    time::{detached, now, until},
};

/// The refund under way.
struct RefundDriver<'a> {
    ctx: &'a Context,
    inquiry: Inquiry<Refunding>,
    /// The part of the amount without tax.
    tax_free: Option<Money>,
    first_sent_at: Timestamp,
}

/// Follows the refund until it is booked, or its promise is taken back.
pub(super) async fn execute(ctx: &Context, promised: &PromisedRefund) -> Result<(), WorkflowTermination> {
    let first_sent_at = now(ctx);
    let refunding = Refunding { amount: promised.amount, held: promised.held };
    let tax_free = promised.tax_free;
    let (mut driver, knowledge) = match ctx.state(|refund| refund.request.sent_since) {
        None => {
            let (inquiry, request) = Inquiry::new(refunding, first_sent_at);
            let mut driver = RefundDriver { ctx, inquiry, tax_free, first_sent_at };
            let knowledge = driver.send(request).await;
            (driver, knowledge)
        }
        Some(sent_since) => {
            let inquiry = Inquiry::resumed(refunding, sent_since, first_sent_at);
            let driver = RefundDriver { ctx, inquiry, tax_free, first_sent_at: sent_since };
            let knowledge = driver.look_up().await;
            (driver, knowledge)
        }
    };
    match inquiry::follow(&mut driver, knowledge).await? {
        Conclusion::Settle(executed) => settle(ctx, executed).await,
        Conclusion::Fail(failure) => fail(ctx, failure).await,
    }
}

impl Driver for RefundDriver<'_> {
    type Subject = Refunding;
    type Stop = WorkflowTermination;

    fn inquiry(&mut self) -> &mut Inquiry<Refunding> {
        &mut self.inquiry
    }

    fn now(&self) -> Timestamp {
        now(self.ctx)
    }

    fn circumstances(&self, _knowledge: &Knowledge) {}

    /// The promise is recorded before the inquiry begins.
    async fn begin(&mut self) -> Result<(), WorkflowTermination> {
        Ok(())
    }

    async fn send(&mut self, request: Request) -> Knowledge {
        let ctx = self.ctx;
        let key_number = self.inquiry.send(request, now(ctx));
        let Refunding { amount, held } = self.inquiry.subject;
        let tax_free = self.tax_free;
        let charge = ctx.state(|refund| RefundCharge {
            refund_id: refund.request.refund_id.clone(),
            checkout_id: refund.request.checkout_id.clone(),
            payment_key: refund.request.payment_key.clone(),
            amount,
            held,
            tax_free,
            reason: refund.request.reason.clone(),
            account: refund.request.account.clone(),
            idempotency_key: format!("{}.{key_number}", refund.request.refund_id),
        });
        inquiry::send(ctx, Refund, charge, PspCall::brief("giving money back")).await
    }

    async fn record_wait(&mut self, Wait::Outcome: Wait, knowledge: &Knowledge) -> Result<(), WorkflowTermination> {
        let ctx = self.ctx;
        if ctx.state(|refund| refund.status) == RefundStatus::Unknown {
            return Ok(());
        }
        advance(ctx, RefundStatus::Unknown, inquiry::outcome_unknown(knowledge)).await
    }

    /// Asks the PSP after a pause, which an operator may cut short.
    async fn ask_after(&mut self, pause_ms: u64, _circumstances: ()) -> Knowledge {
        let ctx = self.ctx;
        let next_question_at = now(ctx).plus_ms(pause_ms);
        let before = ctx.state_mut(|refund| {
            refund.next_question_at = Some(next_question_at);
            refund.requests_to_ask()
        });
        let pause = Duration::from_millis(pause_ms);
        let token = WorkflowCancellationToken::new();
        until(ctx, move |refund| refund.requests_to_ask() != before, pause, "before asking the PSP", token).await;
        self.inquiry.pause_passed();
        ctx.state_mut(|refund| refund.next_question_at = None);
        self.look_up().await
    }

    async fn begin_undo(
        &mut self,
        never: Infallible,
        _knowledge: &Knowledge,
    ) -> Result<Next<Refunding>, WorkflowTermination> {
        match never {}
    }

    async fn undo(&mut self, never: Infallible) -> Knowledge {
        match never {}
    }

    async fn call_for_help(&mut self, failure: Failure) -> Result<Next<Refunding>, WorkflowTermination> {
        let ctx = self.ctx;
        Ok(match ask_person(ctx, failure).await? {
            Resolution::GoOn => {
                self.inquiry.start_over(now(ctx));
                Next::Learned(self.look_up().await)
            }
            Resolution::Executed => {
                let amount = self.inquiry.subject.amount;
                let executed = Executed { amount, executed_at: now(ctx), transaction_key: None };
                Next::Concluded(Conclusion::Settle(executed))
            }
            Resolution::NotExecuted(failure) => Next::Concluded(Conclusion::Fail(failure)),
        })
    }
}

impl RefundDriver<'_> {
    /// Asks the PSP.
    async fn look_up(&self) -> Knowledge {
        let ctx = self.ctx;
        let question = ctx.state(|refund| RefundQuestion {
            refund_id: refund.request.refund_id.clone(),
            checkout_id: refund.request.checkout_id.clone(),
            payment_key: refund.request.payment_key.clone(),
            amount: self.inquiry.subject.amount,
            first_sent_at: self.first_sent_at,
        });
        inquiry::look_up(ctx, LookUpRefund, question).await
    }
}

/// What a person decided about a stuck refund.
enum Resolution {
    /// Try again.
    GoOn,
    /// The buyer has the money back.
    Executed,
    /// The buyer does not get it back.
    NotExecuted(Failure),
}

/// Puts the refund in front of a person and waits for their word.
async fn ask_person(ctx: &Context, failure: Failure) -> Result<Resolution, WorkflowTermination> {
    let replies = ctx.state(|refund| refund.desk.replies());
    if ctx.state(|refund| refund.status) != RefundStatus::Stuck {
        advance(ctx, RefundStatus::Stuck, Some(failure.clone())).await?;
    }
    let input = ctx.state(|refund| {
        let request = &refund.request;
        facts_of([("refund_id", &request.refund_id), ("checkout_id", &request.checkout_id)])
    });
    let awaits = Awaits::Person { outcomes: vec![DeclaredOutcome::Refunded, DeclaredOutcome::NotRefunded] };
    let details = format!(
        "**STUCK**: {} See the dead letter, or send the signal `resume` to try again or `resolve` with what came \
         of it.",
        failure.message
    );
    dead_letter::call(ctx, FailedStep { step: Refund.name().to_owned(), failure, input, awaits }).await;
    ctx.set_current_details(details);
    let is_helped = move |refund: &RefundWorkflow| refund.desk.reply_since(replies).is_some();
    // The token is detached, so this wait has no other end.
    let _ = ctx.wait_condition_with_options(is_helped, detached()).await;
    let reply = ctx.state(|refund| refund.desk.reply_since(replies).cloned());
    Ok(match reply.map(|reply| (reply.action, reply.reason)) {
        Some((OperatorAction::Resolve(DeclaredOutcome::Refunded), _)) => Resolution::Executed,
        Some((OperatorAction::Resolve(DeclaredOutcome::NotRefunded), reason)) => {
            Resolution::NotExecuted(Failure::new(OurCode::ResolvedNotRefunded, reason))
        }
        Some((
            OperatorAction::Resume
            | OperatorAction::Resolve(DeclaredOutcome::NotPaid | DeclaredOutcome::Approved | DeclaredOutcome::Denied),
            _,
        ))
        | None => Resolution::GoOn,
    })
}
