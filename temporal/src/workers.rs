//! The workers that poll, and what each of them can open.
//!
//! A worker's identity, which Temporal shows beside its polls, names its encryption keys. So a client sees before it
//! sends whether the workers open what it seals: a signal that none opens stops its workflow.
//!
//! A worker of a Worker Deployment polls, and gets tasks only while its version is current or ramping.

use std::time::{Duration, SystemTime};

use store::Keyring;
use temporalio_client::{Client, NamespacedClient as _, grpc::WorkflowService as _, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::{PollerInfo, TaskQueue},
    workflowservice::v1::DescribeTaskQueueRequest,
};

use crate::{DeploymentVersion, Routing, TemporalError};

/// A worker polls at least once a minute. Temporal names one that has ended for five minutes.
const POLL_TIME: Duration = Duration::from_secs(70);
/// Stands before the ids of the keys in an identity.
const KEYS: &str = " keys:";
/// Stands in place of the ids where there are no keys.
const NO_KEYS: &str = "none";

/// A worker that polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poller {
    identity: String,
    /// The ids of its keys; nothing where it does not say.
    keys: Option<Vec<String>>,
    version: Option<DeploymentVersion>,
    polled_at: Option<SystemTime>,
}

/// The workers that poll a task queue, and the versions that get its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polling {
    /// The workers that poll.
    pub pollers: Vec<Poller>,
    /// The versions that get tasks.
    pub routing: Routing,
}

/// How a process of ours calls itself at Temporal.
pub(crate) fn identity(keys: Option<&Keyring>) -> String {
    let ids = keys.map_or_else(|| NO_KEYS.to_owned(), |keys| keys.ids().join(","));
    format!("daegeum {}@{}{KEYS}{ids}", env!("CARGO_PKG_VERSION"), std::process::id())
}

/// The workers that poll for workflows.
pub async fn polling(client: &Client) -> Result<Vec<Poller>, TemporalError> {
    Ok(task_queue(client, TaskQueueType::Workflow).await?.pollers)
}

/// How many workers get both kinds of tasks: the fewer of the two.
pub async fn polled(client: &Client) -> Result<usize, TemporalError> {
    let (workflows, activities) =
        tokio::try_join!(task_queue(client, TaskQueueType::Workflow), task_queue(client, TaskQueueType::Activity))?;
    Ok(workflows.served_by().len().min(activities.served_by().len()))
}

/// Asks which workers poll the task queue of payments for one kind of tasks.
pub async fn task_queue(client: &Client, kind: TaskQueueType) -> Result<Polling, TemporalError> {
    named_task_queue(client, workflows::TASK_QUEUE, kind).await
}

/// Asks which workers poll a task queue for one kind of tasks.
pub async fn named_task_queue(client: &Client, name: &str, kind: TaskQueueType) -> Result<Polling, TemporalError> {
    let request = DescribeTaskQueueRequest {
        namespace: client.namespace(),
        task_queue: Some(TaskQueue { name: name.to_owned(), ..Default::default() }),
        task_queue_type: kind.into(),
        ..Default::default()
    };
    let described = client.clone().describe_task_queue(request.into_request()).await;
    let described = described.map_err(|source| {
        let call = "ask Temporal which workers poll".to_owned();
        TemporalError::Call { call, source }
    })?;
    let described = described.into_inner();
    let mut pollers: Vec<_> = described.pollers.iter().map(Poller::of).filter(is_live).collect();
    pollers.sort_by(|one, other| (&one.identity, other.polled_at).cmp(&(&other.identity, one.polled_at)));
    pollers.dedup_by(|one, other| one.identity == other.identity && one.version == other.version);
    Ok(Polling { pollers, routing: Routing::of_wire(described.versioning_info) })
}

fn is_live(poller: &Poller) -> bool {
    poller.polled_at.is_none_or(|polled| polled.elapsed().unwrap_or_default() < POLL_TIME)
}

impl Polling {
    /// The workers that get tasks.
    #[must_use]
    pub fn served_by(&self) -> Vec<&Poller> {
        self.pollers.iter().filter(|poller| self.routing.reaches(poller.version())).collect()
    }
}

