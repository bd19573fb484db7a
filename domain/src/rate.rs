//! Exchange rates: what an amount of one currency is in another, for display, limits and reports.
//!
//! No balance is converted: entries and wallets keep the currency that was paid. A figure that a rate made is told
//! together with the rate, its source and its time.

use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{Currency, Money, Timestamp, money::MoneyError};

/// The decimals of a rate.
pub const DECIMALS: u32 = 8;
/// The most characters of a source's name.
pub const MAX_SOURCE_CHARS: usize = 64;
/// One, in the parts of a rate.
const ONE: u128 = 10_u128.pow(DECIMALS);
/// The largest rate is below a thousand million.
const MAX_PARTS: u64 = 10_u64.pow(9 + DECIMALS);

/// Two currencies: how much of `quote` one unit of `base` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    base: Currency,
    quote: Currency,
}

/// The side that a rate is on. Conversions take the one in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateKind {
    /// At which the source buys the base.
    Bid,
    /// Between the two; what most sources publish.
    Mid,
    /// At which the source sells the base.
    Ask,
}

/// How much of one currency a unit of another is: above zero, with at most [`DECIMALS`] decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateValue(u64);

/// A rate as somebody published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Of which currencies.
    pub pair: Pair,
    /// Whose side it is on.
    pub kind: RateKind,
    /// How much.
    pub value: RateValue,
    /// When it held.
    pub as_of: Timestamp,
    /// Its publisher: 1 to [`MAX_SOURCE_CHARS`] visible characters.
    pub source: String,
}

/// Why something is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// A currency in itself.
    #[error("a rate is of two different currencies")]
    SameCurrency,
    /// Not a decimal above zero and below a thousand million, or with too many decimals.
    #[error("a rate is a decimal above 0 and below 1000000000 with at most {DECIMALS} decimals, such as \"1391.5\"")]
    Value,
    /// No kind of rate.
    #[error("a kind of rate is one of bid, mid, ask")]
    Kind,
    /// A source without a name, or with a long one.
    #[error("a source has 1 to {MAX_SOURCE_CHARS} visible characters")]
    Source,
}

impl Pair {
    /// Refuses a currency in itself.
    pub fn try_new(base: Currency, quote: Currency) -> Result<Self, RateError> {
        if base == quote { Err(RateError::SameCurrency) } else { Ok(Self { base, quote }) }
    }

    /// One unit of this.
    pub const fn base(self) -> Currency {
        self.base
    }

    /// What it is counted in.
    pub const fn quote(self) -> Currency {
        self.quote
    }

    /// Every pair there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |base| Currency::ALL.into_iter().filter_map(move |quote| Self::try_new(base, quote).ok());
        Currency::ALL.into_iter().flat_map(of)
    }
}

impl RateKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Bid, Self::Mid, Self::Ask];

    /// The kind as files and the database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Mid => "mid",
            Self::Ask => "ask",
        }
    }
}

impl FromStr for RateKind {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(RateError::Kind)
    }
}

impl RateValue {
    /// Of hundred-millionths.
    pub const fn try_from_parts(parts: u64) -> Result<Self, RateError> {
        if parts == 0 || parts >= MAX_PARTS { Err(RateError::Value) } else { Ok(Self(parts)) }
    }

    /// Hundred-millionths.
    pub const fn parts(self) -> u64 {
        self.0
    }
}

impl FromStr for RateValue {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let mut value = Decimal::from_str_exact(text).ok().filter(|_| is_plain).ok_or(RateError::Value)?;
        if value.normalize().scale() > DECIMALS {
            return Err(RateError::Value);
        }
        value.rescale(DECIMALS);
        value.set_scale(0).map_err(|_| RateError::Value)?;
        Self::try_from_parts(value.to_u64().ok_or(RateError::Value)?)
    }
}

impl fmt::Display for RateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::from_i128_with_scale(i128::from(self.0), DECIMALS).normalize().fmt(f)
    }
}

impl Rate {
    /// Checks the source's name.
    pub fn check_source(source: &str) -> Result<(), RateError> {
        let is_shown = source.chars().all(|letter| !letter.is_control()) && source.trim() == source;
        let length = source.chars().count();
        if is_shown && (1..=MAX_SOURCE_CHARS).contains(&length) { Ok(()) } else { Err(RateError::Source) }
    }

    /// What an amount of one of its currencies is in the other, rounded half up to the minor unit. Nothing where the
    /// amount is of neither.
    pub fn convert(&self, amount: Money) -> Option<Result<Money, MoneyError>> {
        let to = if amount.currency() == self.pair.base {
            self.pair.quote
        } else if amount.currency() == self.pair.quote {
            self.pair.base
        } else {
            return None;
        };
        let units = |currency: Currency| 10_u128.pow(currency.exponent());
        let (minor, value) = (u128::from(amount.minor()), u128::from(self.value.0));
        // At most 2^53 × 2^57 × 2^7 × 2^7: a u128 holds it.
        let (above, below) = if to == self.pair.quote { (value, ONE) } else { (ONE, value) };
        let (above, below) = (minor * above * units(to), below * units(amount.currency()));
        let rounded = (2 * above + below) / (2 * below);
        Some(
            u64::try_from(rounded).map_err(|_| MoneyError::TooLarge).and_then(|minor| Money::try_from_minor(minor, to)),
        )
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pair, value, source, .. } = self;
        write!(f, "{value} {} per {} by {source}", pair.quote, pair.base)
    }
}

/// The rates that hold at an instant: at most one of each pair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates(Vec<Rate>);

impl Rates {
    /// Of rates, the newest of each pair.
    pub const fn new(newest: Vec<Rate>) -> Self {
        Self(newest)
    }

    /// The newest rate between two currencies, whichever of them it was published for.
    pub fn between(&self, one: Currency, other: Currency) -> Option<&Rate> {
        let is_between = |rate: &&Rate| [(one, other), (other, one)].contains(&(rate.pair.base, rate.pair.quote));
        self.0.iter().filter(is_between).max_by_key(|rate| rate.as_of)
    }
}
