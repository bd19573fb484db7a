//! API keys that administrators ask for: asking, deciding, and the secret, which is shown once.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{Currency, Money, id::SellerAccount};
use service::api_key::{self, WantedForm, WantedKey, new_seed};
use store::{Decision, KeyRequestRecord, Scope, Scopes};
use uuid::Uuid;
use web::console::{
    DecideKeyForm, KeyRequestPage, KeyStep, Lifetime, MAX_ACT_REASON_CHARS, MAX_KEY_NAME_CHARS, NewKeyForm,
    OFFERED_SCOPES, Outcome, Overlap, RotateForm, Wrong, key_request_address, key_shown, scope_field,
};

use super::{
    acts::{came_of, new_key, reason, unchanged},
    frame::Person,
    guard::Form,
    keys,
    reason::reason_in,
};
use crate::{
    Api,
    http::{
        marks::Because,
        problem::{Code, Problem},
    },
};

fn request_id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, "No request for an API key has this id."))
}

async fn found(api: &Api, id: &str) -> Result<KeyRequestRecord, Problem> {
    let unknown = || Problem::new(Code::NotFound, "No request for an API key has this id.");
    api.service.reader.key_request(request_id(id)?).await?.ok_or_else(unknown)
}

/// The page that asks for a key.
pub(super) async fn ask(person: Person) -> Response {
    let form = NewKeyForm {
        request: &new_key(),
        name: "",
        scopes: &[],
        seller: "",
        refund_limit: "",
        lifetime: None,
        reason: "",
        wrong: None,
    };
    person.answer(form.page(&person.frame()))
}

/// Asks for a key, once however often the form is sent.
pub(super) async fn send(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(request): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let request_id = request_id(&request)?;
    let wanted = wanted(&form).and_then(|wanted| Ok((wanted, said(&form)?)));
    let (form, reason) = match wanted {
        Ok(wanted) => wanted,
        Err(wrong) => {
            let again = NewKeyForm {
                request: &request,
                name: form.text("name"),
                scopes: &chosen(&form),
                seller: form.text("seller"),
                refund_limit: form.text("refund_limit"),
                lifetime: Lifetime::parse(form.text("lifetime")),
                reason: form.text("reason"),
                wrong: Some(wrong),
            };
            return Ok(unchanged(person.answer(again.page(&person.frame()))));
        }
    };
    asked(&api, &person, WantedKey { request_id, form, reason, by: person.id().clone() }).await
}

async fn asked(api: &Api, person: &Person, wanted: WantedKey) -> Result<Response, Problem> {
    let record = api_key::ask(&api.service, &api.key_pepper, wanted).await?;
    Ok(came_of(person, Outcome::KeyAskedFor, None, &key_request_address(&record)))
}

fn said(form: &Form) -> Result<String, Wrong> {
    reason(form, MAX_ACT_REASON_CHARS).ok_or(Wrong::Reason)
}

fn chosen(form: &Form) -> Vec<Scope> {
    OFFERED_SCOPES.into_iter().filter(|scope| !form.text(scope_field(*scope)).is_empty()).collect()
}

fn wanted(form: &Form) -> Result<WantedForm, Wrong> {
    let name = reason_in(form.text("name"), MAX_KEY_NAME_CHARS).ok_or(Wrong::KeyName)?;
    let scopes = chosen(form).into_iter().map(Scopes::only).reduce(Scopes::with).ok_or(Wrong::KeyScopes)?;
    let seller = Some(form.text("seller")).filter(|text| !text.is_empty());
    let seller = seller.map(SellerAccount::parse).transpose().map_err(|_| Wrong::Sellers)?;
    let limit = Some(form.text("refund_limit").replace(',', "")).filter(|text| !text.is_empty());
    let limit = limit.map(|text| Money::parse(&text, Currency::Krw)).transpose().map_err(|_| Wrong::Amount)?;
    let is_sellers = seller.is_none() || scopes == Scopes::only(Scope::Read);
    let is_limited = limit.is_none() || scopes.includes(Scope::Refund);
    if !is_sellers || !is_limited {
        return Err(Wrong::KeyScopes);
    }
    let lifetime = Lifetime::parse(form.text("lifetime")).ok_or(Wrong::KeyTime)?;
    Ok(WantedForm::New { name, scopes, seller, refund_limit: limit, lifetime_ms: lifetime.ms() })
}

