//! Errors of clients, workers and servers of Temporal.

use temporalio_client::tonic::Status;

/// The cause of a failure, from one of the SDK's error types.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A client, a namespace or a worker is not usable.
#[derive(Debug, thiserror::Error)]
pub enum TemporalError {
    /// The environment does not say in a readable way where Temporal is.
    #[error("the TEMPORAL_… settings are malformed")]
    Settings(#[source] Cause),
    /// The address is no host with a port.
    #[error("the address {address} of a Temporal server is malformed")]
    Address {
        address: String,
        /// The reader's complaint.
        #[source]
        source: Cause,
    },
    /// No connection was made.
    #[error("could not connect to Temporal at {target}; set TEMPORAL_ADDRESS")]
    Connect {
        /// The address of the server.
        target: String,
        #[source]
        source: Cause,
    },
    /// A call to the server failed.
    #[error("could not {call}")]
    Call {
        /// What was asked of the server, as a verb and its object.
        call: String,
        /// The answer of the server.
        #[source]
        source: Status,
    },
    /// The server did not register search attributes.
    #[error("could not register search attributes; let an administrator run:\n  {commands}")]
    RegisterAttributes {
        /// The commands that register them, one a line.
        commands: String,
        /// The answer of the server.
        #[source]
        source: Status,
    },
    /// A search attribute is declared with a type that Temporal does not have.
    #[error("no search attribute is of type {0}")]
    AttributeType(String),
    /// A worker could not be made.
    #[error("could not set up the worker")]
    WorkerSetUp(#[source] Cause),
    /// A worker ended by itself.
    #[error("the worker stopped")]
    WorkerStopped(#[source] Cause),
}

/// A history does not replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The replayer could not be made.
    #[error("could not set up the replay")]
    SetUp(#[source] Cause),
    /// The bytes are no history as the SDK writes it.
    #[error("this is no history as the SDK writes it")]
    Unreadable(#[source] Cause),
    /// The history could not be fetched, or took another path than this build takes.
    #[error("this history does not replay on this build")]
    Diverged(#[source] Cause),
}

/// A Temporal server on this machine did not start or did not stop.
#[derive(Debug, thiserror::Error)]
pub enum DevServerError {
    /// A file or a process could not be used.
    #[error("could not {action}")]
    Io {
        /// What was done, as a verb and its object.
        action: String,
        #[source]
        source: std::io::Error,
    },
    /// The server ended before it answered.
    #[error("the Temporal server ended at its start ({status}); it said:\n  {last_lines}")]
    EndedAtStart {
        status: std::process::ExitStatus,
        /// The end of its log.
        last_lines: String,
        /// Whether another process had one of its ports.
        port_taken: bool,
    },
    /// Another process came first to a port at each attempt.
    #[error("tried {attempts} times")]
    PortsTaken {
        /// How often the server was started.
        attempts: usize,
        /// The last failure.
        #[source]
        source: Box<DevServerError>,
    },
    /// The server runs and does not answer.
    #[error("the Temporal server did not answer for {seconds} s; see {log}")]
    Silent {
        /// How long it was asked.
        seconds: u64,
        /// The file of its log.
        log: String,
    },
}
