//! What people do about a break, with the entry that it books, in one transaction.

use domain::{
    calendar::Day,
    event::EventType,
    ledger::Entry,
    reconciliation::{ActOutcome, BreakState, BreakStatus, BreakType},
    settlement::Flow,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    StoreError, Writer,
    books::{
        booking::Booking,
        open::Books,
        order::not_before,
        refusal::{Booked, Refusal},
    },
    breaks::{
        escalate::ESCALATION,
        record::{self, BreakRecord},
        repair::{standing_repairs, undo_repairs},
        request::BreakActRequest,
        see::Happened,
    },
    convert::{corrupt, to_column_revision, to_column_time},
    entities::{break_history, breaks},
    event::append_break,
};

impl Writer {
    /// Carries out an act on a break. Asked again, it changes nothing: break and version are the key.
    pub async fn act_on_break(&self, request: &BreakActRequest) -> Result<Booked, StoreError> {
        self.bookkeeper.book(Booking::BreakAct(Box::new(request.clone()))).await
    }
}

/// The break, its line of history and the entry, all or nothing.
pub(crate) async fn carry_out(books: &mut Books<'_>, request: &BreakActRequest) -> Result<Booked, StoreError> {
    let id = &request.break_id;
    let row = breaks::Entity::find_by_id(id.as_str()).one(books.transaction).await?;
    let row = row.ok_or_else(|| Refusal::NoSuchBreak { break_id: id.clone() })?;
    let current = record::record(row.clone())?;
    if let Some(booked) = came_before(books, &current, request).await? {
        return Ok(booked);
    }
    let number = current.version + 1;
    let now = books.now();
    let repairs = standing_repairs(books.transaction, id).await?;
    let state = BreakState { is_repaired: !repairs.is_empty(), ..current.state() };
    let outcome = state.after(&request.act, &request.by, Day::of(now), request.alone_up_to);
    let outcome = outcome.map_err(Refusal::from)?;
    // A rule closed the break by what it booked.
    let reopens_repaired = outcome == ActOutcome::Reopened && current.break_type == BreakType::RoundingResidue;
    if outcome == ActOutcome::RepairUndone || reopens_repaired {
        undo_repairs(books, repairs, &request.by).await?;
    }
    let entry = entry_of(books, &current, &row, &outcome, number).await?;
    let mut changed: breaks::ActiveModel = row.clone().into();
    apply(&mut changed, &current, &outcome, request, &entry);
    if matches!(outcome, ActOutcome::Resolved(_)) {
        changed.resolved_at = Set(Some(to_column_time(now)));
    }
    changed.version = Set(to_column_revision(number)?);
    changed.update(books.transaction).await?;
    let happened = Happened {
        break_id: id.as_str(),
        number: to_column_revision(number)?,
        act: request.act.as_str(),
        actor: &request.by.to_string(),
        reason: &request.reason,
        reason_code: match &outcome {
            ActOutcome::Resolved(_) => Some(current.break_type.reason_code().as_str()),
            _ => None,
        },
        detail: detail(&outcome),
        at: now,
    };
    break_history::Entity::insert(happened.to_row()).exec_without_returning(books.transaction).await?;
    let told = match &outcome {
        ActOutcome::Resolved(_) => Some(EventType::BreakResolved),
        ActOutcome::Reopened if current.status == BreakStatus::Resolved => Some(EventType::BreakOpened),
        ActOutcome::Reopened
        | ActOutcome::Commented
        | ActOutcome::Assigned(_)
        | ActOutcome::Waits(_)
        | ActOutcome::Proposed(_)
        | ActOutcome::ProposalDropped
        | ActOutcome::Unassigned
        | ActOutcome::RepairUndone => None,
    };
    if let Some(event_type) = told {
        append_break(books.transaction, event_type, id.as_str(), number, now).await?;
    }
    match entry {
        Some(entry) => books.add(entry).await,
        None => Ok(Booked::Now),
    }
}

/// What came first since the author looked: the same act of the same author, or another one, which wins. An escalation
/// is no act of anybody, and changes nothing that an act rests on.
async fn came_before(
    books: &Books<'_>,
    current: &BreakRecord,
    request: &BreakActRequest,
) -> Result<Option<Booked>, StoreError> {
    if current.version == request.version {
        return Ok(None);
    }
    let first = break_history::Entity::find()
        .filter(break_history::Column::BreakId.eq(request.break_id.as_str()))
        .filter(break_history::Column::Number.gt(to_column_revision(request.version)?))
        .filter(break_history::Column::Act.ne(ESCALATION))
        .order_by_asc(break_history::Column::Number)
        .one(books.transaction)
        .await?;
    let is_same = |first: &break_history::Model| {
        let by = request.by.to_string();
        (first.act.as_str(), &first.actor, &first.reason) == (request.act.as_str(), &by, &request.reason)
    };
    match first {
        Some(first) if is_same(&first) => Ok(Some(Booked::Before)),
        None if current.version > request.version => Ok(None),
        Some(_) | None => {
            Err(Refusal::BreakMoved { break_id: request.break_id.clone(), version: current.version }.into())
        }
    }
}

