//! Charging the buyer: send, find out, book; or make sure that nothing is held.

use std::time::Duration;

use domain::{
    Money, Timestamp,
    charge::{self, Charge, Doubt, Failure, Knowledge, Progress, Step, UndoStep},
    checkout::{Confirmation, Event, Status},
    id::{CheckoutId, PaymentKey},
};
use temporalio_workflow::{
    ActivityExecutionError, ActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowTermination,
    common::error::IncomingError,
};

use super::{
    Context, now,
    recording::{advance, begin, settle},
    waiting,
};
use crate::{
    ports::{self, Cancel, CancelCharge, Confirm, ConfirmCharge, LookUp, LookUpCharge},
    saga::{Promised, Saga},
};

/// How long one call to the PSP may take: its answer time and the way to it.
const PSP_CALL_TIME: Duration = Duration::from_secs(5);
/// How often a charge that was provably not carried out is sent before the PSP is asked about it.
const PSP_ATTEMPTS: u32 = 5;
/// The pause after the first attempt; it doubles: 1 s, 2 s, 4 s, 8 s.
const FIRST_PSP_PAUSE: Duration = Duration::from_secs(1);

/// What to do when the checkout must not be paid after all.
enum Undo {
    /// Ensure that no money is held under this key.
    Void(PaymentKey),
}

/// The charge under way.
struct Inquiry {
    checkout_id: CheckoutId,
    payment_key: PaymentKey,
    total: Money,
    /// How many idempotency keys were used up before the present one.
    generation: u32,
    confirms: u32,
    answered: bool,
    asked: u32,
    since: Timestamp,
}

/// Charges the buyer and follows the charge until it is booked, or no money is held.
pub(super) async fn charge(ctx: &Context, confirmation: Confirmation) -> Result<(), WorkflowTermination> {
    let mut saga = Saga::new();
    begin(ctx, confirmation.payment_key.clone()).await?;
    let promised = saga.promise(Undo::Void(confirmation.payment_key.clone()));
    let mut inquiry = Inquiry::of(ctx, confirmation);
    let mut knowledge = confirm(ctx, &mut inquiry, &promised).await;
    loop {
        match charge::next_step(inquiry.total, &knowledge, inquiry.progress(ctx)) {
            Step::Settle(capture) => {
                settle(ctx, capture).await?;
                saga.keep();
                return Ok(());
            }
            Step::Fail(failure) => {
                saga.keep();
                return advance(ctx, Event::Declined, Some(failure)).await;
            }
            Step::Undo(failure) => {
                unwind(ctx, saga, &inquiry).await?;
                return advance(ctx, Event::Declined, Some(failure)).await;
            }
            Step::Confirm { new_key } => {
                inquiry.generation += u32::from(new_key);
                knowledge = confirm(ctx, &mut inquiry, &promised).await;
            }
            Step::Ask { status, pause_ms } => {
                inquiry.stand_at(ctx, status, &knowledge).await?;
                knowledge = inquiry.ask_after(ctx, pause_ms).await;
            }
            Step::CallForHelp(failure) => {
                call_for_help(ctx, failure).await?;
                inquiry.start_over(ctx);
                knowledge = look_up(ctx, &inquiry.checkout_id, &inquiry.payment_key).await;
            }
        }
    }
}

impl Inquiry {
    fn of(ctx: &Context, confirmation: Confirmation) -> Self {
        Self {
            checkout_id: confirmation.checkout_id,
            payment_key: confirmation.payment_key,
            total: confirmation.amount,
            generation: 0,
            confirms: 0,
            answered: false,
            asked: 0,
            since: now(ctx),
        }
    }

    fn progress(&self, ctx: &Context) -> Progress {
        Progress {
            confirms: self.confirms,
            asked: self.asked,
            waited_ms: now(ctx).ms_since(self.since),
            answered: self.answered,
            given_up: ctx.cancellation_token().is_cancelled(),
            awaits_deposit: ctx.state(|checkout| checkout.status) == Status::WaitingForDeposit,
        }
    }

    fn start_over(&mut self, ctx: &Context) {
        self.asked = 0;
        self.since = now(ctx);
    }

    /// Writes down that we wait, once, and why.
    async fn stand_at(
        &mut self,
        ctx: &Context,
        status: Status,
        knowledge: &Knowledge,
    ) -> Result<(), WorkflowTermination> {
        if ctx.state(|checkout| checkout.status) == status {
            return Ok(());
        }
        let event = if status == Status::WaitingForDeposit { Event::DepositAwaited } else { Event::OutcomeUnknown };
        let evidence = match knowledge {
            Knowledge::Lost(doubt) => Some(doubt.evidence.clone()),
            Knowledge::Told(_) | Knowledge::NotTold => None,
        };
        let failure = evidence.map(|message| Failure { code: "outcome_unknown".to_owned(), message });
        advance(ctx, event, failure).await?;
        self.start_over(ctx);
        Ok(())
    }

    async fn ask_after(&mut self, ctx: &Context, pause_ms: u64) -> Knowledge {
        let nudges = ctx.state(|checkout| checkout.nudges);
        let given_up = ctx.cancellation_token().is_cancelled();
        waiting::for_psp(ctx, pause_ms, nudges, given_up).await;
        self.asked += 1;
        ctx.set_current_details(format!("asking the PSP what happened, question {}", self.asked));
        look_up(ctx, &self.checkout_id, &self.payment_key).await
    }
}

