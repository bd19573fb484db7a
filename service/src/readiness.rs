//! Whether this process can do its work: the database takes a write, Temporal answers, somebody polls the task queue,
//! the clocks agree, somebody opens what this process seals, and nothing that works alone stands still.
//!
//! The question costs a flush to the disk and four requests, so one task asks it: at most every second, however many
//! want to know, and by itself every minute.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use store::{Journal, PoolUse, StoreError, Watch};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

/// For how long an answer is given again.
const ANSWER_AGE: Duration = Duration::from_secs(1);
/// How often it is looked without anybody asking.
const LOOK_PAUSE: Duration = Duration::from_secs(60);
/// How long a process that begins may be without what it needs before that is logged: its own worker polls last.
const START_TIME: Duration = Duration::from_secs(10);
/// How long the database, and Temporal, may each take to answer.
const PROBE_TIME: Duration = Duration::from_secs(3);
/// How long somebody who asks waits for a new answer.
const ASKING_TIME: Duration = Duration::from_secs(4);

/// What is asked of.
#[derive(Clone)]
pub struct Probes {
    /// Writes, to find out whether the database takes it.
    pub journal: Journal,
    /// How many workers get the tasks of the task queue.
    pub polls: Arc<PollProbe>,
    /// What works alone in this process.
    pub watches: Vec<Watch>,
    /// Whether the workers open what this process seals; nothing where it seals nothing, or for itself alone.
    pub seals: Option<Arc<SealProbe>>,
}

/// Asks how many workers get the tasks of the task queue, of both kinds; nothing where Temporal does not say.
pub type PollProbe = dyn Fn() -> Pin<Box<dyn Future<Output = Option<usize>> + Send>> + Send + Sync;

/// Asks whether the workers open what this process seals; nothing where Temporal does not say.
pub type SealProbe = dyn Fn() -> Pin<Box<dyn Future<Output = Option<Seals>> + Send>> + Send + Sync;

/// Whether the workers that poll open what this process seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seals {
    /// All do, or no worker polls.
    OpenedByAll,
    /// Some do not: which, for the log.
    OpenedBySome(String),
    /// No worker does, so no checkout goes on: why, for the log.
    OpenedByNone(String),
}

/// Knows whether this process can do its work.
#[derive(Clone)]
pub struct Readiness {
    asked: Arc<Notify>,
    answers: watch::Receiver<Option<(Instant, State)>>,
    watches: Vec<Watch>,
    journal: Journal,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether the database takes a write.
    pub database: Writable,
    /// Whether a worker gets the tasks of the task queue.
    pub temporal: Polled,
    /// Nothing where it is not asked, or not known.
    pub seals: Option<Seals>,
}

/// Whether the database takes a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    /// The database takes a write.
    Yes,
    /// It does, and its clock and ours contradict each other.
    ClockOff(String),
    /// The database does not take a write.
    No,
}

/// Whether somebody gets the tasks of the task queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// By so many workers.
    By(usize),
    /// Temporal does not answer.
    Unknown,
}

impl Readiness {
    /// Starts on the current runtime; it ends with the last of its clones.
    pub fn start(probes: Probes) -> Self {
        let (answer, answers) = watch::channel(None);
        let (asked, watches, journal) = (Arc::new(Notify::new()), probes.watches.clone(), probes.journal.clone());
        tokio::spawn(look_when_asked(probes, Arc::clone(&asked), answer));
        Self { asked, answers, watches, journal }
    }

