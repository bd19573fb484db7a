//! Money: an unsigned integer of minor units and an ISO 4217 currency.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str::FromStr};

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

/// The largest amount in minor units: 2^53 − 1, the largest integer that every JSON reader keeps exact.
pub const MAX_MINOR: u64 = (1 << 53) - 1;

/// The currencies that the PSP settles in.
///
/// Source: Toss Payments core API, field `currency`; exponents from ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Korean won; no decimals.
    Krw,
    /// US dollar; two decimals.
    Usd,
    /// Japanese yen; no decimals.
    Jpy,
}

impl Currency {
    /// Every currency there is.
    pub const ALL: [Self; 3] = [Self::Krw, Self::Usd, Self::Jpy];

    /// How many decimals the currency has.
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Krw | Self::Jpy => 0,
            Self::Usd => 2,
        }
    }

    /// The ISO 4217 code, such as `KRW`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::ALL.into_iter().find(|currency| currency.code() == code).ok_or(MoneyError::UnknownCurrency)
    }
}

/// Why a text or a calculation is not money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a currency that the PSP settles in.
    #[error("the currency is none of KRW, USD, JPY")]
    UnknownCurrency,
    /// Not digits with at most one decimal point.
    #[error("an amount is written in digits, such as \"15000\" or \"12.50\", without sign, spaces or exponent")]
    Malformed,
    /// More decimals than the currency has.
    #[error("{currency} has {exponent} decimals", currency = .0.code(), exponent = .0.exponent())]
    TooManyDecimals(Currency),
    /// Larger than [`MAX_MINOR`].
    #[error("the amount is too large")]
    TooLarge,
    /// A difference below zero.
    #[error("the amount would fall below zero")]
    BelowZero,
    /// Two currencies in one calculation.
    #[error("amounts of {left} and {right} do not mix", left = .0.code(), right = .1.code())]
    MixedCurrencies(Currency, Currency),
    /// Nothing to share among: no weight is above zero.
    #[error("an amount can be split only by weights that are not all zero")]
    NoWeights,
}

/// An amount of money. Zero is money; an amount that must not be zero says so where it is used.
///
/// On the wire and in workflow histories it is `{"amount": "15000", "currency": "KRW"}`: a decimal string,
/// so that no reader turns it into a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WireMoney", into = "WireMoney")]
pub struct Money {
    minor: u64,
    currency: Currency,
}

impl Money {
    /// No money of a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// `minor` minor units, such as won or cents. Refuses more than [`MAX_MINOR`].
    pub const fn try_from_minor(minor: u64, currency: Currency) -> Result<Self, MoneyError> {
        if minor > MAX_MINOR { Err(MoneyError::TooLarge) } else { Ok(Self { minor, currency }) }
    }

    /// Reads a decimal string such as `15000` or `12.50`. Refuses what the currency cannot express:
    /// nothing is rounded.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (whole, decimals) = match text.split_once('.') {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (text, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !decimals.is_none_or(digits) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(MoneyError::Malformed);
        }
        if decimals.is_some_and(|decimals| decimals.len() > currency.exponent() as usize) {
            return Err(MoneyError::TooManyDecimals(currency));
        }
        let mut minor = Decimal::from_str_exact(text).map_err(|_| MoneyError::TooLarge)?;
        minor.rescale(currency.exponent());
        minor.set_scale(0).map_err(|_| MoneyError::TooLarge)?;
        Self::try_from_minor(minor.to_u64().ok_or(MoneyError::TooLarge)?, currency)
    }

    /// Minor units: won, yen, cents.
    pub const fn minor(self) -> u64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is no money at all.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum of two amounts of one currency.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::TooLarge)?;
        Self::try_from_minor(minor, self.currency)
    }

    /// What is left of this amount after `other` is taken away.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::BelowZero)?;
        Ok(Self { minor, ..self })
    }

    /// The smaller of two amounts of one currency; of two currencies, this one.
    pub const fn least(self, other: Self) -> Self {
        if other.minor < self.minor { Self { minor: other.minor, ..self } } else { self }
    }

    /// Returns `amount × parts / whole`, rounded down to the minor unit; the full amount if `parts` is at least `whole`
    /// or `whole` is zero.
    pub fn share(self, parts: u64, whole: u64) -> Self {
        if parts >= whole {
            return self;
        }
        let minor = u128::from(self.minor) * u128::from(parts) / u128::from(whole);
        // Less than the amount, so it is money again.
        u64::try_from(minor).map_or(self, |minor| Self { minor, ..self })
    }

    /// Splits the amount in proportion to `weights`, losing and inventing nothing: the parts add up to the
    /// whole. Each part is rounded down and the minor units left over go, one each, to the parts that were
    /// cut the most, the earlier one first among equals (largest remainder method).
    pub fn split(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        if total == 0 {
            return Err(MoneyError::NoWeights);
        }
        // At most 2^53 × 2^64: far from what a u128 holds.
        let exact = |weight: u64| u128::from(self.minor) * u128::from(weight);
        let mut parts: Vec<u64> = Vec::with_capacity(weights.len());
        for &weight in weights {
            parts.push(u64::try_from(exact(weight) / total).map_err(|_| MoneyError::TooLarge)?);
        }
        let left_over = self.minor - parts.iter().sum::<u64>();
        let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
        by_remainder.sort_by_key(|&index| core::cmp::Reverse(exact(weights[index]) % total));
        for (&index, _) in by_remainder.iter().zip(0..left_over) {
            parts[index] += 1;
        }
        Ok(parts.into_iter().map(|minor| Self { minor, ..self }).collect())
    }

    /// The amount as a decimal string, without currency: `15000`, `12.50`.
    pub fn to_decimal_string(self) -> String {
        Decimal::from_i128_with_scale(i128::from(self.minor), self.currency.exponent()).to_string()
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies(self.currency, other.currency))
        }
    }
}

/// The most of each currency. A sum is measured against the limit of its own currency alone. By default nothing of any
/// currency is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits([u64; Currency::ALL.len()]);

impl Limits {
    /// Of won, cents and yen.
    pub const fn of_minor(won: u64, cents: u64, yen: u64) -> Self {
        let mut limits = [0; Currency::ALL.len()];
        limits[Currency::Krw as usize] = won;
        limits[Currency::Usd as usize] = cents;
        limits[Currency::Jpy as usize] = yen;
        Self(limits)
    }

    /// These, with another limit of a currency.
    #[must_use]
    pub const fn with(mut self, limit: Money) -> Self {
        self.0[limit.currency as usize] = limit.minor;
        self
    }

    /// The limit of a currency.
    pub const fn of(self, currency: Currency) -> Money {
        Money { minor: self.0[currency as usize], currency }
    }

    /// Whether an amount is within the limit of its currency.
    pub const fn allow(self, amount: Money) -> bool {
        amount.minor <= self.of(amount.currency).minor
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal_string(), self.currency)
    }
}

#[derive(Serialize, Deserialize)]
struct WireMoney {
    amount: String,
    currency: Currency,
}

impl TryFrom<WireMoney> for Money {
    type Error = MoneyError;

    fn try_from(wire: WireMoney) -> Result<Self, MoneyError> {
        Self::parse(&wire.amount, wire.currency)
    }
}

impl From<Money> for WireMoney {
    fn from(money: Money) -> Self {
        Self { amount: money.to_decimal_string(), currency: money.currency }
    }
}
