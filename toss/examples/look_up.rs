//! Looks an order up and prints where its payment stands.
//!
//! ```text
//! TOSS_BASE_URL=https://api.tosspayments.com TOSS_SECRET_KEY=test_sk_… \
//!     cargo run -p toss --example look_up -- ORDER_ID
//! ```

use std::env;
use std::error::Error;

use toss::{Class, Client, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let order_id = env::args().nth(1).ok_or("usage: look_up ORDER_ID")?;
    let base_url = env::var("TOSS_BASE_URL")?;
    let secret_key = env::var("TOSS_SECRET_KEY")?;

    let client = Client::try_new(Config::new(base_url, secret_key))?;
    match client.payment_by_order(&order_id).await {
        Ok(payment) => println!(
            "{}: {}, {} of {} minor units of {} left",
            payment.order_id, payment.status, payment.balance_amount, payment.total_amount, payment.currency
        ),
        Err(error) => {
            let advice = match error.class() {
                Class::QueryFirst => "nobody knows; ask again",
                Class::RetryLater => "nothing was done; ask again later",
                Class::BuyerActs => "only the buyer can change that",
                Class::Permanent => "asking again will not help",
            };
            return Err(format!("{error} ({advice})").into());
        }
    }
    Ok(())
}
