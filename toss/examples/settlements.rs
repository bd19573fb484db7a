//! Adds up what Toss pays out for a period, and what it keeps, currency by currency.
//!
//! ```text
//! TOSS_BASE_URL=https://api.tosspayments.com TOSS_SECRET_KEY=live_sk_… \
//!     cargo run -p toss --example settlements -- 2026-01-01 2026-01-31
//! ```

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::pin::pin;

use futures::TryStreamExt;
use toss::{Client, Config, DateType};

#[derive(Default)]
struct Sum {
    rows: u64,
    paid_out: i64,
    kept: i64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [start, end] = &arguments[..] else {
        return Err("usage: settlements FIRST_DAY LAST_DAY".into());
    };
    let client = Client::try_new(Config::new(env::var("TOSS_BASE_URL")?, env::var("TOSS_SECRET_KEY")?))?;

    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut rows = pin!(client.settlements(start.parse()?, end.parse()?, DateType::PaidOut));
    // An error ends the program: a sum over half the rows would look like a sum.
    while let Some(row) = rows.try_next().await? {
        let sum = sums.entry(row.currency.as_str()).or_default();
        sum.rows += 1;
        sum.paid_out = sum.paid_out.checked_add(row.pay_out_amount).ok_or("too large to add up")?;
        let kept = row.amount.checked_sub(row.pay_out_amount).ok_or("too large to add up")?;
        sum.kept = sum.kept.checked_add(kept).ok_or("too large to add up")?;
    }
    for (currency, sum) in &sums {
        println!("{currency}: {} rows, {} paid out, {} kept (minor units)", sum.rows, sum.paid_out, sum.kept);
    }
    Ok(())
}
