//! Idempotency keys: one key, one execution, the same bytes again.
//!
//! The identity is method, address, API key and idempotency key. The body is not part of it: a corrected
//! body under the same key gets the old answer, refusals included.

use std::collections::BTreeSet;

use axum::body::Bytes;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};
use crate::time::Instant;

/// How long a key is honoured from its first use.
const LIFETIME: TimeDelta = TimeDelta::days(15);
/// Most keys remembered at once; beyond it the oldest is forgotten early.
const MAX_KEYS: usize = 200_000;
/// Longest key, in characters.
pub(crate) const MAX_KEY_LENGTH: usize = 300;

/// What makes two requests the same request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) method: String,
    pub(crate) address: String,
    pub(crate) api_key: String,
    pub(crate) key: String,
}

/// An answer as it left, to be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) status: u16,
    #[serde(with = "crate::shelf::text")]
    pub(crate) body: Bytes,
    pub(crate) trace_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
enum State {
    /// The first request is still at the gate, executed with this answer or not executed yet.
    Running(Option<Bound>),
    Answered(Bound),
}

/// What to do with a request that carries a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// First use: execute it, [`Keys::bind`] what it comes to, then [`Keys::end`].
    First,
    /// The first request is still running.
    Running,
    /// It has been answered: this was the answer.
    Answered(Bound),
}

/// The keys in use.
#[derive(Debug)]
pub(crate) struct Keys {
    states: Shelf<Identity, (Instant, State)>,
    by_age: BTreeSet<(Instant, Identity)>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { states: Shelf::new("idempotency_key"), by_age: BTreeSet::new() }
    }
}

impl Saved for Keys {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.states.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.states.forget_changes();
    }

    /// The caller that waited for a running request is gone: executed, it has been answered; not executed, its key
    /// is free.
    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.states.restore(file)?;
        let running: Vec<Identity> = self
            .states
            .iter()
            .filter(|(_, (_, state))| matches!(state, State::Running(_)))
            .map(|(identity, _)| identity.clone())
            .collect();
        self.by_age = self.states.iter().map(|(identity, (since, _))| (*since, identity.clone())).collect();
        for identity in running {
            self.end(&identity);
        }
        Ok(())
    }
}

impl Keys {
    /// Claims the key, unless it is already in use.
    pub(crate) fn begin(&mut self, identity: &Identity, now: Instant) -> Begun {
        self.forget_old(now);
        match self.states.get(identity) {
            Some((_, State::Running(_))) => Begun::Running,
            Some((_, State::Answered(bound))) => Begun::Answered(bound.clone()),
            None => {
                self.states.insert(identity.clone(), (now, State::Running(None)));
                self.by_age.insert((now, identity.clone()));
                Begun::First
            }
        }
    }

    /// Binds the key to what its request came to. The answer is yet to leave; in the file it already has,
    /// so that a process killed in between does not execute the request again.
    pub(crate) fn bind(&mut self, identity: &Identity, bound: Bound) {
        if let Some((_, state)) = self.states.get_mut(identity) {
            *state = State::Running(Some(bound));
        }
    }

    /// Ends the first request: from now on its key answers what it came to, or is free if nothing was bound.
    pub(crate) fn end(&mut self, identity: &Identity) {
        let Some((since, state)) = self.states.remove(identity) else { return };
        match state {
            State::Running(Some(bound)) | State::Answered(bound) => {
                self.states.insert(identity.clone(), (since, State::Answered(bound)));
            }
            State::Running(None) => {
                self.by_age.remove(&(since, identity.clone()));
            }
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((since, _)) = self.by_age.first() {
            let is_kept = *since + LIFETIME > now && self.by_age.len() < MAX_KEYS;
            if is_kept {
                return;
            }
            let Some((_, identity)) = self.by_age.pop_first() else { return };
            self.states.remove(&identity);
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
        assert_eq!(keys.begin(&identity("a"), start), Begun::Running);
        keys.end(&identity("a"));
        let last_second = start + TimeDelta::days(15) - TimeDelta::seconds(1);
        assert_eq!(keys.begin(&identity("a"), last_second), Begun::Answered(bound));
        assert_eq!(keys.begin(&identity("a"), start + TimeDelta::days(15)), Begun::First);
    }

    #[test]
    fn a_key_whose_request_came_to_nothing_may_run_again() {
        let mut keys = Keys::default();
        let start = DateTime::UNIX_EPOCH;
        assert_eq!(keys.begin(&identity("a"), start), Begun::First);
        keys.end(&identity("a"));
        assert_eq!(keys.begin(&identity("a"), start), Begun::First);
        assert_eq!(keys.begin(&identity("b"), start), Begun::First);
    }
}
