//! What the reconciliation of a day costs, and how it grows with the day.
//!
//! The PSP's lists are served by this process and computed row by row, in pages of Toss's size. The simulator would
//! keep a million payments in memory and search all of them for each page. The time of the source is reported apart.

use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate, TimeDelta, Utc};
use reqwest::Method;
use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    Plan, figure,
    source::{AMOUNT, Day, NET, Source},
    stack::{Shop, Stack},
};

/// How often the progress of a run is read.
const POLL: Duration = Duration::from_millis(50);
/// How many days are between two measured days: more than a run looks back.
const APART_DAYS: u64 = 10;
/// How many checkouts one statement writes.
const PORTION: u64 = 20_000;
/// The seller of all checkouts.
const SELLER: &str = "seller-a";
/// The parts of a run, as its progress names them.
const PARTS: [&str; 4] = ["transactions", "settlement rows, read", "settlement rows, booked", "all else"];

/// Reconciles days of the planned sizes, each twice: the second run finds all booked.
pub(crate) async fn measure(plan: &Plan) {
    let source = Source::start().await;
    let stack = Stack::start("reconciliation", Some(source.address)).await;
    let finance = stack.shop.with_key(stack.create_key("finance"));
    let today = (Utc::now() + TimeDelta::hours(9)).date_naive();
    let mut stand = 0;
    for (number, rows) in (1..).zip(plan.settlement_rows) {
        let date = today.checked_sub_days(Days::new(APART_DAYS * (1 + plan.settlement_rows.len() as u64 - number)));
        let day = Day { date: date.unwrap(), rows };
        fill(&stack, day, stand).await;
        stand += rows;
        source.serve(day, stand as i64 * NET);
        for what in ["reconciled", "again"] {
            stack.forget_peak();
            let (before, served) = (stack.processor_time(), source.time_spent());
            let run = reconcile(&finance, day.date).await;
            assert_eq!(run.answer["status"], "CLEAN", "{:#}", run.answer);
            let figures = &run.answer["layers"]["settlements"]["figures"];
            let booked = if what == "again" { 0 } else { rows };
            assert_eq!(figures["rows"], rows.to_string(), "{:#}", run.answer);
            assert_eq!(figures["booked_now"].as_str().unwrap_or("0"), booked.to_string(), "{:#}", run.answer);
            let seconds = run.took.as_secs_f64();
            figure(&format!("(k) a day of {rows} rows, {what}"), seconds, "s");
            figure("    rows", rows as f64 / seconds, "/s");
            for (part, took) in PARTS.iter().zip(run.parts) {
                figure(&format!("    {part}"), took.as_secs_f64(), "s");
            }
            figure("    memory at its peak, daegeum", stack.peak_memory_kib() as f64 / 1024.0, "MiB");
            for ((name, before), (_, after)) in before.into_iter().zip(stack.processor_time()) {
                if ["daegeum", "postgres"].contains(&name) {
                    figure(&format!("    CPU, {name}"), after - before, "s");
                }
            }
            figure("    the source's own time", (source.time_spent() - served).as_secs_f64(), "s");
        }
    }
}

/// A run that has ended.
struct Run {
    answer: Value,
    took: Duration,
    parts: [Duration; PARTS.len()],
}

async fn reconcile(shop: &Shop, date: NaiveDate) -> Run {
    let began = Instant::now();
    let started = shop.send(Method::POST, "/v1/reconciliations", &json!({ "date": date.to_string() })).await.unwrap();
    let (mut parts, mut seen) = ([Duration::ZERO; PARTS.len()], Instant::now());
    loop {
        tokio::time::sleep(POLL).await;
        let answer = shop.get(&format!("/v1/reconciliations/{date}")).await.unwrap();
        let step = answer["progress"]["step"].as_str().unwrap_or_default();
        let part = match step {
            step if step.starts_with("transactions") => 0,
            step if step.ends_with("booked") => 2,
            step if step.starts_with("settlement rows") => 1,
            _ => 3,
        };
        parts[part] += seen.elapsed();
        seen = Instant::now();
        if answer["run_id"] == started["run_id"] && answer["status"] != "RUNNING" {
            return Run { answer, took: began.elapsed(), parts };
        }
    }
}

