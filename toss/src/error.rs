//! What is known when a call did not end in what was asked for.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};

use crate::codes::{self, Class, Meaning, Operation};
use crate::jwe::JweError;
use crate::limits::LimitError;
use crate::shape::ShapeError;
use crate::times;

/// What was being done, to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The API that was called.
    pub operation: Operation,
    /// The order id, payment key or other name it was called about; empty where that is a secret or
    /// there is none.
    pub subject: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.verb())?;
        if self.subject.is_empty() { Ok(()) } else { write!(f, " {}", self.subject) }
    }
}

/// A call that did not end in what was asked for, by how much is known of its effect.
///
/// An expected refusal is an `Err` here too, because at this level it is: the answer to "confirm"
/// is a [`crate::Payment`]. [`Error::class`] tells the caller which refusals are ordinary outcomes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a byte of **this** call left, so Toss knows nothing of it. An earlier call under the same
    /// idempotency key may have arrived all the same.
    #[error("sent Toss nothing to {call}")]
    NotSent {
        /// What was being done.
        call: Call,
        /// What kept it.
        #[source]
        reason: NotSentReason,
    },
    /// The connection was up and the call timed out or broke. Toss may have acted.
    #[error("Toss did not answer the request to {call}")]
    NoAnswer {
        /// What was being done.
        call: Call,
        /// How the exchange ended.
        source: reqwest::Error,
    },
    /// An answer began that is not what Toss writes. Toss has probably acted.
    #[error("cannot read what Toss answered, with status {status}, to the request to {call}")]
    Unreadable {
        /// What was being done.
        call: Call,
        /// HTTP status.
        status: u16,
        /// `x-tosspayments-trace-id`, for asking Toss about it.
        trace_id: Option<String>,
        /// What is wrong with the answer.
        #[source]
        reason: UnreadableReason,
    },
    /// Toss said no, with a code.
    #[error("Toss refused to {call}: {code} ({status})")]
    Refused {
        /// What was being done.
        call: Call,
        /// HTTP status. It says little: see [`Error::class`].
        status: u16,
        /// Toss's code. Empty only for a 429 that carried no readable body.
        code: String,
        /// Toss's sentence, usually Korean, cut to 510 characters. It may be shown to the buyer.
        message: String,
        /// `x-tosspayments-trace-id`, for asking Toss about it.
        trace_id: Option<String>,
        /// `Retry-After` in seconds, at most a day.
        retry_after: Option<Duration>,
    },
    /// Our own check refused before anything was sent.
    #[error("the request breaks a limit of the API")]
    Limit(#[from] LimitError),
}

/// What kept a request from being sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSentReason {
    /// No connection was made: refused, unresolved, untrusted or too slow.
    #[error("no connection to Toss was made")]
    NoConnection(#[source] reqwest::Error),
    /// The breaker of this operation is open, after too many calls in a row brought no answer.
    #[error("the circuit breaker is open for another {again_in:?}")]
    BreakerOpen {
        /// When the next call will be let through.
        again_in: Duration,
    },
    /// As many calls of this operation as are allowed at once are under way.
    #[error("{limit} such calls are under way, the most allowed at once")]
    Crowded {
        /// [`crate::Config::concurrency_limit`].
        limit: u32,
    },
    /// The machine gave no random bytes to seal the request with.
    #[error("the machine gave no random bytes")]
    NoRandomness(#[source] getrandom::Error),
}

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableReason {
    /// The body ended early, or the deadline passed in the middle of it.
    #[error("the body broke off")]
    CutOff(#[source] reqwest::Error),
    /// The body is longer than [`crate::ANSWER_LIMIT_BYTES`], or for a page of a report sixteen times that.
    #[error("the body is longer than any answer")]
    TooLarge,
    /// A success that does not hold what was asked for.
    #[error("the body is not what the API documents")]
    Shape(#[source] ShapeError),
    /// A sealed answer that our security key does not open.
    #[error("the body is sealed and does not open")]
    Sealed(#[source] JweError),
    /// A failure that holds no code, such as a gateway's page or a redirect.
    #[error("the body is not an error of Toss")]
    NotAnError,
}

impl Error {
    /// What to do about it.
    ///
    /// A refusal is classified by operation and code. The status is never asked, with one
    /// exception: 429 has no documented body, so it stands for itself when the code is unknown.
    pub fn class(&self) -> Class {
        match self {
            Self::NotSent { .. } => Class::RetryLater,
            Self::NoAnswer { .. } | Self::Unreadable { .. } => Class::QueryFirst,
            Self::Refused { call, status, code, .. } => codes::class(call.operation, code).unwrap_or(match status {
                429 => Class::RetryLater,
                _ => Class::QueryFirst,
            }),
            Self::Limit(_) => Class::Permanent,
        }
    }

    /// What the code of a refusal says beyond its class; `None` for a code that says no more, and for any other error.
    pub fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Refused { code, .. } => codes::row(code)?.means,
            Self::NotSent { .. } | Self::NoAnswer { .. } | Self::Unreadable { .. } | Self::Limit(_) => None,
        }
    }

    /// Whether an answer arrived, readable or not.
    pub fn was_answered(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Refused { .. } => true,
            Self::NotSent { .. } | Self::NoAnswer { .. } | Self::Limit(_) => false,
        }
    }

    /// Whether the idempotency key must be taken as bound to this answer for 15 days.
    ///
    /// Asking again under a spent key only brings the same answer back. So a retry of
    /// [`Class::RetryLater`] takes a new key if this is true and must keep its key if not.
    pub fn spent_key(&self) -> bool {
        match self {
            Self::Refused { .. } => self.meaning() != Some(Meaning::StillRunning),
            Self::Unreadable { .. } => true,
            Self::NotSent { .. } | Self::NoAnswer { .. } | Self::Limit(_) => false,
        }
    }

    /// The earliest time at which asking again makes sense, in Korean time; `None` if nothing is known.
    ///
    /// From `Retry-After` or the code ([`codes::Pause`]), whichever is later, or from the breaker. It
    /// says when, not whether: that is [`Error::class`].
    pub fn again_at(&self, now: DateTime<Utc>) -> Option<DateTime<FixedOffset>> {
        let after = |wait: Duration| now.with_timezone(&times::korea()) + wait;
        match self {
            Self::Refused { code, retry_after, .. } => {
                let pause = codes::row(code).and_then(|row| row.pause).map(|pause| pause.ends_after(now));
                pause.max(retry_after.map(after))
            }
            Self::NotSent { reason: NotSentReason::BreakerOpen { again_in }, .. } => Some(after(*again_in)),
            Self::NotSent { .. } | Self::NoAnswer { .. } | Self::Unreadable { .. } | Self::Limit(_) => None,
        }
    }
}
