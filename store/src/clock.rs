//! The time of money is one clock's.
//!
//! On PostgreSQL that is the database's clock, and a machine whose own clock differs from it by more than
//! [`CLOCK_LIMIT`] does nothing that rests on the time. SQLite has no clock but the machine's. There the clock is
//! refused once it has jumped against the time that passed since the process began, and while it is behind the newest
//! entry of the books. A clock that was ahead from the start cannot be told from a right one by the database; a process
//! that reaches the PSP compares its clock with the PSP's before it begins (see
//! [`Writer::confirm_clock`](crate::Writer::confirm_clock)).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::Utc;
use domain::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};

use crate::{
    StoreError,
    convert::{corrupt, from_column_time},
    entities::ledger_head,
};

/// By how much the clock of a machine may differ from the database's. Machines that ask a time server differ by less
/// than a second.
pub const CLOCK_LIMIT: Duration = Duration::from_secs(30);
/// PostgreSQL's clock, in milliseconds since 1970.
const POSTGRES_CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms";

/// The clock of this machine, and when it was first read.
#[derive(Debug, Clone)]
pub struct Clock {
    read: fn() -> Timestamp,
    began: (Instant, Timestamp),
    /// Whether another clock than the database's agrees. All clones know.
    confirmed: Arc<AtomicBool>,
}

impl Default for Clock {
    fn default() -> Self {
        Self::of(machine_time)
    }
}

impl Clock {
    /// A clock that is read by a function.
    pub fn of(read: fn() -> Timestamp) -> Self {
        Self { read, began: (Instant::now(), read()), confirmed: Arc::default() }
    }

    /// The time of money, unless this machine's clock contradicts it.
    pub(crate) async fn time(&self, connection: &impl ConnectionTrait) -> Result<Timestamp, StoreError> {
        if connection.get_database_backend() != DbBackend::Postgres {
            let now = self.time_of_machine()?;
            // An entry that a wrong clock booked does not stop a machine whose clock is known to be right.
            if !self.confirmed.load(Ordering::Acquire) {
                refuse_before_the_books(now, connection).await?;
            }
            return Ok(now);
        }
        let before = (self.read)();
        let question = Statement::from_string(DbBackend::Postgres, POSTGRES_CLOCK);
        let row = connection.query_one_raw(question).await?.ok_or_else(|| corrupt("no answer to", POSTGRES_CLOCK))?;
        let time = Timestamp::from_epoch_ms(row.try_get("", "now_ms")?);
        let after = (self.read)();
        // However long the answer took: the database's time lies between the two, where both clocks agree.
        if before > time {
            within_limit(before, time, "ahead of the database's")?;
        } else if time > after {
            within_limit(time, after, "behind the database's")?;
        }
        Ok(time)
    }

    /// When something is booked. A booking rests on the time less than a release does: on SQLite it goes on when the
    /// clock has jumped.
    pub(crate) async fn booking_time(&self, connection: &impl ConnectionTrait) -> Result<Timestamp, StoreError> {
        match connection.get_database_backend() {
            DbBackend::Postgres => self.time(connection).await,
            _ => Ok((self.read)()),
        }
    }

    /// Another clock agrees with this one.
    pub(crate) fn confirm(&self) {
        self.confirmed.store(true, Ordering::Release);
    }

    fn time_of_machine(&self) -> Result<Timestamp, StoreError> {
        let (now, (instant, began)) = ((self.read)(), self.began);
        let passed_ms = i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX);
        let expected = Timestamp::from_epoch_ms(began.epoch_ms().saturating_add(passed_ms));
        if now > expected {
            within_limit(now, expected, "ahead of the time that has passed since this process began")?;
        } else {
            within_limit(expected, now, "behind the time that has passed since this process began")?;
        }
        Ok(now)
    }
}

/// Money was booked later than now: one of the two clocks that say so is wrong.
async fn refuse_before_the_books(now: Timestamp, connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let head = ledger_head::Entity::find().one(connection).await?;
    match head.and_then(|head| head.booked_at).map(from_column_time) {
        Some(newest) if newest > now => within_limit(newest, now, "behind the newest entry of the books"),
        Some(_) | None => Ok(()),
    }
}

fn within_limit(later: Timestamp, earlier: Timestamp, direction: &'static str) -> Result<(), StoreError> {
    let off_ms = later.epoch_ms().abs_diff(earlier.epoch_ms());
    if u128::from(off_ms) <= CLOCK_LIMIT.as_millis() {
        return Ok(());
    }
    Err(StoreError::ClockOff { off_s: off_ms / 1_000, direction })
}

pub(crate) fn machine_time() -> Timestamp {
    Timestamp::from_epoch_ms(Utc::now().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_whose_clock_jumps_is_refused() {
        let clock = Clock::default();
        assert!(clock.time_of_machine().is_ok());
        for days in [-10, 10] {
            let then = Timestamp::from_epoch_ms(machine_time().epoch_ms() + days * 24 * 60 * 60 * 1_000);
            let jumped = Clock { began: (Instant::now(), then), ..clock.clone() };
            assert!(matches!(jumped.time_of_machine(), Err(StoreError::ClockOff { .. })), "{days}");
        }
    }
}
