//! Values that settings and commands read and write: amounts, lengths of time, instants.

use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, SecondsFormat};
use domain::{Currency, Money, Timestamp, payment_method::PaymentMethod};
pub(crate) use service::now;

/// The cursor of the Kafka sink.
pub(crate) const KAFKA_CURSOR: &str = "kafka";

/// The instant of a time that Temporal tells.
pub(crate) fn instant(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_epoch_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Reads an amount in won, or in another currency that stands behind it: `1000000`, `99.50 USD`.
pub(crate) fn amount(text: &str) -> Result<Money, String> {
    let (amount, currency) = text.trim().split_once(' ').unwrap_or((text.trim(), "KRW"));
    Money::parse(amount, self::currency(currency)?).map_err(|error| error.to_string())
}

/// Reads a currency by its ISO 4217 code.
pub(crate) fn currency(text: &str) -> Result<Currency, String> {
    text.trim().parse::<Currency>().map_err(|error| error.to_string())
}

/// Reads a payment method.
pub(crate) fn payment_method(text: &str) -> Result<PaymentMethod, String> {
    text.trim().parse::<PaymentMethod>().map_err(|error| error.to_string())
}

/// Reads the name of a merchant of the Toss simulator.
pub(crate) fn simulated_merchant(text: &str) -> Result<toss_sim::Merchant, String> {
    let merchant = toss_sim::Merchant::of_test(text)
        .ok_or_else(|| "a merchant's name has 1 to 14 letters, digits or underscores".to_owned())?;
    if toss_sim::Merchant::defaults().iter().any(|known| known.secret_key == merchant.secret_key) {
        return Err(format!("{text} is the merchant that the simulator has already"));
    }
    Ok(merchant)
}

/// Reads a currency whose sales the Toss simulator settles in won, with the rate: `USD=1391.5`.
pub(crate) fn simulated_exchange(text: &str) -> Result<toss_sim::Exchange, String> {
    let (code, rate) = text.split_once('=').ok_or_else(|| "a currency and a rate, such as USD=1391.5".to_owned())?;
    let currency = toss_sim::Currency::named(code).filter(|currency| *currency != toss_sim::Currency::Krw);
    let currency = currency.ok_or_else(|| format!("{code} is none of USD, JPY"))?;
    let rate = toss_sim::ExchangeRate::parse(rate);
    let rate = rate.ok_or_else(|| "a rate is above 0, with at most four decimals".to_owned())?;
    Ok(toss_sim::Exchange { currency, rate, fee: toss_sim::FeeTaken::default() })
}

/// Reads a length of time, such as `90d`, `24h` or `30m`; in milliseconds.
pub(crate) fn length(text: &str) -> Result<u64, String> {
    let unit_ms = match text.chars().last() {
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(number) if unit_ms > 0 => Ok(u64::from(number) * unit_ms),
        _ => Err("must be a whole number of minutes, hours or days, such as 30m, 24h or 90d".to_owned()),
    }
}

/// Reads an address of the web.
pub(crate) fn web_address(name: &str, url: String) -> anyhow::Result<String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    ensure!(
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')),
        "the setting {name} must start with http:// or https://, not {url:?}"
    );
    Ok(url.trim_end_matches('/').to_owned())
}

/// An instant as RFC 3339 writes it, in UTC and to the millisecond.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    DateTime::from_timestamp_millis(time.epoch_ms())
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// Reads an instant that RFC 3339 writes.
pub(crate) fn parse_rfc3339(text: &str) -> anyhow::Result<Timestamp> {
    let time =
        DateTime::parse_from_rfc3339(text).with_context(|| format!("{text:?} is no time as RFC 3339 writes it"))?;
    Ok(Timestamp::from_epoch_ms(time.timestamp_millis()))
}

/// This program as it was called, so that what is printed can be typed.
pub(crate) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "daegeum".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::{amount, length};

    #[test]
    fn an_amount_is_in_won_unless_it_says_otherwise() {
        assert_eq!(amount("1000000").unwrap().to_string(), "1000000 KRW");
        assert_eq!(amount("99.50 USD").unwrap().to_string(), "99.50 USD");
        for wrong in ["", "x", "1.5", "5 XXX", "-1"] {
            assert!(amount(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        assert_eq!(length("90d"), Ok(90 * 86_400_000));
        assert_eq!(length("24h"), Ok(86_400_000));
        assert_eq!(length("0m"), Ok(0));
        for wrong in ["", "d", "90", "-1d", "1.5h", "90days", "9일"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
