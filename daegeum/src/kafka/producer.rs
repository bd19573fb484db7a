//! The producer: events as messages, and the client that sends them.

use std::{future::Future, time::Duration};

use anyhow::Context as _;
use futures::future::try_join_all;
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _},
};
use store::EventRecord;

use crate::{
    event_json::as_json,
    settings::{Kafka, SaslMechanism, Security},
};

/// How long messages are gathered before they are sent together, in milliseconds.
const LINGER_MS: &str = "5";
/// The pause before a request is repeated, and the longest such pause, in milliseconds.
const RETRY_PAUSES_MS: [&str; 2] = ["100", "1000"];
/// How long the brokers may take for one request, in milliseconds.
const REQUEST_TIME_MS: &str = "10000";

/// The topic as the brokers describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) partitions: usize,
}

/// Sends events to one topic.
pub(super) struct EventProducer {
    topic: String,
    producer: FutureProducer,
}

impl EventProducer {
    /// A producer. It connects by itself, and again after each loss of its brokers.
    pub(super) fn try_new(settings: &Kafka) -> anyhow::Result<Self> {
        let mut config = client(settings);
        config
            // Every replica in sync has an event before the event counts as acknowledged. The broker drops a repeated
            // request.
            .set("enable.idempotence", "true")
            // An event that cannot be sent stops the producer, instead of letting later ones pass.
            .set("enable.gapless.guarantee", "true")
            // Brokers that are away are waited for. The cursor stands meanwhile, and its lag is a metric.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("linger.ms", LINGER_MS)
            .set("retry.backoff.ms", RETRY_PAUSES_MS[0])
            .set("retry.backoff.max.ms", RETRY_PAUSES_MS[1])
            .set("request.timeout.ms", REQUEST_TIME_MS);
        let producer = config.create().context("no Kafka producer could be made")?;
        Ok(Self { topic: settings.topic.clone(), producer })
    }

    /// Hands the events over, in their order. The answer is ready once the brokers have acknowledged all of them.
    pub(super) fn send(
        &self,
        events: &[EventRecord],
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + use<>> {
        let handed_over = events.iter().map(|event| self.hand_over(event)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(async move {
            try_join_all(handed_over.into_iter().map(acknowledged)).await?;
            Ok(())
        })
    }

    fn hand_over(&self, event: &EventRecord) -> anyhow::Result<DeliveryFuture> {
        let payload = as_json(event).to_string();
        let headers = OwnedHeaders::new()
            .insert(header("position", &event.position.to_string()))
            .insert(header("id", &event.id))
            .insert(header("type", event.event_type.as_str()));
        let record = FutureRecord::to(&self.topic).key(&event.object_id).payload(&payload).headers(headers);
        let handed_over = self.producer.send_result(record).map_err(|(error, _)| error);
        handed_over.with_context(|| format!("the event at position {} could not be queued for Kafka", event.position))
    }
}

fn header<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

async fn acknowledged(handed_over: DeliveryFuture) -> anyhow::Result<()> {
    let delivered = handed_over.await.context("the Kafka producer ended before it was answered")?;
    delivered.map(|_| ()).map_err(|(error, _)| error).context("Kafka did not take an event")
}

/// The topic as the brokers describe it.
pub(super) fn topic(settings: &Kafka, patience: Duration) -> anyhow::Result<Topic> {
    let producer: FutureProducer = client(settings).create().context("no Kafka client could be made")?;
    let metadata = producer.client().fetch_metadata(Some(&settings.topic), patience);
    let metadata = metadata.with_context(|| format!("the Kafka brokers at {} do not answer", settings.brokers))?;
    let described = metadata.topics().iter().find(|topic| topic.name() == settings.topic);
    let partitions = described.filter(|topic| topic.error().is_none()).map_or(0, |topic| topic.partitions().len());
    anyhow::ensure!(partitions > 0, "Kafka has no topic {}", settings.topic);
    Ok(Topic { partitions })
}

fn client(settings: &Kafka) -> ClientConfig {
    let Kafka { brokers, security: Security { tls, sasl }, .. } = settings;
    let protocol = match (tls, sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    let mut config = ClientConfig::new();
    config.set("client.id", "daegeum").set("bootstrap.servers", brokers).set("security.protocol", protocol);
    // A sink that asks for a topic must not make it: its partitions are a decision.
    config.set("allow.auto.create.topics", "false");
    if let Some(ca_file) = tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
        config.set("ssl.ca.location", ca_file.to_string_lossy());
    }
    if let Some(sasl) = sasl {
        config
            .set("sasl.mechanism", SaslMechanism::as_str(sasl.mechanism))
            .set("sasl.username", &sasl.username)
            .set("sasl.password", &sasl.password);
    }
    config
}
