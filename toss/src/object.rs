//! Toss's objects, read field by field: what says whose money moved strictly, everything else leniently.
//!
//! A charge that succeeded must not become an unreadable answer over a decoration. So a field is read in one of
//! three ways, and each object says which beside the field's name:
//!
//! * `required`: ids, status, currency and amounts. The object is unreadable without it.
//! * `exact`: may be absent or null, and any other value must be of its type. It is an amount of a report, or a
//!   field that changes what an amount means.
//! * `loose`: everything else. A value of another type is left among the object's unknown fields, as Toss wrote it.
//!
//! An unsigned integer of 64 bits is an amount in minor units of the document's currency; a signed one is the same
//! in a report, where Toss may write a cancellation below zero.

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde_json::{Map, Number, Value};

use crate::amounts::{self, AmountError, Currency};
use crate::private::Private;
use crate::shape::{ShapeError, Unknown};
use crate::times;

/// Why a value is not what a field holds.
#[derive(Debug)]
pub(crate) enum Misread {
    /// It is of another type.
    Type,
    /// It is a number and no amount of the currency.
    Amount(AmountError),
    /// It is of the type, and something in it is not.
    Within(ShapeError),
}

impl Misread {
    fn of(self, field: &str) -> ShapeError {
        match self {
            Self::Type => ShapeError::Field { field: field.to_owned() },
            Self::Amount(source) => ShapeError::Amount { field: field.to_owned(), source },
            Self::Within(error) => error,
        }
    }
}

/// What can be read from a JSON value of a document in one currency.
pub(crate) trait Read: Sized {
    fn read(value: &Value, currency: Currency) -> Result<Self, Misread>;
}

/// An object whose amounts are in the currency it names.
pub(crate) fn in_its_currency<T: Read>(document: &Value) -> Result<T, ShapeError> {
    let fields = document.as_object().ok_or(ShapeError::NotAnObject)?;
    let named = fields.get("currency").and_then(Value::as_str).and_then(Currency::from_code);
    in_currency(document, named.ok_or(ShapeError::Currency)?)
}

/// An object without amounts, or whose amounts are won, or name their own currency.
pub(crate) fn in_won<T: Read>(document: &Value) -> Result<T, ShapeError> {
    in_currency(document, Currency::Krw)
}

fn in_currency<T: Read>(document: &Value, currency: Currency) -> Result<T, ShapeError> {
    T::read(document, currency).map_err(|misread| match misread {
        Misread::Within(error) => error,
        Misread::Type | Misread::Amount(_) => ShapeError::NotAnObject,
    })
}

/// The value of a field.
pub(crate) fn field<T: Read>(value: &Value, currency: Currency, name: &str) -> Result<T, ShapeError> {
    T::read(value, currency).map_err(|misread| misread.of(name))
}

/// The fields of one object, and which of them were taken.
pub(crate) struct Fields<'a> {
    fields: &'a Map<String, Value>,
    currency: Currency,
    taken: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value, currency: Currency) -> Result<Self, Misread> {
        let fields = value.as_object().ok_or(Misread::Type)?;
        Ok(Self { fields, currency, taken: Vec::with_capacity(fields.len()) })
    }

    pub(crate) fn required<T: Read>(&mut self, key: &'static str) -> Result<T, ShapeError> {
        let value = self.take(key).ok_or(Misread::Type).map_err(|missing| missing.of(key))?;
        field(value, self.currency, key)
    }

    pub(crate) fn exact<T: Read + Default>(&mut self, key: &'static str) -> Result<T, ShapeError> {
        match self.take(key) {
            None => Ok(T::default()),
            Some(value) => field(value, self.currency, key),
        }
    }

    pub(crate) fn loose<T: Read + Default>(&mut self, key: &'static str) -> Result<T, ShapeError> {
        match self.fields.get(key).map(|value| T::read(value, self.currency)) {
            Some(Ok(read)) => {
                self.taken.push(key);
                Ok(read)
            }
            Some(Err(_)) | None => Ok(T::default()),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.taken.push(key);
        self.fields.get(key)
    }

    /// What was not taken. Most objects have nothing of the kind, and nothing of them is copied.
    pub(crate) fn rest(self) -> Unknown {
        let rest = self.fields.iter().filter(|(key, _)| !self.taken.contains(&key.as_str()));
        Private::new(rest.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Value, currency: Currency) -> Result<Self, Misread> {
        match value {
            Value::Null => Ok(None),
            value => T::read(value, currency).map(Some),
        }
    }
}

/// Toss writes an empty list as null.
impl<T: Read> Read for Vec<T> {
    fn read(value: &Value, currency: Currency) -> Result<Self, Misread> {
        match value {
            Value::Null => Ok(Self::new()),
            Value::Array(items) => items.iter().map(|item| T::read(item, currency)).collect(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Err(Misread::Type),
        }
    }
}

impl<T: Read> Read for Private<T> {
    fn read(value: &Value, currency: Currency) -> Result<Self, Misread> {
        T::read(value, currency).map(Self::new)
    }
}

impl Read for u64 {
    fn read(value: &Value, currency: Currency) -> Result<Self, Misread> {
        let number = value.as_number().ok_or(Misread::Type)?.to_string();
        amounts::minor_units(&number, currency).map_err(Misread::Amount)
    }
}

/// In reports, Toss writes an amount as a number or as a number in quotes.
impl Read for i64 {
    fn read(value: &Value, currency: Currency) -> Result<Self, Misread> {
        let number = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.parse::<Number>().map_err(|_| Misread::Type)?.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(Misread::Type),
        };
        let (magnitude, sign) = number.strip_prefix('-').map_or((number.as_str(), 1), |magnitude| (magnitude, -1));
        let minor = amounts::minor_units(magnitude, currency).map_err(Misread::Amount)?;
        Self::try_from(minor).map(|minor| sign * minor).map_err(|_| Misread::Amount(AmountError::TooLarge))
    }
}

impl Read for u32 {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_u64().and_then(|number| Self::try_from(number).ok()).ok_or(Misread::Type)
    }
}

impl Read for bool {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_bool().ok_or(Misread::Type)
    }
}

impl Read for String {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_str().map(str::to_owned).ok_or(Misread::Type)
    }
}

impl Read for DateTime<FixedOffset> {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_str().and_then(times::parse).ok_or(Misread::Type)
    }
}

impl Read for NaiveDate {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_str().and_then(|text| text.parse().ok()).ok_or(Misread::Type)
    }
}

impl Read for Currency {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_str().and_then(Self::from_code).ok_or(Misread::Within(ShapeError::Currency))
    }
}

impl Read for Map<String, Value> {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        value.as_object().cloned().ok_or(Misread::Type)
    }
}

impl Read for Value {
    fn read(value: &Value, _currency: Currency) -> Result<Self, Misread> {
        Ok(value.clone())
    }
}

/// Declares an object of Toss's: each field with its type, how it is read, and Toss's name of it.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $how:ident $key:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )+
            /// Fields this version does not know, or that are of another type than documented, as Toss wrote them.
            pub unknown: $crate::shape::Unknown,
        }

        impl $crate::object::Read for $name {
            fn read(
                value: &::serde_json::Value,
                currency: $crate::amounts::Currency,
            ) -> Result<Self, $crate::object::Misread> {
                let mut fields = $crate::object::Fields::of(value, currency)?;
                Ok(Self {
                    $( $field: fields.$how($key).map_err($crate::object::Misread::Within)?, )+
                    unknown: fields.rest(),
                })
            }
        }
    };
}

pub(crate) use object;
