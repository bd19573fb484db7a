//! The schedules: the reconciliation of the day before and the payout run of the day, each morning in Korea; releases
//! and expiries, and questions about cash receipts, each minute; what is too old, each hour. There is no other clock
//! for what is done at a time.
//!
//! The schedule of the reconciliation also names the database that the namespace belongs to, by the id of its event
//! log. Workers of two databases on one task queue would take each other's tasks: a checkout of one database would be
//! looked for in the other.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use temporalio_client::{
    Client, NamespacedClient as _,
    grpc::WorkflowService,
    tonic::{Code, IntoRequest},
};
use temporalio_common::protos::temporal::api::{
    common::v1::{Memo, Payload, WorkflowType},
    enums::v1::ScheduleOverlapPolicy,
    schedule::v1::{
        CalendarSpec, IntervalSpec, Schedule, ScheduleAction, ScheduleInfo, SchedulePolicies, ScheduleSpec,
        schedule_action::Action,
    },
    taskqueue::v1::TaskQueue,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::{CreateScheduleRequest, DescribeScheduleRequest, UpdateScheduleRequest},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use workflows::{TASK_QUEUE, cash_receipt, housekeeping, payout_calendar, reconciliation};

use crate::{
    TemporalError,
    schedule_watch::{ScheduleState, last_action},
};

/// The id of the schedule of the reconciliation.
pub const RECONCILIATION_SCHEDULE: &str = "reconciliation-daily";
/// The id of the schedule of the payout calendar.
pub const PAYOUT_SCHEDULE: &str = "payout-calendar";
/// The id of the schedule of releases and expiries.
pub const HOUSEKEEPING_SCHEDULE: &str = "housekeeping";
/// The id of the schedule that removes what is too old.
pub const RETENTION_SCHEDULE: &str = "retention";
/// The id of the schedule that asks about cash receipts.
pub const CASH_RECEIPT_SCHEDULE: &str = "cash-receipts";
const TIME_ZONE: &str = "Asia/Seoul";
/// How late a missed morning is still made up for: Temporal may have been away over a weekend.
const MORNING_CATCH_UP: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How late a missed start is made up for whose work the next start does as well.
const SHORT_CATCH_UP: Duration = Duration::from_secs(60);

/// When a schedule acts.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Each day at an hour in Korea.
    Daily {
        hour: &'static str,
    },
    /// Each hour, at a minute.
    Hourly {
        minute: &'static str,
    },
    Every(Duration),
}

/// A schedule that each worker and `daegeum cluster apply` create.
#[derive(Debug, Clone, Copy)]
struct Planned {
    id: &'static str,
    when: When,
    workflow_type: &'static str,
    /// What becomes of a start while the workflow of an earlier start runs.
    overlap: ScheduleOverlapPolicy,
    catch_up: Duration,
}

/// Each missed morning is made up for, one after the other: with one place in the buffer, the third would be lost.
const RECONCILIATION: Planned = Planned {
    id: RECONCILIATION_SCHEDULE,
    // By then no movement of the day before is under way.
    when: When::Daily { hour: "6" },
    workflow_type: reconciliation::DAILY_TYPE,
    overlap: ScheduleOverlapPolicy::BufferAll,
    catch_up: MORNING_CATCH_UP,
};
const PAYOUT_CALENDAR: Planned = Planned {
    id: PAYOUT_SCHEDULE,
    when: When::Daily { hour: "7" },
    workflow_type: payout_calendar::WORKFLOW_TYPE,
    overlap: ScheduleOverlapPolicy::BufferAll,
    catch_up: MORNING_CATCH_UP,
};
const HOUSEKEEPING: Planned = Planned {
    id: HOUSEKEEPING_SCHEDULE,
    when: When::Every(housekeeping::LOOK_AHEAD),
    workflow_type: housekeeping::HOUSEKEEPING_TYPE,
    // A run may wait for the last moment before the next one.
    overlap: ScheduleOverlapPolicy::BufferOne,
    catch_up: SHORT_CATCH_UP,
};
const RETENTION: Planned = Planned {
    id: RETENTION_SCHEDULE,
    when: When::Hourly { minute: "17" },
    workflow_type: housekeeping::RETENTION_TYPE,
    overlap: ScheduleOverlapPolicy::Skip,
    catch_up: SHORT_CATCH_UP,
};
const CASH_RECEIPTS: Planned = Planned {
    id: CASH_RECEIPT_SCHEDULE,
    when: When::Every(cash_receipt::EVERY),
    workflow_type: cash_receipt::WORKFLOW_TYPE,
    overlap: ScheduleOverlapPolicy::Skip,
    catch_up: SHORT_CATCH_UP,
};
const ALL: [&Planned; 5] = [&RECONCILIATION, &PAYOUT_CALENDAR, &HOUSEKEEPING, &RETENTION, &CASH_RECEIPTS];

