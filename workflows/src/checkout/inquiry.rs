//! The inquiry of a charge: its ports, its records, and what cuts its pauses short.

use domain::{
    Timestamp,
    calendar::KoreanTime,
    charge::{
        Capture, Charge, Charging, Circumstances, Conclusion, Knowledge, LONGEST_PAUSE_MS, MAX_NUDGED, NUDGED_PAUSE_MS,
        UndoReason, VirtualAccount, Wait, WayBack, capture_of,
    },
    checkout::{Confirmation, Event, Phase, Status},
    dead_letter::{Awaits, DeclaredOutcome},
    failure::{Failure, OurCode},
    id::{CheckoutId, PaymentKey, SavedCardId},
    inquiry::{self as inquiries, Inquiry, Request, pause_ms},
    plan::tax_free_of,
};
use temporalio_workflow::{WorkflowTermination, common::ActivityDefinition as _};

use super::{
    recording::{Beginning, advance, await_deposit, begin, withdraw},
    state::{Context, is_given_up},
    waiting::{self, Answered, Called, CutBy},
};
use crate::{
    dead_letter::{self, FailedStep, OperatorAction, OperatorReply},
    facts::{Facts, facts_of},
    inquiry::{self, Driver, Next, PspCall},
    patches,
    ports::{
        Cancel, CancelCharge, ChargeSavedCard, Confirm, ConfirmCharge, FindCharge, LookUp, LookUpCharge,
        LookUpSavedCardCharge, SavedCardAnswer, SavedCardCharge, Withdrawn,
    },
    time::now,
};

/// The charge under way.
pub(super) struct ChargeDriver<'a> {
    ctx: &'a Context,
    pub(super) inquiry: Inquiry<Charging>,
    pub(super) checkout_id: CheckoutId,
    paid_by: PaidBy,
    pub(super) began_at: Timestamp,
    /// The nudges that came before the last look-up.
    nudges_seen: u32,
    /// The operators' questions that came before the last look-up.
    asks_seen: u32,
    /// How many look-ups were brought forward by a nudge.
    nudged: u32,
    /// How many look-ups after a hint brought no report, in a row.
    unreported_hints: u32,
    /// When to ask again after such a look-up.
    hint_at: Option<Timestamp>,
    asked_at: Timestamp,
    /// How often the PSP was told to give the payment back.
    cancels: u32,
    /// Whether a virtual account was issued for the charge.
    pub(super) by_deposit: bool,
}

/// How a charge is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PaidBy {
    /// In the PSP's window, which gave the payment its key.
    Window(PaymentKey),
    /// By a saved card. The PSP's answer names the payment.
    SavedCard { id: SavedCardId, payment_key: Option<PaymentKey> },
}

/// What led to a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedBy {
    /// The pause ran its full time.
    Pause,
    /// A nudge, an operator, or the end of a window in which nudges were left out.
    Hint,
}

impl<'a> ChargeDriver<'a> {
    /// A charge that has sent nothing yet, and the permission to send it.
    pub(super) fn new(ctx: &'a Context, confirmation: Confirmation) -> (Self, Request) {
        let (inquiry, request) = Inquiry::new(Charging::new(confirmation.amount), now(ctx));
        (Self::of(ctx, PaidBy::Window(confirmation.payment_key), inquiry), request)
    }

    /// A charge of a saved card that has sent nothing yet, and the permission to send it.
    pub(super) fn of_saved_card(ctx: &'a Context, id: SavedCardId) -> (Self, Request) {
        let total = ctx.state(|checkout| checkout.input.plan.total());
        let (inquiry, request) = Inquiry::new(Charging::of_saved_card(total), now(ctx));
        (Self::of(ctx, PaidBy::SavedCard { id, payment_key: None }, inquiry), request)
    }

    /// A charge of a saved card that a lost workflow may have sent. It begins with a question.
    pub(super) fn of_saved_card_resumed(ctx: &'a Context, id: SavedCardId) -> Self {
        let total = ctx.state(|checkout| checkout.input.plan.total());
        let inquiry = Inquiry::resumed(Charging::of_saved_card(total), now(ctx), now(ctx));
        Self::of(ctx, PaidBy::SavedCard { id, payment_key: None }, inquiry)
    }

