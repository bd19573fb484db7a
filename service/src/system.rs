//! How everything that a payment needs stands: what `daegeum doctor` checks, and the workers that poll.

use std::{pin::Pin, sync::Arc};

use domain::Timestamp;

/// Declares the parts with their names.
macro_rules! parts {
    ($($(#[$doc:meta])* $part:ident: $name:literal;)+) => {
        /// A part that is checked by itself.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Part {
            $($(#[$doc])* $part),+
        }

        impl Part {
            /// Its name, as the command line writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$part => $name),+
                }
            }
        }
    };
}

parts! {
    /// The settings of the process.
    Configuration: "configuration";
    /// The database and its schema.
    Database: "database";
    /// Whether API keys open the API under the pepper that is set.
    ApiKeys: "API keys";
    /// Whether events get positions, and are read.
    EventLog: "event log";
    /// Whether events reach the webhook endpoints.
    WebhookEndpoints: "webhook endpoints";
    /// Whether payouts go on.
    Payouts: "payouts";
    /// Whether anything waits for a person's decision.
    DeadLetters: "dead letters";
    /// The brokers of the Kafka sink.
    Kafka: "kafka";
    /// The Temporal server and the namespace.
    Temporal: "temporal";
    /// The search attributes of the namespace.
    SearchAttributes: "search attributes";
    /// The workers that poll, and what they open.
    Worker: "worker";
    /// The builds that get tasks.
    WorkerVersions: "worker versions";
    /// Workflows whose task fails.
    WorkflowTasks: "workflow tasks";
    /// What is done at a time.
    Schedules: "schedules";
    /// The word of the API about itself.
    ApiProcess: "API process";
    /// The word of a worker about itself.
    WorkerProcess: "worker process";
    /// Whether Toss takes our key.
    Toss: "toss";
    /// Whether sellers can be paid.
    PayoutService: "payout service";
    /// Our clock beside Toss's.
    Clock: "clock";
    /// The Korean holidays of the time ahead.
    Holidays: "holidays";
    /// Whether the database and Temporal stand alike.
    Agreement: "database and temporal";
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckResult {
    /// It is as it should be.
    Well(String),
    /// It is not, and this mends it.
    Ill {
        /// What is not as it should be.
        what: String,
        /// What mends it.
        mend: String,
    },
    /// It could not be looked at, for want of another part.
    Unseen(Part),
    /// It is not looked at, because the settings do not say where it is.
    Unasked(String),
}

impl CheckResult {
    /// A part that is not as it should be, and what mends it.
    pub fn ill(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Ill { what: what.into(), mend: mend.into() }
    }

    /// Whether nothing has to be done.
    pub const fn is_well(&self) -> bool {
        match self {
            Self::Well(_) | Self::Unasked(_) => true,
            Self::Ill { .. } | Self::Unseen(_) => false,
        }
    }
}

/// A check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub part: Part,
    /// What came of it.
    pub result: CheckResult,
}

/// The kind of tasks that a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    /// Tasks of workflows.
    Workflow,
    /// Tasks of activities.
    Activity,
}

/// A worker that polls a task queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poller {
    /// How the process calls itself.
    pub process: String,
    /// The task queue.
    pub queue: &'static str,
    /// What it asks for.
    pub kind: TaskKind,
    /// The build, where the worker belongs to a Worker Deployment.
    pub version: Option<String>,
    /// Whether Temporal gives tasks to the build.
    pub gets_tasks: bool,
    /// When it last asked.
    pub polled_at: Option<Timestamp>,
}

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The checks, in the order of `daegeum doctor`.
    pub checks: Vec<Check>,
    /// The workers that poll; nothing where Temporal does not say.
    pub pollers: Option<Vec<Poller>>,
    /// The version of the process that looked.
    pub version: &'static str,
    /// When it was looked.
    pub looked_at: Timestamp,
}

/// Looks at everything, or says what was found a moment ago.
pub type SystemProbe = dyn Fn() -> Pin<Box<dyn Future<Output = Arc<System>> + Send>> + Send + Sync;
