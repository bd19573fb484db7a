//! Changes of payouts: the status, and the money that moves with it.

use std::collections::HashMap;

use domain::{
    Timestamp,
    failure::{Failure, OurCode},
    hold::HoldEvent,
    id::{HoldId, PayoutId},
    ledger::{Hold, HoldEnd, PayoutEnd},
    payout::{
        PaidBy, PayoutKind, PayoutStatus, bank_file::account_of, batch::PayoutChange, plan::PlanRules, status::MoneyAt,
    },
    principal::Principal,
    seller::{NewHold, cools_down_until},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    events::{Changed, append_payouts},
    frozen::{run_of, write_digest},
    record::{self, PayoutRecord, RunRecord},
    refusal::{PayoutRefusal, payout_of},
    sweep,
};
use crate::{
    StoreError, Writer,
    books::open::Books,
    convert::{corrupt, to_column_amount, to_column_revision, to_column_time},
    entities::{payout_attempts, payouts, wallet_holds},
    hold::{self, write::HoldChanges},
    seller::{PayoutTerms, account_returned, list_hold, payout_terms, transfer_returned},
    transaction::Transaction,
};

/// How many payouts one statement reads.
const NAMES: usize = 1_000;

/// What a principal asks of one payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRequest {
    /// The payout.
    pub payout_id: PayoutId,
    /// The attempt that the author means; nothing where the author names none.
    pub attempt: Option<u32>,
    /// The author.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

impl PayoutRequest {
    /// A request that was sent for a former attempt does nothing to the present one.
    pub(super) fn of_attempt(&self, payout: &PayoutRecord) -> Result<(), PayoutRefusal> {
        match self.attempt {
            Some(attempt) if attempt != payout.attempt => Err(PayoutRefusal::OtherAttempt(payout.attempt)),
            Some(_) | None => Ok(()),
        }
    }
}

/// What came of taking a payout back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is not paid.
    Done(PayoutRecord),
    /// The PSP has it and waits for its day: the PSP has to be told.
    AtPsp(PayoutRecord),
}

/// A change of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) status: PayoutStatus,
    pub(super) psp_payout_id: Option<String>,
    pub(super) failure: Option<Failure>,
}

impl Change {
    pub(super) const fn to(status: PayoutStatus) -> Self {
        Self { status, psp_payout_id: None, failure: None }
    }
}

