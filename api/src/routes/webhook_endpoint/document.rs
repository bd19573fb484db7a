//! The section `webhooks` of the document: one message for each type of event.

use domain::event::EventType;
use serde_json::{Map, Value, json};

/// Adds what is pushed to webhook endpoints, from the types of events.
pub(crate) fn add_webhooks(document: &mut Value) {
    let mut webhooks = Map::new();
    for event_type in EventType::ALL {
        webhooks.insert(event_type.as_str().to_owned(), message(event_type));
    }
    document["webhooks"] = webhooks.into();
    document["components"]["schemas"]["WebhookMessage"] = body_schema();
}

fn message(event_type: EventType) -> Value {
    let name = event_type.as_str();
    let object = event_type.object().as_str();
    let described = "Answer with a status from 200 to 299 within 15 seconds. The same event may arrive more than once, \
                     under the same `webhook-id`.";
    json!({
        "post": {
            "operationId": format!("on_{}", name.replace('.', "_")),
            "summary": format!("A {} event", name),
            "description": described,
            "tags": ["Events"],
            "parameters": headers(),
            "requestBody": {
                "required": true,
                "content": { "application/json": {
                    "schema": {
                        "allOf": [
                            { "$ref": "#/components/schemas/WebhookMessage" },
                            { "properties": {
                                "type": { "const": name },
                                "object": { "properties": { "type": { "const": object } } },
                            } },
                        ],
                    },
                } },
            },
            "responses": {
                "2XX": { "description": "The event is taken." },
                "410": { "description": "The receiver wants no more events: the endpoint is disabled." },
                "default": { "description": "The event is sent again later." },
            },
        },
    })
}

fn headers() -> Value {
    let header = |name: &str, description: &str| {
        json!({ "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" } })
    };
    json!([
        header("webhook-id", "Names the event; the same for every attempt."),
        header("webhook-timestamp", "When this attempt was made, in seconds since 1970."),
        header(
            "webhook-signature",
            "`v1,` and the Base64 of the HMAC-SHA256 of `id.timestamp.body`; several with spaces \
                                     between them while a secret is rotated."
        ),
    ])
}

fn body_schema() -> Value {
    let kinds: std::collections::BTreeSet<&str> = EventType::ALL.iter().map(|kind| kind.object().as_str()).collect();
    let instant = json!({ "$ref": "#/components/schemas/Instant" });
    json!({
        "type": "object",
        "description": "What a webhook endpoint receives: an event as it stands in the log.",
        "required": ["type", "timestamp", "id", "position", "occurred_at", "object", "data"],
        "properties": {
            "type": { "type": "string", "description": "The type of the event." },
            "timestamp": instant,
            "id": { "type": "string", "description": "The id of the event, which is also `webhook-id`." },
            "position": {
                "type": ["integer", "null"],
                "description": "Its position in the log; null for a test event.",
            },
            "occurred_at": instant,
            "object": {
                "type": "object",
                "required": ["type", "id", "version"],
                "properties": {
                    "type": { "type": "string", "enum": kinds },
                    "id": { "type": "string" },
                    "version": { "type": "integer", "minimum": 0,
                        "description": "A receiver that knows a later version ignores the event." },
                },
            },
            "data": { "type": "object", "description": "The object as it was then." },
        },
    })
}
