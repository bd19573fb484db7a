//! One charge at the PSP: what is known of it, and what to do next.
//!
//! The rule of this module: a charge of unknown outcome is asked about, never guessed. It ends only on
//! evidence: captured, or provably without money. When patience runs out a person is called.
//!
//! What counts as evidence that no money is held:
//!
//! * a refusal of the *first* request, since nothing ran before it. A repeated request may be refused while
//!   the first one captured, by a worker with another key for one: it sends us to ask.
//! * a payment that the PSP itself has ended: aborted, expired, returned. One that is merely open may still
//!   be captured by a request under way; the PSP ends it in time, and then says so.
//! * never that the PSP does not know the payment, once a request may have reached it.

use alloc::{format, string::String};

use serde::{Deserialize, Serialize};

use crate::{Currency, Money, Timestamp, checkout::Status, refund::VIRTUAL_ACCOUNT};

/// How often a charge is sent to the PSP again after it provably did not happen.
pub const MAX_CONFIRMS: u32 = 5;
/// First pause before asking the PSP what happened, in milliseconds. It doubles with each question.
pub const FIRST_PAUSE_MS: u64 = 1_000;
/// Longest pause between two questions about a charge of unknown outcome, in milliseconds.
pub const LONGEST_PAUSE_MS: u64 = 5 * 60 * 1_000;
/// Longest pause between two questions about an awaited deposit, in milliseconds; a webhook cuts it short.
pub const LONGEST_DEPOSIT_PAUSE_MS: u64 = 60 * 60 * 1_000;
/// How often an awaited deposit is asked about before the pauses become [`RARE_DEPOSIT_PAUSE_MS`]: three days of hourly
/// questions and the short pauses before them.
pub const FREQUENT_DEPOSIT_QUESTIONS: u32 = 84;
/// Pause between two questions about a deposit that has been awaited for days, in milliseconds: a history has room for
/// the questions of 90 days.
pub const RARE_DEPOSIT_PAUSE_MS: u64 = 12 * 60 * 60 * 1_000;
/// How long an outcome may stay unknown before a person is called, in milliseconds: a day.
pub const PATIENCE_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long an undo may stay unfinished before a person is called, in milliseconds: an hour.
pub const UNDO_PATIENCE_MS: u64 = 60 * 60 * 1_000;
/// How long the PSP lets a payment be confirmed after the buyer has authorized it, in milliseconds. Longer
/// than this after a request was sent, it can begin nothing any more. Source: Toss Payments, `/v1/payments/confirm`.
pub const SESSION_MS: u64 = 10 * 60 * 1_000;
/// How long a deposit may still come in after a virtual account was found overdue, in milliseconds: banks
/// report late what was paid in time.
pub const DEPOSIT_GRACE_MS: u64 = 60 * 60 * 1_000;
/// How often the PSP is asked before a person is called because it does not take our key or our settings.
pub const QUESTIONS_TO_A_STRANGER: u32 = 3;
/// Shortest time between two questions when the PSP nudges us, in milliseconds. Anybody can forge a nudge.
pub const NUDGED_PAUSE_MS: u64 = 1_000;
/// How many nudges without a window are heeded of one charge; after that the pauses run their time. The API sends each
/// nudge with its window, and spaces them: those are all heeded.
pub const MAX_NUDGED: u32 = 100;
/// How long after the end of a nudge's window the question follows that stands for the nudges that were left out, in
/// milliseconds: the clocks of the processes may differ by so much.
pub const WINDOW_SLACK_MS: u64 = 5 * 1_000;
/// The longest window of a nudge that is believed, in milliseconds.
pub const LONGEST_WINDOW_MS: u64 = 6 * 60 * 60 * 1_000;
/// How long a virtual account may wait for its deposit before a person is called, in milliseconds: the
/// longest that the PSP lets one live (2,160 hours) and a day.
pub const DEPOSIT_PATIENCE_MS: u64 = 91 * 24 * 60 * 60 * 1_000;

