//! A batch of payouts: one request to the PSP, which takes all of it or nothing.
//!
//! A batch is an inquiry. A lost answer is looked up; a request is repeated under the same names and the same
//! idempotency key only, and the PSP refuses a name that it knows. So no payout is made twice by a batch.

use alloc::{format, string::String, vec, vec::Vec};
use core::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::{
    digest::sha256,
    plan::DayText,
    status::{PayoutStatus, PspPayoutStatus},
};
use crate::{
    Money, Timestamp,
    failure::{Failure, OurCode},
    id::PayoutId,
    inquiry::{self, At, Key, Patience, Patient, Progress, Request, Situation, Step, Subject, pause_ms},
};

/// The most payouts of one request. Source: Toss, payouts guide.
pub const MAX_BATCH: usize = 100;
/// How long the outcome may stay unknown until a person is called: a day, in milliseconds.
pub const PATIENCE_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long after a request an earlier one, or a list that lags behind, may still show an effect, in milliseconds.
pub const SETTLING_MS: u64 = 10 * 60 * 1_000;
/// The longest pause between two look-ups, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 5 * 60 * 1_000;

/// A payout to send. The name stays for the whole attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The payout.
    pub payout_id: PayoutId,
    /// Our name of this attempt at the PSP.
    pub ref_payout_id: String,
    /// The seller at the PSP.
    pub destination: String,
    /// How much.
    pub amount: Money,
}

/// Payouts that are sent together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The payouts; at least one.
    pub items: Vec<Sending>,
    /// The day on which the PSP pays; at once where it is absent.
    #[serde(default)]
    pub pays_on: Option<DayText>,
    /// Whether the request may have left before: then the PSP is asked first.
    #[serde(default)]
    pub may_have_left: bool,
}

impl Batch {
    /// The idempotency key of this composition. `number` counts the answers that were bound to keys before.
    pub fn key(&self, number: u32) -> String {
        let mut text = String::from("daegeum-payout-batch 1\n");
        if let Some(day) = self.pays_on {
            text += &format!("{}\n", day.0);
        }
        for item in &self.items {
            text += &format!("{}:{} {}\n", item.ref_payout_id.len(), item.ref_payout_id, item.amount);
        }
        let hash = sha256(text.as_bytes());
        format!("payouts.{hash}.{number}")
    }

    /// Divides the batch after a refusal of one of its payouts: the offender is alone, or the halves are.
    pub fn divide(self, offender: Option<&str>) -> Divided {
        let Self { mut items, pays_on, .. } = self;
        // The PSP has made none of them.
        let part = |items: Vec<Sending>| Self { items, pays_on, may_have_left: false };
        let named = offender.and_then(|name| items.iter().position(|item| item.ref_payout_id == name));
        let index = if items.len() == 1 { Some(0) } else { named };
        if let Some(index) = index {
            let refused = items.remove(index);
            let again = if items.is_empty() { Vec::new() } else { vec![part(items)] };
            return Divided { refused: Some(refused), again };
        }
        let second = items.split_off(items.len() / 2);
        Divided { refused: None, again: vec![part(items), part(second)] }
    }
}

impl Batch {
    /// The payouts of the batch that the PSP does not report: they may have left.
    pub fn unreported(self, reports: &[PayoutReport]) -> Self {
        let Self { mut items, pays_on, .. } = self;
        items.retain(|item| reports.iter().all(|report| report.ref_payout_id != item.ref_payout_id));
        Self { items, pays_on, may_have_left: true }
    }
}

/// A batch after a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divided {
    /// The payout that the PSP does not make.
    pub refused: Option<Sending>,
    /// What is sent again, under new idempotency keys.
    pub again: Vec<Batch>,
}

