//! Until when a code makes asking again pointless.
//!
//! Toss names no opening hours: the sentence is "the bank is closed". The hours here are this crate's
//! reading of Korean practice, and always late rather than early, because an attempt too early costs an
//! idempotency key and an attempt too late costs minutes.

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};

use crate::times;

/// Banks close their day around midnight; 23:00 to 01:00 in Korea covers the published windows.
const BANKS_CLOSE_HOUR: u32 = 23;
const BANKS_OPEN_HOUR: u32 = 1;
/// When a bank says it is closed at another hour, it maintains itself.
const MAINTENANCE: Duration = Duration::minutes(30);
/// "In a moment", as Toss asks of requests that came too fast.
const MOMENT: Duration = Duration::seconds(5);

/// How long a refusal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pause {
    /// A few seconds: too fast, or a twin is still running.
    Moment,
    /// Until a maintenance of unknown length ends; asked again every half hour.
    Maintenance,
    /// Until the banks have opened their new day in Korea, or, by day, as for a maintenance.
    BankHours,
    /// Until the next day begins in Korea: a daily allowance is used up.
    NextDay,
}

impl Pause {
    /// The earliest time at which asking again makes sense, in Korean time.
    pub fn ends_after(self, now: DateTime<Utc>) -> DateTime<FixedOffset> {
        let now = now.with_timezone(&times::korea());
        let today = now.date_naive();
        match self {
            Self::Moment => later(now, MOMENT),
            Self::Maintenance => later(now, MAINTENANCE),
            Self::BankHours if now.hour() >= BANKS_CLOSE_HOUR => at_hour(now, today.succ_opt(), BANKS_OPEN_HOUR),
            Self::BankHours if now.hour() < BANKS_OPEN_HOUR => at_hour(now, Some(today), BANKS_OPEN_HOUR),
            Self::BankHours => later(now, MAINTENANCE),
            Self::NextDay => at_hour(now, today.succ_opt(), 0),
        }
    }
}

/// The last moments of the calendar have no later one.
fn later(now: DateTime<FixedOffset>, wait: Duration) -> DateTime<FixedOffset> {
    now.checked_add_signed(wait).unwrap_or(now)
}

/// Korea has no daylight saving, so every hour exists once; the last day of the calendar has no next.
fn at_hour(now: DateTime<FixedOffset>, day: Option<NaiveDate>, hour: u32) -> DateTime<FixedOffset> {
    day.zip(NaiveTime::from_hms_opt(hour, 0, 0))
        .and_then(|(day, time)| now.timezone().from_local_datetime(&day.and_time(time)).single())
        .unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_in_korean_time() {
        let table = [
            (Pause::Moment, "2026-01-02T12:00:00+09:00", "2026-01-02T12:00:05+09:00"),
            (Pause::Maintenance, "2026-01-02T23:50:00+09:00", "2026-01-03T00:20:00+09:00"),
            (Pause::BankHours, "2026-01-02T22:59:59+09:00", "2026-01-02T23:29:59+09:00"),
            (Pause::BankHours, "2026-01-02T23:00:00+09:00", "2026-01-03T01:00:00+09:00"),
            (Pause::BankHours, "2026-01-03T00:59:59+09:00", "2026-01-03T01:00:00+09:00"),
            (Pause::BankHours, "2026-01-03T01:00:00+09:00", "2026-01-03T01:30:00+09:00"),
            (Pause::BankHours, "2026-01-02T15:30:00Z", "2026-01-03T01:00:00+09:00"),
            (Pause::NextDay, "2026-12-31T12:00:00+09:00", "2027-01-01T00:00:00+09:00"),
        ];
        for (pause, now, expected) in table {
            let ends = DateTime::parse_from_rfc3339(now).map(|now| pause.ends_after(now.to_utc()).to_rfc3339());
            assert_eq!(ends.as_deref(), Ok(expected), "{pause:?} at {now}");
        }
    }
}
