//! Every life that a checkout can have, explored one by one: redirect, webhook, second tab, forged key, cancellation,
//! expiry, operator, and a PSP that loses requests and answers, in every order.
//!
//! The [`Inquiry`] is the real one, and so are [`Status::after`] and `Payable::check`. What the workflow does with
//! each step of the inquiry is here in a few lines, and so is a PSP that is worse than the real one: it knows a
//! repeated request by its idempotency key alone, so two keys for one payment are two charges.
//!
//! What is bounded: time moves at most [`MOST_JUMPS`] times, each time past a limit of the rules; a charge is sent
//! once, twice, and then the last time that the rules allow; questions are none, or as many as the rules look at; the
//! bank takes a deposit back once. That it does so while the deposit is watched is taken for granted.

mod moves;

use domain::{
    Currency::Krw,
    Money, Timestamp,
    charge::{
        Capture, Charge, Charging, Circumstances, Conclusion, Knowledge, MAX_CONFIRMS, PATIENCE_MS, UNDO_PATIENCE_MS,
        VIRTUAL_ACCOUNT, Wait, WayBack,
    },
    checkout::{Event, Status},
    failure::Failure,
    id::PaymentKey,
    inquiry::{At, Doubt, Inquiry, Request, Step},
};

use super::explore::{Explored, Model, Moves};

const TOTAL: u64 = 1_000;
const START: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
/// How often time moves past a limit.
const MOST_JUMPS: u8 = 2;
/// How far: past the patience of an undo, the grace of a deposit and the PSP's session; past the patience of a charge.
const JUMPS_MS: [u64; 2] = [UNDO_PATIENCE_MS, PATIENCE_MS];

/// Which payment a confirmation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tab {
    First,
    Second,
    /// A key that somebody made up.
    Forged,
}

const TABS: [Tab; 3] = [Tab::First, Tab::Second, Tab::Forged];

impl Tab {
    fn key(self) -> PaymentKey {
        let text = match self {
            Self::First => "payment-first-tab",
            Self::Second => "payment-second-tab",
            Self::Forged => "payment-of-nobody",
        };
        PaymentKey::parse(text).unwrap()
    }
}

/// What the PSP has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Held {
    Nothing,
    Open,
    Awaiting { overdue: bool },
    Captured { right: bool },
    Refused,
    Returned,
}

/// One payment at the PSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Payment {
    held: Held,
    captures: u8,
    returns: u8,
    /// Whether the money came, or is to come, into a virtual account.
    by_deposit: bool,
    /// Whether the bank took it back once.
    taken_back: bool,
    /// Requests under way, one bit per idempotency key.
    under_way: u8,
    /// Requests that were carried out or answered for good, one bit per idempotency key.
    bound: u8,
}

/// What the workflow is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Waiting,
    Sending,
    Pausing,
    LookingUp,
    Returning,
    Person,
    /// Paid by a deposit, which the bank may take back.
    Watching,
    /// The bank took it back, and the books are to follow.
    TakingBack,
    /// The books could not.
    PersonOfDeposit,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    status: Status,
    phase: Phase,
    given_up: bool,
    /// Whether whoever gave it up named an account of the buyer's.
    names_account: bool,
    tab: Option<Tab>,
    /// The payments that were declined, one bit each.
    declined: u8,
    /// Whether another may follow the last one that was declined.
    retryable: bool,
    /// Whether a virtual account was recorded.
    by_deposit: bool,
    /// Whether the deposit was watched for as long as the bank may take it back.
    watched: bool,
    inquiry: Inquiry<Charging>,
    now: Timestamp,
    jumps: u8,
    payments: [Payment; 2],
}

/// A state as few bytes: what makes two of them the same.
type Key = (Status, Phase, [bool; 5], (Option<Tab>, u8), u8, [i64; 3], [bool; 6], (u32, u32, u8, u8), [Payment; 2]);

impl Model for State {
    type Key = Key;

    fn first() -> Self {
        Self {
            status: Status::NotStarted,
            phase: Phase::Waiting,
            given_up: false,
            names_account: false,
            tab: None,
            declined: 0,
            retryable: false,
            by_deposit: false,
            watched: false,
            inquiry: Inquiry::new(Charging::new(won(TOTAL)), START).0,
            now: START,
            jumps: 0,
            payments: [Payment::NEW; 2],
        }
    }

