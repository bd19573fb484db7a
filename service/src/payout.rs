//! Payout runs and payouts: freeze, decide, cancel, retry; each through the workflow of the run.
//!
//! The workflow goes by the rows, so a run whose workflow has ended is taken up by another one.

use domain::{
    Money,
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
    payout::{
        Decidable, Decision, PaidBy, PayoutKind, PayoutStatus, Taken, Undecidable, decide,
        plan::{Plan, RunRequest},
        sweep::{Funds, SweepRefusal},
    },
    principal::Principal,
};
use store::{BankFileRecord, IdleSeller, PayoutRecord, PlanRequest, RunRecord, StoreError};
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowHandle, WorkflowIdConflictPolicy, WorkflowSignalOptions,
    WorkflowStartOptions, errors::WorkflowInteractionError,
};
use tokio::time::{Instant, timeout_at};
use workflows::{
    TASK_QUEUE,
    payout_run::{self, FreezeAsked, PayoutNews, PayoutRunInput, PayoutRunWorkflow, SweepAsked},
    ports::{ActOnPayout, BankFileAsked, BankFileTaken, DecideOnRun, PayoutAct, PayoutActed, RunDecided, SweepRequest},
};

use crate::{Caller, Fault, Service, now, temporal, waiting::Pauses, webhook::NudgeWindow};

/// How many payouts of a run are shown with it; the list of payouts has all of them.
pub const PAYOUTS_SHOWN: u64 = 1_000;
/// Of one run, Temporal takes one nudge in so many milliseconds.
const NUDGE_WINDOW_MS: u64 = 10 * 1_000;

/// Why nothing is done about a run or a payout.
#[derive(Debug, thiserror::Error)]
pub enum PayoutError {
    /// There is no such run.
    #[error("There is no such payout run.")]
    UnknownRun,
    /// There is no such payout.
    #[error("There is no such payout.")]
    UnknownPayout,
    /// The decision is not taken.
    #[error("{0}.")]
    Undecidable(Undecidable),
    /// The idempotency key belongs to another request.
    #[error("The idempotency key belongs to another run.")]
    KeyReused,
    /// Nothing is swept.
    #[error("Nothing is swept: {0}.")]
    NotSwept(SweepRefusal),
    /// The payout does not take the act.
    #[error("The payout does not take this: {detail}.")]
    NotTaken {
        /// Where it stands.
        status: Option<PayoutStatus>,
        /// Why.
        detail: String,
    },
    /// No file of transfers is given.
    #[error("{0}.")]
    NoBankFile(String),
    /// The run has no file of that number.
    #[error("The run has no bank file of that number, and no payout waits for one.")]
    UnknownBankFile,
    /// The details of sellers are kept sealed, and there are no keys.
    #[error("Set encryption_keys: bank files are kept sealed.")]
    NoKeys,
    /// The workflow did not answer in time; the same request may be sent again.
    #[error("The request is under way; send it again to see what came of it.")]
    UnderWay,
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for PayoutError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A run with its first payouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetails {
    /// The run.
    pub run: RunRecord,
    /// The first [`PAYOUTS_SHOWN`], in the order of the sellers.
    pub payouts: Vec<PayoutRecord>,
    /// The files of transfers that were taken.
    pub bank_files: Vec<BankFileRecord>,
}

/// Plans a run, and writes nothing.
pub async fn preview(service: &Service, request: &RunRequest) -> Result<(Day, Plan), PayoutError> {
    let now = now();
    let date = request.date.map_or_else(|| Day::of(now), |date| date.0);
    let sellers: Option<&[SellerAccount]> = request.sellers.as_deref();
    let rules = &service.settings.plan_rules;
    let plan = service.reader.plan_payouts(PlanRequest { date, sellers, rules, now }).await?;
    Ok((date, plan))
}

/// The sellers whom a run does not look at, and why.
pub async fn idle(service: &Service, request: &RunRequest) -> Result<Vec<IdleSeller>, PayoutError> {
    let now = now();
    let date = request.date.map_or_else(|| Day::of(now), |date| date.0);
    let request = PlanRequest { date, sellers: request.sellers.as_deref(), rules: &service.settings.plan_rules, now };
    Ok(service.reader.idle_sellers(request).await?)
}

/// What came of freezing a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frozen {
    /// It is written.
    Run(Box<RunDetails>),
    /// No seller is due, and nothing is written.
    NothingDue(Day, Plan),
}

