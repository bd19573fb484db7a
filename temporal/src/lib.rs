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
mod dev_server;
mod error;
pub mod namespace;
mod replay;
mod schedules;
mod tasks;
mod unreadable;
mod worker;
mod workers;

/// A log filter's directive. A worker of Temporal's SDK warns of an answer that came too late, and writes the whole
/// answer: our payloads have no place in a log.
pub const LOG_WITHOUT_PAYLOADS: &str = "temporalio_sdk_core::worker::activities::local_activities=error";

pub use causes::plugin as causes_plugin;
pub use connection::{ClientParts, DEV_NAMESPACE, Place, connect, connect_to};
pub use dev_server::{DevServer, DevServerOptions, stop_leftover};
pub use error::{Cause, DevServerError, ReplayError, TemporalError};
pub use namespace::ensure_search_attributes;
pub use replay::Replayer;
pub use schedules::{RECONCILIATION_SCHEDULE, claim_namespace, database_of_namespace, give_namespace};
pub use tasks::{FailingTasks, failing_tasks};
pub use unreadable::UnreadableSignals;
pub use worker::{Activities, Worker, WorkerParts};
pub use workers::{MEND_KEYS, Poller, Understood, polling, understood};
