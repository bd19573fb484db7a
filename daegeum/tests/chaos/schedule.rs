//! What happens in a run, all of it drawn from the seed before anything starts: the same seed, the same schedule.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// The interruptions fall in this part of the run, in hundredths: whoever recovers must be seen buying afterwards.
const BLOWS_WITHIN: std::ops::Range<u64> = 3..93;
/// How long a frozen process stands still, in milliseconds.
const FREEZE_MS: std::ops::Range<u64> = 500..6_000;
/// How many interruptions of a hundred kill; the others freeze.
const KILLS_PER_CENT: u32 = 75;
/// How many checkouts of a hundred meet a mischief of Toss that is meant for them alone.
const MISCHIEF_PER_CENT: u32 = 25;
/// Prices in won.
const PRICES: std::ops::Range<u64> = 1_000..90_000;

/// A process that is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Api,
    FirstWorker,
    SecondWorker,
    Temporal,
    Simulator,
    /// Only PostgreSQL is a process of its own.
    Database,
    /// The processes of a cluster.
    FirstServe,
    SecondServe,
    FirstFrontend,
    SecondFrontend,
    FirstHistory,
    SecondHistory,
    FirstMatching,
    SecondMatching,
    TemporalWorker,
    Balancer,
    /// PostgreSQL's primary, after whose death a standby is promoted.
    Primary,
    Standby,
}

/// What is struck on one machine, in turn.
pub(crate) const EMBEDDED: [Target; 5] =
    [Target::Api, Target::FirstWorker, Target::Temporal, Target::SecondWorker, Target::Simulator];

/// What is struck of a cluster, in turn: a short run meets each role before it meets the second of one.
pub(crate) const CLUSTER: [Target; 13] = [
    Target::Primary,
    Target::FirstHistory,
    Target::FirstServe,
    Target::FirstFrontend,
    Target::FirstMatching,
    Target::Standby,
    Target::TemporalWorker,
    Target::Balancer,
    Target::SecondServe,
    Target::SecondHistory,
    Target::SecondFrontend,
    Target::SecondMatching,
    Target::Simulator,
];

impl Target {
    /// How it is called in the timeline and in its log's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::FirstWorker => "worker-1",
            Self::SecondWorker => "worker-2",
            Self::Temporal => "temporal",
            Self::Simulator => "toss-sim",
            Self::Database => "postgres",
            Self::FirstServe => "serve-1",
            Self::SecondServe => "serve-2",
            Self::FirstFrontend => "frontend-1",
            Self::SecondFrontend => "frontend-2",
            Self::FirstHistory => "history-1",
            Self::SecondHistory => "history-2",
            Self::FirstMatching => "matching-1",
            Self::SecondMatching => "matching-2",
            Self::TemporalWorker => "temporal-worker",
            Self::Balancer => "haproxy",
            Self::Primary => "postgres primary",
            Self::Standby => "postgres standby",
        }
    }

    /// Whether it is PostgreSQL, whose processes are only killed: a frozen one is a partition, which needs fencing.
    const fn is_database(self) -> bool {
        matches!(self, Self::Database | Self::Primary | Self::Standby)
    }
}

/// What is done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// kill -9, and started again at once.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Freeze(Duration),
}

/// A interruption and when it falls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScheduledInterruption {
    pub(crate) after: Duration,
    pub(crate) target: Target,
    pub(crate) interruption: Interruption,
}

/// What a buyer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Story {
    /// Pays by card.
    Pays,
    /// Pays by card in two tabs at once.
    PaysTwice,
    /// Has the card declined.
    IsDeclined,
    /// Takes a virtual account and pays into it.
    Deposits,
    /// Goes away; the checkout expires.
    Leaves,
    /// Changes their mind before paying.
    Cancels,
    /// Pays by card, and gets a half back; it is asked for twice with the same key.
    IsRefunded,
    /// Pays by card, and gets both halves back; they are asked for at once.
    IsRefundedInParts,
    /// Pays by card, and the marketplace deletes the checkout.
    GivesAllBack,
    /// Pays by card, and the marketplace deletes the checkout in the same moment.
    ChangesTheirMind,
}

