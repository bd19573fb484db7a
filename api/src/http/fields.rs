//! The fields of a JSON object, read one by one: an error names its field, and all errors are told at once.
//!
//! A [`Form`] is what a field or a parameter may hold. Its check and its description in the OpenAPI document stand
//! side by side, and use the same limits.

use std::fmt::Display;

use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};

use crate::http::problem::{FieldCode, FieldError, Problem};

/// The most field errors in one answer.
const MAX_FIELD_ERRORS: usize = 20;

/// What is wrong with the fields of a body, collected.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Adds what is wrong with a field.
    pub(crate) fn add(&mut self, field: String, code: FieldCode, detail: impl Display) {
        if self.0.len() < MAX_FIELD_ERRORS {
            self.0.push(FieldError { field, code, detail: detail.to_string() });
        }
    }

    /// The problem, if anything is wrong; otherwise what was read.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Problem::of_fields(self.0)),
        }
    }
}

/// What a field or a parameter may hold.
pub(crate) trait Form {
    /// The value once it is read.
    type Value;

    /// How the document describes the value.
    fn schema() -> RefOr<Schema>;

    /// Adds the named schemas that [`Form::schema`] refers to.
    fn collect(_: &mut Vec<(String, RefOr<Schema>)>) {}
}

/// A form of text, in a body and in an address.
pub(crate) trait TextForm: Form {
    /// Reads the value, or says what is wrong with the text.
    fn parse(text: &str) -> Result<Self::Value, String>;
}

/// A form that a field of a body may have.
pub(crate) trait FieldForm: Form {
    /// Reads the value that stands at `path`, and adds what is wrong with the value.
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<Self::Value>;
}

/// A form that a parameter of an address may have.
pub(crate) trait ParameterForm: Form {
    /// Reads the value, or says what is wrong with the text.
    fn of_parameter(text: &str) -> Result<Self::Value, String>;
}

impl<F: TextForm> FieldForm for F {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<Self::Value> {
        let Some(text) = value.as_str() else {
            errors.add(path, FieldCode::WrongType, "must be a string");
            return None;
        };
        if text.chars().any(char::is_control) {
            errors.add(path, FieldCode::Invalid, "may hold no control characters, such as a line end");
            return None;
        }
        F::parse(text).map_err(|detail| errors.add(path, FieldCode::Invalid, detail)).ok()
    }
}

impl<F: TextForm> ParameterForm for F {
    fn of_parameter(text: &str) -> Result<Self::Value, String> {
        F::parse(text)
    }
}