/// The page that asks for a key in the place of another one.
pub(super) async fn ask_rotation(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let key = keys::found(&api, id).await?;
    if !key.grant.scopes.lies_within(Scopes::OF_CONSOLE) {
        return Err(api_key::KeyRequestError::BeyondConsole.into());
    }
    let form = RotateForm { key: &key, request: &new_key(), overlap: None, reason: "", wrong: None };
    Ok(person.answer(form.page(&person.frame())))
}

/// Asks for a key in the place of another one, once however often the form is sent.
pub(super) async fn send_rotation(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let key = keys::found(&api, id).await?;
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the request. Open it again.");
    let request_id: Uuid = form.text("request").parse().map_err(|_| malformed())?;
    let overlap = Overlap::parse(form.text("overlap"));
    let (overlap_ms, reason) = match overlap.ok_or(Wrong::KeyTime).and_then(|overlap| Ok((overlap.ms(), said(&form)?)))
    {
        Ok(wanted) => wanted,
        Err(wrong) => {
            let (request, reason) = (form.text("request"), form.text("reason"));
            let again = RotateForm { key: &key, request, overlap, reason, wrong: Some(wrong) };
            return Ok(unchanged(person.answer(again.page(&person.frame()))));
        }
    };
    let form = WantedForm::Replacement { of: key.grant.id, overlap_ms };
    asked(&api, &person, WantedKey { request_id, form, reason, by: person.id().clone() }).await
}

/// The page of a request.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = found(&api, &id).await?;
    let is_own = record.asked.requested_by == *person.id();
    let seed = new_seed()?;
    Ok(person.answer(KeyRequestPage { record: &record, is_own, seed: &seed }.page(&person.frame())))
}

/// The page that approves a request.
pub(super) async fn approve(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    ask_decision(&api, &person, &id, KeyStep::Approve).await
}

/// The page that rejects a request.
pub(super) async fn reject(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    ask_decision(&api, &person, &id, KeyStep::Reject).await
}

async fn ask_decision(api: &Api, person: &Person, id: &str, step: KeyStep) -> Result<Response, Problem> {
    let record = found(api, id).await?;
    Ok(person.answer(DecideKeyForm { record: &record, step, wrong: None }.page(&person.frame())))
}

/// Approves a request of another administrator.
pub(super) async fn do_approve(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    decide(&api, &person, &id, &form, KeyStep::Approve).await
}

/// Rejects a request.
pub(super) async fn do_reject(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    decide(&api, &person, &id, &form, KeyStep::Reject).await
}

async fn decide(api: &Api, person: &Person, id: &str, form: &Form, step: KeyStep) -> Result<Response, Problem> {
    let record = found(api, id).await?;
    if let Err(wrong) = said(form) {
        let again = DecideKeyForm { record: &record, step, wrong: Some(wrong) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    }
    let (decision, outcome) = match step {
        KeyStep::Approve => (Decision::Approved, Outcome::KeyApproved),
        KeyStep::Reject => (Decision::Rejected, Outcome::KeyRejected),
    };
    let id = record.asked.request_id;
    let decided = api_key::decide(&api.service, &api.key_pepper, id, decision, person.id()).await?;
    Ok(came_of(person, outcome, None, &key_request_address(&decided)))
}

/// Makes the key of an approved request and shows it to the administrator who asked. The same form shows it again.
pub(super) async fn secret(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let id = request_id(&id)?;
    let key = api_key::show(&api.service, &api.key_pepper, id, form.text("seed"), person.id()).await?;
    let mut response = person.answer(key_shown(&person.frame(), key.id.as_str(), &key.text));
    // The line of the audit log names the key.
    response.extensions_mut().insert(Because(format!("made the key {}", key.id)));
    Ok(response)
}
