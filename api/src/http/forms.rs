//! The forms of values that several routes take.

use std::fmt::Display;

use chrono::{DateTime, Datelike, FixedOffset, Utc};
use domain::Timestamp;
use serde_json::Value;
use utoipa::openapi::{ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};

use crate::http::{
    fields::{FieldErrors, FieldForm, Form, ParameterForm},
    problem::FieldCode,
    text,
};

/// Text without control characters, at least one character.
const NO_CONTROL: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";

/// Declares a form of text: its value, its check, and what the document says of it besides that it is text.
macro_rules! text_form {
    ($(#[doc = $doc:literal])+ $vis:vis $name:ident: $value:ty = $parse:expr, $describe:expr) => {
        $(#[doc = $doc])+
        $vis struct $name;

        impl $crate::http::fields::Form for $name {
            type Value = $value;

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let describe: fn(utoipa::openapi::ObjectBuilder) -> utoipa::openapi::ObjectBuilder = $describe;
                describe($crate::http::forms::any_text()).into()
            }
        }

        impl $crate::http::fields::TextForm for $name {
            fn parse(text: &str) -> Result<$value, String> {
                $crate::http::forms::check(text, $parse)
            }
        }
    };
}
pub(crate) use text_form;

/// Reads a text, with the error as text.
pub(crate) fn check<'t, T, E: Display>(
    text: &'t str,
    parse: impl FnOnce(&'t str) -> Result<T, E>,
) -> Result<T, String> {
    parse(text).map_err(|error| error.to_string())
}

/// What the document says of a text.
pub(crate) fn any_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// What the detail of an error says of a text that is not on its list.
pub(crate) fn none_of<const N: usize>(list: [&str; N]) -> String {
    format!("is none of: {}", list.join(", "))
}

text_form! {
    /// Any text.
    pub(crate) Text: String = |text| Ok::<_, String>(text.to_owned()), |text| text
}
text_form! {
    /// `true` or `false`.
    pub(crate) TrueOrFalse: bool = |text| text.parse::<bool>().map_err(|_| "is `true` or `false`"),
    |text| text.enum_values(Some(["true", "false"]))
}
text_form! {
    /// An e-mail address.
    pub(crate) Email: String = text::email,
    |text| text.format(Some(SchemaFormat::Custom("email".to_owned()))).max_length(Some(text::MAX_EMAIL_CHARS))
}
text_form! {
    /// A telephone number.
    pub(crate) Phone: String = text::phone,
    |text| text.max_length(Some(text::MAX_PHONE_CHARS)).pattern(Some(r"^\+?[0-9]+([ -][0-9]+)*$"))
}
text_form! {
    /// An instant to include: the last millisecond that is not later than it.
    pub(crate) Moment: Timestamp = |text| time(text).map(|time| Timestamp::from_epoch_ms(time.timestamp_millis())),
    date_time
}
text_form! {
    /// An instant at which a period begins or ends: the first millisecond that is not earlier than it.
    pub(crate) Border: Timestamp = border, date_time
}

fn date_time(text: ObjectBuilder) -> ObjectBuilder {
    text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn border(text: &str) -> Result<Timestamp, &'static str> {
    let time = time(text)?;
    let begun = time.timestamp_subsec_nanos() % 1_000_000 != 0;
    Ok(Timestamp::from_epoch_ms(time.timestamp_millis()).plus_ms(begun.into()))
}

fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time: DateTime<FixedOffset> = DateTime::parse_from_rfc3339(text)
        .map_err(|_| "is no time of RFC 3339, such as 2026-11-21T00:00:00Z; a `+` in an address is written `%2B`")?;
    let time = time.to_utc();
    if (0..=9999).contains(&time.year()) { Ok(time) } else { Err("is outside of the years 0 to 9999 in UTC") }
}

/// A text that people read, of at most so many characters.
pub(crate) struct Shown<const MAX_CHARS: usize>;

impl<const MAX_CHARS: usize> Form for Shown<MAX_CHARS> {
    type Value = String;

