//! The overview.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use domain::calendar::Day;
use service::now;
use store::Parts;
use web::console;

use super::frame::Person;
use crate::{Api, http::problem::Problem};

/// An hour, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// How many of the last payments the time to paid is of.
const TIMES: u64 = 1_000;
/// The hours of a day.
const HOURS: u32 = 24;

pub(super) async fn show(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let reader = &api.service.reader;
    let today = Parts { from: Day::of(now()).start(), length_ms: HOUR_MS, count: HOURS };
    let times = reader.times_to_paid(today.from, TIMES).await?;
    let today = reader.checkout_figures(today).await?;
    let counts = reader.counts().await?;
    let endpoints = reader.webhook_health().await?;
    let finance = reader.finance_figures().await?;
    let schedules = (api.service.schedules)().await;
    let view = console::Overview {
        today: &today,
        times: &times,
        counts: &counts,
        endpoints: &endpoints,
        finance: &finance,
        schedules: schedules.as_deref(),
    };
    Ok(person.answer(console::overview(&person.frame(), &view)))
}
