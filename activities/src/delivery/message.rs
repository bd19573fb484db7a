//! What is sent: the event as JSON, and headers that sign it.

use chrono::{DateTime, SecondsFormat};
use domain::Timestamp;
use serde::Serialize;
use serde_json::Value;
use store::{
    EventRecord,
    webhook_endpoint::{TEST_EVENT_TYPE, WebhookSecret},
};

/// A signed message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) headers: [(&'static str, String); 3],
    pub(super) body: Vec<u8>,
}

/// An event to send, with what names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) position: Option<u64>,
    pub(super) event_id: String,
    pub(super) event_type: String,
    /// What the event is about: `checkout:order-1`.
    pub(super) object: String,
    pub(super) body: Vec<u8>,
}

/// The body, as `GET /v1/events` shows an event, with the field `timestamp` of Standard Webhooks.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    id: &'a str,
    position: Option<u64>,
    occurred_at: String,
    object: ObjectBody<'a>,
    data: Value,
}

#[derive(Serialize)]
struct ObjectBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    version: u32,
}

impl Outgoing {
    /// An event of the log.
    pub(super) fn of_event(event: &EventRecord) -> Result<Self, serde_json::Error> {
        let (event_type, kind) = (event.event_type.as_str(), event.event_type.object().as_str());
        let occurred_at = rfc3339(event.occurred_at);
        let body = Body {
            event_type,
            timestamp: occurred_at.clone(),
            id: &event.id,
            position: Some(event.position),
            occurred_at,
            object: ObjectBody { kind, id: &event.object_id, version: event.version },
            data: serde_json::from_str(&event.data)?,
        };
        Ok(Self {
            position: Some(event.position),
            event_id: event.id.clone(),
            event_type: event_type.to_owned(),
            object: format!("{kind}:{}", event.object_id),
            body: serde_json::to_vec(&body)?,
        })
    }

    /// A test event, which is in no log.
    pub(super) fn of_test(event_id: &str, endpoint_id: &str, now: Timestamp) -> Result<Self, serde_json::Error> {
        let occurred_at = rfc3339(now);
        let body = Body {
            event_type: TEST_EVENT_TYPE,
            timestamp: occurred_at.clone(),
            id: event_id,
            position: None,
            occurred_at,
            object: ObjectBody { kind: "webhook_endpoint", id: endpoint_id, version: 0 },
            data: serde_json::json!({ "webhook_endpoint_id": endpoint_id }),
        };
        Ok(Self {
            position: None,
            event_id: event_id.to_owned(),
            event_type: TEST_EVENT_TYPE.to_owned(),
            object: format!("webhook_endpoint:{endpoint_id}"),
            body: serde_json::to_vec(&body)?,
        })
    }

    /// The message of an attempt that begins now, signed by each secret. The id is the same for every attempt.
    pub(super) fn sign(&self, secrets: &[WebhookSecret], now: Timestamp) -> Message {
        let timestamp_s = now.epoch_ms().div_euclid(1_000);
        let sign = |secret: &WebhookSecret| secret.sign(&self.event_id, timestamp_s, &self.body);
        let signatures: Vec<String> = secrets.iter().map(sign).collect();
        let headers = [
            ("webhook-id", self.event_id.clone()),
            ("webhook-timestamp", timestamp_s.to_string()),
            ("webhook-signature", signatures.join(" ")),
        ];
        Message { headers, body: self.body.clone() }
    }
}

fn rfc3339(time: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(time.epoch_ms()).unwrap_or(DateTime::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
