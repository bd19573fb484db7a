//! Kill anything, lose nothing: real processes under a steady load, struck at random moments by `kill -9` and SIGSTOP,
//! while Toss misbehaves. All of it follows from a seed.
//!
//! `make chaos` runs it; `make chaos ARGS="--checkouts 10000 --kills 200"` runs it for long. When all is quiet, it
//! holds every checkout against what Toss really did and against the books, and every answer that a client ever got
//! against what came of it. Payout runs go on meanwhile, and each seller of each is paid once. A failure prints the
//! seed and the timeline and keeps the data directory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]
#![expect(clippy::float_arithmetic, reason = "seconds are no money")]

mod cluster;
mod events;
mod payouts;
mod process;
mod schedule;
mod shop;
mod stack;
mod verdict;

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::{Parser, ValueEnum};
use payouts::Payouts;
use rand::Rng;
use schedule::{CLUSTER, EMBEDDED, Schedule, Target};
use shop::Shop;
use stack::Stack;
use tokio::signal::unix::{SignalKind, signal};

/// How many buyers are served at once; more wait their turn.
const MOST_AT_ONCE: usize = 300;
/// How often it is said how far a run has come.
const PROGRESS: Duration = Duration::from_secs(30);
/// Below this, recovery is what was promised.
const RECOVERY_AIM: Duration = Duration::from_secs(30);
/// The same on a cluster, where the second of everything is there already.
const CLUSTER_RECOVERY_AIM: Duration = Duration::from_secs(15);

/// The exit code of a run that was interrupted.
const INTERRUPTED: u8 = 130;

/// Kills everything, again and again, and sees whether anything is lost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many checkouts
    #[arg(long, default_value_t = 200)]
    checkouts: usize,
    /// How many begin in a second
    #[arg(long, default_value_t = 4.0)]
    rate: f64,
    /// How many interruptions fall, kills and freezes together
    #[arg(long, default_value_t = 12)]
    kills: usize,
    /// Repeats an earlier run's schedule [default: a random one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Where the data is
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Kind,
    /// On a cluster: Temporal in seven processes, PostgreSQL with two standbys, two `serve`, HAProxy. All of it is
    /// struck, and the primary's death promotes a standby
    #[arg(long, conflicts_with = "database")]
    cluster: bool,
    /// Another build of daegeum, which the second worker runs, or the second `serve` of a cluster: two versions side by
    /// side, as while a new one is deployed
    #[arg(long, value_name = "BINARY")]
    beside: Option<PathBuf>,
    /// Keeps the cluster up in this directory until Ctrl-C, with no load and no interruption
    #[arg(long, value_name = "DIRECTORY", requires = "cluster")]
    keep_up: Option<PathBuf>,
    /// No new checkouts after so many seconds
    #[arg(long, default_value_t = 3_600)]
    duration: u64,
    /// How many seconds all may take to come to rest afterwards: what was given up while it was charged waits until
    /// Toss ends its session, ten minutes later
    #[arg(long, default_value_t = 900)]
    patience: u64,
}

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A file.
    Sqlite,
    /// The server that `make chaos` starts, and that is killed like everything else.
    Postgres,
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let arguments = Arguments::parse();
    // Processes have groups of their own, so Ctrl-C reaches this one alone. The others die with the stack, which the
    // runtime drops.
    let done = runtime.block_on(async {
        tokio::select! {
            done = carry_out(&arguments) => done,
            () = told_to_end() => {
                println!("chaos: ending everything");
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    });
    done.unwrap_or_else(|error| {
        println!("chaos: {error:#}");
        ExitCode::FAILURE
    })
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_end() {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).unwrap(), signal(SignalKind::terminate()).unwrap());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn carry_out(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.keep_up {
        Some(directory) => match keep_up(arguments, directory).await? {},
        None => run(arguments).await,
    }
}

impl Arguments {
    const fn recovery_aim(&self) -> Duration {
        if self.cluster { CLUSTER_RECOVERY_AIM } else { RECOVERY_AIM }
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = if self.cluster { CLUSTER.to_vec() } else { EMBEDDED.to_vec() };
        if self.database == Kind::Postgres {
            targets.push(Target::Database);
        }
        targets
    }
}

/// Starts the cluster and keeps it up.
async fn keep_up(arguments: &Arguments, directory: &Path) -> anyhow::Result<Infallible> {
    cluster::make_directory(directory)?;
    let stack = Stack::start(arguments, directory).await?;
    cluster::keep_up(&stack, directory).await
}

async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    let place = if arguments.cluster { "Cluster".to_owned() } else { format!("{:?}", arguments.database) };
    println!("chaos: {} checkouts, {} interruptions, {place}, --seed {seed}", arguments.checkouts, arguments.kills);
    if let Some(binary) = &arguments.beside {
        println!("chaos: the second worker is {}", binary.display());
    }
    let targets = arguments.targets();
    let interruptions = (arguments.kills, &targets[..]);
    let mut schedule = Schedule::draw(seed, (arguments.checkouts, arguments.rate), interruptions);
    let limit = Duration::from_secs(arguments.duration);
    schedule.buyers.retain(|buyer| buyer.after < limit);
    schedule.strikes.retain(|strike| strike.after < limit);

    let directory = tempfile::tempdir()?;
    if arguments.cluster {
        cluster::make_directory(directory.path())?;
    }
    let stack = Stack::start(arguments, directory.path()).await?;
    let shop = Shop::of(&stack);
    let schedule = Arc::new(schedule);
    let time = schedule.buyers.last().map_or(Duration::ZERO, |buyer| buyer.after);
    let payouts = Payouts::prepare(&stack, payouts::Load { seed, interruptions: arguments.kills, time }, &shop).await;
    let struck = load(&stack, &shop, &schedule, &payouts).await;
    let loaded = stack.timeline.now();
    println!("load over after {:.0} s; waiting until all is quiet", loaded.as_secs_f64());

    let rested = verdict::rest(&stack, &shop, Duration::from_secs(arguments.patience)).await;
    let mut wrong = match &rested {
        Ok(helped) => {
            let quiet = stack.timeline.now() - loaded;
            println!("quiet after another {:.0} s; a person was needed for {helped}", quiet.as_secs_f64());
            Vec::new()
        }
        Err(open) => vec![open.clone()],
    };
    wrong.extend(verdict::judge(&stack, &shop, &schedule).await);
    wrong.extend(payouts.judge(&shop).await);
    let longest = verdict::report(&shop, &schedule, &struck).await;
    stack.stop().await;
    if longest.is_some_and(|longest| longest > arguments.recovery_aim()) {
        println!("note: the longest recovery missed the aim of {} s", arguments.recovery_aim().as_secs());
    }
    if wrong.is_empty() {
        println!("chaos: nothing lost, nothing charged twice, no false answer; --seed {seed}");
        return Ok(ExitCode::SUCCESS);
    }
    verdict::tell(&wrong);
    println!("chaos: {} things are wrong; --seed {seed}; the data is in {}", wrong.len(), directory.keep().display());
    println!("{}", stack.timeline.told());
    Ok(ExitCode::FAILURE)
}