    /// A charge that a lost workflow may have sent. It begins with a question.
    pub(super) fn resumed(ctx: &'a Context, confirmation: Confirmation) -> Self {
        let inquiry = Inquiry::resumed(Charging::new(confirmation.amount), now(ctx), now(ctx));
        Self::of(ctx, PaidBy::Window(confirmation.payment_key), inquiry)
    }

    fn of(ctx: &'a Context, paid_by: PaidBy, inquiry: Inquiry<Charging>) -> Self {
        Self {
            ctx,
            inquiry,
            checkout_id: ctx.state(|checkout| checkout.input.plan.checkout_id().clone()),
            paid_by,
            began_at: now(ctx),
            nudges_seen: ctx.state(|checkout| checkout.nudges.count),
            asks_seen: ctx.state(|checkout| checkout.nudges.asks),
            nudged: 0,
            unreported_hints: 0,
            hint_at: None,
            asked_at: now(ctx),
            cancels: 0,
            by_deposit: false,
        }
    }

    /// When the payment began, and under which key.
    pub(super) fn beginning(&self) -> Beginning {
        Beginning { payment_key: self.payment_key().cloned(), began_at: self.began_at }
    }

    /// The PSP's name of the payment, as far as it is known.
    pub(super) const fn payment_key(&self) -> Option<&PaymentKey> {
        match &self.paid_by {
            PaidBy::Window(payment_key) => Some(payment_key),
            PaidBy::SavedCard { payment_key, .. } => payment_key.as_ref(),
        }
    }

    /// Whether a saved card is charged: without it, no payment is there before the request.
    pub(super) const fn is_by_saved_card(&self) -> bool {
        matches!(self.paid_by, PaidBy::SavedCard { .. })
    }

    /// Remembers the payment that an answer about a saved card names.
    fn learn_of_card(&mut self, knowledge: inquiries::Knowledge<SavedCardAnswer, SavedCardAnswer>) -> Knowledge {
        let mut charge_of = |SavedCardAnswer { payment_key: told, charge }| {
            if let (PaidBy::SavedCard { payment_key, .. }, Some(_)) = (&mut self.paid_by, &told) {
                *payment_key = told;
            }
            charge
        };
        match knowledge {
            inquiries::Knowledge::Answered(answer) => Knowledge::Answered(charge_of(answer)),
            inquiries::Knowledge::Reported(report) => Knowledge::Reported(charge_of(report)),
            inquiries::Knowledge::Lost(doubt) => Knowledge::Lost(doubt),
            inquiries::Knowledge::NoReport => Knowledge::NoReport,
            inquiries::Knowledge::UndoRefused(failure) => Knowledge::UndoRefused(failure),
        }
    }

    /// Allows as many nudges from now on as a new charge has.
    pub(super) const fn reset_nudge_budget(&mut self) {
        self.nudged = 0;
    }

    /// Asks the PSP when it nudges us, or when the time is up; `meanwhile` is shown.
    pub(super) async fn ask_within(&mut self, limit_ms: u64, meanwhile: &str) -> Knowledge {
        let ctx = self.ctx;
        ctx.set_current_details(meanwhile.to_owned());
        let cut_by = if is_given_up(ctx) { CutBy::Hints } else { CutBy::HintsAndCancellation };
        self.ask_in(limit_ms, cut_by).await
    }

    /// A hint cuts the pause short: a nudge, an operator, or the end of a window in which nudges were left out.
    async fn ask_in(&mut self, pause_ms: u64, cut_by: CutBy) -> Knowledge {
        let ctx = self.ctx;
        let began = now(ctx);
        let hint_ms = self.hint_at.map(|hint_at| hint_at.ms_since(began));
        let echo_ms = ctx.state(|checkout| checkout.nudges.echo).ms_from(began);
        let wait_ms = [echo_ms, hint_ms].into_iter().flatten().fold(pause_ms, u64::min);
        ctx.state_mut(|checkout| checkout.next_question_at = Some(began.plus_ms(wait_ms)));
        let is_budget_spent = self.nudged >= MAX_NUDGED;
        let answered = Answered { nudges: self.nudges_seen, asks: self.asks_seen, is_budget_spent };
        let is_nudged = waiting::for_psp(ctx, wait_ms, answered, cut_by).await;
        let is_echo = wait_ms < pause_ms && now(ctx).ms_since(began) < pause_ms;
        if is_nudged {
            self.nudged = self.nudged.saturating_add(1);
            let early_ms = NUDGED_PAUSE_MS.saturating_sub(now(ctx).ms_since(self.asked_at));
            waiting::let_pass(ctx, early_ms, "after a nudge").await;
        } else if !is_echo {
            self.inquiry.pause_passed();
        }
        ctx.set_current_details(format!("asking the PSP what happened, question {}", self.inquiry.progress.pauses));
        let knowledge = self.look_up().await;
        let asked_by = if is_nudged || is_echo { AskedBy::Hint } else { AskedBy::Pause };
        self.keep_hint(asked_by, &knowledge);
        knowledge
    }

