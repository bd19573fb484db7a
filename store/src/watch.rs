//! Watches the single tasks of a process, so that other tasks see a stall.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The watch of one worker: it says when it has work and when it gets on, and everybody can read it.
#[derive(Debug, Clone)]
pub struct Watch {
    name: &'static str,
    /// How long work may wait, or a sign of life be overdue.
    patience: Duration,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Since when the oldest work waits.
    waiting_since: Option<Instant>,
    /// When the next sign of life is due, where one is.
    due: Option<Instant>,
    progress: Instant,
}

/// What a watch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The name of the watched task.
    pub name: &'static str,
    /// How long the oldest work waits; zero where none does.
    pub waiting: Duration,
    /// How long ago it last got on.
    pub since_progress: Duration,
    /// Whether the task is stalled.
    pub is_stuck: bool,
}

impl Watch {
    /// The watch of a task without work.
    pub fn new(name: &'static str, patience: Duration) -> Self {
        let seen = Seen { waiting_since: None, due: None, progress: Instant::now() };
        Self { name, patience, seen: Arc::new(Mutex::new(seen)) }
    }

    /// Work waits since an instant.
    pub fn works_since(&self, since: Instant) {
        self.set(|seen| seen.waiting_since = Some(since));
    }

    /// It got on; other work may wait.
    pub fn got_on(&self) {
        self.set(|seen| seen.progress = Instant::now());
    }

    /// Nothing waits, and nothing is due.
    pub fn rests(&self) {
        self.set(|seen| (seen.waiting_since, seen.due) = (None, None));
    }

    /// Nothing waits; the next sign of life comes within this time.
    pub fn rests_for(&self, pause: Duration) {
        self.set(|seen| (seen.waiting_since, seen.due) = (None, Some(Instant::now() + pause)));
    }

    /// Whether the task makes progress.
    pub fn read(&self) -> Reading {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |since: Option<Instant>| since.map_or(Duration::ZERO, |since| since.elapsed());
        let waiting = late(seen.waiting_since);
        let is_stuck = waiting > self.patience || late(seen.due) > self.patience;
        Reading { name: self.name, waiting, since_progress: seen.progress.elapsed(), is_stuck }
    }

    fn set(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_that_waits_too_long_is_stuck() {
        let watch = Watch::new("clerk", Duration::from_secs(30));
        assert!(!watch.read().is_stuck);
        let ago = |seconds| Instant::now() - Duration::from_secs(seconds);
        watch.works_since(ago(29));
        assert!(!watch.read().is_stuck);
        watch.works_since(ago(31));
        assert!(watch.read().is_stuck && watch.read().waiting >= Duration::from_secs(31));
        watch.got_on();
        assert!(watch.read().is_stuck, "work that waits is not done by work that was done");
        watch.rests();
        assert_eq!((watch.read().is_stuck, watch.read().waiting), (false, Duration::ZERO));
    }

    #[test]
    fn a_sign_of_life_that_does_not_come_is_missed() {
        let watch = Watch::new("clerk", Duration::ZERO);
        watch.rests_for(Duration::from_secs(60));
        assert!(!watch.read().is_stuck);
        watch.rests_for(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
        assert!(watch.read().is_stuck);
    }
}
