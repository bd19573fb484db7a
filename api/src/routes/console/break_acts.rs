//! Acts on a break: each is bound to the version that the person saw.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    calendar::Day,
    reconciliation::{Act, Actor, BreakStatus, Template},
};
use service::{
    now,
    reconciliation::{BreakError, WantedAct, act as act_on_break},
};
use store::BreakRecord;
use web::console::{BreakForm, BreakStep, MAX_ACT_REASON_CHARS, Outcome, TypedAct, Wrong};

use super::{
    acts::{came_of, reason, unchanged},
    breaks::found,
    frame::Person,
    guard::Form,
};
use crate::{
    Api,
    http::{
        problem::{Code, Problem},
        text,
    },
};

/// The most characters of the name of a person.
const MAX_NAME_CHARS: usize = 64;

fn step(text: &str) -> Result<BreakStep, Problem> {
    BreakStep::parse(text).ok_or_else(|| Problem::new(Code::NotFound, "There is no such act on a break."))
}

/// The page that confirms an act.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, named)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (step, record) = (step(&named)?, found(&api, id).await?);
    let form = BreakForm { step, record: &record, asked: TypedAct::default(), wrong: None };
    Ok(person.answer(form.page(&person.frame())))
}

/// Acts on a break, once however often the form is sent.
pub(super) async fn act(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, named)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let (step, record) = (step(&named)?, found(&api, id).await?);
    let asked = TypedAct {
        to: form.text("to"),
        until: form.text("until"),
        template: Template::parse(form.text("template")),
        reason: form.text("reason"),
    };
    let reason = reason(&form, MAX_ACT_REASON_CHARS).ok_or(Wrong::Reason);
    let again = |record: &BreakRecord, wrong: Wrong| {
        let form = BreakForm { step, record, asked, wrong: Some(wrong) };
        unchanged(person.answer(form.page(&person.frame())))
    };
    let (act, reason) = match wanted(step, asked).and_then(|act| Ok((act, reason?))) {
        Ok(wanted) => wanted,
        Err(wrong) => return Ok(again(&record, wrong)),
    };
    let malformed = || Problem::new(Code::IdempotencyKeyInvalid, "The form does not name the version. Open it again.");
    let seen = form.text("version").parse().map_err(|_| malformed())?;
    let is_resolution = matches!(act, Act::Resolve { .. });
    let by = Actor::Principal(person.principal());
    let wanted = WantedAct { act, by, reason, seen: Some(seen) };
    let service = &api.service;
    let after = match act_on_break(&service.temporal, &service.reader, &record.break_id, wanted).await {
        // A comment is true of every version: what was typed is kept, with the version of now.
        Err(BreakError::Refused(_)) if step == BreakStep::Comment => {
            return Ok(again(&found(&api, record.break_id.to_string()).await?, Wrong::Moved));
        }
        acted => acted?,
    };
    let outcome = if is_resolution && after.status != BreakStatus::Resolved {
        Outcome::BreakProposed
    } else {
        Outcome::BreakActed
    };
    Ok(came_of(&person, outcome, at_stake(&after), &format!("/console/breaks/{}", after.break_id)))
}

fn wanted(step: BreakStep, asked: TypedAct<'_>) -> Result<Act, Wrong> {
    match step {
        BreakStep::Comment => Ok(Act::Comment),
        BreakStep::Assign => {
            let to = text::shown(asked.to, MAX_NAME_CHARS).map_err(|_| Wrong::Person)?;
            Ok(Act::Assign { to })
        }
        BreakStep::Wait => {
            let until = asked.until.parse::<Day>().ok().filter(|until| *until > Day::of(now()));
            Ok(Act::Wait { until: until.ok_or(Wrong::Day)?.to_string() })
        }
        BreakStep::Resolve => Ok(Act::Resolve { template: asked.template.ok_or(Wrong::Template)? }),
        BreakStep::Undo => Ok(Act::Undo),
    }
}

/// How far the two sides are apart.
fn at_stake(record: &BreakRecord) -> Option<domain::Money> {
    Some(record.state().gap).filter(|gap| !gap.is_zero())
}
