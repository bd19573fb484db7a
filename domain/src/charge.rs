//! One charge at the PSP: what is known of it, and what to do next.
//!
//! The rule of this module: a charge of unknown outcome is asked about, never guessed. It ends only on
//! evidence: captured, or provably without money. When patience runs out a person is called.
//!
//! What counts as evidence that no money is held:
//!
//! * a refusal of the *first* request, since nothing ran before it. A repeated request may be refused while
//!   the first one captured, by a worker with another key for one: it sends us to ask.
//! * a refusal of a repeated request for a saved card, where the PSP knows no payment: all requests of a saved card
//!   have one idempotency key, which brings the first answer again.
//! * a payment that the PSP itself has ended: aborted, expired, returned. One that is merely open may still
//!   be captured by a request under way; the PSP ends it in time, and then says so.
//! * never that the PSP does not know the payment, once a request may have reached it.

mod watch;

use alloc::{format, string::String};

use serde::{Deserialize, Serialize};
pub use watch::{DEPOSIT_WATCH_MS, LONGEST_WATCH_PAUSE_MS, WATCH_PAUSES_MS, Watch, WatchStep};

use crate::{
    Currency, Money, Timestamp,
    failure::{Failure, FailureCode, OurCode},
    inquiry::{self, At, Key, Patience, Patient, Progress, Request, Situation, Step, Subject, pause_ms},
};

/// What the PSP calls the virtual account. A deposit into one goes back to a bank account of the buyer's.
pub const VIRTUAL_ACCOUNT: &str = "가상계좌";
/// How often a charge is sent to the PSP again after it provably did not happen.
pub const MAX_CONFIRMS: u32 = 5;
/// How often the charge of a saved card is sent, under one idempotency key: with the pauses between, for a quarter of
/// an hour.
pub const MAX_CARD_CHARGES: u32 = 12;
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
    /// What stands on the buyer's receipts.
    #[serde(default, skip_serializing_if = "ReceiptNumbers::is_empty")]
    pub receipt_numbers: ReceiptNumbers,
}

/// The numbers that a buyer reads from a receipt, as the PSP told them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptNumbers {
    /// The approval number of a card or a voucher, on the sales slip. It is not unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The number under which the tax office has the cash receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_receipt: Option<String>,
}

impl ReceiptNumbers {
    /// Whether the PSP told neither number.
    pub const fn is_empty(&self) -> bool {
        self.approval.is_none() && self.cash_receipt.is_none()
    }
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

/// What is known of a charge that was sent to the PSP.
pub type Knowledge = inquiry::Knowledge<Charge, Charge>;

/// A charge as the subject of an inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charging {
    /// How much the buyer is to pay.
    pub total: Money,
    /// Whether the PSP has ever reported this payment.
    pub known: bool,
    /// Since when we know that the deposit is overdue.
    pub overdue_since: Option<Timestamp>,
    /// The PSP's last refusal to give the payment back.
    pub undo_refusal: Option<Failure>,
    /// The money that the PSP last reported to hold.
    pub held: Option<HeldMoney>,
    /// Whether a saved card is charged. Every request for it has the same idempotency key.
    pub by_saved_card: bool,
}

impl Charging {
    /// A charge of which nothing is known.
    pub const fn new(total: Money) -> Self {
        Self { total, known: false, overdue_since: None, undo_refusal: None, held: None, by_saved_card: false }
    }

    /// A charge of a saved card of which nothing is known.
    pub fn of_saved_card(total: Money) -> Self {
        Self { by_saved_card: true, ..Self::new(total) }
    }
}

