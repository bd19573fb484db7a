//! Dead letters, and what a person does about them.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    dead_letter::{LetterAction, LetterStatus},
    id::DeadLetterId,
    reconciliation::Actor,
};
use service::dead_letter::ActionRequest;
use store::{LetterFilter, LetterPosition, LetterRecord};
use web::console::{self, Asking, Confirming, LetterActs, MAX_ACT_REASON_CHARS, Outcome, Told};

use super::{
    acts::{new_key, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::{
        marks::is_about,
        problem::{Code, Problem},
    },
    routes::shapes::ui_url,
};

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let status = LetterStatus::parse(asked.text("status"));
    let filter = LetterFilter { status, ..LetterFilter::default() };
    let page = api.service.reader.dead_letters(&filter, &asked.window()).await?;
    let next = asked.next(&page, position);
    Ok(person.answer(console::letters(&person.frame(), status, &page, next.as_deref())))
}

fn position(letter: &LetterRecord) -> LetterPosition {
    LetterPosition { created_at: letter.created_at, letter_id: letter.letter_id.clone() }
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let letter = letter(&api, &id).await?;
    let done = api.service.reader.dead_letter_actions(&letter.letter_id).await?;
    let url = ui_url(&api, &letter.workflow_id).map(|url| format!("{url}/{}", letter.run_id));
    // Whether the workflow takes an act is asked when the person acts: a page is seconds old when it is read.
    let acts = match letter.status {
        LetterStatus::Open => {
            LetterActs { retry: true, resolve: !console::outcomes(&letter).is_empty(), discard: true }
        }
        LetterStatus::Retrying | LetterStatus::Resolved | LetterStatus::Discarded | LetterStatus::Closed => {
            LetterActs::default()
        }
    };
    Ok(person.answer(console::letter(&person.frame(), &letter, &done, acts, url.as_deref())))
}

pub(super) async fn letter(api: &Api, id: &str) -> Result<LetterRecord, Problem> {
    let unknown = || Problem::new(Code::DeadLetterNotFound, "No dead letter has this id.");
    let id = DeadLetterId::parse(id).map_err(|_| unknown())?;
    let letter = api.service.reader.dead_letter(&id).await?.ok_or_else(unknown)?;
    letter.checkout_id.iter().for_each(is_about);
    Ok(letter)
}

pub(super) async fn retry(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let letter = letter(&api, &id).await?;
    confirming(&api, &person, LetterAction::Retry, &letter, false).await
}

pub(super) async fn do_retry(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    act(&api, &person, LetterAction::Retry, &id, &form).await
}

pub(super) async fn discard(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let letter = letter(&api, &id).await?;
    confirming(&api, &person, LetterAction::Discard, &letter, false).await
}

pub(super) async fn do_discard(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    act(&api, &person, LetterAction::Discard, &id, &form).await
}

/// The page that confirms an act, with the payment that the letter is about.
async fn confirming(
    api: &Api,
    person: &Person,
    action: LetterAction,
    letter: &LetterRecord,
    is_reason_missing: bool,
) -> Result<Response, Problem> {
    let record = match &letter.checkout_id {
        Some(id) => api.service.reader.checkout(id).await?,
        None => None,
    };
    let asking = match action {
        LetterAction::Retry => Asking::Retry,
        LetterAction::Discard | LetterAction::Resolve(_) => Asking::Discard,
    };
    let back = format!("/console/dead-letters/{}", letter.letter_id);
    let confirming = Confirming {
        asking,
        action: &format!("{back}/{}", action.as_str()),
        back: &back,
        object: letter.letter_id.as_str(),
        record: record.as_ref(),
        key: &new_key(),
        is_reason_missing,
    };
    Ok(person.answer(confirming.page(&person.frame())))
}

/// Acts once: the same act of the same person again tells the workflow nothing new.
async fn act(api: &Api, person: &Person, action: LetterAction, id: &str, form: &Form) -> Result<Response, Problem> {
    let letter = letter(api, id).await?;
    let Some(reason) = reason(form, MAX_ACT_REASON_CHARS) else {
        return Ok(unchanged(confirming(api, person, action, &letter, true).await?));
    };
    let by = Actor::Principal(person.principal());
    let request = ActionRequest { action, by: &by, reason: &reason };
    api.dead_letters().act(&letter.letter_id, request).await?;
    let back = format!("/console/dead-letters/{}", letter.letter_id);
    let told = Told { outcome: Outcome::LetterActed, amount: None, back: &back };
    Ok(person.answer(told.page(&person.frame())))
}
