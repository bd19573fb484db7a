//! The sequencer of the event log, in every process that has a worker.

use std::time::Duration;

use store::{EventRetention, Watch, Writer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The sequencer, started. It ends after the worker: what the worker writes last is in the log too.
pub(crate) struct Sequencing {
    task: JoinHandle<()>,
    stop: CancellationToken,
    watch: Watch,
}

impl Sequencing {
    /// Starts on the current runtime.
    pub(crate) fn start(writer: &Writer, retention: Duration) -> Self {
        let sequencer = writer.sequencer(EventRetention(retention));
        let (stop, watch) = (CancellationToken::new(), sequencer.watch());
        let task = tokio::spawn(sequencer.run(stop.clone().cancelled_owned()));
        Self { task, stop, watch }
    }

    /// How the sequencer goes on.
    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Has it number what is left, and waits for that.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}
