//! Runs, payouts and statements as they stand in their rows.

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    failure::{Failure, FailureCode},
    id::{HoldId, PayoutId, PayoutRunId, SellerAccount},
    ledger::Hold,
    payout::{
        PaidBy, PayoutKind, PayoutStatus, RunStatus, bank_file::BankAnswer, digest::DigestScheme, plan::CarriedOver,
        statement::Statement,
    },
    principal::Principal,
};

use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_revision, from_column_time},
    entities::{payout_runs, payouts, statements},
};

/// The first of two approvals of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstApproval {
    /// Its author.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// The digest that the author saw. Where the payouts changed since, the approval is void.
    pub digest: String,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub run_id: PayoutRunId,
    /// Whom it pays.
    pub kind: PayoutKind,
    /// The way on which it pays.
    pub paid_by: PaidBy,
    /// Its day in Korea.
    pub date: Day,
    /// Where it stands.
    pub status: RunStatus,
    /// The digest of its payouts.
    pub digest: String,
    /// What the digest is over.
    pub digest_scheme: DigestScheme,
    /// The sum of its payouts when it was frozen, less those that were taken back before the approval.
    pub total: Money,
    /// How many payouts it has.
    pub payout_count: u32,
    /// What stays for a later run; empty in the answer to a decision, which does not read it.
    pub carried_over: Vec<CarriedOver>,
    /// The author of the freeze.
    pub frozen_by: Principal,
    /// When it was frozen.
    pub frozen_at: Timestamp,
    /// The author of the decision.
    pub decided_by: Option<Principal>,
    /// When it was decided on.
    pub decided_at: Option<Timestamp>,
    /// Why.
    pub decision_reason: Option<String>,
    /// When its last payout ended.
    pub completed_at: Option<Timestamp>,
    /// How often it changed.
    pub version: u32,
    /// How many principals have to approve it.
    pub approvals_needed: u32,
    /// The first of two approvals.
    pub first_approval: Option<FirstApproval>,
}

/// A payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRecord {
    /// Its id.
    pub payout_id: PayoutId,
    /// Its run.
    pub run_id: PayoutRunId,
    /// Whom it pays.
    pub kind: PayoutKind,
    /// The way on which its run pays.
    pub paid_by: PaidBy,
    /// The seller who is paid; our own company where the payout is a sweep.
    pub seller: SellerAccount,
    /// The day of its run.
    pub period: Day,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: PayoutStatus,
    /// The seller at the PSP, or the seller's bank account by its number.
    pub destination: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Our name of the attempt at the PSP.
    pub ref_payout_id: String,
    /// The number of its batch, or of its file, in the run.
    pub batch: Option<u32>,
    /// The day on which the PSP pays.
    pub pays_on: Option<Day>,
    /// The PSP's name of it.
    pub psp_payout_id: Option<String>,
    /// Why it is not paid.
    pub failure: Option<Failure>,
    /// Whether its run was rejected or taken back, and its statement is void.
    pub is_void: bool,
    /// When it was frozen.
    pub frozen_at: Timestamp,
    /// When its request left us first.
    pub sent_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When a statement of our bank showed a sweep, or a person said so.
    pub received_at: Option<Timestamp>,
    /// The line of the statement, by its hash: of a sweep, or of a transfer.
    pub bank_line: Option<String>,
    /// The line of the statement that shows that the money came back to our bank, by its hash.
    pub return_line: Option<String>,
    /// The last word of a principal on what a bank made of it.
    pub answer: Option<NotedAnswer>,
    /// How often it changed.
    pub version: u32,
}

/// A principal's word on what a bank made of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedAnswer {
    /// What the bank made of it.
    pub answer: BankAnswer,
    /// The author.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// The principal who said the same: it is carried out.
    pub confirmed_by: Option<Principal>,
}

/// A statement, and the bytes that its hash is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRecord {
    /// The payout.
    pub payout_id: PayoutId,
    /// The statement as it was frozen, as JSON.
    pub content: String,
    /// SHA-256 of the content in lower-case hex.
    pub sha256: String,
    /// What the content says.
    pub statement: Statement,
    /// When it became void.
    pub voided_at: Option<Timestamp>,
}

impl RunRecord {
    /// The first approval, unless the payouts changed since.
    pub fn valid_first_approval(&self) -> Option<&FirstApproval> {
        self.first_approval_of(&self.digest)
    }

    /// The first approval, where it is of payouts with this digest.
    pub(super) fn first_approval_of(&self, digest: &str) -> Option<&FirstApproval> {
        self.first_approval.as_ref().filter(|first| first.digest == digest)
    }

    /// How many principals still have to approve it.
    pub fn approvals_missing(&self) -> u32 {
        match self.status {
            RunStatus::Frozen => self.approvals_needed.saturating_sub(u32::from(self.valid_first_approval().is_some())),
            RunStatus::Approved
            | RunStatus::Sending
            | RunStatus::Completed
            | RunStatus::Rejected
            | RunStatus::Canceled => 0,
        }
    }
}

impl PayoutRecord {
    /// The hold of the present attempt.
    pub(super) fn hold(&self) -> Result<Hold, StoreError> {
        let id = HoldId::parse(self.ref_payout_id.clone()).map_err(|error| corrupt("a hold of a payout", error))?;
        Ok(Hold { id, seller: self.seller.clone(), amount: self.amount })
    }
}

