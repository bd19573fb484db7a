//! Charging the buyer: send, find out, book; or make sure that nothing is held.
//!
//! The first request is sent while the record still says `NOT_STARTED`: anybody can claim a payment key, and
//! only the PSP's answer shows whether it is one of this checkout. The key and the promise of the undo stand
//! in the workflow's history before the request leaves, so no crash loses them. An answer or
//! [`CONFIRM_TIME`] later the record says `EXECUTING` or what came of it, or nothing happened.

use std::time::Duration;

use domain::{
    Money, Timestamp,
    calendar::KoreanTime,
    charge::{
        self, Capture, Charge, Doubt, Failure, Knowledge, LONGEST_PAUSE_MS, LONGEST_WINDOW_MS, MAX_NUDGED, Moment,
        NUDGED_PAUSE_MS, Progress, Step, UndoReason, UndoStep, VirtualAccount, WINDOW_SLACK_MS, WayBack,
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
    Context, deposits, is_given_up, now,
    recording::{self, Settlement, advance, await_deposit, begin, settle, withdraw},
    risk::{self, Cleared},
    waiting::{self, Answered, Called},
};
use crate::{
    operator::{self, Facts, Said, Trouble, Word, facts_of},
    patches,
    ports::{self, Cancel, CancelCharge, Confirm, ConfirmCharge, LookUp, LookUpCharge, Withdrawn},
    saga::{Promised, Saga},
    task::{self, readable},
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
    /// It was declined, and the buyer may try again.
    Declined,
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
    /// It is paid: the money came after all, and it is welcome; or it was booked before anybody gave the checkout up.
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
pub(super) struct Inquiry {
    pub(super) checkout_id: CheckoutId,
    pub(super) payment_key: PaymentKey,
    total: Money,
    pub(super) began_at: Timestamp,
    /// How many idempotency keys were used up before the present one.
    generation: u32,
    progress: Progress,
    /// The nudges that came before the last question.
    nudges_seen: u32,
    /// The questions of operators that came before it.
    asks_seen: u32,
    /// How many questions were brought forward by a nudge.
    nudged: u32,
    /// How many questions after a hint were not answered, in a row.
    hints_untold: u32,
    /// When to ask again after such a question.
    hint_at: Option<Timestamp>,
    asked_at: Timestamp,
    /// How often the PSP was told to give it back.
    cancels: u32,
    /// Whether a virtual account was issued for it.
    by_deposit: bool,
}

/// Charges the buyer and follows the charge until it is booked, or no money is held.
pub(super) async fn charge(ctx: &Context, confirmation: Confirmation) -> Result<Charged, WorkflowTermination> {
    let mut inquiry = Inquiry::of(ctx, confirmation);
    match risk::clear(ctx, &mut inquiry).await? {
        Cleared::Charge => {}
        Cleared::Decline(failure) => {
            begin_once(ctx, &inquiry).await?;
            return decline(ctx, &inquiry, failure).await;
        }
        Cleared::Reject => return Ok(Charged::Rejected),
    }
    let (mut saga, mut promised) = inquiry.promise();
    let mut knowledge = inquiry.confirm(ctx, false, &promised).await;
    loop {
        let moment = moment(ctx, &knowledge);
        let step = charge::next_step(inquiry.total, &knowledge, &inquiry.progress, moment);
        // What is paid at once is written at once.
        if !matches!(step, Step::Reject(_) | Step::Settle(_)) {
            begin_once(ctx, &inquiry).await?;
        }
        match step {
            Step::Settle(capture) => {
                saga.keep();
                match settle_and_watch(ctx, &mut inquiry, capture).await? {
                    None => return Ok(Charged::Closed),
                    Some(taken_back) => knowledge = taken_back,
                }
                (saga, promised) = inquiry.promise();
            }
            Step::Reject(failure) => {
                saga.keep();
                if has_begun(ctx) {
                    return decline(ctx, &inquiry, failure.and_retry()).await;
                }
                return Ok(Charged::Rejected);
            }
            Step::Fail(failure) => {
                saga.keep();
                return decline(ctx, &inquiry, failure).await;
            }
            Step::Undo(reason) => {
                match unwind(ctx, saga, &mut inquiry, (reason, knowledge)).await? {
                    Undone::NothingHeld => return decline(ctx, &inquiry, reason.failure()).await,
                    Undone::NotPaid => return decline(ctx, &inquiry, resolved_by_operator()).await,
                    Undone::Paid(capture) => match settle_and_watch(ctx, &mut inquiry, capture).await? {
                        None => return Ok(Charged::Closed),
                        Some(taken_back) => knowledge = taken_back,
                    },
                }
                (saga, promised) = inquiry.promise();
            }
            Step::Confirm { new_key } => knowledge = inquiry.confirm(ctx, new_key, &promised).await,
            Step::Ask { status, pause_ms } => {
                inquiry.stand_at(ctx, status, &knowledge).await?;
                // Given up while that was written, it is asked at once.
                knowledge = inquiry.ask_after(ctx, pause_ms, moment.given_up).await;
            }
            Step::CallForHelp(failure) => match inquiry.call_for_help(ctx, Confirm.name(), failure).await? {
                Helped::GoOn(looked_up) => knowledge = looked_up,
                Helped::NotPaid => {
                    saga.keep();
                    return decline(ctx, &inquiry, resolved_by_operator()).await;
                }
            },
        }
    }
}

fn captured(knowledge: Knowledge) -> Option<Capture> {
    match knowledge {
        Knowledge::Answered(Charge::Captured(capture)) | Knowledge::Told(Charge::Captured(capture)) => Some(capture),
        Knowledge::Answered(_) | Knowledge::Told(_) | Knowledge::Lost(_) | Knowledge::NotTold | Knowledge::Kept(_) => {
            None
        }
    }
}

/// Whether the record names the attempt under way. Until then it says where the checkout stood before.
fn has_begun(ctx: &Context) -> bool {
    !matches!(ctx.state(|checkout| checkout.status), Status::NotStarted | Status::Failed)
}

pub(super) async fn begin_once(ctx: &Context, inquiry: &Inquiry) -> Result<(), WorkflowTermination> {
    if has_begun(ctx) { Ok(()) } else { begin(ctx, inquiry.payment_key.clone(), inquiry.began_at).await }
}

/// Ends the attempt without money. Where another may follow, the checkout stays open for it.
async fn decline(ctx: &Context, inquiry: &Inquiry, failure: Failure) -> Result<Charged, WorkflowTermination> {
    let is_last = is_given_up(ctx) || !ctx.state(|checkout| checkout.attempts.may_follow());
    let failure = Failure { retryable: failure.retryable && !is_last, ..failure };
    let retryable = failure.retryable;
    recording::decline(ctx, inquiry.payment_key.clone(), failure).await?;
    ctx.state_mut(|checkout| checkout.attempts.decline(retryable));
    let stays_open = retryable && ctx.state(|checkout| checkout.status) == Status::Failed;
    Ok(if stays_open { Charged::Declined } else { Charged::Closed })
}

/// Books the money. A deposit is watched after that: answers what the PSP says where the bank took it back.
async fn settle_and_watch(
    ctx: &Context,
    inquiry: &mut Inquiry,
    capture: Capture,
) -> Result<Option<Knowledge>, WorkflowTermination> {
    // Where the answer was lost, the deposit may have come before anybody knew of the account.
    inquiry.by_deposit |= capture.is_deposit();
    let began = (!has_begun(ctx)).then(|| (inquiry.payment_key.clone(), inquiry.began_at));
    let confirmed_at = (!inquiry.by_deposit).then_some(inquiry.began_at);
    let is_watched = inquiry.by_deposit && ctx.patched(patches::DEPOSIT_SEEN);
    settle(ctx, Settlement { capture, began, confirmed_at, is_watched }).await?;
    if !inquiry.by_deposit {
        return Ok(None);
    }
    let taken_back = deposits::watch(ctx, inquiry, is_watched).await?;
    inquiry.heed_anew();
    inquiry.progress.start_over(now(ctx));
    Ok(taken_back)
}

fn moment(ctx: &Context, knowledge: &Knowledge) -> Moment {
    Moment {
        now: now(ctx),
        given_up: is_given_up(ctx),
        awaits_deposit: ctx.state(|checkout| checkout.status) == Status::WaitingForDeposit,
        way_back: way_back(ctx, knowledge),
    }
}

/// Whether a deposit could be sent back. A checkout that met one before that was asked goes on as it began.
fn way_back(ctx: &Context, knowledge: &Knowledge) -> WayBack {
    if ctx.state(|checkout| checkout.refund_account.is_some()) {
        return WayBack::Named;
    }
    let is_deposit = captured(knowledge.clone()).is_some_and(|capture| capture.is_deposit());
    if is_deposit && is_given_up(ctx) && !ctx.patched(patches::DEPOSIT_OF_GIVEN_UP) {
        return WayBack::Named;
    }
    WayBack::Missing
}

impl Inquiry {
    fn of(ctx: &Context, confirmation: Confirmation) -> Self {
        Self {
            checkout_id: confirmation.checkout_id,
            payment_key: confirmation.payment_key,
            total: confirmation.amount,
            began_at: now(ctx),
            generation: 0,
            progress: Progress::new(now(ctx)),
            nudges_seen: ctx.state(|checkout| checkout.nudges.count),
            asks_seen: ctx.state(|checkout| checkout.nudges.asks),
            nudged: 0,
            hints_untold: 0,
            hint_at: None,
            asked_at: now(ctx),
            cancels: 0,
            by_deposit: false,
        }
    }

    /// Promises the undo of the charge. It is promised again where money came and was taken back.
    fn promise(&self) -> (Saga<Undo>, Promised) {
        let mut saga = Saga::new();
        let promised = saga.promise(Undo::Void(self.payment_key.clone()));
        (saga, promised)
    }

    /// From now on as many nudges are heeded as of a new charge.
    pub(super) const fn heed_anew(&mut self) {
        self.nudged = 0;
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
        if status == Status::WaitingForDeposit {
            self.by_deposit = true;
            await_deposit(ctx, account_of(knowledge)).await?;
            self.progress.start_over(now(ctx));
            return Ok(());
        }
        let evidence = match knowledge {
            Knowledge::Lost(doubt) => Some(doubt.evidence.clone()),
            Knowledge::Answered(_) | Knowledge::Told(_) | Knowledge::NotTold | Knowledge::Kept(_) => None,
        };
        let failure = evidence.map(|message| Failure::new("outcome_unknown", message));
        advance(ctx, Event::OutcomeUnknown, failure).await?;
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
        let knowledge = match readable(ctx.execute_activity(Confirm, request, options).await) {
            Ok(charge) => Knowledge::Answered(charge),
            Err(error) => Knowledge::Lost(doubt_of(&error)),
        };
        self.progress.learn(&knowledge, now(ctx));
        knowledge
    }

    /// Asks the PSP after a pause, and says until when it waits.
    async fn ask_after(&mut self, ctx: &Context, pause_ms: u64, given_up: bool) -> Knowledge {
        let status = ctx.state(|checkout| checkout.status);
        let next = KoreanTime(now(ctx).plus_ms(pause_ms));
        let is_deposit = status == Status::WaitingForDeposit;
        let waiting_for = if is_deposit { "the deposit" } else { "the payment provider to know what happened" };
        ctx.set_current_details(format!("**{status}**, waiting for {waiting_for}; it is asked again at {next}"));
        self.ask_in(ctx, pause_ms, given_up).await
    }

    /// Asks the PSP when it nudges us, or when the time is up; `meanwhile` is shown.
    pub(super) async fn ask_within(&mut self, ctx: &Context, limit_ms: u64, meanwhile: &str) -> Knowledge {
        ctx.set_current_details(meanwhile.to_owned());
        self.ask_in(ctx, limit_ms, is_given_up(ctx)).await
    }

    /// A hint cuts the pause short: a nudge, an operator, or the end of a window in which nudges were left out.
    async fn ask_in(&mut self, ctx: &Context, pause_ms: u64, given_up: bool) -> Knowledge {
        let began = now(ctx);
        let hint_ms = self.hint_at.map(|hint_at| hint_at.ms_since(began));
        let wait_ms = [echo_ms(ctx, began), hint_ms].into_iter().flatten().fold(pause_ms, u64::min);
        ctx.state_mut(|checkout| checkout.next_question_at = Some(began.plus_ms(wait_ms)));
        let is_spent = self.nudged >= MAX_NUDGED;
        let answered = Answered { nudges: self.nudges_seen, asks: self.asks_seen, is_spent };
        let is_nudged = waiting::for_psp(ctx, wait_ms, answered, given_up).await;
        let is_echo = wait_ms < pause_ms && now(ctx).ms_since(began) < pause_ms;
        if is_nudged {
            self.nudged = self.nudged.saturating_add(1);
            let early_ms = NUDGED_PAUSE_MS.saturating_sub(now(ctx).ms_since(self.asked_at));
            waiting::out(ctx, early_ms, "after a nudge").await;
        } else if !is_echo {
            self.progress.asked += 1;
        }
        ctx.set_current_details(format!("asking the PSP what happened, question {}", self.progress.asked));
        let knowledge = self.look_up(ctx).await;
        self.keep_hint(ctx, is_nudged || is_echo, &knowledge);
        knowledge
    }

    /// A hint whose question was not answered leads to another question, after a pause that grows.
    fn keep_hint(&mut self, ctx: &Context, is_hinted: bool, knowledge: &Knowledge) {
        if *knowledge != Knowledge::NotTold {
            (self.hints_untold, self.hint_at) = (0, None);
        } else if (is_hinted || self.hints_untold > 0) && ctx.state(|checkout| checkout.nudges.are_windowed) {
            self.hints_untold = self.hints_untold.saturating_add(1);
            self.hint_at = Some(now(ctx).plus_ms(charge::pause_ms(self.hints_untold, LONGEST_PAUSE_MS)));
        }
    }

    /// Asks the PSP. A nudge that comes meanwhile leads to another question.
    pub(super) async fn look_up(&mut self, ctx: &Context) -> Knowledge {
        let asked_at = now(ctx);
        self.asked_at = asked_at;
        (self.nudges_seen, self.asks_seen) = ctx.state_mut(|checkout| {
            checkout.next_question_at = None;
            checkout.nudges.echo_at = checkout.nudges.echo_at.filter(|echo_at| *echo_at > asked_at);
            (checkout.nudges.count, checkout.nudges.asks)
        });
        let request = LookUpCharge { payment_key: self.payment_key.clone(), checkout_id: self.checkout_id.clone() };
        let options = psp_call(ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME), 1, "asking what happened");
        let knowledge = match readable(ctx.execute_activity(LookUp, request, options).await) {
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
        let said = call_for_help(ctx, step, failure, input).await?;
        self.progress.start_over(now(ctx));
        let knowledge = self.look_up(ctx).await;
        let holds_money = matches!(knowledge, Knowledge::Told(Charge::Captured(_) | Charge::AwaitingDeposit { .. }));
        match said.map(|said| said.word) {
            Some(Word::Resolve(Outcome::NotPaid)) if !holds_money => Ok(Helped::NotPaid),
            Some(Word::Resolve(_) | Word::Resume) | None => Ok(Helped::GoOn(knowledge)),
        }
    }

    /// Tells the PSP to give everything back.
    async fn cancel(&mut self, ctx: &Context) -> Knowledge {
        let round = self.cancels;
        self.cancels += 1;
        let held = self.progress.held;
        let is_deposit = held.is_some_and(|held| held.by_deposit);
        let request = CancelCharge {
            payment_key: self.payment_key.clone(),
            checkout_id: self.checkout_id.clone(),
            currency: held.map_or(self.total.currency(), |held| held.currency),
            account: ctx.state(|checkout| checkout.refund_account.clone()).filter(|_| is_deposit),
            reason: "결제 취소 (주문 미완료)".to_owned(),
            idempotency_key: format!("{}.void.{round}", key_prefix(ctx)),
        };
        let timeouts = ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME);
        let options = psp_call(timeouts, PSP_ATTEMPTS, "giving the payment back");
        let knowledge = match readable(ctx.execute_activity(Cancel, request, options).await) {
            Ok(charge @ Charge::Returned) => Knowledge::Told(charge),
            // Anything else does not prove that nothing is held: ask again, after a pause.
            Ok(_) => Knowledge::NotTold,
            Err(error) => doubt_of(&error).refusal.map_or(Knowledge::NotTold, Knowledge::Kept),
        };
        self.progress.learn(&knowledge, now(ctx));
        knowledge
    }
}

/// How long it is until the nudges are asked about that were left out, if any may have been.
fn echo_ms(ctx: &Context, from: Timestamp) -> Option<u64> {
    let echo_at = ctx.state(|checkout| checkout.nudges.echo_at)?;
    Some(echo_at.ms_since(from).min(LONGEST_WINDOW_MS + WINDOW_SLACK_MS))
}

/// An idempotency key is bound to its first answer whatever the body, so each attempt has its own.
fn key_prefix(ctx: &Context) -> String {
    match ctx.state(|checkout| checkout.attempts.number()) {
        0 => ctx.workflow_id().to_owned(),
        attempt => format!("{}.{attempt}", ctx.workflow_id()),
    }
}

async fn unwind(
    ctx: &Context,
    saga: Saga<Undo>,
    inquiry: &mut Inquiry,
    (reason, knowledge): (UndoReason, Knowledge),
) -> Result<Undone, WorkflowTermination> {
    // What is given back must not be booked, not even by a worker that died and is forgotten.
    if let (UndoReason::Canceled, Some(capture)) = (reason, captured(knowledge))
        && withdraw(ctx, reason).await? == Withdrawn::Paid
    {
        saga.keep();
        return Ok(Undone::Paid(capture));
    }
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
    inquiry.progress.start_over(now(ctx));
    let mut knowledge = inquiry.look_up(ctx).await;
    loop {
        let moment = moment(ctx, &knowledge);
        match charge::next_undo_step((inquiry.total, reason), &knowledge, &inquiry.progress, moment) {
            UndoStep::Done => return Ok(Undone::NothingHeld),
            UndoStep::Settle(capture) => return Ok(Undone::Paid(capture)),
            UndoStep::Cancel => knowledge = inquiry.cancel(ctx).await,
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
    Failure::new("resolved_by_operator", "The payment did not take place.")
}

/// Puts the checkout in front of a person and waits for their word; `None` if it was given up instead. `step` is
/// the port that came to nothing, `input` what of its input they may read.
pub(super) async fn call_for_help(
    ctx: &Context,
    step: &str,
    failure: Failure,
    input: Facts,
) -> Result<Option<Said>, WorkflowTermination> {
    let called = Called::of(ctx);
    if ctx.state(|checkout| checkout.status) != Status::Stuck {
        advance(ctx, Event::HelpNeeded, Some(failure.clone())).await?;
    }
    let awaits = Awaits::Person { outcomes: vec![Outcome::NotPaid] };
    let details = format!("**STUCK**: {} See the dead letter, or send the signal `resume` to go on.", failure.message);
    operator::call(ctx, Trouble { step: step.to_owned(), failure, input, awaits }).await;
    ctx.set_current_details(details);
    Ok(waiting::for_operator(ctx, called).await)
}

/// A call to the PSP. It is not cut off when the workflow is canceled: its outcome has to be known.
pub(crate) fn psp_call(timeouts: ActivityCloseTimeouts, attempts: u32, summary: &'static str) -> ActivityOptions {
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

/// Where the buyer pays, if the PSP said so.
pub(super) fn account_of(knowledge: &Knowledge) -> Option<VirtualAccount> {
    match knowledge {
        Knowledge::Answered(Charge::AwaitingDeposit { account, .. })
        | Knowledge::Told(Charge::AwaitingDeposit { account, .. }) => account.clone(),
        Knowledge::Answered(_) | Knowledge::Told(_) | Knowledge::Lost(_) | Knowledge::NotTold | Knowledge::Kept(_) => {
            None
        }
    }
}

/// What a failed call tells: its own words if it has any, otherwise that no answer came.
pub(crate) fn doubt_of(error: &ActivityExecutionError) -> Doubt {
    let told = match error.cause() {
        Some(IncomingError::Application(failure)) if failure.type_name() == Some(ports::DOUBT) => {
            failure.details::<Doubt>().unwrap_or_else(|error| task::fail(format!("a doubt is unreadable: {error}")))
        }
        _ => None,
    };
    told.unwrap_or_else(|| Doubt::of(false, "the call to the PSP did not return".to_owned()))
}
