//! Charging the buyer: send, find out, book; or make sure that nothing is held.
//!
//! The first request is sent while the record still says `NOT_STARTED`: anybody can claim a payment key, and
//! only the PSP's answer shows whether it is one of this checkout. The key and the promise of the undo stand
//! in the workflow's history before the request leaves, so no crash loses them. An answer or
//! [`CONFIRM_TIME`] later the record says `EXECUTING`, or nothing happened.

use std::time::Duration;

use domain::{
    Money, Timestamp,
    charge::{
        self, Capture, Charge, Doubt, Failure, Knowledge, MAX_NUDGED, Moment, NUDGED_PAUSE_MS, Progress, Step,
        UndoReason, UndoStep,
    },
    checkout::{Confirmation, Event, Status},
    dead_letter::{Awaits, Outcome},
    id::{CheckoutId, PaymentKey},
};
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityExecutionError, ActivityOptions, RetryPolicy, WorkflowCancellationToken,
    WorkflowTermination,
    common::{ActivityDefinition as _, error::IncomingError},
};

use super::{
    Context, is_given_up, now,
    recording::{advance, begin, settle},
    waiting,
};
use crate::{
    operator::{self, Facts, Trouble, Word, facts_of},
    ports::{self, Cancel, CancelCharge, Confirm, ConfirmCharge, LookUp, LookUpCharge},
    saga::{Promised, Saga},
};

/// How long one call to the PSP may take: its answer time and the way to it.
const PSP_CALL_TIME: Duration = Duration::from_secs(5);
/// How long all attempts to capture may take: less than the buyer's browser waits, and the record says
/// `NOT_STARTED` for so long.
const CONFIRM_TIME: Duration = Duration::from_secs(8);
/// How often a charge that was provably not carried out is sent before the PSP is asked about it.
const PSP_ATTEMPTS: u32 = 5;
/// The pause after the first attempt; it doubles: 1 s, 2 s, 4 s, 8 s.
const FIRST_PSP_PAUSE: Duration = Duration::from_secs(1);

/// What came of a buyer's attempt to pay.
pub(super) enum Charged {
    /// The checkout is closed: booked, or no money is held.
    Closed,
    /// It was none of this checkout. Nothing happened; another may come.
    Rejected,
}

/// What to do when the checkout must not be paid after all.
enum Undo {
    /// Ensure that no money is held under this key.
    Void(PaymentKey),
}

/// What came of an undo.
enum Undone {
    /// No money is held.
    NothingHeld,
    /// No money is held, on an operator's word.
    NotPaid,
    /// The money came after all, and it is welcome.
    Paid(Capture),
}

/// What a call for help brought.
enum Helped {
    /// The word that it may go on, and what the PSP says now.
    GoOn(Knowledge),
    /// An operator's word that no money is held, and nothing of the PSP against it.
    NotPaid,
}

/// The charge under way.
struct Inquiry {
    checkout_id: CheckoutId,
    payment_key: PaymentKey,
    total: Money,
    /// How many idempotency keys were used up before the present one.
    generation: u32,
    progress: Progress,
    /// The nudges that came before the last question.
    nudges_seen: u32,
    /// How many questions were brought forward by a nudge.
    nudged: u32,
    asked_at: Timestamp,
}

/// Charges the buyer and follows the charge until it is booked, or no money is held.
pub(super) async fn charge(ctx: &Context, confirmation: Confirmation) -> Result<Charged, WorkflowTermination> {
    let mut saga = Saga::new();
    let began_at = now(ctx);
    let promised = saga.promise(Undo::Void(confirmation.payment_key.clone()));
    let mut inquiry = Inquiry::of(ctx, confirmation);
    let mut knowledge = inquiry.confirm(ctx, false, &promised).await;
    loop {
        let step = charge::next_step(inquiry.total, &knowledge, &inquiry.progress, moment(ctx));
        if !matches!(step, Step::Reject(_)) && ctx.state(|checkout| checkout.status) == Status::NotStarted {
            begin(ctx, inquiry.payment_key.clone(), began_at).await?;
        }
        match step {
            Step::Settle(capture) => {
                settle(ctx, capture).await?;
                saga.keep();
                return Ok(Charged::Closed);
            }
            Step::Reject(_) => {
                saga.keep();
                return Ok(Charged::Rejected);
            }
            Step::Fail(failure) => {
                saga.keep();
                advance(ctx, Event::Declined, Some(failure)).await?;
                return Ok(Charged::Closed);
            }
            Step::Undo(reason) => {
                match unwind(ctx, saga, &mut inquiry, reason).await? {
                    Undone::Paid(capture) => settle(ctx, capture).await?,
                    Undone::NothingHeld => advance(ctx, Event::Declined, Some(reason.failure())).await?,
                    Undone::NotPaid => advance(ctx, Event::Declined, Some(resolved_by_operator())).await?,
                }
                return Ok(Charged::Closed);
            }
            Step::Confirm { new_key } => knowledge = inquiry.confirm(ctx, new_key, &promised).await,
            Step::Ask { status, pause_ms } => {
                inquiry.stand_at(ctx, status, &knowledge).await?;
                knowledge = inquiry.ask_after(ctx, pause_ms, moment(ctx).given_up).await;
            }
            Step::CallForHelp(failure) => match inquiry.call_for_help(ctx, Confirm.name(), failure).await? {
                Helped::GoOn(looked_up) => knowledge = looked_up,
                Helped::NotPaid => {
                    saga.keep();
                    advance(ctx, Event::Declined, Some(resolved_by_operator())).await?;
                    return Ok(Charged::Closed);
                }
            },
        }
    }
}

