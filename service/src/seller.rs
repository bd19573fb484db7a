//! Sellers: what principals say of them, what is held back of their money, and what the PSP is asked.

use domain::{
    Timestamp,
    calendar::Day,
    id::{HoldId, PspSellerId, SellerAccount},
    payout::PaidBy,
    seller::{
        AccountCheck, AccountChecked, Details, HoldAnswer, LiftedHold, NewHold, PayoutStatus, SHOWN_PAYOUTS,
        cools_down_until,
    },
};
use store::{HoldLifted, HoldPlaced, HoldRecord, NewSellerDetails, SellerPut, SellerRecord, StoreError};
use temporalio_client::{
    WorkflowGetResultOptions, WorkflowIdConflictPolicy, WorkflowSignalOptions, WorkflowStartOptions,
    errors::{WorkflowGetResultError, WorkflowInteractionError},
};
use tokio::time::{Instant, timeout_at};
use workflows::{
    TASK_QUEUE,
    seller::{self, SellerChanged, SellerInput, SellerWorkflow},
    seller_account::{self, SellerAccountWorkflow},
    seller_hold::{SellerHoldAct, SellerHoldWorkflow},
};

use crate::{Fault, Service, now, temporal, webhook::NudgeWindow};

/// Of how much time the PSP's words about one seller become one signal, in milliseconds. Anybody can send a webhook,
/// and each signal costs the workflow's history.
const SIGNAL_WINDOW_MS: u64 = 10 * 1_000;

/// Why something about a seller was not done.
#[derive(Debug, thiserror::Error)]
pub enum SellerError {
    /// The details are kept sealed, and there are no keys.
    #[error("Set encryption_keys: the details of sellers are kept sealed.")]
    NoKeys,
    /// No checkout and no principal ever named the seller.
    #[error("No checkout and no principal ever named this seller.")]
    Unknown,
    /// The marketplace said nothing of the seller.
    #[error("The marketplace has said nothing of this seller yet.")]
    NoDetails,
    /// Nobody calls an account verified where the PSP does.
    #[error("The payment provider verifies accounts: the setting payouts.by is not bank_file.")]
    VerifiedByPsp,
    /// The account that was looked at is not the present one, or sent a transfer back.
    #[error("{0}.")]
    OtherAccount(String),
    /// The caller set the account.
    #[error("Another principal has to look at an account than the principal who set it.")]
    FourEyes,
    /// The seller has no such hold.
    #[error("The seller has no such hold.")]
    NoSuchHold,
    /// The idempotency key came with another hold.
    #[error("This idempotency key came with another body before. Use a new key for a new hold.")]
    KeyReused,
    /// The wallet refused the hold, or its end.
    #[error("The books refused it: {0}.")]
    Refused(String),
    /// A worker has not booked it yet.
    #[error("It is not booked yet. Send the request again with the same key.")]
    InProgress,
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for SellerError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// A hold, and whether an earlier request placed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The hold.
    pub record: HoldRecord,
    /// Whether an earlier request with the same key placed it.
    pub is_replayed: bool,
}

/// Writes what a principal says of a seller, and has the PSP told.
pub async fn put(service: &Service, seller: &SellerAccount, new: &NewSellerDetails) -> Result<SellerPut, SellerError> {
    let keys = service.keyring.as_deref().ok_or(SellerError::NoKeys)?;
    let put = service.journal.put_seller(seller, new, keys).await?;
    // Told again even where nothing changed: the signal of an earlier request may have been lost.
    let request_id = format!("put.{}.{}", put.record.version, now().epoch_ms());
    follow(service, seller, News { request_id, window_ends_at: None }).await?;
    Ok(put)
}

/// Why a seller is to be read anew.
struct News {
    /// Of requests with one id Temporal takes one.
    request_id: String,
    /// Until when further requests have the same id.
    window_ends_at: Option<Timestamp>,
}

