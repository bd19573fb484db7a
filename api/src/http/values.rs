//! Instants, amounts and durations as answers hold them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{Currency, Money, Timestamp, settlement::Flow};

/// An instant as RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let time: DateTime<Utc> = DateTime::from_timestamp_millis(time.epoch_ms()).unwrap_or(DateTime::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What was added less what was taken, as a decimal string; below zero with a sign before it.
pub(crate) fn signed(added: Money, taken: Money) -> String {
    match added.minus(taken) {
        Ok(balance) => balance.to_decimal_string(),
        Err(_) => format!("-{}", taken.minus(added).unwrap_or(Money::zero(added.currency())).to_decimal_string()),
    }
}

/// Minor units with a sign, as a decimal string.
pub(crate) fn signed_minor(minor: i64, currency: Currency) -> String {
    Flow::of_signed(minor, currency).map_or_else(|_| minor.to_string(), Flow::to_decimal_string)
}

/// An amount as its two fields.
pub(crate) fn decimal(money: Money) -> (String, &'static str) {
    (money.to_decimal_string(), money.currency().code())
}

/// Seconds, rounded up: who waits that long does not come too early.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_to_the_millisecond() {
        assert_eq!(rfc3339(Timestamp::from_epoch_ms(1_795_271_572_731)), "2026-11-21T14:32:52.731Z");
        assert_eq!(rfc3339(Timestamp::from_epoch_ms(0)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_difference_below_zero_has_a_sign() {
        let cents = |minor| Money::try_from_minor(minor, domain::Currency::Usd).unwrap();
        assert_eq!(signed(cents(1_250), cents(1_000)), "2.50");
        assert_eq!(signed(cents(1_000), cents(1_250)), "-2.50");
        assert_eq!(signed(cents(7), cents(7)), "0.00");
    }
}