/// The entry that an act books: what leaves suspense, or what comes back to it.
async fn entry_of(
    books: &mut Books<'_>,
    current: &BreakRecord,
    row: &breaks::Model,
    outcome: &ActOutcome,
    number: u32,
) -> Result<Option<Entry>, StoreError> {
    let now = books.now();
    let entry = match outcome {
        ActOutcome::Resolved(template) => {
            template.entry(&current.break_id, number, current.suspense, now).map_err(Refusal::from)?
        }
        ActOutcome::Reopened => match &row.entry_id {
            Some(key) => {
                let mistake = books.find(key).await?.ok_or_else(|| corrupt("no entry of a break", key))?;
                Some(Entry::of_reversal(&mistake, now).map_err(Refusal::from)?)
            }
            None => None,
        },
        ActOutcome::Commented
        | ActOutcome::Assigned(_)
        | ActOutcome::Waits(_)
        | ActOutcome::Proposed(_)
        | ActOutcome::ProposalDropped
        | ActOutcome::Unassigned
        | ActOutcome::RepairUndone => None,
    };
    let entry = entry.map(|entry| not_before(&entry, books.open_from())).transpose()?;
    if let Some(entry) = &entry
        && books.check(entry).await?.is_some()
    {
        return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
    }
    Ok(entry)
}

fn apply(
    changed: &mut breaks::ActiveModel,
    current: &BreakRecord,
    outcome: &ActOutcome,
    request: &BreakActRequest,
    entry: &Option<Entry>,
) {
    match outcome {
        ActOutcome::Assigned(to) => changed.assignee = Set(Some(to.clone())),
        ActOutcome::Unassigned => changed.assignee = Set(None),
        ActOutcome::Commented | ActOutcome::RepairUndone => {}
        ActOutcome::Waits(until) => {
            changed.status = Set(BreakStatus::Waiting.as_str().to_owned());
            changed.wait_until = Set(Some(until.to_string()));
        }
        ActOutcome::Proposed(template) => {
            changed.proposed_by = Set(Some(request.by.to_string()));
            changed.proposed_template = Set(Some(template.as_str().to_owned()));
        }
        ActOutcome::ProposalDropped => {
            changed.proposed_by = Set(None);
            changed.proposed_template = Set(None);
        }
        ActOutcome::Resolved(template) => {
            changed.status = Set(BreakStatus::Resolved.as_str().to_owned());
            changed.wait_until = Set(None);
            changed.proposed_by = Set(None);
            changed.proposed_template = Set(None);
            changed.reason_code = Set(Some(current.break_type.reason_code().as_str().to_owned()));
            changed.resolved_by = Set(Some(request.by.to_string()));
            changed.resolved_template = Set(Some(template.as_str().to_owned()));
            changed.entry_id = Set(entry.as_ref().map(|entry| entry.fields().key.clone()));
            if entry.is_some() {
                changed.suspense = Set(0);
            }
        }
        ActOutcome::Reopened => {
            changed.status = Set(BreakStatus::Open.as_str().to_owned());
            changed.wait_until = Set(None);
            changed.reason_code = Set(None);
            changed.resolved_by = Set(None);
            changed.resolved_template = Set(None);
            changed.resolved_at = Set(None);
            changed.entry_id = Set(None);
            if let Some(entry) = entry {
                changed.suspense = Set(back_in_suspense(entry).signed());
            }
        }
    }
}

/// What a reversing entry brings back to suspense: a credit is towards us.
fn back_in_suspense(entry: &Entry) -> Flow {
    let zero = Flow::In(domain::Money::zero(entry.currency()));
    entry.fields().postings.first().map_or(zero, |posting| {
        let posting = posting.fields();
        if posting.credit == domain::ledger::Account::Suspense {
            Flow::In(posting.amount)
        } else {
            Flow::Out(posting.amount)
        }
    })
}

fn detail(outcome: &ActOutcome) -> Option<String> {
    let told = match outcome {
        ActOutcome::Commented => return None,
        ActOutcome::Assigned(to) => to.clone(),
        ActOutcome::Waits(until) => until.to_string(),
        ActOutcome::Proposed(template) => format!("proposed {}", template.as_str()),
        ActOutcome::Resolved(template) => template.as_str().to_owned(),
        ActOutcome::ProposalDropped => "the proposal is dropped".to_owned(),
        ActOutcome::Reopened => "open again".to_owned(),
        ActOutcome::Unassigned => "unassigned".to_owned(),
        ActOutcome::RepairUndone => "what rules did is undone".to_owned(),
    };
    Some(told)
}
