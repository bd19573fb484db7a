//! Notes of people on a payment.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use service::now;
use store::{MAX_NOTE_CHARS, NoteRecord};
use uuid::Uuid;
use web::console::{NoteForm, Outcome, Wrong};

use super::{
    acts::{came_of, new_key, unchanged},
    frame::Person,
    guard::Form,
    reason::reason_in,
    story::record,
};
use crate::{
    Api,
    http::problem::{Code, Problem},
};

/// The page on which a note is written.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    let form = NoteForm { record: &record, note: "", key: &new_key(), wrong: None };
    Ok(person.answer(form.page(&person.frame())))
}

/// Writes a note, once however often the form is sent.
pub(super) async fn write(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the note. Open it again.");
    let note_id: Uuid = form.text("key").parse().map_err(|_| malformed())?;
    let Some(text) = reason_in(form.text("note"), MAX_NOTE_CHARS) else {
        let again =
            NoteForm { record: &record, note: form.text("note"), key: form.text("key"), wrong: Some(Wrong::Note) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    };
    let note = NoteRecord {
        note_id,
        checkout_id: record.checkout_id.clone(),
        written_by: person.principal(),
        note: text,
        written_at: now(),
    };
    let kept = api.service.journal.write_note(&note).await?;
    if kept.checkout_id != note.checkout_id || kept.written_by != note.written_by || kept.note != note.note {
        let detail = "Another note was written with this form before. Open the form again.";
        return Err(Problem::new(Code::IdempotencyKeyReused, detail));
    }
    Ok(came_of(&person, Outcome::Noted, None, &format!("/console/payments/{}", record.checkout_id)))
}
