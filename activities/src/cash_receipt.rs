//! Cash receipts: the PSP is asked how those of a payment stand.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    Currency,
    cash_receipt::{
        CashReceipt, Coverage, ReceiptEntry, ReceiptPurpose, ReceiptStatus, ReceiptsSeen, is_cash_like, standing,
    },
    inquiry::Doubt,
};
use store::{ReceiptLook, StoreError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use toss::{CashReceiptRecord, CashReceiptType, IssueStatus, Payment, PaymentStatus, TransactionType};
use workflows::cash_receipt::{FollowCashReceipts, ReceiptsFollowed};

use crate::{
    failure::{evidence, failure, store_failure},
    psp::{is_about, is_receipt_number, money, to_timestamp, to_toss_currency, unreadable},
    words::plain,
};

/// How many payments are read from the database at once.
const PORTION: u64 = 50;
/// For how long one activity asks: well below the time that it has, with a minute for the last answer.
const PORTION_TIME: Duration = Duration::from_secs(60);
/// When a payment is asked about again of which the PSP told nothing, in milliseconds.
const NO_ANSWER_PAUSE_MS: u64 = 10 * 60 * 1_000;
/// After how many questions without an answer, one after the other, the rest is left for the next time.
const MOST_UNANSWERED: u32 = 3;
/// The most characters of a receipt's key. Source: Toss, core API reference, "CashReceipt 객체".
const MAX_KEY_CHARS: usize = 200;

/// The activities of cash receipts.
#[derive(Debug, Clone)]
pub struct CashReceipts {
    /// Where they are written.
    pub writer: Writer,
    /// The way to the PSP.
    pub toss: toss::Client,
}

/// Why nothing was learned of the receipts of a payment.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    /// In words that name no payment key: the log is read by many.
    #[error("{0}")]
    Psp(String),
    #[error("the PSP's answer is unreadable: {}", .0.evidence)]
    Unreadable(Doubt),
    #[error("there are no keys for {0}")]
    NoKeys(Currency),
}

#[activities]
impl CashReceipts {
    /// Asks about one payment after the other. One of which the PSP tells nothing holds up no other.
    #[activity(definition = FollowCashReceipts)]
    pub async fn follow(self: Arc<Self>, _ctx: ActivityContext, (): ()) -> Result<ReceiptsFollowed, ActivityError> {
        let (began, mut told, mut unanswered) = (Instant::now(), 0, 0);
        loop {
            let due = self.writer.receipts_to_look_at(PORTION).await.map_err(store_failure)?;
            if due.is_empty() {
                return Ok(ReceiptsFollowed { told, is_unfinished: false });
            }
            for look in &due {
                if began.elapsed() >= PORTION_TIME {
                    return Ok(ReceiptsFollowed { told, is_unfinished: true });
                }
                if self.look(look).await.map_err(store_failure)? {
                    (told, unanswered) = (told + 1, 0);
                } else {
                    unanswered += 1;
                }
                if unanswered >= MOST_UNANSWERED {
                    return Ok(ReceiptsFollowed { told, is_unfinished: false });
                }
            }
        }
    }
}

impl CashReceipts {
    /// Asks about the receipts of one payment, and writes what the PSP says. Answers whether it said anything.
    async fn look(&self, look: &ReceiptLook) -> Result<bool, StoreError> {
        let now = self.writer.time().await?;
        match self.ask(look).await {
            Ok(seen) => {
                let pause_ms = seen.standing.next_look_ms(now.ms_since(look.paid_at));
                self.writer.see_receipts(look, &seen, pause_ms.map(|pause_ms| now.plus_ms(pause_ms))).await?;
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(
                    checkout.id = %look.checkout_id,
                    error = &error as &dyn std::error::Error,
                    "the cash receipts of {} are not known yet; the PSP is asked again",
                    look.checkout_id
                );
                self.writer.look_at_receipts_later(look, now.plus_ms(NO_ANSWER_PAUSE_MS)).await?;
                Ok(false)
            }
        }
    }

    async fn ask(&self, look: &ReceiptLook) -> Result<ReceiptsSeen, NoAnswer> {
        let toss = self.toss.of(to_toss_currency(look.currency)).ok_or(NoAnswer::NoKeys(look.currency))?;
        let payment = toss.payment(look.payment_key.as_str()).await;
        let payment = payment.map_err(|error| NoAnswer::Psp(evidence(&error)))?;
        is_about(&payment, &look.payment_key, &look.checkout_id).map_err(NoAnswer::Unreadable)?;
        seen(&payment).map_err(NoAnswer::Unreadable)
    }
}

