//! The marketplace's own notes on a checkout.

use domain::checkout::{MAX_METADATA_BYTES, PlanError};
use serde_json::{Map, Value};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type, schema::SchemaType};

use crate::http::{
    fields::{FieldErrors, FieldForm, Form},
    forms::any_text,
    problem::FieldCode,
};

/// The marketplace's own notes, as compact JSON. They may have lines, and no other control characters.
pub(super) struct Metadata;

impl Form for Metadata {
    type Value = String;

    fn schema() -> RefOr<Schema> {
        let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .property_names(Some(any_text()))
            .additional_properties(Some(any))
            .into()
    }
}

impl FieldForm for Metadata {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<String> {
        let is_bad = |character: char| character.is_control() && !['\n', '\r', '\t'].contains(&character);
        let Value::Object(object) = value else {
            errors.add(path, FieldCode::WrongType, "must be an object");
            return None;
        };
        if object_holds(object, &|text| text.chars().any(is_bad)) {
            let detail = "may hold no control characters besides line ends and tabs";
            errors.add(path.clone(), FieldCode::Invalid, detail);
        }
        let text = value.to_string();
        if text.len() > MAX_METADATA_BYTES {
            errors.add(path, FieldCode::Invalid, PlanError::Metadata);
        }
        Some(text)
    }
}

/// Whether a text in an object, a field's name or value at any depth, is as asked.
fn object_holds(object: &Map<String, Value>, asked: &dyn Fn(&str) -> bool) -> bool {
    object.iter().any(|(name, value)| asked(name) || value_holds(value, asked))
}

fn value_holds(value: &Value, asked: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => asked(text),
        Value::Array(values) => values.iter().any(|value| value_holds(value, asked)),
        Value::Object(object) => object_holds(object, asked),
    }
}