/// Writes a day of captured checkouts straight into the database. The hashes of these entries are no chain, so
/// `ledger verify` would not agree; a reconciliation does not read the hashes.
async fn fill(stack: &Stack, day: Day, stand: u64) {
    let database = stack.database().await;
    let run = async |statement: &str| database.connection().execute_unprepared(statement).await.unwrap();
    for first in (0..day.rows).step_by(PORTION as usize) {
        let last = (first + PORTION).min(day.rows) - 1;
        for statement in captured_checkouts(day, stand, first..=last) {
            run(&statement).await;
        }
    }
    let sum = day.rows as i64 * AMOUNT;
    let balance = |account: &str, debits: i64, credits: i64| {
        format!(
            "INSERT INTO ledger_balances (account, currency, debits, credits)
             VALUES ('{account}', 'KRW', {debits}, {credits}) ON CONFLICT (account, currency) DO UPDATE
             SET debits = ledger_balances.debits + excluded.debits,
                 credits = ledger_balances.credits + excluded.credits"
        )
    };
    run(&balance("psp:receivable", sum, 0)).await;
    run(&balance(&format!("seller:{SELLER}:pending"), 0, sum)).await;
    run(&format!(
        "INSERT INTO wallets (seller_account, currency, pending, available, held, in_transit, paid_out, debt,
             updated_at)
         VALUES ('{SELLER}', 'KRW', {sum}, 0, 0, 0, 0, 0, now()) ON CONFLICT (seller_account, currency) DO UPDATE
         SET pending = wallets.pending + excluded.pending"
    ))
    .await;
    // What the measurement before has booked has moved the head.
    run("UPDATE ledger_head SET sequence = (SELECT max(sequence) FROM ledger_entries)").await;
    for table in ["payment_events", "ledger_entries", "ledger_postings", "settlement_rows"] {
        run(&format!("ANALYZE {table}")).await;
    }
}

/// Checkouts that were captured over a day, with the entry of each.
fn captured_checkouts(day: Day, stand: u64, numbers: std::ops::RangeInclusive<u64>) -> [String; 3] {
    let Day { date, rows } = day;
    let series = format!("generate_series({}, {}) AS n", numbers.start(), numbers.end());
    let id = format!("'{}' || n", day.order_prefix());
    let at = format!("TIMESTAMPTZ '{date} 00:00:00+09' + floor(n * 86400.0 / {rows}) * INTERVAL '1 second'");
    // Behind all that was booked by the measurements before.
    let sequence = format!("{} + n", 1 + 2 * stand);
    [
        format!(
            "INSERT INTO payment_events (checkout_id, workflow_id, order_name, buyer_id, amount, currency, status,
                 revision, is_payment_done, payment_key, created_at, expires_at, updated_at)
             SELECT {id}, 'workflow-' || {id}, 'bench', 'buyer-' || n % 1000, {AMOUNT}, 'KRW', 'SUCCESS', 2, true,
                 '{}' || n, {at}, {at}, {at} FROM {series}",
            day.payment_prefix()
        ),
        format!(
            "INSERT INTO ledger_entries (sequence, entry_id, reason, checkout_id, occurred_at, booked_at, hash)
             SELECT {sequence}, 'payment_captured:' || {id}, 'payment_captured', {id}, {at}, {at},
                 md5({id}) || md5('hash of ' || {id}) FROM {series}"
        ),
        format!(
            "INSERT INTO ledger_postings (sequence, line, debit_account, credit_account, amount, currency)
             SELECT {sequence}, 0, 'psp:receivable', 'seller:{SELLER}:pending', {AMOUNT}, 'KRW' FROM {series}"
        ),
    ]
}