/// How long a deposit is watched after it was booked, in milliseconds: the bank may take the deposit back, and the PSP
/// repeats a webhook for up to 3 days and 19 hours.
pub const DEPOSIT_WATCH_MS: u64 = 4 * 24 * 60 * 60 * 1_000;
/// The first pauses between two questions about a watched deposit, in milliseconds: most deposits that are taken back
/// are taken back within minutes.
pub const WATCH_PAUSES_MS: [u64; 6] = [10_000, 30_000, 60_000, 5 * 60_000, 15 * 60_000, 30 * 60_000];
/// The pause between two questions about a watched deposit after those, in milliseconds.
pub const LONGEST_WATCH_PAUSE_MS: u64 = 60 * 60 * 1_000;

/// Why an attempt ended without money, in the PSP's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The PSP's error code, or one of ours in lower case.
    pub code: String,
    /// A sentence for the buyer.
    pub message: String,
    /// Whether the same checkout takes another payment of the buyer's.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub retryable: bool,
    /// Before when the same way of paying will not succeed, where the PSP lets us know: its bank is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

impl Failure {
    /// A failure that ends the checkout, unless whoever decides says otherwise.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false, retry_at: None }
    }

    /// The same, after which the buyer may try again on the same checkout.
    #[must_use]
    pub fn and_retry(self) -> Self {
        Self { retryable: true, ..self }
    }
}

/// Money that the PSP holds for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// How much.
    pub amount: Money,
    /// When the PSP captured it.
    pub captured_at: Timestamp,
    /// How the buyer paid, in the PSP's words: `카드` …
    #[serde(default)]
    pub method: Option<String>,
    /// The buyer's receipt.
    #[serde(default)]
    pub receipt_url: Option<String>,
}

impl Capture {
    /// Whether the money came into a virtual account: then the bank may take it back.
    pub fn is_deposit(&self) -> bool {
        is_virtual_account(self.method.as_deref())
    }
}

/// What has to be known of money that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldMoney {
    /// The currency in which the PSP captured it; a request in another one is refused.
    pub currency: Currency,
    /// Whether it came into a virtual account: then it goes back to an account that has to be named.
    pub by_deposit: bool,
}

impl HeldMoney {
    fn of(capture: &Capture) -> Self {
        Self { currency: capture.amount.currency(), by_deposit: capture.is_deposit() }
    }
}

/// Whether a method, in the PSP's words, is the virtual account.
pub fn is_virtual_account(method: Option<&str>) -> bool {
    method == Some(VIRTUAL_ACCOUNT)
}

/// An account that was opened for one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualAccount {
    /// The bank, by the PSP's two-character code.
    pub bank: String,
    /// The number to pay into.
    pub account_number: String,
    /// Until when, if it ends.
    #[serde(default)]
    pub due_date: Option<Timestamp>,
    /// Whose name stands on it, sealed: a buyer's name enters no history in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_holder: Option<String>,
}

/// What the PSP says of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// The money is held for us.
    Captured(Capture),
    /// A virtual account waits for the buyer's deposit.
    AwaitingDeposit {
        /// Whether its due date has passed.
        #[serde(default)]
        overdue: bool,
        /// Where the buyer pays, if the PSP says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<VirtualAccount>,
    },
    /// It ended and no money was taken.
    Refused(Failure),
    /// Money was taken and all of it has been given back.
    Returned,
    /// Begun and not ended: no money is held now, but may be later.
    Open,
    /// Asked about it, the PSP does not know it.
    Absent,
    /// Told to capture it, the PSP knows no such payment, or knows it as another order's or over another amount.
    NotOurs(Failure),
}

/// Why we do not know what happened to a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Whether an answer came, though one that does not tell. Without an answer the same request may still
    /// be running, and only the same idempotency key is safe; with one, that key would replay it.
    pub answered: bool,
    /// The PSP's error code, or what failed.
    pub evidence: String,
    /// The refusal, where there is one that proves nothing.
    #[serde(default)]
    pub refusal: Option<Failure>,
    /// Whether the PSP does not take our key or our settings: only a person can mend that.
    #[serde(default)]
    pub stranger: bool,
}

impl Doubt {
    /// No answer came, or none that can be understood.
    pub const fn of(answered: bool, evidence: String) -> Self {
        Self { answered, evidence, refusal: None, stranger: false }
    }
}

