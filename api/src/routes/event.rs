//! `GET /v1/events`: the event log, by positions. A caller may wait for what comes next.
//!
//! A request that waits holds no connection to the database, and is answered at once when the process is told to stop.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, extract::State, http::Extensions};
use domain::{event::EventType, id::ApiKeyId};
use serde::Serialize;
use serde_json::Value;
use store::{EventPage, EventQuery, EventRecord, EventsRead, Journal, MAX_EVENTS, Reader, Tail};
use tokio::time::{Instant, timeout_at};

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        lifecycle::Lifecycle,
        parameters::Parameters,
        problem::{Code, Problem},
        values::rfc3339,
    },
    openapi::{
        parameters::ChosenEvents,
        refusals::refusals,
        shapes::{EventName, EventTypeName, Instant as InstantName},
    },
};

refusals! { EventsRefusals: CursorUnknown, EventsExpired; }

/// How many events an answer has unless it is said.
const DEFAULT_LIMIT: u64 = 100;
/// The longest that a request may wait, in seconds.
const MAX_WAIT_S: u64 = 30;
/// How much earlier than the deadline of every answer a wait ends.
const WAIT_MARGIN: Duration = Duration::from_secs(3);
/// The most requests of one API key that wait.
const MAX_WAITS_PER_KEY: usize = 10;
/// The most requests that wait in one process.
const MAX_WAITS: usize = 200;

/// The end of the event log, and the requests that wait for it to move.
#[derive(Debug, Clone)]
pub struct EventFeed {
    tail: Tail,
    waits: Arc<Mutex<HashMap<ApiKeyId, usize>>>,
}

/// A request that waits, for as long as it does.
#[derive(Debug)]
struct Wait {
    key: ApiKeyId,
    waits: Arc<Mutex<HashMap<ApiKeyId, usize>>>,
}

impl EventFeed {
    /// The log that a reader reads; the journal's process may have the sequencer, which tells of new events at once.
    pub fn new(journal: &Journal, reader: Reader) -> Self {
        Self { tail: Tail::new(journal, reader), waits: Arc::default() }
    }

    fn wait(&self, key: &ApiKeyId) -> Result<Wait, Problem> {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waits.values().sum();
        let of_key = waits.entry(key.clone()).or_default();
        if *of_key >= MAX_WAITS_PER_KEY || all >= MAX_WAITS {
            let detail = format!("At most {MAX_WAITS_PER_KEY} requests of one API key wait for events at once.");
            return Err(Problem::new(Code::RateLimited, detail));
        }
        *of_key += 1;
        Ok(Wait { key: key.clone(), waits: Arc::clone(&self.waits) })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_key) = waits.get_mut(&self.key) {
            *of_key = of_key.saturating_sub(1);
            if *of_key == 0 {
                waits.remove(&self.key);
            }
        }
    }
}

/// An event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// Its place in the log. Positions ascend without a gap.
    #[schema(minimum = 1)]
    position: u64,
    /// The same for the same fact, in every copy of the log.
    #[schema(value_type = EventName)]
    id: String,
    #[serde(rename = "type")]
    #[schema(value_type = EventTypeName)]
    event_type: &'static str,
    /// When the fact happened.
    #[schema(value_type = InstantName)]
    occurred_at: String,
    object: ObjectBody,
    /// The object as it was then, without personal data.
    #[schema(value_type = Object)]
    data: Value,
}

/// The object that an event is about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = EventObject)]
struct ObjectBody {
    /// Its kind, such as `checkout`.
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    /// A later event of the object has a higher version.
    version: u32,
}

/// A part of the event log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Events)]
pub(crate) struct EventsBody {
    /// Positions ascending.
    events: Vec<EventBody>,
    /// The parameter `after` of the next request. It may lie beyond the last event: the positions between are of other
    /// types.
    next_after: u64,
    /// Whether there is more behind `next_after` now.
    has_more: bool,
    /// The last position of the log.
    last_position: u64,
    /// The oldest position that is kept.
    oldest_position: u64,
    /// The name of this log: another database has another one.
    log_id: String,
}

/// What is asked for.
struct Asked {
    query: EventQuery,
    log_id: Option<String>,
    wait: Duration,
}

