//! Reading bodies: within a size and a time, as JSON. `fields` reads the fields of a body.

use std::{fmt, time::Duration};

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
use service::table::{self, TableError};
use sha2::{Digest, Sha256};

use crate::http::{
    fields::Fields,
    problem::{Code, Problem},
};

/// The most bytes of a body.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// A body as it came, of bounded size.
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl RawBody {
    /// Reads a table that somebody handed in. What is wrong with it is said of the field `body`.
    pub(crate) fn table<T>(&self, read: impl FnOnce(&str) -> Result<T, TableError>) -> Result<T, Problem> {
        table::text(&self.0).and_then(|text| read(&text)).map_err(Problem::of_body)
    }
}

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

/// A body that may be absent: no body is an object without fields.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody(JsonBody);

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(JsonBody(Value::Object(Map::new()))));
        }
        JsonBody::from_request(request, state).await.map(Self)
    }
}

impl OptionalJsonBody {
    /// Its fields.
    pub(crate) fn fields(&self) -> Fields<'_> {
        self.0.fields()
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
        Fields::of_body(&self.0)
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
    fn white_space_and_order_do_not_change_the_fingerprint() {
        let one = body(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#).fingerprint();
        assert_eq!(one, body(r#"{"b":{"d":null,"c":[1,2]},"a":1}"#).fingerprint());
        assert_ne!(one, body(r#"{"a": 1, "b": {"c": [2, 1], "d": null}}"#).fingerprint());
        assert_ne!(one, body(r#"{"a": "1", "b": {"c": [1, 2], "d": null}}"#).fingerprint());
        assert_eq!(one.len(), 64);
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
