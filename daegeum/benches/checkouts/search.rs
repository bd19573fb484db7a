//! How fast the console's search finds payments among many, by each thing that a caller may know.

use std::time::{Duration, Instant};

use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::{
    figures::quantiles,
    latency,
    stack::{Console, Stack},
};

/// How often each search is made.
const SEARCHES: u64 = 200;
/// How many rows one statement writes.
const PORTION: u64 = 50_000;
/// The aim: no search takes longer, in milliseconds, of 99 in a hundred.
const AIM_P99_MS: f64 = 200.0;
/// A prime that spreads the searches over all payments.
const STRIDE: u64 = 104_729;

/// A search: what it is by, and its query for the payment of a number.
struct Search {
    name: &'static str,
    query: fn(u64) -> String,
}

const BY: [Search; 15] = [
    Search { name: "checkout id", query: |n| format!("q=find-{n}") },
    Search { name: "payment order id", query: |n| format!("q=find-order-{n}") },
    Search { name: "order name", query: |n| format!("q=Order+{}+and+more", n / 20) },
    Search { name: "buyer id", query: |n| format!("q=buyer-{}", n % 50_000) },
    Search { name: "end of a payment key", query: |n| format!("q={:06}", n % 1_000_000) },
    Search { name: "number of a receipt", query: |n| format!("q={n:08}") },
    Search { name: "amount", query: |n| format!("amount={}", amount(n)) },
    Search { name: "seller", query: |n| format!("q=seller-{}", n % 1_000) },
    Search { name: "rare status", query: |_| "status=STUCK".to_owned() },
    Search { name: "date", query: |n| format!("from={0}&to={0}", day(n)) },
    Search {
        name: "date, method and status",
        query: |n| format!("from={0}&to={0}&method=%EA%B0%80%EC%83%81%EA%B3%84%EC%A2%8C&status=EXPIRED", day(n)),
    },
    Search { name: "seller and amount", query: |n| format!("q=seller-{}&amount={}", n % 1_000, amount(n)) },
    Search { name: "buyer and status", query: |n| format!("q=buyer-{}&status=EXPIRED", n % 50_000) },
    Search { name: "method and rare status", query: |_| "status=STUCK&method=%EC%B9%B4%EB%93%9C".to_owned() },
    Search { name: "nothing that there is", query: |n| format!("q=nobody-{n}") },
];

fn amount(n: u64) -> u64 {
    1_000 + (n * 7_919 % 100_000) * 10
}

/// The day of a payment in Korea: one payment comes every 26 seconds, from the first of January 2026 on.
fn day(n: u64) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default();
    let days = i64::try_from(n * 26 / 86_400).unwrap_or_default();
    (first + chrono::TimeDelta::days(days)).to_string()
}

/// Whether searching costs more when a million payments stand in the database. Answers the searches that miss the aim.
pub(crate) async fn measure(payments: u64, stack: &Stack) -> Vec<&'static str> {
    fill(payments, stack).await;
    let console = stack.console().await;
    let mut missed = Vec::new();
    for search in &BY {
        let times = searches(&console, search, payments).await;
        latency(&format!("(l) search by {}, of {payments}", search.name), &times, 0);
        if quantiles(&times, 0).1 > AIM_P99_MS {
            missed.push(search.name);
        }
    }
    missed
}

async fn searches(console: &Console, search: &Search, payments: u64) -> Vec<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 0..SEARCHES {
        let path = format!("/console/payments?{}", (search.query)(number * STRIDE % payments));
        let began = Instant::now();
        console.get(&path).await;
        times.push(vec![began.elapsed()]);
    }
    times
}

async fn fill(payments: u64, stack: &Stack) {
    let database = stack.database().await;
    for first in (0..payments).step_by(usize::try_from(PORTION).unwrap_or(usize::MAX)) {
        let last = (first + PORTION).min(payments) - 1;
        for statement in past_payments(first, last) {
            database.connection().execute_unprepared(&statement).await.unwrap();
        }
    }
    let tidy = "ANALYZE payment_events; ANALYZE payment_orders; ANALYZE checkout_requests";
    database.connection().execute_unprepared(tidy).await.unwrap();
}

/// Payments of many buyers and sellers, most of them expired, few of them stuck. The search looks at no status alone.
fn past_payments(first: u64, last: u64) -> [String; 3] {
    let rows = format!("generate_series({first}, {last}) AS n");
    let time = "TIMESTAMPTZ '2026-01-01 00:00+09' + n * INTERVAL '26 seconds'";
    let amount = "1000 + (n::bigint * 7919 % 100000) * 10";
    let status = "CASE WHEN n % 9973 = 0 THEN 'STUCK' ELSE 'EXPIRED' END";
    [
        format!(
            "INSERT INTO checkout_requests (workflow_id, api_key_id, fingerprint, checkout_id, accepted, recorded_at)
             SELECT 'find-workflow-' || n, 'bench', 'f', 'find-' || n, true, {time} FROM {rows}"
        ),
        format!(
            "INSERT INTO payment_events (checkout_id, workflow_id, order_name, buyer_id, amount, currency, status,
                 revision, is_payment_done, payment_key, psp_method, approval_number, created_at, expires_at,
                 updated_at)
             SELECT 'find-' || n, 'find-workflow-' || n, 'Order ' || n / 20 || ' and more', 'buyer-' || n % 50000,
                 {amount}, 'KRW', {status}, 1, false,
                 'tviva20260101' || md5(n::text) || lpad((n % 1000000)::text, 6, '0'),
                 CASE n % 10 WHEN 0 THEN '가상계좌' WHEN 1 THEN '간편결제' ELSE '카드' END,
                 lpad(n::text, 8, '0'), {time}, {time}, {time}
             FROM {rows}"
        ),
        format!(
            "INSERT INTO payment_orders (payment_order_id, checkout_id, line, seller_account, amount, currency,
                 payment_order_status, wallet_updated, ledger_updated, refunded_amount, commission, unreleased)
             SELECT 'find-order-' || n, 'find-' || n, 0, 'seller-' || n % 1000, {amount}, 'KRW', {status}, false, false,
                 0, 0, 0 FROM {rows}"
        ),
    ]
}
