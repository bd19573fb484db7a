//! Counting requests: so many at once, and so many again in so much time (the generic cell rate algorithm).
//!
//! Written here because it is small, and because memory must have a bound: a table that is full forgets first
//! whoever has nothing to be remembered for, and then counts all newcomers as one.
//!
//! Source: ITU-T I.371; the fields are those of the IETF draft "RateLimit header fields for HTTP".

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A quota of requests that is restored evenly in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many requests may come at once. At least one.
    pub quota: u32,
    /// In how much time a used-up quota is whole again. At least one second.
    pub window: Duration,
}

impl Rate {
    /// How much of the window one request costs.
    fn cost(self) -> Duration {
        self.window / self.quota.max(1)
    }
}

/// What is left after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// The rate that was held against it.
    pub(crate) rate: Rate,
    /// How many more requests may come now.
    pub(crate) requests: u32,
    /// In what time all of the quota is there again.
    pub(crate) whole_in: Duration,
    /// In what time the next request is taken, if this one was not.
    pub(crate) refused_for: Option<Duration>,
}

/// The requests of many callers.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    capacity: usize,
    /// Of each caller, when its quota is whole again, as a time since the beginning.
    whole_at: Mutex<HashMap<Option<K>, Duration>>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Remembers at most `capacity` callers.
    pub(crate) fn new(rate: Rate, capacity: usize) -> Self {
        Self { rate, capacity, whole_at: Mutex::new(HashMap::new()) }
    }

    /// Counts a request that came `now`, a time since the beginning.
    pub(crate) fn take(&self, caller: K, now: Duration) -> Left {
        let mut all = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = Some(caller);
        let is_new = !all.contains_key(&caller);
        if is_new && all.len() >= self.capacity {
            all.retain(|_, whole_at| *whole_at > now);
        }
        let caller = if is_new && all.len() >= self.capacity { None } else { caller };
        let whole_at = all.entry(caller).or_insert(now);
        let after = (*whole_at).max(now) + self.rate.cost();
        let debt = after.saturating_sub(now);
        if debt > self.rate.window {
            return self.left(*whole_at - now, Some(debt - self.rate.window));
        }
        *whole_at = after;
        self.left(debt, None)
    }

    fn left(&self, debt: Duration, refused_for: Option<Duration>) -> Left {
        let free = self.rate.window.saturating_sub(debt).as_nanos() / self.rate.cost().as_nanos().max(1);
        let requests = if refused_for.is_some() { 0 } else { u32::try_from(free).unwrap_or(u32::MAX) };
        Left { rate: self.rate, requests, whole_in: debt, refused_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { quota: 4, window: Duration::from_secs(2) };

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_quota_is_used_up_and_comes_back_bit_by_bit() {
        let buckets = Buckets::new(RATE, 10);
        let left: Vec<u32> = (0..4).map(|_| buckets.take("a", at(0)).requests).collect();
        assert_eq!(left, [3, 2, 1, 0]);
        let refused = buckets.take("a", at(0));
        assert_eq!((refused.refused_for, refused.requests, refused.whole_in), (Some(at(500)), 0, at(2_000)));
        assert_eq!(buckets.take("b", at(0)).requests, 3, "another caller");
        assert_eq!(buckets.take("a", at(499)).refused_for, Some(at(1)));
        assert_eq!(buckets.take("a", at(500)).refused_for, None, "a refusal costs nothing");
        assert_eq!(buckets.take("a", at(500)).refused_for, Some(at(500)));
        assert_eq!(buckets.take("a", at(60_000)).requests, 3, "all of it is back, and no more");
    }

    #[test]
    fn a_full_table_forgets_the_idle_and_counts_newcomers_as_one() {
        let buckets = Buckets::new(RATE, 2);
        buckets.take(1, at(0));
        buckets.take(2, at(400));
        let newcomers: Vec<u32> = (3..6).map(|caller| buckets.take(caller, at(450)).requests).collect();
        assert_eq!(newcomers, [3, 2, 1], "1 and 2 are remembered still");
        assert_eq!(buckets.take(1, at(450)).requests, 2);
        assert_eq!(buckets.take(9, at(10_000)).requests, 3);
        assert!(buckets.whole_at.lock().unwrap().len() <= 3);
    }

    #[test]
    fn over_any_second_no_more_pass_than_the_rate_says() {
        let buckets = Buckets::new(RATE, 2);
        let passed = (0..10_000).filter(|ms| buckets.take((), at(*ms)).refused_for.is_none()).count();
        assert!((4 + 19..=4 + 20).contains(&passed), "{passed}");
    }
}
