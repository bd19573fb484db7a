//! The forms in which Toss writes a time.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, Utc};

/// Korea has kept UTC+9 without daylight saving since 1988.
const KOREA_OFFSET_SECONDS: i32 = 9 * 60 * 60;

/// Korean time, in which Toss keeps its days.
pub(crate) fn korea() -> FixedOffset {
    // Nine hours are within a day, so the offset always exists.
    FixedOffset::east_opt(KOREA_OFFSET_SECONDS).unwrap_or_else(|| Utc.fix())
}

/// Writes `2022-06-08T15:40:09`, as query parameters and due dates want it: Korean, without an offset.
pub(crate) fn without_offset(time: DateTime<FixedOffset>) -> String {
    time.with_timezone(&korea()).format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Reads `2022-06-08T15:40:09+09:00`, the same without an offset, and either with a fraction.
///
/// Older forms of `dueDate`, and the `createdAt` of v1 webhooks, carry no offset and are Korean time.
pub(crate) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time);
    }
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    naive.and_local_timezone(korea()).single()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_korea() {
        let written = parse("2022-06-08T06:40:09.5Z").map(without_offset);
        assert_eq!(written.as_deref(), Some("2022-06-08T15:40:09"));
    }

    #[test]
    fn every_form_is_the_same_instant() {
        let forms = [
            "2022-06-08T15:40:09+09:00",
            "2022-06-08T15:40:09.000000+09:00",
            "2022-06-08T15:40:09",
            "2022-06-08T15:40:09.000000",
            "2022-06-08T06:40:09Z",
        ];
        for form in forms {
            let seconds = parse(form).map(|time| time.timestamp());
            assert_eq!(seconds, Some(1_654_670_409), "{form}");
        }
        for broken in ["", "2022-06-08", "yesterday", "2022-13-08T15:40:09"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
