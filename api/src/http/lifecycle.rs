//! How a process comes to its end, as requests see it.

use axum::http::Extensions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The end of a process. The server that accepts connections puts this among the extensions of their requests.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Work that runs to its end although its client may be gone: changes, and their lines in the audit log. It is
    /// waited for before the process ends.
    pub tasks: TaskTracker,
    /// Canceled when the process is told to stop. It is not ready any more, and still serves.
    pub stopping: CancellationToken,
    /// Canceled when the work under way has had its time.
    pub ending: CancellationToken,
}

impl Lifecycle {
    /// The lifecycle of a request; without a server around the request, a lifecycle that never ends.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }
}
