//! Whether the schedules of the namespace do what they are for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use temporalio_client::{Client, NamespacedClient as _, grpc::WorkflowService, tonic::IntoRequest as _};
use temporalio_common::protos::temporal::api::{
    schedule::v1::{ScheduleActionResult, ScheduleListEntry},
    workflowservice::v1::ListSchedulesRequest,
};
use tokio_util::sync::CancellationToken;

/// How often Temporal is asked.
const PAUSE: Duration = Duration::from_secs(30);
/// How long Temporal may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// The most schedules that are told of.
const MOST: i32 = 50;

/// A schedule as it was when Temporal was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleState {
    /// Its id.
    pub id: String,
    /// Whether a person paused it.
    pub is_paused: bool,
    /// When it last acted.
    pub last: Option<SystemTime>,
    /// When it acts next.
    pub next: Option<SystemTime>,
}

impl ScheduleState {
    fn of(entry: ScheduleListEntry) -> Self {
        let info = entry.info.unwrap_or_default();
        let last = last_action(&info.recent_actions);
        let next = info.future_action_times.first().and_then(|time| SystemTime::try_from(*time).ok());
        Self { id: entry.schedule_id, is_paused: info.paused, last, next }
    }

    /// How long ago it last acted.
    pub fn idle(&self) -> Option<Duration> {
        self.last.map(|last| last.elapsed().unwrap_or_default())
    }

    /// For how long its next action is overdue.
    pub fn overdue(&self) -> Duration {
        self.next.and_then(|next| next.elapsed().ok()).unwrap_or_default()
    }
}

pub(crate) fn last_action(actions: &[ScheduleActionResult]) -> Option<SystemTime> {
    actions.iter().filter_map(|action| SystemTime::try_from(action.actual_time?).ok()).max()
}

/// The schedules of the namespace; nothing where Temporal does not say.
#[derive(Debug, Clone, Default)]
pub struct ScheduleWatch(Arc<Mutex<Option<Vec<ScheduleState>>>>);

impl ScheduleWatch {
    /// What Temporal last said.
    pub fn schedules(&self) -> Option<Vec<ScheduleState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks until the token is canceled.
    pub async fn watch(self, client: Client, stop: CancellationToken) {
        loop {
            let listed = tokio::time::timeout(ANSWER_TIME, list_schedules(&client)).await.ok().flatten();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = listed;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// The schedules of the namespace; nothing where Temporal does not say.
pub async fn list_schedules(client: &Client) -> Option<Vec<ScheduleState>> {
    let request = ListSchedulesRequest { namespace: client.namespace(), maximum_page_size: MOST, ..Default::default() };
    match WorkflowService::list_schedules(&mut client.clone(), request.into_request()).await {
        Ok(listed) => Some(listed.into_inner().schedules.into_iter().map(ScheduleState::of).collect()),
        Err(error) => {
            tracing::debug!(%error, "Temporal does not list the schedules");
            None
        }
    }
}
