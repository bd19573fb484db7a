//! The end of a run: breaks are opened, seen again and closed together with the verdict, or nothing is.

use std::collections::BTreeMap;

use domain::{
    calendar::Day,
    event::EventType,
    reconciliation::{BreakStatus, Layer, RunStatus},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde::Serialize;

use super::{
    conclusion::{ConcludeRun, LayerDays},
    finding,
    run::json,
    summary::RunSummary,
};
use crate::{
    StoreError, Writer,
    books::{booking::Booking, open::Books, refusal::Booked},
    breaks::{CloseScope, Sighting, close_unseen, escalate, see},
    convert::{corrupt, from_column_revision, from_column_time, to_column_time},
    entities::{breaks, reconciliations},
    event::{ObjectFact, append_object},
};

/// The most findings of one run that become breaks. More than that is a wrong database or a wrong key.
const MOST_FINDINGS: u64 = 5_000;

#[derive(Debug, Serialize)]
struct Run<'a> {
    date: &'a str,
    status: &'a str,
    open_breaks: u64,
    reason: Option<&'a str>,
}

impl Writer {
    /// Ends a run with its verdict. Safe to repeat: the run's id is the key.
    pub async fn conclude_reconciliation(&self, conclusion: &ConcludeRun) -> Result<(), StoreError> {
        self.bookkeeper.book(Booking::Conclusion(Box::new(conclusion.clone()))).await.map(|_| ())
    }
}

/// It books nothing. It runs among the bookings, so that no act on a break comes between.
pub(crate) async fn conclude(books: &mut Books<'_>, conclusion: &ConcludeRun) -> Result<Booked, StoreError> {
    let run_id = &conclusion.run_id;
    let run = reconciliations::Entity::find_by_id(run_id.as_str()).one(books.transaction).await?;
    let run = run.ok_or_else(|| corrupt("no run of a reconciliation", run_id))?;
    if run.status != RunStatus::Running.as_str() {
        return Ok(Booked::Before);
    }
    let now = books.now();
    let mut summary = conclusion.summary.clone();
    let (mut status, mut open) = (RunStatus::NoVerdict, 0);
    let as_of: Day = run.as_of.parse().map_err(|_| corrupt("a day", &run.as_of))?;
    let sighting = Sighting { run_id, at: now, today: as_of };
    if conclusion.incomplete.is_none() {
        let findings = finding::of_run(books.transaction, run_id, MOST_FINDINGS).await?;
        see(books.transaction, &findings, sighting).await?;
        // A list that was cut may lack a break that is still there: nothing of it is called agreed.
        let is_whole = u64::try_from(findings.len()).is_ok_and(|count| count < MOST_FINDINGS);
        for LayerDays { layer, days } in conclusion.compared.iter().filter(|_| is_whole) {
            close_unseen(books.transaction, CloseScope { layer: *layer, days: *days }, sighting).await?;
        }
    }
    // Breaks grow old also while the other side cannot be read.
    escalate(books.transaction, &conclusion.due, from_column_time(run.started_at), sighting).await?;
    if conclusion.incomplete.is_none() {
        for (layer, by_type) in open_breaks(books, run_id).await? {
            summary.entry(layer).or_default().breaks = by_type;
        }
        open = breaks::Entity::find()
            .filter(breaks::Column::LastSeenRun.eq(run_id.as_str()))
            .filter(breaks::Column::Status.eq(BreakStatus::Open.as_str()))
            .count(books.transaction)
            .await?;
        status = if open == 0 { RunStatus::Clean } else { RunStatus::Breaks };
    }
    let (day, version) = (run.day.clone(), from_column_revision(run.number)?);
    let mut row: reconciliations::ActiveModel = run.into();
    row.status = Set(status.as_str().to_owned());
    row.summary = Set(Some(json(&summary)?));
    row.reason = Set(conclusion.incomplete.clone());
    row.ended_at = Set(Some(to_column_time(now)));
    row.update(books.transaction).await?;
    let reason = conclusion.incomplete.as_deref();
    let told = Run { date: &day, status: status.as_str(), open_breaks: open, reason };
    let event_type = EventType::ReconciliationCompleted;
    let fact = ObjectFact { event_type, object_id: day.clone(), version, occurred_at: now };
    append_object(books.transaction, fact, &told).await?;
    tell_of_settlements(books, &day, version, &summary).await?;
    Ok(Booked::Now)
}

/// The name of the figure that counts the rows that a run booked.
const BOOKED: &str = "booked_now";

/// Rows are booked in many transactions; the event says that a run has booked all that it found.
async fn tell_of_settlements(
    books: &Books<'_>,
    day: &str,
    version: u32,
    summary: &RunSummary,
) -> Result<(), StoreError> {
    let Some(layer) = summary.get(Layer::Settlements.as_str()) else { return Ok(()) };
    if layer.figures.get(BOOKED).is_none_or(|count| count == "0") {
        return Ok(());
    }
    let event_type = EventType::SettlementBooked;
    let fact = ObjectFact { event_type, object_id: day.to_owned(), version, occurred_at: books.now() };
    append_object(books.transaction, fact, &layer.figures).await
}

async fn open_breaks(books: &Books<'_>, run_id: &str) -> Result<BTreeMap<String, BTreeMap<String, u64>>, StoreError> {
    let rows: Vec<(String, String)> = breaks::Entity::find()
        .select_only()
        .column(breaks::Column::Layer)
        .column(breaks::Column::BreakType)
        .filter(breaks::Column::LastSeenRun.eq(run_id))
        .into_tuple()
        .all(books.transaction)
        .await?;
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (layer, break_type) in rows {
        *counts.entry(layer).or_default().entry(break_type).or_default() += 1;
    }
    Ok(counts)
}
