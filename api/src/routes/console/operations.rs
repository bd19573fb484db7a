//! Events, webhooks, API keys, the audit log, sessions, and how everything stands.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use domain::id::WebhookEndpointId;
use service::now;
use store::{
    EventQuery, EventsRead,
    webhook_endpoint::{DeliveryFilter, DeliveryRecord, EndpointRecord},
};
use uuid::Uuid;
use web::console::{self, Asking, Confirming, MAX_ACT_REASON_CHARS, Outcome, Told};

use super::{
    acts::{new_key, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::{
        paging::AuditPosition,
        problem::{Code, Problem},
    },
    routes::webhook_endpoint::asked as asked_for,
};

/// How many events a page shows.
const EVENTS: u64 = 50;
/// How many sessions the page of sessions shows.
const SESSIONS: u64 = 100;
/// How many requests for keys the page of keys shows.
const KEY_REQUESTS: u64 = 50;

/// Events, the newest first. `until` is the newest position of the page.
pub(super) async fn events(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let reader = &api.service.reader;
    let log = reader.event_log().await?;
    let until = asked.text("until").parse::<u64>().map_or(log.last_position, |until| until.min(log.last_position));
    let after = until.saturating_sub(EVENTS).max(log.floor.saturating_sub(1));
    let query = EventQuery { after: Some(after), limit: until.saturating_sub(after).max(1), types: Vec::new() };
    let mut found = match reader.events_after(&query).await? {
        EventsRead::Page(page) => page.events,
        // Retention went on between the two reads.
        EventsRead::Expired(_) | EventsRead::Unknown(_) => Vec::new(),
    };
    found.retain(|event| event.position <= until);
    found.reverse();
    let older = (after >= log.floor).then(|| asked.with("until", &after.to_string()));
    let newer = (until < log.last_position).then(|| asked.with("until", &(until + EVENTS).to_string()));
    Ok(person.answer(console::events(&person.frame(), &log, &found, older.as_deref(), newer.as_deref())))
}

pub(super) async fn endpoints(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let reader = &api.service.reader;
    let (found, health) = (reader.webhook_endpoints().await?, reader.webhook_health().await?);
    Ok(person.answer(console::endpoints(&person.frame(), &found, &health)))
}

async fn found(api: &Api, id: &str) -> Result<EndpointRecord, Problem> {
    let unknown = || Problem::new(Code::WebhookEndpointNotFound, "No webhook endpoint has this id.");
    let id = WebhookEndpointId::parse(id).map_err(|_| unknown())?;
    api.service.reader.webhook_endpoint(&id).await?.ok_or_else(unknown)
}

pub(super) async fn endpoint(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let endpoint = found(&api, &id).await?;
    let filter = DeliveryFilter { endpoint_id: endpoint.endpoint_id.clone(), status: None, event_id: None };
    let page = api.service.reader.webhook_deliveries(&filter, &asked.window()).await?;
    let next = asked.next(&page, |delivery| delivery.number);
    Ok(person.answer(console::endpoint(&person.frame(), &endpoint, &page, next.as_deref())))
}

async fn delivery(api: &Api, endpoint: &str, delivery: &str) -> Result<DeliveryRecord, Problem> {
    let endpoint = found(api, endpoint).await?;
    let unknown = || Problem::new(Code::DeliveryNotFound, "No delivery of this endpoint has this id.");
    let number: u64 = delivery.parse().map_err(|_| unknown())?;
    api.service.reader.webhook_delivery(&endpoint.endpoint_id, number).await?.ok_or_else(unknown)
}

/// The page that confirms a delivery.
pub(super) async fn redeliver(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((endpoint, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let delivery = delivery(&api, &endpoint, &id).await?;
    Ok(confirming(&person, &delivery, false))
}

fn confirming(person: &Person, delivery: &DeliveryRecord, is_reason_missing: bool) -> Response {
    let back = format!("/console/webhook-endpoints/{}", delivery.endpoint_id);
    let confirming = Confirming {
        asking: Asking::Redeliver,
        action: &format!("{back}/deliveries/{}/redeliver", delivery.number),
        back: &back,
        object: &delivery.attempt.event_id,
        record: None,
        key: &new_key(),
        is_reason_missing,
    };
    person.answer(confirming.page(&person.frame()))
}

pub(super) async fn do_redeliver(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((endpoint, id)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let delivery = delivery(&api, &endpoint, &id).await?;
    if reason(&form, MAX_ACT_REASON_CHARS).is_none() {
        return Ok(unchanged(confirming(&person, &delivery, true)));
    }
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the act. Open it again.");
    let name: Uuid = form.text("key").parse().map_err(|_| malformed())?;
    let asked = api.service.journal.ask_for_redelivery_as(&delivery, name).await?;
    // Only whether it was taken counts: the answer itself is for programs.
    let _accepted = asked_for(asked)?;
    let back = format!("/console/webhook-endpoints/{}", delivery.endpoint_id);
    let told = Told { outcome: Outcome::Redelivered, amount: None, back: &back };
    Ok(person.answer(told.page(&person.frame())))
}

pub(super) async fn api_keys(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let reader = &api.service.reader;
    let (keys, requests) = (reader.api_keys().await?, reader.key_requests(KEY_REQUESTS).await?);
    Ok(person.answer(console::api_keys(&person.frame(), &keys, &requests)))
}

pub(super) async fn audit_log(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let actor = asked.text("actor");
    let window = asked.window::<AuditPosition>().map(|AuditPosition(number)| number);
    let page = api.service.reader.audit_log(Some(actor).filter(|actor| !actor.is_empty()), &window).await?;
    let next = asked.next(&page, |(number, _)| AuditPosition(*number));
    Ok(person.answer(console::audit_log(&person.frame(), actor, &page, next.as_deref())))
}

pub(super) async fn sessions(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let found = api.service.reader.sessions(SESSIONS).await?;
    Ok(person.answer(console::sessions(&person.frame(), &found)))
}

/// How everything stands.
pub(super) async fn system(State(api): State<Arc<Api>>, person: Person) -> Response {
    let (found, schedules) = tokio::join!((api.service.system)(), (api.service.schedules)());
    person.answer(console::system(&person.frame(), &found, schedules.as_deref()))
}

/// Ends the session of another person, or of another browser.
pub(super) async fn end_session(
    State(api): State<Arc<Api>>,
    Path(session): Path<String>,
    _: Form,
) -> Result<Response, Problem> {
    api.service.journal.end_session(&session, now()).await?;
    Ok(Redirect::to("/console/sessions").into_response())
}