    fn key(&self) -> Key {
        let mut flags_of_buyer = [self.given_up, self.retryable, self.watched, self.by_deposit, self.names_account];
        let tabs = (self.tab, self.declined);
        if matches!(self.phase, Phase::Waiting | Phase::Closed) {
            // How it came here matters no more.
            (flags_of_buyer[3], flags_of_buyer[4]) = (false, false);
            let payments = self.payments.map(|payment| payment.seen_with(8));
            let none = (0, 0, 0, self.jumps);
            return (self.status, self.phase, flags_of_buyer, tabs, 0, [0; 3], [false; 6], none, payments);
        }
        let undo = self.inquiry.undoing().map_or(0, |reason| 1 + reason as u8);
        let Inquiry { progress, subject, .. } = &self.inquiry;
        let since = |then: Timestamp| i64::try_from(self.now.ms_since(then)).unwrap();
        let overdue = subject.overdue_since.map_or(-1, since);
        let times = [since(progress.sent_at), since(progress.since), overdue];
        let flags = [
            progress.unanswered,
            progress.refusal.is_some(),
            progress.locked_out,
            subject.known,
            subject.undo_refusal.is_some(),
            subject.held.is_some_and(|held| held.by_deposit),
        ];
        let counts = (progress.sent, progress.pauses, self.generation(), self.jumps);
        let payments = self.payments.map(|payment| payment.seen_with(self.generation()));
        (self.status, self.phase, flags_of_buyer, tabs, undo, times, flags, counts, payments)
    }

    fn moves(&self) -> Moves<Self> {
        moves::moves(self)
    }

    fn wrong(&self) -> Option<&'static str> {
        wrong(self)
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn is_out_of_time(&self) -> bool {
        self.jumps == MOST_JUMPS
    }

    fn told(&self) -> String {
        format!("{} {:?}", self.status, self.phase)
    }
}

impl State {
    /// The payment that the workflow is about; `None` is a forged one.
    fn payment(&mut self) -> Option<&mut Payment> {
        match self.tab? {
            Tab::First => Some(&mut self.payments[0]),
            Tab::Second => Some(&mut self.payments[1]),
            Tab::Forged => None,
        }
    }

    fn change(&mut self, event: Event) {
        self.status = self.status.after(event).unwrap_or_else(|illegal| panic!("{illegal}: {self:?}"));
    }

    fn close(mut self, event: Event) -> Self {
        self.change(event);
        self.phase = Phase::Closed;
        self
    }

    /// It is paid. A deposit is watched.
    fn settle(mut self, capture: &Capture) -> Self {
        if !self.by_deposit && !capture.is_deposit() {
            return self.close(Event::Paid);
        }
        self.change(Event::Paid);
        Self { phase: Phase::Watching, ..self }
    }

    /// An attempt failed. Where another may follow it, the checkout waits for the buyer again.
    fn decline(mut self, failure: &Failure) -> Self {
        self.declined |= self.tab.map_or(0, |tab| 1 << tab as u8);
        let mut failed = self.close(Event::Declined);
        failed.retryable = failure.retryable;
        if failed.retryable && !failed.given_up {
            (failed.phase, failed.tab) = (Phase::Waiting, None);
        }
        failed
    }

    fn at(&self) -> At<Circumstances> {
        let awaits_deposit = self.status == Status::WaitingForDeposit;
        let way_back = if self.names_account { WayBack::Named } else { WayBack::Missing };
        At { now: self.now, circumstances: Circumstances { given_up: self.given_up, awaits_deposit, way_back } }
    }

    /// The number of the present idempotency key.
    fn generation(&self) -> u8 {
        u8::try_from(self.inquiry.progress.key_number).unwrap()
    }

    /// The request leaves.
    fn send(mut self, request: Request) -> Self {
        self.inquiry.send(request, self.now);
        let progress = &mut self.inquiry.progress;
        if progress.sent > 2 {
            progress.sent = MAX_CONFIRMS;
        }
        Self { phase: Phase::Sending, ..self }
    }

    /// What the workflow does when it has learned something.
    fn learn(mut self, knowledge: &Knowledge) -> Self {
        let at = self.at();
        let step = self.inquiry.next(knowledge, at);
        let is_first = matches!(self.status, Status::NotStarted | Status::Failed);
        if is_first && !matches!(step, Step::Conclude(Conclusion::Reject(_))) {
            self.change(Event::ConfirmRequested);
        }
        match step {
            Step::Conclude(Conclusion::Settle(capture)) => self.settle(&capture),
            Step::Conclude(Conclusion::Fail(failure)) => self.decline(&failure),
            Step::Conclude(Conclusion::Reject(_)) => Self { phase: Phase::Waiting, tab: None, ..self },
            Step::BeginUndo(_) => Self { phase: Phase::LookingUp, ..self },
            Step::Undo(_) => Self { phase: Phase::Returning, ..self },
            Step::Send(request) => self.send(request),
            Step::Ask { wait, .. } => {
                let waits = match wait {
                    Wait::Outcome => Some((Status::Unknown, Event::OutcomeUnknown)),
                    Wait::Deposit => Some((Status::WaitingForDeposit, Event::DepositAwaited)),
                    Wait::Undo => None,
                };
                if let Some((status, event)) = waits
                    && self.status != status
                {
                    self.by_deposit |= wait == Wait::Deposit;
                    self.change(event);
                    self.inquiry.start_over(self.now);
                }
                Self { phase: Phase::Pausing, ..self }
            }
            Step::CallForHelp(_) => self.call_for_help(),
        }
    }

