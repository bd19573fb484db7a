//! `daegeum reconcile`: the books against what Toss says it took and gave back on a day.

use std::process::ExitCode;

use activities::reconciliation::{Difference, MOST_DIFFERENCES, Moved, Period, Reconciliation, Report};
use anyhow::{Context as _, ensure};
use domain::{
    Currency,
    calendar::Day,
    reconciliation::{Standing, Turnover},
};
use serde_json::{Value, json};

use crate::{
    compose,
    ledger::{now, progress},
    settings::Settings,
};

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Compares one day and says what differs. Exit 1 where anything does that nobody knew of.
pub(crate) async fn run(
    settings: &Settings,
    (day, grace_ms): (Option<Day>, u64),
    json: bool,
) -> anyhow::Result<ExitCode> {
    let (now, today) = (now(), Day::of(now()));
    let day = day.unwrap_or_else(|| today.before());
    ensure!(day <= today, "{day} has not begun; today is {today} in Korea");
    let reader = compose::open_reader(&settings.database()?).await?;
    let client = compose::toss_client(&settings.toss)?;
    let settled_by = now.minus_ms(grace_ms);
    let period = Period { from: day.start(), to: day.next().start().min(now.plus_ms(1)), settled_by };
    let comparing = Reconciliation { client, reader };
    let compared = comparing.compare(period, &mut progress()).await;
    let report = compared.with_context(|| format!("{day} was not compared to its end"))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&as_json(day, &report))?);
    } else {
        tell(day, &report);
    }
    Ok(if breaks(&report) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares the last hour, and takes everything in it for settled. Answers whether everything agrees, and one line about it.
pub(crate) async fn agrees(comparing: &Reconciliation) -> anyhow::Result<(bool, String)> {
    let now = now();
    let period = Period { from: now.minus_ms(HOUR_MS), to: now.plus_ms(1), settled_by: now };
    let report = comparing.compare(period, &mut |_| {}).await?;
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

fn tell(day: Day, report: &Report) {
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
    if report.unexamined > 0 {
        println!(
            "{} more than {MOST_DIFFERENCES} seem to differ, and were not looked at: is this the database, and are these \
             the keys, of one shop?",
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

fn as_json(day: Day, report: &Report) -> Value {
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
        "agrees": breaks(report) == 0,
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