/// What matters to a decision about a charge besides the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
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
    /// The failure of the checkout once no money is held.
    pub fn failure(self) -> Failure {
        match self {
            Self::Canceled => Failure::new(OurCode::Canceled, "The checkout was canceled."),
            Self::WrongAmount => {
                Failure::new(OurCode::PspAmountMismatch, "The payment provider captured another amount.")
            }
            Self::DepositOverdue => {
                Failure::new(OurCode::DepositExpired, "The time to pay into the virtual account ran out.")
            }
        }
    }

    /// The captured payment that has to be withdrawn before it is given back: after that it cannot be booked any more,
    /// not even by a worker that decided so before somebody gave the checkout up.
    pub const fn withdrawal(self, knowledge: &Knowledge) -> Option<&Capture> {
        match self {
            Self::Canceled => capture_of(knowledge),
            Self::WrongAmount | Self::DepositOverdue => None,
        }
    }
}

/// What a charge ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// Book it: the money is held, and the amount is right.
    Settle(Capture),
    /// End the attempt: no money is held. Another may follow where the failure says so; money that came and went
    /// closes the checkout.
    Fail(Failure),
    /// Forget the buyer's attempt and wait for another: it was none of this checkout, and nothing was done.
    Reject(Failure),
}

/// What is waited for while a charge is not concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The outcome.
    Outcome,
    /// The deposit into a virtual account.
    Deposit,
    /// The end of the undo. The status of the checkout stays what it is.
    Undo,
}

/// For how long, and how often, the outcome of a charge is asked for.
const OUTCOME_PATIENCE: Patience = Patience {
    limit_ms: PATIENCE_MS,
    pause_ms: |pauses| pause_ms(pauses, LONGEST_PAUSE_MS),
    locked_out: Some("The payment provider does not accept our key or our settings; the buyer is not at fault."),
    code: OurCode::OutcomeUnknown,
    message: "Nobody could tell for a day whether this was paid.",
};

/// For how long, and how often, a deposit is asked for.
const DEPOSIT_PATIENCE: Patience = Patience {
    limit_ms: DEPOSIT_PATIENCE_MS,
    pause_ms: deposit_pause_ms,
    locked_out: None,
    code: OurCode::DepositUnresolved,
    message: "The virtual account outlived every due date.",
};

/// For how long, and how often, an undo is tried.
const UNDO_PATIENCE: Patience = Patience {
    limit_ms: UNDO_PATIENCE_MS,
    pause_ms: |pauses| pause_ms(pauses, LONGEST_PAUSE_MS),
    locked_out: None,
    code: OurCode::UndoUnfinished,
    message: "The payment could not be undone for an hour.",
};

impl Subject for Charging {
    type Answer = Charge;
    type Report = Charge;
    type Circumstances = Circumstances;
    type Wait = Wait;
    type UndoReason = UndoReason;
    type Conclusion = Conclusion;

    fn refusal(answer: &Charge) -> Option<&Failure> {
        match answer {
            Charge::Refused(failure) | Charge::NotOurs(failure) => Some(failure),
            Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Returned | Charge::Open | Charge::Absent => {
                None
            }
        }
    }

    fn learn(&mut self, knowledge: &Knowledge, now: Timestamp) {
        match knowledge {
            Knowledge::Answered(charge) | Knowledge::Reported(charge) => self.remember(charge, now),
            Knowledge::Lost(_) | Knowledge::NoReport => {}
            Knowledge::UndoRefused(failure) => self.undo_refusal = Some(failure.clone()),
        }
    }

    fn start_over(&mut self) {
        self.undo_refusal = None;
    }

    fn decide(&mut self, knowledge: &Knowledge, situation: &Situation<'_, Self>) -> Step<Self> {
        let decision = Decision { charge: self, progress: situation.progress, at: situation.at };
        match situation.undoing {
            Some(reason) => decision.undo(reason, knowledge),
            None => decision.follow(knowledge),
        }
    }
}

