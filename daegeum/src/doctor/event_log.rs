//! Whether events get positions, and whether their readers keep up.

use std::time::Duration;

use store::{EventFigures, Reader};

use super::result::CheckResult;
use crate::{cli::output::counted, values::now};

/// How long an event may wait for its position.
const MOST_WAITING: Duration = Duration::from_secs(30);

pub(super) async fn look(reader: &Reader) -> CheckResult {
    match reader.event_figures().await {
        Ok(figures) => judge(figures),
        Err(error) => CheckResult::ill(error.to_string(), "see whether the database is well"),
    }
}

fn judge(figures: EventFigures) -> CheckResult {
    let waits = figures.unsequenced.oldest.map_or(0, |since| now().ms_since(since) / 1_000);
    if waits > MOST_WAITING.as_secs() {
        let what = format!(
            "{} without a position, the oldest for {waits} s: no sequencer runs, or it stands still",
            counted(figures.unsequenced.facts, "event")
        );
        return CheckResult::ill(
            what,
            "run `daegeum worker` or `daegeum serve`, and see their log for \"positions to events\"",
        );
    }
    if figures.passed_cursors > 0 {
        let what = format!(
            "{} of the log missed events that were removed before they were read",
            counted(figures.passed_cursors, "reader")
        );
        return CheckResult::ill(what, "mend the receivers, and raise event_retention_days until they have caught up");
    }
    if figures.last_position < figures.floor {
        return CheckResult::Well(format!("no event is kept; the next position is {}", figures.last_position + 1));
    }
    CheckResult::Well(format!("positions {} to {} are kept, and no event waits", figures.floor, figures.last_position))
}

#[cfg(test)]
mod tests {
    use store::Unsequenced;

    use super::*;

    fn told(oldest_ms: Option<u64>, passed_cursors: u64) -> (bool, String) {
        let oldest = oldest_ms.map(|ms| now().minus_ms(ms));
        let unsequenced = Unsequenced { facts: u64::from(oldest.is_some()), oldest };
        let figures = EventFigures { unsequenced, last_position: 7, floor: 3, passed_cursors, slowest_cursor_lag: 0 };
        match judge(figures) {
            CheckResult::Well(told) => (true, told),
            CheckResult::Ill { what, mend } => (false, format!("{what} {mend}")),
            CheckResult::Unseen(_) | CheckResult::Unasked(_) => (false, String::new()),
        }
    }

    #[test]
    fn an_event_that_waits_for_long_and_a_reader_that_misses_some_are_ill() {
        assert_eq!(told(None, 0), (true, "positions 3 to 7 are kept, and no event waits".to_owned()));
        assert!(told(Some(1_000), 0).0, "the sequencer is at it");
        let (is_well, what) = told(Some(60_000), 0);
        assert!(!is_well && what.contains("1 event without a position, the oldest for 60 s"), "{what}");
        let (is_well, what) = told(None, 2);
        assert!(!is_well && what.contains("2 readers"), "{what}");
    }
}