/// What the PSP says of one payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutReport {
    /// Our name of it.
    pub ref_payout_id: String,
    /// The PSP's name of it.
    pub psp_payout_id: String,
    /// Where it stands.
    pub status: PspPayoutStatus,
    /// How much.
    pub amount: Money,
    /// Why it was not paid.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// What is known of a payout, to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutChange {
    /// Our name of the attempt.
    pub ref_payout_id: String,
    /// Where the payout stands.
    pub status: PayoutStatus,
    /// The PSP's name of it.
    #[serde(default)]
    pub psp_payout_id: Option<String>,
    /// The amount that the PSP names.
    #[serde(default)]
    pub amount: Option<Money>,
    /// Why it is not paid, or not yet.
    #[serde(default)]
    pub failure: Option<Failure>,
}

impl PayoutChange {
    /// A change that the PSP did not tell of.
    pub fn of(sending: &Sending, status: PayoutStatus, failure: Option<Failure>) -> Self {
        Self { ref_payout_id: sending.ref_payout_id.clone(), status, psp_payout_id: None, amount: None, failure }
    }
}

impl From<PayoutReport> for PayoutChange {
    fn from(report: PayoutReport) -> Self {
        let PayoutReport { ref_payout_id, psp_payout_id, status, amount, failure } = report;
        let status = status.payout();
        Self { ref_payout_id, status, psp_payout_id: Some(psp_payout_id), amount: Some(amount), failure }
    }
}

/// What a refusal of a batch is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// One of its payouts, which may be named.
    Payout {
        /// Our name of it.
        #[serde(default)]
        offender: Option<String>,
    },
    /// The moment: the balance, the hour, the rate. The same batch may go later.
    Later,
    /// The day: the PSP pays on another one.
    Day,
    /// A name is taken: an earlier request may have been carried out.
    NameTaken,
}

/// The PSP's refusal of a batch: it made none of the payouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRefusal {
    /// What it is about.
    pub kind: RefusalKind,
    /// The PSP's words.
    pub failure: Failure,
}

/// The PSP's answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAnswer {
    /// It makes all payouts.
    Accepted(Vec<PayoutReport>),
    /// It makes none.
    Refused(BatchRefusal),
}

/// What the PSP's list holds of a batch. The list was read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReport {
    /// The payouts of the batch that it names.
    pub found: Vec<PayoutReport>,
}

/// A batch as the subject of an inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSubject {
    count: usize,
    refusal: Option<BatchRefusal>,
}

/// What an inquiry about a batch ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchConclusion {
    /// The PSP makes the payouts, or made them.
    Accepted(Vec<PayoutReport>),
    /// The PSP makes none, because of one of them.
    Refused {
        /// Our name of the offender, where the PSP names it.
        offender: Option<String>,
        /// The PSP's words.
        failure: Failure,
    },
    /// The PSP makes these alone, or made them. Of the others nothing is known.
    Part(Vec<PayoutReport>),
    /// The PSP makes none, because it does not pay on that day.
    OtherDay(Failure),
}

/// What is waited for while a batch is not concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchWait {
    /// The outcome of a request.
    Outcome,
    /// A better moment.
    Moment(Failure),
}

/// What is known of a batch.
pub type Knowledge = inquiry::Knowledge<BatchAnswer, BatchReport>;

const PATIENCE: Patience = Patience {
    limit_ms: PATIENCE_MS,
    pause_ms: |pauses| pause_ms(pauses, LONGEST_PAUSE_MS),
    locked_out: Some("The payment provider does not accept our key or our settings."),
    code: OurCode::PayoutUnresolved,
    message: "Nobody could tell for a day whether these payouts were made.",
};

impl BatchSubject {
    /// The subject of a batch.
    pub const fn new(batch: &Batch) -> Self {
        Self { count: batch.items.len(), refusal: None }
    }

    fn on_refusal(&self, refusal: &BatchRefusal, progress: &Progress, now: Timestamp) -> Step<Self> {
        match &refusal.kind {
            // The first answer to the first request: nothing of it was made.
            RefusalKind::Payout { .. } | RefusalKind::Day if progress.sent <= 1 => {
                conclude(refusal).unwrap_or_else(|| self.ask(progress, now))
            }
            RefusalKind::Payout { .. } | RefusalKind::Day | RefusalKind::Later | RefusalKind::NameTaken => {
                self.ask(progress, now)
            }
        }
    }

