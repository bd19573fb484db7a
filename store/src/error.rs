//! What went wrong with the database.

use crate::Refusal;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("the database did not answer as it should")]
    Database(#[from] sea_orm::DbErr),
    /// What was read is nothing that daegeum writes.
    #[error("the database holds {what} that daegeum cannot have written: {value}")]
    Corrupt {
        /// Which kind of value.
        what: &'static str,
        value: String,
    },
    /// A change whose number is not the next one.
    #[error("checkout {checkout_id}: change {revision} does not follow what is written")]
    OutOfStep {
        checkout_id: String,
        /// The number of the change that was to be written.
        revision: u32,
    },
    /// What the rules of the books forbid; nothing of it was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The writer is being stopped, or the database is away.
    #[error("the booking was not carried out, or its answer was lost; ask again")]
    Stopped,
    /// Two clocks that differ by more than [`CLOCK_LIMIT`](crate::CLOCK_LIMIT).
    #[error(
        "the clock of this machine is {off_s} s {direction}; set it, by NTP say, or start this process anew where the \
         clock is right: nothing that rests on the time is done"
    )]
    ClockOff {
        /// By how many seconds.
        off_s: u64,
        /// Which clock is ahead of which.
        direction: &'static str,
    },
    /// A change of the schema that waited too long for a lock.
    #[error("another process held a lock for {waited_s} s, so the change of the schema was not made: {holders}")]
    Locked {
        /// How long the change waited, in seconds.
        waited_s: u64,
        /// Which processes to look for.
        holders: String,
    },
    /// Money that the database has no room for.
    #[error("an amount does not fit the database")]
    Amount,
}
