//! The window in which a buyer registers a card or an account (`requestBillingAuth` of the script), and the one-time
//! keys that shops turn into billing keys.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;

use crate::authorization::{KeyPair, client_key_owner};
use crate::codes::Code;
use crate::fields::{self, MAX_BODY};
use crate::method::Method;
use crate::pages;
use crate::registration::{Registration, Stage};
use crate::till::WayBack;
use crate::time::Instant;
use crate::wallets::card_company;
use crate::way_back::{Ended, Exit, ReturnFields, Success, end, refuse, show_to};
use crate::world::{Shared, World};

/// From the opened window to the buyer's consent.
const CONSENT_PATIENCE: TimeDelta = TimeDelta::minutes(30);
const ID_LENGTH: usize = 24;
const AUTH_KEY_LENGTH: usize = 24;
/// How long a buyer's name may be that a shop gives the script.
const CUSTOMER_KEY_LENGTH: std::ops::RangeInclusive<usize> = 2..=300;

type Sim = State<Arc<Shared>>;

/// The routes of the window.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_window/billing/open", get(open))
        .route("/_window/billing/{id}", get(window))
        .route("/_window/billing/{id}/agree", post(agree))
        .route("/_window/billing/{id}/decline", post(decline))
        .route("/_window/billing/{id}/close", post(close))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Opening {
    client_key: String,
    customer_key: String,
    method: String,
    /// The rest of the request, as JSON.
    wishes: String,
    #[serde(flatten)]
    back: ReturnFields,
}

/// The fields of the request that the window honours.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wishes {
    card_company: Option<String>,
}

async fn open(sim: Sim, opening: Result<Query<Opening>, QueryRejection>) -> Response {
    let Ok(Query(opening)) = opening else { return refuse(Code::InvalidRequiredParam) };
    match sim.enter(|world, now| open_registration(world, &opening, now)) {
        Ok(id) => Redirect::to(&format!("/_window/billing/{id}")).into_response(),
        Err(code) => opening.back.turned_away(code, ""),
    }
}

fn open_registration(world: &mut World, opening: &Opening, now: Instant) -> Result<String, Code> {
    let (merchant, pair) = client_key_owner(&opening.client_key, &world.merchants).ok_or(Code::InvalidClientKey)?;
    // Documented: billing keys belong to the keys of the API, not to those of widgets.
    if pair != KeyPair::Api {
        return Err(Code::InvalidClientKey);
    }
    let method = match Method::named(&opening.method) {
        Some(method @ (Method::Card | Method::Transfer)) => method,
        Some(_) | None => return Err(Code::NotSupportedMethod),
    };
    if !CUSTOMER_KEY_LENGTH.contains(&opening.customer_key.chars().count()) {
        return Err(Code::InvalidRequest);
    }
    let text = if opening.wishes.is_empty() { "{}" } else { opening.wishes.as_str() };
    let wishes: Wishes = fields::read(text.as_bytes())?;
    let known = |named: String| card_company(&named).map(str::to_owned).ok_or(Code::InvalidRequest);
    let id = world.mint.named("", ID_LENGTH);
    let registration = Registration {
        id: id.clone(),
        merchant,
        customer_key: opening.customer_key.clone(),
        method,
        issuer: wishes.card_company.map(known).transpose()?,
        way_back: opening.back.read()?,
        opened_at: now,
        stage: Stage::Open,
    };
    if world.registrations.keep(registration) { Ok(id) } else { Err(Code::FailedInternalSystemProcessing) }
}

fn found<'a>(world: &'a World, id: &str, now: Instant) -> Result<&'a Registration, Code> {
    let registration = world.registrations.get(id).ok_or(Code::NotFoundBilling)?;
    match registration.stage {
        Stage::Open if registration.opened_at + CONSENT_PATIENCE <= now => Err(Code::NotFoundPaymentSession),
        Stage::Open => Ok(registration),
        Stage::Agreed { .. } | Stage::Used => Err(Code::AlreadyProcessedPayment),
    }
}

async fn window(sim: Sim, Path(id): Path<String>) -> Response {
    let page = sim.enter(|world, now| {
        let registration = found(world, &id, now)?;
        let merchant = world.merchants.get(registration.merchant).map_or("", |merchant| merchant.name.as_str());
        let opener = match &registration.way_back {
            WayBack::Message { opener } => Some(opener.clone()),
            WayBack::Redirect { .. } => None,
        };
        Ok((pages::billing_window(&id, merchant, registration.method), opener))
    });
    page.map_or_else(refuse, |(page, opener)| show_to(opener.as_deref(), StatusCode::OK, page))
}

/// The buyer agrees: the shop gets a one-time key.
async fn agree(sim: Sim, Path(id): Path<String>) -> Response {
    end(sim.enter(|world, now| {
        found(world, &id, now)?;
        let auth_key = world.mint.named("bln_", AUTH_KEY_LENGTH);
        let exit = exit(world, &id, Ended::Done, &auth_key, now)?;
        if world.registrations.agree(&id, auth_key) { Ok(exit) } else { Err(Code::NotFoundBilling) }
    }))
}

async fn decline(sim: Sim, Path(id): Path<String>) -> Response {
    end(sim.enter(|world, now| exit(world, &id, Ended::Refused(Code::RejectCardCompany), "", now)))
}

async fn close(sim: Sim, Path(id): Path<String>) -> Response {
    end(sim.enter(|world, now| exit(world, &id, Ended::Closed, "", now)))
}

fn exit(world: &World, id: &str, ended: Ended, auth_key: &str, now: Instant) -> Result<Exit, Code> {
    let registration = found(world, id, now)?;
    let customer_key = registration.customer_key.as_str();
    let success = Success {
        pairs: &[("customerKey", customer_key), ("authKey", auth_key)],
        value: json!({ "customerKey": customer_key, "authKey": auth_key }),
    };
    registration.way_back.exit(ended, &success, None)
}