    /// A hint whose question was not answered leads to another question, after a pause that grows.
    fn keep_hint(&mut self, asked_by: AskedBy, knowledge: &Knowledge) {
        let ctx = self.ctx;
        if *knowledge != Knowledge::NoReport {
            (self.unreported_hints, self.hint_at) = (0, None);
        } else if (asked_by == AskedBy::Hint || self.unreported_hints > 0)
            && ctx.state(|checkout| checkout.nudges.are_windowed)
        {
            self.unreported_hints = self.unreported_hints.saturating_add(1);
            self.hint_at = Some(now(ctx).plus_ms(pause_ms(self.unreported_hints, LONGEST_PAUSE_MS)));
        }
    }

    /// Asks the PSP. A nudge that comes meanwhile leads to another question.
    pub(super) async fn look_up(&mut self) -> Knowledge {
        let ctx = self.ctx;
        let asked_at = now(ctx);
        self.asked_at = asked_at;
        (self.nudges_seen, self.asks_seen) = ctx.state_mut(|checkout| {
            checkout.next_question_at = None;
            checkout.nudges.echo.asked_at(asked_at);
            (checkout.nudges.count, checkout.nudges.asks)
        });
        let (checkout_id, keys_of) = (self.checkout_id.clone(), Some(self.inquiry.subject.total.currency()));
        match self.paid_by.clone() {
            PaidBy::Window(payment_key) => {
                inquiry::look_up(ctx, LookUp, LookUpCharge { payment_key, checkout_id, keys_of }).await
            }
            PaidBy::SavedCard { .. } => {
                let question = FindCharge { checkout_id, keys_of };
                let told = inquiry::look_up(ctx, LookUpSavedCardCharge, question).await;
                self.learn_of_card(told)
            }
        }
    }

    /// Charges the saved card. Every request has the same idempotency key: a second one brings the answer of the first.
    async fn charge_card(&mut self, saved_card_id: SavedCardId) -> Knowledge {
        let ctx = self.ctx;
        let charge = ctx.state(|checkout| SavedCardCharge {
            checkout_id: self.checkout_id.clone(),
            saved_card_id,
            amount: self.inquiry.subject.total,
            tax_free: tax_free_of(checkout.input.plan.orders()),
            order_name: checkout.input.plan.fields().order_name.clone(),
            idempotency_key: format!("{}.charge", ctx.workflow_id()),
        });
        let told = inquiry::send(ctx, ChargeSavedCard, charge, PspCall::patient("charging the saved card")).await;
        self.learn_of_card(told)
    }
}

