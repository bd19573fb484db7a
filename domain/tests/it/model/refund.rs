//! Two refunds of one payment, one after the other, with a PSP that loses requests and answers, and somebody who
//! cancels a part at the PSP's own pages meanwhile.
//!
//! The [`Inquiry`] is the real one, and so is [`RefundStatus::may_become`]. What the workflow does with each step of
//! the inquiry is here in a few lines. The PSP knows a repeated request by its idempotency key, for as long as it
//! promises, and does nothing when a request is wrong about what is left.
//!
//! What is bounded: time moves at most [`MOST_JUMPS`] times; somebody cancels at the PSP's pages once; questions are
//! none, or as many as the rules look at. A person who says what came of a refund has made sure of it: nothing of it is
//! under way any more.

use std::collections::BTreeSet;

use domain::{
    Currency::Krw,
    Money, Timestamp,
    failure::Failure,
    inquiry::{At, Doubt, Inquiry, Key, LOOKUPS_WHILE_LOCKED_OUT, Request, Step},
    refund::{
        Conclusion, Executed, KEY_LIFETIME_MS, Knowledge, PATIENCE_MS, RefundAnswer, RefundReport, RefundStatus,
        Refunding, SETTLING_MS,
    },
};

use super::explore::{Explored, Model, Moves};

const PAID: u64 = 1_000;
/// What the two refunds are over.
const AMOUNTS: [u64; 2] = [600, 400];
/// What somebody may cancel at the PSP's pages: as much as a refund is over, or another amount.
const OUTSIDE: [u64; 3] = [600, 400, 100];
const START: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
/// How often time moves past a limit.
const MOST_JUMPS: u8 = 3;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// For how long the PSP knows an idempotency key.
const PSP_MEMORY_MS: u64 = KEY_LIFETIME_MS + DAY_MS;
/// How far: past the settling of a request, our patience, and the PSP's memory.
const JUMPS_MS: [u64; 3] = [SETTLING_MS, PATIENCE_MS, PSP_MEMORY_MS];

/// What the workflow is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Sending,
    Pausing,
    LookingUp,
    Person,
    Over,
}

/// What the PSP answers to an idempotency key from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bound {
    Executed,
    Refused,
    Error,
}

#[derive(Debug, Clone)]
struct State {
    /// Which refund it is the turn of; two when both are over.
    turn: usize,
    phase: Phase,
    statuses: [RefundStatus; 2],
    inquiry: Inquiry<Refunding>,
    now: Timestamp,
    jumps: u8,
    /// How often the PSP gave each refund back.
    given: [u8; 2],
    /// What is left at the PSP.
    balance: u64,
    /// What somebody canceled at the PSP's pages, and whose turn it was.
    outside: Option<(u64, usize)>,
    /// What the PSP answers to the present key.
    bound: Option<Bound>,
    /// Whether a request under the present key is still on its way.
    under_way: bool,
    /// Requests under former keys that may still take effect: of which refund, and what each says is left.
    late: BTreeSet<(usize, u64)>,
}

type Of = (usize, Phase, [RefundStatus; 2], u64, u8);
type Psp = ([u8; 2], u64, Option<(u64, usize)>, Option<Bound>, bool, BTreeSet<(usize, u64)>);

impl Model for State {
    type Key = (Of, Psp, [u64; 3], [bool; 3], [u32; 2]);

    fn first() -> Self {
        let first = Self {
            turn: 0,
            phase: Phase::Sending,
            statuses: [RefundStatus::Requested; 2],
            inquiry: Inquiry::new(Refunding { amount: won(AMOUNTS[0]), held: won(PAID) }, START).0,
            now: START,
            jumps: 0,
            given: [0; 2],
            balance: PAID,
            outside: None,
            bound: None,
            under_way: false,
            late: BTreeSet::new(),
        };
        first.begin()
    }

