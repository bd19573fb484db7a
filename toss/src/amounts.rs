//! Amounts: Toss writes decimals of the major unit, this crate speaks minor units.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::limits::{AMOUNT_LIMIT, LimitError};

/// Keys under which a document, and what it contains, holds an amount in the document's currency.
const AMOUNT_FIELDS: [&str; 18] = [
    "amount",
    "balanceAmount",
    "cancelAmount",
    "cardDiscountAmount",
    "discountAmount",
    "easyPayAmount",
    "easyPayDiscountAmount",
    "fee",
    "interestFee",
    "payOutAmount",
    "refundableAmount",
    "suppliedAmount",
    "supplyAmount",
    "taxExemptionAmount",
    "taxFreeAmount",
    "totalAmount",
    "transferDiscountAmount",
    "vat",
];

/// Objects and lists that hold such amounts. Any other object is left as Toss wrote it: an object this
/// version does not know may use the same key for something else, and the merchant's metadata may too.
const CONTAINERS: [&str; 8] =
    ["cancel", "cancels", "card", "cashReceipt", "cashReceipts", "discount", "easyPay", "fees"];

/// Whether amounts of a document may lie below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A payment: below zero is an error.
    Refused,
    /// A report, whose cancellations Toss may write either way.
    Kept,
}

/// The currencies Toss pays in.
///
/// This is the one enumeration that is not open: an amount in a currency whose minor unit is
/// unknown cannot be read, and guessing would be wrong by a factor of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Won: no minor unit.
    Krw,
    /// US dollar: cents.
    Usd,
    /// Yen: no minor unit.
    Jpy,
}

impl Currency {
    /// The ISO 4217 code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
        }
    }

    /// The currency of an ISO 4217 code, if Toss pays in it.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "KRW" => Some(Self::Krw),
            "USD" => Some(Self::Usd),
            "JPY" => Some(Self::Jpy),
            _ => None,
        }
    }

    /// Decimal places of the minor unit (ISO 4217).
    pub fn decimals(self) -> u32 {
        match self {
            Self::Krw | Self::Jpy => 0,
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

/// Turns every amount inside a document from a decimal into an integer of minor units.
///
/// The pass runs over the document before it gets its shape, because a field cannot know the
/// currency that stands beside it. Nesting is bounded by the JSON reader (128 levels).
pub(crate) fn scale(
    object: &mut Map<String, Value>,
    currency: Currency,
    sign: Sign,
) -> Result<(), (String, AmountError)> {
    for (key, value) in object.iter_mut() {
        match value {
            Value::Number(number) if AMOUNT_FIELDS.contains(&key.as_str()) => {
                *number = minor_number(number, currency, sign).map_err(|error| (key.clone(), error))?;
            }
            Value::Object(inner) if CONTAINERS.contains(&key.as_str()) => scale(inner, currency, sign)?,
            Value::Array(items) if CONTAINERS.contains(&key.as_str()) => {
                items.iter_mut().filter_map(Value::as_object_mut).try_for_each(|item| scale(item, currency, sign))?;
            }
            Value::Number(_) | Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::String(_) => {
            }
        }
    }
    Ok(())
}

fn minor_number(number: &Number, currency: Currency, sign: Sign) -> Result<Number, AmountError> {
    let text = number.to_string();
    match (text.strip_prefix('-'), sign) {
        (Some(magnitude), Sign::Kept) => {
            let minor = i64::try_from(minor_units(magnitude, currency)?).map_err(|_| AmountError::TooLarge)?;
            Ok(Number::from(-minor))
        }
        (Some(_), Sign::Refused) | (None, _) => minor_units(&text, currency).map(Number::from),
    }
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
        for currency in [Currency::Krw, Currency::Usd, Currency::Jpy] {
            for minor in [0, 1, 29, 100, 1_005, 15_000, AMOUNT_LIMIT] {
                let raw = json_number(minor, currency)?;
                check(raw.get(), currency, Ok(minor));
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_not_known_keeps_its_numbers() {
        let mut document = serde_json::json!({
            "totalAmount": 10.5, "count": 1.5, "metadata": {"amount": 0.125},
            "cancels": [{"cancelAmount": 0.5}], "brandNew": {"amount": -0.125},
        });
        let scaled = document.as_object_mut().map(|object| scale(object, Currency::Usd, Sign::Refused));
        assert_eq!(scaled, Some(Ok(())));
        assert_eq!(
            document,
            serde_json::json!({
                "totalAmount": 1050, "count": 1.5, "metadata": {"amount": 0.125},
                "cancels": [{"cancelAmount": 50}], "brandNew": {"amount": -0.125},
            })
        );
    }

    #[test]
    fn a_report_may_go_below_zero_and_a_payment_may_not() {
        let report = serde_json::json!({"amount": -10.5, "fees": [{"type": "BASE", "fee": -0.01}], "vat": -0.0});
        let scaled = |sign| {
            let mut document = report.clone();
            let scaled = document.as_object_mut().map(|object| scale(object, Currency::Usd, sign));
            scaled.map(|result| result.map(|()| document))
        };
        let expected = serde_json::json!({"amount": -1050, "fees": [{"type": "BASE", "fee": -1}], "vat": 0});
        assert_eq!(scaled(Sign::Kept), Some(Ok(expected)));
        assert_eq!(scaled(Sign::Refused), Some(Err(("amount".to_owned(), AmountError::Negative))));
    }
}
