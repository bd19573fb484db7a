//! Korean wall-clock forms of an instant. Korea keeps UTC+9 all year, so the offset is a constant.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// An instant on the simulator's clock.
pub(crate) type Instant = DateTime<Utc>;

const KOREA_AHEAD: TimeDelta = TimeDelta::hours(9);

/// `2026-01-02T03:04:05+09:00`: every time in a Payment.
pub(crate) fn with_offset(at: Instant) -> String {
    format!("{}+09:00", without_offset(at))
}

/// `2026-01-02T03:04:05`: for people.
pub(crate) fn without_offset(at: Instant) -> String {
    (at + KOREA_AHEAD).format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `2026-01-02T03:04:05.000000`: `createdAt` of a v1 webhook.
pub(crate) fn with_microseconds(at: Instant) -> String {
    (at + KOREA_AHEAD).format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// `20260102030405`: the middle of a paymentKey.
pub(crate) fn compact(at: Instant) -> String {
    (at + KOREA_AHEAD).format("%Y%m%d%H%M%S").to_string()
}

/// The day in Korea: every business date of Toss is one.
pub(crate) fn korean_date(at: Instant) -> NaiveDate {
    (at + KOREA_AHEAD).date_naive()
}

/// The week in Korea, by the Monday it begins on.
pub(crate) fn week(at: Instant) -> NaiveDate {
    let day = korean_date(at);
    day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day)
}

/// The wall clock in Korea.
pub(crate) fn korean_time(at: Instant) -> NaiveTime {
    (at + KOREA_AHEAD).time()
}

/// Midnight in Korea at which the next month begins.
pub(crate) fn next_month(at: Instant) -> Option<Instant> {
    midnight(korean_date(at).with_day(1)?.checked_add_months(Months::new(1))?)
}

/// The first instant of a day in Korea.
pub(crate) fn midnight(date: NaiveDate) -> Option<Instant> {
    date.and_hms_opt(0, 0, 0)?.and_utc().checked_sub_signed(KOREA_AHEAD)
}

/// Reads `yyyy-MM-dd'T'HH:mm:ss`, or a date alone as its midnight, in Korean time.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S")
        .ok()
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    local.and_utc().checked_sub_signed(KOREA_AHEAD)
}

#[cfg(test)]
mod tests {
    use super::{parse, with_microseconds, with_offset, without_offset};

    #[test]
    fn the_forms_are_korean_time() {
        let Some(at) = chrono::DateTime::from_timestamp(1_767_290_645, 0) else { unreachable!("a fixed instant") };
        assert_eq!(with_offset(at), "2026-01-02T03:04:05+09:00");
        assert_eq!(with_microseconds(at), "2026-01-02T03:04:05.000000");
        assert_eq!(parse(&without_offset(at)), Some(at));
        assert_eq!(parse("2026-01-02").map(with_offset), Some("2026-01-02T00:00:00+09:00".to_owned()));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(super::next_month(at).map(with_offset), Some("2026-02-01T00:00:00+09:00".to_owned()));
    }
}