    fn key(&self) -> Self::Key {
        let psp = (self.given, self.balance, self.outside, self.bound, self.under_way, self.late.clone());
        let of = (self.turn, self.phase, self.statuses, self.claim(), self.jumps);
        if self.phase == Phase::Over {
            return (of, psp, [0; 3], [false; 3], [0; 2]);
        }
        let progress = &self.inquiry.progress;
        let times = [progress.key_since, progress.sent_at, progress.since].map(|then| self.now.ms_since(then));
        let flags = [progress.unanswered, progress.refusal.is_some(), progress.locked_out];
        (of, psp, times, flags, [progress.sent, progress.pauses])
    }

    fn moves(&self) -> Moves<Self> {
        let mut moves = Moves::new();
        self.others_act(&mut moves);
        match self.phase {
            Phase::Sending => self.send(&mut moves),
            Phase::Pausing => {
                let asks = |pauses: u32| {
                    self.with(|next| {
                        let progress = &mut next.inquiry.progress;
                        progress.pauses = progress.pauses.max(pauses);
                        next.phase = Phase::LookingUp;
                    })
                };
                moves.extend([("the pause is over", asks(LOOKUPS_WHILE_LOCKED_OUT)), ("a person hurries", asks(0))]);
            }
            Phase::LookingUp => self.look_up(&mut moves),
            Phase::Person => self.help(&mut moves),
            Phase::Over => {}
        }
        moves
    }

    fn wrong(&self) -> Option<&'static str> {
        if self.given.iter().any(|times| *times > 1) {
            return Some("the same refund was given back twice");
        }
        for (status, given) in self.statuses.iter().zip(self.given) {
            match status {
                RefundStatus::Succeeded if given == 0 => {
                    return Some("it is called refunded, and nothing was given back");
                }
                RefundStatus::Failed if given > 0 => return Some("it is called failed, and the buyer has the money"),
                RefundStatus::Requested if given > 0 => return Some("it was given back before it was promised"),
                _ => {}
            }
        }
        let returned = (0..2).filter(|turn| self.given[*turn] > 0).map(|turn| AMOUNTS[turn]).sum::<u64>();
        let outside = self.outside.map_or(0, |(amount, _)| amount);
        (self.balance + returned + outside != PAID).then_some("what is left is not what was paid less what went back")
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn is_out_of_time(&self) -> bool {
        self.jumps == MOST_JUMPS
    }

    fn told(&self) -> String {
        let [first, second] = self.statuses;
        format!("{first}, {second}, {:?}; {} left at the PSP", self.phase, self.balance)
    }
}

impl State {
    /// The refund whose turn it is gets promised and sent, if there is one.
    fn begin(mut self) -> Self {
        if self.turn == AMOUNTS.len() {
            return Self { phase: Phase::Over, ..self };
        }
        let is_gone = |turn: &usize| self.statuses[*turn] == RefundStatus::Succeeded;
        let held = PAID - (0..self.turn).filter(is_gone).map(|turn| AMOUNTS[turn]).sum::<u64>();
        (self.bound, self.under_way) = (None, false);
        let refunding = Refunding { amount: won(AMOUNTS[self.turn]), held: won(held) };
        let (inquiry, request) = Inquiry::new(refunding, self.now);
        self.inquiry = inquiry;
        self.become_(RefundStatus::Executing);
        self.send_under_way(request)
    }

    /// What the request under the present idempotency key says is left at the PSP.
    fn claim(&self) -> u64 {
        self.inquiry.subject.held.minor()
    }

    fn send_under_way(mut self, request: Request) -> Self {
        self.inquiry.send(request, self.now);
        // The rules ask whether it was sent more than once, and the number of the key is no rule.
        self.inquiry.progress.sent = self.inquiry.progress.sent.min(2);
        Self { phase: Phase::Sending, ..self }
    }

    fn become_(&mut self, status: RefundStatus) {
        let before = self.statuses[self.turn];
        assert!(before.may_become(status), "{before} may not become {status}: {self:?}");
        self.statuses[self.turn] = status;
    }

