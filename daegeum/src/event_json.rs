//! Events as JSON: for the command line and the Kafka sink.

use serde_json::{Value, json};
use store::EventRecord;

use crate::values::rfc3339;

/// An event as `GET /v1/events` shows it.
pub(crate) fn as_json(event: &EventRecord) -> Value {
    json!({
        "position": event.position,
        "id": event.id,
        "type": event.event_type.as_str(),
        "occurred_at": rfc3339(event.occurred_at),
        "object": { "type": event.event_type.object().as_str(), "id": event.object_id, "version": event.version },
        "data": serde_json::from_str::<Value>(&event.data).unwrap_or_default(),
    })
}