    fn on_report(&self, report: &BatchReport, progress: &Progress, now: Timestamp) -> Step<Self> {
        if report.found.len() == self.count {
            return Step::Conclude(BatchConclusion::Accepted(report.found.clone()));
        }
        // The PSP makes all of a request or none. A part is a list that lags behind, or the half of a divided batch,
        // which a lost workflow had sent.
        if !report.found.is_empty() {
            let is_settled = now.ms_since(progress.sent_at) >= SETTLING_MS;
            let part = || Step::Conclude(BatchConclusion::Part(report.found.clone()));
            return if is_settled { part() } else { self.ask(progress, now) };
        }
        if let Patient::CallForHelp(failure) = progress.patience(&PATIENCE, now) {
            return Step::CallForHelp(failure);
        }
        if progress.unanswered {
            return Step::Send(Request::under(Key::Same));
        }
        let is_taken = self.refusal.as_ref().is_some_and(|refusal| refusal.kind == RefusalKind::NameTaken);
        // Of several requests one was answered with a doubt, or not at all: it may have been carried out.
        let may_show_later = progress.sent > 1 && now.ms_since(progress.sent_at) < SETTLING_MS;
        match self.refusal.as_ref().and_then(conclude) {
            Some(_) if may_show_later => self.ask(progress, now),
            Some(step) => step,
            None if is_taken => self.ask(progress, now),
            None => Step::Send(Request::under(Key::New)),
        }
    }

    fn ask(&self, progress: &Progress, now: Timestamp) -> Step<Self> {
        let wait = match &self.refusal {
            Some(BatchRefusal { kind: RefusalKind::Later, failure }) => BatchWait::Moment(failure.clone()),
            Some(BatchRefusal {
                kind: RefusalKind::Payout { .. } | RefusalKind::Day | RefusalKind::NameTaken, ..
            })
            | None => BatchWait::Outcome,
        };
        progress.patience(&PATIENCE, now).step(wait)
    }
}

/// What a refusal means that is known to be of every request of the batch; nothing where the batch may go later.
fn conclude(refusal: &BatchRefusal) -> Option<Step<BatchSubject>> {
    let failure = refusal.failure.clone();
    let conclusion = match &refusal.kind {
        RefusalKind::Payout { offender } => BatchConclusion::Refused { offender: offender.clone(), failure },
        RefusalKind::Day => BatchConclusion::OtherDay(failure),
        RefusalKind::Later | RefusalKind::NameTaken => return None,
    };
    Some(Step::Conclude(conclusion))
}

impl Subject for BatchSubject {
    type Answer = BatchAnswer;
    type Report = BatchReport;
    type Circumstances = ();
    type Wait = BatchWait;
    /// A payout that is on its way is not called back.
    type UndoReason = Infallible;
    type Conclusion = BatchConclusion;

    fn refusal(answer: &BatchAnswer) -> Option<&Failure> {
        match answer {
            BatchAnswer::Refused(refusal) => Some(&refusal.failure),
            BatchAnswer::Accepted(_) => None,
        }
    }

    fn learn(&mut self, knowledge: &Knowledge, _now: Timestamp) {
        match knowledge {
            Knowledge::Answered(BatchAnswer::Refused(refusal)) => self.refusal = Some(refusal.clone()),
            Knowledge::Answered(BatchAnswer::Accepted(_)) | Knowledge::Lost(_) => self.refusal = None,
            Knowledge::Reported(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => {}
        }
    }

    fn start_over(&mut self) {}

    fn decide(&mut self, knowledge: &Knowledge, situation: &Situation<'_, Self>) -> Step<Self> {
        let Situation { progress, at: At { now, .. }, .. } = *situation;
        match knowledge {
            Knowledge::Answered(BatchAnswer::Accepted(reports)) => {
                Step::Conclude(BatchConclusion::Accepted(reports.clone()))
            }
            Knowledge::Answered(BatchAnswer::Refused(refusal)) => self.on_refusal(refusal, progress, now),
            Knowledge::Reported(report) => self.on_report(report, progress, now),
            Knowledge::Lost(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => self.ask(progress, now),
        }
    }
}
