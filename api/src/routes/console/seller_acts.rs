//! Acts on a seller: holding money back, lifting a hold, reading what is masked, and verifying the bank account.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    Currency, Money,
    id::{HoldId, IdempotencyKey, SellerAccount},
    principal::MAX_REASON_CHARS,
    seller::{AccountCheck, LiftedHold, MAX_HOLD_REASON_CHARS, NewHold},
};
use service::seller;
use store::{HoldRecord, SellerRecord, WalletRecord};
use web::console::{HoldForm, LiftForm, Outcome, RevealForm, VerifyForm, Wrong, revealed};

use super::{
    acts::{came_of, new_key, reason, unchanged},
    frame::Person,
    guard::Form,
};
use crate::{
    Api,
    http::{
        problem::{Code, Problem},
        reading::Reading,
    },
    routes::seller::seller_of,
};

/// A seller with its wallets.
async fn found(api: &Api, seller: String) -> Result<(SellerRecord, Vec<WalletRecord>), Problem> {
    let seller = seller_of(seller)?;
    let record = seller::show(&api.service, &seller).await?;
    Ok((record, api.service.reader.wallets(&seller).await?))
}

fn back(seller: &SellerAccount) -> String {
    format!("/console/sellers/{seller}")
}

/// The page that holds money back.
pub(super) async fn hold(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
) -> Result<Response, Problem> {
    let (record, wallets) = found(&api, seller).await?;
    let key = new_key();
    let form = HoldForm { record: &record, wallets: &wallets, amount: "", reason: "", key: &key, wrong: None };
    Ok(person.answer(form.page(&person.frame())))
}

/// Holds money back, once however often the form is sent.
pub(super) async fn do_hold(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let (record, wallets) = found(&api, seller).await?;
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the hold. Open it again.");
    let key = IdempotencyKey::parse(form.text("key")).map_err(|_| malformed())?;
    let (amount, reason) = (amount(form.text("amount")), reason(&form, MAX_HOLD_REASON_CHARS));
    let (amount, reason) = match (amount, reason) {
        (Ok(amount), Some(reason)) => (amount, reason),
        (amount, _) => {
            let again = HoldForm {
                record: &record,
                wallets: &wallets,
                amount: form.text("amount"),
                reason: form.text("reason"),
                key: form.text("key"),
                wrong: Some(amount.err().unwrap_or(Wrong::Reason)),
            };
            return Ok(unchanged(person.answer(again.page(&person.frame()))));
        }
    };
    let placed_by = person.principal();
    let (hold_id, seller) = (placed_by.hold(&key), record.seller.clone());
    let new = NewHold { hold_id, seller, amount, reason, until: None, placed_by };
    let held = seller::hold(&api.service, new).await?;
    Ok(came_of(&person, Outcome::Held, held.record.hold.amount, &back(&record.seller)))
}

/// An amount in won; nothing where none is given.
fn amount(text: &str) -> Result<Option<Money>, Wrong> {
    let text = text.replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    let amount = Money::parse(&text, Currency::Krw).map_err(|_| Wrong::Amount)?;
    if amount.is_zero() { Err(Wrong::Amount) } else { Ok(Some(amount)) }
}

async fn placed(api: &Api, seller: String, hold: String) -> Result<HoldRecord, Problem> {
    let seller = seller_of(seller)?;
    let unknown = || Problem::new(Code::HoldNotFound, "The seller has no such hold.");
    let id = HoldId::parse(hold).map_err(|_| unknown())?;
    let record = api.service.reader.seller_hold(&id).await?;
    record.filter(|record| record.hold.seller == seller).ok_or_else(unknown)
}

/// The page that lifts a hold.
pub(super) async fn lift(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((seller, hold)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let record = placed(&api, seller, hold).await?;
    Ok(person.answer(LiftForm { record: &record, wrong: None }.page(&person.frame())))
}

/// Lifts a hold. A hold that was lifted before stays lifted.
pub(super) async fn do_lift(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((seller, hold)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let record = placed(&api, seller, hold).await?;
    if reason(&form, MAX_HOLD_REASON_CHARS).is_none() {
        let again = LiftForm { record: &record, wrong: Some(Wrong::Reason) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    }
    let hold = &record.hold;
    let lifted =
        LiftedHold { hold_id: hold.hold_id.clone(), seller: hold.seller.clone(), lifted_by: person.principal() };
    let lifted = seller::lift(&api.service, lifted).await?;
    Ok(came_of(&person, Outcome::Lifted, lifted.hold.amount, &back(&lifted.hold.seller)))
}

/// The page that asks why what is masked is read.
pub(super) async fn reveal(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
) -> Result<Response, Problem> {
    let (record, _) = found(&api, seller).await?;
    Ok(person.answer(RevealForm { record: &record, wrong: None }.page(&person.frame())))
}

/// Shows what is masked, after a line of the audit log names the person and the reason.
pub(super) async fn do_reveal(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
    reading: Reading,
    form: Form,
) -> Result<Response, Problem> {
    let (record, _) = found(&api, seller).await?;
    let Some(reason) = reason(&form, MAX_HOLD_REASON_CHARS) else {
        let again = RevealForm { record: &record, wrong: Some(Wrong::Reason) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    };
    let details = seller::reveal(&api.service, &record.seller).await?;
    reading.write_down(&api, &format!("bank account: {reason}")).await?;
    // The line of the reading is the line of this request.
    Ok(unchanged(person.answer(revealed(&person.frame(), record.seller.as_str(), &details))))
}

/// The page that calls the bank account verified.
pub(super) async fn verify(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
) -> Result<Response, Problem> {
    let (record, _) = found(&api, seller).await?;
    Ok(person.answer(VerifyForm { record: &record, wrong: None }.page(&person.frame())))
}

/// Calls the bank account verified whose number the form names, once however often the form is sent.
pub(super) async fn do_verify(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(seller): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let (record, _) = found(&api, seller).await?;
    let malformed = || Problem::new(Code::AccountNotVerifiable, "The form does not name the account. Open it again.");
    let account = form.text("account").parse().map_err(|_| malformed())?;
    let Some(reason) = reason(&form, MAX_REASON_CHARS) else {
        let again = VerifyForm { record: &record, wrong: Some(Wrong::Reason) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    };
    let check = AccountCheck { seller: record.seller, account, by: person.principal(), reason };
    let verified = seller::verify_account(&api.service, check).await?;
    Ok(came_of(&person, Outcome::AccountVerified, None, &back(&verified.seller)))
}