/// The field of the schedule's memo that names the database.
const DATABASE: &str = "database";
/// How often it is tried to write the database's name beside others who do the same.
const CLAIMS: u32 = 10;
/// The pause between two tries. The server carries an update out a moment after it took the update.
const CLAIM_PAUSE: Duration = Duration::from_millis(200);
/// The first and the longest pause between two tries to create the schedules.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Creates the schedules that are missing, until they are there or the token is canceled. An operator may pause one,
/// and what the operator changed stays.
pub(crate) async fn keep_schedules(client: &Client, stop: &CancellationToken) {
    let [mut pause, longest] = PAUSES;
    loop {
        match create_schedules(client).await {
            Ok(_) => return,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not create the schedules; it is tried again"
            ),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
        pause = (pause * 2).min(longest);
    }
}

/// Creates the schedules that are missing. Answers their ids.
async fn create_schedules(client: &Client) -> Result<Vec<&'static str>, TemporalError> {
    let mut created = Vec::new();
    for planned in ALL {
        // The server answers a creation of the same version as if it were the first.
        if describe(client, planned.id).await?.is_some() {
            continue;
        }
        match create(client, planned, None).await {
            Ok(()) => created.push(planned.id),
            Err(status) if status.code() == Code::AlreadyExists => {}
            Err(source) => return Err(call("create", planned.id, source)),
        }
    }
    Ok(created)
}

/// Where a schedule stands that this version needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededSchedule {
    /// Its id.
    pub id: &'static str,
    pub standing: ScheduleStanding,
}

/// Whether a schedule is as this version needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleStanding {
    Missing,
    /// What it starts, or what it does about missed and overlapping starts, is another version's.
    Differs(ScheduleState),
    AsNeeded(ScheduleState),
}

/// Where each schedule stands that this version needs.
pub async fn needed_schedules(client: &Client) -> Result<Vec<NeededSchedule>, TemporalError> {
    let mut needed = Vec::new();
    for planned in ALL {
        let standing = match describe(client, planned.id).await? {
            None => ScheduleStanding::Missing,
            Some(found) if differs(&found.schedule, planned) => ScheduleStanding::Differs(found.state(planned.id)),
            Some(found) => ScheduleStanding::AsNeeded(found.state(planned.id)),
        };
        needed.push(NeededSchedule { id: planned.id, standing });
    }
    Ok(needed)
}

/// Creates the schedules that are missing, and brings what others start, and do about missed starts, to what this
/// version needs. Their times stay, and whether they are paused. Answers the ids of those that it changed.
pub async fn apply_schedules(client: &Client) -> Result<Vec<&'static str>, TemporalError> {
    let mut changed = create_schedules(client).await?;
    for planned in ALL {
        let Some(mut found) = describe(client, planned.id).await? else { continue };
        if differs(&found.schedule, planned) {
            adapt(&mut found.schedule, planned);
            write(client, found, planned.id).await?;
            changed.push(planned.id);
        }
    }
    Ok(changed)
}

fn started_by(schedule: &Schedule) -> Option<&NewWorkflowExecutionInfo> {
    match schedule.action.as_ref()?.action.as_ref()? {
        Action::StartWorkflow(started) => Some(started),
    }
}

fn differs(schedule: &Schedule, planned: &Planned) -> bool {
    let started = started_by(schedule);
    let workflow_type = started.and_then(|started| started.workflow_type.as_ref()).map(|found| found.name.as_str());
    let task_queue = started.and_then(|started| started.task_queue.as_ref()).map(|found| found.name.as_str());
    let policies = schedule.policies.unwrap_or_default();
    workflow_type != Some(planned.workflow_type)
        || task_queue != Some(TASK_QUEUE)
        || policies.overlap_policy != planned.overlap as i32
        || policies.catchup_window != planned.catch_up.try_into().ok()
}

/// What an operator may change stays: the times, and whether the schedule is paused.
fn adapt(schedule: &mut Schedule, planned: &Planned) {
    let memo = started_by(schedule).and_then(|started| started.memo.clone());
    schedule.action = Some(action(planned, memo));
    let policies = schedule.policies.get_or_insert_default();
    policies.overlap_policy = planned.overlap as i32;
    policies.catchup_window = planned.catch_up.try_into().ok();
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
        match describe(client, RECONCILIATION_SCHEDULE).await? {
            None => match create(client, &RECONCILIATION, Some(database)).await {
                Ok(()) => return Ok(database.to_owned()),
                Err(status) if status.code() == Code::AlreadyExists => {}
                Err(source) => return Err(call("create", RECONCILIATION_SCHEDULE, source)),
            },
            Some(mut found) => match named_in(&found.schedule).filter(|owner| may_stay(owner)) {
                Some(owner) => return Ok(owner),
                None => {
                    name_database(&mut found.schedule, database);
                    write(client, found, RECONCILIATION_SCHEDULE).await?;
                }
            },
        }
        sleep(CLAIM_PAUSE).await;
    }
    database_of_namespace(client).await.map(|owner| owner.unwrap_or_default())
}

/// The database that the namespace belongs to; nothing where no worker said so yet.
pub async fn database_of_namespace(client: &Client) -> Result<Option<String>, TemporalError> {
    Ok(describe(client, RECONCILIATION_SCHEDULE).await?.and_then(|found| named_in(&found.schedule)))
}

