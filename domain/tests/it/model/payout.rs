//! A batch of two payouts, with a PSP that loses requests and answers and whose list lags behind, and a workflow that
//! is lost once and started again from the rows.
//!
//! The [`Inquiry`] is the real one, and so are [`Batch::divide`] and [`PayoutStatus::may_become`]. What the workflow
//! does with each step of the inquiry is here in a few lines. The PSP makes all payouts of a request or none, knows a
//! repeated request by its idempotency key for as long as it promises, and never makes a second payout under a name.
//!
//! What is bounded: time moves at most [`MOST_JUMPS`] times; the workflow is lost once; the PSP refuses a day once;
//! questions are none, or as many as the rules look at.

use std::collections::BTreeSet;

use domain::{
    Currency::Krw,
    Money, Timestamp,
    failure::Failure,
    id::PayoutId,
    inquiry::{At, Doubt, Inquiry, Key, LOOKUPS_WHILE_LOCKED_OUT, Request, Step},
    payout::{
        PayoutStatus,
        batch::{
            Batch, BatchAnswer, BatchConclusion, BatchRefusal, BatchReport, BatchSubject, Knowledge, PATIENCE_MS,
            PayoutReport, RefusalKind, SETTLING_MS, Sending,
        },
        plan::DayText,
        status::{MoneyAt, PspPayoutStatus},
    },
};

use super::explore::{Explored, Model, Moves};

const NAMES: [&str; 2] = ["po_1", "po_2"];
const START: Timestamp = Timestamp::from_epoch_ms(1_795_000_000_000);
/// How often time moves past a limit.
const MOST_JUMPS: u8 = 2;
/// For how long the PSP knows an idempotency key. Source: Toss Payments, header `Idempotency-Key`.
const PSP_MEMORY_MS: u64 = 15 * 24 * 60 * 60 * 1_000;
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
    Accepted,
    /// It names the second payout as the offender, where that is in the batch.
    Forbidden,
    /// It names none.
    Nameless,
    Later,
    Day,
    NameTaken,
    Error,
}

#[derive(Debug, Clone)]
struct State {
    phase: Phase,
    statuses: [PayoutStatus; 2],
    /// The batch whose outcome is sought, and those that wait.
    batch: Batch,
    waiting: Vec<Batch>,
    inquiry: Inquiry<BatchSubject>,
    now: Timestamp,
    jumps: u8,
    days: u8,
    was_lost: bool,
    /// Whether the PSP made each payout.
    made: [bool; 2],
    /// What the PSP answers to the present key.
    bound: Option<Bound>,
    /// Whether a request under the present key is still on its way.
    under_way: bool,
    /// Requests under former keys that may still take effect.
    late: BTreeSet<Vec<usize>>,
}

type Of = (Phase, [PayoutStatus; 2], Vec<usize>, Vec<Vec<usize>>, [u8; 2], bool);
type Psp = ([bool; 2], Option<Bound>, bool, BTreeSet<Vec<usize>>);

impl Model for State {
    type Key = (Of, Psp, [u64; 3], [bool; 3], [u32; 3], String);

    fn first() -> Self {
        let item = |name: &str| Sending {
            payout_id: PayoutId::parse(name).unwrap(),
            ref_payout_id: name.to_owned(),
            destination: format!("seller of {name}"),
            amount: Money::try_from_minor(1_000, Krw).unwrap(),
        };
        let pays_on = Some(DayText("2026-12-01".parse().unwrap()));
        let batch = Batch { items: NAMES.map(item).to_vec(), pays_on, may_have_left: false };
        let inquiry = Inquiry::new(BatchSubject::new(&batch), START).0;
        let first = Self {
            phase: Phase::Sending,
            // The rows say so before the first request.
            statuses: [PayoutStatus::Sending; 2],
            batch: batch.clone(),
            waiting: vec![batch],
            inquiry,
            now: START,
            jumps: 0,
            days: 0,
            was_lost: false,
            made: [false; 2],
            bound: None,
            under_way: false,
            late: BTreeSet::new(),
        };
        first.begin()
    }

