//! From bytes of Toss to its objects: one way for all of them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::amounts::{self, AmountError, Currency, Sign};
use crate::private::Private;

/// The fields of an object that this version does not know, exactly as Toss wrote them.
///
/// Toss adds fields without a new version. They may hold a buyer's details, so `Debug` is silent.
pub type Unknown = Private<Map<String, Value>>;

/// Why a document is not the object that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// It is not JSON.
    #[error("the document is not JSON")]
    Json(#[source] serde_json::Error),
    /// It is JSON but not an object.
    #[error("the document is not an object")]
    NotAnObject,
    /// It is an object and not the envelope of the v2 API.
    #[error("the document has no entity in it")]
    NoEntity,
    /// It names no currency, or one whose minor unit this crate does not know.
    #[error("the document names no currency we know")]
    Currency,
    /// An amount is not a whole number of minor units.
    #[error("cannot read the amount in {field}")]
    Amount {
        /// Toss's name of the field.
        field: String,
        /// What is wrong with it.
        source: AmountError,
    },
    /// A required field is missing, or a field has another type.
    #[error("the document lacks the fields the API documents")]
    Fields(#[source] serde_json::Error),
    /// A list that does not end: its next page begins where this one did.
    #[error("the next page of the list is this page again")]
    Loop,
    /// The answer to several requests does not name each of them once.
    #[error("the answer is not about what was asked for")]
    OtherThings,
}

pub(crate) fn json(bytes: &[u8]) -> Result<Value, ShapeError> {
    serde_json::from_slice(bytes).map_err(ShapeError::Json)
}

/// An object whose amounts are in the currency it names.
pub(crate) fn in_its_currency<T: DeserializeOwned>(document: Value, sign: Sign) -> Result<T, ShapeError> {
    let currency =
        document.get("currency").and_then(Value::as_str).and_then(Currency::from_code).ok_or(match document {
            Value::Object(_) => ShapeError::Currency,
            _ => ShapeError::NotAnObject,
        })?;
    in_currency(document, currency, sign)
}

/// An object whose amounts are in a currency known from elsewhere.
pub(crate) fn in_currency<T: DeserializeOwned>(
    mut document: Value,
    currency: Currency,
    sign: Sign,
) -> Result<T, ShapeError> {
    let object = document.as_object_mut().ok_or(ShapeError::NotAnObject)?;
    amounts::scale(object, currency, sign).map_err(|(field, source)| ShapeError::Amount { field, source })?;
    fields(document)
}

/// An object without amounts, or with amounts that name their own currency.
pub(crate) fn fields<T: DeserializeOwned>(document: Value) -> Result<T, ShapeError> {
    serde_json::from_value(document).map_err(ShapeError::Fields)
}

/// What the v2 envelope holds: `{version, traceId, entityType, entityBody}`.
pub(crate) fn entity(bytes: &[u8]) -> Result<Value, ShapeError> {
    match json(bytes)? {
        Value::Object(mut envelope) => envelope.remove("entityBody").ok_or(ShapeError::NoEntity),
        _ => Err(ShapeError::NotAnObject),
    }
}

/// Toss writes an empty list as null.
pub(crate) fn nullable_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