/// Has the registration of a seller read anew.
async fn follow(service: &Service, seller: &SellerAccount, news: News) -> Result<(), Fault> {
    let News { request_id, window_ends_at } = news;
    let changed = || SellerChanged { because: request_id.clone(), window_ends_at };
    let running = service.temporal.get_workflow_handle::<SellerWorkflow>(seller::workflow_id(seller));
    let options =
        WorkflowSignalOptions::builder().request_id(request_id.clone()).rpc_options(temporal::rpc_options()).build();
    match running.signal(SellerWorkflow::changed, changed().into(), options).await {
        Ok(()) => return Ok(()),
        // It has closed, or never ran.
        Err(WorkflowInteractionError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let options = WorkflowStartOptions::new(TASK_QUEUE, seller::workflow_id(seller))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary(format!("the registration of {seller}"))
        .rpc_options(temporal::rpc_options())
        .build();
    let input = SellerInput::new(seller.clone());
    let started = service.temporal.signal_with_start_workflow(
        SellerWorkflow::run,
        input,
        SellerWorkflow::changed,
        changed().into(),
        options,
    );
    started.await.map(|_| ()).map_err(Fault::from)
}

/// Passes a word of the PSP's about a seller on. A word that names no seller of ours is dropped, and of one window one
/// word is passed on.
pub async fn psp_said(service: &Service, id: &PspSellerId) -> Result<(), Fault> {
    let Some(seller) = service.reader.seller_of_psp_id(id).await? else { return Ok(()) };
    let window = NudgeWindow::of(now(), SIGNAL_WINDOW_MS);
    let news = News { request_id: format!("psp.{}", window.number()), window_ends_at: Some(window.ends_at()) };
    follow(service, &seller, news).await
}

/// A seller, also one that only ever appeared in a checkout.
pub async fn show(service: &Service, seller: &SellerAccount) -> Result<SellerRecord, SellerError> {
    service.reader.seller(seller).await?.ok_or(SellerError::Unknown)
}

/// The next days on which a seller is paid out.
pub fn next_payouts(service: &Service, record: &SellerRecord) -> Vec<Day> {
    let Some(profile) = &record.profile else { return Vec::new() };
    let holidays = &service.settings.release_rule.holidays;
    let days = profile.schedule.next_payouts(Day::of(now()), SHOWN_PAYOUTS, holidays);
    days.into_iter().map(|payout| payout.pays).collect()
}

/// Until when nothing is paid to the seller's account because it was changed.
pub fn cool_down(service: &Service, record: &SellerRecord) -> Option<Timestamp> {
    let changed_at = record.profile.as_ref().and_then(|profile| profile.account_changed_at);
    cools_down_until(changed_at, service.settings.plan_rules.cool_down_ms, now())
}

/// What is sealed of a seller, in the clear. The caller writes a line of the audit log before.
pub async fn reveal(service: &Service, seller: &SellerAccount) -> Result<Details, SellerError> {
    let keys = service.keyring.as_deref().ok_or(SellerError::NoKeys)?;
    if service.reader.seller(seller).await?.is_none() {
        return Err(SellerError::Unknown);
    }
    service.reader.seller_details(seller, keys).await?.ok_or(SellerError::NoDetails)
}

/// Whether a seller may be paid by the next run.
pub fn payout_status(service: &Service, record: &SellerRecord) -> PayoutStatus {
    record.payout_status_for(service.settings.plan_rules.by)
}

/// Writes that a principal calls a seller's bank account verified, where sellers are paid by bank file.
pub async fn verify_account(service: &Service, check: AccountCheck) -> Result<SellerRecord, SellerError> {
    if service.settings.plan_rules.by != PaidBy::BankFile {
        return Err(SellerError::VerifiedByPsp);
    }
    let seller = check.seller.clone();
    let by = Instant::now() + service.settings.confirm_wait;
    let options = WorkflowStartOptions::new(TASK_QUEUE, seller_account::workflow_id(&check))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .rpc_options(temporal::rpc_options())
        .build();
    let started = timeout_at(by, service.temporal.start_workflow(SellerAccountWorkflow::run, check, options)).await;
    let handle = started.map_err(Fault::temporal)?.map_err(Fault::from)?;
    let waiting = WorkflowGetResultOptions::builder().rpc_options(temporal::rpc_options()).build();
    let checked = match timeout_at(by, handle.get_result(waiting)).await {
        Ok(Ok(checked)) => checked,
        Ok(Err(WorkflowGetResultError::Terminated { .. } | WorkflowGetResultError::Cancelled { .. })) | Err(_) => {
            return Err(SellerError::InProgress);
        }
        Ok(Err(error)) => return Err(Fault::temporal(error).into()),
    };
    match checked {
        AccountChecked::Done => show(service, &seller).await,
        AccountChecked::OtherAccount { account: 0 } => Err(SellerError::NoDetails),
        AccountChecked::OtherAccount { account } => {
            let told = format!("The account was changed: it is number {account} now. Look at it before you verify it");
            Err(SellerError::OtherAccount(told))
        }
        AccountChecked::Returned => {
            let told = "A transfer to the account came back: set another account";
            Err(SellerError::OtherAccount(told.to_owned()))
        }
        AccountChecked::FourEyes => Err(SellerError::FourEyes),
    }
}

/// Holds an amount, or all payouts, of a seller back. The hold's id is the key.
pub async fn hold(service: &Service, new: NewHold) -> Result<Held, SellerError> {
    let before = service.reader.seller_hold(&new.hold_id).await?;
    if let Some(record) = before {
        return if record.hold == new { Ok(Held { record, is_replayed: true }) } else { Err(SellerError::KeyReused) };
    }
    let hold_id = new.hold_id.clone();
    if new.amount.is_none() {
        match service.journal.place_seller_hold(&new).await? {
            HoldPlaced::Now | HoldPlaced::Before => {}
            HoldPlaced::Reused => return Err(SellerError::KeyReused),
        }
    } else {
        booked(carry_out(service, SellerHoldAct::Place(new.clone())).await?)?;
    }
    let record = service.reader.seller_hold(&hold_id).await?.ok_or(SellerError::NoSuchHold)?;
    // Two requests at once with one key and two bodies: the first is carried out, the second is told so.
    if record.hold != new {
        return Err(SellerError::KeyReused);
    }
    Ok(Held { record, is_replayed: false })
}

/// Lifts a hold. One that was lifted before stays lifted.
pub async fn lift(service: &Service, lifted: LiftedHold) -> Result<HoldRecord, SellerError> {
    let hold_id = lifted.hold_id.clone();
    let record = found(service, &hold_id, &lifted.seller).await?;
    if record.lifted_at.is_some() {
        return Ok(record);
    }
    if record.hold.amount.is_none() {
        match service.journal.lift_seller_hold(&lifted).await? {
            HoldLifted::Now | HoldLifted::Before => {}
            HoldLifted::NoSuchHold => return Err(SellerError::NoSuchHold),
        }
    } else {
        booked(carry_out(service, SellerHoldAct::Lift(lifted.clone())).await?)?;
    }
    found(service, &hold_id, &lifted.seller).await
}

async fn found(service: &Service, hold: &HoldId, seller: &SellerAccount) -> Result<HoldRecord, SellerError> {
    let record = service.reader.seller_hold(hold).await?;
    record.filter(|record| record.hold.seller == *seller).ok_or(SellerError::NoSuchHold)
}

fn booked(answer: HoldAnswer) -> Result<(), SellerError> {
    match answer {
        HoldAnswer::Done => Ok(()),
        HoldAnswer::Refused { reason } => Err(SellerError::Refused(reason)),
        HoldAnswer::NoSuchHold => Err(SellerError::NoSuchHold),
    }
}

/// Has a worker book it, and waits for its answer. Once Temporal has taken it, it is booked.
async fn carry_out(service: &Service, act: SellerHoldAct) -> Result<HoldAnswer, SellerError> {
    let by = Instant::now() + service.settings.confirm_wait;
    let options = WorkflowStartOptions::new(TASK_QUEUE, act.workflow_id())
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .rpc_options(temporal::rpc_options())
        .build();
    let started = timeout_at(by, service.temporal.start_workflow(SellerHoldWorkflow::run, act, options)).await;
    let handle = started.map_err(Fault::temporal)?.map_err(Fault::from)?;
    let waiting = WorkflowGetResultOptions::builder().rpc_options(temporal::rpc_options()).build();
    match timeout_at(by, handle.get_result(waiting)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(WorkflowGetResultError::Terminated { .. } | WorkflowGetResultError::Cancelled { .. })) | Err(_) => {
            Err(SellerError::InProgress)
        }
        Ok(Err(error)) => Err(Fault::temporal(error).into()),
    }
}
