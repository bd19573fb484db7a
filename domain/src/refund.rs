//! One refund: what is asked for, what is known of it at the PSP, and what to do next.
//!
//! The rules of this module: no refund is sent twice, and none that may have happened is called failed.
//!
//! What tells that a refund took effect:
//!
//! * an answer to the request, or to its repetition under the same idempotency key: the PSP answers a key once;
//! * a cancellation in the PSP's list whose reason ends in our [`mark`].
//!
//! What tells that it did not, and will not:
//!
//! * a refusal of the *first* request;
//! * that every request was answered, and that the list does not hold our mark [`SETTLING_MS`] later.
//!
//! Every request says what we believe is left at the PSP, and the PSP does nothing if that is wrong. So of two
//! requests for one refund, one that takes effect late makes the other one harmless; and somebody who cancels at the
//! PSP's own pages meanwhile is noticed.

mod change;
pub mod deadline;

use alloc::{format, string::String, vec::Vec};
use core::{convert::Infallible, fmt};

pub use change::{
    AfterRefund, GivenBack, NewRefund, OrderAfter, PromisedRefund, RefundChange, RefundExecution, RefundFailure,
    RefundPromise, RefundRecorded, after_execution,
};
use serde::{Deserialize, Serialize};

pub use crate::ledger::Part;
use crate::{
    Money, Timestamp,
    failure::{Failure, OurCode},
    id::{PaymentOrderId, RefundId},
    inquiry::{self, At, Key, Patience, Patient, Progress, Request, Situation, Step, Subject, pause_ms},
};

/// How long the outcome of a refund may stay unknown before a person is called, in milliseconds: a day.
pub const PATIENCE_MS: u64 = 24 * 60 * 60 * 1_000;
/// Longest pause between two questions about a refund, in milliseconds: what a bank refuses at night it may take in
/// the morning.
pub const LONGEST_PAUSE_MS: u64 = 30 * 60 * 1_000;
/// How long after a request that was answered with a doubt its effect may still show at the PSP, in milliseconds.
pub const SETTLING_MS: u64 = 10 * 60 * 1_000;
/// For how long the PSP surely remembers an idempotency key, in milliseconds: a day less than it promises. Source:
/// Toss Payments, header `Idempotency-Key`.
pub const KEY_LIFETIME_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
/// The most characters of a reason: with our mark after it, it fits the PSP's 200.
pub const MAX_REASON_CHARS: usize = 120;
/// The most refunds of one checkout that wait for their turn.
pub const MAX_WAITING: usize = 100;

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    /// Recorded; it waits for its turn.
    Requested,
    /// Promised in the books; the PSP is being asked.
    Executing,
    /// The PSP was asked, and the outcome is not known yet.
    Unknown,
    /// A person is needed.
    Stuck,
    /// The buyer gets the money back.
    Succeeded,
    /// The buyer does not get the money back; nothing is promised any more.
    Failed,
}

impl RefundStatus {
    /// Every status there is.
    pub const ALL: [Self; 6] =
        [Self::Requested, Self::Executing, Self::Unknown, Self::Stuck, Self::Succeeded, Self::Failed];

    /// Whether a refund may go from here to `next`. This is the whole state machine.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Requested => matches!(next, Self::Executing | Self::Failed),
            Self::Executing => matches!(next, Self::Unknown | Self::Stuck | Self::Succeeded | Self::Failed),
            Self::Unknown => matches!(next, Self::Stuck | Self::Succeeded | Self::Failed),
            Self::Stuck => matches!(next, Self::Unknown | Self::Succeeded | Self::Failed),
            Self::Succeeded | Self::Failed => false,
        }
    }

    /// Whether nothing happens to it any more.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed => true,
            Self::Requested | Self::Executing | Self::Unknown | Self::Stuck => false,
        }
    }

    /// Whether money is promised for it and has not gone back yet.
    pub const fn is_promised(self) -> bool {
        match self {
            Self::Executing | Self::Unknown | Self::Stuck => true,
            Self::Requested | Self::Succeeded | Self::Failed => false,
        }
    }

    /// The status in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Executing => "EXECUTING",
            Self::Unknown => "UNKNOWN",
            Self::Stuck => "STUCK",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    /// The status written as [`Self::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for RefundStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundScope {
    /// Of one payment order alone; of the whole checkout where there is none.
    #[serde(default)]
    pub order: Option<PaymentOrderId>,
    /// How much; all that is left where there is none.
    #[serde(default)]
    pub amount: Option<Money>,
}

