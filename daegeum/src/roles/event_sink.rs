//! The Kafka sink of the event log, in every process that has a worker; nothing in a build without the sink.

use crate::{compose::WorkerDatabase, settings::Settings, telemetry::metrics::WorkerMetrics};

/// The sink, started where the settings name brokers. It stops when it is told to.
pub(crate) struct EventSink {
    #[cfg(feature = "kafka")]
    running: Option<(tokio::task::JoinHandle<()>, tokio_util::sync::CancellationToken)>,
}

#[cfg(feature = "kafka")]
impl EventSink {
    /// Starts on the current runtime.
    pub(crate) fn start(settings: &Settings, database: &WorkerDatabase, counted: &WorkerMetrics) -> Self {
        let running = settings.kafka.clone().map(|kafka| {
            let (stop, counts) = (tokio_util::sync::CancellationToken::new(), counted.kafka.clone());
            counts.begin();
            let WorkerDatabase { writer, reader } = database.clone();
            let sink = crate::kafka::KafkaSink { settings: kafka, writer, reader, counts };
            (tokio::spawn(sink.run(stop.clone())), stop)
        });
        Self { running }
    }

    /// Gives the cursor back, and waits for that.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let Some((task, stop)) = self.running else { return Ok(()) };
        stop.cancel();
        Ok(task.await?)
    }
}

#[cfg(not(feature = "kafka"))]
impl EventSink {
    /// Starts nothing.
    pub(crate) fn start(_: &Settings, _: &WorkerDatabase, _: &WorkerMetrics) -> Self {
        Self {}
    }

    /// Waits for nothing.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        Ok(())
    }
}
