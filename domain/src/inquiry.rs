//! The inquiry machine: a request was sent to the PSP, and the machine finds out what came of it.
//!
//! Charges and refunds are inquiries. Each is a [`Subject`], which decides what its own evidence proves. This module
//! holds what all of them share: idempotency keys, pauses, patience, and the call for a person.
//!
//! # Invariants
//!
//! * An unknown outcome is asked about, never guessed. Patience that runs out calls a person and concludes nothing.
//! * A refusal of our API key says nothing about earlier requests ([`Doubt::locked_out`]).
//! * A request leaves us only for a [`Request`], and only an [`Inquiry`] makes one. The inquiry also holds the undo: a
//!   caller that can send has promised the undo before.
//! * A new idempotency key is used only after an answer is bound to the old one ([`Doubt::answered`]).

use alloc::string::String;
use core::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    failure::{Failure, OurCode},
};

/// First pause before the PSP is asked what happened, in milliseconds. It doubles with each look-up.
pub const FIRST_PAUSE_MS: u64 = 1_000;
/// How many look-ups follow a refusal of our API key or our settings before a person is called.
pub const LOOKUPS_WHILE_LOCKED_OUT: u32 = 3;
/// Pauses double no more often than this: an hour is long past.
const MAX_DOUBLINGS: u32 = 40;

/// Why the outcome of a request is not known.
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
    /// Whether the PSP rejected our API key or our settings: only a person can mend that.
    #[serde(default, rename = "stranger")]
    pub locked_out: bool,
}

impl Doubt {
    /// An answer came, and does not tell the outcome.
    pub const fn answered(evidence: String) -> Self {
        Self { answered: true, evidence, refusal: None, locked_out: false }
    }

    /// No answer came.
    pub const fn unanswered(evidence: String) -> Self {
        Self { answered: false, evidence, refusal: None, locked_out: false }
    }
}

/// What a call to the PSP taught us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knowledge<Answer, Report> {
    /// The PSP answered the request.
    Answered(Answer),
    /// The request was sent, and its outcome is unknown.
    Lost(Doubt),
    /// The PSP was asked, and reported.
    Reported(Report),
    /// The PSP was asked, and no report came.
    NoReport,
    /// The PSP refused to undo what was requested.
    UndoRefused(Failure),
}

/// What can be learned of a subject.
pub type KnowledgeOf<S> = Knowledge<<S as Subject>::Answer, <S as Subject>::Report>;

/// What an inquiry is about.
pub trait Subject: Sized {
    /// The PSP's answer to the request.
    type Answer: Debug + PartialEq;
    /// The PSP's report when it is asked what came of the request.
    type Report: Debug + PartialEq;
    /// What matters to a decision besides the time.
    type Circumstances: Debug + Copy;
    /// What is waited for while the inquiry pauses.
    type Wait: Debug + PartialEq;
    /// Why the request is undone.
    type UndoReason: Debug + Copy + PartialEq;
    /// What the inquiry ends with.
    type Conclusion: Debug + PartialEq;

    /// The refusal in an answer.
    fn refusal(answer: &Self::Answer) -> Option<&Failure>;

    /// Remembers what only this subject needs.
    fn learn(&mut self, knowledge: &KnowledgeOf<Self>, now: Timestamp);

    /// Forgets what a fresh start makes void.
    fn start_over(&mut self);

    /// Decides the next step. Subject and progress have learned `knowledge` already.
    fn decide(&mut self, knowledge: &KnowledgeOf<Self>, situation: &Situation<'_, Self>) -> Step<Self>;
}

/// What a decision rests on, besides the knowledge.
#[derive(Debug)]
pub struct Situation<'a, S: Subject> {
    /// How far the inquiry is.
    pub progress: &'a Progress,
    /// Why the request is being undone, where it is.
    pub undoing: Option<S::UndoReason>,
    /// When, and in which circumstances.
    pub at: At<S::Circumstances>,
}