fn moment(ctx: &Context) -> Moment {
    Moment {
        now: now(ctx),
        given_up: is_given_up(ctx),
        awaits_deposit: ctx.state(|checkout| checkout.status) == Status::WaitingForDeposit,
    }
}

impl Inquiry {
    fn of(ctx: &Context, confirmation: Confirmation) -> Self {
        Self {
            checkout_id: confirmation.checkout_id,
            payment_key: confirmation.payment_key,
            total: confirmation.amount,
            generation: 0,
            progress: Progress::new(now(ctx)),
            nudges_seen: ctx.state(|checkout| checkout.nudges),
            nudged: 0,
            asked_at: now(ctx),
        }
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
            Knowledge::Answered(_) | Knowledge::Told(_) | Knowledge::NotTold | Knowledge::Kept(_) => None,
        };
        let failure = evidence.map(|message| Failure { code: "outcome_unknown".to_owned(), message });
        advance(ctx, event, failure).await?;
        self.progress.start_over(now(ctx));
        Ok(())
    }

    /// Sends the charge.
    async fn confirm(&mut self, ctx: &Context, new_key: bool, _undo: &Promised) -> Knowledge {
        self.generation += u32::from(new_key);
        self.progress.send(new_key, now(ctx));
        let request = ConfirmCharge {
            checkout_id: self.checkout_id.clone(),
            payment_key: self.payment_key.clone(),
            amount: self.total,
            idempotency_key: format!("{}.confirm.{}", key_prefix(ctx), self.generation),
        };
        let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: CONFIRM_TIME,
            start_to_close: PSP_CALL_TIME,
        };
        let options = psp_call(timeouts, PSP_ATTEMPTS, "capturing the payment");
        let knowledge = match ctx.execute_activity(Confirm, request, options).await {
            Ok(charge) => Knowledge::Answered(charge),
            Err(error) => Knowledge::Lost(doubt_of(&error)),
        };
        self.progress.learn(&knowledge, now(ctx));
        knowledge
    }

    /// Asks the PSP after a pause. A nudge cuts it short; too many nudges do not.
    async fn ask_after(&mut self, ctx: &Context, pause_ms: u64, given_up: bool) -> Knowledge {
        let heeded = (self.nudged < MAX_NUDGED).then_some(self.nudges_seen);
        if waiting::for_psp(ctx, pause_ms, heeded, given_up).await {
            self.nudged += 1;
            let early_ms = NUDGED_PAUSE_MS.saturating_sub(now(ctx).ms_since(self.asked_at));
            waiting::out(ctx, early_ms, "after a nudge").await;
        } else {
            self.progress.asked += 1;
        }
        ctx.set_current_details(format!("asking the PSP what happened, question {}", self.progress.asked));
        self.look_up(ctx).await
    }

    /// Asks the PSP. A nudge that comes meanwhile leads to another question.
    async fn look_up(&mut self, ctx: &Context) -> Knowledge {
        self.nudges_seen = ctx.state(|checkout| checkout.nudges);
        self.asked_at = now(ctx);
        let request = LookUpCharge { payment_key: self.payment_key.clone(), checkout_id: self.checkout_id.clone() };
        let options = psp_call(ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME), 1, "asking what happened");
        let knowledge = match ctx.execute_activity(LookUp, request, options).await {
            Ok(charge) => Knowledge::Told(charge),
            Err(_) => Knowledge::NotTold,
        };
        self.progress.learn(&knowledge, now(ctx));
        knowledge
    }

    /// Calls a person, and then asks the PSP before anything else: what it says of money counts for more than a
    /// person's word that there is none.
    async fn call_for_help(
        &mut self,
        ctx: &Context,
        step: &str,
        failure: Failure,
    ) -> Result<Helped, WorkflowTermination> {
        let input = facts_of([("checkout_id", &self.checkout_id), ("amount", &self.total)]);
        let word = call_for_help(ctx, step, failure, input).await?;
        self.progress.start_over(now(ctx));
        let knowledge = self.look_up(ctx).await;
        let holds_money = matches!(knowledge, Knowledge::Told(Charge::Captured(_) | Charge::AwaitingDeposit { .. }));
        match word {
            Some(Word::Resolve(Outcome::NotPaid)) if !holds_money => Ok(Helped::NotPaid),
            Some(Word::Resolve(Outcome::NotPaid) | Word::Resume) | None => Ok(Helped::GoOn(knowledge)),
        }
    }

    /// Tells the PSP to give everything back.
    async fn cancel(&mut self, ctx: &Context, round: u32) -> Knowledge {
        let request = CancelCharge {
            payment_key: self.payment_key.clone(),
            checkout_id: self.checkout_id.clone(),
            currency: self.total.currency(),
            reason: "결제 취소 (주문 미완료)".to_owned(),
            idempotency_key: format!("{}.void.{round}", ctx.workflow_id()),
        };
        let timeouts = ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME);
        let options = psp_call(timeouts, PSP_ATTEMPTS, "giving the payment back");
        let knowledge = match ctx.execute_activity(Cancel, request, options).await {
            Ok(charge @ Charge::Returned) => Knowledge::Told(charge),
            // Anything else does not prove that nothing is held: ask again, after a pause.
            Ok(_) => Knowledge::NotTold,
            Err(error) => doubt_of(&error).refusal.map_or(Knowledge::NotTold, Knowledge::Kept),
        };
        self.progress.learn(&knowledge, now(ctx));
        knowledge
    }
}

