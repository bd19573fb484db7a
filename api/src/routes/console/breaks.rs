//! Breaks: the queues, and one.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    calendar::Day,
    id::BreakId,
    reconciliation::{BreakClass, BreakStatus, BreakType},
};
use serde_json::Value;
use service::{now, reconciliation::BreakError};
use store::{BreakFilter, BreakPosition, BreakRecord, Scope};
use web::console::{self, BreakActs, BreakPage, BreakSearch};

use super::frame::{Asked, Person};
use crate::{
    Api,
    http::{marks::is_about, problem::Problem},
};

/// The most business days that a list asks for.
const MAX_AGE_DAYS: u16 = 365;

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let search = BreakSearch {
        class: BreakClass::parse(asked.text("class")),
        kind: BreakType::parse(asked.text("type")),
        status: BreakStatus::parse(asked.text("status")),
        assignee: asked.text("assignee").to_owned(),
        older_than: asked.text("older_than").to_owned(),
        escalated: !asked.text("escalated").is_empty(),
    };
    let holidays = &api.service.settings.release_rule.holidays;
    // Older than n business days: expected before the n-th business day before today.
    let days = search.older_than.parse::<u16>().ok().filter(|days| *days <= MAX_AGE_DAYS);
    let filter = BreakFilter {
        class: search.class,
        break_type: search.kind,
        status: search.status,
        assignee: Some(search.assignee.clone()).filter(|assignee| !assignee.is_empty()),
        expected_by: days.map(|days| holidays.business_days_before(Day::of(now()), days).before()),
        escalated: search.escalated,
    };
    let page = api.service.reader.breaks(&filter, &asked.window()).await?;
    let position =
        |record: &BreakRecord| BreakPosition { opened_at: record.opened_at, break_id: record.break_id.clone() };
    let next = asked.next(&page, position);
    Ok(person.answer(console::breaks(&person.frame(), &search, &page, holidays, next.as_deref())))
}

pub(super) async fn found(api: &Api, id: String) -> Result<BreakRecord, Problem> {
    let id = BreakId::parse(id).map_err(|_| BreakError::Unknown)?;
    let record = api.service.reader.break_record(&id).await?.ok_or(BreakError::Unknown)?;
    record.checkout_id.iter().for_each(is_about);
    Ok(record)
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = found(&api, id).await?;
    let acts = if person.may(Scope::Finance) { acts(&record) } else { BreakActs::default() };
    let view = BreakPage {
        history: &api.service.reader.break_history(&record.break_id).await?,
        ours: &rows(&record.evidence_ours),
        theirs: &rows(&record.evidence_theirs),
        holidays: &api.service.settings.release_rule.holidays,
        acts,
        record: &record,
    };
    Ok(person.answer(console::break_page(&person.frame(), &view)))
}

/// What the status of a break allows.
fn acts(record: &BreakRecord) -> BreakActs {
    let is_touched = record.proposal.is_some() || record.assignee.is_some();
    match record.status {
        BreakStatus::Open => BreakActs { comment: true, assign: true, wait: true, resolve: true, undo: is_touched },
        BreakStatus::Waiting => BreakActs { comment: true, assign: true, wait: true, resolve: true, undo: true },
        BreakStatus::Resolved => BreakActs { comment: true, undo: true, ..BreakActs::default() },
    }
}

/// One side of the evidence as names and values. A list is numbered.
fn rows(evidence: &str) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match serde_json::from_str::<Value>(evidence).unwrap_or_default() {
        Value::Null => Vec::new(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| ((index + 1).to_string(), text(item))).collect()
        }
        single @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => vec![("–".to_owned(), text(&single))],
    }
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn evidence_is_shown_row_by_row() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(rows("null"), []);
        assert_eq!(rows(r#"{"amount":23000,"order":"a-1"}"#), [pair("amount", "23000"), pair("order", "a-1")]);
        assert_eq!(rows(r#"{"status":null}"#), [pair("status", "–")]);
        assert_eq!(rows(r#"[{"a":1}]"#), [pair("1", r#"{"a":1}"#)]);
    }
}
