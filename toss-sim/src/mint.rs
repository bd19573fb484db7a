//! Random values: the keys and numbers Toss makes up.

use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};

use crate::payment::Fresh;
use crate::time::{Instant, compact};

const PAYMENT_KEY_PREFIX: usize = 5;
const PAYMENT_KEY_TAIL: usize = 8;

fn letters(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

fn digits(count: usize) -> String {
    let mut random = rand::rng();
    (0..count).map(|_| char::from(b'0' + random.random_range(0..10_u8))).collect()
}

/// What one transition needs.
pub(crate) fn fresh() -> Fresh {
    Fresh {
        transaction_key: uuid::Uuid::from_u128(rand::rng().random()).simple().to_string().to_uppercase(),
        secret: format!("ps_{}", letters(29)),
        approve_number: digits(8),
        account_number: format!("X{}", digits(13)),
    }
}

/// A paymentKey in the live form: the merchant's first letters, the time, and a random tail.
pub(crate) fn payment_key(merchant_id: &str, now: Instant) -> String {
    let prefix: String = merchant_id.chars().take(PAYMENT_KEY_PREFIX).collect();
    format!("{prefix}{}{}", compact(now), letters(PAYMENT_KEY_TAIL))
}

/// `tosspayments-webhook-transmission-id`.
pub(crate) fn transmission_id() -> String {
    format!("whtrans_{}", letters(27).to_lowercase())
}

/// `x-tosspayments-trace-id`.
pub(crate) fn trace_id() -> String {
    uuid::Uuid::from_u128(rand::rng().random()).simple().to_string()
}
