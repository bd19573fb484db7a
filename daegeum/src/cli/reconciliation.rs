//! `daegeum reconcile`: the books against what Toss says it took and gave back on a day.

use std::process::ExitCode;

use activities::reconciliation::{Comparison, Difference, MOST_DIFFERENCES, Moved, Period, Reconciliation, Report};
use anyhow::ensure;
use clap::Args;
use domain::{
    Currency,
    calendar::Day,
    reconciliation::{Standing, Turnover},
};
use serde_json::{Value, json};

use crate::{
    cli::{
        output::{Output, print_json},
        progress::progress,
    },
    compose,
    settings::Settings,
    values::{self, now, rfc3339},
};

/// Options of the comparison.
#[derive(Debug, Args)]
pub(crate) struct ReconcileOptions {
    /// The day, in Korea [default: yesterday]
    #[arg(long, value_name = "DATE")]
    pub(crate) day: Option<Day>,
    /// The age from which a movement at Toss must be booked, such as 30m; 0m expects everything to be booked
    #[arg(long = "grace", value_name = "TIME", default_value = "1h", value_parser = values::length)]
    pub(crate) grace_ms: u64,
    #[command(flatten)]
    pub(crate) output: Output,
}

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// The exit code where the comparison did not come to its end: neither "all agrees" nor "breaks".
const NO_VERDICT: u8 = 3;

/// Compares one day and says what differs. Exit 1 where anything does that nobody knew of, 3 where it is not known.
pub(crate) async fn run(settings: &Settings, options: &ReconcileOptions) -> ExitCode {
    compare(settings, options).await.unwrap_or_else(|error| {
        eprintln!("daegeum: {}", crate::told_once(&error));
        ExitCode::from(NO_VERDICT)
    })
}

async fn compare(settings: &Settings, options: &ReconcileOptions) -> anyhow::Result<ExitCode> {
    let (now, today) = (now(), Day::of(now()));
    let day = options.day.unwrap_or_else(|| today.before());
    ensure!(day <= today, "{day} has not begun; today is {today} in Korea");
    let reader = compose::open_reader(&settings.database()?).await?;
    let client = compose::toss_client(&settings.toss)?;
    let settled_by = now.minus_ms(options.grace_ms);
    let period = Period { from: day.start(), to: day.next().start().min(now.plus_ms(1)), settled_by };
    let comparing = Reconciliation { client, reader };
    let Comparison { report, gave_up } = comparing.compare(period, &mut progress()).await;
    let gave_up = gave_up.map(|error| crate::told_once(&error.into()));
    if options.output.json {
        print_json(&as_json(day, &report, gave_up.as_deref()))?;
    } else {
        tell(day, &report, gave_up.as_deref());
    }
    Ok(match (gave_up, breaks(&report)) {
        (Some(_), _) => ExitCode::from(NO_VERDICT),
        (None, 0) => ExitCode::SUCCESS,
        (None, _) => ExitCode::FAILURE,
    })
}

/// Compares the last hour, and takes everything in it for settled. Answers whether everything agrees, and one line
/// about it.
pub(crate) async fn agrees(comparing: &Reconciliation) -> anyhow::Result<(bool, String)> {
    let now = now();
    let period = Period { from: now.minus_ms(HOUR_MS), to: now.plus_ms(1), settled_by: now };
    let Comparison { report, gave_up } = comparing.compare(period, &mut |_| {}).await;
    if let Some(error) = gave_up {
        return Err(error.into());
    }
    let listed = format!("Toss lists {} transactions", report.transactions);
    Ok(match report.differences.first() {
        None if breaks(&report) > 0 => (false, format!("{listed}, and {} cannot be compared", breaks(&report))),
        None => (true, format!("{listed}, and order by order they are in the books")),
        Some(first) => (false, format!("{listed}, and not all are in the books; the first: {}", sentence(first))),
    })
}

fn breaks(report: &Report) -> u64 {
    let found = report.differences.iter().filter(|difference| difference.standing.is_break());
    found.count() as u64 + report.unreadable.len() as u64 + report.unexamined
}