/// What is known of a charge that was sent to the PSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knowledge {
    /// The PSP answered the request to capture it.
    Answered(Charge),
    /// We asked and the PSP told.
    Told(Charge),
    /// The charge was sent and nobody knows what came of it.
    Lost(Doubt),
    /// We asked and did not learn anything.
    NotTold,
    /// The PSP refused to give it back.
    Kept(Failure),
}

/// How far we are in finding out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How often the charge was sent.
    pub confirms: u32,
    /// When it was last sent.
    pub sent_at: Timestamp,
    /// Whether a request under the present idempotency key may still be running: see [`Doubt::answered`].
    pub unanswered: bool,
    /// What the PSP refused a repeated request with: a reason, and no proof.
    pub refusal: Option<Failure>,
    /// Whether the PSP did not take our key or our settings when the charge was last sent.
    pub stranger: bool,
    /// Whether the PSP has ever told us of this payment.
    pub known: bool,
    /// Since when we know that the deposit is overdue.
    pub overdue_since: Option<Timestamp>,
    /// What the PSP refused to give it back with.
    pub kept: Option<Failure>,
    /// What the PSP last told of the money that it holds.
    pub held: Option<HeldMoney>,
    /// How often we have asked, unprompted, since it last came to rest in a new status.
    pub asked: u32,
    /// Since when.
    pub since: Timestamp,
}

impl Progress {
    /// Nothing was sent yet.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            confirms: 0,
            sent_at: now,
            unanswered: false,
            refusal: None,
            stranger: false,
            known: false,
            overdue_since: None,
            kept: None,
            held: None,
            asked: 0,
            since: now,
        }
    }

    /// The charge is about to be sent.
    pub fn send(&mut self, new_key: bool, now: Timestamp) {
        self.confirms += 1;
        self.sent_at = now;
        self.refusal = None;
        self.unanswered &= !new_key;
    }

    /// Something was learned.
    pub fn learn(&mut self, knowledge: &Knowledge, now: Timestamp) {
        match knowledge {
            Knowledge::Answered(charge) => {
                // The answer is the one to every request under its key.
                (self.unanswered, self.stranger) = (false, false);
                self.hear(charge, now);
                self.refusal = match charge {
                    Charge::Refused(failure) | Charge::NotOurs(failure) => Some(failure.clone()),
                    Charge::Captured(_)
                    | Charge::AwaitingDeposit { .. }
                    | Charge::Returned
                    | Charge::Open
                    | Charge::Absent => None,
                };
            }
            Knowledge::Told(charge) => self.hear(charge, now),
            Knowledge::Lost(doubt) => {
                // If the PSP rejected our key, its answer says nothing about earlier requests.
                self.unanswered = !doubt.answered || (doubt.stranger && self.unanswered);
                self.stranger = doubt.stranger;
                self.refusal.clone_from(&doubt.refusal);
            }
            Knowledge::NotTold => {}
            Knowledge::Kept(failure) => self.kept = Some(failure.clone()),
        }
    }

    fn hear(&mut self, charge: &Charge, now: Timestamp) {
        match charge {
            Charge::AwaitingDeposit { overdue: true, .. } => {
                self.overdue_since.get_or_insert(now);
            }
            Charge::AwaitingDeposit { overdue: false, .. } => self.overdue_since = None,
            Charge::Captured(_) | Charge::Refused(_) | Charge::Returned | Charge::Open => {}
            Charge::Absent | Charge::NotOurs(_) => return,
        }
        let held = match charge {
            Charge::Captured(capture) => Some(HeldMoney::of(capture)),
            Charge::AwaitingDeposit { .. }
            | Charge::Refused(_)
            | Charge::Returned
            | Charge::Open
            | Charge::Absent
            | Charge::NotOurs(_) => None,
        };
        if held.is_some_and(|held| held.by_deposit) && self.held.is_none() {
            // What was refused was the request before the money came: it did not name the account of the buyer's.
            self.kept = None;
        }
        self.held = held;
        self.known = true;
    }

    /// It came to rest in a new status, or a person says: go on.
    pub fn start_over(&mut self, now: Timestamp) {
        (self.asked, self.since, self.kept) = (0, now, None);
    }
}

/// The circumstances of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it is.
    pub now: Timestamp,
    /// Whether somebody asked to give the checkout up.
    pub given_up: bool,
    /// Whether a virtual account was issued and its deposit is awaited.
    pub awaits_deposit: bool,
    /// Whether a deposit could be sent back.
    pub way_back: WayBack,
}

