//! Entries, proofs and exports of the books.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use domain::{calendar::Day, ledger::Reason};
use service::ledger_export;
use store::{EntryFilter, EntryRecord};
use tokio::{sync::Semaphore, time::timeout};
use web::console::{self, EntrySearch, ExportForm, ProofsPage, Verification, Wrong};

use super::{
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::{problem::Problem, reading::Reading},
};

/// How long a page recomputes the books; larger books are verified by the command.
const VERIFYING_TIME: Duration = Duration::from_secs(20);
/// The most entries of an export. The command writes more.
const MAX_ENTRIES: usize = 50_000;
/// How many entries are read at once.
const READ_AT_ONCE: u64 = 500;
/// A recomputation reads everything: one at a time in this process.
static VERIFYING: Semaphore = Semaphore::const_new(1);

/// Entries, the last booked first.
pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let search = EntrySearch {
        from: asked.text("from").to_owned(),
        to: asked.text("to").to_owned(),
        reason: Reason::parse(asked.text("reason")),
    };
    let filter = EntryFilter { reason: search.reason, ..of_days(&search.from, &search.to) };
    let page = api.service.reader.entries(&filter, &asked.window()).await?;
    let next = asked.next(&page, |entry| entry.booked.sequence);
    Ok(person.answer(console::entries(&person.frame(), &search, &page, next.as_deref())))
}

/// The entries of some days in Korea. What cannot be read is left out.
fn of_days(from: &str, to: &str) -> EntryFilter {
    let day = |text: &str| text.parse::<Day>().ok();
    EntryFilter {
        from: day(from).map(Day::start),
        to: day(to).map(|last| last.next().start()),
        ..EntryFilter::default()
    }
}

/// The end of the chain, the last checkpoint, and the way to an export.
pub(super) async fn proofs(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    show(&api, &person, None, ExportForm::default()).await
}

async fn show(
    api: &Api,
    person: &Person,
    verification: Option<&Verification>,
    export: ExportForm<'_>,
) -> Result<Response, Problem> {
    let reader = &api.service.reader;
    let (state, checkpoint) = (reader.books_state().await?, reader.checkpoint(None).await?);
    let is_signed = checkpoint.as_ref().is_some_and(|signed| signed.check().is_ok());
    let view = ProofsPage { state: &state, checkpoint: checkpoint.as_ref(), is_signed, verification, export };
    Ok(person.answer(console::proofs(&person.frame(), &view)))
}

/// Recomputes the books from the postings. Nothing is written but the line of the audit log.
pub(super) async fn verify(State(api): State<Arc<Api>>, person: Person, _: Form) -> Result<Response, Problem> {
    let verification = match VERIFYING.try_acquire() {
        Err(_) => Verification::Busy,
        Ok(_turn) => match timeout(VERIFYING_TIME, api.service.reader.audit(&[], &mut |_| {})).await {
            Ok(audit) => Verification::Done(Box::new(audit?)),
            Err(_) => Verification::TooLarge,
        },
    };
    show(&api, &person, Some(&verification), ExportForm::default()).await
}

/// The entries of some days as a table, after a line of the audit log names the person and the days.
pub(super) async fn export(
    State(api): State<Arc<Api>>,
    person: Person,
    reading: Reading,
    asked: Asked,
) -> Result<Response, Problem> {
    let (from, to) = (asked.text("from"), asked.text("to"));
    let wrong = |wrong| ExportForm { from, to, wrong: Some(wrong) };
    let days = from.parse::<Day>().and_then(|from| Ok((from, to.parse::<Day>()?)));
    let Ok((first, last)) = days else { return show(&api, &person, None, wrong(Wrong::Day)).await };
    if first > last {
        return show(&api, &person, None, wrong(Wrong::Day)).await;
    }
    let Some(entries) = entries_of(&api, &of_days(from, to)).await? else {
        return show(&api, &person, None, wrong(Wrong::TooMany)).await;
    };
    let text = ledger_export::table(entries.iter().rev().map(|entry| &entry.booked));
    reading.write_down(&api, &format!("ledger {first} to {last}: {} entries", entries.len())).await?;
    let name = HeaderValue::try_from(format!("attachment; filename=\"ledger-{first}-{last}.csv\""));
    let name = name.map_err(|error| Problem::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, text).into_response())
}

/// The entries, the last booked first; nothing where there are more than [`MAX_ENTRIES`].
async fn entries_of(api: &Api, filter: &EntryFilter) -> Result<Option<Vec<EntryRecord>>, Problem> {
    let mut entries: Vec<EntryRecord> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.booked.sequence);
        let page = api.service.reader.entries(filter, &store::Window { after, limit: READ_AT_ONCE }).await?;
        entries.extend(page.items);
        if entries.len() > MAX_ENTRIES {
            return Ok(None);
        }
        if !page.more {
            return Ok(Some(entries));
        }
    }
}
