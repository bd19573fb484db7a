//! Reading bodies: within a size and a time, as JSON, field by field.
//!
//! A body is parsed to a [`Value`] first and its fields are then read one by one, so that an error names its
//! field and all errors are told at once.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{FromRequest, Request},
    http::header,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::http::problem::{Code, FieldCode, FieldError, Problem};

/// The most bytes of a body.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// The most field errors in one answer.
const MAX_FIELD_ERRORS: usize = 20;

/// A body as it came, of bounded size.
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let reading = tokio::time::timeout(BODY_TIME, Bytes::from_request(request, state));
        match reading.await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) if rejection.status() == Code::BodyTooLarge.status() => {
                Err(Problem::new(Code::BodyTooLarge, format!("A body has at most {MAX_BODY_BYTES} bytes.")))
            }
            Ok(Err(_)) => Err(Problem::new(Code::BodyMalformed, "The body broke off.")),
            Err(_) => Err(Problem::new(Code::BodyTimeout, "The body must arrive within 10 seconds.")),
        }
    }
}

/// A request whose body is here, as a whole: what reads it later does not wait.
pub(crate) async fn buffered(request: Request) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let RawBody(bytes) = RawBody::from_request(Request::from_parts(parts.clone(), body), &()).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// A body that is a JSON object.
#[derive(Debug)]
pub(crate) struct JsonBody(Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !media_type.is_some_and(is_json) {
            return Err(Problem::new(Code::UnsupportedMediaType, "Send the header `Content-Type: application/json`."));
        }
        Self::parse(&RawBody::from_request(request, state).await?.0)
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

impl JsonBody {
    /// Reads a JSON object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        // The error names line and column and nothing of what stands there.
        let Strict(value) = serde_json::from_slice(bytes)
            .map_err(|error| Problem::new(Code::BodyMalformed, format!("The body is not valid JSON: {error}.")))?;
        if value.is_object() {
            Ok(Self(value))
        } else {
            Err(Problem::new(Code::BodyMalformed, "The body must be a JSON object."))
        }
    }

    /// The whole body.
    pub(crate) const fn value(&self) -> &Value {
        &self.0
    }

    /// Its fields.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields { path: String::new(), object: self.0.as_object() }
    }

    /// SHA-256 in lower-case hex of the body's canonical form, in which white space and the order of the
    /// fields do not count.
    pub(crate) fn fingerprint(&self) -> String {
        let mut canonical = String::new();
        write_canonical(&self.0, &mut canonical);
        hex::encode(Sha256::digest(canonical.as_bytes()))
    }
}

