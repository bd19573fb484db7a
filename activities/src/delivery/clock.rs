//! The time of attempts.

use std::{fmt, sync::Arc};

use chrono::Utc;
use domain::Timestamp;

/// The clock by which deliveries are retried and endpoints are disabled: this machine's, unless a test moves it.
#[derive(Clone)]
pub struct DeliveryClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl DeliveryClock {
    /// A clock that is read by a function.
    pub fn of(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// This instant.
    pub(super) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for DeliveryClock {
    fn default() -> Self {
        Self::of(|| Timestamp::from_epoch_ms(Utc::now().timestamp_millis()))
    }
}

impl fmt::Debug for DeliveryClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeliveryClock").field(&self.now()).finish()
    }
}
