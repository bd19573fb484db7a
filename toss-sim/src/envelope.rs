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

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// The first payout of a batch because of which the whole batch is refused.
    pub(crate) ref_payout_id: Option<String>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, ref_payout_id: None }
    }
}

impl Refusal {
    /// The message. One that names a payout is English, as the recorded ones of Toss are.
    fn message(&self, language: Language) -> String {
        match &self.ref_payout_id {
            Some(reference) => format!("{} (refPayoutId: {reference})", self.code.message(Language::English)),
            None => self.code.message(language).to_owned(),
        }
    }
}

/// What a call comes to, before it is written down as an answer.
pub(crate) struct Done {
    pub(crate) value: Value,
    pub(crate) took_effect: bool,
}

/// What went wrong, as that API says it.
pub(crate) fn error(dialect: Dialect, refusal: &Refusal, language: Language, trace_id: &str) -> Value {
    let error = json!({ "code": refusal.code.name(), "message": refusal.message(language) });
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
