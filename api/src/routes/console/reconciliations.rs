//! Reconciliations by day, the calendar of settlements, and what the payment provider exchanged.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use domain::calendar::Day;
use service::{
    fx_trading::fx_trading,
    now,
    reconciliation::{self, DayToReconcile},
};
use store::{ReconciliationPosition, Scope, SettlementCalendar};
use web::console::{self, CalendarPage, DayPage, Outcome};

use super::{
    acts::came_of,
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::problem::{Code, Problem},
    routes::report::fx_trading::as_csv,
};

/// How many breaks the page of a day shows.
const SHOWN_BREAKS: u64 = 200;
/// The most days of the calendar, and how many it has unless it is said.
const MAX_DAYS: usize = 92;
const DEFAULT_DAYS: usize = 7;

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let page = api.service.reader.reconciliations(&asked.window()).await?;
    let next = asked.next(&page, |run| ReconciliationPosition { day: run.day, number: run.number });
    Ok(person.answer(console::reconciliations(&person.frame(), &page, next.as_deref())))
}

fn day(text: &str) -> Result<Day, Problem> {
    text.parse().map_err(|_| Problem::new(Code::ReconciliationNotFound, "The day was never reconciled."))
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::ReconciliationNotFound, "The day was never reconciled.");
    let reader = &api.service.reader;
    let run = reader.reconciliation_of(day(&named)?).await?.ok_or_else(unknown)?;
    let mut breaks = reader.breaks_found_by(&run.run_id, SHOWN_BREAKS + 1).await?;
    let is_cut = breaks.len() as u64 > SHOWN_BREAKS;
    breaks.truncate(usize::try_from(SHOWN_BREAKS).unwrap_or(usize::MAX));
    let view = DayPage {
        run: &run,
        breaks: &breaks,
        is_cut,
        holidays: &api.service.settings.release_rule.holidays,
        may_start: person.may(Scope::Finance),
    };
    Ok(person.answer(console::reconciliation(&person.frame(), &view)))
}

/// The page that confirms the start.
pub(super) async fn ask(person: Person, Path(named): Path<String>) -> Result<Response, Problem> {
    let day = day(&named)?;
    Ok(person.answer(console::start_reconciliation(&person.frame(), day)))
}

/// Starts the reconciliation of a day, or finds the one that runs.
pub(super) async fn start(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(named): Path<String>,
    _: Form,
) -> Result<Response, Problem> {
    let wanted = DayToReconcile { day: day(&named)?, as_of: None, grace_ms: None };
    let run = reconciliation::start(&api.service.temporal, &api.service.reader, wanted).await?;
    Ok(came_of(&person, Outcome::ReconciliationBegun, None, &format!("/console/reconciliations/{}", run.day)))
}

/// The calendar of settlements.
pub(super) async fn settlements(
    State(api): State<Arc<Api>>,
    person: Person,
    asked: Asked,
) -> Result<Response, Problem> {
    let today = Day::of(now());
    let calendar = if asked.text("by") == "paid_out" { SettlementCalendar::PaidOut } else { SettlementCalendar::Sold };
    let asked_for = days(&asked, today);
    let (from, to) = asked_for.unwrap_or_else(|| (before(today, DEFAULT_DAYS), today));
    let days = api.service.reader.settlement_days(from, to, calendar, today).await?;
    let view = CalendarPage { calendar, from, to, days: &days, is_wrong: asked_for.is_none() };
    Ok(person.answer(console::settlements(&person.frame(), &view)))
}

/// What the payment provider exchanged, and the gain or the loss of it.
pub(super) async fn exchanges(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let day = day_of(&asked);
    let trading = fx_trading(&api.service.reader, day.unwrap_or_else(|| Day::of(now()))).await?;
    Ok(person.answer(console::exchanges(&person.frame(), &trading, day.is_none())))
}

/// The same as CSV.
pub(super) async fn export_exchanges(
    State(api): State<Arc<Api>>,
    _: Person,
    asked: Asked,
) -> Result<Response, Problem> {
    let trading = fx_trading(&api.service.reader, day_of(&asked).unwrap_or_else(|| Day::of(now()))).await?;
    let name = HeaderValue::try_from(format!("attachment; filename=\"fx-trading-{}.csv\"", trading.day));
    let name = name.map_err(|error| Problem::internal(&error))?;
    let headers = [(header::CONTENT_DISPOSITION, name), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, as_csv(&trading)).into_response())
}

/// The day that was asked for, today by default; nothing where it cannot be read.
fn day_of(asked: &Asked) -> Option<Day> {
    match asked.text("date") {
        "" => Some(Day::of(now())),
        text => text.parse().ok(),
    }
}

/// The first and the last day; nothing where they cannot be read, or are too many.
fn days(asked: &Asked, today: Day) -> Option<(Day, Day)> {
    let read = |name: &str| Some(asked.text(name)).filter(|text| !text.is_empty()).map(str::parse::<Day>).transpose();
    let to = read("to").ok()?.unwrap_or(today);
    let from = read("from").ok()?.unwrap_or_else(|| before(to, DEFAULT_DAYS));
    (before(to, MAX_DAYS) <= from && from <= to).then_some((from, to))
}

fn before(day: Day, days: usize) -> Day {
    (0..days).fold(day, |day, _| day.before())
}
