//! How a connection is used: what its server must know to choose connections to close.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Decides whether a connection may be closed to make room for others. The server puts this value among the extensions
/// of the connection's requests.
#[derive(Debug, Clone, Default)]
pub struct ConnectionUse(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    proved: AtomicBool,
    served: AtomicUsize,
}

impl ConnectionUse {
    /// Whether a valid API key came on the connection.
    pub fn is_proved(&self) -> bool {
        self.0.proved.load(Ordering::Relaxed)
    }

    /// Whether a request of the connection is being worked on.
    pub fn is_served(&self) -> bool {
        self.0.served.load(Ordering::Relaxed) > 0
    }

    /// A valid API key came.
    pub(crate) fn prove(&self) {
        self.0.proved.store(true, Ordering::Relaxed);
    }

    /// Work on a request begins; it lasts until the answer is dropped.
    pub(super) fn serve(&self) -> Served {
        self.0.served.fetch_add(1, Ordering::Relaxed);
        Served(self.clone())
    }
}

/// Work on a request.
#[derive(Debug)]
pub(super) struct Served(ConnectionUse);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.0.served.fetch_sub(1, Ordering::Relaxed);
    }
}
