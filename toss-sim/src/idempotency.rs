//! Idempotency keys: one key, one execution, the same bytes again.
//!
//! The identity is method, address, API key and idempotency key. The body is not part of it: a corrected
//! body under the same key gets the old answer, refusals included.

use std::collections::{BTreeSet, HashMap};

use axum::body::Bytes;
use chrono::TimeDelta;

use crate::time::Instant;

/// How long a key is honoured from its first use.
const LIFETIME: TimeDelta = TimeDelta::days(15);
/// Most keys remembered at once; beyond it the oldest is forgotten early.
const MAX_KEYS: usize = 200_000;
/// Longest key, in characters.
pub(crate) const MAX_KEY_LENGTH: usize = 300;

/// What makes two requests the same request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) method: String,
    pub(crate) address: String,
    pub(crate) api_key: String,
    pub(crate) key: String,
}

/// An answer as it left, to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) trace_id: String,
}

#[derive(Debug)]
enum State {
    Running,
    Answered(Bound),
}

/// What to do with a request that carries a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// First use: execute it, then [`Keys::bind`] or [`Keys::release`].
    First,
    /// The first request is still running.
    Running,
    /// It has been answered: this was the answer.
    Answered(Bound),
}

/// The keys in use.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    states: HashMap<Identity, (Instant, State)>,
    by_age: BTreeSet<(Instant, Identity)>,
}

impl Keys {
    /// Claims the key, unless it is already in use.
    pub(crate) fn begin(&mut self, identity: &Identity, now: Instant) -> Begun {
        self.forget_old(now);
        match self.states.get(identity) {
            Some((_, State::Running)) => Begun::Running,
            Some((_, State::Answered(bound))) => Begun::Answered(bound.clone()),
            None => {
                self.states.insert(identity.clone(), (now, State::Running));
                self.by_age.insert((now, identity.clone()));
                Begun::First
            }
        }
    }

    /// Binds the answer to the key.
    pub(crate) fn bind(&mut self, identity: &Identity, bound: Bound) {
        if let Some((_, state)) = self.states.get_mut(identity) {
            *state = State::Answered(bound);
        }
    }

    /// Frees the key: the request was never executed.
    pub(crate) fn release(&mut self, identity: &Identity) {
        if let Some((since, _)) = self.states.remove(identity) {
            self.by_age.remove(&(since, identity.clone()));
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((since, _)) = self.by_age.first() {
            let is_kept = *since + LIFETIME > now && self.by_age.len() < MAX_KEYS;
            if is_kept {
                return;
            }
            if let Some((_, identity)) = self.by_age.pop_first() {
                self.states.remove(&identity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, Bound, Identity, Keys};
    use axum::body::Bytes;
    use chrono::{DateTime, TimeDelta};

    fn identity(key: &str) -> Identity {
        Identity {
            method: "POST".to_owned(),
            address: "/v1/payments/confirm".to_owned(),
            api_key: "test_sk_daegeum".to_owned(),
            key: key.to_owned(),
        }
    }

    #[test]
    fn a_key_runs_once_and_is_forgotten_after_fifteen_days() {
        let mut keys = Keys::default();
        let start = DateTime::UNIX_EPOCH;
        let bound = Bound { status: 403, body: Bytes::from_static(b"{}"), trace_id: "t".to_owned() };

        assert_eq!(keys.begin(&identity("a"), start), Begun::First);
        assert_eq!(keys.begin(&identity("a"), start), Begun::Running);
        keys.bind(&identity("a"), bound.clone());
        let last_second = start + TimeDelta::days(15) - TimeDelta::seconds(1);
        assert_eq!(keys.begin(&identity("a"), last_second), Begun::Answered(bound));
        assert_eq!(keys.begin(&identity("a"), start + TimeDelta::days(15)), Begun::First);
    }

    #[test]
    fn a_released_key_may_run_again() {
        let mut keys = Keys::default();
        let start = DateTime::UNIX_EPOCH;
        assert_eq!(keys.begin(&identity("a"), start), Begun::First);
        keys.release(&identity("a"));
        assert_eq!(keys.begin(&identity("a"), start), Begun::First);
        assert_eq!(keys.begin(&identity("b"), start), Begun::First);
    }
}
