//! Webhooks of the PSP, passed on to the workflow as a nudge.
//!
//! Temporal takes one nudge of a window, because each costs the workflow's history. The workflow asks when that one
//! comes, and again when the window is over: so no webhook is lost because another one came before.

use std::time::Duration;

use domain::{Timestamp, charge::LONGEST_WINDOW_MS};
use store::CheckoutRecord;
use temporalio_client::{WorkflowSignalOptions, errors::WorkflowInteractionError};
use workflows::checkout::{CheckoutWorkflow, Nudge};

use crate::{Fault, Service, now, temporal};

/// How long Temporal may take to accept a nudge. The PSP waits 10 s for an answer.
const NUDGE_TIME: Duration = Duration::from_secs(5);
/// For how long after the last change of a checkout its nudges have windows of which length, in milliseconds. Of one
/// window Temporal takes one nudge. They grow, because a real webhook comes soon after what it tells, and a workflow
/// takes at most 10,000 signals in its life, of which operators need some.
const NUDGE_WINDOWS_MS: [NudgeWindows; 4] = [
    NudgeWindows { until_ms: 5 * MINUTE_MS, length_ms: 10 * 1_000 },
    NudgeWindows { until_ms: HOUR_MS, length_ms: MINUTE_MS },
    NudgeWindows { until_ms: 6 * HOUR_MS, length_ms: 10 * MINUTE_MS },
    NudgeWindows { until_ms: 24 * HOUR_MS, length_ms: HOUR_MS },
];
/// The length of the windows after that, in milliseconds.
const LONGEST_NUDGE_WINDOW_MS: u64 = LONGEST_WINDOW_MS;
const MINUTE_MS: u64 = 60 * 1_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Windows of one length.
struct NudgeWindows {
    until_ms: u64,
    length_ms: u64,
}

/// A time in which Temporal takes one nudge of a workflow. The workflow asks once more when the window is over, for the
/// nudges that were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NudgeWindow {
    length_ms: u64,
    number: u64,
}

impl NudgeWindow {
    /// The window of `now`, for a checkout that changed last at `changed_at`.
    fn at(now: Timestamp, changed_at: Timestamp) -> Self {
        let age_ms = now.ms_since(changed_at);
        let windows = NUDGE_WINDOWS_MS.iter().find(|windows| age_ms < windows.until_ms);
        let length_ms = windows.map_or(LONGEST_NUDGE_WINDOW_MS, |windows| windows.length_ms);
        Self::of(now, length_ms)
    }

    /// The window of `now` among windows of one length.
    pub(crate) fn of(now: Timestamp, length_ms: u64) -> Self {
        Self { length_ms, number: now.ms_since(Timestamp::from_epoch_ms(0)) / length_ms }
    }

    /// The number of the window since 1970.
    pub(crate) const fn number(self) -> u64 {
        self.number
    }

    pub(crate) fn ends_at(self) -> Timestamp {
        Timestamp::from_epoch_ms(0).plus_ms((self.number + 1).saturating_mul(self.length_ms))
    }

    /// The same for every nudge in it, and for no other change of the checkout.
    fn request_id(self, revision: u32) -> String {
        format!("nudge.{revision}.{}.{}", self.length_ms, self.number)
    }
}

/// Passes a webhook on to the workflow of its checkout.
pub async fn nudge(service: &Service, record: &CheckoutRecord, event: Option<String>) -> Result<(), Fault> {
    let checkout = service.temporal.get_workflow_handle::<CheckoutWorkflow>(record.workflow_id.as_str());
    let changed_at = service.reader.changed_at(&record.checkout_id).await?.unwrap_or(record.created_at);
    let window = NudgeWindow::at(now(), changed_at);
    let nudge = Nudge { event, window_ends_at: Some(window.ends_at()) };
    let options = WorkflowSignalOptions::builder()
        .request_id(window.request_id(record.revision))
        .rpc_options(temporal::rpc_options())
        .build();
    let sent = checkout.signal(CheckoutWorkflow::psp_nudge, nudge.into(), options);
    match tokio::time::timeout(NUDGE_TIME, sent).await {
        // A workflow that has closed needs no nudge.
        Ok(Ok(()) | Err(WorkflowInteractionError::NotFound(_))) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(elapsed) => Err(Fault::temporal(elapsed)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::charge::DEPOSIT_PATIENCE_MS;

    use super::*;

    const CHANGED: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);

    #[test]
    fn a_nudge_names_when_its_window_ends() {
        let mut age_ms = 0;
        while age_ms < 2 * 24 * HOUR_MS {
            let now = CHANGED.plus_ms(age_ms);
            let window = NudgeWindow::at(now, CHANGED);
            assert!((1..=window.length_ms).contains(&window.ends_at().ms_since(now)), "{age_ms}: {window:?}");
            age_ms += 7_919;
        }
        assert_eq!(NudgeWindow::at(CHANGED, CHANGED.plus_ms(5_000)).length_ms, 10_000, "clocks differ");
    }

    /// Somebody forges a webhook every five seconds for as long as a virtual account may wait.
    #[test]
    fn forged_webhooks_use_up_few_of_the_signals_that_a_workflow_takes() {
        const MOST_SIGNALS: usize = 10_000;
        let ages = (0..DEPOSIT_PATIENCE_MS).step_by(5_000);
        let windows: BTreeSet<_> = ages.map(|age_ms| NudgeWindow::at(CHANGED.plus_ms(age_ms), CHANGED)).collect();
        assert!(windows.len() < MOST_SIGNALS / 10, "{} signals", windows.len());
        let first_day = windows.iter().filter(|window| window.ends_at() <= CHANGED.plus_ms(24 * HOUR_MS)).count();
        assert!((100..200).contains(&first_day), "{first_day} signals in a day");
    }
}
