//! Freezing a payout run: a preview, then the freeze.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use domain::{
    id::{PayoutRunId, SellerAccount},
    payout::plan::{DayText, RunRequest},
};
use service::payout::{Frozen, freeze, preview};
use uuid::Uuid;
use web::console::{FreezeForm, MAX_ACT_REASON_CHARS, Outcome, TypedRun, Wrong};

use super::{
    acts::{came_of, new_key, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::problem::{Code, Problem},
};

/// The most sellers that a person names.
const MAX_SELLERS: usize = 100;

/// What would be frozen. Nothing is written.
pub(super) async fn ask(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let asked = TypedRun { date: asked.text("date"), sellers: asked.text("sellers"), reason: "" };
    show(&api, &person, asked, &new_key(), None).await
}

async fn show(
    api: &Api,
    person: &Person,
    asked: TypedRun<'_>,
    key: &str,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let (plan, wrong) = match wanted(asked) {
        Ok(request) => (Some(preview(&api.service, &request).await?.1), wrong),
        Err(unreadable) => (None, Some(unreadable)),
    };
    let form = FreezeForm { asked, plan: plan.as_ref(), key, wrong };
    Ok(person.answer(form.page(&person.frame())))
}

/// Freezes the run, once however often the form is sent. Another principal approves it.
pub(super) async fn carry_out(State(api): State<Arc<Api>>, person: Person, form: Form) -> Result<Response, Problem> {
    let asked = TypedRun { date: form.text("date"), sellers: form.text("sellers"), reason: form.text("reason") };
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the run. Open it again.");
    let key: Uuid = form.text("key").parse().map_err(|_| malformed())?;
    let said = reason(&form, MAX_ACT_REASON_CHARS).ok_or(Wrong::Reason);
    let request = match wanted(asked).and_then(|request| said.map(|_| request)) {
        Ok(request) => request,
        Err(wrong) => return Ok(unchanged(show(&api, &person, asked, form.text("key"), Some(wrong)).await?)),
    };
    match freeze(&api.service, &person.caller(), &PayoutRunId::from_uuid(key), request).await? {
        Frozen::Run(frozen) => {
            let back = format!("/console/payout-runs/{}", frozen.run.run_id);
            Ok(came_of(&person, Outcome::RunFrozen, Some(frozen.run.total), &back))
        }
        // The page says so.
        Frozen::NothingDue(..) => Ok(unchanged(show(&api, &person, asked, form.text("key"), None).await?)),
    }
}

fn wanted(asked: TypedRun<'_>) -> Result<RunRequest, Wrong> {
    let day = |text: &str| text.parse().map(DayText).map_err(|_| Wrong::RunDay);
    let date = Some(asked.date).filter(|text| !text.is_empty()).map(day).transpose()?;
    let names = asked.sellers.split([',', ' ']).filter(|name| !name.is_empty());
    let sellers: Vec<_> = names.map(SellerAccount::parse).collect::<Result<_, _>>().map_err(|_| Wrong::Sellers)?;
    if sellers.len() > MAX_SELLERS {
        return Err(Wrong::Sellers);
    }
    Ok(RunRequest { date, sellers: Some(sellers).filter(|sellers| !sellers.is_empty()) })
}
