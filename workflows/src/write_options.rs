//! How Temporal carries a write out: locally, or as a regular activity.

use std::time::Duration;

use temporalio_workflow::{ActivityOptions, LocalActivityOptions, RetryPolicy, WorkflowCancellationToken};

/// How long one local write may take.
const LOCAL_WRITE_TIME: Duration = Duration::from_secs(2);
/// How often a write is tried locally before it becomes a regular activity.
const LOCAL_ATTEMPTS: u32 = 3;
/// How long one write as a regular activity may take.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How long one activity may take that reads a list of the PSP, or each statement of a run.
const LIST_TIME: Duration = Duration::from_secs(10 * 60);
/// How soon Temporal learns that the worker of such an activity is gone: a page is read in less.
const LIST_HEARTBEAT_TIME: Duration = Duration::from_secs(30);

/// Tries until it succeeds, with the first and the longest pause between two tries.
pub(crate) fn until_it_succeeds([first, longest]: [Duration; 2]) -> RetryPolicy {
    RetryPolicy::builder().initial_interval(first).maximum_interval(longest).build()
}

/// A write that costs the Temporal server nothing. It goes on when the workflow is canceled.
pub(crate) fn local_write() -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(LOCAL_WRITE_TIME)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(50))
                .backoff_coefficient(2.0)
                .maximum_attempts(LOCAL_ATTEMPTS)
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// A write that an operator can see. It goes on when the workflow is canceled.
pub(crate) fn regular_write(policy: RetryPolicy, summary: &'static str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(WRITE_TIME)
        .retry_policy(policy)
        .summary(summary)
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// What [`regular_write`] is, for a port that reads a long list first and sends heartbeats meanwhile.
pub(crate) fn listed_write(policy: RetryPolicy, summary: &'static str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(LIST_TIME)
        .heartbeat_timeout(LIST_HEARTBEAT_TIME)
        .retry_policy(policy)
        .summary(summary)
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}
