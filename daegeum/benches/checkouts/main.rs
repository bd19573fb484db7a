//! How fast checkouts are, from HTTP to the books, with everything on one machine; against the ceiling that the same
//! Temporal server sets.
//!
//! `make bench` runs it on a PostgreSQL of its own with fsync on; `--quick` shows in a minute that it runs, and
//! `rates`, `open`, `growth`, `events`, `webhooks`, `payouts`, `search` or `reconciliation` measures that part alone;
//! `sellers=1000` says how many sellers the larger run of payouts has, `rows=1000` how many settlement rows the largest
//! day; `cluster` measures on a cluster. Figures of one
//! run are comparable with each other; those of two machines are not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what is wrong"
)]
#![expect(clippy::float_arithmetic, reason = "rates are no money")]

mod ceiling;
mod cluster;
mod deliveries;
mod events;
mod figures;
mod payouts;
mod reconciliation;
mod search;
mod source;
mod stack;

use std::time::{Duration, Instant};

use ceiling::Ceiling;
use figures::{median, pace, quantiles, saturate};
use stack::{Shop, Stack};

/// How much is measured.
struct Plan {
    /// How long one figure is measured.
    slice: Duration,
    /// How often; the median counts.
    repeats: usize,
    /// How many checkouts wait for their buyers.
    open: u64,
    /// Past checkouts in the database, before the first and the last figure of the growth.
    growth: [u64; 2],
    /// How many events a reader is behind that catches up.
    behind: u64,
    /// How many sellers the runs of payouts have.
    sellers: [u64; 2],
    /// How many settlement rows the days have that are reconciled.
    settlement_rows: [u64; 3],
    /// How many payments the console searches.
    searched: u64,
}

const FULL: Plan = Plan {
    slice: Duration::from_secs(15),
    repeats: 3,
    open: 10_000,
    growth: [1_000, 1_000_000],
    behind: 100_000,
    sellers: [10_000, 100_000],
    settlement_rows: [10_000, 100_000, 1_000_000],
    searched: 1_000_000,
};
const QUICK: Plan = Plan {
    slice: Duration::from_secs(3),
    repeats: 1,
    open: 200,
    growth: [1_000, 10_000],
    behind: 2_000,
    sellers: [200, 2_000],
    settlement_rows: [1_000, 2_000, 10_000],
    searched: 20_000,
};
/// What can be measured alone on a stack with checkouts.
const PARTS: [&str; 7] = ["rates", "open", "growth", "events", "webhooks", "payouts", "search"];
/// The part that has a stack of its own.
const RECONCILIATION: &str = "reconciliation";
/// The part that needs a cluster, and is not a part of the whole.
const CLUSTER: &str = "cluster";
/// What stands before the number of sellers.
const SELLERS: &str = "sellers=";
/// What stands before the number of settlement rows.
const ROWS: &str = "rows=";
/// Enough to saturate two processors.
const IN_FLIGHT: usize = 32;
/// The steady pace at which latencies are measured, per second.
const PACE: u32 = 10;
/// How many checkouts are created at once while they pile up.
const CREATORS: u64 = 16;
/// How often each read is measured.
const READS: usize = 200;

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_told = |word: &str| std::env::args().any(|argument| argument == word);
    let mut plan = if is_told("--quick") { QUICK } else { FULL };
    let number = |name: &str| std::env::args().find_map(|argument| argument.strip_prefix(name)?.parse::<u64>().ok());
    if let Some(sellers) = number(SELLERS) {
        plan.sellers = [sellers.div_ceil(10), sellers];
    }
    if let Some(rows) = number(ROWS) {
        plan.settlement_rows = [rows.div_ceil(100), rows.div_ceil(10), rows];
    }
    let is_whole = !PARTS.into_iter().chain([RECONCILIATION, CLUSTER]).any(is_told);
    let parts = PARTS.map(|part| is_told(part) || is_whole);
    if parts.contains(&true) {
        let stack = Stack::start("checkouts", None).await;
        let (ceiling, mut worker) = Ceiling::start(&stack.temporal, "default").await;
        tokio::select! {
            () = measure(&plan, parts, &stack, &ceiling) => {}
            ended = worker.run() => panic!("the worker of the ceiling ended: {ended:?}"),
        }
    }
    if is_whole || is_told(RECONCILIATION) {
        reconciliation::measure(&plan).await;
    }
    if is_told(CLUSTER) {
        cluster::measure(&plan).await;
    }
}

async fn measure(
    plan: &Plan,
    [rates_too, open_too, growth_too, events_too, webhooks_too, payouts_too, search_too]: [bool; 7],
    stack: &Stack,
    ceiling: &Ceiling,
) {
    // What the first ones pay for (connections, caches) is not what is measured.
    saturate(&stack.shop, 4, Duration::from_secs(2)).await;
    row("", "p50", "p99", "");
    if rates_too {
        latencies(plan, stack, ceiling).await;
        throughput(plan, stack, ceiling).await;
    }
    if open_too {
        open(plan, stack).await;
    }
    if events_too {
        events::measure(plan, stack).await;
        events::cost(plan, stack).await;
    }
    if webhooks_too {
        deliveries::measure(plan, stack).await;
    }
    if payouts_too {
        payouts::measure(&plan.sellers, stack).await;
    }
    if growth_too {
        growth(plan, stack).await;
    }
    if search_too {
        let missed = search::measure(plan.searched, stack).await;
        assert!(missed.is_empty(), "the search misses its aim by: {}", missed.join(", "));
    }
}