/// When, and in which circumstances, a step is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<Circumstances> {
    /// The time.
    pub now: Timestamp,
    /// The circumstances.
    pub circumstances: Circumstances,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<S: Subject> {
    /// Send the request.
    Send(Request),
    /// Ask the PSP after a pause.
    Ask {
        /// The pause, in milliseconds.
        pause_ms: u64,
        /// What is waited for.
        wait: S::Wait,
    },
    /// Begin to undo what was requested: ask the PSP what it holds. From here on the inquiry ends only with a
    /// [conclusion](Step::Conclude) or [`Inquiry::keep`].
    BeginUndo(S::UndoReason),
    /// Tell the PSP to undo what was requested.
    Undo(S::UndoReason),
    /// Call a person.
    CallForHelp(Failure),
    /// Write the conclusion: the inquiry has ended.
    Conclude(S::Conclusion),
}

/// Under which idempotency key a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The present one.
    Same,
    /// A new one, because an answer is bound to the present one.
    New,
}

/// The permission to send a request once. [`Inquiry::send`] takes it back.
///
/// Only an inquiry makes one, so nothing is sent without a promised undo:
///
/// ```compile_fail,E0451
/// let forged = domain::inquiry::Request { key: domain::inquiry::Key::New };
/// ```
///
/// And it is good for one sending:
///
/// ```compile_fail,E0382
/// # use domain::{Timestamp, inquiry::{Inquiry, Request, Subject}};
/// fn send_twice<S: Subject>(inquiry: &mut Inquiry<S>, request: Request, now: Timestamp) {
///     inquiry.send(request, now);
///     inquiry.send(request, now);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a request that is not sent leaves the inquiry where it is"]
pub struct Request {
    key: Key,
}

impl Request {
    pub(crate) const fn under(key: Key) -> Self {
        Self { key }
    }

    /// The key to send it under.
    pub const fn key(&self) -> Key {
        self.key
    }
}

/// How far an inquiry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How often the request was sent.
    pub sent: u32,
    /// The number of the present idempotency key, from zero.
    pub key_number: u32,
    /// When a request was first sent under the present key.
    pub key_since: Timestamp,
    /// When the request was last sent.
    pub sent_at: Timestamp,
    /// Whether a request under the present key may still be running: see [`Doubt::answered`].
    pub unanswered: bool,
    /// The refusal of a repeated request: a reason, and no proof.
    pub refusal: Option<Failure>,
    /// Whether the PSP rejected our API key or our settings when the request was last sent.
    pub locked_out: bool,
    /// How many pauses ran their full time since the inquiry started over.
    pub pauses: u32,
    /// When the inquiry started, or started over.
    pub since: Timestamp,
}

impl Progress {
    /// Nothing was sent yet.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            sent: 0,
            key_number: 0,
            key_since: now,
            sent_at: now,
            unanswered: false,
            refusal: None,
            locked_out: false,
            pauses: 0,
            since: now,
        }
    }

    fn send(&mut self, key: Key, now: Timestamp) {
        self.sent += 1;
        self.sent_at = now;
        self.refusal = None;
        match key {
            Key::Same => {}
            Key::New => {
                self.key_number += 1;
                self.key_since = now;
                self.unanswered = false;
            }
        }
    }

    fn learn<S: Subject>(&mut self, knowledge: &KnowledgeOf<S>) {
        match knowledge {
            Knowledge::Answered(answer) => {
                // The answer is the one to every request under its key.
                (self.unanswered, self.locked_out) = (false, false);
                self.refusal = S::refusal(answer).cloned();
            }
            Knowledge::Lost(doubt) => {
                // If the PSP rejected our key, its answer says nothing about earlier requests.
                self.unanswered = !doubt.answered || (doubt.locked_out && self.unanswered);
                self.locked_out = doubt.locked_out;
                self.refusal.clone_from(&doubt.refusal);
            }
            Knowledge::Reported(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => {}
        }
    }

    /// Whether to ask the PSP once more, or a person.
    pub fn patience(&self, patience: &Patience, now: Timestamp) -> Patient {
        if let Some(message) = patience.locked_out
            && self.locked_out
            && self.pauses >= LOOKUPS_WHILE_LOCKED_OUT
        {
            return Patient::CallForHelp(Failure::new(OurCode::PspAccessDenied, message));
        }
        if now.ms_since(self.since) >= patience.limit_ms {
            return Patient::CallForHelp(Failure::new(patience.code, patience.message));
        }
        Patient::Ask { pause_ms: (patience.pause_ms)(self.pauses) }
    }
}