fn tell(day: Day, report: &Report, gave_up: Option<&str>) {
    println!("{day} in Korea, {} transactions at Toss", report.transactions);
    println!("{:<8} {:>22} {:>22}", "", "taken", "given back");
    for (side, moved) in [("Toss", &report.at_psp), ("books", &report.in_books)] {
        for turnover in moved.values() {
            println!("{side:<8} {:>22} {:>22}", turnover.taken.to_string(), turnover.given_back.to_string());
        }
        if moved.is_empty() {
            println!("{side:<8} {:>22} {:>22}", "nothing", "nothing");
        }
    }
    for difference in &report.differences {
        println!("{}", sentence(difference));
    }
    for unreadable in &report.unreadable {
        println!("{:<16} {unreadable}", "unreadable");
    }
    if let Some(why) = gave_up {
        let until = report
            .listed_until
            .map_or_else(|| "nothing".to_owned(), |until| format!("what moved before {}", rfc3339(until)));
        println!(
            "No verdict: {why}. Compared was {until}, and {} orders that seem to differ were not looked at.",
            report.unexamined
        );
        println!("{} breaks so far. Compare {day} once more.", breaks(report) - report.unexamined);
        return;
    }
    if report.unexamined > 0 {
        println!(
            "{} more than {MOST_DIFFERENCES} seem to differ, and were not looked at: is this the database, and are \
             these the keys, of one shop?",
            report.unexamined
        );
    }
    let of = |standing| report.differences.iter().filter(|difference| difference.standing == standing).count();
    let known = format!("{} under way, {} before a person", of(Standing::UnderWay), of(Standing::BeforeAPerson));
    if of(Standing::UnderWay) > 0 {
        println!("What is under way is not looked at again by itself: compare {day} once more, an hour from now.");
    }
    match breaks(report) {
        0 if report.differences.is_empty() => println!("Books and Toss agree, order by order."),
        0 => println!("Books and Toss differ only where it is known ({known})."),
        1 => println!("Books and Toss do not agree: 1 break ({known})."),
        breaks => println!("Books and Toss do not agree: {breaks} breaks ({known})."),
    }
}

fn sentence(difference: &Difference) -> String {
    let Difference { order, compared, standing } = difference;
    let sums = |turnover: &Turnover| format!("{} taken, {} given back", turnover.taken, turnover.given_back);
    let status = compared.status.map_or_else(|| "no checkout of ours".to_owned(), |status| status.to_string());
    format!(
        "{:<16} {order} ({status}): Toss {}; books {}",
        standing.as_str(),
        sums(&compared.at_psp),
        sums(&compared.in_books)
    )
}

fn as_json(day: Day, report: &Report, gave_up: Option<&str>) -> Value {
    let difference = |found: &Difference| {
        json!({
            "order_id": found.order,
            "standing": found.standing.as_str(),
            "is_break": found.standing.is_break(),
            "status": found.compared.status.map(|status| status.to_string()),
            "at_toss": turnover_json(&found.compared.at_psp),
            "in_books": turnover_json(&found.compared.in_books),
        })
    };
    json!({
        "day": day.to_string(),
        "verdict": match (gave_up, breaks(report)) {
            (Some(_), _) => "NO_VERDICT",
            (None, 0) => "CLEAN",
            (None, _) => "BREAKS",
        },
        "agrees": gave_up.is_none() && breaks(report) == 0,
        "gave_up": gave_up,
        "listed_until": report.listed_until.map(rfc3339),
        "breaks": breaks(report),
        "transactions": report.transactions,
        "at_toss": moved_json(&report.at_psp),
        "in_books": moved_json(&report.in_books),
        "differences": report.differences.iter().map(difference).collect::<Vec<_>>(),
        "unreadable": report.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_examined": report.unexamined,
    })
}

fn moved_json(moved: &Moved) -> Value {
    moved.iter().map(|(currency, turnover)| (Currency::code(*currency).to_owned(), turnover_json(turnover))).collect()
}

fn turnover_json(turnover: &Turnover) -> Value {
    json!({
        "taken": turnover.taken.to_decimal_string(),
        "given_back": turnover.given_back.to_decimal_string(),
        "currency": turnover.taken.currency().code(),
    })
}