/// What is left of a payment order: paid, and not promised back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The order.
    pub order: PaymentOrderId,
    /// What is left of it.
    pub amount: Money,
}

/// Why nothing goes back. Nothing was promised then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrefundable {
    /// More than is left.
    #[error("only {0} is left to refund")]
    Exceeds(Money),
    /// All of it was given back or promised already.
    #[error("nothing is left to refund")]
    NothingLeft,
    /// An amount of nothing, or of another currency.
    #[error("a refund is over more than nothing, in the currency of the payment")]
    Amount,
    /// The order is none of this checkout.
    #[error("the checkout has no such payment order")]
    NoSuchOrder,
}

/// What goes back of which order. An amount of a whole checkout is spread over its orders in proportion to what is
/// left of each, to the minor unit ([`Money::split`]), so that no order gives more than it has; whoever wants it
/// otherwise asks for it order by order.
pub fn share_out(wanted: &RefundScope, left: &[Left]) -> Result<Vec<Part>, Unrefundable> {
    let of = |left: &&Left| wanted.order.as_ref().is_none_or(|order| *order == left.order);
    let meant: Vec<&Left> = left.iter().filter(of).collect();
    let first = meant.first().ok_or(Unrefundable::NoSuchOrder)?;
    let mut sum = Money::zero(first.amount.currency());
    for left in &meant {
        sum = sum.plus(left.amount).map_err(|_| Unrefundable::Amount)?;
    }
    let amount = wanted.amount.unwrap_or(sum);
    if amount.currency() != sum.currency() || (amount.is_zero() && wanted.amount.is_some()) {
        return Err(Unrefundable::Amount);
    }
    if sum.is_zero() {
        return Err(Unrefundable::NothingLeft);
    }
    if amount.minor() > sum.minor() {
        return Err(Unrefundable::Exceeds(sum));
    }
    let weights: Vec<u64> = meant.iter().map(|left| left.amount.minor()).collect();
    let shares = amount.split(&weights).map_err(|_| Unrefundable::Amount)?;
    let parts = meant.into_iter().zip(shares).filter(|(_, share)| !share.is_zero());
    Ok(parts.map(|(left, amount)| Part { order: left.order.clone(), amount }).collect())
}

/// What ends the reason of a cancellation of ours at the PSP: by it we know our own in the PSP's list.
pub fn mark(refund: &RefundId) -> String {
    format!("[{refund}]")
}

/// Whether a reason at the PSP bears the mark of any refund of ours.
pub fn is_marked(reason: &str) -> bool {
    reason.ends_with(']') && reason.contains("[refund-")
}

/// A bank account of the buyer's. It is needed to give back what came into a virtual account, and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAccount {
    /// The bank's code of two characters, or its name.
    pub bank: String,
    /// Digits.
    pub account_number: String,
    /// Whose account it is; the bank compares.
    pub holder_name: String,
}

impl fmt::Debug for RefundAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefundAccount").field("bank", &self.bank).finish_non_exhaustive()
    }
}

/// Money that the PSP gave back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// How much.
    pub amount: Money,
    /// When.
    pub executed_at: Timestamp,
    /// The PSP's name for the movement.
    #[serde(default)]
    pub transaction_key: Option<String>,
}

/// What the PSP answers a request to give money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundAnswer {
    /// It did.
    Executed(Executed),
    /// It does not, and nothing was done.
    Refused(Failure),
}

/// What the PSP reports of a payment when it is asked about a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundReport {
    /// The cancellation with our mark.
    #[serde(default)]
    pub ours: Option<Executed>,
    /// What could still be given back.
    pub left: Money,
    /// Whether a cancellation over the same amount, made since the first request, bears no mark of any refund: it may
    /// be ours after all.
    #[serde(default)]
    pub lookalike: bool,
    /// Whether what is left and the cancellations that are shown, each of them ended, make up the whole payment. Then
    /// nothing was given back that is not shown.
    #[serde(default)]
    pub complete: bool,
}

/// What is known of a refund that was sent to the PSP.
pub type Knowledge = inquiry::Knowledge<RefundAnswer, RefundReport>;

/// A refund as the subject of an inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunding {
    /// How much goes back.
    pub amount: Money,
    /// What we believe to be left at the PSP: the request under the present idempotency key says so.
    pub held: Money,
}

/// What a refund ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// Book it: the buyer gets the money back.
    Settle(Executed),
    /// Take the promise back: the buyer does not.
    Fail(Failure),
}

/// What is waited for while a refund is not concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The outcome.
    Outcome,
}

