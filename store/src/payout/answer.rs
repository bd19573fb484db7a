//! What a bank made of payouts: by a line of our bank's statement, or by the word of two principals.
//!
//! Line and word meet at the status of the payout: the first of them changes it, and the other one finds it changed.

use domain::{
    Timestamp,
    failure::{Failure, OurCode},
    id::PayoutId,
    payout::{
        PaidBy, PayoutKind, PayoutStatus,
        bank_file::{BankAnswer, Heard, hear},
    },
    principal::Principal,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    change::{Change, PayoutRequest, carry_out, come_back},
    frozen::run_of,
    record::PayoutRecord,
    refusal::{PayoutRefusal, payout_of},
    send::complete,
    sweep,
};
use crate::{
    StoreError, Writer,
    books::open::Books,
    convert::{corrupt, to_column_revision, to_column_time},
    entities::payouts,
    transaction::Transaction,
};

/// A line of our bank's statement that shows a transfer, or its return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferShown {
    /// The payout.
    pub payout_id: PayoutId,
    /// Our name of the attempt whose reference the line has.
    pub ref_payout_id: String,
    /// The line, by its hash.
    pub bank_line: String,
}

/// What a word finds.
enum Found {
    /// The payout waits for it.
    Waits,
    /// It is carried out.
    Done,
}

impl Writer {
    /// Notes a principal's word on what a bank made of a payout; where another principal said the same before, it is
    /// carried out. To say the same again changes nothing.
    pub async fn answer_payout(
        &self,
        request: &PayoutRequest,
        answer: BankAnswer,
    ) -> Result<Result<PayoutRecord, PayoutRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(payout) = payout_of(&transaction, &request.payout_id).await? else {
            return Ok(Err(PayoutRefusal::Unknown));
        };
        match request.of_attempt(&payout).and_then(|()| found(&payout, answer)) {
            Ok(Found::Waits) => {}
            Ok(Found::Done) => return Ok(Ok(payout)),
            Err(refusal) => return Ok(Err(refusal)),
        }
        let noted = payout.answer.as_ref().filter(|noted| noted.confirmed_by.is_none());
        match hear(noted.map(|noted| (noted.answer, &noted.by)), answer, &request.by) {
            Heard::Before => return Ok(Ok(payout)),
            Heard::Noted => note(&transaction, &payout, request, answer, books.now()).await?,
            Heard::Confirmed => {
                confirm(&transaction, &payout, &request.by).await?;
                follow(&mut books, payout, answer, request).await?;
            }
        }
        books.close().await?;
        let payout = payout_of(&transaction, &request.payout_id).await?;
        let payout = payout.ok_or_else(|| corrupt("no payout that was answered", &request.payout_id))?;
        transaction.commit().await?;
        Ok(Ok(payout))
    }

    /// Ends a payout whose transfer a line of our bank's statement shows. A line shows one payout.
    pub async fn show_transfer(
        &self,
        shown: &TransferShown,
    ) -> Result<Result<PayoutRecord, PayoutRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let payout = match by_bank_file(&transaction, &shown.payout_id).await? {
            Ok(payout) => payout,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let is_attempt = payout.ref_payout_id == shown.ref_payout_id && payout.bank_line.is_none();
        match payout.status {
            PayoutStatus::InProgress if is_attempt => {
                end(&mut books, payout, BankAnswer::Paid, "").await?;
            }
            // Two principals were faster; the line is kept with the payout.
            PayoutStatus::Paid | PayoutStatus::Returned if is_attempt => {}
            status => return Ok(Err(PayoutRefusal::Status(status))),
        }
        keep_line(&transaction, shown, payouts::Column::BankLine).await?;
        books.close().await?;
        let payout = payout_of(&transaction, &shown.payout_id).await?;
        let payout = payout.ok_or_else(|| corrupt("no payout that a line shows", &shown.payout_id))?;
        transaction.commit().await?;
        Ok(Ok(payout))
    }

    /// Keeps the line that shows what two principals said: the money of the payout came back to our bank. No money
    /// moves by it. A line shows one return.
    pub async fn show_return(&self, shown: &TransferShown) -> Result<Result<(), PayoutRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let books = Books::open(&transaction, self.database().clock()).await?;
        let payout = match by_bank_file(&transaction, &shown.payout_id).await? {
            Ok(payout) => payout,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let is_attempt = payout.ref_payout_id == shown.ref_payout_id && payout.return_line.is_none();
        if payout.status != PayoutStatus::Returned || !is_attempt {
            return Ok(Err(PayoutRefusal::Status(payout.status)));
        }
        keep_line(&transaction, shown, payouts::Column::ReturnLine).await?;
        books.close().await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }
}

