//! What payout runs hand through the ports.

use domain::{
    Money, Timestamp,
    id::{PayoutId, PayoutRunId},
    payout::{
        Decision, PaidBy, PayoutStatus, RunStatus, Undecidable,
        batch::{Batch, BatchAnswer, BatchReport, PayoutChange},
        plan::{DayText, RunRequest},
    },
    principal::Principal,
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::common::ActivityDefinition;

use crate::facts::{Facts, HasFacts, facts_of};

ports! {
    /// The name of every port of the payout calendar.
    list OF_PAYOUT_CALENDAR:
    /// Looks whether the run of a day would pay somebody. Reads only.
    LookWhoIsDue = "payout.look_who_is_due": DueDay => bool;
}

ports! {
    /// The name of every port of payouts.
    list OF_PAYOUTS:
    /// Freezes the next sellers of a payout run. Safe to repeat: the run's id is the key.
    FreezePayouts = "payout.freeze": FreezeRun => FrozenRun;
    /// Decides on a frozen run, or says why not. Safe to repeat: the same principal's decision is answered again.
    DecidePayouts = "payout.decide": DecideOnRun => RunDecided;
    /// Reads what is left to do of a run.
    PayoutWork = "payout.work": RunToFollow => WorkOfRun;
    /// Writes down that the next payouts leave now. After a lost answer, the payouts come again as ones that may have
    /// left.
    BeginPayouts = "payout.begin": NextPayouts => BegunPayouts;
    /// Tells the PSP to make the payouts of a batch: all or none. Fails with a [`Doubt`](domain::inquiry::Doubt) as its
    /// details, of type [`DOUBT`](super::DOUBT), when the outcome is not known.
    RequestPayouts = "psp.request_payouts": BatchToSend => BatchAnswer;
    /// Asks the PSP which payouts of a batch it has.
    LookUpPayouts = "psp.look_up_payouts": PayoutsQuestion => BatchReport;
    /// Moves payouts and their money to what is known of them. Safe to repeat: a payout's status allows a change once.
    ChangePayouts = "payout.change": PayoutChanges => ();
    /// Asks the PSP about the payouts of a run that it has taken, and writes what it says. Safe to repeat.
    FollowPayouts = "payout.follow": FollowRun => u32;
    /// Writes that a run is complete, if it is; or takes the next payouts of a rejected run back. Safe to repeat.
    CompletePayouts = "payout.complete": CompleteRun => bool;
    /// Takes a payout back, or begins a new attempt; or says why not. Safe to repeat: the payout's status allows it
    /// once.
    ActOnPayouts = "payout.act": ActOnPayout => PayoutActed;
}

/// A day of the payout calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueDay {
    /// The day in Korea.
    pub day: DayText,
}

/// A run to freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeRun {
    /// The run.
    pub run_id: PayoutRunId,
    /// What is asked for.
    pub request: RunRequest,
    /// The author.
    pub by: Principal,
    /// Our own money instead of sellers.
    #[serde(default)]
    pub sweep: Option<SweepRequest>,
}

/// Our own money, to be swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRequest {
    /// How much; all that is free where it is absent.
    #[serde(default)]
    pub amount: Option<Money>,
}

/// A run that is frozen. A run that nothing came of is canceled here, and is not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenRun {
    /// Where it stands.
    pub status: RunStatus,
    /// How many payouts it has.
    pub payouts: u32,
    /// Whether sellers are left: the run is frozen on by asking again.
    #[serde(default)]
    pub is_unfinished: bool,
}

/// A run to decide on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideOnRun {
    /// The run.
    pub run_id: PayoutRunId,
    /// The decision.
    pub decision: Decision,
    /// The author.
    pub by: Principal,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunDecided {
    /// The run stands there now.
    Done(RunStatus),
    /// It is not taken.
    Refused(Undecidable),
    /// There is no such run.
    Unknown,
}

/// A run whose work is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunToFollow {
    /// The run.
    pub run_id: PayoutRunId,
}

/// A run whose payouts are asked about.
pub type FollowRun = RunToFollow;
/// A run that may be complete.
pub type CompleteRun = RunToFollow;