    fn end(mut self, status: RefundStatus) -> Self {
        self.become_(status);
        self.leave_key(self.claim());
        self.turn += 1;
        self.begin()
    }

    /// What is under way under the present key stays under way.
    fn leave_key(&mut self, claim: u64) {
        if self.under_way && self.bound.is_none() {
            self.late.insert((self.turn, claim));
        }
        (self.bound, self.under_way) = (None, false);
    }

    /// A change of this state alone.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    /// What the workflow does when it has learned something.
    fn learn(mut self, knowledge: &Knowledge) -> Self {
        let claim = self.claim();
        match self.inquiry.next(knowledge, At { now: self.now, circumstances: () }) {
            Step::Conclude(Conclusion::Settle(_)) => self.end(RefundStatus::Succeeded),
            Step::Conclude(Conclusion::Fail(_)) => self.end(RefundStatus::Failed),
            Step::Send(request) => {
                if request.key() == Key::New {
                    self.leave_key(claim);
                }
                self.send_under_way(request)
            }
            Step::BeginUndo(never) | Step::Undo(never) => match never {},
            Step::Ask { .. } => {
                if self.statuses[self.turn] != RefundStatus::Unknown {
                    self.become_(RefundStatus::Unknown);
                }
                Self { phase: Phase::Pausing, ..self }
            }
            Step::CallForHelp(_) => {
                if self.statuses[self.turn] != RefundStatus::Stuck {
                    self.become_(RefundStatus::Stuck);
                }
                Self { phase: Phase::Person, ..self }
            }
        }
    }

    /// What time, the network and somebody at the PSP's pages do by themselves.
    fn others_act(&self, moves: &mut Moves<Self>) {
        for (turn, claim) in &self.late {
            let arrived = self.with(|next| {
                next.late.remove(&(*turn, *claim));
                next.carry_out(*turn, *claim);
            });
            moves.push(("a late request under a former key reaches the PSP", arrived));
        }
        if self.under_way && self.bound.is_none() {
            let arrived = self.with(|next| {
                next.under_way = false;
                next.bound = Some(next.carry_out(next.turn, next.claim()));
            });
            moves.push(("a late request reaches the PSP", arrived));
        }
        if self.outside.is_none() && self.phase != Phase::Over {
            for amount in OUTSIDE.into_iter().filter(|amount| *amount <= self.balance) {
                let canceled = self.with(|next| {
                    next.outside = Some((amount, next.turn));
                    next.balance -= amount;
                });
                moves.push(("somebody cancels at the PSP's pages", canceled));
            }
        }
        // A call to the PSP is over in seconds.
        if self.jumps < MOST_JUMPS && matches!(self.phase, Phase::Pausing | Phase::Person) {
            moves.extend(JUMPS_MS.map(|ms| ("time passes", self.with(|next| next.pass(ms)))));
        }
    }

    /// Long enough for whatever was on its way to have arrived, or to be lost for good.
    fn pass(&mut self, ms: u64) {
        (self.now, self.jumps) = (self.now.plus_ms(ms), self.jumps + 1);
        self.late.clear();
        self.under_way = false;
        if self.now.ms_since(self.inquiry.progress.key_since) >= PSP_MEMORY_MS {
            self.bound = None;
        }
    }

    /// The PSP does what it is told, unless that is wrong about what is left.
    fn carry_out(&mut self, turn: usize, claim: u64) -> Bound {
        if self.balance != claim || self.balance < AMOUNTS[turn] {
            return Bound::Refused;
        }
        self.balance -= AMOUNTS[turn];
        self.given[turn] += 1;
        Bound::Executed
    }