impl Writer {
    /// Moves payouts to what is known of them, with their money, in one transaction. A change that a payout's status
    /// does not allow is left out, so to repeat it does no harm. Answers how many payouts changed.
    pub async fn change_payouts(&self, changes: &[PayoutChange]) -> Result<usize, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let wanted: HashMap<&str, &PayoutChange> =
            changes.iter().map(|change| (change.ref_payout_id.as_str(), change)).collect();
        let mut rows = Vec::with_capacity(wanted.len());
        for names in changes.chunks(NAMES) {
            let names = names.iter().map(|change| change.ref_payout_id.as_str());
            let found = payouts::Entity::find()
                .filter(payouts::Column::RefPayoutId.is_in(names))
                // Of what is paid by bank file, the PSP has nothing to say.
                .filter(payouts::Column::PaidBy.eq(PaidBy::Psp.as_str()));
            rows.extend(found.all(&transaction).await?);
        }
        let mut known = Vec::with_capacity(rows.len());
        for payout in rows.into_iter().map(record::payout) {
            let payout = payout?;
            let Some(change) = wanted.get(payout.ref_payout_id.as_str()) else { continue };
            if change.amount.is_some_and(|amount| amount != payout.amount) {
                tracing::error!(payout.id = %payout.payout_id, "the PSP names another amount of {}", payout.payout_id);
                continue;
            }
            let change = Change {
                status: change.status,
                psp_payout_id: change.psp_payout_id.clone(),
                failure: change.failure.clone(),
            };
            known.push((payout, change));
        }
        let changed = carry_out(&mut books, known).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Takes a payout back before it left, or says that the PSP has it.
    pub async fn withdraw_payout(
        &self,
        request: &PayoutRequest,
    ) -> Result<Result<Withdrawal, PayoutRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(payout) = payout_of(&transaction, &request.payout_id).await? else {
            return Ok(Err(PayoutRefusal::Unknown));
        };
        if let Err(refusal) = request.of_attempt(&payout) {
            return Ok(Err(refusal));
        }
        match payout.status {
            PayoutStatus::Frozen | PayoutStatus::Approved => {}
            PayoutStatus::Canceled => return Ok(Ok(Withdrawal::Done(payout))),
            PayoutStatus::Requested => return Ok(Ok(Withdrawal::AtPsp(payout))),
            PayoutStatus::Sending
            | PayoutStatus::Unknown
            | PayoutStatus::InProgress
            | PayoutStatus::Paid
            | PayoutStatus::Failed
            | PayoutStatus::Returned
            | PayoutStatus::Stuck => return Ok(Err(PayoutRefusal::Status(payout.status))),
        }
        let (id, run_id) = (payout.payout_id.clone(), payout.run_id.clone());
        let failure = Failure::new(OurCode::PayoutWithdrawn, request.reason.clone());
        let change = Change { failure: Some(failure), ..Change::to(PayoutStatus::Canceled) };
        carry_out(&mut books, vec![(payout, change)]).await?;
        write_digest(&transaction, &run_id, &id).await?;
        books.close().await?;
        let payout =
            payout_of(&transaction, &id).await?.ok_or_else(|| corrupt("no payout that was taken back", &id))?;
        transaction.commit().await?;
        Ok(Ok(Withdrawal::Done(payout)))
    }

    /// Begins a new attempt of a payout of which the PSP says that it was not made. Refused where the seller or the
    /// account changed since the approval: nobody sends money to a new account alone.
    pub async fn retry_payout(
        &self,
        request: &PayoutRequest,
        rules: &PlanRules,
    ) -> Result<Result<PayoutRecord, PayoutRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(payout) = payout_of(&transaction, &request.payout_id).await? else {
            return Ok(Err(PayoutRefusal::Unknown));
        };
        if let Err(refusal) = request.of_attempt(&payout) {
            return Ok(Err(refusal));
        }
        let run = run_of(&transaction, &payout.run_id).await?;
        // What was taken back before the approval is no part of what was approved.
        let was_approved = |run: RunRecord| {
            let is_part = payout.ended_at.is_none_or(|ended_at| run.decided_at.is_some_and(|at| at < ended_at));
            run.status.is_approved() && run.decided_by.is_some() && is_part
        };
        if payout.is_void || !run.is_some_and(was_approved) {
            return Ok(Err(PayoutRefusal::NotApproved));
        }
        if !matches!(payout.status, PayoutStatus::Failed | PayoutStatus::Canceled) {
            return Ok(Err(PayoutRefusal::Status(payout.status)));
        }
        let now = books.now();
        let terms = payout_terms(&transaction, std::slice::from_ref(&payout.seller), now).await?;
        if !is_same_seller(&payout, terms.get(&payout.seller), now, rules) {
            return Ok(Err(PayoutRefusal::SellerChanged));
        }
        let attempt = payout.attempt + 1;
        let id = payout.payout_id.attempt(attempt);
        if let Err(refusal) = reserve_again(&mut books, &payout, &id, rules).await? {
            return Ok(Err(refusal));
        }
        let row = payout_attempts::ActiveModel {
            payout_id: Set(payout.payout_id.to_string()),
            attempt: Set(to_column_revision(attempt)?),
            ref_payout_id: Set(id.to_string()),
            requested_by: Set(request.by.to_string()),
            reason: Set(request.reason.clone()),
            created_at: Set(to_column_time(now)),
        };
        payout_attempts::Entity::insert(row).exec_without_returning(&transaction).await?;
        write_attempt(&transaction, &payout, &id).await?;
        books.close().await?;
        let payout = payout_of(&transaction, &payout.payout_id).await?;
        let payout = payout.ok_or_else(|| corrupt("no payout of a new attempt", &request.payout_id))?;
        transaction.commit().await?;
        Ok(Ok(payout))
    }
}

/// Books that the money of a paid payout came back. It is held until a principal lifts the hold, and the account is
/// not verified any more.
pub(super) async fn come_back(
    books: &mut Books<'_>,
    payout: PayoutRecord,
    request: &PayoutRequest,
) -> Result<(), StoreError> {
    let failure = Failure::new(OurCode::PayoutReturned, &request.reason);
    let change = Change { failure: Some(failure), ..Change::to(PayoutStatus::Returned) };
    let hold = hold_of_returned(&payout, &request.by);
    let (seller, now) = (payout.seller.clone(), books.now());
    let account = match payout.paid_by {
        PaidBy::Psp => None,
        PaidBy::BankFile => account_of(&payout.destination),
    };
    carry_out(books, vec![(payout, change)]).await?;
    if let Some(hold) = hold {
        list_hold(books.transaction, &hold, now).await?;
    }
    match account {
        Some(account) => transfer_returned(books.transaction, &seller, account, now).await,
        None => account_returned(books.transaction, &seller, now).await,
    }
}

