//! Whether the Korean holidays of the time ahead are known.

use domain::{Timestamp, calendar::last_known_day};

use super::result::CheckResult;

/// How long before the end of the table the operator is warned, in milliseconds: 90 days.
const WARNING_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// Business days are counted by a table of holidays, and the table has an end.
pub(super) fn known_ahead(now: Timestamp) -> CheckResult {
    let last = last_known_day();
    if last.start().ms_since(now) >= WARNING_MS {
        return CheckResult::Well(format!("Korean holidays are known until {last}"));
    }
    CheckResult::ill(
        format!(
            "Korean holidays are known until {last} only; then lunar and substitute holidays count as business days"
        ),
        "update daegeum, or name the days that follow in the setting holidays",
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use domain::calendar::Day;

    use super::*;

    #[test]
    fn the_end_of_the_table_is_told_90_days_before() {
        let verdict = |day: &str| known_ahead(day.parse::<Day>().unwrap().start());
        assert!(matches!(verdict("2040-10-02"), CheckResult::Well(_)));
        assert!(matches!(verdict("2040-10-03"), CheckResult::Ill { .. }));
        assert!(matches!(verdict("2041-06-01"), CheckResult::Ill { .. }));
    }
}
