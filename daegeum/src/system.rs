//! How the console asks how everything stands.

use std::{sync::Arc, time::Duration};

use service::{
    now,
    system::{Poller, System, SystemProbe, TaskKind},
};
use temporal::{Polling, TemporalError, named_task_queue};
use temporalio_client::Client;
use temporalio_common::protos::temporal::api::enums::v1::TaskQueueType;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use workflows::delivery;

use crate::{doctor::Examination, settings::Settings, values};

/// How long one part may take to answer. The longest row of parts is three, and a page is due after 30 s.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// For how long what was found is shown again: a look asks the database, Temporal and Toss.
const FOUND_AGE: Duration = Duration::from_secs(5);

/// What was found, and when.
type Found = (Instant, Arc<System>);

/// Looks with the settings of this process. However many ask at once, one looks.
pub(crate) fn probe(settings: &Settings, client: &Client, calls_toss: bool) -> Arc<SystemProbe> {
    let found: Arc<Mutex<Option<Found>>> = Arc::default();
    let looked = Arc::new((settings.clone(), client.clone()));
    Arc::new(move || {
        let (found, looked) = (Arc::clone(&found), Arc::clone(&looked));
        Box::pin(async move {
            let mut found = found.lock().await;
            if let Some((at, system)) = &*found
                && at.elapsed() < FOUND_AGE
            {
                return Arc::clone(system);
            }
            let (settings, client) = &*looked;
            let system = Arc::new(look(settings, client, calls_toss).await);
            *found = Some((Instant::now(), Arc::clone(&system)));
            system
        })
    })
}

async fn look(settings: &Settings, client: &Client, calls_toss: bool) -> System {
    let examination = Examination { settings, answer_time: ANSWER_TIME, calls_toss };
    let (checks, pollers) = tokio::join!(examination.examine(), timeout(ANSWER_TIME, pollers(client)));
    let pollers = pollers.ok().and_then(Result::ok);
    System { checks, pollers, version: env!("CARGO_PKG_VERSION"), looked_at: now() }
}

/// The workers that poll, for each task queue and each kind of tasks.
async fn pollers(client: &Client) -> Result<Vec<Poller>, TemporalError> {
    let kinds = [(TaskKind::Workflow, TaskQueueType::Workflow), (TaskKind::Activity, TaskQueueType::Activity)];
    let mut pollers = Vec::new();
    for queue in [workflows::TASK_QUEUE, delivery::TASK_QUEUE] {
        for (kind, asked) in kinds {
            let Polling { pollers: polling, routing } = named_task_queue(client, queue, asked).await?;
            pollers.extend(polling.iter().map(|poller| Poller {
                process: poller.process().to_owned(),
                queue,
                kind,
                version: poller.version().map(ToString::to_string),
                gets_tasks: routing.reaches(poller.version()),
                polled_at: poller.polled_at().map(values::instant),
            }));
        }
    }
    Ok(pollers)
}
