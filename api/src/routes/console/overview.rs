//! The overview.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use domain::calendar::Day;
use service::now;
use store::{CheckoutFigure, Parts};
use web::console::{self, TREND_DAYS};

use super::{frame::Person, past_days::DAY_MS};
use crate::{Api, http::problem::Problem};

/// An hour, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// How many of the last payments the time to paid is of.
const TIMES: u64 = 1_000;
/// The hours of a day.
const HOURS: u32 = 24;

pub(super) async fn show(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let reader = &api.service.reader;
    let today_begins = Day::of(now()).start();
    let today = Parts { from: today_begins, length_ms: HOUR_MS, count: HOURS };
    let times = reader.times_to_paid(today.from, TIMES).await?;
    let today = reader.checkout_figures(today).await?;
    let days_before = TREND_DAYS - 1;
    let first_day = Day::of(today_begins.minus_ms(DAY_MS * u64::from(days_before)));
    let mut days = api.console.past_days.read(reader, first_day, days_before).await?;
    days.extend(today.iter().map(|figure| CheckoutFigure { part: days_before, ..*figure }));
    let lags = reader.event_lags(first_day.start()).await?;
    let ages = reader.waiting_ages(now()).await?;
    let counts = reader.counts().await?;
    let endpoints = reader.webhook_health().await?;
    let finance = reader.finance_figures().await?;
    let second_person = reader.second_person_figures(now()).await?;
    let schedules = (api.service.schedules)().await;
    let view = console::Overview {
        today: &today,
        first_day,
        days: &days,
        lags: &lags,
        ages: &ages,
        times: &times,
        counts: &counts,
        endpoints: &endpoints,
        finance: &finance,
        second_person: &second_person,
        schedules: schedules.as_deref(),
    };
    Ok(person.answer(console::overview(&person.frame(), &view)))
}