async fn confirm(ctx: &Context, inquiry: &mut Inquiry, _undo: &Promised) -> Knowledge {
    let request = ConfirmCharge {
        checkout_id: inquiry.checkout_id.clone(),
        payment_key: inquiry.payment_key.clone(),
        amount: inquiry.total,
        idempotency_key: format!("{}.confirm.{}", ctx.workflow_id(), inquiry.generation),
    };
    inquiry.confirms += 1;
    let options = psp_call(PSP_ATTEMPTS, "capturing the payment");
    match ctx.execute_activity(Confirm, request, options).await {
        Ok(charge) => {
            inquiry.answered = true;
            Knowledge::Told(charge)
        }
        Err(error) => {
            let doubt = doubt_of(&error);
            inquiry.answered = doubt.answered;
            Knowledge::Lost(doubt)
        }
    }
}

async fn look_up(ctx: &Context, checkout_id: &CheckoutId, payment_key: &PaymentKey) -> Knowledge {
    let request = LookUpCharge { payment_key: payment_key.clone(), checkout_id: checkout_id.clone() };
    match ctx.execute_activity(LookUp, request, psp_call(1, "asking what happened")).await {
        Ok(charge) => Knowledge::Told(charge),
        Err(_) => Knowledge::NotTold,
    }
}

async fn unwind(ctx: &Context, saga: Saga<Undo>, inquiry: &Inquiry) -> Result<(), WorkflowTermination> {
    for undo in saga.into_undos() {
        match undo {
            Undo::Void(payment_key) => void(ctx, inquiry, &payment_key).await?,
        }
    }
    Ok(())
}

/// Ensures that no money is held under a payment key. Safe to repeat, and it runs on when canceled.
async fn void(ctx: &Context, inquiry: &Inquiry, payment_key: &PaymentKey) -> Result<(), WorkflowTermination> {
    let checkout_id = &inquiry.checkout_id;
    let (mut asked, mut since, mut round) = (0, now(ctx), 0);
    let mut knowledge = look_up(ctx, checkout_id, payment_key).await;
    loop {
        match charge::next_undo_step(&knowledge, asked, now(ctx).ms_since(since)) {
            UndoStep::Done => return Ok(()),
            UndoStep::Cancel => {
                knowledge = cancel(ctx, inquiry, payment_key, round).await;
                round += 1;
            }
            UndoStep::Ask { pause_ms } => {
                let nudges = ctx.state(|checkout| checkout.nudges);
                waiting::for_psp(ctx, pause_ms, nudges, true).await;
                asked += 1;
                knowledge = look_up(ctx, checkout_id, payment_key).await;
            }
            UndoStep::CallForHelp(failure) => {
                call_for_help(ctx, failure).await?;
                (asked, since) = (0, now(ctx));
                knowledge = look_up(ctx, checkout_id, payment_key).await;
            }
        }
    }
}

async fn cancel(ctx: &Context, inquiry: &Inquiry, payment_key: &PaymentKey, round: u32) -> Knowledge {
    let request = CancelCharge {
        payment_key: payment_key.clone(),
        checkout_id: inquiry.checkout_id.clone(),
        currency: inquiry.total.currency(),
        reason: "결제 취소 (주문 미완료)".to_owned(),
        idempotency_key: format!("{}.void.{round}", ctx.workflow_id()),
    };
    match ctx.execute_activity(Cancel, request, psp_call(PSP_ATTEMPTS, "giving the payment back")).await {
        Ok(charge @ Charge::Returned) => Knowledge::Told(charge),
        // Anything else does not prove that nothing is held: ask again, after a pause.
        Ok(_) | Err(_) => Knowledge::NotTold,
    }
}

/// Puts the checkout in front of a person and waits for their word.
async fn call_for_help(ctx: &Context, failure: Failure) -> Result<(), WorkflowTermination> {
    if ctx.state(|checkout| checkout.status) != Status::Stuck {
        advance(ctx, Event::HelpNeeded, Some(failure.clone())).await?;
    }
    ctx.set_current_details(format!("**STUCK**: {} Send the signal `resume` to go on.", failure.message));
    waiting::for_operator(ctx).await;
    Ok(())
}

/// A call to the PSP. It is not cut off when the workflow is canceled: its outcome has to be known.
fn psp_call(attempts: u32, summary: &'static str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(PSP_CALL_TIME)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(FIRST_PSP_PAUSE)
                .backoff_coefficient(2.0)
                .maximum_attempts(attempts)
                .build(),
        )
        .summary(summary)
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// What a failed call tells: its own words if it has any, otherwise that no answer came.
fn doubt_of(error: &ActivityExecutionError) -> Doubt {
    let told = match error.cause() {
        Some(IncomingError::Application(failure)) if failure.type_name() == Some(ports::DOUBT) => {
            failure.details::<Doubt>().ok().flatten()
        }
        _ => None,
    };
    told.unwrap_or_else(|| Doubt { answered: false, evidence: "the call to the PSP did not return".to_owned() })
}