impl Poller {
    /// The version of a worker of a Worker Deployment.
    #[must_use]
    pub const fn version(&self) -> Option<&DeploymentVersion> {
        self.version.as_ref()
    }

    /// How its process calls itself.
    #[must_use]
    pub fn process(&self) -> &str {
        self.identity.split(KEYS).next().unwrap_or_default()
    }

    /// When it last asked for tasks.
    #[must_use]
    pub const fn polled_at(&self) -> Option<SystemTime> {
        self.polled_at
    }

    fn of(poller: &PollerInfo) -> Self {
        let ids = poller.identity.split_once(KEYS).map(|(_, ids)| ids);
        let keys = ids.map(|ids| ids.split(',').filter(|id| *id != NO_KEYS).map(str::to_owned).collect());
        let version = poller.deployment_options.as_ref().and_then(DeploymentVersion::of_poller);
        let polled_at = poller.last_access_time.and_then(|time| SystemTime::try_from(time).ok());
        Self { identity: poller.identity.clone(), keys, version, polled_at }
    }

    fn opens(&self, id: &str) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.iter().any(|key| key == id))
    }
}

/// Whether the workers open what is sealed under the first of these keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understood {
    /// All of them do, or nothing is sealed.
    ByAll,
    /// No worker polls.
    NobodyPolls,
    /// Some do, and some do not.
    BySome(String),
    /// None does.
    ByNone(String),
}

/// Decides whether the workers open what is sealed under the first of these keys.
pub fn understood(pollers: &[Poller], keys: Option<&Keyring>) -> Understood {
    let Some(id) = keys.and_then(|keys| keys.ids().into_iter().next()) else { return Understood::ByAll };
    if pollers.is_empty() {
        return Understood::NobodyPolls;
    }
    let deaf: Vec<_> = pollers.iter().filter(|poller| !poller.opens(&id)).collect();
    let Some(first) = deaf.first() else { return Understood::ByAll };
    let told = format!(
        "{} of {} workers do not have the encryption key {id}, which seals here; {} has {}",
        deaf.len(),
        pollers.len(),
        first.process(),
        match &first.keys {
            None => "not said which keys it has".to_owned(),
            Some(keys) if keys.is_empty() => "no keys".to_owned(),
            Some(keys) => keys.join(", "),
        }
    );
    if deaf.len() == pollers.len() { Understood::ByNone(told) } else { Understood::BySome(told) }
}

/// What to do where workers do not open what is sealed here.
pub const MEND_KEYS: &str = "set DAEGEUM_ENCRYPTION_KEYS (encryption_keys) here to the keys of the workers, in \
     their order, or give the workers these keys first; a worker that has just ended is named for a minute";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn ring(names: &[&str]) -> Keyring {
        let keys: Vec<_> = names.iter().map(|name| Keyring::generate(name).unwrap()).collect();
        Keyring::parse(&keys.join(",")).unwrap()
    }

    fn poller(identity: String) -> Poller {
        Poller::of(&PollerInfo { identity, ..PollerInfo::default() })
    }

    #[test]
    fn a_worker_says_by_its_identity_what_it_opens() {
        let ours = ring(&["a", "b"]);
        let same = poller(identity(Some(&ours)));
        // The same name, and another key.
        let (others, none, silent) =
            (poller(identity(Some(&ring(&["a"])))), poller(identity(None)), poller("someone@host".to_owned()));
        assert_eq!(understood(std::slice::from_ref(&same), Some(&ours)), Understood::ByAll);
        assert_eq!(understood(&[others.clone(), none.clone()], None), Understood::ByAll, "nothing is sealed");
        assert_eq!(understood(&[], Some(&ours)), Understood::NobodyPolls);
        for deaf in [others, none, silent] {
            assert!(matches!(understood(std::slice::from_ref(&deaf), Some(&ours)), Understood::ByNone(_)), "{deaf:?}");
            assert!(matches!(understood(&[deaf, same.clone()], Some(&ours)), Understood::BySome(_)));
        }
    }
}
