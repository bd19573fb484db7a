//! Temporal: connecting to it, preparing its namespace, and running one on this machine.

mod codec;
mod connection;
mod dev_server;
mod search_attributes;
mod tasks;
mod workers;

pub(crate) use codec::data_converter;
pub(crate) use connection::{DEV_NAMESPACE, connect, connect_to};
pub(crate) use dev_server::{DevServer, DevServerOptions, find_cli, stop_leftover};
pub(crate) use search_attributes::ensure_search_attributes;
pub(crate) use tasks::{FailingTasks, failing_tasks};
pub(crate) use workers::{MEND_KEYS, Understood, polling, understood};