impl Charging {
    /// The PSP's refusal of a saved card that a report without a payment proves: all requests had one idempotency key,
    /// so an earlier one that captured would have brought its own answer again. A refusal of ours proves nothing.
    fn refusal_of_card<'a>(&self, progress: &'a Progress) -> Option<&'a Failure> {
        let is_told = |refusal: &&Failure| matches!(refusal.code, FailureCode::Psp(_));
        progress.refusal.as_ref().filter(is_told).filter(|_| self.by_saved_card && !self.known)
    }

    fn remember(&mut self, charge: &Charge, now: Timestamp) {
        let held = match charge {
            Charge::Captured(capture) => Some(HeldMoney::of(capture)),
            Charge::AwaitingDeposit { overdue, .. } => {
                self.overdue_since = overdue.then(|| self.overdue_since.unwrap_or(now));
                None
            }
            Charge::Refused(_) | Charge::Returned | Charge::Open => None,
            Charge::Absent | Charge::NotOurs(_) => return,
        };
        if held.is_some_and(|held| held.by_deposit) && self.held.is_none() {
            // The refusal was of a request before the money came: that one did not name the buyer's account.
            self.undo_refusal = None;
        }
        self.held = held;
        self.known = true;
    }
}

/// What a decision about a charge rests on.
#[derive(Clone, Copy)]
struct Decision<'a> {
    charge: &'a Charging,
    progress: &'a Progress,
    at: At<Circumstances>,
}

