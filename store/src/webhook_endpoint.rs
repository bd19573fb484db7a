//! Webhook endpoints: where events are pushed to, which events wait there, and every attempt.
//!
//! An endpoint is a cursor on the event log. An event that could not be delivered leaves the cursor and waits in a
//! table of its own, so that it holds up only later events of its object.
//!
//! # Invariants
//!
//! * The cursor moves in the transaction that writes what became of the events before it.
//! * Of two carriers of one endpoint only the later one writes.
//! * A secret stands in the database only sealed.

mod carrying;
mod read;
mod secret;
mod write;

use domain::{
    Timestamp,
    id::WebhookEndpointId,
    webhook_endpoint::{AttemptOutcome, DeliveryStatus, DisabledReason, EndpointStatus},
};

pub use carrying::{Attempt, Carrying, Committed, Retry, Round, SingleRequest, Waiting};
pub use read::{DeliveryFilter, WebhookChanges, WebhookHealth};
pub use secret::{SignedHeaders, WebhookSecret, WebhookSecretError};
pub use write::{Asked, Change, MAX_OPEN_REQUESTS, NewEndpoint, Replay, Replayed, TEST_EVENT_TYPE};

use crate::{
    Keyring, KeyringError, Sealed, StoreError,
    convert::{corrupt, from_column_time},
    entities::{webhook_deliveries, webhook_endpoints},
};

/// The most events that wait at one endpoint. When that many wait, the cursor stands still.
pub const MAX_WAITING: u64 = 1_000;
/// How long attempts are kept, in milliseconds: fourteen days.
pub const DELIVERIES_KEPT_MS: u64 = 14 * 24 * 60 * 60 * 1_000;

/// An endpoint, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRecord {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// Where events are sent.
    pub url: String,
    /// The types that are sent; all of them where there is no list.
    pub types: Option<Vec<String>>,
    /// What a person calls the endpoint.
    pub description: String,
    /// Whether events are sent.
    pub status: EndpointStatus,
    /// Why no events are sent.
    pub disabled_reason: Option<DisabledReason>,
    /// The last position of the log that was delivered, or waits, or is of no interest.
    pub position: u64,
    /// The end of a replay, and the position at which the cursor goes on after it.
    pub replay: Option<ReplayRange>,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Until when nothing is sent, because the receiver asked for a pause.
    pub paused_until: Option<Timestamp>,
    /// Until when the secret before the current one signs along.
    pub previous_until: Option<Timestamp>,
    /// How often a principal moved the cursor.
    pub generation: u32,
    /// Which run of the delivery may write.
    pub carrier: u32,
    /// Counts the changes that principals and failures brought about.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// The rest of a replay that has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayRange {
    /// The last position that is sent again.
    pub until: u64,
    /// Where the cursor goes on then.
    pub resume_at: u64,
}

/// The sealed secrets of an endpoint.
#[derive(Debug, Clone)]
pub struct SealedSecrets {
    endpoint_id: WebhookEndpointId,
    current: String,
    previous: Option<(String, Timestamp)>,
}

/// One attempt to deliver, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its number among all attempts.
    pub number: u64,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The attempt.
    pub attempt: Attempt,
}

impl SealedSecrets {
    /// The secrets that sign at a time, the newest first.
    pub fn open(&self, keys: &Keyring, now: Timestamp) -> Result<Vec<WebhookSecret>, KeyringError> {
        let previous = self.previous.iter().filter(|(_, until)| now < *until).map(|(sealed, _)| sealed);
        std::iter::once(&self.current)
            .chain(previous)
            .map(|sealed| open_secret(keys, &self.endpoint_id, sealed))
            .collect()
    }
}

/// Seals a secret for its endpoint: it opens for no other one.
pub(crate) fn seal_secret(
    keys: &Keyring,
    endpoint: &WebhookEndpointId,
    secret: &WebhookSecret,
) -> Result<String, KeyringError> {
    Ok(keys.seal(secret.bytes(), &place(endpoint))?.to_text())
}

fn open_secret(keys: &Keyring, endpoint: &WebhookEndpointId, sealed: &str) -> Result<WebhookSecret, KeyringError> {
    let sealed = Sealed::of_text(sealed)?;
    let bytes = keys.open(&sealed, &place(endpoint))?;
    WebhookSecret::of_bytes(bytes).map_err(|_| KeyringError::Tampered(sealed.key_name))
}

fn place(endpoint: &WebhookEndpointId) -> Vec<u8> {
    format!("webhook secret\n{endpoint}").into_bytes()
}

/// The cursor of an endpoint among those that retention of the log heeds.
fn cursor_name(endpoint: &WebhookEndpointId) -> String {
    format!("webhook:{endpoint}")
}

fn endpoint_of(row: webhook_endpoints::Model) -> Result<EndpointRecord, StoreError> {
    let types = row.types.as_deref().map(serde_json::from_str).transpose();
    let replay = row.replay_until.zip(row.resume_at);
    let reason = |text: String| DisabledReason::parse(&text).ok_or_else(|| corrupt("a reason", text));
    Ok(EndpointRecord {
        endpoint_id: endpoint_id(row.endpoint_id)?,
        url: row.url,
        types: types.map_err(|error| corrupt("types of events", error))?,
        description: row.description,
        status: EndpointStatus::parse(&row.status).ok_or_else(|| corrupt("a status", row.status))?,
        disabled_reason: row.disabled_reason.map(reason).transpose()?,
        position: count(row.position)?,
        replay: replay
            .map(|(until, resume_at)| {
                Ok::<_, StoreError>(ReplayRange { until: count(until)?, resume_at: count(resume_at)? })
            })
            .transpose()?,
        failing_since: row.failing_since.map(from_column_time),
        paused_until: row.paused_until.map(from_column_time),
        previous_until: row.previous_until.map(from_column_time),
        generation: small_count(row.generation)?,
        carrier: small_count(row.carrier)?,
        version: small_count(row.version)?,
        created_at: from_column_time(row.created_at),
        updated_at: from_column_time(row.updated_at),
    })
}

fn delivery_of(row: webhook_deliveries::Model) -> Result<DeliveryRecord, StoreError> {
    let status = |status| u16::try_from(status).map_err(|_| corrupt("an HTTP status", status));
    let attempt = Attempt {
        position: row.position.map(count).transpose()?,
        event_id: row.event_id,
        event_type: row.event_type,
        object: row.object,
        number: small_count(row.attempt)?,
        attempted_at: from_column_time(row.attempted_at),
        latency_ms: small_count(row.latency_ms)?,
        http_status: row.http_status.map(status).transpose()?,
        outcome: AttemptOutcome::parse(&row.outcome).ok_or_else(|| corrupt("an outcome", row.outcome))?,
        status: DeliveryStatus::parse(&row.status).ok_or_else(|| corrupt("a status of a delivery", row.status))?,
        answer: row.answer,
    };
    Ok(DeliveryRecord { number: count(row.number)?, endpoint_id: endpoint_id(row.endpoint_id)?, attempt })
}

fn endpoint_id(text: String) -> Result<WebhookEndpointId, StoreError> {
    WebhookEndpointId::parse(text).map_err(|error| corrupt("an id of a webhook endpoint", error))
}

fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| corrupt("a position", number))
}

fn small_count(number: i32) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| corrupt("a count", number))
}

fn to_small_count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