/// Whether a deposit could be sent back: the PSP sends it to an account of the buyer's, which has to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// An account of the buyer's is named.
    Named,
    /// No account is named: a deposit that comes is booked, and goes back as a refund once one is named.
    Missing,
}

/// Why no money may be held after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoReason {
    /// Somebody gave the checkout up.
    Canceled,
    /// The PSP captured another amount.
    WrongAmount,
    /// The time to pay into the virtual account ran out. A deposit found on the way is welcome.
    DepositOverdue,
}

impl UndoReason {
    /// What the checkout is closed with once no money is held.
    pub fn failure(self) -> Failure {
        match self {
            Self::Canceled => failure("canceled", "The checkout was canceled."),
            Self::WrongAmount => failure("psp_amount_mismatch", "The payment provider captured another amount."),
            Self::DepositOverdue => failure("deposit_expired", "The time to pay into the virtual account ran out."),
        }
    }
}

/// What to do next with a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Book it: the money is held and it is the right amount.
    Settle(Capture),
    /// End the attempt: no money is held. Another may follow where the failure says so; money that came and went
    /// closes the checkout.
    Fail(Failure),
    /// Forget the buyer's attempt and wait for another: it was none of this checkout, and nothing was done.
    Reject(Failure),
    /// Make sure that no money is held, then close the checkout.
    Undo(UndoReason),
    /// Ask the PSP after a pause, or when it nudges us; meanwhile the checkout stands at `status`.
    Ask {
        /// Where the checkout stands while waiting.
        status: Status,
        /// How long to wait, in milliseconds.
        pause_ms: u64,
    },
    /// Send the charge again: it provably did not happen.
    Confirm {
        /// Whether under a new idempotency key, because the old one is bound to an answer.
        new_key: bool,
    },
    /// Call a person.
    CallForHelp(Failure),
}

/// Decides what to do next with a charge over `total`. `progress` has learned `knowledge` already.
pub fn next_step(total: Money, knowledge: &Knowledge, progress: &Progress, moment: Moment) -> Step {
    match knowledge {
        Knowledge::Answered(Charge::NotOurs(failure)) if progress.confirms <= 1 => Step::Reject(failure.clone()),
        Knowledge::Answered(Charge::Refused(failure)) if progress.confirms <= 1 => {
            Step::Fail(failure.clone().and_retry())
        }
        Knowledge::Answered(Charge::NotOurs(_) | Charge::Refused(_)) => ask(progress, moment),
        Knowledge::Answered(charge) | Knowledge::Told(charge) => on_charge(total, charge, progress, moment),
        Knowledge::Lost(_) | Knowledge::NotTold | Knowledge::Kept(_) => ask(progress, moment),
    }
}

fn on_charge(total: Money, charge: &Charge, progress: &Progress, moment: Moment) -> Step {
    let sendable = progress.confirms < MAX_CONFIRMS && progress.refusal.is_none() && !moment.awaits_deposit;
    match charge {
        Charge::Captured(capture) if capture.amount != total => Step::Undo(UndoReason::WrongAmount),
        Charge::Captured(capture) if capture.is_deposit() && moment.way_back == WayBack::Missing => {
            Step::Settle(capture.clone())
        }
        Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Open | Charge::Absent if moment.given_up => {
            Step::Undo(UndoReason::Canceled)
        }
        Charge::Captured(capture) => Step::Settle(capture.clone()),
        Charge::Refused(failure) => Step::Fail(progress.refusal.as_ref().unwrap_or(failure).clone().and_retry()),
        Charge::Returned => Step::Fail(failure("returned_at_psp", "The payment was canceled at the payment provider.")),
        Charge::AwaitingDeposit { overdue: true, .. } if is_out_of_grace(progress, moment) => {
            Step::Undo(UndoReason::DepositOverdue)
        }
        Charge::AwaitingDeposit { .. } => await_deposit(progress, moment),
        Charge::Open if sendable => Step::Confirm { new_key: !progress.unanswered },
        // The request seems never to have arrived; under its key it may arrive twice.
        Charge::Absent if sendable && progress.unanswered && !progress.known => Step::Confirm { new_key: false },
        Charge::Open | Charge::Absent | Charge::NotOurs(_) => ask(progress, moment),
    }
}