/// How far a run has come.
#[derive(Debug, Default)]
struct LoadProgress {
    came: AtomicUsize,
    served: AtomicUsize,
    interruptions: AtomicUsize,
}

impl LoadProgress {
    /// Says again and again how far it is; never ends.
    async fn tell(&self, stack: &Stack, schedule: &Schedule) -> Infallible {
        loop {
            tokio::time::sleep(PROGRESS).await;
            let [came, served, interruptions] =
                [&self.came, &self.served, &self.interruptions].map(|it| it.load(Ordering::Relaxed));
            println!(
                "{:5.0} s: {came} of {} buyers came, {} are being served; {interruptions} of {} interruptions fell",
                stack.timeline.now().as_secs_f64(),
                schedule.buyers.len(),
                came - served.min(came),
                schedule.strikes.len()
            );
        }
    }
}

/// Lets buyers come, payout runs be asked for and interruptions fall, each at its time. Answers when each interruption
/// really fell.
async fn load(
    stack: &Arc<Stack>,
    shop: &Shop,
    schedule: &Arc<Schedule>,
    payouts: &Arc<Payouts>,
) -> Vec<(Duration, usize)> {
    let began = tokio::time::Instant::now();
    let progress = Arc::new(LoadProgress::default());
    let (interruptions, plan, fallen) = (Arc::clone(stack), Arc::clone(schedule), Arc::clone(&progress));
    let striking = tokio::spawn(async move {
        let mut falling = tokio::task::JoinSet::new();
        for (index, strike) in plan.strikes.iter().copied().enumerate() {
            tokio::time::sleep_until(began + strike.after).await;
            fallen.interruptions.fetch_add(1, Ordering::Relaxed);
            let interruptions = Arc::clone(&interruptions);
            falling.spawn(async move { (interruptions.strike(strike).await, index) });
        }
        falling.join_all().await
    });
    let paying = tokio::spawn(Arc::clone(payouts).run(shop.clone(), began));
    let shopping = async {
        let turns = Arc::new(tokio::sync::Semaphore::new(MOST_AT_ONCE));
        let mut buyers = tokio::task::JoinSet::new();
        for index in 0..schedule.buyers.len() {
            tokio::time::sleep_until(began + schedule.buyers[index].after).await;
            let turn = Arc::clone(&turns).acquire_owned().await.unwrap();
            progress.came.fetch_add(1, Ordering::Relaxed);
            let (shop, plan, served) = (shop.clone(), Arc::clone(schedule), Arc::clone(&progress));
            buyers.spawn(async move {
                shop.serve(&plan.buyers[index]).await;
                served.served.fetch_add(1, Ordering::Relaxed);
                drop(turn);
            });
        }
        buyers.join_all().await;
        paying.await.unwrap();
        striking.await.unwrap()
    };
    tokio::select! {
        struck = shopping => struck,
        never = progress.tell(stack, schedule) => match never {},
    }
}
