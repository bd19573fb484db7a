//! Confirms a payment the buyer has authenticated, and finds out when nobody knows.
//!
//! ```text
//! TOSS_BASE_URL=https://api.tosspayments.com TOSS_SECRET_KEY=test_sk_… \
//!     cargo run -p toss --example confirm -- PAYMENT_KEY ORDER_ID WON
//! ```
//!
//! The three arguments are those of the success redirect. A shop compares the amount with the one it
//! stored before it opened the window; here there is no shop.

use std::env;
use std::error::Error;

use toss::{Class, Client, Config, ConfirmRequest, Currency, IdempotencyKey, Payment};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [payment_key, order_id, won] = &arguments[..] else {
        return Err("usage: confirm PAYMENT_KEY ORDER_ID WON".into());
    };
    let client = Client::try_new(Config::new(env::var("TOSS_BASE_URL")?, env::var("TOSS_SECRET_KEY")?))?;
    let request = ConfirmRequest {
        payment_key: payment_key.clone(),
        order_id: order_id.clone(),
        amount: won.parse()?,
        currency: Currency::Krw,
    };
    // The same on every run for this payment, so that running it twice cannot charge twice.
    let key = IdempotencyKey::parse(format!("confirm-{payment_key}"))?;

    match client.confirm(&request, &key).await {
        Ok(payment) => print(&payment),
        Err(error) => match error.class() {
            // Neither success nor failure: ask before saying anything to the buyer.
            Class::QueryFirst => print(&client.payment_by_order(order_id).await?),
            Class::RetryLater => return Err(format!("{error}: not done, run it again").into()),
            Class::BuyerActs => return Err(format!("{error}: declined").into()),
            Class::Permanent => return Err(format!("{error}: asking again will not help").into()),
        },
    }
    Ok(())
}

fn print(payment: &Payment) {
    println!("{}: {}, {} {}", payment.order_id, payment.status, payment.total_amount, payment.currency);
}