/// Follow the event log
///
/// Events behind the position `after`, the oldest first; from the oldest kept on without it. Send `next_after` as the
/// next `after`. With `wait_s` the answer comes as soon as there is an event of these types, or empty when the time is
/// over.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "list_events",
    tag = "Events",
    security(("bearer" = ["read"])),
    params(ChosenEvents),
    responses((status = 200, description = "A part of the log", body = EventsBody), EventsRefusals)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    caller: ReadCaller,
    extensions: Extensions,
    parameters: Parameters,
) -> Result<Json<EventsBody>, Problem> {
    let asked = asked(&parameters)?;
    let page = read(&api, &asked).await?;
    if !page.events.is_empty() || asked.wait.is_zero() {
        return Ok(Json(body(page)?));
    }
    let _waits = api.events.wait(&caller.key)?;
    let stopping = Lifecycle::of(&extensions).stopping;
    let longest = api.settings.limits.deadline.saturating_sub(WAIT_MARGIN);
    let deadline = Instant::now() + asked.wait.min(longest);
    Ok(Json(body(next_page(&api, asked, page, deadline, stopping.cancelled_owned()).await?)?))
}

/// Reads on behind an empty page until there is an event, the deadline has passed, or the process is told to stop.
async fn next_page(
    api: &Api,
    mut asked: Asked,
    mut page: EventPage,
    deadline: Instant,
    stopping: impl Future<Output = ()>,
) -> Result<EventPage, Problem> {
    let mut stopping = std::pin::pin!(stopping);
    while page.events.is_empty() {
        if page.has_more {
            if Instant::now() >= deadline {
                break;
            }
        } else {
            let moved = timeout_at(deadline, api.events.tail.moves_beyond(page.log.last_position));
            tokio::select! {
                moved = moved => match moved {
                    Ok(moved) => moved?,
                    Err(_) => break,
                },
                () = &mut stopping => break,
            }
        }
        asked.query.after = Some(page.next_after);
        page = read(api, &asked).await?;
    }
    Ok(page)
}

async fn read(api: &Api, asked: &Asked) -> Result<EventPage, Problem> {
    let (read, log) = match api.service.reader.events_after(&asked.query).await? {
        EventsRead::Page(page) => {
            let log = page.log.clone();
            (Ok(page), log)
        }
        EventsRead::Expired(log) => (Err(Problem::events_expired(log.floor)), log),
        EventsRead::Unknown(log) => {
            let detail =
                format!("`after` lies behind the end of this log, whose last position is {}.", log.last_position);
            (Err(Problem::new(Code::CursorUnknown, detail)), log)
        }
    };
    if asked.log_id.as_ref().is_some_and(|wanted| *wanted != log.log_id) {
        let detail = format!("The position is of another log; this one is {}. Begin anew without `after`.", log.log_id);
        return Err(Problem::new(Code::CursorUnknown, detail));
    }
    read
}

fn asked(parameters: &Parameters) -> Result<Asked, Problem> {
    let limit = parameters.read("limit", |text| match text.parse() {
        Ok(limit) if (1..=MAX_EVENTS).contains(&limit) => Ok(limit),
        _ => Err(format!("is no number from 1 to {MAX_EVENTS}")),
    })?;
    let wait_s = parameters.read("wait_s", |text| match text.parse() {
        Ok(wait_s) if wait_s <= MAX_WAIT_S => Ok(wait_s),
        _ => Err(format!("is no number from 0 to {MAX_WAIT_S}")),
    })?;
    let position = |text: &str| text.parse().ok().filter(|after| *after <= MAX_POSITION);
    let after = parameters.read("after", |text| position(text).ok_or("is no position, such as 0 or 1234"))?;
    let types = parameters.read("type", |text| text.split(',').map(event_type).collect::<Result<Vec<_>, _>>())?;
    Ok(Asked {
        query: EventQuery { after, limit: limit.unwrap_or(DEFAULT_LIMIT), types: types.unwrap_or_default() },
        log_id: parameters.read("log_id", |text| Ok::<_, String>(text.to_owned()))?,
        wait: Duration::from_secs(wait_s.unwrap_or_default()),
    })
}

/// The largest position that every JSON reader knows exactly.
const MAX_POSITION: u64 = (1 << 53) - 1;

fn event_type(text: &str) -> Result<EventType, String> {
    EventType::parse(text).ok_or_else(|| format!("holds {text:?}, which is none of: {}", list_of_types()))
}

fn list_of_types() -> String {
    EventType::ALL.map(EventType::as_str).join(", ")
}

fn body(page: EventPage) -> Result<EventsBody, Problem> {
    Ok(EventsBody {
        events: page.events.into_iter().map(event).collect::<Result<_, _>>()?,
        next_after: page.next_after,
        has_more: page.has_more,
        last_position: page.log.last_position,
        oldest_position: page.log.floor,
        log_id: page.log.log_id,
    })
}

fn event(record: EventRecord) -> Result<EventBody, Problem> {
    Ok(EventBody {
        position: record.position,
        id: record.id,
        event_type: record.event_type.as_str(),
        occurred_at: rfc3339(record.occurred_at),
        object: ObjectBody { kind: record.event_type.object().as_str(), id: record.object_id, version: record.version },
        data: serde_json::from_str(&record.data).map_err(|error| Problem::internal(&error))?,
    })
}
