//! From bytes of Toss to JSON values, and what can be wrong with them.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::amounts::AmountError;
use crate::private::Private;

/// The fields of an object that this version does not know or cannot read, exactly as Toss wrote them.
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
    /// A field that says whose money moved, or how much, is missing or of another type.
    #[error("the document lacks {field}, or it is of another type")]
    Field {
        /// Toss's name of the field.
        field: String,
    },
    /// A list or an answer is of another shape.
    #[error("the document is not of the shape that the API documents")]
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

/// A list of what `T` declares.
pub(crate) fn list<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<Vec<T>, ShapeError> {
    serde_json::from_slice(bytes).map_err(|error| match error.is_data() {
        true => ShapeError::Fields(error),
        false => ShapeError::Json(error),
    })
}

/// Anything of the shape that `T` declares.
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