fn is_out_of_grace(progress: &Progress, moment: Moment) -> bool {
    progress.overdue_since.is_some_and(|since| moment.now.ms_since(since) >= DEPOSIT_GRACE_MS)
}

fn ask(progress: &Progress, moment: Moment) -> Step {
    if moment.awaits_deposit {
        return await_deposit(progress, moment);
    }
    if progress.stranger && progress.asked >= QUESTIONS_TO_A_STRANGER {
        return Step::CallForHelp(failure(
            "psp_access_denied",
            "The payment provider does not accept our key or our settings; the buyer is not at fault.",
        ));
    }
    if moment.now.ms_since(progress.since) >= PATIENCE_MS {
        return Step::CallForHelp(failure("outcome_unknown", "Nobody could tell for a day whether this was paid."));
    }
    Step::Ask { status: Status::Unknown, pause_ms: pause_ms(progress.asked, LONGEST_PAUSE_MS) }
}

fn await_deposit(progress: &Progress, moment: Moment) -> Step {
    if moment.now.ms_since(progress.since) >= DEPOSIT_PATIENCE_MS {
        return Step::CallForHelp(failure("deposit_unresolved", "The virtual account outlived every due date."));
    }
    Step::Ask { status: Status::WaitingForDeposit, pause_ms: deposit_pause_ms(progress.asked) }
}

/// The pause before question number `asked` (from zero) about an awaited deposit: up to an hour at first, half a day later.
pub fn deposit_pause_ms(asked: u32) -> u64 {
    if asked >= FREQUENT_DEPOSIT_QUESTIONS {
        return RARE_DEPOSIT_PAUSE_MS;
    }
    pause_ms(asked, LONGEST_DEPOSIT_PAUSE_MS)
}

/// How far the watch over a booked deposit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Until when the bank may take the deposit back.
    pub until: Timestamp,
    /// How many questions the PSP has answered.
    pub answered: u32,
    /// How many questions since then were not answered.
    pub untold: u32,
}

/// What to do next about a deposit that is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchStep {
    /// Ask the PSP after a pause, in milliseconds, or when it nudges us.
    Ask {
        /// How long to wait.
        pause_ms: u64,
    },
    /// Take back what was booked: the deposit is awaited again.
    TakeBack(Option<VirtualAccount>),
    /// Nothing is watched any more.
    End,
}

impl Watch {
    /// A watch that begins.
    pub const fn new(now: Timestamp) -> Self {
        Self { until: now.plus_ms(DEPOSIT_WATCH_MS), answered: 0, untold: 0 }
    }

    /// Something was learned.
    pub const fn learn(&mut self, knowledge: &Knowledge) {
        if is_told(knowledge) {
            self.answered = self.answered.saturating_add(1);
            self.untold = 0;
        } else {
            self.untold = self.untold.saturating_add(1);
        }
    }

    /// Decides what to do next. The watch has learned `knowledge` already; there is none at its beginning.
    pub fn next_step(&self, knowledge: Option<&Knowledge>, now: Timestamp) -> WatchStep {
        if let Some(
            Knowledge::Answered(Charge::AwaitingDeposit { account, .. })
            | Knowledge::Told(Charge::AwaitingDeposit { account, .. }),
        ) = knowledge
        {
            return WatchStep::TakeBack(account.clone());
        }
        let left_ms = self.until.ms_since(now);
        if left_ms == 0 && self.untold == 0 {
            return WatchStep::End;
        }
        let regular_ms = usize::try_from(self.answered)
            .ok()
            .and_then(|answered| WATCH_PAUSES_MS.get(answered).copied())
            .unwrap_or(LONGEST_WATCH_PAUSE_MS);
        let pause_ms = match self.untold {
            0 => regular_ms.min(left_ms),
            // After the end the last question is still to be answered.
            untold if left_ms == 0 => deposit_pause_ms(untold),
            untold => pause_ms(untold, LONGEST_WATCH_PAUSE_MS).min(left_ms),
        };
        WatchStep::Ask { pause_ms }
    }
}