/// Freezes a run under an id, and waits for its rows. The same id answers the same run.
pub async fn freeze(
    service: &Service,
    caller: &Caller,
    run_id: &PayoutRunId,
    request: RunRequest,
) -> Result<Frozen, PayoutError> {
    if let Some(details) = details(service, run_id).await? {
        return frozen(details);
    }
    let now = now();
    let date = request.date.map_or_else(|| Day::of(now), |date| date.0);
    let (sellers, rules) = (request.sellers.as_deref(), &service.settings.plan_rules);
    if !service.reader.is_a_payout_due(PlanRequest { date, sellers, rules, now }).await? {
        // An earlier request under the same id may have reserved the money since the run was looked for.
        if service.reader.is_payout_run_being_frozen(run_id).await? {
            return Err(PayoutError::UnderWay);
        }
        if let Some(details) = details(service, run_id).await? {
            return frozen(details);
        }
        let (day, plan) = preview(service, &request).await?;
        return Ok(Frozen::NothingDue(day, plan));
    }
    let freeze = FreezeAsked { request, by: caller.principal.clone() };
    started(service, PayoutRunInput::new(run_id.clone(), Some(freeze))).await.map(|run| Frozen::Run(Box::new(run)))
}

fn frozen(details: RunDetails) -> Result<Frozen, PayoutError> {
    match details.run.kind {
        PayoutKind::Seller => Ok(Frozen::Run(Box::new(details))),
        PayoutKind::Sweep => Err(PayoutError::KeyReused),
    }
}

/// What may be swept, and why nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepPreview {
    /// The sums.
    pub funds: Funds,
    /// Why a sweep of all that is free would be refused.
    pub refusal: Option<SweepRefusal>,
}

/// Shows what may be swept, and writes nothing.
pub async fn preview_sweep(service: &Service) -> Result<SweepPreview, StoreError> {
    let funds = service.reader.sweep_funds().await?;
    let refusal = service.reader.plan_sweep(None, &service.settings.plan_rules).await?.err();
    Ok(SweepPreview { funds, refusal })
}

/// Freezes a sweep under the id of its run, and waits for its rows. The same id answers the same run.
pub async fn sweep(
    service: &Service,
    caller: &Caller,
    run_id: &PayoutRunId,
    amount: Option<Money>,
) -> Result<RunDetails, PayoutError> {
    if let Some(details) = details(service, run_id).await? {
        return swept(details, amount);
    }
    if let Err(refusal) = service.reader.plan_sweep(amount, &service.settings.plan_rules).await? {
        // An earlier request under the same id may have taken the money since the run was looked for.
        return match details(service, run_id).await? {
            Some(details) => swept(details, amount),
            None => Err(PayoutError::NotSwept(refusal)),
        };
    }
    let sweep = SweepAsked { request: SweepRequest { amount }, by: caller.principal.clone() };
    started(service, PayoutRunInput::of_sweep(run_id.clone(), sweep)).await
}

fn swept(details: RunDetails, amount: Option<Money>) -> Result<RunDetails, PayoutError> {
    let swept = details.payouts.first().filter(|payout| payout.kind == PayoutKind::Sweep);
    let is_same = swept.is_some_and(|swept| amount.is_none_or(|amount| amount == swept.amount));
    if is_same { Ok(details) } else { Err(PayoutError::KeyReused) }
}

/// Starts the workflow of a run, and waits for its rows. A worker to whom something else is due by now writes none.
async fn started(service: &Service, input: PayoutRunInput) -> Result<RunDetails, PayoutError> {
    let by = Instant::now() + service.settings.confirm_wait;
    let run_id = input.run_id.clone();
    timeout_at(by, workflow(service, input)).await.map_err(|_| PayoutError::UnderWay)??;
    let mut pauses = Pauses::new();
    while pauses.next_end() < by {
        pauses.pause().await;
        if let Some(details) = details(service, &run_id).await? {
            return Ok(details);
        }
    }
    Err(PayoutError::UnderWay)
}

