//! Payout runs: the list, one, and what is decided of it.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    id::PayoutRunId,
    payout::{Decision, PaidBy, RunStatus},
};
use service::payout::{BankFileRequest, PayoutError, RunDetails, decide_on, details, take_bank_file};
use store::{RunPosition, RunRecord, Scope};
use web::console::{self, MAX_ACT_REASON_CHARS, Outcome, RunActs, RunForm, RunPage, RunStep, Wrong};

use super::{
    acts::{came_of, reason, unchanged},
    frame::{Asked, Person},
    guard::Form,
};
use crate::{
    Api,
    http::{
        problem::{Code, Problem},
        reading::Reading,
    },
    routes::payout_run::bank_file::show as show_file,
};

pub(super) async fn list(State(api): State<Arc<Api>>, person: Person, asked: Asked) -> Result<Response, Problem> {
    let page = api.service.reader.payout_runs(&asked.window()).await?;
    let next = asked.next(&page, |run| RunPosition { frozen_at: run.frozen_at, run_id: run.run_id.clone() });
    Ok(person.answer(console::payout_runs(&person.frame(), &page, next.as_deref())))
}

async fn found(api: &Api, id: String) -> Result<RunDetails, Problem> {
    let id = PayoutRunId::parse(id).map_err(|_| PayoutError::UnknownRun)?;
    Ok(details(&api.service, &id).await?.ok_or(PayoutError::UnknownRun)?)
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let RunDetails { run, payouts, bank_files } = found(&api, id).await?;
    let is_own = run.frozen_by == person.principal();
    let may_decide = person.may(Scope::Finance) && run.status == RunStatus::Frozen;
    let file = person.may(Scope::Finance) && takes_files(&run);
    let acts = RunActs { approve: may_decide && !is_own, reject: may_decide && !is_own, cancel: may_decide, file };
    let view = RunPage { run: &run, payouts: &payouts, bank_files: &bank_files, acts, is_own };
    Ok(person.answer(console::payout_run(&person.frame(), &view)))
}

/// Whether a file of the run may be taken.
fn takes_files(run: &RunRecord) -> bool {
    run.paid_by == PaidBy::BankFile && run.status.is_approved()
}

fn step(text: &str) -> Result<RunStep, Problem> {
    RunStep::parse(text).ok_or_else(|| Problem::new(Code::NotFound, "There is no such decision."))
}

/// The page that confirms a decision.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, named)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let step = step(&named)?;
    let run = found(&api, id).await?.run;
    if step == RunStep::File {
        return Ok(asking(&person, step, &run, Said { file: number(asked.text("number")), wrong: None }));
    }
    if run.status != RunStatus::Frozen {
        let detail = format!("The run is {} already.", run.status);
        return Err(Problem::new(Code::PayoutRunDecided, detail));
    }
    Ok(asking(&person, step, &run, Said { file: 1, wrong: None }))
}

/// What the form said before.
#[derive(Debug, Clone, Copy)]
struct Said {
    file: u32,
    wrong: Option<Wrong>,
}

fn asking(person: &Person, step: RunStep, run: &RunRecord, said: Said) -> Response {
    let Said { file, wrong } = said;
    person.answer(RunForm { step, run, file, wrong }.page(&person.frame()))
}

/// The number of a bank file; the first where it is none.
fn number(text: &str) -> u32 {
    text.parse().unwrap_or(1)
}

/// Decides on a run. The same decision of the same person again changes nothing.
pub(super) async fn decide(
    State(api): State<Arc<Api>>,
    person: Person,
    Path((id, named)): Path<(String, String)>,
    reading: Reading,
    form: Form,
) -> Result<Response, Problem> {
    let step = step(&named)?;
    let run = found(&api, id).await?.run;
    let Some(reason) = reason(&form, MAX_ACT_REASON_CHARS) else {
        let said = Said { file: number(form.text("number")), wrong: Some(Wrong::Reason) };
        return Ok(unchanged(asking(&person, step, &run, said)));
    };
    let (decision, outcome) = match step {
        RunStep::Approve => (Decision::Approve { digest: form.text("digest").to_owned() }, Outcome::RunApproved),
        RunStep::Reject => (Decision::Reject, Outcome::RunRejected),
        RunStep::Cancel => (Decision::Cancel, Outcome::RunTakenBack),
        RunStep::File => {
            let (number, digest) = (number(form.text("number")), form.text("digest").to_owned());
            let request = BankFileRequest { run_id: run.run_id, number, digest, reason: reason.clone() };
            let file = take_bank_file(&api.service, &person.caller(), request).await?;
            return show_file(&api, reading, &reason, file).await;
        }
    };
    let decided = decide_on(&api.service, &person.caller(), &run.run_id, decision, Some(reason)).await?;
    // A run of the calendar needs two approvals.
    let is_noted = step == RunStep::Approve && decided.run.status == RunStatus::Frozen;
    let outcome = if is_noted { Outcome::RunNoted } else { outcome };
    let back = format!("/console/payout-runs/{}", run.run_id);
    Ok(came_of(&person, outcome, Some(decided.run.total), &back))
}