/// Writes JSON with the fields of every object in the order of their names. The parser bounds the depth.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
        Value::Array(values) => {
            text.push('[');
            for value in values {
                write_canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in fields {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
    }
}

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

/// JSON in which no object has a field twice: of two values, each reader would take another.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = values.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let Strict(value) = fields.next_value()?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a field stands twice in one object"));
            }
        }
        Ok(Value::Object(object))
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
    /// The path of a field.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn get(&self, name: &str, errors: &mut FieldErrors) -> Option<&'a Value> {
        let value = self.object?.get(name)?;
        if value.is_null() {
            errors.add(self.path(name), FieldCode::WrongType, "must not be null; leave the field out to say nothing");
            return None;
        }
        Some(value)
    }

    /// Refuses every field that is not `known`.
    pub(crate) fn refuse_others(&self, known: &[&str], errors: &mut FieldErrors) {
        for name in self.object.into_iter().flat_map(Map::keys).filter(|name| !known.contains(&name.as_str())) {
            errors.add(self.path(name), FieldCode::UnknownField, format!("known fields are: {}", known.join(", ")));
        }
    }

    /// A text that may be absent.
    pub(crate) fn optional_text(&self, name: &str, errors: &mut FieldErrors) -> Option<&'a str> {
        let Some(text) = self.get(name, errors)?.as_str() else {
            errors.add(self.path(name), FieldCode::WrongType, "must be a string");
            return None;
        };
        if text.chars().any(char::is_control) {
            errors.add(self.path(name), FieldCode::Invalid, "may hold no control characters, such as a line end");
            return None;
        }
        Some(text)
    }

    /// A text that must be there.
    pub(crate) fn text(&self, name: &str, errors: &mut FieldErrors) -> Option<&'a str> {
        self.require(name, errors)?;
        self.optional_text(name, errors)
    }

    /// An amount of money, still a text: a string of decimal digits.
    pub(crate) fn amount(&self, name: &str, errors: &mut FieldErrors) -> Option<&'a str> {
        self.require(name, errors)?;
        self.optional_amount(name, errors)
    }

    /// An amount of money that may be absent.
    pub(crate) fn optional_amount(&self, name: &str, errors: &mut FieldErrors) -> Option<&'a str> {
        if self.object?.get(name)?.is_number() {
            let detail =
                "must be a string of decimal digits such as \"15000\": a JSON number may lose digits on its way";
            errors.add(self.path(name), FieldCode::WrongType, detail);
            return None;
        }
        self.optional_text(name, errors)
    }

    /// A text that may be absent and has a form.
    pub(crate) fn optional<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
        errors: &mut FieldErrors,
    ) -> Option<T> {
        let text = self.optional_text(name, errors)?;
        parse(text).map_err(|error| errors.add(self.path(name), FieldCode::Invalid, error)).ok()
    }

    /// A text that must be there and has a form.
    pub(crate) fn required<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
        errors: &mut FieldErrors,
    ) -> Option<T> {
        self.require(name, errors)?;
        self.optional(name, parse, errors)
    }

    /// An object that may be absent.
    pub(crate) fn optional_object(&self, name: &str, errors: &mut FieldErrors) -> Option<Fields<'a>> {
        Fields::of(self.get(name, errors)?, self.path(name), errors)
    }

    /// An object that must be there.
    pub(crate) fn object(&self, name: &str, errors: &mut FieldErrors) -> Option<Fields<'a>> {
        self.require(name, errors)?;
        self.optional_object(name, errors)
    }

    /// A list of objects that must be there. What is no object is `None`, so that the others can still be read.
    pub(crate) fn objects(&self, name: &str, errors: &mut FieldErrors) -> Option<Vec<Option<Fields<'a>>>> {
        let Value::Array(values) = self.require(name, errors)? else {
            errors.add(self.path(name), FieldCode::WrongType, "must be a list");
            return None;
        };
        let path = self.path(name);
        let read = |(index, value)| Fields::of(value, format!("{path}[{index}]"), errors);
        Some(values.iter().enumerate().map(read).collect())
    }

    /// A yes or no that may be absent.
    pub(crate) fn flag(&self, name: &str, errors: &mut FieldErrors) -> Option<bool> {
        let value = self.get(name, errors)?;
        if !value.is_boolean() {
            errors.add(self.path(name), FieldCode::WrongType, "must be true or false");
        }
        value.as_bool()
    }

    /// A number from 1 to `most` that may be absent.
    pub(crate) fn count(&self, name: &str, most: u64, errors: &mut FieldErrors) -> Option<u64> {
        let value = self.get(name, errors)?;
        let count = value.as_u64().filter(|count| (1..=most).contains(count));
        if count.is_none() {
            errors.add(self.path(name), FieldCode::Invalid, format!("must be a number from 1 to {most}"));
        }
        count
    }

    /// Whether a text in the object, a field's name or value at any depth, is as asked.
    pub(crate) fn holds_text(&self, asked: &dyn Fn(&str) -> bool) -> bool {
        fn in_object(object: &Map<String, Value>, asked: &dyn Fn(&str) -> bool) -> bool {
            object.iter().any(|(name, value)| asked(name) || in_value(value, asked))
        }
        fn in_value(value: &Value, asked: &dyn Fn(&str) -> bool) -> bool {
            match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => false,
                Value::String(text) => asked(text),
                Value::Array(values) => values.iter().any(|value| in_value(value, asked)),
                Value::Object(object) => in_object(object, asked),
            }
        }
        self.object.is_some_and(|object| in_object(object, asked))
    }

    /// The object as compact JSON.
    pub(crate) fn to_compact_json(&self) -> Option<String> {
        self.object.and_then(|object| serde_json::to_string(object).ok())
    }

    fn of(value: &'a Value, path: String, errors: &mut FieldErrors) -> Option<Self> {
        let Value::Object(object) = value else {
            errors.add(path, FieldCode::WrongType, "must be an object");
            return None;
        };
        Some(Self { path, object: Some(object) })
    }

    fn require(&self, name: &str, errors: &mut FieldErrors) -> Option<&'a Value> {
        if self.object.is_none_or(|object| !object.contains_key(name)) {
            errors.add(self.path(name), FieldCode::Required, "is required");
            return None;
        }
        self.get(name, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> JsonBody {
        JsonBody::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        for text in ["", "{", "[]", "\"text\"", "{\"a\":1,}", "null"] {
            assert_eq!(JsonBody::parse(text.as_bytes()).unwrap_err().code(), Code::BodyMalformed, "{text}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_malformed_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"amount":"1000","amount":null}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":[{"c":1,"c":1}]}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let problem = JsonBody::parse(text.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), Code::BodyMalformed, "{text}");
            assert!(format!("{problem:?}").contains("stands twice"), "{problem:?}");
        }
        let other = r#"{"a":{"b":-1,"c":1.5},"b":[{"b":true},{"b":18446744073709551615}],"c":null}"#;
        assert_eq!(*body(other).value(), serde_json::from_str::<Value>(other).unwrap());
    }

    #[test]
    fn null_and_control_characters_are_no_text() {
        let body = body(r#"{"null": null, "line": "a@b.c\r\nBcc: x", "nul": "\u0000", "c1": "\u0085"}"#);
        let fields = body.fields();
        for name in ["null", "line", "nul", "c1"] {
            let mut errors = FieldErrors::default();
            assert_eq!(fields.optional_text(name, &mut errors), None, "{name}");
            assert_eq!(fields.text(name, &mut errors), None, "{name}");
            let problem = errors.finish(Some(())).unwrap_err();
            assert_eq!(problem.fields().len(), 2, "{name}: each reading tells it once");
        }
        let mut errors = FieldErrors::default();
        assert!(fields.optional_object("null", &mut errors).is_none());
        assert_eq!((fields.flag("null", &mut errors), fields.count("null", 9, &mut errors)), (None, None));
        assert!(fields.objects("null", &mut errors).is_none() && fields.optional_amount("null", &mut errors).is_none());
        assert_eq!(errors.finish(Some(())).unwrap_err().fields().len(), 5);
    }

    #[test]
    fn white_space_and_order_do_not_change_the_fingerprint() {
        let one = body(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#).fingerprint();
        assert_eq!(one, body(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#).fingerprint());
        assert_ne!(one, body(r#"{"a": 1, "b": {"c": [2, 1], "d": null}}"#).fingerprint());
        assert_ne!(one, body(r#"{"a": "1", "b": {"c": [1, 2], "d": null}}"#).fingerprint());
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn every_error_names_its_field() {
        let body = body(r#"{"name": 7, "list": [{}, 3, {"amount": 15000}], "object": [], "extra": 1}"#);
        let mut errors = FieldErrors::default();
        let fields = body.fields();
        fields.refuse_others(&["name", "list", "object"], &mut errors);
        assert_eq!(fields.text("name", &mut errors), None);
        assert_eq!(fields.text("missing", &mut errors), None);
        assert!(fields.object("object", &mut errors).is_none());
        assert!(fields.objects("list", &mut errors).unwrap()[1].is_none());
        let item = Fields::of(&body.value()["list"][2], "list[2]".to_owned(), &mut errors).unwrap();
        assert_eq!(item.amount("amount", &mut errors), None);
        let problem = errors.finish(Some(())).unwrap_err();
        let told: Vec<_> = problem.fields().iter().map(|error| (error.field.as_str(), error.code)).collect();
        assert_eq!(
            told,
            [
                ("extra", FieldCode::UnknownField),
                ("name", FieldCode::WrongType),
                ("missing", FieldCode::Required),
                ("object", FieldCode::WrongType),
                ("list[1]", FieldCode::WrongType),
                ("list[2].amount", FieldCode::WrongType),
            ]
        );
    }

    #[test]
    fn json_has_more_than_one_media_type() {
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=utf-8"));
        assert!(is_json("application/cloudevents+json"));
        assert!(!is_json("text/plain"));
        assert!(!is_json("application/x-www-form-urlencoded"));
    }
}
