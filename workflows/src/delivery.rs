//! The delivery of events to one webhook endpoint: a workflow that runs for as long as the endpoint is enabled.
//!
//! One activity after the other carries the endpoint for [`CARRY_TIME`]: it reads the log, sends and waits for more.
//! So a delivery costs the Temporal server nothing, and an idle endpoint three events in that time. The workflow is
//! not signaled: a signal is an event of the history, and a carrier reads its endpoint anew at each round.
//!
//! Workflow and activity have a task queue of their own, for a carrier occupies a place of its worker all the time.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::id::WebhookEndpointId;
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityOptions, ContinueAsNewOptions, WorkflowContext, WorkflowContextView, WorkflowResult,
    common::ActivityDefinition, workflow, workflow_methods,
};

use crate::{task::readable, write_options::until_it_succeeds};

/// The task queue of deliveries.
pub const TASK_QUEUE: &str = "daegeum-hooks";
/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "webhook_delivery";
/// How long one activity carries an endpoint.
pub const CARRY_TIME: Duration = Duration::from_secs(10 * 60);
/// After how much silence of a carrier another one takes over.
pub const HEARTBEAT_TIME: Duration = Duration::from_secs(20);

/// How long one activity may take: what it sends when its time is up is sent to the end.
const ACTIVITY_TIME: Duration = Duration::from_secs(15 * 60);
/// How many activities one run of the workflow has. Each has about eight events, so a history stays far below
/// Temporal's limit of 51,200.
const TURNS: u32 = 100;
/// The first and the longest pause after an activity that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Delivers events to an endpoint for a while.
#[derive(Debug, Clone, Copy)]
pub struct Carry;

impl ActivityDefinition for Carry {
    type Input = CarryEndpoint;
    type Output = Carried;

    fn name(&self) -> &str {
        "webhook.carry"
    }
}

/// An endpoint to carry. It holds no address and no secret: the activity reads both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarryEndpoint {
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
}

/// How the activity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// Its time was up.
    TimeUp,
    /// The endpoint is disabled or gone.
    Stopped,
}

/// The delivery to one endpoint.
#[workflow]
pub struct DeliveryWorkflow {
    input: CarryEndpoint,
}

/// The id of the workflow that delivers to an endpoint.
pub fn workflow_id(endpoint: &WebhookEndpointId) -> String {
    format!("webhook.{endpoint}")
}

#[workflow_methods]
impl DeliveryWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: CarryEndpoint) -> Self {
        Self { input }
    }

    /// Carries the endpoint until it is disabled or gone.
    #[run(name = "webhook_delivery")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let input = ctx.state(|delivery| delivery.input.clone());
        for _ in 0..TURNS {
            match readable(ctx.execute_activity(Carry, input.clone(), carry_options()).await)? {
                Carried::TimeUp => {}
                Carried::Stopped => return Ok(()),
            }
            if ctx.continue_as_new_suggested() {
                break;
            }
        }
        ctx.continue_as_new(input, ContinueAsNewOptions::default())?;
        Ok(())
    }
}

fn carry_options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(ACTIVITY_TIME)
        .heartbeat_timeout(HEARTBEAT_TIME)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary("deliver events")
        .build()
}