impl Decision<'_> {
    /// The next step of a charge that is to be paid.
    fn follow(self, knowledge: &Knowledge) -> Step<Charging> {
        let is_first = self.progress.sent <= 1;
        match knowledge {
            Knowledge::Answered(Charge::NotOurs(failure)) if is_first => {
                Step::Conclude(Conclusion::Reject(failure.clone()))
            }
            Knowledge::Answered(Charge::Refused(failure)) if is_first => fail(failure.clone().and_retry()),
            Knowledge::Answered(Charge::NotOurs(_) | Charge::Refused(_)) => self.ask(),
            Knowledge::Answered(charge) | Knowledge::Reported(charge) => self.on_charge(charge),
            Knowledge::Lost(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => self.ask(),
        }
    }

    fn on_charge(self, charge: &Charge) -> Step<Charging> {
        let Self { progress, at: At { circumstances, .. }, .. } = self;
        let by_saved_card = self.charge.by_saved_card;
        let most = if by_saved_card { MAX_CARD_CHARGES } else { MAX_CONFIRMS };
        let sendable = progress.sent < most && progress.refusal.is_none() && !circumstances.awaits_deposit;
        if let (Charge::Absent, Some(refusal)) = (charge, self.charge.refusal_of_card(progress)) {
            return fail(refusal.clone());
        }
        match charge {
            Charge::Captured(capture) if capture.amount != self.charge.total => {
                Step::BeginUndo(UndoReason::WrongAmount)
            }
            Charge::Captured(capture) if capture.is_deposit() && circumstances.way_back == WayBack::Missing => {
                settle(capture)
            }
            Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Open | Charge::Absent
                if circumstances.given_up =>
            {
                Step::BeginUndo(UndoReason::Canceled)
            }
            Charge::Captured(capture) => settle(capture),
            Charge::Refused(failure) => fail(progress.refusal.as_ref().unwrap_or(failure).clone().and_retry()),
            Charge::Returned => {
                fail(Failure::new(OurCode::ReturnedAtPsp, "The payment was canceled at the payment provider."))
            }
            Charge::AwaitingDeposit { overdue: true, .. } if self.is_out_of_grace() => {
                Step::BeginUndo(UndoReason::DepositOverdue)
            }
            Charge::AwaitingDeposit { .. } => self.await_deposit(),
            Charge::Open if sendable && progress.unanswered => Step::Send(Request::under(Key::Same)),
            Charge::Open if sendable && !by_saved_card => Step::Send(Request::under(Key::New)),
            // The request seems not to have arrived or not to be carried out; under its key it may arrive twice.
            Charge::Absent if sendable && (progress.unanswered || by_saved_card) && !self.charge.known => {
                Step::Send(Request::under(Key::Same))
            }
            Charge::Open | Charge::Absent | Charge::NotOurs(_) => self.ask(),
        }
    }

    fn is_out_of_grace(self) -> bool {
        self.charge.overdue_since.is_some_and(|since| self.at.now.ms_since(since) >= DEPOSIT_GRACE_MS)
    }

    fn ask(self) -> Step<Charging> {
        if self.at.circumstances.awaits_deposit {
            return self.await_deposit();
        }
        self.progress.patience(&OUTCOME_PATIENCE, self.at.now).step(Wait::Outcome)
    }

    fn await_deposit(self) -> Step<Charging> {
        self.progress.patience(&DEPOSIT_PATIENCE, self.at.now).step(Wait::Deposit)
    }

    /// The next step of a charge of which no money may be held.
    fn undo(self, reason: UndoReason, knowledge: &Knowledge) -> Step<Charging> {
        let charge = match knowledge {
            Knowledge::Answered(charge) | Knowledge::Reported(charge) => Some(charge),
            Knowledge::Lost(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => None,
        };
        match charge {
            Some(Charge::Refused(_) | Charge::Returned) => fail(reason.failure()),
            Some(Charge::Captured(capture)) if self.is_welcome(capture, reason) => settle(capture),
            Some(Charge::Captured(_) | Charge::AwaitingDeposit { .. }) => self.give_back(reason),
            // A request that was sent may reach the PSP for as long as its session lasts.
            Some(Charge::Absent) if !self.charge.known && self.at.now.ms_since(self.progress.sent_at) >= SESSION_MS => {
                fail(reason.failure())
            }
            // Open: it cannot be canceled yet, and a late answer may still capture it. The PSP ends it in time.
            Some(Charge::Open | Charge::Absent | Charge::NotOurs(_)) | None => {
                self.progress.patience(&UNDO_PATIENCE, self.at.now).step(Wait::Undo)
            }
        }
    }

    /// Whether money that came while the charge was undone is booked after all.
    fn is_welcome(self, capture: &Capture, reason: UndoReason) -> bool {
        let is_welcome = match reason {
            UndoReason::DepositOverdue => true,
            UndoReason::Canceled => capture.is_deposit() && self.at.circumstances.way_back == WayBack::Missing,
            UndoReason::WrongAmount => false,
        };
        is_welcome && capture.amount == self.charge.total
    }

    fn give_back(self, reason: UndoReason) -> Step<Charging> {
        if let Some(refusal) = &self.charge.undo_refusal {
            return Step::CallForHelp(Failure::new(
                OurCode::UndoRefused,
                format!("The payment provider does not give the payment back: {}.", refusal.code),
            ));
        }
        match self.progress.patience(&UNDO_PATIENCE, self.at.now) {
            Patient::Ask { .. } => Step::Undo(reason),
            Patient::CallForHelp(failure) => Step::CallForHelp(failure),
        }
    }
}

fn settle(capture: &Capture) -> Step<Charging> {
    Step::Conclude(Conclusion::Settle(capture.clone()))
}

const fn fail(failure: Failure) -> Step<Charging> {
    Step::Conclude(Conclusion::Fail(failure))
}

/// The pause before the next look-up about an awaited deposit, by the pauses before: up to an hour at first, half a day
/// later.
pub fn deposit_pause_ms(pauses: u32) -> u64 {
    if pauses >= FREQUENT_DEPOSIT_QUESTIONS {
        return RARE_DEPOSIT_PAUSE_MS;
    }
    pause_ms(pauses, LONGEST_DEPOSIT_PAUSE_MS)
}

/// The money in a report that the PSP holds it.
pub const fn capture_of(knowledge: &Knowledge) -> Option<&Capture> {
    match knowledge {
        Knowledge::Answered(charge) | Knowledge::Reported(charge) => match charge {
            Charge::Captured(capture) => Some(capture),
            Charge::AwaitingDeposit { .. }
            | Charge::Refused(_)
            | Charge::Returned
            | Charge::Open
            | Charge::Absent
            | Charge::NotOurs(_) => None,
        },
        Knowledge::Lost(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => None,
    }
}