async fn latencies(plan: &Plan, stack: &Stack, ceiling: &Ceiling) {
    let times = pace(ceiling, PACE, plan.slice).await;
    latency("(a) no-op workflow at 10/s", &times, 0);
    let times = pace(&stack.shop, PACE, plan.slice).await;
    latency("(b) create at 10/s", &times, 0);
    latency("(b) confirm to paid at 10/s", &times, 1);
}

async fn throughput(plan: &Plan, stack: &Stack, ceiling: &Ceiling) {
    let (mut ceilings, mut rates, mut ratios, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut costs, mut paid) = (Vec::new(), 0.0);
    for _ in 0..plan.repeats {
        let nothing = saturate(ceiling, IN_FLIGHT, plan.slice).await.per_second;
        let before = stack.processor_time();
        let checkouts = saturate(&stack.shop, IN_FLIGHT, plan.slice).await;
        for ((name, before), (_, after)) in before.into_iter().zip(stack.processor_time()) {
            costs.push((name, after - before));
        }
        paid += checkouts.times.len() as f64;
        ceilings.push(nothing);
        rates.push(checkouts.per_second);
        ratios.push(checkouts.per_second / nothing);
        times.extend(checkouts.times);
    }
    latency("(b) create at saturation", &times, 0);
    latency("(b) confirm to paid at saturation", &times, 1);
    figure("(a) no-op workflows", median(ceilings), "/s");
    figure("(b) paid checkouts", median(rates), "/s");
    figure("(b) ratio to (a)", median(ratios), "");
    let (events, actions) = stack.history("bench-0").await;
    figure("    history events per checkout", events as f64, "");
    figure("    actions per checkout", actions as f64, "");
    for name in ["daegeum", "temporal", "postgres", "toss-sim"] {
        let seconds: f64 = costs.iter().filter(|(process, _)| *process == name).map(|(_, seconds)| seconds).sum();
        figure(&format!("    CPU per checkout, {name}"), seconds * 1_000.0 / paid, "ms");
    }
}

/// What checkouts that wait for their buyers cost.
async fn open(plan: &Plan, stack: &Stack) {
    let before = stack.memory_kib();
    let began = Instant::now();
    let mut creators = tokio::task::JoinSet::new();
    for creator in 0..CREATORS {
        let (shop, open) = (stack.shop.clone(), plan.open);
        creators.spawn(async move {
            for number in (creator..open).step_by(CREATORS as usize) {
                shop.create(&format!("open-{number}")).await;
            }
        });
    }
    creators.join_all().await;
    figure(&format!("(e) {} opened", plan.open), plan.open as f64 / began.elapsed().as_secs_f64(), "/s");
    figure("    memory of daegeum before", before as f64 / 1024.0, "MiB");
    figure("    memory of daegeum after", stack.memory_kib() as f64 / 1024.0, "MiB");
}

/// Whether checkouts and reads cost more when many stand in the database.
async fn growth(plan: &Plan, stack: &Stack) {
    let mut stand = 0;
    for past in plan.growth {
        stack.fill(stand, past).await;
        stand = past;
        let mut rates = Vec::new();
        for _ in 0..plan.repeats {
            rates.push(saturate(&stack.shop, IN_FLIGHT, plan.slice).await.per_second);
        }
        figure(&format!("(f) paid checkouts after {past}"), median(rates), "/s");
        let paths = [
            ("one", format!("/v1/payments/past-{}", past / 2)),
            ("list", "/v1/payments?limit=50".to_owned()),
            ("list of a seller", "/v1/payments?limit=50&seller_account=seller-7".to_owned()),
            ("wallet", "/v1/wallets/seller-a".to_owned()),
            ("trial balance", "/v1/ledger/trial-balance".to_owned()),
        ];
        for (name, path) in paths {
            latency(&format!("    read {name} after {past}"), &reads(&stack.shop, &path).await, 0);
        }
    }
}

async fn reads(shop: &Shop, path: &str) -> Vec<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..READS {
        let began = Instant::now();
        assert!(shop.get(path).await.is_some(), "{path} was not answered");
        times.push(vec![began.elapsed()]);
    }
    times
}

fn latency(what: &str, times: &[Vec<Duration>], part: usize) {
    let (middle, late) = quantiles(times, part);
    row(what, &format!("{middle:.1}"), &format!("{late:.1}"), "ms");
}

fn figure(what: &str, figure: f64, unit: &str) {
    row(what, &format!("{figure:.2}"), "", unit);
}

fn row(what: &str, first: &str, second: &str, unit: &str) {
    println!("{what:<44} {first:>10} {second:>10} {unit}");
}
