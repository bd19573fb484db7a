//! Cash receipts: the PSP is asked how those of a payment stand, and for those that the marketplace asks for.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

mod issuing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    Currency, Money,
    cash_receipt::{
        CashReceipt, Coverage, ReceiptEntry, ReceiptPurpose, ReceiptStatus, ReceiptsSeen, is_cash_like, standing,
    },
    inquiry::Doubt,
};
use store::{Keyring, ReceiptLook, StoreError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use toss::{CashReceiptRecord, CashReceiptType, IssueStatus, Payment, PaymentStatus, TransactionType};
use workflows::cash_receipt::{FollowCashReceipts, ReceiptsFollowed};

use crate::{
    failure::{evidence, failure, store_failure},
    psp::{is_about, is_receipt_number, money, to_currency, to_timestamp, to_toss_currency, unreadable},
    words::plain,
};

/// How many payments are read from the database at once.
const PORTION: u64 = 50;
/// For how long one activity asks: well below the time that it has, with a minute for the last answer.
const PORTION_TIME: Duration = Duration::from_secs(60);
/// When a payment is asked about again of which the PSP told nothing, in milliseconds.
const NO_ANSWER_PAUSE_MS: u64 = 10 * 60 * 1_000;
/// When a payment is looked at again whose money is moving, or whose request is not settled, in milliseconds.
const MOVING_PAUSE_MS: u64 = 60 * 1_000;
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
    /// Opens whom a receipt is for.
    pub keyring: Option<Arc<Keyring>>,
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
    /// What is to be sent cannot be read or written here.
    #[error("a cash receipt cannot be asked for: {0}")]
    Closed(String),
    #[error("money of the payment is moving")]
    MoneyMoves,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Doubt> for NoAnswer {
    fn from(doubt: Doubt) -> Self {
        Self::Unreadable(doubt)
    }
}

impl NoAnswer {
    /// When the payment is looked at again.
    const fn pause_ms(&self) -> u64 {
        match self {
            Self::Psp(_) | Self::Unreadable(_) | Self::NoKeys(_) | Self::Closed(_) | Self::Store(_) => {
                NO_ANSWER_PAUSE_MS
            }
            Self::MoneyMoves => MOVING_PAUSE_MS,
        }
    }
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
                self.writer.try_receipts_later(&look.checkout_id, now.plus_ms(MOVING_PAUSE_MS)).await?;
                Ok(true)
            }
            Err(NoAnswer::Store(error)) => Err(error),
            Err(error) => {
                tracing::warn!(
                    checkout.id = %look.checkout_id,
                    error = &error as &dyn std::error::Error,
                    "the cash receipts of {} are not known yet; the PSP is asked again",
                    look.checkout_id
                );
                self.writer.look_at_receipts_later(look, now.plus_ms(error.pause_ms())).await?;
                Ok(false)
            }
        }
    }

    async fn ask(&self, look: &ReceiptLook) -> Result<ReceiptsSeen, NoAnswer> {
        let toss = self.toss.of(to_toss_currency(look.currency)).ok_or(NoAnswer::NoKeys(look.currency))?;
        let payment = toss.payment(look.payment_key.as_str()).await;
        let payment = payment.map_err(|error| NoAnswer::Psp(evidence(&error)))?;
        is_about(&payment, &look.payment_key, &look.checkout_id)?;
        // Receipts and money are of one answer, so that no refund comes in between. Of a deposit that the bank took
        // back, nothing is held.
        let held = if payment.status == PaymentStatus::WaitingForDeposit { 0 } else { payment.balance_amount };
        let held = money(&payment, held)?;
        let mut receipts = receipts(&payment)?;
        let asked_for = self.carry_out(&toss, look, held, &receipts).await?;
        // The PSP may name those that were asked for with the payment too.
        let is_named = |receipt: &CashReceipt| receipts.iter().any(|named| named.key == receipt.key);
        let others: Vec<CashReceipt> = asked_for.into_iter().filter(|receipt| !is_named(receipt)).collect();
        receipts.extend(others);
        let method = payment.method.as_ref().map(|method| method.as_str());
        let coverage = if is_cash_like(method) { Coverage::Whole } else { Coverage::Part };
        let standing = standing(&receipts, held, coverage);
        Ok(ReceiptsSeen { receipts, standing })
    }
}

/// The receipts of a payment: each with its row, or the one that the payment names where Toss lists none.
fn receipts(payment: &Payment) -> Result<Vec<CashReceipt>, Doubt> {
    if !payment.cash_receipts.is_empty() {
        let currency = to_currency(payment.currency);
        let currency = currency.ok_or_else(|| unreadable("a cash receipt in another currency"))?;
        return payment.cash_receipts.iter().map(|row| of_row(currency, row)).collect();
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

fn of_row(currency: Currency, row: &CashReceiptRecord) -> Result<CashReceipt, Doubt> {
    let money =
        |minor: u64| Money::try_from_minor(minor, currency).map_err(|_| unreadable("a cash receipt beyond all limits"));
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
        amount: money(amount)?,
        tax_free: money(row.tax_free_amount.unwrap_or(0).min(amount))?,
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
