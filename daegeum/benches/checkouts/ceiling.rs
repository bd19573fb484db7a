//! What the Temporal server itself can do: a workflow that does nothing, started the ordinary way.
#![expect(unreachable_pub, reason = "`#[workflow_methods]` makes a public type of each method")]

use std::time::{Duration, Instant};

use temporalio_client::{Client, ClientOptions, ConnectionOptions, Url, WorkflowStartOptions};
use temporalio_sdk::{
    Runtime, Worker, WorkerOptions, WorkflowContext, WorkflowResult,
    workflows::{workflow, workflow_methods},
};

use crate::figures::Load;

const TASK_QUEUE: &str = "ceiling";

/// A workflow without a step.
#[workflow]
#[derive(Default)]
pub struct Nothing;

#[workflow_methods]
impl Nothing {
    #[run(name = "nothing")]
    /// Ends at once.
    pub async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        Ok(())
    }
}

/// Somebody who starts workflows that do nothing.
#[derive(Clone)]
pub(crate) struct Ceiling(Client);

impl Ceiling {
    /// Starts a worker of its own in this process.
    pub(crate) async fn start(temporal: &str, namespace: &str) -> (Self, Worker) {
        let target: Url = format!("http://{temporal}").parse().unwrap();
        let connection = ConnectionOptions::new(target).build();
        let client = Client::connect(connection, ClientOptions::new(namespace).build()).await.unwrap();
        let options = WorkerOptions::new(TASK_QUEUE).register_workflow::<Nothing>().unwrap().build();
        let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
        let worker = Worker::new(&runtime, client.clone(), options).unwrap();
        (Self(client), worker)
    }
}

impl Load for Ceiling {
    async fn once(&self, number: u64) -> Vec<Duration> {
        let began = Instant::now();
        let id = format!("nothing-{}-{number}", std::process::id());
        let options = WorkflowStartOptions::new(TASK_QUEUE, id).build();
        let handle = self.0.start_workflow(Nothing::run, (), options).await.unwrap();
        handle.get_result(Default::default()).await.unwrap();
        vec![began.elapsed()]
    }
}
