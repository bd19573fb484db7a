//! Random values: the keys and numbers Toss makes up.

use rand::distr::{Alphanumeric, SampleString};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::cash_receipt::FreshReceipt;
use crate::payment::Fresh;
use crate::time::{Instant, compact};

const PAYMENT_KEY_PREFIX: usize = 5;
const PAYMENT_KEY_TIME: usize = 14;
const PAYMENT_KEY_TAIL: usize = 8;
const TRANSACTION_KEY_TAIL: usize = 24;
const RECEIPT_KEY_LENGTH: usize = 32;
const ISSUE_NUMBER_LENGTH: usize = 9;
/// Spreads consecutive draws over all seeds: 2^64 divided by the golden ratio.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes values up. With a seed the n-th draw is the same in every run, also across a restart from a file.
#[derive(Debug)]
pub(crate) struct Mint {
    seed: u64,
    is_seeded: bool,
    /// Draws so far.
    pub(crate) drawn: u64,
}

impl Mint {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self { seed: seed.unwrap_or_else(|| rand::rng().random()), is_seeded: seed.is_some(), drawn: 0 }
    }

    /// The source of the next draw.
    pub(crate) fn draw(&mut self) -> StdRng {
        self.drawn = self.drawn.wrapping_add(1);
        nth(self.seed, self.drawn)
    }

    /// What one transition needs.
    pub(crate) fn fresh(&mut self) -> Fresh {
        let mut random = self.draw();
        Fresh {
            transaction_key: transaction_key(&mut random),
            secret: format!("ps_{}", letters(&mut random, 29)),
            approve_number: digits(&mut random, 8),
            account_number: format!("X{}", digits(&mut random, 13)),
            receipt: fresh_receipt(&mut random),
        }
    }

    /// What one cash receipt needs.
    pub(crate) fn receipt(&mut self) -> FreshReceipt {
        fresh_receipt(&mut self.draw())
    }

    /// A paymentKey in the live form: the merchant's first letters, the time, and a random tail.
    ///
    /// With a seed the time would make it another key in every run, so digits stand in its place.
    pub(crate) fn payment_key(&mut self, merchant_id: &str, now: Instant) -> String {
        let prefix: String = merchant_id.chars().take(PAYMENT_KEY_PREFIX).collect();
        let mut random = self.draw();
        let time = if self.is_seeded { digits(&mut random, PAYMENT_KEY_TIME) } else { compact(now) };
        format!("{prefix}{time}{}", letters(&mut random, PAYMENT_KEY_TAIL))
    }

    /// `tosspayments-webhook-transmission-id`.
    pub(crate) fn transmission_id(&mut self) -> String {
        format!("whtrans_{}", letters(&mut self.draw(), 27).to_lowercase())
    }

    /// `x-tosspayments-trace-id`.
    pub(crate) fn trace_id(&mut self) -> String {
        uuid::Uuid::from_u128(self.draw().random()).simple().to_string()
    }

    /// A prefix and that many letters and digits.
    pub(crate) fn named(&mut self, prefix: &str, length: usize) -> String {
        format!("{prefix}{}", letters(&mut self.draw(), length))
    }
}

fn fresh_receipt(random: &mut StdRng) -> FreshReceipt {
    let key = letters(random, RECEIPT_KEY_LENGTH);
    FreshReceipt { key, issue_number: digits(random, ISSUE_NUMBER_LENGTH) }
}

/// Toss writes both forms, so a client meets both.
fn transaction_key(random: &mut StdRng) -> String {
    let number: u128 = random.random();
    if random.random() {
        return uuid::Uuid::from_u128(number).simple().to_string().to_uppercase();
    }
    format!("txrd_a01{}", letters(random, TRANSACTION_KEY_TAIL).to_lowercase())
}

/// The n-th source of randomness of a seed.
pub(crate) fn nth(seed: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_add(number.wrapping_mul(STRIDE)))
}

fn letters(random: &mut StdRng, length: usize) -> String {
    Alphanumeric.sample_string(random, length)
}

fn digits(random: &mut StdRng, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + random.random_range(0..10_u8))).collect()
}

#[cfg(test)]
mod tests {
    use super::Mint;
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn a_seed_makes_the_same_values_at_any_time_and_after_a_restart() {
        let now = DateTime::UNIX_EPOCH;
        let (mut one, mut two) = (Mint::new(Some(7)), Mint::new(Some(7)));
        assert_eq!(one.payment_key("daegeum", now), two.payment_key("daegeum", now + TimeDelta::days(1)));
        let mut restarted = Mint { drawn: one.drawn, ..Mint::new(Some(7)) };
        assert_eq!(one.fresh().transaction_key, restarted.fresh().transaction_key);
        assert_ne!(one.fresh().transaction_key, two.fresh().transaction_key);
        assert_ne!(Mint::new(None).trace_id(), Mint::new(None).trace_id());
    }
}
