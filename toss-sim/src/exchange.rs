//! Sales in another currency that are settled in won.
//!
//! Toss does not publish in which currency it settles a sale in dollars or yen, at which rate, or how the row of such a
//! sale looks. Unless somebody says otherwise, sales are settled in their own currency.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::currency::Currency;
use crate::fields::text;
use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};
use crate::time::Instant;

/// The parts of a won in which a rate is counted.
const PARTS: u64 = 10_000;
/// Decimals of a rate.
const DECIMALS: usize = 4;
/// The highest rate, in won.
const MAX_RATE: u64 = 1_000_000;
/// Most changes of rates.
pub(crate) const MAX_EXCHANGES: usize = 1_000;

/// Won for one unit of another currency, in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeRate(u64);

impl ExchangeRate {
    /// Reads a rate such as `1391.5`: above zero, with at most four decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) || part.len() > DECIMALS {
            return None;
        }
        let whole: u64 = whole.parse().ok().filter(|whole| *whole <= MAX_RATE)?;
        let part: u64 = format!("{part:0<DECIMALS$}").parse().ok()?;
        Some(Self(whole * PARTS + part)).filter(|rate| rate.0 > 0)
    }

    /// What an amount is in won, rounded half up.
    fn won(self, minor: u64, currency: Currency) -> u64 {
        let (above, below) = (u128::from(minor) * u128::from(self.0), u128::from(PARTS * currency.minor_of_one()));
        u64::try_from((2 * above + below) / (2 * below)).unwrap_or(u64::MAX)
    }

    /// The rate as a number of JSON.
    pub(crate) fn number(self) -> serde_json::Number {
        let (whole, part) = (self.0 / PARTS, self.0 % PARTS);
        let text = format!("{whole}.{part:0DECIMALS$}");
        text.trim_end_matches('0').trim_end_matches('.').parse().unwrap_or_else(|_| whole.into())
    }
}

impl Serialize for ExchangeRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.number().to_string())
    }
}

impl<'de> Deserialize<'de> for ExchangeRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&text(deserializer)?)
            .ok_or_else(|| D::Error::custom("a rate is above 0, with at most four decimals"))
    }
}

/// When the fee of a sale is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeTaken {
    /// In the currency of the sale, before what is left is exchanged.
    Before,
    /// In won, of what the sale was exchanged into.
    #[default]
    After,
}

/// How sales of a currency are settled in won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The currency of the sales.
    pub currency: Currency,
    /// Won for one unit of it.
    pub rate: ExchangeRate,
    /// When the fee is taken.
    pub fee: FeeTaken,
}

/// What an exchange gave for an amount, in won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchanged {
    pub(crate) rate: ExchangeRate,
    pub(crate) amount: u64,
    /// The fee with its value added tax.
    pub(crate) fee: u64,
}

impl Exchange {
    /// Exchanges an amount of its currency.
    pub(crate) fn of(&self, minor: u64, fee_of: impl Fn(u64) -> u64) -> Exchanged {
        let amount = self.rate.won(minor, self.currency);
        let fee = match self.fee {
            FeeTaken::Before => 0,
            FeeTaken::After => fee_of(amount),
        };
        Exchanged { rate: self.rate, amount, fee }
    }
}

/// A change of an exchange: it is of the transactions from then on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Since {
    at: Instant,
    currency: Currency,
    /// Nothing where sales are settled in their own currency again.
    exchange: Option<Exchange>,
}

/// The exchanges there are.
#[derive(Debug)]
pub(crate) struct Exchanges {
    /// Of the options: in force until somebody changes them.
    first: Vec<Exchange>,
    changes: Shelf<u64, Since>,
}

impl Exchanges {
    pub(crate) fn new(first: Vec<Exchange>) -> Self {
        Self { first, changes: Shelf::new("exchange") }
    }

    /// Settles sales of a currency otherwise from now on; says whether there was room.
    pub(crate) fn change(&mut self, currency: Currency, exchange: Option<Exchange>, now: Instant) -> bool {
        let has_room = self.changes.len() < MAX_EXCHANGES;
        if has_room {
            let number = self.changes.last_id().map_or(1, |last| last + 1);
            self.changes.insert(number, Since { at: now, currency, exchange });
        }
        has_room
    }

    /// How a transaction of a currency is settled.
    pub(crate) fn at(&self, currency: Currency, at: Instant) -> Option<Exchange> {
        let mut changes = self.changes.iter().map(|(_, since)| since);
        let last = changes.rfind(|since| since.currency == currency && since.at <= at);
        let first = || self.first.iter().find(|exchange| exchange.currency == currency).copied();
        last.map_or_else(first, |since| since.exchange)
    }

    /// Whether sales of a currency were ever exchanged.
    pub(crate) fn knows(&self, currency: Currency) -> bool {
        let is_known = |exchange: &Exchange| exchange.currency == currency;
        let changes = self.changes.iter().filter_map(|(_, since)| since.exchange.as_ref());
        self.first.iter().chain(changes).any(is_known)
    }
}

impl Saved for Exchanges {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.changes.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.changes.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.changes.restore(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_written_and_applied() {
        let rate = |text| ExchangeRate::parse(text).unwrap();
        for (text, written, cents, won) in [
            ("1391.5", "1391.5", 10_000, 139_150),
            ("1391.5", "1391.5", 9_703, 135_017),
            ("1400", "1400", 1, 14),
            ("0.0001", "0.0001", 100, 0),
            ("0.5", "0.5", 100, 1),
        ] {
            assert_eq!(rate(text).number().to_string(), written);
            let kept = serde_json::to_string(&rate(text)).unwrap();
            assert_eq!(serde_json::from_str::<ExchangeRate>(&kept).unwrap(), rate(text));
            assert_eq!(rate(text).won(cents, Currency::Usd), won, "{text}");
        }
        assert_eq!(rate("9.15").won(1_000, Currency::Jpy), 9_150);
        for wrong in ["", "0", "0.0", "-1", "1.00001", "1e3", ".5", "1000001", "1."] {
            assert_eq!(ExchangeRate::parse(wrong), None, "{wrong}");
        }
    }
}
