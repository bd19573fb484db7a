//! How an answer is wrapped: bare in API v1, in an envelope in v2.

use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::payment_json::API_VERSION;

/// Which API a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    V1,
    V2,
}

/// What went wrong, as that API says it.
pub(crate) fn error(dialect: Dialect, code: Code, language: Language, trace_id: &str) -> Value {
    let error = json!({ "code": code.name(), "message": code.message(language) });
    match dialect {
        Dialect::V1 => error,
        Dialect::V2 => json!({
            "version": API_VERSION, "traceId": trace_id, "entityType": null, "entityBody": null, "error": error,
        }),
    }
}

/// An entity of API v2.
pub(crate) fn entity(entity_type: &str, body: &Value, trace_id: &str) -> Value {
    json!({ "version": API_VERSION, "traceId": trace_id, "entityType": entity_type, "entityBody": body })
}
