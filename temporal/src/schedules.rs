//! The schedule of the reconciliation: each morning in Korea, of the day before.

use std::time::Duration;

use temporalio_client::{
    Client, NamespacedClient as _,
    grpc::WorkflowService,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowType,
    enums::v1::ScheduleOverlapPolicy,
    schedule::v1::{CalendarSpec, Schedule, ScheduleAction, SchedulePolicies, ScheduleSpec, schedule_action::Action},
    taskqueue::v1::TaskQueue,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::CreateScheduleRequest,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use workflows::{TASK_QUEUE, reconciliation::DAILY_TYPE};

/// The id of the schedule.
pub const RECONCILIATION_SCHEDULE: &str = "reconciliation-daily";
/// At which hour a day is reconciled that ended at midnight: by then no movement of the day is under way.
const HOUR: &str = "6";
const TIME_ZONE: &str = "Asia/Seoul";
/// How late a missed morning is still made up for: Temporal may have been away over a weekend.
const CATCH_UP: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The first and the longest pause between two tries to create the schedule.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Creates the schedule where there is none, until it is there or the token is canceled. An operator may pause it, and
/// what the operator changed stays.
pub(crate) async fn keep_schedule(client: &Client, stop: &CancellationToken) {
    let [mut pause, longest] = PAUSES;
    loop {
        match create(client).await {
            Ok(()) => return,
            Err(error) if error.code() == Code::AlreadyExists => return,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not create the schedule {RECONCILIATION_SCHEDULE}; it is tried again"
            ),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
        pause = (pause * 2).min(longest);
    }
}

async fn create(client: &Client) -> Result<(), temporalio_client::tonic::Status> {
    let calendar = CalendarSpec { hour: HOUR.to_owned(), minute: "0".to_owned(), ..CalendarSpec::default() };
    let daily = NewWorkflowExecutionInfo {
        // The server appends the time.
        workflow_id: RECONCILIATION_SCHEDULE.to_owned(),
        workflow_type: Some(WorkflowType { name: DAILY_TYPE.to_owned() }),
        task_queue: Some(TaskQueue { name: TASK_QUEUE.to_owned(), ..TaskQueue::default() }),
        ..NewWorkflowExecutionInfo::default()
    };
    let spec =
        ScheduleSpec { calendar: vec![calendar], timezone_name: TIME_ZONE.to_owned(), ..ScheduleSpec::default() };
    let policies = SchedulePolicies {
        overlap_policy: ScheduleOverlapPolicy::BufferOne as i32,
        catchup_window: CATCH_UP.try_into().ok(),
        ..SchedulePolicies::default()
    };
    let request = CreateScheduleRequest {
        namespace: client.namespace(),
        schedule_id: RECONCILIATION_SCHEDULE.to_owned(),
        schedule: Some(Schedule {
            spec: Some(spec),
            action: Some(ScheduleAction { action: Some(Action::StartWorkflow(daily)) }),
            policies: Some(policies),
            ..Schedule::default()
        }),
        request_id: RECONCILIATION_SCHEDULE.to_owned(),
        ..CreateScheduleRequest::default()
    };
    let mut connection = client.clone();
    WorkflowService::create_schedule(&mut connection, request.into_request()).await.map(|_| ())
}
