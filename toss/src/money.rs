//! Money that names its own currency, as the v2 API writes it.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::amounts::{self, Currency};

/// An amount with its currency: `{"currency":"KRW","value":5000.0}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// Minor units of it.
    pub minor: u64,
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::<String, Value>::deserialize(deserializer)?;
        let currency = fields.get("currency").and_then(Value::as_str).and_then(Currency::from_code);
        let currency = currency.ok_or_else(|| de::Error::custom("the money names no currency we know"))?;
        let Some(Value::Number(value)) = fields.get("value") else {
            return Err(de::Error::missing_field("value"));
        };
        // A field cannot have a source, so the reason becomes its text.
        let minor = amounts::minor_units(&value.to_string(), currency).map_err(de::Error::custom)?;
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
            let read = serde_json::from_str(text).ok().map(|money: Money| (money.currency, money.minor));
            assert_eq!(read, expected, "{text}");
        }
    }
}