/// The fields of a JSON object. Each reading answers `None` for what is absent or wrong, and says what is
/// wrong. `null` is wrong: it could mean "nothing" or "all".
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    object: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The fields of a whole body.
    pub(crate) fn of_body(body: &'a Value) -> Self {
        Self { path: String::new(), object: body.as_object() }
    }

    /// The fields of an object inside a body.
    pub(crate) fn of(value: &'a Value, path: String, errors: &mut FieldErrors) -> Option<Self> {
        let Value::Object(object) = value else {
            errors.add(path, FieldCode::WrongType, "must be an object");
            return None;
        };
        Some(Self { path, object: Some(object) })
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Refuses every field that is not `known`.
    pub(crate) fn refuse_others(&self, known: &[&str], errors: &mut FieldErrors) {
        for name in self.object.into_iter().flat_map(Map::keys).filter(|name| !known.contains(&name.as_str())) {
            errors.add(self.path(name), FieldCode::UnknownField, format!("known fields are: {}", known.join(", ")));
        }
    }

    /// A field that may be absent.
    pub(crate) fn optional<F: FieldForm>(&self, name: &str, errors: &mut FieldErrors) -> Option<F::Value> {
        let value = self.object?.get(name)?;
        if value.is_null() {
            errors.add(self.path(name), FieldCode::WrongType, "must not be null; leave the field out to say nothing");
            return None;
        }
        F::read(value, self.path(name), errors)
    }

    /// A field that must be there.
    pub(crate) fn required<F: FieldForm>(&self, name: &str, errors: &mut FieldErrors) -> Option<F::Value> {
        if self.object.is_none_or(|object| !object.contains_key(name)) {
            errors.add(self.path(name), FieldCode::Required, "is required");
            return None;
        }
        self.optional::<F>(name, errors)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::forms::{Flag, Number, Objects, Text};

    crate::http::table::body! {
        /// A thing of a list.
        struct Item as "Item" {
            amount: required Text,
        }
    }

    crate::http::table::body! {
        /// Everything that a body may hold.
        struct Whole as "Whole" {
            name: required Text,
            missing: required Text,
            object: optional Item,
            list: required Objects<Item, 1, 9>,
            flag: optional Flag,
            count: optional Number<1, 9>,
        }
    }

    fn told(body: &Value) -> Vec<(String, FieldCode)> {
        let mut errors = FieldErrors::default();
        let read = Whole::read(&Fields::of_body(body), &mut errors);
        let items = read.list.into_iter().flatten().flatten().chain(read.object);
        let all = (read.name, read.missing, read.flag, read.count, items.filter_map(|item| item.amount).count());
        let problem = errors.finish(Some(all)).unwrap_err();
        problem.fields().iter().map(|error| (error.field.clone(), error.code)).collect()
    }

    fn named<const N: usize>(told: [(&str, FieldCode); N]) -> Vec<(String, FieldCode)> {
        told.into_iter().map(|(field, code)| (field.to_owned(), code)).collect()
    }

    #[test]
    fn every_error_names_its_field() {
        let body = json!({
            "name": 7, "list": [{}, 3, { "amount": 15000 }], "object": [], "flag": 1, "count": 10, "extra": 1,
        });
        let expected = [
            ("extra", FieldCode::UnknownField),
            ("name", FieldCode::WrongType),
            ("missing", FieldCode::Required),
            ("object", FieldCode::WrongType),
            ("list[0].amount", FieldCode::Required),
            ("list[1]", FieldCode::WrongType),
            ("list[2].amount", FieldCode::WrongType),
            ("flag", FieldCode::WrongType),
            ("count", FieldCode::Invalid),
        ];
        assert_eq!(told(&body), named(expected));
    }

    #[test]
    fn null_is_no_value_of_any_form() {
        let names = ["name", "missing", "object", "list", "flag", "count"];
        let body = names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect::<Map<_, _>>();
        assert_eq!(told(&body.into()), named(names.map(|name| (name, FieldCode::WrongType))));
    }

    #[test]
    fn a_text_has_no_control_characters() {
        for text in ["a@b.c\r\nBcc: x", "\u{0}", "\u{85}"] {
            let body = json!({ "name": text, "missing": "x", "list": [{ "amount": "1" }] });
            assert_eq!(told(&body), named([("name", FieldCode::Invalid)]), "{text:?}");
        }
    }

    #[test]
    fn a_list_holds_as_many_as_its_form_says() {
        for count in [0, 10] {
            let list = vec![json!({ "amount": "1" }); count];
            let body = json!({ "name": "x", "missing": "x", "list": list });
            assert_eq!(told(&body), named([("list", FieldCode::Invalid)]), "{count}");
        }
    }

    #[test]
    fn the_description_is_made_of_the_same_table() {
        let schema = serde_json::to_value(<Whole as utoipa::PartialSchema>::schema()).unwrap();
        let expected = json!({
            "type": "object",
            "description": "Everything that a body may hold.",
            "required": ["name", "missing", "list"],
            "properties": {
                "name": { "type": "string" },
                "missing": { "type": "string" },
                "object": { "oneOf": [{ "$ref": "#/components/schemas/Item" }, { "type": "null" }] },
                "list": {
                    "type": "array", "items": { "$ref": "#/components/schemas/Item" }, "minItems": 1, "maxItems": 9,
                },
                "flag": { "type": ["boolean", "null"] },
                "count": { "type": ["integer", "null"], "format": "int64", "minimum": 1, "maximum": 9 },
            },
            "additionalProperties": false,
        });
        assert_eq!(schema, expected);
    }
}
