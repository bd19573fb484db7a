//! Delivering events to webhook endpoints, by Standard Webhooks 1.0.0.
//!
//! # Invariants
//!
//! * An event of an object is sent only when no earlier event of the object waits at the endpoint.
//! * The cursor moves after the receiver has answered, never before; so an event may arrive twice, under the same id.
//! * A connection goes only to an address that was checked after the name was resolved.
//! * No secret and no address of an endpoint is logged or stands in a history.

mod carry;
mod client;
mod clock;
mod counts;
mod in_flight;
mod lanes;
mod message;
mod sending;
mod watcher;

use std::sync::Arc;

use domain::{
    id::WebhookEndpointId,
    webhook_endpoint::{EndpointStatus, Permitted, Schedule},
};
use store::{Keyring, Reader, StoreError, Writer};

pub use client::{ClientError, WebhookClient};
pub use clock::DeliveryClock;
pub use counts::{DeliveryCounts, EndpointGauge};
pub use watcher::Watcher;

/// The activity that delivers.
#[derive(Debug, Clone)]
pub struct Deliveries {
    writer: Writer,
    reader: Reader,
    keyring: Option<Arc<Keyring>>,
    client: WebhookClient,
    rules: DeliveryRules,
    watcher: Watcher,
    counts: DeliveryCounts,
    clock: DeliveryClock,
}

/// What an operator can set about deliveries.
#[derive(Debug, Clone, Default)]
pub struct DeliveryRules {
    /// Which addresses events are sent to.
    pub permitted: Permitted,
    /// When a failed delivery is tried again.
    pub schedule: Schedule,
}

/// What deliveries need.
#[derive(Debug, Clone)]
pub struct DeliveryParts {
    /// Writes what became of events.
    pub writer: Writer,
    /// Reads the log.
    pub reader: Reader,
    /// Opens the secrets of endpoints. Without keys no endpoint can be created.
    pub keyring: Option<Arc<Keyring>>,
    /// What an operator can set.
    pub rules: DeliveryRules,
    /// What is counted.
    pub counts: DeliveryCounts,
    /// The time of attempts.
    pub clock: DeliveryClock,
}

impl Deliveries {
    /// Makes the activity.
    pub fn try_new(parts: DeliveryParts) -> Result<Self, ClientError> {
        let DeliveryParts { writer, reader, keyring, rules, counts, clock } = parts;
        let client = WebhookClient::try_new(rules.permitted)?;
        let watcher = Watcher::new(reader.clone(), counts.clone(), clock.clone());
        Ok(Self { writer, reader, keyring, client, rules, watcher, counts, clock })
    }

    /// Enabled endpoints that this process does not carry.
    pub async fn without_carrier(&self) -> Result<Vec<WebhookEndpointId>, StoreError> {
        let mut endpoints = self.reader.webhook_endpoints().await?;
        endpoints.retain(|endpoint| {
            endpoint.status == EndpointStatus::Enabled && !self.counts.is_carried(&endpoint.endpoint_id)
        });
        Ok(endpoints.into_iter().map(|endpoint| endpoint.endpoint_id).collect())
    }

    /// Wakes carriers after a change.
    pub fn watcher(&self) -> Watcher {
        self.watcher.clone()
    }
}
