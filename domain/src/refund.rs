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

use alloc::{format, string::String, vec::Vec};
use core::fmt;

pub use change::{
    AfterRefund, GivenBack, NewRefund, OrderAfter, PromisedRefund, RefundChange, RefundExecution, RefundFailure,
    RefundPromise, RefundRecorded, after_execution,
};
use serde::{Deserialize, Serialize};

use crate::{
    Money, Timestamp,
    charge::{Doubt, Failure, QUESTIONS_TO_A_STRANGER, pause_ms},
    id::{PaymentOrderId, RefundId},
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
/// How a virtual account is called in the PSP's words. What came into one goes back to an account of the buyer's.
pub const VIRTUAL_ACCOUNT: &str = "가상계좌";

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

/// What somebody wants back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
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

/// What goes back of one payment order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The order.
    pub order: PaymentOrderId,
    /// How much of it; never zero.
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
pub fn share_out(wanted: &Wanted, left: &[Left]) -> Result<Vec<Part>, Unrefundable> {
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
pub enum Answer {
    /// It did.
    Executed(Executed),
    /// It does not, and nothing was done.
    Refused(Failure),
}

/// What the PSP tells of a payment when asked about a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knowledge {
    /// The PSP answered the request.
    Answered(Answer),
    /// It was sent, and nobody knows what came of it.
    Lost(Doubt),
    /// We asked, and the PSP told.
    Told(Sight),
    /// We asked, and learned nothing.
    NotTold,
}

/// How far we are in finding out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How often it was sent.
    pub sent: u32,
    /// When it was first sent under the present idempotency key.
    pub key_since: Timestamp,
    /// When it was last sent.
    pub sent_at: Timestamp,
    /// Whether a request under the present idempotency key may still be running.
    pub unanswered: bool,
    /// What the PSP refused it with, where that proved nothing.
    pub refusal: Option<Failure>,
    /// Whether the PSP did not take our key or our settings.
    pub stranger: bool,
    /// How often we have paused before a question.
    pub asked: u32,
    /// Since when it is not known.
    pub since: Timestamp,
}

impl Progress {
    /// Nothing was sent yet.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            sent: 0,
            key_since: now,
            sent_at: now,
            unanswered: false,
            refusal: None,
            stranger: false,
            asked: 0,
            since: now,
        }
    }

    /// It is about to be sent.
    pub const fn send(&mut self, new_key: bool, now: Timestamp) {
        self.sent += 1;
        self.sent_at = now;
        if new_key {
            self.key_since = now;
            self.unanswered = false;
        }
    }

    /// Something was learned.
    pub fn learn(&mut self, knowledge: &Knowledge) {
        match knowledge {
            Knowledge::Answered(answer) => {
                (self.unanswered, self.stranger) = (false, false);
                self.refusal = match answer {
                    Answer::Refused(failure) => Some(failure.clone()),
                    Answer::Executed(_) => None,
                };
            }
            Knowledge::Lost(doubt) => {
                // If the PSP rejected our key, its answer says nothing about earlier requests.
                self.unanswered = !doubt.answered || (doubt.stranger && self.unanswered);
                self.stranger = doubt.stranger;
                self.refusal.clone_from(&doubt.refusal);
            }
            Knowledge::Told(_) | Knowledge::NotTold => {}
        }
    }

    /// A person says: go on.
    pub const fn start_over(&mut self, now: Timestamp) {
        (self.asked, self.since) = (0, now);
    }
}

/// What to do next with a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Book it: the buyer gets the money back.
    Settle(Executed),
    /// Take the promise back: the buyer does not.
    Fail(Failure),
    /// Send it again.
    Send {
        /// Whether under a new idempotency key, because the old one is bound to an answer.
        new_key: bool,
        /// What is left at the PSP, for a new key; an old one keeps its request.
        left: Money,
    },
    /// Ask the PSP after a pause, in milliseconds.
    Ask {
        /// How long to wait.
        pause_ms: u64,
    },
    /// Call a person.
    CallForHelp(Failure),
}