/// A run with its first payouts.
pub async fn details(service: &Service, run_id: &PayoutRunId) -> Result<Option<RunDetails>, PayoutError> {
    let Some(run) = service.reader.payout_run(run_id).await? else { return Ok(None) };
    let payouts = service.reader.payouts_of_run(run_id, PAYOUTS_SHOWN).await?;
    let bank_files = service.reader.bank_files(run_id).await?;
    Ok(Some(RunDetails { run, payouts, bank_files }))
}

/// Decides on a run. The transaction that writes the decision checks it again.
pub async fn decide_on(
    service: &Service,
    caller: &Caller,
    run_id: &PayoutRunId,
    decision: Decision,
    reason: Option<String>,
) -> Result<RunDetails, PayoutError> {
    let deadline = Instant::now() + service.settings.confirm_wait;
    let run = service.reader.payout_run(run_id).await?.ok_or(PayoutError::UnknownRun)?;
    let by: Principal = caller.principal.clone();
    let decidable = Decidable {
        status: run.status,
        digest: Some(&run.digest),
        frozen_by: &run.frozen_by,
        decided_by: run.decided_by.as_ref(),
        is_stopped: service.reader.are_payouts_stopped().await?,
        approvals_needed: run.approvals_needed,
        first_approval_by: run.valid_first_approval().map(|first| &first.by),
    };
    let taken = decide(&decidable, &decision, &by).map_err(PayoutError::Undecidable)?;
    if taken != Taken::Before {
        let asked = DecideOnRun { run_id: run_id.clone(), decision, by, reason };
        let deciding = async {
            let handle = workflow(service, PayoutRunInput::new(run_id.clone(), None)).await?;
            let options = WorkflowExecuteUpdateOptions::builder().rpc_options(temporal::rpc_options()).build();
            handle.execute_update(PayoutRunWorkflow::decide, asked, options).await.map_err(Fault::from)
        };
        match timeout_at(deadline, deciding).await.map_err(|_| PayoutError::UnderWay)?? {
            RunDecided::Done(_) => {}
            RunDecided::Refused(undecidable) => return Err(PayoutError::Undecidable(undecidable)),
            RunDecided::Unknown => return Err(PayoutError::UnknownRun),
        }
    }
    details(service, run_id).await?.ok_or(PayoutError::UnknownRun)
}

/// What a caller wants done with a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActRequest {
    /// What is wanted.
    pub act: PayoutAct,
    /// The attempt that the caller means; nothing where the caller names none.
    pub attempt: Option<u32>,
    /// Why.
    pub reason: String,
}

/// Takes a payout back, begins a new attempt, or says what a bank made of it.
pub async fn act(
    service: &Service,
    caller: &Caller,
    payout_id: &PayoutId,
    request: ActRequest,
) -> Result<PayoutRecord, PayoutError> {
    let deadline = Instant::now() + service.settings.confirm_wait;
    let payout = service.reader.payout(payout_id).await?.ok_or(PayoutError::UnknownPayout)?;
    let ActRequest { act, attempt, reason } = request;
    let asked = ActOnPayout { payout_id: payout_id.clone(), act, attempt, by: caller.principal.clone(), reason };
    let acting = async {
        let handle = workflow(service, PayoutRunInput::new(payout.run_id.clone(), None)).await?;
        let options = WorkflowExecuteUpdateOptions::builder().rpc_options(temporal::rpc_options()).build();
        handle.execute_update(PayoutRunWorkflow::act, asked, options).await.map_err(Fault::from)
    };
    match timeout_at(deadline, acting).await.map_err(|_| PayoutError::UnderWay)?? {
        PayoutActed::Done(_) => {}
        PayoutActed::Refused { status, detail } => return Err(PayoutError::NotTaken { status, detail }),
    }
    service.reader.payout(payout_id).await?.ok_or(PayoutError::UnknownPayout)
}

/// A file of transfers to our bank that a principal takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankFileRequest {
    /// The run.
    pub run_id: PayoutRunId,
    /// The number of the file among those of the run, from 1.
    pub number: u32,
    /// The digest that was approved.
    pub digest: String,
    /// Why.
    pub reason: String,
}

/// A file of transfers with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankFile {
    /// What is known of it.
    pub record: BankFileRecord,
    /// The bytes: account numbers in the clear.
    pub content: String,
}