    fn send(&self, moves: &mut Moves<Self>) {
        let stranger = Knowledge::Lost(Doubt { locked_out: true, ..Doubt::answered(String::new()) });
        moves.push(("the PSP does not take our key", self.clone().learn(&stranger)));
        let is_repeated = self.inquiry.progress.sent > 1;
        if is_repeated {
            // The request before may have gone out with our key, and this one with another merchant's.
            moves.push(("the PSP refuses a repeated request", self.clone().learn(&answer(Bound::Refused, self.turn))));
        }
        let under_way = self.with(|next| next.under_way = true);
        moves.push(("the request is lost, or late", under_way.learn(&unanswered())));
        let dones = match self.bound {
            Some(bound) => vec![(bound, self.clone())],
            None => {
                let mut done = self.clone();
                let bound = done.carry_out(self.turn, self.claim());
                let late = self.with(|next| {
                    next.late.insert((next.turn, next.claim()));
                });
                vec![
                    (bound, done),
                    (Bound::Refused, self.clone()),
                    (Bound::Error, self.clone()),
                    // An error, and it is done all the same, later.
                    (Bound::Error, late),
                ]
            }
        };
        for (bound, mut done) in dones {
            done.bound = Some(bound);
            moves.push(("the PSP answers", done.clone().learn(&answer(bound, self.turn))));
            moves.push(("the PSP's answer is lost", done.clone().learn(&unanswered())));
            moves.push(("the PSP answers garbage", done.clone().learn(&doubtful())));
            let repeated = Knowledge::Lost(Doubt { refusal: Some(failure()), ..Doubt::answered(String::new()) });
            moves.push(("the PSP refuses the repetition", done.learn(&repeated)));
        }
    }

    fn look_up(&self, moves: &mut Moves<Self>) {
        moves.push(("nobody tells", self.clone().learn(&Knowledge::NoReport)));
        let lookalike = self.outside == Some((AMOUNTS[self.turn], self.turn));
        let is_given = self.given[self.turn] > 0;
        let report = RefundReport {
            ours: is_given.then(|| executed(self.turn)),
            left: won(self.balance),
            lookalike,
            complete: true,
        };
        moves.push(("the PSP tells", self.clone().learn(&Knowledge::Reported(report))));
        // What has just been done may not be seen yet.
        if is_given && self.now.ms_since(self.inquiry.progress.sent_at) < SETTLING_MS {
            let left = won(self.balance + AMOUNTS[self.turn]);
            let report = RefundReport { ours: None, left, lookalike, complete: true };
            moves.push(("the PSP does not see it yet", self.clone().learn(&Knowledge::Reported(report))));
        }
    }

    fn help(&self, moves: &mut Moves<Self>) {
        let resumed = self.with(|next| {
            next.inquiry.start_over(next.now);
            next.phase = Phase::LookingUp;
        });
        moves.push(("a person resumes", resumed));
        let is_under_way = self.under_way || self.late.iter().any(|(turn, _)| *turn == self.turn);
        if self.given[self.turn] > 0 {
            moves.push(("a person says that it was refunded", self.clone().end(RefundStatus::Succeeded)));
        } else if !is_under_way {
            moves.push(("a person says that it was not refunded", self.clone().end(RefundStatus::Failed)));
        }
    }
}

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn failure() -> Failure {
    Failure::new("NO", "")
}

fn executed(turn: usize) -> Executed {
    Executed { amount: won(AMOUNTS[turn]), executed_at: START, transaction_key: None }
}

fn unanswered() -> Knowledge {
    Knowledge::Lost(Doubt::unanswered(String::new()))
}

fn doubtful() -> Knowledge {
    Knowledge::Lost(Doubt::answered(String::new()))
}

fn answer(bound: Bound, turn: usize) -> Knowledge {
    match bound {
        Bound::Executed => Knowledge::Answered(RefundAnswer::Executed(executed(turn))),
        Bound::Refused => Knowledge::Answered(RefundAnswer::Refused(failure())),
        Bound::Error => doubtful(),
    }
}

#[test]
fn in_every_life_of_two_refunds_the_buyer_gets_what_the_books_say() {
    let explored = Explored::<State>::all();
    let reached = |status: RefundStatus| explored.states.iter().any(|state| state.statuses.contains(&status));
    assert!(RefundStatus::ALL.into_iter().all(reached), "the model comes to every status");
}