/// An idempotency key is bound to its first answer whatever the body, so each payment key has its own.
fn key_prefix(ctx: &Context) -> String {
    match ctx.state(|checkout| checkout.rejections) {
        0 => ctx.workflow_id().to_owned(),
        rejected => format!("{}.{rejected}", ctx.workflow_id()),
    }
}

async fn unwind(
    ctx: &Context,
    saga: Saga<Undo>,
    inquiry: &mut Inquiry,
    reason: UndoReason,
) -> Result<Undone, WorkflowTermination> {
    for undo in saga.into_undos() {
        match undo {
            Undo::Void(payment_key) => {
                debug_assert_eq!(payment_key, inquiry.payment_key, "the promise is about this charge");
                match void(ctx, inquiry, reason).await? {
                    Undone::NothingHeld => {}
                    ended @ (Undone::Paid(_) | Undone::NotPaid) => return Ok(ended),
                }
            }
        }
    }
    Ok(Undone::NothingHeld)
}

/// Ensures that no money is held. Safe to repeat, and it runs on when canceled.
async fn void(ctx: &Context, inquiry: &mut Inquiry, reason: UndoReason) -> Result<Undone, WorkflowTermination> {
    let mut round = 0;
    inquiry.progress.start_over(now(ctx));
    let mut knowledge = inquiry.look_up(ctx).await;
    loop {
        match charge::next_undo_step((inquiry.total, reason), &knowledge, &inquiry.progress, now(ctx)) {
            UndoStep::Done => return Ok(Undone::NothingHeld),
            UndoStep::Settle(capture) => return Ok(Undone::Paid(capture)),
            UndoStep::Cancel => {
                knowledge = inquiry.cancel(ctx, round).await;
                round += 1;
            }
            UndoStep::Ask { pause_ms } => knowledge = inquiry.ask_after(ctx, pause_ms, true).await,
            UndoStep::CallForHelp(failure) => match inquiry.call_for_help(ctx, Cancel.name(), failure).await? {
                Helped::GoOn(looked_up) => knowledge = looked_up,
                Helped::NotPaid => return Ok(Undone::NotPaid),
            },
        }
    }
}

/// What a checkout is closed with on an operator's word.
fn resolved_by_operator() -> Failure {
    Failure { code: "resolved_by_operator".to_owned(), message: "The payment did not take place.".to_owned() }
}

/// Puts the checkout in front of a person and waits for their word; `None` if it was given up instead. `step` is
/// the port that came to nothing, `input` what of its input they may read.
pub(super) async fn call_for_help(
    ctx: &Context,
    step: &str,
    failure: Failure,
    input: Facts,
) -> Result<Option<Word>, WorkflowTermination> {
    let heeded = ctx.state(|checkout| checkout.desk.heeded());
    if ctx.state(|checkout| checkout.status) != Status::Stuck {
        advance(ctx, Event::HelpNeeded, Some(failure.clone())).await?;
    }
    let checkout_id = Some(ctx.state(|checkout| checkout.input.plan.checkout_id().clone()));
    let awaits = Awaits::Person { outcomes: vec![Outcome::NotPaid] };
    let details = format!("**STUCK**: {} See the dead letter, or send the signal `resume` to go on.", failure.message);
    operator::call(ctx, Trouble { step: step.to_owned(), failure, checkout_id, input, awaits }).await;
    ctx.set_current_details(details);
    Ok(waiting::for_operator(ctx, heeded).await)
}

/// A call to the PSP. It is not cut off when the workflow is canceled: its outcome has to be known.
fn psp_call(timeouts: ActivityCloseTimeouts, attempts: u32, summary: &'static str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(timeouts)
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
    told.unwrap_or_else(|| Doubt::of(false, "the call to the PSP did not return".to_owned()))
}