/// Decides what to do next with a refund of `amount`. `progress` has learned `knowledge` already.
pub fn next_step(amount: Money, knowledge: &Knowledge, progress: &Progress, now: Timestamp) -> Step {
    match knowledge {
        Knowledge::Answered(Answer::Executed(executed)) => on_executed(amount, executed),
        Knowledge::Answered(Answer::Refused(failure)) if progress.sent <= 1 => Step::Fail(failure.clone()),
        Knowledge::Told(Sight { ours: Some(executed), .. }) => on_executed(amount, executed),
        Knowledge::Told(Sight { lookalike: true, .. }) => Step::CallForHelp(failure(
            "refund_lookalike",
            "The payment provider gave the same amount back without our mark; whether that was this refund, it does not tell.",
        )),
        Knowledge::Told(sight) if is_beyond_reach(amount, sight) => Step::Fail(spent(sight.left, progress)),
        Knowledge::Told(sight) => on_absent(amount, sight.left, progress, now),
        Knowledge::Answered(Answer::Refused(_)) | Knowledge::Lost(_) | Knowledge::NotTold => ask(progress, now),
    }
}

fn on_executed(amount: Money, executed: &Executed) -> Step {
    if executed.amount == amount {
        return Step::Settle(executed.clone());
    }
    Step::CallForHelp(failure("psp_amount_mismatch", "The payment provider gave another amount back."))
}

/// Whether this refund did not take place and cannot any more, whatever request is still under way. All that was given
/// back is shown and is not ours; and the PSP gives no more back than is left.
fn is_beyond_reach(amount: Money, sight: &Sight) -> bool {
    sight.complete && sight.ours.is_none() && !sight.lookalike && sight.left.minor() < amount.minor()
}

/// Why nothing goes back of a payment of which too little is left.
fn spent(left: Money, progress: &Progress) -> Failure {
    match &progress.refusal {
        Some(refusal) => refusal.clone(),
        None if left.is_zero() => failure(
            "canceled_at_psp",
            "Nothing is left of the payment at the payment provider: it was canceled there, and not by this refund.",
        ),
        None => failure(
            "psp_balance_too_small",
            "Less is left of the payment at the payment provider than was to be refunded.",
        ),
    }
}

fn on_absent(amount: Money, left: Money, progress: &Progress, now: Timestamp) -> Step {
    if is_out_of_patience(progress, now) || is_locked_out(progress) {
        return ask(progress, now);
    }
    if progress.unanswered && now.ms_since(progress.key_since) < KEY_LIFETIME_MS {
        return Step::Send { new_key: false, left };
    }
    let has_settled = !progress.unanswered && now.ms_since(progress.sent_at) >= SETTLING_MS;
    match &progress.refusal {
        Some(refusal) if has_settled => Step::Fail(refusal.clone()),
        Some(_) => ask(progress, now),
        None if left.minor() >= amount.minor() => Step::Send { new_key: true, left },
        None if has_settled => Step::Fail(spent(left, progress)),
        None => ask(progress, now),
    }
}

fn ask(progress: &Progress, now: Timestamp) -> Step {
    if is_locked_out(progress) {
        return Step::CallForHelp(failure(
            "psp_access_denied",
            "The payment provider does not accept our key or our settings.",
        ));
    }
    if is_out_of_patience(progress, now) {
        return Step::CallForHelp(failure(
            "refund_unresolved",
            "Nobody could tell for a day whether this was refunded.",
        ));
    }
    Step::Ask { pause_ms: pause_ms(progress.asked, LONGEST_PAUSE_MS) }
}

const fn is_locked_out(progress: &Progress) -> bool {
    progress.stranger && progress.asked >= QUESTIONS_TO_A_STRANGER
}

const fn is_out_of_patience(progress: &Progress, now: Timestamp) -> bool {
    now.ms_since(progress.since) >= PATIENCE_MS
}

fn failure(code: &str, message: &str) -> Failure {
    Failure::new(code, message)
}