/// What a payment says of its receipts. Receipts and money are of one answer, so that no refund comes in between.
fn seen(payment: &Payment) -> Result<ReceiptsSeen, Doubt> {
    // Of a deposit that the bank took back, nothing is held.
    let held = if payment.status == PaymentStatus::WaitingForDeposit { 0 } else { payment.balance_amount };
    let method = payment.method.as_ref().map(|method| method.as_str());
    let coverage = if is_cash_like(method) { Coverage::Whole } else { Coverage::Part };
    let receipts = receipts(payment)?;
    let standing = standing(&receipts, money(payment, held)?, coverage);
    Ok(ReceiptsSeen { receipts, standing })
}

/// The receipts of a payment: each with its row, or the one that the payment names where Toss lists none.
fn receipts(payment: &Payment) -> Result<Vec<CashReceipt>, Doubt> {
    if !payment.cash_receipts.is_empty() {
        return payment.cash_receipts.iter().map(|row| of_row(payment, row)).collect();
    }
    let Some(receipt) = &payment.cash_receipt else { return Ok(Vec::new()) };
    let amount = receipt.amount.ok_or_else(|| unreadable("a cash receipt without an amount"))?;
    Ok(vec![CashReceipt {
        key: key(receipt.receipt_key.as_deref())?,
        entry: ReceiptEntry::Issue,
        purpose: receipt.receipt_type.as_ref().and_then(purpose),
        amount: money(payment, amount)?,
        tax_free: money(payment, receipt.tax_free_amount.unwrap_or(0).min(amount))?,
        number: receipt.issue_number.clone().filter(|number| is_receipt_number(number)),
        url: receipt.receipt_url.as_deref().and_then(address),
        status: ReceiptStatus::Completed,
        failure: None,
        requested_at: None,
    }])
}

fn of_row(payment: &Payment, row: &CashReceiptRecord) -> Result<CashReceipt, Doubt> {
    let amount = row.amount.ok_or_else(|| unreadable("a cash receipt without an amount"))?;
    let entry = match &row.transaction_type {
        Some(TransactionType::Confirm) => ReceiptEntry::Issue,
        Some(TransactionType::Cancel) => ReceiptEntry::Cancel,
        Some(TransactionType::Other(_)) | None => return Err(unreadable("a cash receipt of an unknown kind")),
    };
    let status = match &row.issue_status {
        Some(IssueStatus::InProgress) => ReceiptStatus::InProgress,
        Some(IssueStatus::Completed) => ReceiptStatus::Completed,
        Some(IssueStatus::Failed) => ReceiptStatus::Failed,
        Some(IssueStatus::Other(_)) | None => return Err(unreadable("a cash receipt with an unknown status")),
    };
    let told = row.failure.as_ref().filter(|_| status == ReceiptStatus::Failed);
    Ok(CashReceipt {
        key: key(row.receipt_key.as_deref())?,
        entry,
        purpose: row.receipt_type.as_ref().and_then(purpose),
        amount: money(payment, amount)?,
        tax_free: money(payment, row.tax_free_amount.unwrap_or(0).min(amount))?,
        number: row.issue_number.clone().filter(|number| is_receipt_number(number)),
        url: row.receipt_url.as_deref().and_then(address),
        status,
        failure: told.map(|told| {
            let (code, message) = (told.code.as_deref(), told.message.as_deref());
            failure(code.unwrap_or("NTS_ERROR"), message.unwrap_or("국세청에서 처리하지 못했습니다."))
        }),
        requested_at: row.requested_at.map(to_timestamp),
    })
}

fn key(key: Option<&str>) -> Result<String, Doubt> {
    let is_key = |key: &&str| (1..=MAX_KEY_CHARS).contains(&key.chars().count()) && plain(key) == **key;
    key.filter(is_key).map(str::to_owned).ok_or_else(|| unreadable("a cash receipt without a key"))
}

const fn purpose(kind: &CashReceiptType) -> Option<ReceiptPurpose> {
    match kind {
        CashReceiptType::IncomeDeduction => Some(ReceiptPurpose::IncomeDeduction),
        CashReceiptType::ProofOfExpense => Some(ReceiptPurpose::ExpenseProof),
        CashReceiptType::NotIssued | CashReceiptType::Other(_) => None,
    }
}

fn address(url: &str) -> Option<String> {
    let is_address = (url.starts_with("https://") || url.starts_with("http://")) && plain(url) == url;
    is_address.then(|| url.to_owned())
}
