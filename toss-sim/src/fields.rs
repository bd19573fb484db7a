//! The values that many bodies of Toss's API have, and what is wrong with them by themselves.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use crate::codes::Code;

/// Largest body read, in bytes; a larger one is `INVALID_REQUEST`.
pub(crate) const MAX_BODY: usize = 64 * 1_024;
/// Largest amount of one payment in minor units, so that no sum of all payments overflows.
pub(crate) const MAX_AMOUNT: u64 = 1_000_000_000_000;
const MAX_ORDER_NAME: usize = 100;
const MAX_METADATA: usize = 5;
const MAX_METADATA_KEY: usize = 40;
const MAX_METADATA_VALUE: usize = 2_000;

/// A whole number of won, also as a text, as Toss's own sample shop sends it; `15000.0` is read as 15000, a fraction is
/// not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Won(pub(crate) u64);

impl<'de> Deserialize<'de> for Won {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = text(deserializer)?;
        let whole = written.strip_suffix(".0").unwrap_or(&written);
        let amount: u64 = whole.parse().map_err(|_| D::Error::custom("an amount is a whole number of won"))?;
        if amount > MAX_AMOUNT {
            return Err(D::Error::custom(format_args!("an amount is at most {MAX_AMOUNT} won")));
        }
        Ok(Self(amount))
    }
}

/// A text, or a number where a text belongs: Toss takes the one for the other.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(Number),
    }

    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string(),
    })
}

/// The same, where it may be absent or null.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Text(#[serde(deserialize_with = "text")] String);

    Ok(Option::<Text>::deserialize(deserializer)?.map(|Text(text)| text))
}

/// A whole number that may be absent, null or a text.
pub(crate) fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let written = optional_text(deserializer)?;
    written.map(|written| written.parse().map_err(|_| D::Error::custom("not a whole number"))).transpose()
}

/// What a merchant hangs on an object: at most five pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metadata(Option<BTreeMap<String, String>>);

impl Metadata {
    /// Whether it is within Toss's limits.
    pub(crate) fn is_short(&self) -> bool {
        self.0.as_ref().is_none_or(|pairs| {
            pairs.len() <= MAX_METADATA
                && pairs.iter().all(|(key, value)| {
                    key.chars().count() <= MAX_METADATA_KEY
                        && !key.contains(['[', ']'])
                        && value.chars().count() <= MAX_METADATA_VALUE
                })
        })
    }
}

/// Reads a body; whatever is wrong with it is `INVALID_REQUEST`.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Code> {
    serde_json::from_slice(body).map_err(|_| Code::InvalidRequest)
}

/// Whether this may name an order: 6 to 64 of `A-Z a-z 0-9 - _ =`.
pub(crate) fn is_order_id(text: &str) -> bool {
    (6..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
}

/// Whether this may name what is bought: 1 to 100 characters.
pub(crate) fn is_order_name(text: &str) -> bool {
    (1..=MAX_ORDER_NAME).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::{Won, is_order_id, read};
    use crate::codes::Code;

    #[test]
    fn won_are_whole() {
        assert_eq!(read::<Won>(b"15000"), Ok(Won(15_000)));
        assert_eq!(read::<Won>(b"15000.0"), Ok(Won(15_000)));
        assert_eq!(read::<Won>(b"\"15000\""), Ok(Won(15_000)));
        for wrong in ["0.5", "-1", "\"won\"", "\"\"", "\"-1\"", "\" 1\"", "true", "null", "1e30", "1000000000001"] {
            assert_eq!(read::<Won>(wrong.as_bytes()), Err(Code::InvalidRequest), "{wrong}");
        }
    }

    #[test]
    fn order_ids_have_six_to_sixty_four_plain_characters() {
        assert!(is_order_id("order-1") && is_order_id(&"a".repeat(64)));
        for wrong in ["order", &"a".repeat(65), "주문번호-1", "order 1"] {
            assert!(!is_order_id(wrong), "{wrong}");
        }
    }
}
