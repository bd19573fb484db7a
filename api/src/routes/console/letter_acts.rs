//! Acts on dead letters that take more than a reason: an outcome, and one act on many letters.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    dead_letter::{DeclaredOutcome, LetterAction, LetterStatus},
    reconciliation::Actor,
};
use service::dead_letter::{ActionRequest, DeadLetterError, MAX_BULK, ShownLetters};
use store::{CheckoutRecord, LetterFilter, LetterRecord};
use web::console::{self, BulkAct, BulkPage, MAX_ACT_REASON_CHARS, Outcome, ResolveForm, Wrong};

use super::{
    acts::{came_of, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
    letters::letter,
};
use crate::{Api, http::problem::Problem};

/// The page that declares an outcome.
pub(super) async fn resolve(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let letter = letter(&api, &id).await?;
    let record = payment(&api, &letter).await?;
    let form = ResolveForm { letter: &letter, record: record.as_ref(), chosen: None, reason: "", wrong: None };
    Ok(person.answer(form.page(&person.frame())))
}

/// Declares an outcome, once however often the form is sent.
pub(super) async fn do_resolve(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let letter = letter(&api, &id).await?;
    let chosen = DeclaredOutcome::parse(form.text("outcome"));
    let wanted = chosen.ok_or(Wrong::Outcome);
    let wanted = wanted.and_then(|outcome| Ok((outcome, reason(&form, MAX_ACT_REASON_CHARS).ok_or(Wrong::Reason)?)));
    let (outcome, reason) = match wanted {
        Ok(wanted) => wanted,
        Err(wrong) => {
            let record = payment(&api, &letter).await?;
            let (record, wrong) = (record.as_ref(), Some(wrong));
            let again = ResolveForm { letter: &letter, record, chosen, reason: form.text("reason"), wrong };
            return Ok(unchanged(person.answer(again.page(&person.frame()))));
        }
    };
    let by = Actor::Principal(person.principal());
    let request = ActionRequest { action: LetterAction::Resolve(outcome), by: &by, reason: &reason };
    let after = api.dead_letters().act(&letter.letter_id, request).await?;
    let came = if after.status == LetterStatus::Open { Outcome::LetterProposed } else { Outcome::LetterActed };
    Ok(came_of(&person, came, None, &format!("/console/dead-letters/{}", letter.letter_id)))
}

async fn payment(api: &Api, letter: &LetterRecord) -> Result<Option<CheckoutRecord>, Problem> {
    match &letter.checkout_id {
        Some(id) => Ok(api.service.reader.checkout(id).await?),
        None => Ok(None),
    }
}

/// What is asked of many letters.
struct Wanted {
    act: BulkAct,
    step: String,
    code: String,
}

impl Wanted {
    fn of<'a>(text: impl Fn(&'a str) -> &'a str) -> Self {
        let act = BulkAct::parse(text("act")).unwrap_or(BulkAct::Retry);
        Self { act, step: text("step").to_owned(), code: text("code").to_owned() }
    }

    fn filter(&self) -> LetterFilter {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (step, code) = (said(&self.step), said(&self.code));
        LetterFilter { status: Some(LetterStatus::Open), step, code, ..LetterFilter::default() }
    }
}

/// What an act on many letters would do.
pub(super) async fn bulk(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    preview(&api, &person, &Wanted::of(|name| asked.text(name)), "", None).await
}

async fn preview(
    api: &Api,
    person: &Person,
    wanted: &Wanted,
    reason: &str,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let by = Actor::Principal(person.principal());
    let shown = api.dead_letters().preview(wanted.act.action(), &by, &wanted.filter(), MAX_BULK).await?;
    let Wanted { act, step, code } = wanted;
    let page = BulkPage { act: *act, step, code, items: &shown.items, token: &shown.token, reason, wrong };
    Ok(person.answer(page.page(&person.frame())))
}

/// Acts on the letters that a preview showed. Sent again, it finds other letters, and shows those.
pub(super) async fn do_bulk(State(api): State<Arc<Api>>, person: Person, form: Form) -> Result<Response, Problem> {
    let wanted = Wanted::of(|name| form.text(name));
    let Some(reason) = reason(&form, MAX_ACT_REASON_CHARS) else {
        return Ok(unchanged(preview(&api, &person, &wanted, form.text("reason"), Some(Wrong::Reason)).await?));
    };
    let by = Actor::Principal(person.principal());
    let wish = ActionRequest { action: wanted.act.action(), by: &by, reason: &reason };
    let shown = ShownLetters { filter: &wanted.filter(), limit: MAX_BULK, token: form.text("token") };
    let results = match api.dead_letters().act_on_all(wish, shown).await {
        Ok(results) => results,
        Err(DeadLetterError::Outdated) => {
            return Ok(unchanged(preview(&api, &person, &wanted, &reason, Some(Wrong::OtherLetters)).await?));
        }
        Err(error) => return Err(error.into()),
    };
    let told = |result: Result<LetterRecord, DeadLetterError>| match result {
        Ok(letter) => Ok(letter.status),
        Err(error) => Err(error.to_string()),
    };
    let results: Vec<_> = results.into_iter().map(|(id, result)| (id, told(result))).collect();
    Ok(person.answer(console::bulk_done(&person.frame(), wanted.act, &results)))
}
