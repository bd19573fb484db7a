//! Whether events get positions, and whether their readers keep up.

use std::time::Duration;

use store::{EventFigures, Reader};

use super::CheckResult;
use crate::values::now;

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
            "{} events have no position, the oldest for {waits} s: no sequencer runs, or it stands still",
            figures.unsequenced.facts
        );
        return CheckResult::ill(
            what,
            "run `daegeum worker` or `daegeum serve`, and see their log for \"positions to events\"",
        );
    }
    if figures.passed_cursors > 0 {
        let what = format!("{} readers of the log have not read events that were removed", figures.passed_cursors);
        return CheckResult::ill(what, "mend the receivers, and raise event_retention_days until they have caught up");
    }
    CheckResult::Well(format!("positions {} to {} are kept, and no event waits", figures.floor, figures.last_position))
}
