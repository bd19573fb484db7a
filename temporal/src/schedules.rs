//! The schedule of the reconciliation: each morning in Korea, of the day before.
//!
//! The schedule also names the database that the namespace belongs to, by the id of its event log. Workers of two
//! databases on one task queue would take each other's tasks: a checkout of one database would be looked for in the
//! other.

use std::time::Duration;

use serde_json::Value;
use temporalio_client::{
    Client, NamespacedClient as _,
    grpc::WorkflowService,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    common::v1::{Memo, Payload, WorkflowType},
    enums::v1::ScheduleOverlapPolicy,
    schedule::v1::{CalendarSpec, Schedule, ScheduleAction, SchedulePolicies, ScheduleSpec, schedule_action::Action},
    taskqueue::v1::TaskQueue,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::{CreateScheduleRequest, DescribeScheduleRequest, UpdateScheduleRequest},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use workflows::{TASK_QUEUE, reconciliation::DAILY_TYPE};

use crate::TemporalError;

/// The id of the schedule.
pub const RECONCILIATION_SCHEDULE: &str = "reconciliation-daily";
/// At which hour a day is reconciled that ended at midnight: by then no movement of the day is under way.
const HOUR: &str = "6";
const TIME_ZONE: &str = "Asia/Seoul";
/// How late a missed morning is still made up for: Temporal may have been away over a weekend.
const CATCH_UP: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The field of the schedule's memo that names the database.
const DATABASE: &str = "database";
/// How often it is tried to write the database's name beside others who do the same.
const CLAIMS: u32 = 10;
/// The pause between two tries. The server carries an update out a moment after it took the update.
const CLAIM_PAUSE: Duration = Duration::from_millis(200);
/// The first and the longest pause between two tries to create the schedule.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Creates the schedule where there is none, until it is there or the token is canceled. An operator may pause it, and
/// what the operator changed stays.
pub(crate) async fn keep_schedule(client: &Client, stop: &CancellationToken) {
    let [mut pause, longest] = PAUSES;
    loop {
        match create(client, None).await {
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

/// Says that the namespace belongs to a database, where nobody said so before. Answers the database that the namespace
/// belongs to.
pub async fn claim_namespace(client: &Client, database: &str) -> Result<String, TemporalError> {
    settle(client, database, |_| true).await
}

/// Gives the namespace to a database, whatever database it belonged to. Answers the database that it belongs to.
pub async fn give_namespace(client: &Client, database: &str) -> Result<String, TemporalError> {
    settle(client, database, |owner| owner == database).await
}

/// Writes the database into the schedule, unless an owner is named there that may stay.
async fn settle(client: &Client, database: &str, may_stay: impl Fn(&str) -> bool) -> Result<String, TemporalError> {
    for _ in 0..CLAIMS {
        match describe(client).await? {
            None => match create(client, Some(database)).await {
                Ok(()) => return Ok(database.to_owned()),
                Err(status) if status.code() == Code::AlreadyExists => {}
                Err(source) => return Err(call("create the schedule", source)),
            },
            Some(found) => match named_in(&found.schedule).filter(|owner| may_stay(owner)) {
                Some(owner) => return Ok(owner),
                None => write(client, found, database).await?,
            },
        }
        sleep(CLAIM_PAUSE).await;
    }
    database_of_namespace(client).await.map(|owner| owner.unwrap_or_default())
}

/// The database that the namespace belongs to; nothing where no worker said so yet.
pub async fn database_of_namespace(client: &Client) -> Result<Option<String>, TemporalError> {
    Ok(describe(client).await?.and_then(|found| named_in(&found.schedule)))
}

/// A schedule, and what a change of it is bound to.
struct Found {
    schedule: Schedule,
    conflict_token: Vec<u8>,
}

async fn describe(client: &Client) -> Result<Option<Found>, TemporalError> {
    let request =
        DescribeScheduleRequest { namespace: client.namespace(), schedule_id: RECONCILIATION_SCHEDULE.to_owned() };
    match WorkflowService::describe_schedule(&mut client.clone(), request.into_request()).await {
        Ok(described) => {
            let described = described.into_inner();
            let schedule = described.schedule.unwrap_or_default();
            Ok(Some(Found { schedule, conflict_token: described.conflict_token }))
        }
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(source) => Err(call("read the schedule", source)),
    }
}

/// Writes the database into a schedule, unless the schedule has changed since it was read: then nothing happens.
async fn write(client: &Client, found: Found, database: &str) -> Result<(), TemporalError> {
    let Found { mut schedule, conflict_token } = found;
    if let Some(Action::StartWorkflow(started)) = schedule.action.as_mut().and_then(|action| action.action.as_mut()) {
        let memo = started.memo.get_or_insert_default();
        memo.fields.insert(DATABASE.to_owned(), text(database));
    }
    let request = UpdateScheduleRequest {
        namespace: client.namespace(),
        schedule_id: RECONCILIATION_SCHEDULE.to_owned(),
        schedule: Some(schedule),
        request_id: conflict_token.iter().map(|byte| format!("{byte:02x}")).collect(),
        conflict_token,
        ..UpdateScheduleRequest::default()
    };
    let written = WorkflowService::update_schedule(&mut client.clone(), request.into_request()).await;
    written.map(|_| ()).map_err(|source| call("change the schedule", source))
}

fn call(what: &str, source: temporalio_client::tonic::Status) -> TemporalError {
    TemporalError::Call { call: format!("{what} {RECONCILIATION_SCHEDULE}"), source }
}

/// A text in a memo. It is no secret and stays in the clear, so that a person sees it in the Temporal UI.
fn text(text: &str) -> Payload {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    Payload { metadata, data: Value::from(text).to_string().into_bytes(), ..Payload::default() }
}

fn named_in(schedule: &Schedule) -> Option<String> {
    let Some(Action::StartWorkflow(started)) = schedule.action.as_ref()?.action.as_ref() else { return None };
    let payload = started.memo.as_ref()?.fields.get(DATABASE)?;
    serde_json::from_slice::<String>(&payload.data).ok()
}

async fn create(client: &Client, database: Option<&str>) -> Result<(), temporalio_client::tonic::Status> {
    let calendar = CalendarSpec { hour: HOUR.to_owned(), minute: "0".to_owned(), ..CalendarSpec::default() };
    let daily = NewWorkflowExecutionInfo {
        // The server appends the time.
        workflow_id: RECONCILIATION_SCHEDULE.to_owned(),
        workflow_type: Some(WorkflowType { name: DAILY_TYPE.to_owned() }),
        task_queue: Some(TaskQueue { name: TASK_QUEUE.to_owned(), ..TaskQueue::default() }),
        memo: database.map(|database| Memo { fields: [(DATABASE.to_owned(), text(database))].into() }),
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
