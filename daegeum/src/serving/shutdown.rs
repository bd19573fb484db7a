//! Stopping cleanly.

use std::{sync::LazyLock, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long running activities get to finish.
pub(crate) const WORKER_STOP_TIME: Duration = Duration::from_secs(3);
/// How long the last answers get to be written.
pub(crate) const ANSWERS_TIME: Duration = Duration::from_millis(500);
/// How long a child process gets before it is killed. Its state outlives that.
pub(crate) const CHILD_STOP_TIME: Duration = Duration::from_millis(1_500);
/// How long what is left on the runtime gets.
pub(crate) const RUNTIME_STOP_TIME: Duration = Duration::from_secs(1);

/// How a server stops after the signal: it takes requests for a while, then lets those under way finish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopTimes {
    /// How long it still takes requests. It is not ready by then, so that load balancers send no more.
    pub(crate) drain: Duration,
    /// How long the requests under way get after that.
    pub(crate) requests: Duration,
}

impl StopTimes {
    /// A role in production. A confirmation waits 10 s for its outcome, and its answer 1 s for the audit log.
    pub(crate) const ROLE: Self = Self { drain: Duration::from_secs(5), requests: Duration::from_secs(12) };
    /// Everything on one machine, which ends within ten seconds: requests, then the worker, the server of Temporal and
    /// the runtime, one after the other.
    pub(crate) const DEV: Self = Self { drain: Duration::ZERO, requests: Duration::from_secs(4) };
    /// A worker alone. No client waits for its answers, and what it leaves another worker continues; it ends within the
    /// ten seconds that most supervisors give.
    pub(crate) const WORKER: Self = Self { drain: Duration::ZERO, requests: Duration::from_secs(5) };
    /// The metrics of a worker.
    pub(crate) const METRICS: Self = Self { drain: Duration::ZERO, requests: Duration::from_secs(1) };

    /// How long everything gets to stop: the requests, the audit log's last lines and the worker, one after the other.
    pub(crate) fn in_all(self) -> Duration {
        self.drain + self.requests + ANSWERS_TIME + WORKER_STOP_TIME
    }
}

/// Canceled by the first signal to stop.
static ASKED: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);

/// Returns when the process was told to stop and has had its time. Work that still waits then, for a database that does
/// not answer say, is left: another process continues it.
pub(crate) async fn overdue(limit: Duration) {
    ASKED.cancelled().await;
    tokio::time::sleep(limit).await;
    tracing::warn!("some work did not end in its time and is left to others");
}

/// A token that is canceled by SIGTERM, by SIGINT, or by whoever holds it.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let canceled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        ASKED.cancel();
        canceled.cancel();
    });
    Ok(token)
}
