//! A workflow's time, and waiting in it.

use std::time::Duration;

use domain::Timestamp;
use temporalio_workflow::{
    TimerOptions, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext,
    common::{self, search_attributes::SearchAttributeKey},
    workflows,
};

/// The workflow's time: the same on every replay.
pub(crate) fn now<W>(ctx: &WorkflowContext<W>) -> Timestamp {
    let since_epoch = ctx
        .workflow_time()
        .and_then(|time| time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok())
        .unwrap_or(Duration::ZERO);
    Timestamp::from_epoch_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// When a schedule was to start the workflow. The server sets it.
const SCHEDULED_START: SearchAttributeKey<common::search_attributes::Timestamp> =
    SearchAttributeKey::datetime("TemporalScheduledStartTime");
const SECOND_MS: i64 = 1_000;

/// The time for which a schedule started the workflow, however late it did; the workflow's time where none did.
pub(crate) fn nominal<W>(ctx: &WorkflowContext<W>) -> Timestamp {
    let scheduled = ctx.search_attributes().get(&SCHEDULED_START);
    scheduled.map_or_else(|| now(ctx), |at| Timestamp::from_epoch_ms(at.seconds().saturating_mul(SECOND_MS)))
}

/// A wait that goes on when the workflow is canceled.
pub(crate) fn detached() -> WaitConditionOptions {
    WaitConditionOptions::builder().cancellation_token(WorkflowCancellationToken::new()).build()
}

/// Waits for a condition, at most for a time, until the token is canceled.
pub(crate) async fn until<W: 'static>(
    ctx: &WorkflowContext<W>,
    condition: impl FnMut(&W) -> bool,
    limit: Duration,
    summary: &'static str,
    token: WorkflowCancellationToken,
) {
    {
        let options = WaitConditionOptions::builder().cancellation_token(token.clone()).build();
        let mut met = std::pin::pin!(ctx.wait_condition_with_options(condition, options));
        let timer = TimerOptions::builder(limit).summary(summary.to_owned()).cancellation_token(token.clone());
        let mut passed = std::pin::pin!(ctx.timer(timer.build()));
        workflows::select! {
            _ = met => {}
            _ = passed => {}
        }
    }
    // Dropping a timer's future does not cancel the timer.
    token.cancel();
}
