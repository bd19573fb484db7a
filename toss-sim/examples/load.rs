//! How many confirms a second one core answers: `cargo run --release -p toss-sim --example load [confirms] [file]`.
//!
//! The simulator has a thread of its own and the buyers have another. What is measured is the confirms
//! alone, with an idempotency key each, over connections that stay open.

use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use toss_sim::{DEFAULT_SECRET_KEY, Options};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const BUYERS: usize = 16;
const AMOUNT: u64 = 1_000;

/// Serves on this thread until the process ends.
fn serve(listener: std::net::TcpListener, options: Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        toss_sim::serve(TcpListener::from_std(listener)?, options, std::future::pending()).await?;
        Ok(())
    })
}

async fn authorize(client: &Client, url: &str, order_id: &str) -> Result<String, Failure> {
    let body = json!({ "orderId": order_id, "amount": AMOUNT });
    let answer: Value = client.post(format!("{url}/_sim/authorize")).json(&body).send().await?.json().await?;
    Ok(answer["paymentKey"].as_str().ok_or("no payment key")?.to_owned())
}

async fn confirm(client: &Client, url: &str, order_id: &str, payment_key: &str) -> Result<(), Failure> {
    let body = json!({ "paymentKey": payment_key, "orderId": order_id, "amount": AMOUNT });
    let request = client.post(format!("{url}/v1/payments/confirm")).basic_auth(DEFAULT_SECRET_KEY, Some(""));
    request.header("Idempotency-Key", order_id).json(&body).send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let confirms: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let options = Options { file: arguments.next().map(Into::into), ..Options::default() };
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(|| serve(listener, options));

    // The simulator installs the same one; whoever is second finds it there.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build()?;
    let mut orders = Vec::with_capacity(confirms);
    for number in 0..confirms {
        let order_id = format!("order-{}-{number}", std::process::id());
        let payment_key = authorize(&client, &url, &order_id).await?;
        orders.push((order_id, payment_key));
    }

    let started = Instant::now();
    let mut buyers = JoinSet::new();
    for share in orders.chunks(confirms.div_ceil(BUYERS)) {
        let (client, url, share) = (client.clone(), url.clone(), share.to_vec());
        buyers.spawn(async move {
            for (order_id, payment_key) in share {
                confirm(&client, &url, &order_id, &payment_key).await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(bought) = buyers.join_next().await {
        bought??;
    }
    let elapsed_ms = started.elapsed().as_millis().max(1);
    let per_second = u128::try_from(confirms)? * 1_000 / elapsed_ms;
    println!("{confirms} confirms in {elapsed_ms} ms: {per_second} a second");
    Ok(())
}