impl Driver for ChargeDriver<'_> {
    type Subject = Charging;
    type Stop = WorkflowTermination;

    fn inquiry(&mut self) -> &mut Inquiry<Charging> {
        &mut self.inquiry
    }

    fn now(&self) -> Timestamp {
        now(self.ctx)
    }

    fn circumstances(&self, knowledge: &Knowledge) -> Circumstances {
        let ctx = self.ctx;
        Circumstances {
            given_up: is_given_up(ctx),
            awaits_deposit: ctx.state(|checkout| checkout.status) == Status::WaitingForDeposit,
            way_back: way_back(ctx, knowledge),
        }
    }

    async fn begin(&mut self) -> Result<(), WorkflowTermination> {
        let ctx = self.ctx;
        if has_begun(ctx) { Ok(()) } else { begin(ctx, self.beginning()).await }
    }

    async fn send(&mut self, request: Request) -> Knowledge {
        let ctx = self.ctx;
        let key_number = self.inquiry.send(request, now(ctx));
        let payment_key = match self.paid_by.clone() {
            PaidBy::Window(payment_key) => payment_key,
            PaidBy::SavedCard { id, .. } => return self.charge_card(id).await,
        };
        let charge = ConfirmCharge {
            checkout_id: self.checkout_id.clone(),
            payment_key,
            amount: self.inquiry.subject.total,
            idempotency_key: format!("{}.confirm.{key_number}", key_prefix(ctx)),
        };
        inquiry::send(ctx, Confirm, charge, PspCall::brief("capturing the payment")).await
    }

    async fn record_wait(&mut self, wait: Wait, knowledge: &Knowledge) -> Result<(), WorkflowTermination> {
        let ctx = self.ctx;
        let status = ctx.state(|checkout| checkout.status);
        match wait {
            Wait::Undo => return Ok(()),
            Wait::Deposit if status == Status::WaitingForDeposit => return Ok(()),
            Wait::Outcome if status == Status::Unknown => return Ok(()),
            Wait::Deposit => {
                self.by_deposit = true;
                await_deposit(ctx, account_of(knowledge)).await?;
            }
            Wait::Outcome => advance(ctx, Event::OutcomeUnknown, inquiry::outcome_unknown(knowledge)).await?,
        }
        self.inquiry.start_over(now(ctx));
        Ok(())
    }

    /// Asks the PSP after a pause, and says until when the pause lasts.
    async fn ask_after(&mut self, pause_ms: u64, circumstances: Circumstances) -> Knowledge {
        let ctx = self.ctx;
        let status = ctx.state(|checkout| checkout.status);
        let next = KoreanTime(now(ctx).plus_ms(pause_ms));
        let is_deposit = status == Status::WaitingForDeposit;
        let waiting_for = if is_deposit { "the deposit" } else { "the payment provider to know what happened" };
        ctx.set_current_details(format!("**{status}**, waiting for {waiting_for}; it is asked again at {next}"));
        let is_undoing = self.inquiry.undoing().is_some();
        // A checkout that was given up while the wait was recorded is asked about at once.
        let cut_by = if circumstances.given_up || is_undoing { CutBy::Hints } else { CutBy::HintsAndCancellation };
        self.ask_in(pause_ms, cut_by).await
    }

    async fn begin_undo(
        &mut self,
        reason: UndoReason,
        knowledge: &Knowledge,
    ) -> Result<Next<Charging>, WorkflowTermination> {
        let ctx = self.ctx;
        if let Some(capture) = reason.withdrawal(knowledge)
            && withdraw(ctx, reason).await? == Withdrawn::Paid
        {
            self.inquiry.keep();
            return Ok(Next::Concluded(Conclusion::Settle(capture.clone())));
        }
        self.inquiry.start_over(now(ctx));
        Ok(Next::Learned(self.look_up().await))
    }

    /// Tells the PSP to give everything back.
    async fn undo(&mut self, _reason: UndoReason) -> Knowledge {
        let ctx = self.ctx;
        // Money that the PSP reported has a payment with a name.
        let Some(payment_key) = self.payment_key().cloned() else { return Knowledge::NoReport };
        let round = self.cancels;
        self.cancels += 1;
        let Charging { total, held, .. } = self.inquiry.subject;
        let is_deposit = held.is_some_and(|held| held.by_deposit);
        let request = CancelCharge {
            payment_key,
            checkout_id: self.checkout_id.clone(),
            currency: held.map_or(total.currency(), |held| held.currency),
            keys_of: Some(total.currency()),
            account: ctx.state(|checkout| checkout.refund_account.clone()).filter(|_| is_deposit),
            reason: "결제 취소 (주문 미완료)".to_owned(),
            idempotency_key: format!("{}.void.{round}", key_prefix(ctx)),
        };
        inquiry::undo(ctx, Cancel, request, |charge| (charge == Charge::Returned).then_some(charge)).await
    }

    /// Calls a person, and then asks the PSP before anything else: its report of money counts for more than a
    /// person's declaration that there is none.
    async fn call_for_help(&mut self, failure: Failure) -> Result<Next<Charging>, WorkflowTermination> {
        let ctx = self.ctx;
        let step = match &self.paid_by {
            _ if self.inquiry.undoing().is_some() => Cancel.name(),
            PaidBy::Window(_) => Confirm.name(),
            PaidBy::SavedCard { .. } => ChargeSavedCard.name(),
        };
        let total = self.inquiry.subject.total;
        let input = facts_of([("checkout_id", &self.checkout_id), ("amount", &total)]);
        let reply = call_for_help(ctx, step, failure, input).await?;
        self.inquiry.start_over(now(ctx));
        let knowledge = self.look_up().await;
        let holds_money =
            matches!(knowledge, Knowledge::Reported(Charge::Captured(_) | Charge::AwaitingDeposit { .. }));
        Ok(match reply.map(|reply| reply.action) {
            Some(OperatorAction::Resolve(DeclaredOutcome::NotPaid)) if !holds_money => {
                let failure = Failure::new(OurCode::ResolvedByOperator, "The payment did not take place.");
                Next::Concluded(Conclusion::Fail(failure))
            }
            Some(OperatorAction::Resolve(_) | OperatorAction::Resume) | None => Next::Learned(knowledge),
        })
    }
}