/// The payout that a line of our bank's statement is about.
async fn by_bank_file(
    transaction: &Transaction,
    id: &PayoutId,
) -> Result<Result<PayoutRecord, PayoutRefusal>, StoreError> {
    Ok(match payout_of(transaction, id).await? {
        None => Err(PayoutRefusal::Unknown),
        Some(payout) if payout.paid_by != PaidBy::BankFile => Err(PayoutRefusal::ByPsp),
        Some(payout) => Ok(payout),
    })
}

/// Whether a payout waits for a word of this kind, or why it does not take the word.
fn found(payout: &PayoutRecord, answer: BankAnswer) -> Result<Found, PayoutRefusal> {
    let (waiting, is_done) = match answer {
        BankAnswer::Paid | BankAnswer::Failed if payout.paid_by != PaidBy::BankFile => {
            return Err(PayoutRefusal::ByPsp);
        }
        BankAnswer::Paid | BankAnswer::Failed => (PayoutStatus::InProgress, payout.status == answer.status()),
        BankAnswer::Returned if payout.received_at.is_some() => return Err(PayoutRefusal::Received),
        BankAnswer::Returned => (PayoutStatus::Paid, payout.status == answer.status()),
        BankAnswer::Received if payout.kind != PayoutKind::Sweep => return Err(PayoutRefusal::NoSweep),
        BankAnswer::Received => (PayoutStatus::Paid, payout.received_at.is_some()),
    };
    if is_done {
        return Ok(Found::Done);
    }
    if payout.status == waiting { Ok(Found::Waits) } else { Err(PayoutRefusal::Status(payout.status)) }
}

/// Carries out what two principals said.
async fn follow(
    books: &mut Books<'_>,
    payout: PayoutRecord,
    answer: BankAnswer,
    request: &PayoutRequest,
) -> Result<(), StoreError> {
    match answer {
        BankAnswer::Paid | BankAnswer::Failed => end(books, payout, answer, &request.reason).await,
        BankAnswer::Returned => come_back(books, payout, request).await,
        BankAnswer::Received => sweep::receive(books, &payout, None).await,
    }
}

/// The payout ends with its money, and the run with its last payout: nobody has to wake the workflow.
async fn end(books: &mut Books<'_>, payout: PayoutRecord, answer: BankAnswer, reason: &str) -> Result<(), StoreError> {
    let failure = match answer {
        BankAnswer::Failed => Some(Failure::new(OurCode::PayoutRefusedByBank, reason)),
        BankAnswer::Paid | BankAnswer::Returned | BankAnswer::Received => None,
    };
    let run_id = payout.run_id.clone();
    carry_out(books, vec![(payout, Change { failure, ..Change::to(answer.status()) })]).await?;
    let run = run_of(books.transaction, &run_id).await?.ok_or_else(|| corrupt("no run of a payout", &run_id))?;
    complete(books.transaction, run, books.now()).await.map(|_| ())
}

async fn note(
    transaction: &Transaction,
    payout: &PayoutRecord,
    request: &PayoutRequest,
    answer: BankAnswer,
    now: Timestamp,
) -> Result<(), StoreError> {
    payouts::Entity::update_many()
        .col_expr(payouts::Column::Answer, Expr::value(answer.as_str()))
        .col_expr(payouts::Column::AnsweredBy, Expr::value(request.by.to_string()))
        .col_expr(payouts::Column::AnsweredAt, Expr::value(to_column_time(now)))
        .col_expr(payouts::Column::AnswerReason, Expr::value(request.reason.clone()))
        .col_expr(payouts::Column::ConfirmedBy, Expr::value(None::<String>))
        .col_expr(payouts::Column::Version, Expr::value(to_column_revision(payout.version + 1)?))
        .filter(payouts::Column::PayoutId.eq(payout.payout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn confirm(transaction: &Transaction, payout: &PayoutRecord, by: &Principal) -> Result<(), StoreError> {
    payouts::Entity::update_many()
        .col_expr(payouts::Column::ConfirmedBy, Expr::value(by.to_string()))
        .filter(payouts::Column::PayoutId.eq(payout.payout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn keep_line(
    transaction: &Transaction,
    shown: &TransferShown,
    column: payouts::Column,
) -> Result<(), StoreError> {
    payouts::Entity::update_many()
        .col_expr(column, Expr::value(shown.bank_line.clone()))
        .filter(payouts::Column::PayoutId.eq(shown.payout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}
