//! An instant, brought along by whoever has a clock.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Written to workflow histories as that integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `epoch_ms` milliseconds after the Unix epoch.
    pub const fn from_epoch_ms(epoch_ms: i64) -> Self {
        Self(epoch_ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn epoch_ms(self) -> i64 {
        self.0
    }

    /// This instant moved `ms` milliseconds into the future; it stops at the end of time rather than wrap.
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add_unsigned(ms))
    }

    /// This instant moved `ms` milliseconds into the past; it stops at the beginning of time rather than wrap.
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(ms))
    }

    /// Milliseconds from `earlier` to this instant; zero when `earlier` is the later one.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        let difference = self.0.saturating_sub(earlier.0);
        if difference < 0 { 0 } else { difference.unsigned_abs() }
    }
}