/// The hold on what came back, as a principal lifts it; nothing of a sweep, whose money is our own.
fn hold_of_returned(payout: &PayoutRecord, by: &Principal) -> Option<NewHold> {
    match payout.kind {
        PayoutKind::Sweep => None,
        PayoutKind::Seller => Some(NewHold {
            hold_id: payout.payout_id.returned(),
            seller: payout.seller.clone(),
            amount: Some(payout.amount),
            reason: format!("The payout {} came back", payout.payout_id),
            until: None,
            placed_by: by.clone(),
        }),
    }
}

/// Reserves the money of a new attempt; of a sweep it is looked at alone.
async fn reserve_again(
    books: &mut Books<'_>,
    payout: &PayoutRecord,
    attempt: &HoldId,
    rules: &PlanRules,
) -> Result<Result<(), PayoutRefusal>, StoreError> {
    let now = books.now();
    match payout.kind {
        PayoutKind::Sweep => {
            let again = sweep::allowed(books.transaction, Some(payout.amount), rules, now).await?;
            Ok(again.map(|_| ()).map_err(PayoutRefusal::Sweep))
        }
        PayoutKind::Seller => {
            let wallet = books.wallet(&payout.seller, payout.amount.currency()).await?;
            if wallet.available.minor() < payout.amount.minor() {
                return Ok(Err(PayoutRefusal::NotEnough));
            }
            let hold = Hold { id: attempt.clone(), seller: payout.seller.clone(), amount: payout.amount };
            hold::write::reserve(books, &hold, None, now).await?;
            Ok(Ok(()))
        }
    }
}

/// Whether the seller may be paid as the approval saw it.
pub(super) fn is_same_seller(
    payout: &PayoutRecord,
    terms: Option<&PayoutTerms>,
    now: Timestamp,
    rules: &PlanRules,
) -> bool {
    let Some(terms) = terms else { return false };
    let was_changed = terms.account_changed_at.is_some_and(|at| at >= payout.frozen_at);
    let cools_down = cools_down_until(terms.account_changed_at, rules.cool_down_ms, now).is_some();
    let is_same = terms.destination_by(payout.paid_by).is_some_and(|destination| destination == payout.destination);
    is_same && !was_changed && !cools_down && terms.status_by(payout.paid_by).may_be_paid()
}

