//! `daegeum reconcile`: starts the reconciliation of a day, or finds the one that runs, and follows it.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use domain::{
    calendar::Day,
    reconciliation::{BreakStatus, RunStatus},
};
use serde_json::{Value, json};
use service::reconciliation::{DayToReconcile, StartError, start};
use store::{BreakRecord, Reader, ReconciliationRecord};
use temporalio_client::Client;
use tokio::time::sleep;

use crate::{
    cli::{
        breaks,
        output::{Output, print_json},
    },
    compose,
    settings::Settings,
    values::{self, now, rfc3339},
};

/// Options of the reconciliation.
#[derive(Debug, Args)]
pub(crate) struct ReconcileOptions {
    /// The day, in Korea [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) day: Option<Day>,
    /// The age from which a movement at Toss must be booked, such as 30m; 0m expects everything to be booked
    #[arg(long = "grace", value_name = "TIME", default_value = "1h", value_parser = values::length)]
    pub(crate) grace_ms: u64,
    /// The day on which deadlines are judged [default: today]
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<Day>,
    /// Wait for the end however long it takes [default: 10 minutes]
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// The exit code where the run has no verdict: neither "all agrees" nor "breaks".
const NO_VERDICT: u8 = 3;
/// How long a run is followed that nobody said to wait for.
const FOLLOW_TIME: Duration = Duration::from_secs(10 * 60);
/// How often the run's row is read.
const POLL: Duration = Duration::from_millis(200);
/// How long a command may be silent before it says how far the run is, and then how often it does.
const SILENCE: Duration = Duration::from_secs(2);
/// The most breaks that are printed.
const MOST_SHOWN: u64 = 1_000;

/// Reconciles one day and says what differs. Exit 1 where a break is open, 3 where there is no verdict.
pub(crate) async fn run(settings: &Settings, options: &ReconcileOptions) -> ExitCode {
    reconcile(settings, options).await.unwrap_or_else(|error| {
        eprintln!("daegeum: {}", crate::told_once(&error));
        ExitCode::from(NO_VERDICT)
    })
}

async fn reconcile(settings: &Settings, options: &ReconcileOptions) -> anyhow::Result<ExitCode> {
    let day = options.day.unwrap_or_else(|| Day::of(now()).before());
    let reader = compose::open_reader(&settings.database()?).await?;
    let client = compose::connect(settings, settings.temporal_keyring()?).await?;
    let wanted = DayToReconcile { day, as_of: options.as_of, grace_ms: Some(options.grace_ms) };
    let limit = if options.wait { None } else { Some(FOLLOW_TIME) };
    let begun = begin(&client, &reader, wanted, limit).await?;
    let ended = follow(&reader, &begun.run_id, limit).await?;
    let found = reader.breaks_found_by(&begun.run_id, MOST_SHOWN).await?;
    if options.output.json {
        print_json(&as_json(&ended, &found))?;
    } else {
        tell(&ended, &found);
    }
    Ok(match ended.status {
        RunStatus::Clean => ExitCode::SUCCESS,
        RunStatus::Breaks => ExitCode::FAILURE,
        RunStatus::NoVerdict | RunStatus::Running => ExitCode::from(NO_VERDICT),
    })
}

/// Reconciles today as far as it has come, and takes everything for settled. Answers whether everything agrees, and one
/// line about it.
pub(crate) async fn agrees(client: &Client, reader: &Reader) -> anyhow::Result<(bool, String)> {
    let wanted = DayToReconcile { day: Day::of(now()), as_of: None, grace_ms: Some(0) };
    let begun = begin(client, reader, wanted, Some(FOLLOW_TIME)).await?;
    let ended = follow(reader, &begun.run_id, Some(FOLLOW_TIME)).await?;
    let figures = ended.summary.get("transactions").map(|layer| layer.figures.clone()).unwrap_or_default();
    let listed = figures.get("transactions").map_or("0", String::as_str).to_owned();
    let listed = format!("Toss lists {listed} transactions");
    Ok(match ended.status {
        RunStatus::Clean => (true, format!("{listed}, and order by order they are in the books")),
        RunStatus::Breaks => {
            let found = reader.breaks_found_by(&begun.run_id, MOST_SHOWN).await?;
            let first = found.first().map(breaks::sentence).unwrap_or_default();
            (false, format!("{listed}, and not all are in the books; the first: {first}"))
        }
        RunStatus::NoVerdict | RunStatus::Running => {
            (false, format!("the reconciliation has no verdict: {}", ended.reason.unwrap_or_default()))
        }
    })
}

/// Begins a run, or finds the one that runs. Waits while the workflow of the run before closes, which may take minutes
/// where its worker died.
async fn begin(
    client: &Client,
    reader: &Reader,
    wanted: DayToReconcile,
    limit: Option<Duration>,
) -> anyhow::Result<ReconciliationRecord> {
    let (began, mut is_told) = (Instant::now(), false);
    loop {
        match start(client, reader, wanted).await {
            Err(StartError::Closing(day)) if limit.is_none_or(|limit| began.elapsed() < limit) => {
                if !is_told {
                    eprintln!("The workflow of the last run of {day} has not closed yet; waiting for a worker.");
                }
                is_told = true;
            }
            begun => return Ok(begun?),
        }
    }
}

/// Follows a run to its end, or for a time.
async fn follow(reader: &Reader, run_id: &str, limit: Option<Duration>) -> anyhow::Result<ReconciliationRecord> {
    let (began, mut said) = (Instant::now(), Instant::now());
    loop {
        let run = reader.reconciliation_run(run_id).await?.context("the run of the reconciliation is gone")?;
        let is_over = run.status != RunStatus::Running || limit.is_some_and(|limit| began.elapsed() > limit);
        if is_over {
            return Ok(run);
        }
        if said.elapsed() > SILENCE && !run.progress.step.is_empty() {
            said = Instant::now();
            eprintln!("{}: {}", run.progress.step, run.progress.done);
        }
        sleep(POLL).await;
    }
}

fn tell(run: &ReconciliationRecord, found: &[BreakRecord]) {
    println!("{} in Korea, run {}", run.day, run.number);
    for (layer, summary) in &run.summary {
        let figures: Vec<String> = summary.figures.iter().map(|(name, sum)| format!("{name} {sum}")).collect();
        let told = summary.left_out.as_ref().map_or_else(|| figures.join(", "), |why| format!("left out: {why}"));
        println!("{layer:<16} {told}");
    }
    for record in found {
        println!("{}", breaks::sentence(record));
    }
    let open = found.iter().filter(|record| record.status == BreakStatus::Open).count();
    match run.status {
        RunStatus::Clean => println!("All matched: no open break."),
        RunStatus::Breaks if open == 1 => println!("Not all matched: 1 open break."),
        RunStatus::Breaks => println!("Not all matched: {open} open breaks."),
        RunStatus::NoVerdict => println!(
            "No verdict: {}. Nothing was opened and nothing was closed. Reconcile {} once more.",
            run.reason.as_deref().unwrap_or("the run did not end"),
            run.day
        ),
        RunStatus::Running => println!("The run goes on; ask for {} once more to follow it.", run.day),
    }
}

fn as_json(run: &ReconciliationRecord, found: &[BreakRecord]) -> Value {
    let open = found.iter().filter(|record| record.status == BreakStatus::Open).count();
    json!({
        "day": run.day.to_string(),
        "run_id": run.run_id,
        "number": run.number,
        "as_of": run.as_of.to_string(),
        "verdict": run.status.as_str(),
        "agrees": run.status == RunStatus::Clean,
        "reason": run.reason,
        "started_at": rfc3339(run.started_at),
        "ended_at": run.ended_at.map(rfc3339),
        "open_breaks": open,
        "layers": run.summary,
        "breaks": found.iter().map(breaks::as_json).collect::<Vec<_>>(),
    })
}
