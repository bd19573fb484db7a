//! Stopping cleanly.

use std::{sync::LazyLock, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long running activities get to finish.
pub(crate) const WORKER_STOP_TIME: Duration = Duration::from_secs(4);
/// How long open requests get to finish.
pub(crate) const SERVER_STOP_TIME: Duration = Duration::from_secs(3);
/// How long a child process gets before it is killed.
pub(crate) const CHILD_STOP_TIME: Duration = Duration::from_secs(3);
/// How long what is left on the runtime gets.
pub(crate) const RUNTIME_STOP_TIME: Duration = Duration::from_secs(1);

/// How long everything gets to stop; what still waits then, for a database that does not answer say, is left: whatever it
/// was doing goes on elsewhere.
const STOP_TIME: Duration = Duration::from_secs(8);

/// Canceled by the first signal to stop.
static ASKED: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);

/// Returns when the process was told to stop and has had its time.
pub(crate) async fn overdue() {
    ASKED.cancelled().await;
    tokio::time::sleep(STOP_TIME).await;
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