async fn write_attempt(transaction: &Transaction, payout: &PayoutRecord, id: &HoldId) -> Result<(), StoreError> {
    payouts::Entity::update_many()
        .col_expr(payouts::Column::Status, Expr::value(PayoutStatus::Approved.as_str()))
        .col_expr(payouts::Column::Attempt, Expr::value(to_column_revision(payout.attempt + 1)?))
        .col_expr(payouts::Column::RefPayoutId, Expr::value(id.to_string()))
        .col_expr(payouts::Column::Batch, Expr::value(None::<i32>))
        .col_expr(payouts::Column::PaysOn, Expr::value(None::<String>))
        .col_expr(payouts::Column::PspPayoutId, Expr::value(None::<String>))
        .col_expr(payouts::Column::FailureCode, Expr::value(None::<String>))
        .col_expr(payouts::Column::FailureMessage, Expr::value(None::<String>))
        .col_expr(payouts::Column::EndedAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .col_expr(payouts::Column::Answer, Expr::value(None::<String>))
        .col_expr(payouts::Column::AnsweredBy, Expr::value(None::<String>))
        .col_expr(payouts::Column::AnsweredAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .col_expr(payouts::Column::AnswerReason, Expr::value(None::<String>))
        .col_expr(payouts::Column::ConfirmedBy, Expr::value(None::<String>))
        .col_expr(payouts::Column::Version, Expr::value(to_column_revision(payout.version + 1)?))
        .filter(payouts::Column::PayoutId.eq(payout.payout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Carries changes out that their payouts allow; the others are left out. Answers how many were carried out.
pub(super) async fn carry_out(
    books: &mut Books<'_>,
    changes: Vec<(PayoutRecord, Change)>,
) -> Result<usize, StoreError> {
    let now = books.now();
    let (mut waiting, mut allowed) = (Vec::new(), Vec::new());
    for (payout, change) in changes {
        let is_waiting = payout.status == change.status && payout.failure != change.failure;
        if is_waiting && payout.status.is_followed() {
            waiting.push((payout, change));
        } else if payout.status.may_become(change.status) {
            allowed.push((payout, change));
        }
    }
    for (payout, change) in &waiting {
        write(books.transaction, payout, change, now).await?;
    }
    move_money(books, &allowed).await?;
    let mut changed = Vec::with_capacity(allowed.len());
    for (payout, change) in allowed {
        let before = payout.status;
        changed.push(Changed { before, now: write(books.transaction, &payout, &change, now).await? });
    }
    append_payouts(books.transaction, &changed, now).await?;
    Ok(changed.len())
}

async fn write(
    transaction: &Transaction,
    payout: &PayoutRecord,
    change: &Change,
    now: Timestamp,
) -> Result<PayoutRecord, StoreError> {
    let mut after = payout.clone();
    after.status = change.status;
    after.version += 1;
    after.failure.clone_from(&change.failure);
    if change.psp_payout_id.is_some() {
        after.psp_payout_id.clone_from(&change.psp_payout_id);
    }
    after.ended_at = change.status.is_end().then_some(now);
    payouts::Entity::update_many()
        .col_expr(payouts::Column::Status, Expr::value(after.status.as_str()))
        .col_expr(payouts::Column::PspPayoutId, Expr::value(after.psp_payout_id.clone()))
        .col_expr(
            payouts::Column::FailureCode,
            Expr::value(after.failure.as_ref().map(|failure| String::from(failure.code.clone()))),
        )
        .col_expr(
            payouts::Column::FailureMessage,
            Expr::value(after.failure.as_ref().map(|failure| failure.message.clone())),
        )
        .col_expr(payouts::Column::EndedAt, Expr::value(after.ended_at.map(to_column_time)))
        .col_expr(payouts::Column::Version, Expr::value(to_column_revision(after.version)?))
        .filter(payouts::Column::PayoutId.eq(payout.payout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(after)
}

/// Moves the money of payouts to where their next statuses say that it is.
async fn move_money(books: &mut Books<'_>, changes: &[(PayoutRecord, Change)]) -> Result<(), StoreError> {
    let mut moves = Vec::with_capacity(changes.len());
    for (payout, change) in changes {
        match payout.kind {
            PayoutKind::Sweep => {
                sweep::move_money(books, payout, change.status).await?;
                continue;
            }
            PayoutKind::Seller => {}
        }
        let (from, to) = (payout.status.money(), change.status.money());
        if (from, to) == (MoneyAt::SellerBank, MoneyAt::Free) {
            keep_returned(books, payout).await?;
        }
        let events = money_events(payout, from, to)?;
        if !events.is_empty() {
            moves.push(HoldChanges { hold: payout.hold()?.id, events });
        }
    }
    let now = books.now();
    hold::write::change_all(books, &moves, now).await
}

/// What happens to the hold of a payout whose money moves.
fn money_events(payout: &PayoutRecord, from: MoneyAt, to: MoneyAt) -> Result<Vec<HoldEvent>, StoreError> {
    let captured = HoldEvent::Captured(payout.amount);
    let (arrived, returned) = match payout.paid_by {
        PaidBy::Psp => (PayoutEnd::ArrivedFromPsp, PayoutEnd::Returned),
        PaidBy::BankFile => (PayoutEnd::Arrived, PayoutEnd::ReturnedToBank),
    };
    Ok(match (from, to) {
        (MoneyAt::Held, MoneyAt::Held) | (MoneyAt::InTransit, MoneyAt::InTransit) => Vec::new(),
        (MoneyAt::Held, MoneyAt::InTransit) => vec![captured],
        (MoneyAt::Held, MoneyAt::SellerBank) => vec![captured, HoldEvent::PayoutEnded(arrived)],
        (MoneyAt::Held, MoneyAt::Free) => vec![HoldEvent::Ended(HoldEnd::Released)],
        (MoneyAt::InTransit, MoneyAt::SellerBank) => vec![HoldEvent::PayoutEnded(arrived)],
        (MoneyAt::InTransit, MoneyAt::Free) => vec![HoldEvent::PayoutEnded(PayoutEnd::CameBack)],
        (MoneyAt::SellerBank, MoneyAt::Free) => vec![HoldEvent::PayoutEnded(returned)],
        (MoneyAt::InTransit | MoneyAt::SellerBank | MoneyAt::Free, _) => {
            return Err(corrupt("a payout that goes back", &payout.payout_id));
        }
    })
}

/// The hold of money that came back; its entry is that of the return.
async fn keep_returned(books: &Books<'_>, payout: &PayoutRecord) -> Result<(), StoreError> {
    let row = wallet_holds::ActiveModel {
        hold_id: Set(payout.payout_id.returned().to_string()),
        seller_account: Set(payout.seller.to_string()),
        currency: Set(payout.amount.currency().code().to_owned()),
        amount: Set(to_column_amount(payout.amount)?),
        captured_amount: Set(0),
        status: Set(domain::hold::HoldStatus::Reserved.as_str().to_owned()),
        reserved_at: Set(to_column_time(books.now())),
        expires_at: Set(None),
    };
    wallet_holds::Entity::insert(row).exec_without_returning(books.transaction).await?;
    Ok(())
}