/// For how long, and how often, the outcome of a refund is asked for.
const OUTCOME_PATIENCE: Patience = Patience {
    limit_ms: PATIENCE_MS,
    pause_ms: |pauses| pause_ms(pauses, LONGEST_PAUSE_MS),
    locked_out: Some("The payment provider does not accept our key or our settings."),
    code: OurCode::RefundUnresolved,
    message: "Nobody could tell for a day whether this was refunded.",
};

impl Subject for Refunding {
    type Answer = RefundAnswer;
    type Report = RefundReport;
    type Circumstances = ();
    type Wait = Wait;
    /// A refund is never undone: the buyer has the money.
    type UndoReason = Infallible;
    type Conclusion = Conclusion;

    fn refusal(answer: &RefundAnswer) -> Option<&Failure> {
        match answer {
            RefundAnswer::Refused(failure) => Some(failure),
            RefundAnswer::Executed(_) => None,
        }
    }

    fn learn(&mut self, _knowledge: &Knowledge, _now: Timestamp) {}

    fn start_over(&mut self) {}

    fn decide(&mut self, knowledge: &Knowledge, situation: &Situation<'_, Self>) -> Step<Self> {
        let Situation { progress, at: At { now, .. }, .. } = *situation;
        match knowledge {
            Knowledge::Answered(RefundAnswer::Executed(executed)) => self.on_executed(executed),
            Knowledge::Answered(RefundAnswer::Refused(failure)) if progress.sent <= 1 => fail(failure.clone()),
            Knowledge::Reported(RefundReport { ours: Some(executed), .. }) => self.on_executed(executed),
            Knowledge::Reported(RefundReport { lookalike: true, .. }) => Step::CallForHelp(Failure::new(
                OurCode::RefundLookalike,
                "The payment provider gave the same amount back without our mark; whether that was this \
                 refund, it does not tell.",
            )),
            Knowledge::Reported(report) if self.is_beyond_reach(report) => fail(spent(report.left, progress)),
            Knowledge::Reported(report) => self.on_absent(report.left, progress, now),
            Knowledge::Answered(RefundAnswer::Refused(_))
            | Knowledge::Lost(_)
            | Knowledge::NoReport
            | Knowledge::UndoRefused(_) => ask(progress, now),
        }
    }
}

impl Refunding {
    fn on_executed(&self, executed: &Executed) -> Step<Self> {
        if executed.amount == self.amount {
            return Step::Conclude(Conclusion::Settle(executed.clone()));
        }
        Step::CallForHelp(Failure::new(OurCode::PspAmountMismatch, "The payment provider gave another amount back."))
    }

    /// Whether this refund did not take place and cannot any more, whatever request is still under way. All that was
    /// given back is shown and is not ours; and the PSP gives no more back than is left.
    const fn is_beyond_reach(&self, report: &RefundReport) -> bool {
        report.complete && report.ours.is_none() && !report.lookalike && report.left.minor() < self.amount.minor()
    }

    fn on_absent(&mut self, left: Money, progress: &Progress, now: Timestamp) -> Step<Self> {
        if let Patient::CallForHelp(failure) = progress.patience(&OUTCOME_PATIENCE, now) {
            return Step::CallForHelp(failure);
        }
        if progress.unanswered && now.ms_since(progress.key_since) < KEY_LIFETIME_MS {
            return Step::Send(Request::under(Key::Same));
        }
        let has_settled = !progress.unanswered && now.ms_since(progress.sent_at) >= SETTLING_MS;
        match &progress.refusal {
            Some(refusal) if has_settled => fail(refusal.clone()),
            Some(_) => ask(progress, now),
            None if left.minor() >= self.amount.minor() => {
                self.held = left;
                Step::Send(Request::under(Key::New))
            }
            None if has_settled => fail(spent(left, progress)),
            None => ask(progress, now),
        }
    }
}

/// Why nothing goes back of a payment of which too little is left.
fn spent(left: Money, progress: &Progress) -> Failure {
    match &progress.refusal {
        Some(refusal) => refusal.clone(),
        None if left.is_zero() => Failure::new(
            OurCode::CanceledAtPsp,
            "Nothing is left of the payment at the payment provider: it was canceled there, and not by this refund.",
        ),
        None => Failure::new(
            OurCode::PspBalanceTooSmall,
            "Less is left of the payment at the payment provider than was to be refunded.",
        ),
    }
}

fn ask(progress: &Progress, now: Timestamp) -> Step<Refunding> {
    progress.patience(&OUTCOME_PATIENCE, now).step(Wait::Outcome)
}

const fn fail(failure: Failure) -> Step<Refunding> {
    Step::Conclude(Conclusion::Fail(failure))
}