/// What is left to do of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkOfRun {
    /// Where it stands; nothing where there is no such run.
    #[serde(default)]
    pub status: Option<RunStatus>,
    /// How many payouts are reserved and neither approved nor taken back.
    #[serde(default)]
    pub frozen: u64,
    /// How many payouts wait to be sent.
    pub approved: u64,
    /// How many payouts may have left, and nobody knows yet what came of them.
    pub unanswered: u64,
    /// How many payouts the PSP has taken, and have not ended.
    pub open: u64,
    /// Whether nothing may leave, because the PSP lists a payout that we never asked for.
    #[serde(default)]
    pub is_stopped: bool,
    /// The way on which it pays.
    #[serde(default = "PaidBy::before_bank_files")]
    pub paid_by: PaidBy,
}

impl WorkOfRun {
    /// There is no such run.
    pub const fn none() -> Self {
        let paid_by = PaidBy::before_bank_files();
        Self { status: None, frozen: 0, approved: 0, unanswered: 0, open: 0, is_stopped: false, paid_by }
    }
}

/// The number of a batch in its run.
pub type BatchNumber = u32;

/// The next payouts to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPayouts {
    /// The run.
    pub run_id: PayoutRunId,
    /// The time of the workflow, from which the day of the payouts follows.
    pub now: Timestamp,
    /// The batches that are under way.
    pub busy: Vec<BatchNumber>,
}

/// The payouts that leave now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunPayouts {
    /// The number of the batch, and the batch; nothing where no payout waits.
    #[serde(default)]
    pub begun: Option<BegunBatch>,
}

/// A batch with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunBatch {
    /// The number.
    pub number: BatchNumber,
    /// The batch.
    pub batch: Batch,
    /// The day on which the batch left first, of one that was begun before.
    #[serde(default)]
    pub left_on: Option<DayText>,
}

/// A batch to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchToSend {
    /// The batch.
    pub batch: Batch,
    /// Makes the request safe to repeat; minted by the workflow.
    pub idempotency_key: String,
}

/// Payouts to ask the PSP about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutsQuestion {
    /// Our names of them.
    pub ref_payout_ids: Vec<String>,
    /// The first day of the PSP's list that is read.
    pub since: DayText,
}

/// Changes of payouts of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutChanges {
    /// The run.
    pub run_id: PayoutRunId,
    /// What is known of each payout.
    pub changes: Vec<PayoutChange>,
}

/// What a principal wants done with a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutAct {
    /// Take it back.
    Cancel,
    /// Begin a new attempt.
    Retry,
    /// Say that the bank sent it back.
    Return,
    /// Say that a sweep is in our bank account.
    Receive,
    /// Say that our bank paid the transfer.
    Paid,
    /// Say that our bank did not pay the transfer.
    Failed,
}

/// A payout to act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActOnPayout {
    /// The payout.
    pub payout_id: PayoutId,
    /// What is wanted.
    pub act: PayoutAct,
    /// The attempt that the author means; nothing where the author names none.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// The author.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutActed {
    /// The payout stands there now.
    Done(PayoutStatus),
    /// It is not taken, for this reason.
    Refused {
        /// Where the payout stands, where there is one.
        #[serde(default)]
        status: Option<PayoutStatus>,
        /// A sentence.
        detail: String,
    },
}

impl HasFacts for FreezeRun {
    fn facts(&self) -> Facts {
        facts_of([("payout_run_id", &self.run_id)])
    }
}

impl HasFacts for DecideOnRun {
    fn facts(&self) -> Facts {
        facts_of([("payout_run_id", &self.run_id)])
    }
}

impl HasFacts for RunToFollow {
    fn facts(&self) -> Facts {
        facts_of([("payout_run_id", &self.run_id)])
    }
}

impl HasFacts for NextPayouts {
    fn facts(&self) -> Facts {
        facts_of([("payout_run_id", &self.run_id)])
    }
}

impl HasFacts for PayoutChanges {
    fn facts(&self) -> Facts {
        facts_of([("payout_run_id", &self.run_id), ("payouts", &self.changes.len())])
    }
}

impl HasFacts for ActOnPayout {
    fn facts(&self) -> Facts {
        facts_of([("payout_id", &self.payout_id)])
    }
}