pub(super) fn run(row: payout_runs::Model) -> Result<RunRecord, StoreError> {
    let principal = |text: String| Principal::parse(&text).map_err(|error| corrupt("a principal of a run", error));
    let carried_over = serde_json::from_str(&row.carried_over);
    let first_approval = match (row.first_approval_by, row.first_approval_at, row.first_approval_digest) {
        (Some(by), Some(at), Some(digest)) => {
            Some(FirstApproval { by: principal(by)?, at: from_column_time(at), digest })
        }
        _ => None,
    };
    Ok(RunRecord {
        run_id: PayoutRunId::parse(row.run_id).map_err(|error| corrupt("an id of a run", error))?,
        kind: kind(&row.kind)?,
        paid_by: paid_by(&row.paid_by)?,
        date: day(&row.run_date)?,
        status: RunStatus::parse(&row.status).ok_or_else(|| corrupt("a status of a run", &row.status))?,
        digest: row.digest,
        digest_scheme: DigestScheme::of_number(row.digest_scheme)
            .ok_or_else(|| corrupt("a scheme of a digest", row.digest_scheme))?,
        total: won(row.total)?,
        payout_count: from_column_revision(row.payout_count)?,
        carried_over: carried_over.map_err(|error| corrupt("what a run carries over", error))?,
        frozen_by: principal(row.frozen_by)?,
        frozen_at: from_column_time(row.frozen_at),
        decided_by: row.decided_by.map(principal).transpose()?,
        decided_at: row.decided_at.map(from_column_time),
        decision_reason: row.decision_reason,
        completed_at: row.completed_at.map(from_column_time),
        version: from_column_revision(row.version)?,
        approvals_needed: from_column_revision(row.approvals_needed)?,
        first_approval,
    })
}

pub(crate) fn payout(row: payouts::Model) -> Result<PayoutRecord, StoreError> {
    let answer = noted_answer(&row)?;
    let failure =
        row.failure_code.map(|code| Failure::new(FailureCode::from(code), row.failure_message.unwrap_or_default()));
    Ok(PayoutRecord {
        payout_id: payout_id(row.payout_id)?,
        run_id: PayoutRunId::parse(row.run_id).map_err(|error| corrupt("an id of a run", error))?,
        kind: kind(&row.kind)?,
        paid_by: paid_by(&row.paid_by)?,
        seller: seller(row.seller_account)?,
        period: day(&row.period)?,
        amount: won(row.amount)?,
        status: PayoutStatus::parse(&row.status).ok_or_else(|| corrupt("a status of a payout", &row.status))?,
        destination: row.destination,
        attempt: from_column_revision(row.attempt)?,
        ref_payout_id: row.ref_payout_id,
        batch: row.batch.map(from_column_revision).transpose()?,
        pays_on: row.pays_on.as_deref().map(day).transpose()?,
        psp_payout_id: row.psp_payout_id,
        failure,
        is_void: row.is_void,
        frozen_at: from_column_time(row.frozen_at),
        sent_at: row.sent_at.map(from_column_time),
        ended_at: row.ended_at.map(from_column_time),
        received_at: row.received_at.map(from_column_time),
        bank_line: row.bank_line,
        return_line: row.return_line,
        answer,
        version: from_column_revision(row.version)?,
    })
}

pub(super) fn statement(row: statements::Model) -> Result<StatementRecord, StoreError> {
    let statement = serde_json::from_str(&row.content).map_err(|error| corrupt("a statement", error))?;
    Ok(StatementRecord {
        payout_id: payout_id(row.payout_id)?,
        content: row.content,
        sha256: row.sha256,
        statement,
        voided_at: row.voided_at.map(from_column_time),
    })
}

fn noted_answer(row: &payouts::Model) -> Result<Option<NotedAnswer>, StoreError> {
    let (Some(answer), Some(by), Some(at)) = (&row.answer, &row.answered_by, row.answered_at) else { return Ok(None) };
    let principal = |text: &String| Principal::parse(text).map_err(|error| corrupt("a principal of an answer", error));
    Ok(Some(NotedAnswer {
        answer: BankAnswer::parse(answer).ok_or_else(|| corrupt("an answer of the bank", answer))?,
        by: principal(by)?,
        at: from_column_time(at),
        reason: row.answer_reason.clone().unwrap_or_default(),
        confirmed_by: row.confirmed_by.as_ref().map(principal).transpose()?,
    }))
}

pub(super) fn paid_by(text: &str) -> Result<PaidBy, StoreError> {
    PaidBy::parse(text).ok_or_else(|| corrupt("a way of paying", text))
}

pub(super) fn kind(text: &str) -> Result<PayoutKind, StoreError> {
    PayoutKind::parse(text).ok_or_else(|| corrupt("a kind of payout", text))
}

pub(super) fn payout_id(text: String) -> Result<PayoutId, StoreError> {
    PayoutId::parse(text).map_err(|error| corrupt("an id of a payout", error))
}

pub(super) fn seller(text: String) -> Result<SellerAccount, StoreError> {
    SellerAccount::parse(text).map_err(|error| corrupt("a seller", error))
}

pub(super) fn day(text: &str) -> Result<Day, StoreError> {
    text.parse().map_err(|_| corrupt("a day", text))
}

pub(super) fn won(minor: i64) -> Result<Money, StoreError> {
    from_column_amount(minor, Currency::Krw)
}
