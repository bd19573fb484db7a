//! The control plane of webhooks: who is told of what, what was sent, and sending it again.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::{Objection, Told};
use crate::mischief::CERTAIN_BPS;
use crate::outbox::{EventName, Subscription};
use crate::reconciliation::field;
use crate::world::{Shared, World};

/// Most webhook addresses.
const MAX_WEBHOOK_URLS: usize = 16;

type Sim = State<Arc<Shared>>;

/// The routes of the control plane that concern webhooks.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/webhooks", post(set_webhooks).get(list_webhooks).delete(forget_webhooks))
        .route("/_sim/webhooks/resend", post(resend))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhooksBody {
    urls: Vec<Receiver>,
    /// Webhooks of ten thousand that are never sent; as before when absent.
    withheld_bps: Option<u16>,
}

/// An address that is told of everything, or of some events.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Receiver {
    OfAll(String),
    OfSome(Registered),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registered {
    url: String,
    events: Vec<String>,
}

impl Receiver {
    fn subscription(self) -> Result<Subscription, Objection> {
        let subscription = match self {
            Self::OfAll(url) => Subscription::to_all(url),
            Self::OfSome(Registered { url, events }) => {
                let events = events.iter().map(|name| event_named(name)).collect::<Result<_, _>>()?;
                Subscription { url, events: Some(events) }
            }
        };
        let is_web = reqwest::Url::parse(&subscription.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if is_web {
            Ok(subscription)
        } else {
            Err(Objection::Invalid(format!("{} is not an http address", subscription.url)))
        }
    }
}

fn event_named(name: &str) -> Result<EventName, Objection> {
    EventName::named(name).ok_or_else(|| {
        let known = EventName::ALL.map(EventName::name).join(", ");
        Objection::Invalid(format!("event {name} is none of {known}"))
    })
}

fn shown(world: &World) -> Value {
    let subscriptions = world.outbox.subscriptions();
    let urls: Vec<&str> = subscriptions.iter().map(|subscription| subscription.url.as_str()).collect();
    json!({ "urls": urls, "registrations": subscriptions, "withheld_bps": world.withheld_bps })
}

async fn set_webhooks(sim: Sim, Told(body): Told<WebhooksBody>) -> Result<Json<Value>, Objection> {
    if body.urls.len() > MAX_WEBHOOK_URLS {
        return Err(Objection::Invalid(format!("there are at most {MAX_WEBHOOK_URLS} urls")));
    }
    if body.withheld_bps.is_some_and(|share| share > CERTAIN_BPS) {
        return Err(Objection::Invalid(format!("withheld_bps is at most {CERTAIN_BPS}")));
    }
    let subscriptions = body.urls.into_iter().map(Receiver::subscription).collect::<Result<_, _>>()?;
    Ok(Json(sim.enter(|world, _| {
        world.outbox.subscribe(subscriptions);
        world.withheld_bps = body.withheld_bps.unwrap_or(world.withheld_bps);
        shown(world)
    })))
}

/// The addresses and their events, how many sends wait, and every send so far with its body.
async fn list_webhooks(sim: Sim) -> Json<Value> {
    Json(sim.enter(|world, _| {
        let mut listed = shown(world);
        let attempts: Vec<Value> = world.outbox.attempts().map(|attempt| json!(attempt)).collect();
        if let Value::Object(fields) = &mut listed {
            fields.insert("waiting".to_owned(), json!(world.outbox.waiting()));
            fields.insert("attempts".to_owned(), json!(attempts));
        }
        listed
    }))
}

/// Forgets the address of the query, or all of them without one.
async fn forget_webhooks(sim: Sim, RawQuery(query): RawQuery) -> Result<Json<Value>, Objection> {
    let url = field(query.as_deref().unwrap_or_default(), "url");
    sim.enter(|world, _| {
        match url {
            None => world.outbox.subscribe(Vec::new()),
            Some(url) if world.outbox.unsubscribe(&url) => {}
            Some(url) => return Err(Objection::Unknown(format!("webhook {url}"))),
        }
        Ok(Json(shown(world)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResendBody {
    transmission_id: String,
}

/// Sends a webhook again, as the developer centre does by hand.
async fn resend(sim: Sim, Told(body): Told<ResendBody>) -> Result<Json<Value>, Objection> {
    let id = body.transmission_id;
    let sends = sim.enter(|world, now| world.outbox.resend(&id, now));
    if sends == 0 { Err(Objection::Unknown(format!("webhook {id}"))) } else { Ok(Json(json!({ "sends": sends }))) }
}
