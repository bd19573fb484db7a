//! Failing a workflow task.
//!
//! A failed task decides nothing: Temporal tries it again, on any worker, until it succeeds. That is right where this
//! worker cannot read what the history holds, and another one can. The SDK fails the task of a workflow that unwinds.

use temporalio_workflow::ActivityExecutionError;

/// Fails the workflow task, and says why in its history.
pub(crate) fn fail(reason: impl Into<String>) -> ! {
    std::panic::resume_unwind(Box::new(reason.into()))
}

/// The answer of an activity. One that this worker cannot read is not taken for a failure: it fails the task.
#[expect(clippy::result_large_err, reason = "the error is the SDK's, and is passed on as it came")]
pub(crate) fn readable<T>(answer: Result<T, ActivityExecutionError>) -> Result<T, ActivityExecutionError> {
    match answer {
        Err(ActivityExecutionError::Serialization(error)) => {
            fail(format!("an activity's answer is unreadable: {error}"))
        }
        answer => answer,
    }
}
