//! The time of attempts.

use chrono::Utc;
use domain::Timestamp;

/// This instant.
pub(super) fn now() -> Timestamp {
    Timestamp::from_epoch_ms(Utc::now().timestamp_millis())
}
