//! The gate in front of each operation: how many at once, whether at all, and what became of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::breaker::{Breaker, BreakerRule, BreakerState, Ending, Terms};
use crate::codes::{self, Operation};
use crate::error::{Call, Error, NotSentReason};

/// The upper ends of the buckets of [`OperationMetrics::answer_times`], in milliseconds; what took longer is in none.
pub const ANSWER_TIME_ENDS_MS: [u64; 10] = [50, 100, 200, 400, 800, 1_500, 3_000, 10_000, 30_000, 60_000];
/// Stands in [`OperationMetrics::refusals`] for codes that no source names: there is no end of them.
pub const UNKNOWN_CODE: &str = "OTHER";

/// What became of the calls of one operation since the client was made. Counters only grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationMetrics {
    /// Which operation; [`Operation::name`] is a label.
    pub operation: Operation,
    /// Where its breaker stands.
    pub breaker: BreakerState,
    /// How often its breaker has opened.
    pub openings: u64,
    /// Calls under way now.
    pub in_flight: u32,
    /// Calls that ended in what was asked for.
    pub succeeded: u64,
    /// Calls that Toss refused with a code.
    pub refused: u64,
    /// The same, by that code.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Calls for which no connection was made.
    pub not_connected: u64,
    /// Calls that may have arrived and were not answered.
    pub no_answer: u64,
    /// Calls whose answer could not be read.
    pub unreadable: u64,
    /// Calls whose caller stopped waiting; they too may have arrived.
    pub abandoned: u64,
    /// Calls turned away, unsent, because the breaker was open.
    pub turned_away_by_breaker: u64,
    /// Calls turned away, unsent, because too many were under way.
    pub turned_away_by_crowd: u64,
    /// Time spent in all calls that ended, from the first byte of connecting to the last of the answer.
    pub time_spent: Duration,
    /// How many calls that ended took at most so long: those of each of [`ANSWER_TIME_ENDS_MS`], less those of the one
    /// before.
    pub answer_times: [u64; ANSWER_TIME_ENDS_MS.len()],
}

impl OperationMetrics {
    /// Calls that ended, however they did.
    pub fn ended(&self) -> u64 {
        let Self { succeeded, refused, not_connected, no_answer, unreadable, abandoned, .. } = self;
        succeeded + refused + not_connected + no_answer + unreadable + abandoned
    }

    fn count_time(&mut self, took: Duration) {
        self.time_spent += took;
        if let Some(bucket) = ANSWER_TIME_ENDS_MS.iter().position(|end_ms| took <= Duration::from_millis(*end_ms)) {
            self.answer_times[bucket] += 1;
        }
    }

    fn count_refusal(&mut self, code: &str) {
        self.refused += 1;
        *self.refusals.entry(codes::row(code).map_or(UNKNOWN_CODE, |row| row.code)).or_default() += 1;
    }
}

/// The gates of all operations.
#[derive(Debug)]
pub(crate) struct Gates {
    gates: [Gate; Operation::ALL.len()],
    concurrency_limit: u32,
}

#[derive(Debug)]
struct Gate(Mutex<Tally>);

#[derive(Debug)]
struct Tally {
    breaker: Breaker,
    metrics: OperationMetrics,
}

impl Gate {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Nothing panics while holding it, and counters stay counters if something did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gates {
    pub(crate) fn new(rule: BreakerRule, concurrency_limit: u32) -> Self {
        let gate = |operation| {
            let metrics = OperationMetrics {
                operation,
                breaker: BreakerState::Closed,
                openings: 0,
                in_flight: 0,
                succeeded: 0,
                refused: 0,
                refusals: BTreeMap::new(),
                not_connected: 0,
                no_answer: 0,
                unreadable: 0,
                abandoned: 0,
                turned_away_by_breaker: 0,
                turned_away_by_crowd: 0,
                time_spent: Duration::ZERO,
                answer_times: [0; ANSWER_TIME_ENDS_MS.len()],
            };
            Gate(Mutex::new(Tally { breaker: Breaker::new(rule), metrics }))
        };
        Self { gates: Operation::ALL.map(gate), concurrency_limit }
    }

    /// Lets a call through, or refuses it before anything is sent.
    ///
    /// Nobody queues here: a caller who has to wait knows better than this crate for how long.
    pub(crate) fn enter(&self, call: &Call) -> Result<Pass<'_>, Error> {
        let Some(gate) = self.gates.get(call.operation as usize) else {
            // Every operation has its gate: `ALL` is in the order of declaration.
            return Ok(Pass { gate: None, terms: Terms::Ordinary, since: Instant::now() });
        };
        let since = Instant::now();
        let mut tally = gate.tally();
        let not_sent = |reason| Error::NotSent { call: call.clone(), reason };
        // First the crowd: a trial that the breaker grants must not then be turned away.
        if tally.metrics.in_flight >= self.concurrency_limit {
            tally.metrics.turned_away_by_crowd += 1;
            return Err(not_sent(NotSentReason::Crowded { limit: self.concurrency_limit }));
        }
        match tally.breaker.admit(since) {
            Ok(terms) => {
                tally.metrics.in_flight += 1;
                Ok(Pass { gate: Some(gate), terms, since })
            }
            Err(again_in) => {
                tally.metrics.turned_away_by_breaker += 1;
                Err(not_sent(NotSentReason::BreakerOpen { again_in }))
            }
        }
    }

    pub(crate) fn metrics(&self) -> Vec<OperationMetrics> {
        let metrics = |gate: &Gate| {
            let tally = gate.tally();
            let breaker = &tally.breaker;
            OperationMetrics { breaker: breaker.state(), openings: breaker.openings(), ..tally.metrics.clone() }
        };
        self.gates.iter().map(metrics).collect()
    }
}

/// A call that was let through. Dropping it says that the caller stopped waiting.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    gate: Option<&'a Gate>,
    terms: Terms,
    since: Instant,
}

impl Pass<'_> {
    /// The call has ended.
    pub(crate) fn leave<T>(mut self, outcome: &Result<T, Error>) {
        let ending = match outcome {
            Ok(_) | Err(Error::Refused { .. }) => Ending::Answered,
            Err(Error::NotSent { .. } | Error::NoAnswer { .. } | Error::Unreadable { .. }) => Ending::Unanswered,
            // Limits are checked before the gate, so this says nothing about the operation.
            Err(Error::Limit(_)) => Ending::Abandoned,
        };
        self.settle(ending, |metrics| match outcome {
            Ok(_) => metrics.succeeded += 1,
            Err(Error::Refused { code, .. }) => metrics.count_refusal(code),
            Err(Error::NotSent { .. }) => metrics.not_connected += 1,
            Err(Error::NoAnswer { .. }) => metrics.no_answer += 1,
            Err(Error::Unreadable { .. }) => metrics.unreadable += 1,
            Err(Error::Limit(_)) => metrics.abandoned += 1,
        });
    }

    /// Settles once; the drop that follows finds no gate.
    fn settle(&mut self, ending: Ending, count: impl FnOnce(&mut OperationMetrics)) {
        let Some(gate) = self.gate.take() else { return };
        let now = Instant::now();
        let mut tally = gate.tally();
        tally.metrics.in_flight = tally.metrics.in_flight.saturating_sub(1);
        tally.metrics.count_time(now - self.since);
        tally.breaker.learn(self.terms, ending, now);
        count(&mut tally.metrics);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.settle(Ending::Abandoned, |metrics| metrics.abandoned += 1);
    }
}
