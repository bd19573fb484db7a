//! Payouts: the list, one with its statement, and acts on it.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use domain::{
    Currency, Money,
    id::{PayoutId, SellerAccount},
    payout::{PaidBy, PayoutKind, PayoutStatus, bank_file::BankAnswer},
};
use service::payout::{self, PayoutError};
use store::{PayoutFilter, PayoutPosition, PayoutRecord, Scope};
use web::{
    console::{
        self, MAX_ACT_REASON_CHARS, Outcome, PayoutActs, PayoutForm, PayoutPage, PayoutSearch, PayoutStep, Wrong,
    },
    policy::Policy,
    statement::{self, Shown},
};
use workflows::ports::PayoutAct;

use super::{
    acts::{came_of, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::problem::{Code, Problem},
};

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let search = PayoutSearch {
        seller: asked.text("seller").to_owned(),
        status: PayoutStatus::parse(asked.text("status")),
        from: asked.text("from").to_owned(),
        to: asked.text("to").to_owned(),
    };
    let filter = PayoutFilter {
        status: search.status,
        seller: SellerAccount::parse(search.seller.clone()).ok(),
        run_id: None,
        from: search.from.parse().ok(),
        to: search.to.parse().ok(),
    };
    let page = api.service.reader.payouts(&filter, &asked.window()).await?;
    let next = asked.next(&page, position);
    Ok(person.answer(console::payouts(&person.frame(), &search, &page, next.as_deref())))
}

pub(super) fn position(payout: &PayoutRecord) -> PayoutPosition {
    PayoutPosition { frozen_at: payout.frozen_at, payout_id: payout.payout_id.clone() }
}

pub(super) async fn found(api: &Api, id: String) -> Result<PayoutRecord, Problem> {
    let id = PayoutId::parse(id).map_err(|_| PayoutError::UnknownPayout)?;
    Ok(api.service.reader.payout(&id).await?.ok_or(PayoutError::UnknownPayout)?)
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let payout = found(&api, id).await?;
    let acts = if person.may(Scope::Finance) { acts(&payout) } else { PayoutActs::default() };
    let view = PayoutPage { payout: &payout, acts, is_own: false };
    Ok(person.answer(console::payout(&person.frame(), &view)))
}

/// What the status of a payout allows.
fn acts(payout: &PayoutRecord) -> PayoutActs {
    match payout.status {
        PayoutStatus::Frozen | PayoutStatus::Approved | PayoutStatus::Requested => {
            PayoutActs { cancel: true, ..PayoutActs::default() }
        }
        PayoutStatus::Failed | PayoutStatus::Canceled => PayoutActs { retry: !payout.is_void, ..PayoutActs::default() },
        PayoutStatus::Paid => {
            let received = payout.kind == PayoutKind::Sweep && payout.received_at.is_none();
            PayoutActs { returned: payout.received_at.is_none(), received, ..PayoutActs::default() }
        }
        PayoutStatus::InProgress => PayoutActs { answer: payout.paid_by == PaidBy::BankFile, ..PayoutActs::default() },
        PayoutStatus::Sending | PayoutStatus::Unknown | PayoutStatus::Returned | PayoutStatus::Stuck => {
            PayoutActs::default()
        }
    }
}

pub(super) async fn statement(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let payout = found(&api, id).await?;
    statement_of(&api, &person, &payout).await
}

/// The statement as a page of its own, which prints on A4.
pub(super) async fn statement_of(api: &Api, person: &Person, payout: &PayoutRecord) -> Result<Response, Problem> {
    let record = api.service.reader.statement(&payout.payout_id).await?.ok_or(PayoutError::UnknownPayout)?;
    let shown = Shown {
        payout_id: &payout.payout_id,
        sha256: &record.sha256,
        statement: &record.statement,
        accept_language: person.frame().language.tag(),
    };
    let policy = Policy::own();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy.header()),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, statement::page(&shown, &policy)).into_response())
}

fn step(text: &str) -> Result<PayoutStep, Problem> {
    PayoutStep::parse(text).ok_or_else(|| Problem::new(Code::NotFound, "There is no such act on a payout."))
}

/// The page that confirms an act.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, named)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (step, payout) = (step(&named)?, found(&api, id).await?);
    Ok(asking(&person, step, &payout, None))
}

fn asking(person: &Person, step: PayoutStep, payout: &PayoutRecord, wrong: Option<Wrong>) -> Response {
    person.answer(PayoutForm { step, payout, wrong }.page(&person.frame()))
}

/// Acts on a payout. A form that is sent again finds the act done.
pub(super) async fn act(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, named)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let (step, payout) = (step(&named)?, found(&api, id).await?);
    let Some(reason) = reason(&form, MAX_ACT_REASON_CHARS) else {
        return Ok(unchanged(asking(&person, step, &payout, Some(Wrong::Reason))));
    };
    // The sum of the bank is read from its own statement, and not from this page.
    if step.asks_sum() && sum(&form) != Some(payout.amount) {
        return Ok(unchanged(asking(&person, step, &payout, Some(Wrong::Sum))));
    }
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the attempt. Open it again.");
    let attempt: u32 = form.text("attempt").parse().map_err(|_| malformed())?;
    let wanted = match step {
        PayoutStep::Cancel => PayoutAct::Cancel,
        PayoutStep::Retry => PayoutAct::Retry,
        PayoutStep::Returned => PayoutAct::Return,
        PayoutStep::Received => PayoutAct::Receive,
        PayoutStep::Paid => PayoutAct::Paid,
        PayoutStep::Failed => PayoutAct::Failed,
    };
    let back = format!("/console/payouts/{}", payout.payout_id);
    let done = |payout: &PayoutRecord| {
        let is_said = is_done(step, attempt, payout);
        let outcome = if is_said { Outcome::PayoutActed } else { Outcome::PayoutNoted };
        came_of(&person, outcome, Some(payout.amount), &back)
    };
    if is_done(step, attempt, &payout) {
        return Ok(done(&payout));
    }
    if payout.attempt != attempt {
        let detail = "Another attempt of the payout began after the page was made. Open the payout again.";
        return Err(Problem::new(Code::PayoutNotActionable, detail));
    }
    let request = payout::ActRequest { act: wanted, attempt: Some(attempt), reason };
    match payout::act(&api.service, &person.caller(), &payout.payout_id, request).await {
        Ok(payout) => Ok(done(&payout)),
        Err(PayoutError::NotTaken { status, detail }) => {
            // Of two clicks at once the second one finds the act of the first.
            let payout = found(&api, payout.payout_id.to_string()).await?;
            if is_done(step, attempt, &payout) {
                return Ok(done(&payout));
            }
            Err(PayoutError::NotTaken { status, detail }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The sum that a person read at the bank.
fn sum(form: &Form) -> Option<Money> {
    Money::parse(&form.text("amount").replace(',', ""), Currency::Krw).ok()
}

/// Whether an act on an attempt was carried out before.
fn is_done(step: PayoutStep, attempt: u32, payout: &PayoutRecord) -> bool {
    match step {
        PayoutStep::Cancel => payout.attempt == attempt && payout.status == PayoutStatus::Canceled,
        PayoutStep::Retry => payout.attempt > attempt,
        PayoutStep::Returned => payout.attempt == attempt && payout.status == PayoutStatus::Returned,
        PayoutStep::Received => payout.received_at.is_some(),
        PayoutStep::Paid => payout.attempt == attempt && payout.status == BankAnswer::Paid.status(),
        PayoutStep::Failed => payout.attempt == attempt && payout.status == BankAnswer::Failed.status(),
    }
}
