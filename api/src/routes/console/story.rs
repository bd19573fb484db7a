//! The story of a payment.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{id::CheckoutId, refund::RefundStatus};
use service::{ask_psp::next_question_at, refund::is_open};
use store::{ActionRecord, CheckoutRecord, EntryFilter, LetterFilter, LetterRecord, RefundRecord, Scope, Window};
use web::console::{self, Acts, Standing, Story};

use super::{frame::Person, refund_waits};
use crate::{Api, http::problem::Problem, routes::shapes::ui_url};

/// The most records of a kind in one story.
const MAX_RECORDS: u64 = 200;

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let record = record(&api, &id).await?;
    let (reader, id) = (&api.service.reader, &record.checkout_id);
    let refunds = reader.refunds_of(id).await?;
    let of_letters = letters(&api, &person, id).await?;
    let entries = EntryFilter { checkout_id: Some(id.clone()), ..EntryFilter::default() };
    let entries = reader.entries(&entries, &Window { after: None, limit: MAX_RECORDS }).await?;
    let objects = objects(&record, &refunds, &of_letters.letters);
    let events = reader.events_of(&objects, MAX_RECORDS).await?;
    let may_operate = person.may(Scope::Ops);
    let event_ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    let deliveries = if may_operate { reader.deliveries_of_events(&event_ids, MAX_RECORDS).await? } else { Vec::new() };
    let audit = if may_operate { reader.audit_log_of(&objects, MAX_RECORDS).await? } else { Vec::new() };
    let next_question_at = next_question_at(&api.service, &record).await;
    let workflow_url = ui_url(&api, record.workflow_id.as_str()).filter(|_| may_operate);
    let notes = reader.notes(id, MAX_RECORDS).await?;
    let counts = [events.len(), deliveries.len(), audit.len(), notes.len()].map(|count| count as u64);
    let approvals = reader.approvals_of(id).await?;
    let waiting = refund_waits::waiting(&api, &person, &approvals).await?;
    let view = Story {
        record: &record,
        history: &reader.history(id).await?,
        declines: &reader.declines(id).await?,
        webhooks: &reader.webhooks(id).await?,
        risk: &reader.risk_decisions(id).await?,
        approvals: &approvals,
        waiting_refunds: &waiting,
        is_cut: entries.more || counts.iter().any(|count| *count >= MAX_RECORDS),
        entries: &entries.items,
        events: &events,
        deliveries: &deliveries,
        letters: &of_letters.letters,
        letter_actions: &of_letters.actions,
        audit: &audit,
        notes: &notes,
        cash_receipts: &reader.cash_receipts(id).await?,
        standing: Standing { next_question_at },
        workflow_url: workflow_url.as_deref(),
        acts: acts(&person, &record, &refunds),
        refunds: &refunds,
    };
    Ok(person.answer(console::story(&person.frame(), &view)))
}

/// A checkout by its id.
pub(super) async fn record(api: &Api, id: &str) -> Result<CheckoutRecord, Problem> {
    let id = CheckoutId::parse(id).map_err(|_| Problem::no_checkout())?;
    api.service.reader.checkout(&id).await?.ok_or_else(Problem::no_checkout)
}

/// The dead letters of a checkout, and what was done about them.
#[derive(Default)]
struct OfLetters {
    letters: Vec<LetterRecord>,
    actions: Vec<(LetterRecord, ActionRecord)>,
}

async fn letters(api: &Api, person: &Person, id: &CheckoutId) -> Result<OfLetters, Problem> {
    if !person.may(Scope::Ops) {
        return Ok(OfLetters::default());
    }
    let reader = &api.service.reader;
    let filter = LetterFilter { checkout_id: Some(id.clone()), ..LetterFilter::default() };
    let letters = reader.dead_letters(&filter, &Window { after: None, limit: MAX_RECORDS }).await?.items;
    let mut actions = Vec::new();
    for letter in &letters {
        let of_letter = reader.dead_letter_actions(&letter.letter_id).await?;
        actions.extend(of_letter.into_iter().map(|action| (letter.clone(), action)));
    }
    Ok(OfLetters { letters, actions })
}

/// Everything that events and lines of the audit log are about.
fn objects(record: &CheckoutRecord, refunds: &[RefundRecord], letters: &[LetterRecord]) -> Vec<String> {
    let own = std::iter::once(record.checkout_id.to_string());
    let orders = record.orders.iter().map(|order| order.order.id.to_string());
    let refunds = refunds.iter().map(|refund| refund.refund_id.to_string());
    own.chain(orders).chain(refunds).chain(letters.iter().map(|letter| letter.letter_id.to_string())).collect()
}

/// What this person may do about the payment now.
fn acts(person: &Person, record: &CheckoutRecord, refunds: &[RefundRecord]) -> Acts {
    let under_way = refunds.iter().any(|refund| match refund.status {
        RefundStatus::Executing | RefundStatus::Unknown | RefundStatus::Stuck => true,
        RefundStatus::Requested | RefundStatus::Succeeded | RefundStatus::Failed => false,
    });
    Acts {
        ask: person.may(Scope::Ops) && (record.follows_psp() || under_way),
        refund: person.may(Scope::Refund) && has_money(record),
        cancel: person.may(Scope::Checkout) && is_open(record),
        note: person.may(Scope::Refund),
    }
}

/// Whether money is left that can go back.
pub(super) fn has_money(record: &CheckoutRecord) -> bool {
    record.status.is_payment_done() && record.orders.iter().any(|order| order.refunded != order.order.amount)
}
