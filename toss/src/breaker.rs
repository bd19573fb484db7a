//! When to stop asking an operation that brings no answers.
//!
//! Pure: the caller gives the time. An open breaker refuses before anything is sent, so it can only ever say
//! "not sent"; what earlier calls did stays as unknown as it was.

use std::time::{Duration, Instant};

/// The longest rest; a longer one is taken for this.
const REST_LIMIT: Duration = Duration::from_secs(60 * 60);

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// Calls in a row without a readable answer that open it. 10 unless set; `u32::MAX` never opens.
    pub failures: u32,
    /// How long it stays open before one call is let through to try. 5 s unless set, an hour at most.
    pub rest: Duration,
}

impl Default for BreakerRule {
    fn default() -> Self {
        Self { failures: 10, rest: Duration::from_secs(5) }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open,
    /// One call is under way to try; no other passes.
    HalfOpen,
}

/// On what terms a call was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    Ordinary,
    /// It tries whether the operation answers again.
    Trial,
}

/// How a call that was let through ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With an answer of Toss, be it a refusal.
    Answered,
    /// Without one, or with one that cannot be read.
    Unanswered,
    /// The caller stopped waiting. It says nothing about the operation.
    Abandoned,
}

#[derive(Debug, Clone, Copy)]
enum Position {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    rule: BreakerRule,
    position: Position,
    openings: u64,
}

impl Breaker {
    pub(crate) fn new(rule: BreakerRule) -> Self {
        let rule = BreakerRule { rest: rule.rest.min(REST_LIMIT), ..rule };
        Self { rule, position: Position::Closed { failures: 0 }, openings: 0 }
    }

    /// Lets a call through, or says how long none will be.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Terms, Duration> {
        match self.position {
            Position::Closed { .. } => Ok(Terms::Ordinary),
            Position::Open { until } if now < until => Err(until - now),
            Position::Open { .. } => {
                self.position = Position::HalfOpen;
                Ok(Terms::Trial)
            }
            Position::HalfOpen => Err(self.rule.rest),
        }
    }

    /// Learns how a call ended.
    ///
    /// An answer closes, whoever got it. Silence counts only while closed or on trial: calls that left
    /// before it opened must not keep it open.
    pub(crate) fn learn(&mut self, terms: Terms, ending: Ending, now: Instant) {
        match (ending, self.position, terms) {
            (Ending::Answered, _, _) => self.position = Position::Closed { failures: 0 },
            (Ending::Unanswered, Position::Closed { failures }, _) => {
                let failures = failures.saturating_add(1);
                if failures >= self.rule.failures && self.rule.failures < u32::MAX {
                    self.open(now);
                } else {
                    self.position = Position::Closed { failures };
                }
            }
            (Ending::Unanswered, Position::HalfOpen, Terms::Trial) => self.open(now),
            // A trial that nobody waited for is tried by the next call.
            (Ending::Abandoned, Position::HalfOpen, Terms::Trial) => self.position = Position::Open { until: now },
            (Ending::Unanswered | Ending::Abandoned, _, _) => {}
        }
    }

    fn open(&mut self, now: Instant) {
        self.openings += 1;
        self.position = Position::Open { until: now + self.rule.rest };
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.position {
            Position::Closed { .. } => BreakerState::Closed,
            Position::Open { .. } => BreakerState::Open,
            Position::HalfOpen => BreakerState::HalfOpen,
        }
    }

    pub(crate) fn openings(&self) -> u64 {
        self.openings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(5);
    const RULE: BreakerRule = BreakerRule { failures: 3, rest: REST };

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(RULE);
        for _ in 0..3 {
            assert_eq!(breaker.admit(now), Ok(Terms::Ordinary));
            breaker.learn(Terms::Ordinary, Ending::Unanswered, now);
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker
    }

    #[test]
    fn silence_in_a_row_opens_and_an_answer_between_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULE);
        for ending in [Ending::Unanswered, Ending::Unanswered, Ending::Answered, Ending::Unanswered, Ending::Abandoned]
        {
            breaker.learn(Terms::Ordinary, ending, now);
            assert_eq!(breaker.state(), BreakerState::Closed, "{ending:?}");
        }
        breaker.learn(Terms::Ordinary, Ending::Unanswered, now);
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.learn(Terms::Ordinary, Ending::Unanswered, now);
        assert_eq!((breaker.state(), breaker.openings()), (BreakerState::Open, 1));
    }

    #[test]
    fn after_its_rest_one_call_tries_and_decides() {
        let now = Instant::now();
        for (ending, expected) in [
            (Ending::Answered, BreakerState::Closed),
            (Ending::Unanswered, BreakerState::Open),
            (Ending::Abandoned, BreakerState::Open),
        ] {
            let mut breaker = opened(now);
            assert_eq!(breaker.admit(now + REST / 5), Err(REST * 4 / 5));
            let later = now + REST;
            assert_eq!(breaker.admit(later), Ok(Terms::Trial));
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            assert_eq!(breaker.admit(later), Err(REST), "one at a time");
            breaker.learn(Terms::Trial, ending, later);
            assert_eq!(breaker.state(), expected, "{ending:?}");
            let next = breaker.admit(later);
            match ending {
                Ending::Answered => assert_eq!(next, Ok(Terms::Ordinary)),
                Ending::Unanswered => assert_eq!(next, Err(REST)),
                Ending::Abandoned => assert_eq!(next, Ok(Terms::Trial), "the next call tries"),
            }
        }
    }

    #[test]
    fn calls_from_before_it_opened_do_not_keep_it_open() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.learn(Terms::Ordinary, Ending::Unanswered, now + REST / 2);
        assert_eq!((breaker.admit(now + REST), breaker.openings()), (Ok(Terms::Trial), 1));
        breaker.learn(Terms::Ordinary, Ending::Unanswered, now + REST);
        assert_eq!(breaker.state(), BreakerState::HalfOpen, "the trial decides");
        breaker.learn(Terms::Ordinary, Ending::Answered, now + REST);
        assert_eq!(breaker.state(), BreakerState::Closed, "an answer is an answer");
    }

    #[test]
    fn a_rest_without_end_ends() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerRule { failures: 1, rest: Duration::MAX });
        breaker.learn(Terms::Ordinary, Ending::Unanswered, now);
        assert_eq!(breaker.admit(now), Err(REST_LIMIT));
        assert_eq!(breaker.admit(now + REST_LIMIT), Ok(Terms::Trial));
    }

    #[test]
    fn a_breaker_may_be_told_never_to_open() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerRule { failures: u32::MAX, rest: REST });
        breaker.position = Position::Closed { failures: u32::MAX };
        breaker.learn(Terms::Ordinary, Ending::Unanswered, now);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