/// Whether the PSP told something of a deposit that was booked.
const fn is_told(knowledge: &Knowledge) -> bool {
    match knowledge {
        Knowledge::Answered(charge) | Knowledge::Told(charge) => match charge {
            Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Returned => true,
            Charge::Refused(_) | Charge::Open | Charge::Absent | Charge::NotOurs(_) => false,
        },
        Knowledge::Lost(_) | Knowledge::NotTold | Knowledge::Kept(_) => false,
    }
}

/// Whether the PSP says that it holds the money.
pub const fn is_captured(knowledge: &Knowledge) -> bool {
    matches!(knowledge, Knowledge::Answered(Charge::Captured(_)) | Knowledge::Told(Charge::Captured(_)))
}

/// What to do next to make sure that no money is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UndoStep {
    /// No money is held, and none can be any more.
    Done,
    /// Book it after all: the deposit came, late and in the right amount.
    Settle(Capture),
    /// Tell the PSP to give it back.
    Cancel,
    /// Ask the PSP after a pause, in milliseconds.
    Ask {
        /// How long to wait.
        pause_ms: u64,
    },
    /// Call a person.
    CallForHelp(Failure),
}

/// Decides what to do next to make sure that no money is held. `progress` has learned `knowledge` already,
/// and started over when the undo began.
pub fn next_undo_step(
    (total, reason): (Money, UndoReason),
    knowledge: &Knowledge,
    progress: &Progress,
    moment: Moment,
) -> UndoStep {
    let now = moment.now;
    let charge = match knowledge {
        Knowledge::Answered(charge) | Knowledge::Told(charge) => Some(charge),
        Knowledge::Lost(_) | Knowledge::NotTold | Knowledge::Kept(_) => None,
    };
    match charge {
        Some(Charge::Refused(_) | Charge::Returned) => UndoStep::Done,
        Some(Charge::Captured(capture)) if capture.amount == total && is_welcome(capture, reason, moment.way_back) => {
            UndoStep::Settle(capture.clone())
        }
        Some(Charge::Captured(_) | Charge::AwaitingDeposit { .. }) => take_back(progress, now),
        // A request that was sent may reach the PSP for as long as its session lasts.
        Some(Charge::Absent) if !progress.known && now.ms_since(progress.sent_at) >= SESSION_MS => UndoStep::Done,
        // Open: it cannot be canceled yet, and a late answer may still capture it. The PSP ends it in time.
        Some(Charge::Open | Charge::Absent | Charge::NotOurs(_)) | None if is_patient(progress, now) => {
            UndoStep::Ask { pause_ms: pause_ms(progress.asked, LONGEST_PAUSE_MS) }
        }
        Some(Charge::Open | Charge::Absent | Charge::NotOurs(_)) | None => UndoStep::CallForHelp(undo_unfinished()),
    }
}

/// Whether money that came while the charge was undone is booked after all.
fn is_welcome(capture: &Capture, reason: UndoReason, way_back: WayBack) -> bool {
    match reason {
        UndoReason::DepositOverdue => true,
        UndoReason::Canceled => capture.is_deposit() && way_back == WayBack::Missing,
        UndoReason::WrongAmount => false,
    }
}

fn take_back(progress: &Progress, now: Timestamp) -> UndoStep {
    match &progress.kept {
        Some(refusal) => UndoStep::CallForHelp(Failure::new(
            "undo_refused",
            format!("The payment provider does not give the payment back: {}.", refusal.code),
        )),
        None if is_patient(progress, now) => UndoStep::Cancel,
        None => UndoStep::CallForHelp(undo_unfinished()),
    }
}

fn is_patient(progress: &Progress, now: Timestamp) -> bool {
    now.ms_since(progress.since) < UNDO_PATIENCE_MS
}

fn undo_unfinished() -> Failure {
    failure("undo_unfinished", "The payment could not be undone for an hour.")
}

/// The pause before question number `asked` (from zero): 1 s, 2 s, 4 s … up to `longest_ms`.
pub fn pause_ms(asked: u32, longest_ms: u64) -> u64 {
    FIRST_PAUSE_MS.checked_shl(asked.min(40)).unwrap_or(longest_ms).min(longest_ms)
}

fn failure(code: &str, message: &str) -> Failure {
    Failure::new(code, message)
}