/// Whether the record names the attempt under way. Until then it says where the checkout stood before.
pub(super) fn has_begun(ctx: &Context) -> bool {
    match ctx.state(|checkout| checkout.status.phase()) {
        Phase::Open | Phase::Declined => false,
        Phase::Moving | Phase::Held | Phase::Deposit | Phase::Paid | Phase::Closed => true,
    }
}

/// Whether a deposit could be sent back. A checkout that met a deposit before that was asked goes on as it began.
fn way_back(ctx: &Context, knowledge: &Knowledge) -> WayBack {
    if ctx.state(|checkout| checkout.refund_account.is_some()) {
        return WayBack::Named;
    }
    let is_deposit = capture_of(knowledge).is_some_and(Capture::is_deposit);
    if is_deposit && is_given_up(ctx) && !ctx.patched(patches::DEPOSIT_OF_GIVEN_UP) {
        return WayBack::Named;
    }
    WayBack::Missing
}

/// An idempotency key is bound to its first answer whatever the body, so each attempt has its own. A workflow that
/// takes the place of a lost one does not know all keys of that one.
fn key_prefix(ctx: &Context) -> String {
    if ctx.state(|checkout| checkout.input.recovery.is_some()) {
        return format!("{}.{}.{}", ctx.workflow_id(), ctx.run_id(), ctx.state(|checkout| checkout.attempts.number()));
    }
    match ctx.state(|checkout| checkout.attempts.number()) {
        0 => ctx.workflow_id().to_owned(),
        attempt => format!("{}.{attempt}", ctx.workflow_id()),
    }
}

/// Puts the checkout in front of a person and waits for their word; `None` if it was given up instead. `step` is
/// the port that came to nothing, `input` what of its input they may read.
pub(super) async fn call_for_help(
    ctx: &Context,
    step: &str,
    failure: Failure,
    input: Facts,
) -> Result<Option<OperatorReply>, WorkflowTermination> {
    let called = Called::of(ctx);
    if ctx.state(|checkout| checkout.status) != Status::Stuck {
        advance(ctx, Event::HelpNeeded, Some(failure.clone())).await?;
    }
    let awaits = Awaits::Person { outcomes: vec![DeclaredOutcome::NotPaid] };
    let details = format!("**STUCK**: {} See the dead letter, or send the signal `resume` to go on.", failure.message);
    dead_letter::call(ctx, FailedStep { step: step.to_owned(), failure, input, awaits }).await;
    ctx.set_current_details(details);
    Ok(waiting::for_operator(ctx, called).await)
}

/// Where the buyer pays, if the PSP said so.
fn account_of(knowledge: &Knowledge) -> Option<VirtualAccount> {
    match knowledge {
        Knowledge::Answered(Charge::AwaitingDeposit { account, .. })
        | Knowledge::Reported(Charge::AwaitingDeposit { account, .. }) => account.clone(),
        Knowledge::Answered(_)
        | Knowledge::Reported(_)
        | Knowledge::Lost(_)
        | Knowledge::NoReport
        | Knowledge::UndoRefused(_) => None,
    }
}