    /// What is the matter, one sentence each; nothing where this process can do its work.
    pub async fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        match self.state().await {
            None => problems.push("It is not known yet whether the database and Temporal answer.".to_owned()),
            Some(state) => problems.extend(state.problems()),
        }
        let stuck = self.watches.iter().map(Watch::read).filter(|reading| reading.is_stuck);
        problems.extend(stuck.map(|reading| {
            let (name, waiting) = (reading.name, reading.since_progress.as_secs());
            format!("The {name} of this process stands still; it last got on {waiting} s ago.")
        }));
        problems
    }

    /// Whether it is known that no worker polls the task queue.
    pub(crate) async fn has_no_worker(&self) -> bool {
        self.state().await.is_some_and(|state| state.temporal == Polled::By(0))
    }

    /// Waits until this process can do its work.
    pub async fn come(&self) {
        while !self.problems().await.is_empty() {
            // The next look is made when this one is too old.
            tokio::time::sleep(ANSWER_AGE / 4).await;
        }
    }

    /// The tasks that work alone in this process.
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// How many connections are taken of the pool that writes.
    pub fn pool_use(&self) -> PoolUse {
        self.journal.pool_use()
    }

    /// What the newest look found; a new one where that is too old.
    pub async fn state(&self) -> Option<State> {
        let is_new = |answer: &Option<(Instant, State)>| {
            answer.as_ref().is_some_and(|(looked, _)| looked.elapsed() < ANSWER_AGE)
        };
        let mut answers = self.answers.clone();
        if !is_new(&answers.borrow()) {
            self.asked.notify_one();
            // A look has deadlines of its own; without an answer the last one stands, unless it is old.
            let _ = timeout(ASKING_TIME, answers.wait_for(is_new)).await;
        }
        let answer = answers.borrow();
        answer.as_ref().filter(|(looked, _)| looked.elapsed() < 2 * ASKING_TIME).map(|(_, state)| state.clone())
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("watches", &self.watches).finish_non_exhaustive()
    }
}

impl State {
    fn problems(&self) -> Vec<String> {
        let database = match &self.database {
            Writable::Yes => None,
            Writable::ClockOff(error) => Some(format!("Nothing that rests on the time is done: {error}.")),
            Writable::No => Some("The database does not take a write.".to_owned()),
        };
        let temporal = match self.temporal {
            Polled::By(0) => Some("No worker serves the task queue.".to_owned()),
            Polled::By(_) => None,
            Polled::Unknown => Some("Temporal does not answer.".to_owned()),
        };
        let seals = match &self.seals {
            Some(Seals::OpenedByNone(_)) => {
                Some("No worker has the encryption key that seals here; `daegeum doctor` names them.".to_owned())
            }
            Some(Seals::OpenedBySome(_) | Seals::OpenedByAll) | None => None,
        };
        database.into_iter().chain(temporal).chain(seals).collect()
    }
}

async fn look_when_asked(probes: Probes, asked: Arc<Notify>, answer: watch::Sender<Option<(Instant, State)>>) {
    let (mut told, mut seals) = (Vec::new(), None);
    let started = Instant::now();
    while !answer.is_closed() {
        let began = Instant::now();
        let state = look(&probes).await;
        let problems = state.problems();
        let is_starting = started.elapsed() < START_TIME && told.is_empty();
        if problems != told && !is_starting {
            if problems.is_empty() {
                tracing::info!("this process can do its work again");
            } else {
                tracing::warn!(problems = problems.join(" "), "this process cannot do its work");
            }
            told = problems;
        }
        if state.seals != seals {
            seals.clone_from(&state.seals);
            if let Some(Seals::OpenedBySome(workers) | Seals::OpenedByNone(workers)) = &seals {
                tracing::error!("{workers}");
            }
        }
        answer.send_replace(Some((Instant::now(), state)));
        sleep_until(began + ANSWER_AGE).await;
        tokio::select! {
            () = asked.notified() => {}
            () = answer.closed() => {}
            () = sleep_until(began + LOOK_PAUSE) => {}
        }
    }
}

async fn look(probes: &Probes) -> State {
    let database = timeout(PROBE_TIME, probes.journal.probe());
    let temporal = timeout(PROBE_TIME, (probes.polls)());
    let seals = timeout(PROBE_TIME, async {
        match &probes.seals {
            Some(ask) => ask().await,
            None => None,
        }
    });
    let (database, temporal, seals) = tokio::join!(database, temporal, seals);
    let database = match database {
        Ok(Ok(())) => Writable::Yes,
        Ok(Err(error @ StoreError::ClockOff { .. })) => Writable::ClockOff(error.to_string()),
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "the database does not take a write");
            Writable::No
        }
        Err(_) => Writable::No,
    };
    let temporal = temporal.ok().flatten().map_or(Polled::Unknown, Polled::By);
    State { database, temporal, seals: seals.unwrap_or(None) }
}