/// A schedule, and what a change of it is bound to.
struct Found {
    schedule: Schedule,
    info: ScheduleInfo,
    conflict_token: Vec<u8>,
}

impl Found {
    fn state(&self, id: &str) -> ScheduleState {
        ScheduleState {
            id: id.to_owned(),
            is_paused: self.schedule.state.as_ref().is_some_and(|state| state.paused),
            last: last_action(&self.info.recent_actions),
            next: self.info.future_action_times.first().and_then(|time| SystemTime::try_from(*time).ok()),
        }
    }
}

async fn describe(client: &Client, id: &str) -> Result<Option<Found>, TemporalError> {
    let request = DescribeScheduleRequest { namespace: client.namespace(), schedule_id: id.to_owned() };
    match WorkflowService::describe_schedule(&mut client.clone(), request.into_request()).await {
        Ok(described) => {
            let described = described.into_inner();
            let (schedule, info) = (described.schedule.unwrap_or_default(), described.info.unwrap_or_default());
            Ok(Some(Found { schedule, info, conflict_token: described.conflict_token }))
        }
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(source) => Err(call("read", id, source)),
    }
}

/// Writes a schedule, unless the schedule has changed since it was read: then nothing happens.
async fn write(client: &Client, found: Found, id: &'static str) -> Result<(), TemporalError> {
    let Found { schedule, conflict_token, .. } = found;
    let request = UpdateScheduleRequest {
        namespace: client.namespace(),
        schedule_id: id.to_owned(),
        schedule: Some(schedule),
        request_id: conflict_token.iter().map(|byte| format!("{byte:02x}")).collect(),
        conflict_token,
        ..UpdateScheduleRequest::default()
    };
    let written = WorkflowService::update_schedule(&mut client.clone(), request.into_request()).await;
    written.map(|_| ()).map_err(|source| call("change", id, source))
}

/// Names the database in a schedule.
fn name_database(schedule: &mut Schedule, database: &str) {
    if let Some(Action::StartWorkflow(started)) = schedule.action.as_mut().and_then(|action| action.action.as_mut()) {
        let memo = started.memo.get_or_insert_default();
        memo.fields.insert(DATABASE.to_owned(), text(database));
    }
}

fn call(what: &str, id: &str, source: temporalio_client::tonic::Status) -> TemporalError {
    TemporalError::Call { call: format!("{what} the schedule {id}"), source }
}

/// A text in a memo. It is no secret and stays in the clear, so that a person sees it in the Temporal UI.
fn text(text: &str) -> Payload {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    Payload { metadata, data: Value::from(text).to_string().into_bytes(), ..Payload::default() }
}

fn named_in(schedule: &Schedule) -> Option<String> {
    let payload = started_by(schedule)?.memo.as_ref()?.fields.get(DATABASE)?;
    serde_json::from_slice::<String>(&payload.data).ok()
}

fn memo_of(database: &str) -> Memo {
    Memo { fields: [(DATABASE.to_owned(), text(database))].into() }
}

fn action(planned: &Planned, memo: Option<Memo>) -> ScheduleAction {
    let started = NewWorkflowExecutionInfo {
        // The server appends the time.
        workflow_id: planned.id.to_owned(),
        workflow_type: Some(WorkflowType { name: planned.workflow_type.to_owned() }),
        task_queue: Some(TaskQueue { name: TASK_QUEUE.to_owned(), ..TaskQueue::default() }),
        memo,
        ..NewWorkflowExecutionInfo::default()
    };
    ScheduleAction { action: Some(Action::StartWorkflow(started)) }
}

fn spec(when: When) -> ScheduleSpec {
    let at = |hour: &str, minute: &str| {
        let calendar = CalendarSpec { hour: hour.to_owned(), minute: minute.to_owned(), ..CalendarSpec::default() };
        ScheduleSpec { calendar: vec![calendar], timezone_name: TIME_ZONE.to_owned(), ..ScheduleSpec::default() }
    };
    match when {
        When::Daily { hour } => at(hour, "0"),
        When::Hourly { minute } => at("*", minute),
        When::Every(pause) => {
            let interval = IntervalSpec { interval: pause.try_into().ok(), phase: None };
            ScheduleSpec { interval: vec![interval], ..ScheduleSpec::default() }
        }
    }
}

async fn create(
    client: &Client,
    planned: &Planned,
    database: Option<&str>,
) -> Result<(), temporalio_client::tonic::Status> {
    let policies = SchedulePolicies {
        overlap_policy: planned.overlap as i32,
        catchup_window: planned.catch_up.try_into().ok(),
        ..SchedulePolicies::default()
    };
    let request = CreateScheduleRequest {
        namespace: client.namespace(),
        schedule_id: planned.id.to_owned(),
        schedule: Some(Schedule {
            spec: Some(spec(planned.when)),
            action: Some(action(planned, database.map(memo_of))),
            policies: Some(policies),
            ..Schedule::default()
        }),
        request_id: planned.id.to_owned(),
        ..CreateScheduleRequest::default()
    };
    let mut connection = client.clone();
    WorkflowService::create_schedule(&mut connection, request.into_request()).await.map(|_| ())
}
