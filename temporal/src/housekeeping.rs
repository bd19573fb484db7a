//! Wakes housekeeping for what this process has written: earnings and holds that are due soon do not wait for the
//! schedule.

use std::time::Duration;

use store::Writer;
use temporalio_client::{Client, WorkflowIdConflictPolicy, WorkflowStartOptions};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use workflows::{
    TASK_QUEUE,
    housekeeping::{DueSoon, HOUSEKEEPING_ID, HousekeepingWorkflow},
};

/// The shortest pause between two signals: what is written meanwhile is done together.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a signal may take.
const SIGNAL_TIME: Duration = Duration::from_secs(5);

/// Wakes housekeeping until the token is canceled. A signal that fails costs nothing but time: the schedule follows
/// within a minute.
pub(crate) async fn wake(client: &Client, writer: &Writer, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = writer.is_due_soon() => {}
        }
        let options = WorkflowStartOptions::new(TASK_QUEUE, HOUSEKEEPING_ID)
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .static_summary("releases and expiries that are due soon".to_owned())
            .build();
        let woken = client.signal_with_start_workflow(
            HousekeepingWorkflow::run,
            (),
            HousekeepingWorkflow::due,
            DueSoon {}.into(),
            options,
        );
        let woken = tokio::select! {
            () = stop.cancelled() => return,
            woken = timeout(SIGNAL_TIME, woken) => woken,
        };
        match woken {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not wake housekeeping");
            }
            Err(_) => tracing::warn!("the signal to housekeeping took too long"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(PAUSE) => {}
        }
    }
}
