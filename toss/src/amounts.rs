//! Amounts: Toss writes decimals of the major unit, this crate speaks minor units.

use std::fmt;

use serde_json::value::RawValue;

use crate::limits::{AMOUNT_LIMIT, LimitError};

/// The currencies Toss pays in.
///
/// This is the one enumeration that is not open: an amount in a currency whose minor unit is
/// unknown cannot be read, and guessing would be wrong by a factor of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Currency {
    /// Won: no minor unit.
    Krw,
    /// US dollar: cents.
    Usd,
    /// Yen: no minor unit.
    Jpy,
    /// Millionths of a US dollar, as some payments with a foreign wallet are written. It is no currency of ISO 4217.
    MicroUsd,
}

impl Currency {
    /// The code, as Toss writes it: of ISO 4217 but for `MUSD`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
            Self::MicroUsd => "MUSD",
        }
    }

    /// The currency of a code, if Toss pays in it.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "KRW" => Some(Self::Krw),
            "USD" => Some(Self::Usd),
            "JPY" => Some(Self::Jpy),
            "MUSD" => Some(Self::MicroUsd),
            _ => None,
        }
    }

    /// Decimal places of the minor unit.
    pub fn decimals(self) -> u32 {
        match self {
            Self::Krw | Self::Jpy | Self::MicroUsd => 0,
            Self::Usd => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a number is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is below zero.
    #[error("the amount is negative")]
    Negative,
    /// It has a fraction that the currency's minor unit cannot hold.
    #[error("the amount has more decimals than the currency")]
    TooFine,
    /// It is beyond [`AMOUNT_LIMIT`].
    #[error("the amount is beyond {AMOUNT_LIMIT} minor units")]
    TooLarge,
}

/// Reads `15000`, `5000.0`, `10.50` and `1.5e3` exactly, digit by digit.
///
/// The text comes from the JSON reader, which holds fractions in a float. Within [`AMOUNT_LIMIT`]
/// (fifteen digits) a float gives back the digits it was read from; beyond, this refuses.
pub(crate) fn minor_units(text: &str, currency: Currency) -> Result<u64, AmountError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| AmountError::TooLarge)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.starts_with('-') {
        // `-0` is the one number with a sign that takes nothing away.
        let nothing = digits.chars().all(|digit| matches!(digit, '-' | '0'));
        return if nothing { Ok(0) } else { Err(AmountError::Negative) };
    }
    if digits.is_empty() {
        return Ok(0);
    }
    let places = i64::from(exponent) - fraction.len() as i64 + i64::from(currency.decimals());
    let value = digits.parse::<u64>().map_err(|_| AmountError::TooLarge)?;
    let minor = if places < 0 {
        let divisor = power_of_ten(places.unsigned_abs()).ok_or(AmountError::TooFine)?;
        if !value.is_multiple_of(divisor) {
            return Err(AmountError::TooFine);
        }
        value / divisor
    } else {
        power_of_ten(places.unsigned_abs()).and_then(|factor| value.checked_mul(factor)).ok_or(AmountError::TooLarge)?
    };
    if minor > AMOUNT_LIMIT {
        return Err(AmountError::TooLarge);
    }
    Ok(minor)
}

fn power_of_ten(places: u64) -> Option<u64> {
    10_u64.checked_pow(u32::try_from(places).ok()?)
}

/// Writes minor units as the JSON number Toss reads: `15000` won, `10.05` dollars.
///
/// # Errors
///
/// None that can happen: digits with one dot are JSON. It is an error rather than a panic because
/// this crate has none.
pub(crate) fn json_number(minor: u64, currency: Currency) -> Result<Box<RawValue>, LimitError> {
    let text = match currency.decimals() {
        0 => minor.to_string(),
        decimals => {
            let unit = 10_u64.pow(decimals);
            let width = decimals as usize;
            format!("{}.{:0width$}", minor / unit, minor % unit)
        }
    };
    RawValue::from_string(text).map_err(|_| LimitError::Amount)
}

#[cfg(test)]
mod tests {
    use serde_json::Number;

    use super::*;

    fn check(text: &str, currency: Currency, expected: Result<u64, AmountError>) {
        let read = serde_json::from_str::<Number>(text).map(|number| minor_units(&number.to_string(), currency));
        assert!(matches!(read, Ok(minor) if minor == expected), "{text} {currency}: {read:?}");
    }

    #[test]
    fn decimals_become_minor_units() {
        check("15000", Currency::Krw, Ok(15_000));
        check("15000", Currency::Jpy, Ok(15_000));
        check("5000.0", Currency::Krw, Ok(5_000));
        check("1.0E7", Currency::Krw, Ok(10_000_000));
        check("0", Currency::Krw, Ok(0));
        check("0.0", Currency::Usd, Ok(0));
        check("-0.0", Currency::Usd, Ok(0));
        check("10", Currency::Usd, Ok(1_000));
        check("10.5", Currency::Usd, Ok(1_050));
        check("10.05", Currency::Usd, Ok(1_005));
        check("0.29", Currency::Usd, Ok(29));
        check("9999999999999.99", Currency::Usd, Ok(999_999_999_999_999));
        check("10.5", Currency::Krw, Err(AmountError::TooFine));
        check("10.005", Currency::Usd, Err(AmountError::TooFine));
        check("1e-300", Currency::Usd, Err(AmountError::TooFine));
        check("-1", Currency::Krw, Err(AmountError::Negative));
        check("-0.01", Currency::Usd, Err(AmountError::Negative));
        check("1e300", Currency::Krw, Err(AmountError::TooLarge));
        check("18446744073709551616", Currency::Krw, Err(AmountError::TooLarge));
        check("12345678901234567.01", Currency::Usd, Err(AmountError::TooLarge));
    }

    #[test]
    fn minor_units_become_decimals_and_come_back() -> Result<(), LimitError> {
        for currency in [Currency::Krw, Currency::Usd, Currency::Jpy, Currency::MicroUsd] {
            for minor in [0, 1, 29, 100, 1_005, 15_000, AMOUNT_LIMIT] {
                let raw = json_number(minor, currency)?;
                check(raw.get(), currency, Ok(minor));
            }
        }
        Ok(())
    }
}