    fn call_for_help(mut self) -> Self {
        if self.status != Status::Stuck {
            self.change(Event::HelpNeeded);
        }
        Self { phase: Phase::Person, ..self }
    }

    /// A change of this state alone.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }
}

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn failure() -> Failure {
    Failure::new("NO", "")
}

fn unanswered() -> Knowledge {
    Knowledge::Lost(Doubt::unanswered(String::new()))
}

fn doubtful() -> Knowledge {
    Knowledge::Lost(Doubt::answered(String::new()))
}

impl Payment {
    const NEW: Self = Self {
        held: Held::Open,
        captures: 0,
        returns: 0,
        by_deposit: false,
        taken_back: false,
        under_way: 0,
        bound: 0,
    };

    /// What the PSP tells of it.
    fn shown(self) -> Charge {
        let amount = |right| won(if right { TOTAL } else { TOTAL - 1 });
        match self.held {
            Held::Nothing => Charge::Absent,
            Held::Open => Charge::Open,
            Held::Awaiting { overdue } => Charge::AwaitingDeposit { overdue, account: None },
            Held::Captured { right } => Charge::Captured(Capture {
                amount: amount(right),
                captured_at: START,
                method: self.by_deposit.then(|| VIRTUAL_ACCOUNT.to_owned()),
                receipt_url: None,
                receipt_numbers: Default::default(),
            }),
            Held::Refused => Charge::Refused(failure()),
            Held::Returned => Charge::Returned,
        }
    }

    /// Without the keys that nothing comes under any more.
    fn seen_with(self, generation: u8) -> Self {
        let live = u16::from(self.under_way) | 1 << generation;
        Self { bound: self.bound & u8::try_from(live & 0xff).unwrap(), ..self }
    }

    /// A request is carried out, unless one under its key was.
    fn carry_out(&mut self, generation: u8, outcome: Held) {
        let bit = 1 << generation;
        self.under_way &= !bit;
        if self.bound & bit != 0 {
            return;
        }
        self.bound |= bit;
        match self.held {
            Held::Open => {
                self.held = outcome;
                self.by_deposit = matches!(outcome, Held::Awaiting { .. });
            }
            // It knows a repeated request by its key alone.
            Held::Captured { .. } => {}
            Held::Nothing | Held::Awaiting { .. } | Held::Refused | Held::Returned => return,
        }
        self.captures += u8::from(matches!(outcome, Held::Captured { .. }));
    }
}

/// What is never allowed.
fn wrong(state: &State) -> Option<&'static str> {
    let held: u8 = state.payments.iter().map(|payment| payment.captures.saturating_sub(payment.returns)).sum();
    let is_right = state.payments.iter().any(|payment| payment.held == Held::Captured { right: true });
    if state.payments.iter().any(|payment| payment.returns > payment.captures) {
        return Some("more was given back than was taken");
    }
    if held > 1 {
        return Some("the buyer is charged twice");
    }
    if matches!(state.phase, Phase::Person | Phase::PersonOfDeposit) && state.status != Status::Stuck {
        return Some("it waits for a person whom nobody calls");
    }
    if state.phase != Phase::Closed {
        return None;
    }
    match state.status {
        Status::Success if held == 1 && is_right => None,
        Status::Success => Some("it is paid, and the money is not there"),
        Status::Failed | Status::Expired | Status::Canceled if held == 0 => None,
        Status::Failed | Status::Expired | Status::Canceled => Some("it is over, and money is held"),
        Status::NotStarted
        | Status::Executing
        | Status::Unknown
        | Status::WaitingForDeposit
        | Status::PartiallyRefunded
        | Status::Refunded
        | Status::Stuck => Some("it ended where nothing ends"),
    }
}

#[test]
fn in_every_life_of_a_checkout_the_money_is_where_it_should_be() {
    let explored = Explored::<State>::all();
    let reached = |status: Status| explored.states.iter().any(|state| state.status == status);
    let unreached: Vec<_> = Status::ALL.into_iter().filter(|status| !reached(*status)).collect();
    assert_eq!(unreached, [Status::PartiallyRefunded, Status::Refunded], "what only a refund reaches");
}
