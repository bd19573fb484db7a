//! Money that names its own currency, as the v2 API writes it.

use serde_json::Value;

use crate::amounts::Currency;
use crate::object::{Fields, Misread, Read};
use crate::shape::ShapeError;

/// An amount with its currency: `{"currency":"KRW","value":5000.0}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// Minor units of it.
    pub minor: u64,
}

/// The money names its own currency, whatever the document around it does.
impl Read for Money {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        let named = value.get("currency").and_then(Value::as_str).and_then(Currency::from_code);
        let currency = named.ok_or(Misread::Within(ShapeError::Currency))?;
        let minor = Fields::of(value, currency)?.required("value").map_err(Misread::Within)?;
        Ok(Self { currency, minor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_exactly_or_not_at_all() {
        for (text, expected) in [
            (r#"{"currency":"KRW","value":5000.0}"#, Some((Currency::Krw, 5_000))),
            (r#"{"currency":"KRW","value":1111}"#, Some((Currency::Krw, 1_111))),
            (r#"{"currency":"USD","value":10.05,"more":1}"#, Some((Currency::Usd, 1_005))),
            (r#"{"currency":"KRW","value":-1}"#, None),
            (r#"{"currency":"KRW","value":0.5}"#, None),
            (r#"{"currency":"EUR","value":1}"#, None),
            (r#"{"currency":"KRW"}"#, None),
            (r#"{"value":1}"#, None),
            ("5000", None),
        ] {
            let read = serde_json::from_str(text).ok().and_then(|value| Money::read(&value, Currency::Jpy).ok());
            let read = read.map(|money| (money.currency, money.minor));
            assert_eq!(read, expected, "{text}");
        }
    }
}
