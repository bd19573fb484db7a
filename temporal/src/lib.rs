//! Everything that is Temporal's: the client, the namespace, the worker, the replay of histories, and a server on this
//! machine.
//!
//! # What this crate does not do
//!
//! It reads no settings and no command line: the caller passes addresses, paths and keyrings. It decides nothing about
//! payments; see `workflows`. It serves no HTTP and does not reach `api`.
//!
//! # Invariants
//!
//! * With a keyring, every payload leaves sealed. A payload that is not sealed is still read.
//! * A worker registers every workflow and every activity, or is not made.
//! * A server that [`DevServer`] started ends with it.

mod attempts;
mod causes;
mod codec;
mod connection;
mod deliveries;
mod deployment;
mod dev_server;
mod error;
mod housekeeping;
pub mod namespace;
mod replay;
mod schedule_watch;
mod schedules;
mod sdk_metrics;
mod tasks;
mod unreadable;
mod worker;
mod workers;

/// Directives of a log filter. A worker of Temporal's SDK warns of an answer that came too late, of a workflow and of
/// an activity. The whole answer stands in the span of the one warning and in the text of the other: our payloads have
/// no place in a log.
pub const LOG_WITHOUT_PAYLOADS: [&str; 2] =
    ["temporalio_sdk_core::worker=warn", "temporalio_sdk_core::worker::activities=error"];

pub use causes::plugin as causes_plugin;
pub use connection::{ClientParts, DEV_NAMESPACE, Place, connect, connect_to};
pub use deployment::{BUILD_ID, DEPLOYMENT_NAME, DeploymentVersion, DeploymentVersionError, Ramp, Routing};
pub use dev_server::{DevServer, DevServerOptions, stop_leftover};
pub use error::{Cause, DevServerError, ReplayError, TemporalError};
pub use namespace::ensure_search_attributes;
pub use replay::Replayer;
pub use schedule_watch::{ScheduleState, ScheduleWatch, list_schedules};
pub use schedules::{
    CASH_RECEIPT_SCHEDULE, HOUSEKEEPING_SCHEDULE, NeededSchedule, PAYOUT_SCHEDULE, RECONCILIATION_SCHEDULE,
    RETENTION_SCHEDULE, ScheduleStanding, apply_schedules, claim_namespace, database_of_namespace, give_namespace,
    needed_schedules,
};
pub use sdk_metrics::{SdkCounts, SdkNumber, SdkWait, WAIT_ENDS_MS, WaitTimes};
pub use tasks::{FailingTasks, failing_tasks};
pub use unreadable::UnreadableSignals;
pub use worker::{Activities, Worker, WorkerParts};
pub use workers::{MEND_KEYS, Poller, Polling, Understood, named_task_queue, polled, polling, task_queue, understood};