/// Takes a file of transfers: the payouts of a new one leave with it. The same number gives the same bytes. The caller
/// writes a line of the audit log before they are shown.
pub async fn take_bank_file(
    service: &Service,
    caller: &Caller,
    request: BankFileRequest,
) -> Result<BankFile, PayoutError> {
    let deadline = Instant::now() + service.settings.confirm_wait;
    let BankFileRequest { run_id, number, digest, reason } = request;
    let run = service.reader.payout_run(&run_id).await?.ok_or(PayoutError::UnknownRun)?;
    if run.paid_by != PaidBy::BankFile {
        return Err(PayoutError::NoBankFile("The run is not paid by bank file".to_owned()));
    }
    let keys = service.keyring.as_deref().ok_or(PayoutError::NoKeys)?;
    let asked = BankFileAsked { run_id: run_id.clone(), number, digest, by: caller.principal.clone(), reason };
    let taking = async {
        let handle = workflow(service, PayoutRunInput::new(run_id.clone(), None)).await?;
        let options = WorkflowExecuteUpdateOptions::builder().rpc_options(temporal::rpc_options()).build();
        handle.execute_update(PayoutRunWorkflow::take_file, asked, options).await.map_err(Fault::from)
    };
    let sha256 = match timeout_at(deadline, taking).await.map_err(|_| PayoutError::UnderWay)?? {
        BankFileTaken::Done { sha256 } => sha256,
        BankFileTaken::UnknownRun => return Err(PayoutError::UnknownRun),
        BankFileTaken::NotApproved(status) => {
            return Err(PayoutError::NoBankFile(format!("The run is {status}, and not approved")));
        }
        BankFileTaken::DigestMismatch => return Err(PayoutError::Undecidable(Undecidable::DigestMismatch)),
        BankFileTaken::Stopped => return Err(PayoutError::Undecidable(Undecidable::Stopped)),
        BankFileTaken::NoSuchFile => return Err(PayoutError::UnknownBankFile),
        BankFileTaken::Refused { detail } => return Err(PayoutError::NoBankFile(detail)),
    };
    let files = service.reader.bank_files(&run_id).await?;
    let record = files.into_iter().find(|file| file.number == number && file.sha256 == sha256);
    let content = service.reader.bank_file_content(&run_id, number, keys).await?;
    let (record, content) = record.zip(content).ok_or(PayoutError::UnknownBankFile)?;
    Ok(BankFile { record, content })
}

/// Passes on that the PSP says something of a payout. What it says is not believed: the PSP is asked.
pub async fn nudge(service: &Service, payout: &PayoutRecord) -> Result<(), Fault> {
    if payout.status.is_end() {
        return Ok(());
    }
    // Of many webhooks in a moment Temporal takes one, because each costs the workflow's history.
    let window = NudgeWindow::of(now(), NUDGE_WINDOW_MS);
    let news = PayoutNews { ref_payout_id: payout.ref_payout_id.clone(), window_ends_at: Some(window.ends_at()) };
    let request_id = format!("payout_nudge.{}.{}", payout.run_id, window.number());
    let options = WorkflowSignalOptions::builder().request_id(request_id).rpc_options(temporal::rpc_options()).build();
    let id = payout_run::workflow_id(&payout.run_id);
    let running = service.temporal.get_workflow_handle::<PayoutRunWorkflow>(id.as_str());
    match running.signal(PayoutRunWorkflow::psp_nudge, news.into(), options).await {
        // A payout that is open is followed, whatever became of the workflow before. A new one asks by itself.
        Err(WorkflowInteractionError::NotFound(_)) => {
            workflow(service, PayoutRunInput::new(payout.run_id.clone(), None)).await.map(|_| ())
        }
        signaled => Ok(signaled?),
    }
}

/// The workflow of a run: the one that is open, or a new one that goes by the rows.
async fn workflow(
    service: &Service,
    input: PayoutRunInput,
) -> Result<WorkflowHandle<Client, PayoutRunWorkflow>, Fault> {
    let id = payout_run::workflow_id(&input.run_id);
    let options = WorkflowStartOptions::new(TASK_QUEUE, id.clone())
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary(format!("the payout run {}", input.run_id))
        .rpc_options(temporal::rpc_options())
        .build();
    service.temporal.start_workflow(PayoutRunWorkflow::run, input, options).await?;
    // Whichever run of the workflow is open under the id.
    Ok(service.temporal.get_workflow_handle::<PayoutRunWorkflow>(id))
}