/// How long an outcome may stay unknown, and how often the PSP is asked meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long until a person is called, in milliseconds.
    pub limit_ms: u64,
    /// The pause before the next look-up, in milliseconds, by the pauses before.
    pub pause_ms: fn(u32) -> u64,
    /// The person's message where the PSP rejects our key; `None` where that matters no more.
    pub locked_out: Option<&'static str>,
    /// The code of the call when the time is up.
    pub code: OurCode,
    /// The person's message then.
    pub message: &'static str,
}

/// What patience allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patient {
    /// Ask the PSP after a pause.
    Ask {
        /// The pause, in milliseconds.
        pause_ms: u64,
    },
    /// Call a person.
    CallForHelp(Failure),
}

impl Patient {
    /// The step of a subject that waits.
    pub fn step<S: Subject>(self, wait: S::Wait) -> Step<S> {
        match self {
            Self::Ask { pause_ms } => Step::Ask { pause_ms, wait },
            Self::CallForHelp(failure) => Step::CallForHelp(failure),
        }
    }
}

/// A request under way, from its first sending to its conclusion. It holds the promise to undo the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry<S: Subject> {
    /// What the inquiry is about.
    pub subject: S,
    /// How far it is.
    pub progress: Progress,
    undoing: Option<S::UndoReason>,
}

impl<S: Subject> Inquiry<S> {
    /// An inquiry that has sent nothing yet, and the permission to send its request.
    pub const fn new(subject: S, now: Timestamp) -> (Self, Request) {
        (Self { subject, progress: Progress::new(now), undoing: None }, Request::under(Key::Same))
    }

    /// An inquiry about a request that a lost workflow may have sent since an instant. It begins with a question: there
    /// is no permission to send.
    pub const fn resumed(subject: S, sent_since: Timestamp, now: Timestamp) -> Self {
        let mut progress = Progress::new(now);
        (progress.sent, progress.key_since, progress.unanswered) = (1, sent_since, true);
        Self { subject, progress, undoing: None }
    }

    /// Why the request is being undone, where it is.
    pub const fn undoing(&self) -> Option<S::UndoReason> {
        self.undoing
    }

    /// Notes that the request leaves now. Answers the number of its idempotency key.
    pub fn send(&mut self, request: Request, now: Timestamp) -> u32 {
        let Request { key } = request;
        self.progress.send(key, now);
        self.progress.key_number
    }

    /// Notes that a pause ran its full time.
    pub const fn pause_passed(&mut self) {
        self.progress.pauses += 1;
    }

    /// Learns something that calls for no decision now.
    pub fn learn(&mut self, knowledge: &KnowledgeOf<S>, now: Timestamp) {
        self.progress.learn::<S>(knowledge);
        self.subject.learn(knowledge, now);
    }

    /// Learns something, and decides the next step. To learn the same twice changes nothing.
    pub fn next(&mut self, knowledge: &KnowledgeOf<S>, at: At<S::Circumstances>) -> Step<S> {
        let now = at.now;
        self.learn(knowledge, now);
        let situation = Situation { progress: &self.progress, undoing: self.undoing, at };
        let step = self.subject.decide(knowledge, &situation);
        match &step {
            Step::BeginUndo(reason) => {
                self.undoing = Some(*reason);
                self.start_over(now);
            }
            // What is booked may be taken back later: then the inquiry goes on as one that undoes nothing.
            Step::Conclude(_) => self.undoing = None,
            Step::Send(_) | Step::Ask { .. } | Step::Undo(_) | Step::CallForHelp(_) => {}
        }
        step
    }

    /// Keeps what was booked before the undo began.
    pub const fn keep(&mut self) {
        self.undoing = None;
    }

    /// Starts over: the record has a new status, or a person decided to go on.
    pub fn start_over(&mut self, now: Timestamp) {
        (self.progress.pauses, self.progress.since) = (0, now);
        self.subject.start_over();
    }
}

/// The pause before the next look-up, by the pauses before: 1 s, 2 s, 4 s … up to `longest_ms`.
pub fn pause_ms(pauses: u32, longest_ms: u64) -> u64 {
    FIRST_PAUSE_MS.checked_shl(pauses.min(MAX_DOUBLINGS)).unwrap_or(longest_ms).min(longest_ms)
}