/// One buyer.
#[derive(Debug, Clone)]
pub(crate) struct Buyer {
    pub(crate) checkout_id: String,
    pub(crate) after: Duration,
    pub(crate) story: Story,
    /// What each seller gets, in won.
    pub(crate) prices: Vec<u64>,
    /// What Toss does wrong: to which call, and how.
    pub(crate) mischief: Option<(&'static str, &'static str)>,
}

impl Buyer {
    pub(crate) fn total(&self) -> u64 {
        self.prices.iter().sum()
    }
}

/// A whole run.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) buyers: Vec<Buyer>,
    pub(crate) strikes: Vec<ScheduledInterruption>,
}

const STORIES: [(Story, u32); 10] = [
    (Story::Pays, 40),
    (Story::ChangesTheirMind, 5),
    (Story::PaysTwice, 10),
    (Story::IsDeclined, 10),
    (Story::Deposits, 10),
    (Story::Leaves, 5),
    (Story::Cancels, 5),
    (Story::IsRefunded, 5),
    (Story::IsRefundedInParts, 5),
    (Story::GivesAllBack, 5),
];

/// What Toss does wrong to a call.
const MISCHIEF: [(&str, &str); 17] = [
    ("confirm", "refuse_connection"),
    ("confirm", "stall_before"),
    ("confirm", "execute_and_stall"),
    ("confirm", "execute_and_error"),
    ("confirm", "garbage_after"),
    ("confirm", "rate_limit"),
    ("confirm", "wrong_amount"),
    ("confirm", "unknown_field"),
    ("lookup", "stall_before"),
    ("webhook", "drop"),
    ("webhook", "duplicate"),
    ("cancel", "refuse_connection"),
    ("cancel", "stall_before"),
    ("cancel", "execute_and_stall"),
    ("cancel", "execute_and_error"),
    ("cancel", "garbage_after"),
    ("cancel", "rate_limit"),
];

impl Schedule {
    /// Draws a run of so many checkouts at `rate` a second and so many interruptions at these targets.
    pub(crate) fn draw(
        seed: u64,
        (checkouts, rate): (usize, f64),
        (interruptions, targets): (usize, &[Target]),
    ) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let gap = Duration::from_secs_f64(1.0 / rate);
        let mut buyers = Vec::new();
        for number in 0..checkouts {
            let after = gap * u32::try_from(number).unwrap_or(u32::MAX);
            buyers.push(buyer(&mut random, number, after));
        }
        let span_ms =
            u64::try_from((gap * u32::try_from(checkouts).unwrap_or(u32::MAX)).as_millis()).unwrap_or(u64::MAX);
        let within = span_ms * BLOWS_WITHIN.start / 100..(span_ms * BLOWS_WITHIN.end / 100).max(1);
        let mut strikes: Vec<_> =
            (0..interruptions).map(|number| strike(&mut random, &within, targets[number % targets.len()])).collect();
        strikes.sort_by_key(|strike| strike.after);
        Self { buyers, strikes }
    }
}

fn buyer(random: &mut StdRng, number: usize, after: Duration) -> Buyer {
    let story = STORIES.choose_weighted(random, |(_, weight)| *weight).map_or(Story::Pays, |(story, _)| *story);
    let sellers = random.random_range(1..=3);
    let prices = (0..sellers).map(|_| random.random_range(PRICES)).collect();
    let mischief = random.random_ratio(MISCHIEF_PER_CENT, 100).then(|| MISCHIEF.choose(random).copied()).flatten();
    let mischief = if story == Story::IsDeclined { Some(("confirm", "error_before")) } else { mischief };
    Buyer { checkout_id: format!("chaos-{number:06}"), after, story, prices, mischief }
}

fn strike(random: &mut StdRng, within: &std::ops::Range<u64>, target: Target) -> ScheduledInterruption {
    let after = Duration::from_millis(random.random_range(within.clone()));
    let kills = random.random_ratio(KILLS_PER_CENT, 100) || target.is_database();
    let freeze = Duration::from_millis(random.random_range(FREEZE_MS));
    ScheduledInterruption {
        after,
        target,
        interruption: if kills { Interruption::Kill } else { Interruption::Freeze(freeze) },
    }
}
