//! How long buyers waited: counted by the worker that books, which alone knows that a payment is paid.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The upper ends of the buckets, in milliseconds; what took longer is in none.
pub const ENDS_MS: [u64; 12] =
    [250, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 15_000, 60_000, 600_000, 3_600_000, 86_400_000];

/// How long payments took from the buyer's confirmation to the books, since the process began. Cloning shares it.
///
/// An activity that runs twice counts twice: it is a measure, and no book.
#[derive(Debug, Clone, Default)]
pub struct PaidTimes(Arc<Mutex<PaidCounts>>);

/// What was counted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PaidCounts {
    /// How many took at most so long: those of each of [`ENDS_MS`], less those of the one before.
    pub in_bucket: [u64; ENDS_MS.len()],
    /// How many there were.
    pub payments: u64,
    /// All their times together.
    pub spent: Duration,
}

impl PaidTimes {
    /// Counts a payment.
    pub fn count(&self, took: Duration) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.payments += 1;
        counted.spent += took;
        if let Some(bucket) = ENDS_MS.iter().position(|end_ms| took <= Duration::from_millis(*end_ms)) {
            counted.in_bucket[bucket] += 1;
        }
    }

    /// What was counted so far.
    pub fn counted(&self) -> PaidCounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