    fn schema() -> RefOr<Schema> {
        any_text().min_length(Some(1)).max_length(Some(MAX_CHARS)).pattern(Some(NO_CONTROL)).into()
    }
}

impl<const MAX_CHARS: usize> crate::http::fields::TextForm for Shown<MAX_CHARS> {
    fn parse(text: &str) -> Result<String, String> {
        text::shown(text, MAX_CHARS)
    }
}

/// A whole number between two limits.
pub(crate) struct Number<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Number<LEAST, MOST> {
    fn within(number: Option<u64>) -> Result<u64, String> {
        number
            .filter(|number| (LEAST..=MOST).contains(number))
            .ok_or_else(|| format!("must be a number from {LEAST} to {MOST}"))
    }
}

impl<const LEAST: u64, const MOST: u64> Form for Number<LEAST, MOST> {
    type Value = u64;

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(LEAST))
            .maximum(Some(MOST))
            .into()
    }
}

impl<const LEAST: u64, const MOST: u64> FieldForm for Number<LEAST, MOST> {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<u64> {
        Self::within(value.as_u64()).map_err(|detail| errors.add(path, FieldCode::Invalid, detail)).ok()
    }
}

impl<const LEAST: u64, const MOST: u64> ParameterForm for Number<LEAST, MOST> {
    fn of_parameter(text: &str) -> Result<u64, String> {
        Self::within(text.parse().ok())
    }
}

/// A yes or no.
pub(crate) struct Flag;

impl Form for Flag {
    type Value = bool;

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

impl FieldForm for Flag {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<bool> {
        if !value.is_boolean() {
            errors.add(path, FieldCode::WrongType, "must be true or false");
        }
        value.as_bool()
    }
}

/// A list of objects, between two lengths. What is no object is `None`, so that the others can still be read.
pub(crate) struct Objects<F, const LEAST: usize, const MOST: usize>(std::marker::PhantomData<F>);

impl<F: Form, const LEAST: usize, const MOST: usize> Form for Objects<F, LEAST, MOST> {
    type Value = Vec<Option<F::Value>>;

    fn schema() -> RefOr<Schema> {
        let list = ArrayBuilder::new().items(F::schema());
        list.min_items(Some(LEAST)).max_items(Some(MOST)).into()
    }

    fn collect(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        F::collect(schemas);
    }
}

impl<F: FieldForm, const LEAST: usize, const MOST: usize> FieldForm for Objects<F, LEAST, MOST> {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<Self::Value> {
        let Value::Array(values) = value else {
            errors.add(path, FieldCode::WrongType, "must be a list");
            return None;
        };
        if !(LEAST..=MOST).contains(&values.len()) {
            errors.add(path, FieldCode::Invalid, format!("must hold from {LEAST} to {MOST} items"));
            return None;
        }
        let read = |(index, value)| F::read(value, format!("{path}[{index}]"), errors);
        Some(values.iter().enumerate().map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_round_to_the_side_that_loses_nothing() {
        let read = |text| {
            let ms = |time: Result<Timestamp, String>| time.unwrap().epoch_ms();
            (ms(Moment::of_parameter(text)), ms(Border::of_parameter(text)))
        };
        assert_eq!(read("1970-01-01T09:00:01+09:00"), (1_000, 1_000));
        assert_eq!(read("1970-01-01T00:00:00.0015Z"), (1, 2));
        assert_eq!(read("1969-12-31T23:59:59.9985Z"), (-2, -1));
        for wrong in
            ["", "2026-11-21", "2026-11-21T09:00:00 09:00", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-10:00"]
        {
            Moment::of_parameter(wrong).unwrap_err();
            Border::of_parameter(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_number_is_within_its_limits_as_text_too() {
        for (text, number) in [("0", None), ("1", Some(1)), ("9", Some(9)), ("10", None), ("-1", None), ("", None)] {
            assert_eq!(Number::<1, 9>::of_parameter(text).ok(), number, "{text}");
        }
    }
}
