//! A workflow's time, and waiting in it.

use std::time::Duration;

use domain::Timestamp;
use temporalio_workflow::{TimerOptions, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext, workflows};

/// The workflow's time: the same on every replay.
pub(crate) fn now<W>(ctx: &WorkflowContext<W>) -> Timestamp {
    let since_epoch = ctx
        .workflow_time()
        .and_then(|time| time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok())
        .unwrap_or(Duration::ZERO);
    Timestamp::from_epoch_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
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