    fn key(&self) -> Self::Key {
        let psp = (self.made, self.bound, self.under_way, self.late.clone());
        let waiting = self.waiting.iter().map(indices).collect();
        let bounds = [self.jumps, self.days];
        let of = (self.phase, self.statuses, indices(&self.batch), waiting, bounds, self.was_lost);
        if self.phase == Phase::Over {
            return (of, psp, [0; 3], [false; 3], [0; 3], String::new());
        }
        let progress = &self.inquiry.progress;
        let times = [progress.key_since, progress.sent_at, progress.since].map(|then| self.now.ms_since(then));
        let flags = [progress.unanswered, progress.refusal.is_some(), progress.locked_out];
        let counts = [progress.sent, progress.pauses, progress.key_number.min(1)];
        (of, psp, times, flags, counts, format!("{:?}", self.inquiry.subject))
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
            Phase::Person => {
                let resumed = self.with(|next| {
                    next.inquiry.start_over(next.now);
                    next.phase = Phase::LookingUp;
                });
                moves.push(("a person resumes", resumed));
            }
            Phase::Over => {}
        }
        moves
    }

    fn wrong(&self) -> Option<&'static str> {
        for (status, made) in self.statuses.iter().zip(self.made) {
            match status {
                PayoutStatus::Failed if made => return Some("it is called failed, and the PSP pays it"),
                PayoutStatus::Requested if !made => return Some("it is called requested, and the PSP knows nothing"),
                _ => {}
            }
        }
        None
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn is_out_of_time(&self) -> bool {
        self.jumps == MOST_JUMPS
    }

    fn told(&self) -> String {
        let [first, second] = self.statuses;
        format!("{first}, {second}, {:?}; made {:?}", self.phase, self.made)
    }
}

impl State {
    /// The next batch that waits is sent, or looked up where it may have left.
    fn begin(mut self) -> Self {
        let Some(batch) = self.waiting.pop() else { return Self { phase: Phase::Over, ..self } };
        self.leave_key();
        let subject = BatchSubject::new(&batch);
        self.batch = batch;
        if self.batch.may_have_left {
            self.inquiry = Inquiry::resumed(subject, self.now, self.now);
            return Self { phase: Phase::LookingUp, ..self };
        }
        let (inquiry, request) = Inquiry::new(subject, self.now);
        self.inquiry = inquiry;
        self.send_under_way(request)
    }

    fn send_under_way(mut self, request: Request) -> Self {
        self.inquiry.send(request, self.now);
        // The rules ask whether the batch was sent more than once.
        self.inquiry.progress.sent = self.inquiry.progress.sent.min(2);
        Self { phase: Phase::Sending, ..self }
    }

    /// What is under way under the present key stays under way.
    fn leave_key(&mut self) {
        if self.under_way && self.bound.is_none() {
            self.late.insert(indices(&self.batch));
        }
        (self.bound, self.under_way) = (None, false);
    }

    /// Writes a status that is known for certain. The store leaves out what the present status does not allow.
    fn conclude(&mut self, index: usize, status: PayoutStatus) {
        let before = self.statuses[index];
        assert!(before.may_become(status), "{before} may not become {status}: {self:?}");
        self.statuses[index] = status;
    }

    fn mark(&mut self, status: PayoutStatus) {
        for index in indices(&self.batch) {
            if self.statuses[index].may_become(status) {
                self.statuses[index] = status;
            }
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    /// What the workflow does when it has learned something.
    fn learn(mut self, knowledge: &Knowledge) -> Self {
        match self.inquiry.next(knowledge, At { now: self.now, circumstances: () }) {
            Step::Conclude(BatchConclusion::Accepted(reports)) => {
                for report in reports {
                    self.conclude(index_of(&report.ref_payout_id), report.status.payout());
                }
                self.begin()
            }
            Step::Conclude(BatchConclusion::Part(reports)) => {
                self.waiting.push(self.batch.clone().unreported(&reports));
                for report in reports {
                    self.conclude(index_of(&report.ref_payout_id), report.status.payout());
                }
                self.begin()
            }
            Step::Conclude(BatchConclusion::Refused { offender, .. }) => {
                let divided = self.batch.clone().divide(offender.as_deref());
                if let Some(refused) = divided.refused {
                    self.conclude(index_of(&refused.ref_payout_id), PayoutStatus::Failed);
                }
                self.waiting.extend(divided.again);
                self.begin()
            }
            Step::Conclude(BatchConclusion::OtherDay(_)) => {
                let pays_on = self.batch.pays_on.map(|DayText(day)| DayText(day.next()));
                self.waiting.push(Batch { pays_on, may_have_left: false, ..self.batch.clone() });
                self.begin()
            }
            Step::Send(request) => {
                if request.key() == Key::New {
                    self.leave_key();
                }
                self.send_under_way(request)
            }
            Step::BeginUndo(never) | Step::Undo(never) => match never {},
            Step::Ask { .. } => {
                self.mark(PayoutStatus::Unknown);
                Self { phase: Phase::Pausing, ..self }
            }
            Step::CallForHelp(_) => {
                self.mark(PayoutStatus::Stuck);
                Self { phase: Phase::Person, ..self }
            }
        }
    }

    /// What time, the network and the loss of the workflow do by themselves.
    fn others_act(&self, moves: &mut Moves<Self>) {
        for late in &self.late {
            let arrived = self.with(|next| {
                next.late.remove(late);
                next.carry_out(late);
            });
            moves.push(("a late request under a former key reaches the PSP", arrived));
        }
        if self.under_way && self.bound.is_none() {
            let arrived = self.with(|next| {
                next.under_way = false;
                next.bound = Some(next.carry_out(&indices(&next.batch)));
            });
            moves.push(("a late request reaches the PSP", arrived));
        }
        if !self.was_lost && self.phase != Phase::Over {
            moves.push(("the workflow is lost, and started again from the rows", self.clone().lose()));
        }
        // A call to the PSP is over in seconds.
        if self.jumps < MOST_JUMPS && matches!(self.phase, Phase::Pausing | Phase::Person) {
            moves.extend(JUMPS_MS.map(|ms| ("time passes", self.with(|next| next.pass(ms)))));
        }
    }

    /// The rows hold the batch as it was begun, less what has ended.
    fn lose(mut self) -> Self {
        self.was_lost = true;
        if self.phase == Phase::Sending {
            self.under_way = true;
        }
        let unanswered = |item: &Sending| self.statuses[index_of(&item.ref_payout_id)].money() == MoneyAt::Held;
        let rows = Self::first().batch;
        let items = rows.items.into_iter().filter(unanswered).collect();
        let batch = Batch { items, may_have_left: true, ..rows };
        self.waiting = vec![batch];
        self.begin()
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

    /// The PSP makes all of them, unless it knows a name.
    fn carry_out(&mut self, batch: &[usize]) -> Bound {
        if batch.iter().any(|index| self.made[*index]) {
            return Bound::NameTaken;
        }
        batch.iter().for_each(|index| self.made[*index] = true);
        Bound::Accepted
    }

    fn send(&self, moves: &mut Moves<Self>) {
        let locked_out = Knowledge::Lost(Doubt { locked_out: true, ..Doubt::answered(String::new()) });
        moves.push(("the PSP does not take our key", self.clone().learn(&locked_out)));
        let under_way = self.with(|next| next.under_way = true);
        moves.push(("the request is lost, or late", under_way.learn(&unanswered())));
        let dones = match self.bound {
            Some(bound) => vec![(bound, self.clone(), self.day_of(bound))],
            None => self.first_answers(),
        };
        for (bound, mut done, days) in dones {
            done.bound = Some(bound);
            let answered = done.with(|next| next.days = days);
            moves.push(("the PSP answers", answered.learn(&done.answer(bound))));
            moves.push(("the PSP's answer is lost", done.clone().learn(&unanswered())));
            moves.push(("the PSP answers garbage", done.learn(&doubtful())));
        }
    }

    /// What the PSP may answer to a key that it has not answered, and how often it has refused a day then.
    fn first_answers(&self) -> Vec<(Bound, Self, u8)> {
        let mut done = self.clone();
        let bound = done.carry_out(&indices(&self.batch));
        let late = self.with(|next| {
            next.late.insert(indices(&next.batch));
        });
        let mut answers = vec![
            (bound, done, self.days),
            (Bound::Forbidden, self.clone(), self.days),
            (Bound::Nameless, self.clone(), self.days),
            (Bound::Later, self.clone(), self.days),
            (Bound::Error, self.clone(), self.days),
            // An error, and it is done all the same, later.
            (Bound::Error, late, self.days),
        ];
        if self.days == 0 {
            answers.push((Bound::Day, self.clone(), self.day_of(Bound::Day)));
        }
        answers
    }

    fn day_of(&self, bound: Bound) -> u8 {
        if bound == Bound::Day { 1 } else { self.days }
    }

    fn answer(&self, bound: Bound) -> Knowledge {
        let kind = match bound {
            Bound::Accepted => return Knowledge::Answered(BatchAnswer::Accepted(self.reports())),
            Bound::Error => return doubtful(),
            Bound::Forbidden => RefusalKind::Payout { offender: Some(NAMES[1].to_owned()) },
            Bound::Nameless => RefusalKind::Payout { offender: None },
            Bound::Later => RefusalKind::Later,
            Bound::Day => RefusalKind::Day,
            Bound::NameTaken => RefusalKind::NameTaken,
        };
        Knowledge::Answered(BatchAnswer::Refused(BatchRefusal { kind, failure: Failure::new("NO", "") }))
    }

    fn look_up(&self, moves: &mut Moves<Self>) {
        moves.push(("nobody tells", self.clone().learn(&Knowledge::NoReport)));
        let told = |found| self.clone().learn(&Knowledge::Reported(BatchReport { found }));
        let made = self.reports();
        // What has just been done may not be in the list yet.
        if !made.is_empty() && self.now.ms_since(self.inquiry.progress.sent_at) < SETTLING_MS {
            moves.push(("the list lags behind", told(Vec::new())));
            if made.len() > 1 {
                moves.push(("a part of the list lags behind", told(made[1..].to_vec())));
            }
        }
        moves.push(("the PSP tells", told(made)));
    }

    /// The payouts of the batch that the PSP made.
    fn reports(&self) -> Vec<PayoutReport> {
        let made = self.batch.items.iter().filter(|item| self.made[index_of(&item.ref_payout_id)]);
        let report = |item: &Sending| PayoutReport {
            ref_payout_id: item.ref_payout_id.clone(),
            psp_payout_id: format!("FPA_{}", item.ref_payout_id),
            status: PspPayoutStatus::Requested,
            amount: item.amount,
            failure: None,
        };
        made.map(report).collect()
    }
}

fn index_of(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).unwrap()
}

fn indices(batch: &Batch) -> Vec<usize> {
    batch.items.iter().map(|item| index_of(&item.ref_payout_id)).collect()
}

fn unanswered() -> Knowledge {
    Knowledge::Lost(Doubt::unanswered(String::new()))
}

fn doubtful() -> Knowledge {
    Knowledge::Lost(Doubt::answered(String::new()))
}

#[test]
fn in_every_life_of_a_batch_the_rows_say_what_the_psp_pays() {
    let explored = Explored::<State>::all();
    let reached = |status: PayoutStatus| explored.states.iter().any(|state| state.statuses.contains(&status));
    for status in [PayoutStatus::Unknown, PayoutStatus::Stuck, PayoutStatus::Requested, PayoutStatus::Failed] {
        assert!(reached(status), "the model comes to {status}");
    }
    let is_split = |state: &State| state.statuses == [PayoutStatus::Requested, PayoutStatus::Failed];
    assert!(explored.states.iter().any(is_split), "one bad payout does not stop the other");
}
